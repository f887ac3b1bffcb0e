"""The lifted Heston model, fitted to a surface of European options."""

from typing import Any

import numpy as np
from jaxtyping import Array

from deephedge.markets.calibration.engine import Parameter
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration
from deephedge.markets.calibration.surface import calibrated, residuals_of
from deephedge.markets.lifted import LiftedRoughHeston
from deephedge.pricing import lifted

STEPS = 80  # of the Riccati equations: half as many as a price takes


def calibrate_lifted_rough_heston(
    quotes: OptionQuotes, name: str = "spot", spot: float | None = None, **settings: Any
) -> Calibration:
    r"""The six parameters of `LiftedRoughHeston`, with the default factors of its kernel.

    Bounds: variances 1e-4 to 4, mean reversion 0.001 to 20 a year to the power :math:`H+1/2`, vol of vol 0.01 to 10,
    correlation within 0.99, Hurst exponent 0.01 to 0.49. A new set of parameters solves the Riccati equations at all
    nodes of all expiries, some hundred times the work of Heston's formula: ``starts`` is 1 unless given. Mean
    reversion and long variance are weakly told by short expiries; the warnings say so. Residuals, ``spot`` and
    ``settings`` are those of `calibrate_heston`.

    Source: Abi Jaber (2019), section 4; the price is `deephedge.pricing.lifted.price`.
    """
    squares = np.clip(quotes.money_vols() ** 2, 2e-4, 3.0)
    find = (
        Parameter("variance", 1e-4, 4.0, float(squares[0])),
        Parameter("mean_reversion", 1e-3, 20.0, 0.5),
        Parameter("long_variance", 1e-4, 4.0, float(squares[-1])),
        Parameter("vol_of_vol", 0.01, 10.0, 0.3),
        Parameter("correlation", -0.99, 0.99, -0.6, log=False),
        Parameter("hurst", 0.01, 0.49, 0.15),
    )

    def market(found: dict[str, float]) -> LiftedRoughHeston:
        return LiftedRoughHeston(name, **quotes.carry(spot), **found)

    return calibrated("lifted Heston", market, quotes, _RESIDUALS, find, **{"starts": 1} | settings)


def _exponent(
    ray: Array, square: Array, variance: Array, tau: Array, kappa: Array, theta: Array, sigma: Array, rho: Array,
    hurst: Array,
) -> Array:  # fmt: skip
    model = [variance, tau[..., None], kappa, theta, sigma, rho]
    return lifted.exponent(ray, square, model, *lifted.kernel(hurst), STEPS)


_RESIDUALS = residuals_of(_exponent)
