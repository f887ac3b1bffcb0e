"""A spot with a calm and a wild regime, fitted to a surface of European options."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import require
from deephedge.markets.calibration.engine import Parameter
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.surface import calibrated, residuals_of
from deephedge.markets.regimes import RegimeSwitching
from deephedge.pricing import regimes


def calibrate_regimes(
    quotes: OptionQuotes, regime: int = 0, name: str = "spot", spot: float | None = None, **settings: Any
) -> Calibration:
    r"""`RegimeSwitching` with a calm state 0 and a wild state 1, the market standing in ``regime``.

    Found are ``vol.calm`` and ``vol.wild`` per root year and the rates of change a year, ``rate.up`` from calm to wild
    and ``rate.down`` back. The search is in the calm vol, 0.02 to 1, and what the wild one adds, 0.005 to 2; rates from
    0.01 to 100 a year. The chain is independent of the spot, so smiles are symmetric: a skew stays in the residuals.
    Residuals, ``spot`` and ``settings`` are those of `calibrate_heston`.

    Raises ``ParameterError`` for a regime that is not 0 or 1.
    Source: Buffington and Elliott (2002); the price is `deephedge.pricing.regimes.price`.

    >>> strike, expiry = np.tile([80.0, 90, 100, 110, 125], 3), np.repeat([0.1, 0.5, 1.0], 5)
    >>> chain = jnp.array([0.12, 0.35]), jnp.array([[-0.5, 0.5], [3.0, -3.0]])
    >>> price = regimes.price(100.0, strike, expiry, *chain, call=strike >= 100)
    >>> fit = calibrate_regimes(OptionQuotes(strike, expiry, forward=100, price=price))
    >>> {name: round(value, 2) for name, value in fit.parameters.items()}
    {'vol.calm': 0.12, 'vol.wild': 0.35, 'rate.up': 0.5, 'rate.down': 3.0}
    """
    require(regime in (0, 1), f"regime must be 0 (calm) or 1 (wild), was {regime}")
    level = float(np.clip(quotes.money_vols()[0], 0.025, 0.9))
    find = (
        Parameter("vol.calm", 0.02, 1.0, level if regime == 0 else 0.5 * level),
        Parameter("vol.wild", 5e-3, 2.0, level),
        Parameter("rate.up", 0.01, 100.0, 1.0),
        Parameter("rate.down", 0.01, 100.0, 3.0),
    )

    def market(found: dict[str, float]) -> RegimeSwitching:
        calm, wild, up, down = found.values()
        return RegimeSwitching(name, (calm, wild), [[-up, up], [down, -down]], regime, **quotes.carry(spot))

    return calibrated("regimes", market, quotes, _RESIDUALS[regime], find, shape=_ordered, **settings)


def _ordered(u: Array) -> Array:
    return u.at[1].add(u[0])


def _from(regime: int):
    def exponent(ray: Array, square: Array, calm: Array, tau: Array, wild: Array, up: Array, down: Array) -> Array:
        generator = jnp.stack([jnp.stack([-up, up]), jnp.stack([down, -down])])
        return regimes.exponent(ray, square, tau[..., None], jnp.stack([calm, wild]), generator, regime)

    return exponent


_RESIDUALS = tuple(residuals_of(_from(regime)) for regime in (0, 1))
