"""Models with a characteristic function, calibrated to a surface in one evaluation an expiry."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.errors import require
from deephedge.markets.calibration.arbitrage import black_vol, in_float64
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.quotes import OptionQuotes
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.pricing import black, fourier

NODES = 128
LEAST_VEGA = 0.05  # of the vega at the money: further out a price is measured in units of this


class Surface(NamedTuple):
    """A sheet of quotes as the residuals want it."""

    grid: fourier.Smile
    tau: Any
    target: Any
    unit: Any


@jax.jit
def _prepared(forward: Array, strike: Array, vol: Array, weight: Array, tau: Array, money: Array) -> Surface:
    grid = fourier.smile(forward, strike, money**2 * tau, NODES)
    wide = (forward[:, None], strike, vol, tau[:, None])
    least = LEAST_VEGA * black.vega(forward, forward, money, tau)[:, None]
    target = black.price(*wide, call=strike >= forward[:, None])
    return Surface(grid, tau, target, weight / jnp.maximum(black.vega(*wide), least))


def prepared(quotes: OptionQuotes) -> Surface:
    """The quotes on one grid of nodes an expiry, in float64."""
    sheet = quotes.sheet()
    with jax.enable_x64(True):
        money = quotes.money_vols()
        money = np.concatenate([money, np.repeat(money[-1:], len(sheet.expiry) - len(money))])
        rows = (sheet.forward, sheet.strike, sheet.vol, sheet.weight, sheet.expiry, money)
        return jax.tree.map(np.asarray, _prepared(*(jnp.asarray(row) for row in rows)))


def residuals_of(exponent: Callable[..., Array]) -> Callable[[Array, Surface], Array]:
    """Price less quote, over the quote's vega: a volatility to first order. Keep what this returns."""

    def residuals(p: Array, data: Surface) -> Array:
        square = data.grid.ray**2 + 0.25
        phi = jnp.exp(square * exponent(data.grid.ray, square, p[0], data.tau, *p[1:]))
        return ((fourier.smile_price(data.grid, phi) - data.target) * data.unit).reshape(-1)

    return residuals


def calibrated(
    name: str,
    make: Callable[[dict[str, float]], Any],
    quotes: OptionQuotes,
    residuals: Callable[[Array, Surface], Array],
    parameters: tuple[Parameter, ...],
    **settings: Any,
) -> Calibration:
    """Fit, price the quotes once more, and report in volatility points."""
    require(
        len(quotes) >= len(parameters), f"{len(parameters)} parameters need as many quotes or more, got {len(quotes)}"
    )
    data, sheet = prepared(quotes), quotes.sheet()
    solution = least_squares(residuals, data, parameters, **settings)
    safe = np.where(data.unit > 0, data.unit, 1.0)
    price = (data.target + np.reshape(solution.residuals, data.target.shape) / safe)[sheet.row, sheet.column]
    return reported(name, make(solution.values), solution, columns(quotes, price), "vol points")


def columns(quotes: OptionQuotes, price: np.ndarray) -> dict[str, np.ndarray]:
    """The table of a report, from the model's prices of the options out of the money, at expiry."""
    f, k, t = quotes.forward, quotes.strike, quotes.expiry
    vol = in_float64(black_vol, np.maximum(price, 1e-12 * f), f, k, t, k >= f)
    return table(quotes, vol)


def table(quotes: OptionQuotes, vol: np.ndarray) -> dict[str, np.ndarray]:
    """Expiry, strike, quoted and fitted volatility, and their difference in points."""
    return {
        "expiry": quotes.expiry,
        "strike": quotes.strike,
        "vol": quotes.vol,
        "model": vol,
        "residual": 100.0 * (vol - quotes.vol),
    }
