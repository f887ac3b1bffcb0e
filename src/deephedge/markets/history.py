"""What markets made of history share: reading it, the length of a row, and a uniform pick from a normal."""

from collections.abc import Iterable, Mapping, Sequence

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float, Int

from deephedge.core.errors import DataError, GridError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete

Numbers = ArrayLike | Sequence[float]
TRADING_YEAR = 252.0
TRADING_DAY = 1.0 / TRADING_YEAR
SLACK = 0.05  # 1/250 of a year, or 30/365 in 21 steps, still is a trading day; 1/365 is not


def as_history(history: MarketPath | Mapping[str, Numbers]) -> MarketPath:
    """History as one long path: as it is, or made of daily arrays of quotes, with the numeraire at 1.

    Raises ``DataError`` for a quote that is not a row of finite numbers as long as the others.

    >>> as_history({"SPX": [100.0, 101.0, 99.0]}).times.shape
    (3,)
    """
    if not isinstance(history, MarketPath):
        quotes = {name: as_float(row) for name, row in history.items()}
        points = max((row.size for row in quotes.values()), default=0)
        history = MarketPath(as_float(np.arange(points) * TRADING_DAY), quotes, as_float(np.ones(points)))
    shape = history.times.shape
    require(len(shape) == 1 and shape[0] > 1, f"history must be one path of 2 points or more, was {shape}", DataError)
    for name, row in history.quotes.items():
        require(row.shape == shape, f"quote {name!r} has shape {row.shape}, the history {shape}", DataError)
        if not concrete(row, np.isfinite):
            gaps = np.flatnonzero(~np.isfinite(np.asarray(row)))
            listed = ", ".join(map(str, gaps[:5]))
            raise DataError(f"quote {name!r} is not finite at {len(gaps)} points (first: {listed}); fill or drop them")
    return history


def require_positive(history: MarketPath, names: Iterable[str], purpose: str) -> None:
    """Raise ``DataError`` unless the named quotes are above 0 throughout."""
    for name in names:
        positive = concrete(history.quote(name), lambda x: x > 0)
        require(positive, f"{purpose} needs positive quotes; {name!r} is 0 or less at some points", DataError)


def require_step(grid: TimeGrid, step: Numbers) -> None:
    """Raise ``GridError`` unless every step of the grid is as long as a row of history, give or take 5 %."""
    fits = concrete(grid.dt / as_float(step), lambda x: np.abs(x - 1.0) <= SLACK)
    require(
        fits,
        f"each step must span one row of history, {step} years (a trading day is 1/252, not 1/365), and these are "
        f"{jnp.min(grid.dt)} to {jnp.max(grid.dt)} long; "
        "take TimeGrid.uniform(maturity=steps / 252, steps=steps)",
        GridError,
    )


def equal_step(grid: TimeGrid, need: str) -> Float[Array, ""]:
    """Length of the steps in years; ``GridError``, which says the ``need``, where they differ by more than rounding."""
    span = grid.times[-1] - grid.times[0]
    slack = 4.0 * jnp.finfo(grid.times.dtype).eps * jnp.max(jnp.abs(grid.times))
    gap = jnp.max(jnp.abs(grid.dt - span / grid.steps)) - slack
    require(
        concrete(gap, lambda g: g <= 0),
        f"{need}, but they run from {jnp.min(grid.dt)} to {jnp.max(grid.dt)} years: use TimeGrid.uniform",
        GridError,
    )
    return span / grid.steps


def pick(shock: Float[Array, "*shape"], count: int) -> Int[Array, "*shape"]:
    """A whole number from 0 to ``count - 1``, all equally likely, and larger for a larger normal.

    >>> pick(jnp.array([-3.0, 0.1, 3.0]), 4).tolist()
    [0, 2, 3]
    """
    return jnp.clip((ndtr(shock) * count).astype(int), 0, count - 1)
