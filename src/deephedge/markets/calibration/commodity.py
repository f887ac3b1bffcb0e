"""Schwartz and Smith's two factors, fitted to one day of futures and options."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.commodity import SchwartzSmith
from deephedge.pricing import schwartz


def calibrate_schwartz_smith(
    futures: tuple[Any, Any], options: tuple[Any, ...], name: str = "spot", premium: float = 0.0, **settings: Any
) -> Calibration:
    r"""`SchwartzSmith` on one day: ``futures`` is (years to expiry, prices), ``options`` (years, Black vols[, left]).

    An option ends after its years, the future under it lives ``left`` years longer (0 unless given). Residuals are
    logarithms of model over quoted price, and volatilities model less quote; the report is in per cent and vol points,
    futures first. One curve tells :math:`\chi_0+\lambda/\kappa` and :math:`\xi_0-\lambda/\kappa` only, so ``premium``
    :math:`\lambda` is given, not found, and ``short`` takes its part. Found are ``spot``, ``short``, ``growth``,
    ``mean_reversion`` (0.02 to 20 a year), ``short_vol``, ``long_vol`` (0.005 to 3) and ``correlation`` (within 0.99).
    ``settings`` and errors are those of `deephedge.markets.calibration.engine.least_squares`.

    Source: Schwartz and Smith (2000), equation 9 for futures and section 2.3 for options.

    >>> years = np.array([0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0])
    >>> law = (1.5, 0.3, 0.15, 0.3)  # mean reversion, short and long vol, correlation
    >>> price = schwartz.future(60.0, years, 1.5, 55.0, *law[1:], 0.01)
    >>> vol = schwartz.black_vol(years, 0.0, *law)
    >>> fit = calibrate_schwartz_smith((years, price), (years, vol), starts=1)
    >>> {name: round(fit.parameters[name], 1) for name in ("spot", "mean_reversion", "short_vol")}
    {'spot': 60.0, 'mean_reversion': 1.5, 'short_vol': 0.3}
    """
    tau, price = _rows("futures", *futures)
    years, vols, left = _rows("options", *options, *(() if len(options) > 2 else (0.0,)), free=2)
    top = float(np.max(vols))
    find = (
        Parameter("spot", 0.1 * price.min(), 10.0 * price.max(), float(price[np.argmin(tau)])),
        Parameter("short", -3.0, 3.0, 0.0, log=False),
        Parameter("growth", -1.0, 1.0, 0.0, log=False),
        Parameter("mean_reversion", 0.02, 20.0, 1.5),
        Parameter("short_vol", 5e-3, 3.0, float(np.clip(top, 0.01, 2.0))),
        Parameter("long_vol", 5e-3, 3.0, float(np.clip(vols[np.argmax(years)], 0.01, 2.0))),
        Parameter("correlation", -0.99, 0.99, 0.0, log=False),
    )
    data = (tau, np.log(price), years, vols, left, float(premium))
    solution = least_squares(_one_day, data, find, **settings)
    gap = solution.residuals
    model = np.concatenate([price * np.exp(gap[: len(tau)]), vols + gap[len(tau) :]])
    table = dict(expiry=np.concatenate([tau, years]), quote=np.concatenate([price, vols]), model=model)
    market = SchwartzSmith(name, **solution.values, premium=premium)
    return reported("Schwartz-Smith", market, solution, table | {"residual": 100.0 * gap}, "%")


def _rows(what: str, *columns: Any, free: int = 9) -> list[np.ndarray]:
    """Columns as rows of one length, positive but for those from ``free`` on, which may be 0."""
    try:
        rows = np.broadcast_arrays(*(np.atleast_1d(np.asarray(x, float)) for x in columns))
    except ValueError as fault:
        raise DataError(f"{what} must be columns of one length: {fault}") from fault
    fine = all(np.all(np.isfinite(x) & ((x > 0) | ((n >= free) & (x == 0)))) for n, x in enumerate(rows))
    require(fine, f"{what} must be positive and finite, in years, prices or volatilities", DataError)
    return list(rows)


def _one_day(p: Array, data: tuple[Array, ...]) -> Array:
    tau, logs, years, vols, left, premium = data
    spot, short, growth, kappa, sigma, long, rho = p
    curve = schwartz.future(spot, tau, kappa, spot * jnp.exp(-short), sigma, long, rho, growth, premium)
    return jnp.concatenate([jnp.log(curve) - logs, schwartz.black_vol(years, left, kappa, sigma, long, rho) - vols])
