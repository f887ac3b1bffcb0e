"""SABR, fitted to the smile of each expiry on its own."""

from typing import Any

import numpy as np
from jaxtyping import Array

from deephedge.core.errors import require
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.calibration.surface import table
from deephedge.markets.sabr import Sabr
from deephedge.pricing import sabr


def calibrate_sabr(
    quotes: OptionQuotes, beta: float = 1.0, name: str = "spot", spot: float | None = None, **settings: Any
) -> tuple[Calibration, ...]:
    r"""``alpha``, ``vol_of_vol`` and ``correlation`` of every expiry, by least squares of volatilities; beta is fixed.

    One `Calibration` an expiry, each with a `Sabr` market of its own that starts from the forward less its carry. An
    expiry needs three quotes. Volatilities are those of `deephedge.pricing.sabr.volatility`. ``settings`` and errors
    are those of `deephedge.markets.calibration.engine.least_squares`.

    Source: Hagan, Kumar, Lesniewski and Woodward (2002).

    >>> from deephedge.pricing import sabr
    >>> strike = [80.0, 90.0, 100.0, 110.0, 120.0]
    >>> vol = sabr.volatility(100.0, np.array(strike), 0.2, 0.5, 1.0, 0.8, -0.5)
    >>> (fit,) = calibrate_sabr(OptionQuotes(strike, 0.5, forward=100, vol=vol))
    >>> {name: round(value, 3) for name, value in fit.parameters.items()}
    {'alpha': 0.2, 'vol_of_vol': 0.8, 'correlation': -0.5}
    """
    require(0 <= beta <= 1, f"beta must lie in [0, 1], was {beta}")
    width = quotes.sheet().strike.shape[1]
    return tuple(_slice(quotes[quotes.expiry == t], beta, name, spot, width, settings) for t in quotes.expiries)


def _slice(
    quotes: OptionQuotes, beta: float, name: str, spot: float | None, width: int, settings: dict[str, Any]
) -> Calibration:
    require(len(quotes) >= 3, f"SABR needs three quotes an expiry, {quotes.expiry[0]:g} years has {len(quotes)}")
    sheet = quotes.sheet(width)
    level, unit = quotes.money_vols()[0], float(sheet.forward[0]) ** (1.0 - beta)
    # Alpha has the unit of cash to the power 1 - beta; it is found as the Black volatility that it makes at the money.
    find = (
        Parameter("alpha", 1e-3 * unit, 5.0 * unit, float(level * unit)),
        Parameter("vol_of_vol", 1e-3, 20.0, 0.8),
        Parameter("correlation", -0.999, 0.999, -0.3, log=False),
    )
    data = (sheet.forward[0], sheet.strike[0], sheet.vol[0], sheet.weight[0], sheet.expiry[0], beta)
    solution = least_squares(_residuals, data, find, **settings)
    vol = sheet.vol[0] + solution.residuals / np.where(sheet.weight[0] > 0, sheet.weight[0], 1.0)
    market = Sabr(name, **quotes.carry(spot), **solution.values, beta=None if beta == 1 else beta)
    return reported(f"SABR {sheet.expiry[0]:.4g}y", market, solution, table(quotes, vol[sheet.column]), "vol points")


def _residuals(p: Array, data: tuple[Array, ...]) -> Array:
    forward, strike, vol, weight, tau, beta = data
    return weight * (sabr.volatility(forward, strike, p[0], tau, beta, p[1], p[2]) - vol)
