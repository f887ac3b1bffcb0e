"""A square-root intensity of default fitted to a survival curve and to volatilities of credit spreads."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import require
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.credit import CirIntensity
from deephedge.pricing import cir

POINTS = 2000  # times at which the shift is looked at
ROUNDS = 50  # of lowering: the forward hardly moves with the vol


def calibrate_cir_intensity(
    name: str, hazards: tuple[Any, Any], spread_vols: tuple[Any, Any] | None = None, recovery: float = 0.4,
    rate: float | None = None, **settings: Any,
) -> Calibration:  # fmt: skip
    r"""``start``, ``mean_reversion``, ``level``, ``vol`` of `CirIntensity`; the shift then meets the survival curve.

    ``hazards`` is (years, hazards per year), as `deephedge.pricing.hazard.bootstrap` makes them from par spreads. The
    square-root process is fitted *without* its shift, so that the shift has least to do; the residuals are the
    logarithms of model over curve of :math:`-\log Q(t)/t` at the knots. ``spread_vols`` is (tenors, volatilities per
    root year) of the spread of the zero bond that ``"<name>.spread.<tenor>y"`` quotes, as of an option on it that ends
    soon; the residual is the logarithm of model over quote of

    .. math:: \frac{\sigma\sqrt{x_0}}{s}\,\frac{(1-R)\,Q\,B(T)}{T\,(R+(1-R)Q)}, \qquad
        s = -\frac{\log(R+(1-R)Q)}T,

    with :math:`Q` that of the curve, which the shifted model meets. A survival curve alone leaves ``vol`` open: read
    the warnings. The report is in per cent of what is quoted, the curve first.

    The market must not have a negative shift. Where the fit would, its ``start`` and ``level`` are lowered by one
    factor and ``vol`` is raised by the root of it, which keeps the volatility of the intensity; a warning says by how
    much, and ``parameters`` are those of the fit. ``settings`` and errors are those of
    `deephedge.markets.calibration.engine.least_squares`.

    Source: Brigo and Alfonsi (2005), section 3.

    >>> years, vols = (1, 2, 3, 5, 7, 10), ((1, 3, 5, 10), (0.6, 0.45, 0.37, 0.25))
    >>> fit = calibrate_cir_intensity("ACME", (years, (0.02, 0.025, 0.028, 0.03, 0.031, 0.031)), vols)
    >>> bool(fit.largest < 10.0), round(float(fit.market.survival(fit.market.shift(0) + fit.market.start, 0, 1.0)), 5)
    (True, 0.9802)
    """
    years, levels, average, tenors, vols = hazard_rows(hazards, spread_vols)
    lived = np.exp(-np.interp(tenors, np.append(0.0, years), np.append(0.0, average * years))
                   - levels[-1] * np.maximum(tenors - years[-1], 0.0))  # fmt: skip
    kept = recovery + (1.0 - recovery) * lived
    lever = (1.0 - recovery) * lived / kept / -np.log(kept)  # of the log spread to the survival probability's log
    find = (
        Parameter("start", 1e-5, 2.0, float(levels[0])),
        Parameter("mean_reversion", 5e-3, 5.0, 0.4),
        Parameter("level", 1e-5, 2.0, float(levels[-1])),
        Parameter("vol", 5e-3, 2.0, 0.5 * float(np.sqrt(levels[0]))),
    )
    solution = least_squares(_residuals, (years, average, tenors, vols, lever), find, **settings)
    law, lowered = _lowered(years, levels, np.array(list(solution.values.values())))
    if lowered < 1.0:
        said = f"start and level of the market are {1 - lowered:.1%} below the fit, so that its shift is not negative"
        solution = solution._replace(warnings=(*solution.warnings, said))
    market = CirIntensity(
        name, (years, levels), *law, recovery, rate, **({"tenors": tuple(tenors)} if tenors.size else {})
    )
    quote = np.concatenate([average, vols])
    table = dict(expiry=np.concatenate([years, tenors]), quote=quote, model=quote * np.exp(solution.residuals))
    return reported("CIR++ intensity", market, solution, table | {"residual": 100.0 * solution.residuals}, "%")


def hazard_rows(hazards: tuple[Any, Any], spread_vols: tuple[Any, Any] | None) -> tuple[np.ndarray, ...]:
    """Years, hazards, their average until then, tenors and volatilities of spreads, checked."""
    years, levels = (np.atleast_1d(np.asarray(row, float)) for row in hazards)
    require(bool(np.all(levels > 0)), f"hazards must be positive to be met by a positive process, were {levels}")
    rows = ((), ()) if spread_vols is None else spread_vols
    tenors, vols = (np.atleast_1d(np.asarray(row, float)) for row in rows)
    right = tenors.shape == vols.shape and bool(np.all(tenors > 0) and np.all(vols > 0))
    require(right, f"spread_vols must be positive tenors and as many positive volatilities, were {spread_vols}")
    average = np.cumsum(levels * np.diff(years, prepend=0.0)) / years
    return years, levels, average, tenors, vols


def _residuals(p: Array, data: tuple[Array, ...]) -> Array:
    years, average, tenors, vols, lever = data
    start, kappa, theta, sigma = p
    alone = cir.loading(years, kappa, sigma) * start - cir.log_level(years, kappa, theta, sigma)
    vol = sigma * jnp.sqrt(start) * cir.loading(tenors, kappa, sigma) * lever
    return jnp.concatenate([jnp.log(alone / years / average), jnp.log(vol / vols)])


_forward = jax.jit(cir.forward)


def _lowered(years: np.ndarray, levels: np.ndarray, law: np.ndarray) -> tuple[np.ndarray, float]:
    """Parameters whose forward nowhere exceeds the hazard, and the factor on the first and the third of them."""
    ends = np.concatenate([years, years * (1.0 - 1e-6)])
    times = np.concatenate([np.linspace(0.0, years[-1] + 10.0 / law[1], POINTS), ends])
    above = levels[np.minimum(np.searchsorted(years, times, side="right"), len(years) - 1)]
    whole = 1.0
    with jax.enable_x64(True):
        for _ in range(ROUNDS):
            share = np.min(above / np.asarray(_forward(law[0], jnp.asarray(times), *law[1:])))
            if share >= 1.0 - 1e-7:
                break
            whole *= share
            law = law * np.array([share, 1.0, share, share**-0.5])
    return law, whole
