"""The world of Ahmadi and Godin (2025): a curve, the swaps that hedge, and the swaption sold."""

from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

import deephedge as dh
from deephedge import instruments as i
from deephedge.instruments.base import at_expiry, reached

MONTH, MONTHS, EXPIRY, LENGTH = 1 / 12, 60, 5.0, 120
FACTORS = ("level", "slope", "curvature")
ROLLED = {"10y x 2y": (120, 24), "2y x 2y": (24, 24)}  # months to the start, months of the swap


@cache
def world() -> dh.markets.NelsonSiegel:
    correlation = np.array([[1, -0.6303, -0.4097], [-0.6303, 1, 0.2993], [-0.4097, 0.2993, 1]])
    real = np.array([[0.0075, 0, 0], [0, 0.0288, -0.0233], [0, 0, 0.0354]])
    return dh.markets.NelsonSiegel(
        *((-0.0312, 0.0384, 0.0688), 0.0233, (0, 0.0633, 0.0766), (0.0027, 0.0045, 0.0070), correlation),
        real_reversion=real, real_level=(0, 0.0301, 0.0505), tenors=(),
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
    months = np.arange(1 + max(MONTHS + LENGTH, *(sum(each) for each in ROLLED.values())))
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


def months_left(path: dh.MarketPath) -> Int[Array, " points"]:
    return jnp.clip(jnp.round((EXPIRY - path.times) / MONTH).astype(int), 0, MONTHS)


def legs(found: Float[Array, "... tenor"]) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    """Floating leg and annuity of a monthly swap, by bonds to its start and its payments."""
    return found[..., 0] - found[..., -1], MONTH * jnp.sum(found[..., 1:], axis=-1)


def value(state: Float[Array, "... factor"], start: int | Array, length: int, rate: Array) -> Float[Array, "..."]:
    """Cash for a payer at ``rate``, months to its start ahead."""
    floating, annuity = legs(bonds(state, start + np.arange(length + 1)))
    return floating - rate * annuity


def par(state: Float[Array, "... factor"], start: int | Array, length: int) -> Float[Array, "..."]:
    floating, annuity = legs(bonds(state, start + np.arange(length + 1)))
    return floating / annuity


@cache
def strike() -> float:
    with jax.ensure_compile_time_eval():
        return float(par(world().start, MONTHS, LENGTH))


class Delivered(i.AbstractTradable):
    """The forward swap that the swaption delivers."""

    def legs(self, path: dh.MarketPath) -> tuple[Float[Array, " points"], Float[Array, " points"]]:
        return legs(bonds(state_of(path), months_left(path)[:, None] + np.arange(LENGTH + 1)))

    def price(self, path: dh.MarketPath) -> Float[Array, " points"]:
        floating, annuity = self.legs(path)
        return floating - strike() * annuity

    def cashflows(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)


class Rolled(i.AbstractTradable):
    """A forward swap entered at par, settled at its value after a step and entered again: it is worth nothing."""

    start: int = eqx.field(static=True)
    length: int = eqx.field(static=True)

    def price(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)

    def cashflows(self, path: dh.MarketPath) -> Float[Array, " points"]:
        state = state_of(path)
        entered = par(state, self.start, self.length)
        return jnp.concatenate([jnp.zeros(1), value(state[1:], self.start - 1, self.length, entered[:-1])])


class Sold(i.AbstractContract):
    """The premium received, and what the swaption pays."""

    premium: Float[Array, ""]
    expiry: float = eqx.field(static=True, default=EXPIRY)

    def cashflows(self, path: dh.MarketPath) -> Float[Array, " points"]:
        payoff = jnp.maximum(Delivered().price(path), 0.0)
        now = ~reached(path.times, jnp.asarray(MONTH / 2))
        return jnp.where(now, self.premium, 0.0) - jnp.where(at_expiry(path, jnp.asarray(EXPIRY)), payoff, 0.0)
