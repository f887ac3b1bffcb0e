"""Level, slope and curvature of a yield curve in discrete time, without arbitrage, in the real world or priced."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import GridError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number, optional
from deephedge.markets.base import AbstractMarket
from deephedge.markets.rates import TENORS, as_tenors, yields_path
from deephedge.pricing import nelson_siegel as formulas

FACTORS = ("level", "slope", "curvature")
MONTH = 1.0 / 12.0
SLACK = 1e-3  # of a step: float32 has no digit to spare on a long grid


class NelsonSiegel(AbstractMarket):
    r"""The arbitrage-free curve of Nelson and Siegel, its three factors moving once a ``step`` (years; a month).

    .. math:: X' = X + K(\theta - X) + \epsilon,\qquad r = X_1 + X_2, \qquad
        y_n = X_1 + \frac{1-q^n}{n\lambda}X_2 + \Big(\frac{1-q^n}{n\lambda}-q^{n-1}\Big)X_3 - \frac{A_n}{n\Delta}.

    ``start`` is :math:`X` today and ``level`` :math:`\theta` where slope and curvature are pulled to when priced, each
    three numbers per year (level's own is not used: it is pulled nowhere). ``decay`` :math:`\lambda=1-q`, between 0
    and 1, is the pull *per step*, ``vol`` the deviations of :math:`\epsilon`, per year *in one step*, with
    ``correlation`` a matrix. Cash earns :math:`r` over the step that follows, and :math:`A_n` makes every discounted
    zero bond a martingale (`pricing.nelson_siegel`). Without ``real_reversion`` (a matrix :math:`K` per step) and
    ``real_level`` paths are those of the pricing measure; with both, of the real world, with the same bonds.

    The grid must have steps of that length; there is no other error. Bonds live up to ``longest`` years, and have no
    value (NaN) beyond; a date between two steps takes the forward rate of the step it lies in.

    Quotes ``"<name>.short"``, the factors ``"<name>.level"``, ``"<name>.slope"``, ``"<name>.curvature"`` and, for each
    of ``tenors`` (years), ``"<name>.zero.<tenor>y"``, all continuously compounded per year. No spot is quoted. Drivers:
    those of the factors, and ``"<name>"``, which is that of the short rate.

    Raises ``ParameterError`` for a parameter outside its domain and ``GridError`` for a grid of other steps.
    Source: Christensen, Diebold and Rudebusch (2011); in discrete time, with the sum in closed form, our own.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.NelsonSiegel(
    ...     (0.03, -0.01, 0.01), 0.03, (0.0, 0.0, 0.02), (0.002, 0.003, 0.005), jax.numpy.eye(3))
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=12), 8, key=jax.random.key(0))
    >>> round(float(path.quotes["USD.short"][0, 0]), 4)
    0.02
    """

    start: Float[Array, " factor"] = number()
    decay: Float[Array, ""] = number()
    level: Float[Array, " factor"] = number()
    vol: Float[Array, " factor"] = number()
    correlation: Float[Array, "factor factor"] = number()
    real_reversion: Float[Array, "factor factor"] | None = eqx.field(converter=optional, default=None)
    real_level: Float[Array, " factor"] | None = eqx.field(converter=optional, default=None)
    step: float = eqx.field(static=True, converter=float, default=MONTH)
    longest: float = eqx.field(static=True, converter=float, default=30.0)
    name: str = eqx.field(static=True, default="USD")
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        wanted = {"start": (3,), "level": (3,), "vol": (3,), "correlation": (3, 3),
                  "real_reversion": (3, 3), "real_level": (3,)}  # fmt: skip
        for field, shape in wanted.items():
            value = getattr(self, field)
            fits = value is None or (value.shape == shape and concrete(value, np.isfinite))
            require(fits, f"{field} must be {' x '.join(map(str, shape))} finite numbers, was {value}")
        both = (self.real_reversion is None) == (self.real_level is None)
        require(both, "real_reversion and real_level go together: give both, or neither for the pricing measure")
        require(concrete(self.decay, lambda x: (x > 0) & (x < 1)), f"decay must be in (0, 1), was {self.decay}")
        require(concrete(self.vol, lambda x: x >= 0), f"vol must be 0 or more, was {self.vol}")
        require(concrete(self.correlation, _correlates), f"correlation must be one, was {self.correlation}")
        require(self.step > 0, f"step must be years above 0, was {self.step}")
        inside = all(0 < tenor <= self.longest for tenor in self.tenors)
        require(inside, f"tenors must be years above 0, up to longest ({self.longest}), were {self.tenors}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        self._check_steps(grid)
        return grid.steps, 3

    @property
    def martingale(self) -> bool:
        return self.real_level is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        rows = jnp.linalg.cholesky(self.correlation)
        short = self.vol[0] * rows[0] + self.vol[1] * rows[1]
        size = jnp.linalg.norm(short)
        short = jnp.where(size > 0, short / jnp.where(size > 0, size, 1.0), rows[0])
        return {self.name: short} | {f"{self.name}.{factor}": row for factor, row in zip(FACTORS, rows, strict=True)}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        self._check_steps(grid)
        moves = shocks @ (self.vol[:, None] * jnp.linalg.cholesky(self.correlation)).T
        if self.real_reversion is None or self.real_level is None:
            pull, level = formulas.reversion(self.decay), self.level
        else:
            pull, level = self.real_reversion, self.real_level

        def advance(state: Array, move: Array) -> tuple[Array, Array]:
            after = state + pull @ (level - state) + move
            return after, after

        _, later = lax.scan(advance, self.start.astype(moves.dtype), moves)
        state = jnp.concatenate([self.start.astype(moves.dtype)[None], later])
        short, years = state[:, 0] + state[:, 1], jnp.asarray(self.tenors, state.dtype)
        yields = -self.log_bond(state[:, None], 0.0, years) / years
        factors = {f"{self.name}.{factor}": state[:, n] for n, factor in enumerate(FACTORS)}
        return yields_path(self, grid, short, yields, accumulated(short[:-1] * grid.dt), factors)

    def log_bond(self, state: Float[Array, "... factor"], now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Log price of a zero bond of one with ``left`` years to go, at ``state`` (level, slope, curvature)."""
        del now  # the law does not change with time
        count = round(self.longest / self.step)
        constants = formulas.constants(count, self.decay, self.level, self.covariance, self.step)
        steps = jnp.asarray(left, constants.dtype) / self.step
        # A date that is float32's idea of a whole number of steps is one.
        near = jnp.round(steps)
        steps = jnp.where(jnp.abs(steps - near) < SLACK, near, steps)
        below = jnp.clip(jnp.floor(steps), 0, count - 1)

        def whole(n: Array) -> Array:
            load = formulas.loadings(n, self.decay, self.step)
            # Not a sum over the last axis: XLA's CPU compiler (jaxlib 0.10) got one of a gather wrong for many paths.
            moved = load[..., 0] * state[..., 0] + load[..., 1] * state[..., 1] + load[..., 2] * state[..., 2]
            return constants[n.astype(int)] - moved

        value = whole(below)
        value = value + (steps - below) * (whole(below + 1.0) - value)
        return jnp.where(steps <= count, value, jnp.nan)

    def bond(self, state: Float[Array, "... factor"], now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a zero bond of one with ``left`` years to go, at ``state`` (level, slope, curvature)."""
        return jnp.exp(self.log_bond(state, now, left))

    @property
    def covariance(self) -> Float[Array, "factor factor"]:
        """Of the moves of the factors in one step."""
        return self.correlation * self.vol * self.vol[:, None]

    def _check_steps(self, grid: TimeGrid) -> None:
        fits = concrete(grid.dt / self.step, lambda x: np.abs(x - 1.0) < SLACK)
        told = f"each step of the grid must be {self.step:.6g} years, the step of the factors, was {grid.dt}"
        require(fits, told, GridError)


def _correlates(matrix: np.ndarray) -> bool:
    unit = np.allclose(np.diagonal(matrix), 1.0) and np.allclose(matrix, matrix.T)
    return bool(unit and np.linalg.eigvalsh(matrix).min() > 0)
