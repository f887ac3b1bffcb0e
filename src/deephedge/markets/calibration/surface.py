"""Models with a characteristic function, calibrated to a surface in one evaluation an expiry."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array

from deephedge.core.double import in_float64
from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.arbitrage import black_vol
from deephedge.markets.calibration.engine import Parameter, least_squares
from deephedge.markets.calibration.quotes import FILL, OptionQuotes
from deephedge.markets.calibration.report import Calibration, reported
from deephedge.pricing import black, fourier

NODES = 128
WIDTH = 16  # of a block of quotes: most are full, and few have zeros to multiply
LEAST_VEGA = 0.05  # of the vega at the money: further out a price is measured in units of this


class Surface(NamedTuple):
    """Quotes as the residuals want them: in blocks of one expiry and one side of its forward."""

    ray: Any  # of each expiry, below and above its forward
    tau: Any
    at: Any  # which of those rays a block takes
    grid: fourier.Smile
    target: Any
    unit: Any


@jax.jit
def _prepared(block: tuple[Array, ...], expiry: tuple[Array, ...], at: Array) -> Surface:
    strike, vol, weight = block
    forward, tau, money = (row[at // 2] for row in expiry)
    total, below = money**2 * tau, at % 2 == 0
    grid = fourier.smile(forward, strike, total, below, NODES)
    own = jnp.repeat(expiry[2] ** 2 * expiry[1], 2)
    sides = jnp.arange(len(own)) % 2 == 0
    ray = fourier.smile(jnp.ones_like(own), jnp.ones_like(own)[:, None], own, sides, NODES).ray
    wide = (forward[:, None], strike, vol, tau[:, None])
    least = LEAST_VEGA * black.vega(forward, forward, money, tau)[:, None]
    target = black.price(*wide, call=strike >= forward[:, None])
    return Surface(
        ray.reshape(-1, 2, NODES), expiry[1], at, grid, target, weight / jnp.maximum(black.vega(*wide), least)
    )


def prepared(quotes: OptionQuotes) -> tuple[Surface, tuple[np.ndarray, np.ndarray]]:
    """The quotes on one grid of nodes an expiry, in float64, and where in the blocks each of them went."""
    expiry, first, row = np.unique(quotes.expiry, return_index=True, return_inverse=True)
    forward = quotes.forward[first]
    same = np.abs(quotes.forward / forward[row] - 1.0) <= 1e-9
    require(bool(same.all()), "quotes of one expiry must share their forward", DataError)
    group = 2 * row + (quotes.strike >= forward[row])
    order = np.argsort(group, kind="stable")
    sizes = np.bincount(group, minlength=2 * len(expiry))
    place = np.empty(len(row), int)
    place[order] = np.arange(len(row)) - np.repeat(np.cumsum(sizes) - sizes, sizes)
    blocks = -(-sizes // WIDTH)
    block, column = (np.cumsum(blocks) - blocks)[group] + place // WIDTH, place % WIDTH
    spare = -len(expiry) % FILL[0]
    many = -(-int(blocks.sum()) // FILL[1]) * FILL[1]
    at = np.resize(np.append(np.repeat(np.arange(len(blocks)), blocks), 0), many)
    at[blocks.sum() :] = 0
    strike, vol = np.repeat(forward[at // 2][:, None], WIDTH, 1), np.full((many, WIDTH), 0.2)
    weight = np.zeros_like(vol)
    for rows, values in ((strike, quotes.strike), (vol, quotes.vol), (weight, quotes.weight)):
        rows[block, column] = values
    ends = (np.append(x, np.repeat(x[-1:], spare)) for x in (forward, expiry, quotes.money_vols()))
    with jax.enable_x64(True):
        given = jax.tree.map(jnp.asarray, ((strike, vol, weight), tuple(ends), at))
        return jax.tree.map(np.asarray, _prepared(*given)), (block, column)


def residuals_of(exponent: Callable[..., Array]) -> Callable[[Array, Surface], Array]:
    """Price less quote, over the quote's vega: a volatility to first order. Keep what this returns."""

    def residuals(p: Array, data: Surface) -> Array:
        square = data.ray**2 + 0.25
        phi = jnp.exp(square * exponent(data.ray, square, p[0], data.tau[:, None], *p[1:]))
        price = fourier.smile_price(data.grid, phi.reshape(-1, NODES)[data.at])
        return ((price - data.target) * data.unit).reshape(-1)

    return residuals


def calibrated(
    name: str,
    make: Callable[[dict[str, float]], Any],
    quotes: OptionQuotes,
    residuals: Callable[[Array, Surface], Array],
    parameters: tuple[Parameter, ...],
    unit: float = 1.0,
    **settings: Any,
) -> Calibration:
    """Fit, price the quotes once more, and report in volatility points; the model counts time in ``unit`` years."""
    require(
        len(quotes) >= len(parameters), f"{len(parameters)} parameters need as many quotes or more, got {len(quotes)}"
    )
    data, went = prepared(quotes)
    solution = least_squares(residuals, data._replace(tau=data.tau / unit), parameters, **settings)
    safe = np.where(data.unit > 0, data.unit, 1.0)
    price = (data.target + np.reshape(solution.residuals, data.target.shape) / safe)[went]
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
