"""SSVI, fitted to a whole surface within the bounds that leave no static arbitrage."""

from typing import Any

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.markets.calibration.surface import table
from deephedge.markets.local import LocalVolatility
from deephedge.pricing import ssvi

LEAST_STEP = 1e-4  # of the largest total variance at the money: what it grows by from one expiry to the next


def calibrate_ssvi(quotes: OptionQuotes, name: str = "spot", spot: float | None = None, **settings: Any) -> Calibration:
    r"""Total variances at the money ``theta(expiry)``, ``rho``, ``eta``, ``gamma``, by least squares of volatilities.

    The search is in the steps of :math:`\theta` from expiry to expiry, all positive, in :math:`\eta` as a share of
    :math:`2/\sqrt{1+|\rho|}` and in :math:`\gamma` in (0, 1/2], so that every surface it meets is free of static
    arbitrage (`deephedge.pricing.ssvi.conditions`). ``market`` is the `LocalVolatility` of the surface: it simulates
    the one diffusion that has all its prices. ``settings`` and errors are those of
    `deephedge.markets.calibration.engine.least_squares`; ``starts`` is 2 unless given.

    Source: Gatheral and Jacquier (2014), sections 4 and 5.

    >>> strike, expiry = np.tile([80.0, 90, 100, 110, 120], 2), np.repeat([0.5, 1.0], 5)
    >>> theta = np.repeat([0.02, 0.05], 5)
    >>> w = ssvi.total_variance(np.log(strike / 100), theta, -0.6, ssvi.power_law(theta, 1.0, 0.4))
    >>> fit = calibrate_ssvi(OptionQuotes(strike, expiry, forward=100, vol=np.sqrt(w / expiry)))
    >>> {name: round(value, 3) for name, value in fit.parameters.items()}
    {'theta(0.5)': 0.02, 'theta(1)': 0.05, 'rho': -0.6, 'eta': 1.0, 'gamma': 0.4}
    """
    sheet, expiries = quotes.sheet(), quotes.expiries
    rows = slice(len(expiries))
    levels = np.maximum.accumulate(quotes.money_vols() ** 2 * expiries)
    least = LEAST_STEP * levels[-1]
    steps = np.maximum(np.diff(levels, prepend=0.0), 2.0 * least)
    find = (
        *(Parameter(f"theta({t:.4g})", least, 4.0 * levels[-1], step) for t, step in zip(expiries, steps, strict=True)),
        Parameter("rho", -0.999, 0.999, -0.4, log=False),
        Parameter("eta", 1e-3, 1.0, 0.5),
        Parameter("gamma", 1e-2, 0.5, 0.4),
    )
    k = np.log(sheet.strike / sheet.forward[:, None])
    data = (k[rows], sheet.vol[rows], sheet.weight[rows], expiries)
    solution = least_squares(_residuals, data, find, shape=_surface, **{"starts": 2} | settings)
    weight = np.where(sheet.weight > 0, sheet.weight, 1.0)[rows]
    vol = (sheet.vol[rows] + solution.residuals.reshape(weight.shape) / weight)[sheet.row, sheet.column]
    *levels, rho, eta, gamma = solution.values.values()
    market = LocalVolatility(
        name, expiries=expiries, levels=levels, rho=rho, eta=eta, gamma=gamma, **quotes.carry(spot)
    )
    return reported("SSVI", market, solution, table(quotes, vol), "vol points")


def _surface(u: Array) -> Array:
    """Steps of theta, rho, share of the largest eta, gamma: to theta, rho, eta, gamma."""
    return jnp.concatenate([jnp.cumsum(u[:-3]), jnp.stack([u[-3], u[-2] * ssvi.eta_limit(u[-3]), u[-1]])])


def _residuals(p: Array, data: tuple[Array, ...]) -> Array:
    k, vol, weight, tau = data
    theta, rho, eta, gamma = p[:-3], p[-3], p[-2], p[-1]
    phi = ssvi.power_law(theta, eta, gamma)
    w = ssvi.total_variance(k, theta[:, None], rho, phi[:, None])
    return (weight * (jnp.sqrt(w / tau[:, None]) - vol)).reshape(-1)
