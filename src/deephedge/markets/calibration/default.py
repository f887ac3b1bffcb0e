"""A lognormal hazard fitted to survival and spreads, and a stock that jumps to default to options on it."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.double import in_float64
from deephedge.markets.calibration.credit import hazard_rows
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.calibration.surface import LEAST_VEGA, columns
from deephedge.markets.jump_to_default import JumpToDefault
from deephedge.markets.lognormal_hazard import LognormalHazard
from deephedge.pricing import black, hazard, jumps

_price, _vega = jax.jit(black.price), jax.jit(black.vega)


def calibrate_lognormal_hazard(
    name: str, hazards: tuple[Any, Any], spread_vols: tuple[Any, Any] | None = None, recovery: float = 0.4,
    rate: float | None = None, **settings: Any,
) -> Calibration:  # fmt: skip
    r"""``intensity``, ``mean_reversion``, ``level`` and ``vol`` of `LognormalHazard` from survival and spread vols.

    ``hazards`` and ``spread_vols`` are those of `calibrate_cir_intensity`, and so are the residuals: logarithms of
    model over curve of :math:`-\log Q(t)/t` at the knots, and of the volatilities of zero spreads, here
    :math:`\sigma\,\partial\log s/\partial\log\lambda` at today's intensity with :math:`s` the model's own spread,
    by differentiation through the lattice. There is no shift: four constants meet a curve only nearly. A survival
    curve that is known to 1 % does not tell ``vol``: read the warnings, and give the ``resolution`` you believe in.

    Bounds: intensity and level 1e-5 to 2 a year, mean reversion 0.005 to 5 a year, vol 0.02 to 3 per root year. The
    report is in per cent of what is quoted, the curve first; ``settings`` are those of
    `deephedge.markets.calibration.engine.least_squares`, ``starts`` 1 unless given.

    Source: Black and Karasinski (1991), for the process.
    """
    years, levels, average, tenors, vols = hazard_rows(hazards, spread_vols)
    find = (
        Parameter("intensity", 1e-5, 2.0, float(levels[0])),
        Parameter("mean_reversion", 5e-3, 5.0, 0.4),
        Parameter("level", 1e-5, 2.0, float(levels[-1])),
        Parameter("vol", 0.02, 3.0, 0.6),
    )
    residuals = _lognormal(float(max([*years, *tenors])))
    solution = least_squares(residuals, (years, average, tenors, vols, recovery), find, **{"starts": 1} | settings)
    more = {"tenors": tuple(tenors)} if tenors.size else {}
    market = LognormalHazard(name, **solution.values, recovery=recovery, rate=rate, **more)
    quote = np.concatenate([average, vols])
    table = dict(expiry=np.concatenate([years, tenors]), quote=quote, model=quote * np.exp(solution.residuals))
    return reported("lognormal hazard", market, solution, table | {"residual": 100.0 * solution.residuals}, "%")


def calibrate_jump_to_default(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, intensity: float | None = None,
    recovery: float = 1e-4, **settings: Any,
) -> Calibration:  # fmt: skip
    r"""``vol`` and ``intensity`` of `JumpToDefault` with a constant hazard, from options on the stock.

    Prices are `deephedge.pricing.jumps.default_price`: the hazard is told by puts of low strikes. Where ``intensity``
    is given, as `deephedge.pricing.hazard.bootstrap` makes it of the spread of a default swap, it stays and ``vol`` is
    found. A hazard that follows the stock (``power``) has no formula and is not found. Bounds: vol 0.01 to 3 per root
    year, intensity 1e-5 to 3 a year. Residuals, ``spot`` and ``settings`` are those of `calibrate_heston`.

    Source: Merton (1976).

    >>> strike = np.array([60.0, 80, 100, 120])
    >>> price = jumps.default_price(100.0, strike, 0.3, 1.0, 0.04, 1e-4, call=strike >= 100)
    >>> fit = calibrate_jump_to_default(OptionQuotes(strike, 1.0, forward=100, price=price))
    >>> {name: round(value, 3) for name, value in fit.parameters.items()}
    {'vol': 0.3, 'intensity': 0.04}
    """
    f, k, t, call = quotes.forward, quotes.strike, quotes.expiry, quotes.strike >= quotes.forward
    level = float(np.clip(np.median(quotes.money_vols()), 0.02, 2.0))
    find = (Parameter("vol", 0.01, 3.0, 0.9 * level), Parameter("intensity", 1e-5, 3.0, 0.02))
    find = find if intensity is None else find[:1]
    target, vega = in_float64(_price, f, k, quotes.vol, t, call), in_float64(_vega, f, k, quotes.vol, t)
    money = in_float64(_vega, f, f, quotes.vol, t)
    unit = quotes.weight / np.maximum(vega, LEAST_VEGA * money)
    held = 0.0 if intensity is None else float(intensity)
    data = (f, k, t, call, target, unit, held, float(recovery))
    solution = least_squares(_defaultable, data, find, **settings)
    price = target + solution.residuals / np.where(unit > 0, unit, 1.0)
    law = {"intensity": intensity} | solution.values
    market = JumpToDefault(name, **quotes.carry(spot), **law, recovery=recovery)
    return reported("jump to default", market, solution, columns(quotes, price), "vol points")


def _defaultable(p: Array, data: tuple[Array, ...]) -> Array:
    forward, strike, tau, call, target, unit, held, left = data
    rate = p[1] if p.size == 2 else held
    return (jumps.default_price(forward, strike, p[0], tau, rate, left, call) - target) * unit


@functools.cache
def _lognormal(longest: float) -> Callable[[Array, tuple[Array, ...]], Array]:
    """One function for each length of the lattice, so that it compiles once."""

    def residuals(p: Array, data: tuple[Array, ...]) -> Array:
        years, average, tenors, vols, recovery = data
        model = LognormalHazard("", *p, tenors=(longest,))

        def log_spread(log: Array) -> Array:
            return jnp.log(hazard.zero_spread(model.survival(jnp.exp(log), 0.0, tenors), tenors, recovery))

        alone = -jnp.log(model.survival(p[0], 0.0, years)) / years
        log = jnp.log(p[0])
        moved = jax.jvp(log_spread, (log,), (jnp.ones_like(log),))[1]
        return jnp.concatenate([jnp.log(alone / average), jnp.log(p[3] * moved / vols)])

    return residuals
