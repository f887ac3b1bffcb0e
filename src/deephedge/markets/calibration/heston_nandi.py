"""The GARCH model of Heston and Nandi, fitted to a surface of European options."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.engine import Parameter
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.surface import calibrated, residuals_of
from deephedge.markets.heston_nandi import HestonNandi
from deephedge.markets.history import SLACK, TRADING_DAY
from deephedge.pricing import heston_nandi


def calibrate_heston_nandi(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, step: float = TRADING_DAY, **settings: Any
) -> Calibration:
    r"""The five parameters of `HestonNandi` of the pricing measure, for steps of ``step`` years.

    Expiries must be whole numbers of steps, give or take a twentieth of one: count them in trading days. The search is
    in the variance of the first step and ``omega`` (1e-8 to 0.01 and 1e-11 to 1e-3, per step), in what is forgotten in
    a step, :math:`1-\beta-\alpha\gamma^2` (1e-4 to 0.9), in the share of the memory that is :math:`\alpha\gamma^2`
    (0.001 to 0.999) and in ``gamma`` (1 to 3000), so that every variance it meets is positive and reverts. ``omega`` is
    often next to 0, and not identified then. Residuals, ``spot`` and ``settings`` are those of `calibrate_heston`.

    Raises ``DataError`` for an expiry that is not a whole number of steps. Source: Heston and Nandi (2000).

    >>> strike, days = np.tile([90.0, 95, 100, 105, 110], 2), np.repeat([21, 63], 5)
    >>> price = [heston_nandi.price(100.0, k, 1.6e-4, int(n), 5e-6, 1e-6, 0.6, 400.0, call=k >= 100)
    ...          for k, n in zip(strike, days)]
    >>> fit = calibrate_heston_nandi(OptionQuotes(strike, days / 252, forward=100, price=price))
    >>> round(1e4 * fit.parameters["variance"], 2), round(fit.parameters["beta"], 1)
    (1.6, 0.6)
    """
    steps = quotes.expiries / step
    whole = np.abs(steps - np.round(steps)) <= SLACK
    require(bool(whole.all() and steps.min() > 0.5), f"expiries must be whole numbers of steps of {step:g} years "
            f"(trading days over 252), were {steps[~whole][:3]} steps", DataError)  # fmt: skip
    squares = step * np.clip(quotes.money_vols() ** 2, 1e-4, 2.0)
    find = (
        Parameter("variance", 1e-8, 1e-2, float(squares[0])),
        Parameter("omega", 1e-11, 1e-3, 0.02 * float(squares[-1])),
        Parameter("alpha", 1e-3, 0.999, 0.2),
        Parameter("beta", 1e-4, 0.9, 0.04),
        Parameter("gamma", 1.0, 3000.0, 200.0),
    )

    def market(found: dict[str, float]) -> HestonNandi:
        return HestonNandi(name, **quotes.carry(spot), **found)

    return calibrated("Heston-Nandi", market, quotes, _RESIDUALS, find, unit=step, shape=_positive, **settings)


def _positive(u: Array) -> Array:
    """From (variance, omega, share, forgotten, gamma), in the places of alpha and beta, to the model's parameters."""
    variance, omega, share, forgotten, gamma = u
    memory = 1.0 - forgotten
    return jnp.stack([variance, omega, share * memory / gamma**2, (1.0 - share) * memory, gamma])


def _exponent(ray: Array, square: Array, variance: Array, steps: Array, *law: Array) -> Array:
    return heston_nandi.exponent(ray, square, jnp.round(steps).astype(int)[..., None], [variance, *law])


_RESIDUALS = residuals_of(_exponent)
