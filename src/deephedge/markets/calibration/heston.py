"""Heston and Bates, fitted to a surface of European options."""

from typing import Any

import numpy as np

from deephedge.markets.bates import Bates
from deephedge.markets.calibration.engine import Parameter
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.surface import calibrated, residuals_of
from deephedge.markets.heston import Heston
from deephedge.pricing import heston, jumps

_HESTON = residuals_of(heston.exponent)
_BATES = residuals_of(jumps.bates_exponent)


def calibrate_heston(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, **settings: Any
) -> Calibration:
    r"""Heston's five parameters by least squares of volatilities; ``market`` is a `Heston` that starts at ``spot``.

    The characteristic function is evaluated on nodes that all strikes of an expiry share
    (`deephedge.pricing.fourier.smile`); a residual is (price - quote) / vega, the vega being at least 5 % of that at
    the money. Bounds: variances 1e-4 to 4, mean reversion 0.01 to 50, vol of vol 0.01 to 20, per year, correlation
    within 0.99; the Feller condition is not asked for. ``spot``, ``rate`` and ``dividend`` of the market are those
    nearest to the quotes' forwards and discounts (`OptionQuotes.carry`). ``settings`` (``starts``, ``resolution``,
    ``tolerance``, ``seed``) and errors are those of `deephedge.markets.calibration.engine.least_squares`.

    Source: Heston (1993); Cui, del Bano Rollin and Germano (2017) for least squares with the exact Jacobian.

    >>> from deephedge.pricing import heston
    >>> strike, expiry = np.tile([80.0, 90, 100, 110, 120], 3), np.repeat([0.25, 0.5, 1.0], 5)
    >>> price = heston.price(100.0, strike, 0.04, expiry, 1.5, 0.06, 0.7, -0.6, call=strike >= 100)
    >>> fit = calibrate_heston(OptionQuotes(strike, expiry, forward=100, price=price))
    >>> {name: round(value, 2) for name, value in fit.parameters.items()}
    {'variance': 0.04, 'mean_reversion': 1.5, 'long_variance': 0.06, 'vol_of_vol': 0.7, 'correlation': -0.6}
    """

    def market(found: dict[str, float]) -> Heston:
        return Heston(name, **quotes.carry(spot), **found)

    return calibrated("Heston", market, quotes, _HESTON, _variance(quotes), **settings)


def calibrate_bates(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, **settings: Any
) -> Calibration:
    r"""Bates's eight parameters; as `calibrate_heston` in everything else.

    Bounds of the jumps: intensity 0.001 to 20 a year, mean -0.6 to 0.3, volatility 0.005 to 0.6. Rare jumps, and the
    variance that stands in for frequent small ones, are easily not identified: read the warnings.

    Source: Bates (1996).
    """
    jumping = (
        Parameter("intensity", 1e-3, 20.0, 0.5),
        Parameter("jump_mean", -0.6, 0.3, -0.1, log=False),
        Parameter("jump_vol", 5e-3, 0.6, 0.1),
    )

    def market(found: dict[str, float]) -> Bates:
        return Bates(name, **quotes.carry(spot), **found)

    return calibrated("Bates", market, quotes, _BATES, _variance(quotes) + jumping, **settings)


def _variance(quotes: OptionQuotes) -> tuple[Parameter, ...]:
    squares = np.clip(quotes.money_vols() ** 2, 2e-4, 3.0)
    return (
        Parameter("variance", 1e-4, 4.0, squares[0]),
        Parameter("mean_reversion", 0.01, 50.0, 2.0),
        Parameter("long_variance", 1e-4, 4.0, squares[-1]),
        Parameter("vol_of_vol", 0.01, 20.0, 2.0 * np.sqrt(squares[-1]) + 0.1),
        Parameter("correlation", -0.99, 0.99, -0.4, log=False),
    )
