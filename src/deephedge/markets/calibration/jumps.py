"""Merton and Kou, fitted to a surface of European options."""

from typing import Any

import numpy as np

from deephedge.markets.calibration.engine import Parameter
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.surface import calibrated, residuals_of
from deephedge.markets.jumps import Kou, Merton
from deephedge.pricing import jumps

_MERTON = residuals_of(jumps.merton_exponent)
_KOU = residuals_of(jumps.kou_exponent)


def calibrate_merton(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, **settings: Any
) -> Calibration:
    r"""Merton's ``vol``, ``intensity``, ``jump_mean`` and ``jump_vol``; residuals, ``spot`` and ``settings`` are those
    of `calibrate_heston`.

    Bounds: vol 0.01 to 2 per root year, intensity 0.001 to 20 a year, mean of a log jump -0.6 to 0.3, its volatility
    0.005 to 0.6. Frequent small jumps are a diffusion: where the smile is nearly flat the warnings name them.

    Source: Merton (1976); Andersen and Andreasen (2000) for the fit to volatilities.

    >>> strike, expiry = np.tile([80.0, 90, 100, 110, 120], 3), np.repeat([0.1, 0.25, 1.0], 5)
    >>> price = jumps.merton_price(100.0, strike, 0.15, expiry, 1.0, -0.1, 0.15, call=strike >= 100)
    >>> fit = calibrate_merton(OptionQuotes(strike, expiry, forward=100, price=price))
    >>> {name: round(value, 2) for name, value in fit.parameters.items()}
    {'vol': 0.15, 'intensity': 1.0, 'jump_mean': -0.1, 'jump_vol': 0.15}
    """
    size = (Parameter("jump_mean", -0.6, 0.3, -0.1, log=False), Parameter("jump_vol", 5e-3, 0.6, 0.1))

    def market(found: dict[str, float]) -> Merton:
        return Merton(name, **quotes.carry(spot), **found)

    return calibrated("Merton", market, quotes, _MERTON, (*_often(quotes), *size), **settings)


def calibrate_kou(quotes: OptionQuotes, name: str = "spot", spot: float | None = None, **settings: Any) -> Calibration:
    r"""Kou's ``vol``, ``intensity``, ``probability_up``, ``up_mean`` and ``down_mean``; else as `calibrate_merton`.

    Bounds: vol 0.01 to 2 per root year, intensity 0.001 to 20 a year, probability 0.001 to 0.999, mean sizes of log
    jumps 0.005 to 0.5. A side on which no wing is quoted tells the product of frequency and size at most.

    Source: Kou (2002).

    >>> strike, expiry = np.tile([80.0, 90, 100, 110, 120], 3), np.repeat([0.1, 0.25, 1.0], 5)
    >>> price = jumps.kou_price(100.0, strike, 0.16, expiry, 1.0, 0.4, 0.1, 0.2, call=strike >= 100)
    >>> fit = calibrate_kou(OptionQuotes(strike, expiry, forward=100, price=price))
    >>> round(fit.parameters["probability_up"], 2), round(fit.parameters["down_mean"], 2)
    (0.4, 0.2)
    """
    sides = (
        Parameter("probability_up", 1e-3, 0.999, 0.3, log=False),
        Parameter("up_mean", 5e-3, 0.5, 0.05),
        Parameter("down_mean", 5e-3, 0.5, 0.1),
    )

    def market(found: dict[str, float]) -> Kou:
        return Kou(name, **quotes.carry(spot), **found)

    return calibrated("Kou", market, quotes, _KOU, (*_often(quotes), *sides), **settings)


def _often(quotes: OptionQuotes) -> tuple[Parameter, ...]:
    calm = float(np.clip(0.8 * np.median(quotes.money_vols()), 0.011, 1.9))
    return Parameter("vol", 0.01, 2.0, calm), Parameter("intensity", 1e-3, 20.0, 0.5)
