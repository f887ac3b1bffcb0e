"""The world of Ahmadi and Godin (2025): a curve, the swaps that hedge, and the swaption sold."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

import deephedge as dh
from deephedge import instruments as i

MONTH, MONTHS, EXPIRY, LENGTH = 1 / 12, 60, 5.0, 120
FACTORS = ("level", "slope", "curvature")
HEDGES = {"5y x 10y": (MONTHS, LENGTH), "10y x 2y": (120, 24), "2y x 2y": (24, 24)}  # months to, of


@cache
def world() -> dh.markets.NelsonSiegel:
    correlation = np.array([[1, -0.6303387, -0.4097114], [-0.6303387, 1, 0.2993069], [-0.4097114, 0.2993069, 1]])
    real = np.array([[0.007484917, 0, 0], [0, 0.02878259, -0.02332395], [0, 0, 0.03536366]])
    start, vol = (-0.03123863, 0.03842199, 0.06882331), (0.002680604, 0.004542753, 0.00701344)
    return dh.markets.NelsonSiegel(
        *(start, 0.02332395, (0, 0.06326598, 0.07656804), vol, correlation),
        real_reversion=real, real_level=(0, 0.03014341, 0.05050011), tenors=(),
    )  # fmt: skip


class CashAtExpiry(dh.markets.AbstractMarket):
    """The world with its numeraire in cash of the last point, so that wealth is: no feature may read it."""

    market: dh.markets.NelsonSiegel

    def shocks(self, grid: dh.TimeGrid) -> tuple[int, int]:
        return self.market.shocks(grid)

    def path(self, grid: dh.TimeGrid, shocks: Float[Array, "step factor"]) -> dh.MarketPath:
        path = self.market.path(grid, shocks)
        return eqx.tree_at(lambda path: path.numeraire, path, path.numeraire / path.numeraire[-1])


@cache
def table() -> tuple[np.ndarray, np.ndarray]:
    """Log of bonds of 0, 1, ... months at factors of 0, and what they lose for each unit of the factors."""
    months = np.arange(1 + max(MONTHS + LENGTH, *(sum(each) for each in HEDGES.values())))
    with jax.ensure_compile_time_eval():
        logs = world().log_bond(jnp.concatenate([jnp.zeros((1, 3)), jnp.eye(3)])[:, None], 0.0, MONTH * months)
        return np.asarray(logs[0]), np.asarray(logs[0] - logs[1:])


def bonds(state: Float[Array, "... factor"], months: Array | np.ndarray) -> Float[Array, "... tenor"]:
    """Cash for one in so many months."""
    constants, loads = (jnp.asarray(each) for each in table())
    level, slope, curvature = (loads[k][months] * state[..., k, None] for k in range(3))
    return jnp.exp(constants[months] - level - slope - curvature)


def state_of(path: dh.MarketPath) -> Float[Array, "points factor"]:
    return jnp.stack([path.quote(f"USD.{factor}") for factor in FACTORS], axis=-1)


def months(path: dh.MarketPath) -> np.ndarray:
    """From today: the grid is monthly, so they are known before any path is, and bonds need no look-up a path."""
    return np.arange(path.times.shape[-1])


def legs(found: Float[Array, "... tenor"]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Floating leg and annuity of a monthly swap, by bonds to its start and its payments."""
    return found[..., 0] - found[..., -1], MONTH * jnp.sum(found[..., 1:], axis=-1)


@cache
def picked(length: int) -> tuple[np.ndarray, np.ndarray]:
    """A few of a swap's payments, and weights with which they stand for all (exact for polynomials of the month).

    Bonds are so smooth in their tenor that ten give the annuity of 120 months to 1e-7, a tenth of the work.
    """
    count = min(length, 6 if length <= 24 else 10)
    wanted = (1 + length + (length - 1) * np.polynomial.legendre.leggauss(count)[0]) / 2
    chosen = np.unique(np.round(wanted).astype(int))

    def table(month: np.ndarray) -> np.ndarray:
        return np.polynomial.chebyshev.chebvander((2 * month - 1 - length) / max(length - 1, 1), len(chosen) - 1)

    return chosen, np.linalg.solve(table(chosen).T, table(np.arange(1, length + 1)).sum(axis=0))


def par(state: Float[Array, "... factor"], start: int | Array, length: int) -> Float[Array, "..."]:
    floating, annuity = legs(bonds(state, start + np.arange(length + 1)))
    return floating / annuity


@cache
def struck(start: int = MONTHS, length: int = LENGTH) -> float:
    """Today's rate at par of the swap that starts in so many months; the swaption's by default."""
    with jax.ensure_compile_time_eval():
        return float(par(world().start, start, length))


class Forward(i.AbstractTradable):
    """A payer of today's forward rate on a date that stays where it is, settled in cash when it starts."""

    start: int = eqx.field(static=True, default=MONTHS)
    length: int = eqx.field(static=True, default=LENGTH)

    def legs(self, state: Float[Array, "*batch factor"], month: Array | np.ndarray) -> tuple[Array, Array]:
        """Floating leg and annuity, so many months from today."""
        left = (np if isinstance(month, np.ndarray) else jnp).maximum(self.start - month, 0)
        chosen, weights = picked(self.length)
        found = bonds(state, left[..., None] + np.concatenate([[0], chosen, [self.length]]))
        return found[..., 0] - found[..., -1], MONTH * (found[..., 1:-1] @ jnp.asarray(weights, found.dtype))

    def worth(self, state: Float[Array, "*batch factor"], month: Array | np.ndarray) -> Float[Array, "*batch"]:
        floating, annuity = self.legs(state, month)
        return floating - struck(self.start, self.length) * annuity

    def price(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return jnp.where(months(path) < self.start, self.worth(state_of(path), months(path)), 0.0)

    def cashflows(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return jnp.where(months(path) == self.start, self.worth(state_of(path), months(path)), 0.0)


class Sold(i.AbstractContract):
    """The premium received, and what the swaption pays."""

    premium: Float[Array, ""]
    expiry: float = eqx.field(static=True, default=EXPIRY)

    def cashflows(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return jnp.where(months(path) == 0, self.premium, 0.0) - jnp.maximum(Forward().cashflows(path), 0.0)
