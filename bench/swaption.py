"""A payer swaption of five years on ten, hedged month by month with one, two or three swaps, for three criteria.

The world of Ahmadi and Godin (2025), *Learning to hedge swaptions*: a curve of Nelson and Siegel without arbitrage,
moving as they fitted it; the swaption sold at the money at the model's price, no costs. Errors are counted in cash at
expiry. Swaps pay every month. The first is the one that the swaption delivers; the others, of two years from ten and
from two years on, are entered at par and settled each month. The baseline holds what takes the swaption's sensitivity
away: to the curvature with one swap, to all three factors (by least squares with two swaps) with more.
"""

import json
from functools import cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from bench.effort import Effort, train
from bench.swaps import (
    EXPIRY,
    FACTORS,
    LENGTH,
    MONTH,
    MONTHS,
    ROLLED,
    CashAtExpiry,
    Delivered,
    Rolled,
    Sold,
    bonds,
    months_left,
    par,
    state_of,
    strike,
    value,
    world,
)  # fmt: skip
from jax.scipy.special import ndtr
from jax.scipy.stats import norm
from jaxtyping import Array, Float, PRNGKeyArray

import deephedge as dh
from deephedge import features as f
from deephedge import objectives as o
from deephedge.policies.network import Layers
from deephedge.pricing import nelson_siegel as formulas

PER_SWAP, GROSS = 2.0, 3.0
TYPICAL, SPREAD = np.array([-0.025, 0.037, 0.06]), np.array([0.015, 0.02, 0.025])  # of the factors, for the network
UNIT = 0.01  # of profit, cash
STEP = 0.25  # swaps for each unit of the network: what Adam moves at once must stay far inside the limits
TOLERANCE = {"learnt": 1.02, "rho": 0.03}
CRITERIA = {  # criterion, updates, paths of each
    "rmse": (lambda: o.QuadraticError(0.0), 400, 1024),
    "semi-rmse": (lambda: o.SemiQuadraticError(0.0), 400, 1024),
    "cvar99": (lambda: o.CVaR(level=0.99), 400, 2048),
}
FIGURES = ("rmse", "semi-rmse", "cvar99")
PUBLISHED = {  # by swaps: what was learnt, each figure by its own criterion, and their rho hedge
    3: ((0.0076, 0.0022, 0.0131), (0.0106, 0.0034, 0.0182)),
    2: ((0.0080, 0.0022, 0.0131), (0.0120, 0.0031, 0.0175)),
    1: ((0.0086, 0.0032, 0.0157), (0.0089, 0.0038, 0.0185)),
}
STRIKE = 0.025083  # published


class Paid(f.AbstractFeature):
    """What a rolled swap has just paid."""

    contract: Rolled
    name: str = eqx.field(static=True)

    def __call__(self, path: dh.MarketPath) -> Float[Array, " points"]:
        return self.contract.cashflows(path)


class Seen(f.AbstractFeature):
    """The delivered swap's moneyness in deviations, and about what the swaption is worth (Bachelier's formula)."""

    name: str = eqx.field(static=True, default="seen")

    def __call__(self, path: dh.MarketPath) -> Float[Array, "points column"]:
        floating, annuity = Delivered().legs(path)
        deviation = jnp.asarray(deviations())[months_left(path)]
        z = (floating / annuity - strike()) / deviation
        return jnp.stack([z, annuity * deviation * (z * ndtr(z) + norm.pdf(z))], axis=-1)


@cache
def deviations() -> np.ndarray:
    """Of the swap rate at expiry, by months left: to first order in the factors, at today's curve."""
    with jax.ensure_compile_time_eval():
        slope = np.asarray(jax.grad(lambda x: par(x, 0, LENGTH))(world().start))
        spread = np.asarray(formulas.spreads(MONTHS, world().decay, world().covariance))
    return np.sqrt(np.maximum(np.einsum("i,nij,j->n", slope, spread, slope), 1e-10))


class WithProfit(dh.policies.AbstractPolicy):
    r"""A network of factors, moneyness and time that says, for each swap, what the profit so far :math:`w` does:

    .. math:: \delta = b + a_0 + a_1w + \sum_jc_j\,s(w-d_j), \qquad s(x) = x/(1+e^{-x}),

    with :math:`b` the normal distribution function of the moneyness for the delivered swap, 0 for the others. Profit
    is cash, hedge and mark of the swaption up to now; memory is cash and hedge, the last price and interest.
    """

    layers: Layers
    premium: float = eqx.field(static=True)
    paid: tuple[str, ...] = eqx.field(static=True)
    bends: int = eqx.field(static=True)

    @classmethod
    def make(cls, premium: float, paid: tuple[str, ...], bends: int, *, key: PRNGKeyArray) -> "WithProfit":
        sizes = (6, 32, 32, (1 + len(paid)) * (2 + 2 * bends))
        return cls(Layers.make(sizes, key=key, activation="silu", last=0.1), premium, paid, bends)

    def init(self) -> tuple[Float[Array, ""], ...]:
        return jnp.asarray(self.premium), jnp.zeros(()), jnp.ones(())

    def encode(self, observation: dict[str, Array]) -> tuple[Array, ...]:
        z, mark = observation["seen"]
        factors = (jnp.stack([observation[name] for name in FACTORS]) - TYPICAL) / SPREAD
        left, chance = observation["time_left"], ndtr(z)
        seen = jnp.concatenate([factors, jnp.stack([4.0 * chance - 2.0, jnp.clip(z, -3.0, 3.0), left - 2.5])])
        said = STEP * self.layers(seen).reshape(1 + len(self.paid), -1)
        base = jnp.zeros(len(said)).at[0].set(chance)
        growth = jnp.exp(MONTH * (observation["level"] + observation["slope"]))
        paid = jnp.stack([jnp.zeros(()), *(observation[name] for name in self.paid)])
        return said, base, observation["price"], mark, paid, growth

    def __call__(self, encoded: tuple[Array, ...], position: Array, state: tuple[Array, ...]):
        said, base, price, mark, paid, growth = encoded
        cash, before, grown = state
        cash = cash * grown + position[0] * (price - before * grown) + position @ paid
        profit = jnp.clip((cash - mark) / UNIT, -4.0, 4.0)
        slopes, bends = jnp.split(said[:, 2:], 2, axis=1)
        bent = jnp.sum(slopes * jax.nn.silu(2.0 * (profit - bends / STEP)), axis=1)
        return base + said[:, 0] + said[:, 1] * profit + bent, (cash, price, growth)


class Rho(f.AbstractFeature):
    """The positions whose sensitivities to the factors are the swaption's."""

    swaps: int = eqx.field(static=True)
    name: str = eqx.field(static=True, default="rho")

    def __call__(self, path: dh.MarketPath) -> Float[Array, "points column"]:
        return jax.vmap(self.positions)(state_of(path), jnp.maximum(months_left(path), 1))

    def positions(self, state: Float[Array, " factor"], left: Array) -> Float[Array, " column"]:
        hedged = [jax.grad(lambda x: value(x, left, LENGTH, jnp.asarray(strike())))(state)]
        for start, length in list(ROLLED.values())[: self.swaps - 1]:
            entered = par(state, start, length)
            hedged.append(jax.grad(lambda x, s=start, n=length, k=entered: value(x, s, n, k))(state))
        owed, table = jax.grad(swaption)(state, left), jnp.stack(hedged, axis=-1)
        if self.swaps == 1:
            return owed[2:] / table[2]
        return jnp.linalg.solve(table.T @ table, table.T @ owed) if self.swaps == 2 else jnp.linalg.solve(table, owed)


def swaption(state: Float[Array, " factor"], left: Array, nodes: int = 1) -> Float[Array, ""]:
    """Cash for the swaption with ``left`` months to go."""
    found = bonds(state, left + np.arange(LENGTH + 1))
    cash = jnp.full(LENGTH, strike() * MONTH).at[-1].add(1.0)
    loads = formulas.loadings(np.arange(1, LENGTH + 1), world().decay, MONTH)
    spread = formulas.spreads(MONTHS, world().decay, world().covariance)[left]
    return formulas.coupon_option(found[0], found[1:], cash, loads, spread, nodes)


class Follow(dh.policies.AbstractPolicy):
    """Holds what the feature ``rho`` says."""

    def init(self) -> None:
        return None

    def encode(self, observation: dict[str, Array]) -> Array:
        return observation["rho"]

    def __call__(self, encoded: Array, position: Array, state: None) -> tuple[Array, None]:
        return encoded, None


class Leverage(dh.frictions.AbstractConstraint):
    """At most ``PER_SWAP`` of each swap and ``GROSS`` of all."""

    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        inside = jnp.clip(target, -PER_SWAP, PER_SWAP)
        return inside * jnp.minimum(1.0, GROSS / jnp.maximum(jnp.sum(jnp.abs(inside)), GROSS))


def swaption_problem(swaps: int, premium: float, rho: bool = False) -> dh.HedgingProblem:
    rolled = {name: Rolled(*months) for name, months in list(ROLLED.items())[: swaps - 1]}
    learnt = (Seen(), f.Price(Delivered(), "price"), f.TimeLeft(EXPIRY), *(f.Quote(f"USD.{n}", n) for n in FACTORS),
              *(Paid(each, name) for name, each in rolled.items()))  # fmt: skip
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=MONTHS),
        liability=Sold(jnp.asarray(premium)),
        instruments=(Delivered(), *rolled.values()),
        features=(Rho(swaps),) if rho else learnt,
        constraint=Leverage(),
    )


def measured(wealth: np.ndarray) -> dict[str, float]:
    """Figures of the error at expiry, with their standard errors."""
    loss = -np.asarray(wealth, float)
    count, tail = loss.size, np.sort(loss)[-max(round(0.01 * loss.size), 2) :]
    found = {"mean": float(loss.mean())}
    for name, each in {"rmse": loss, "semi-rmse": np.maximum(loss, 0.0)}.items():
        root = np.sqrt(np.mean(each**2))
        found |= {name: float(root), f"{name} error": float(np.std(each**2) / (2.0 * root * np.sqrt(count)))}
    beyond = np.maximum(loss - tail[0], 0.0) / 0.01
    return found | {"cvar99": float(tail.mean()), "cvar99 error": float(beyond.std() / np.sqrt(count))}


def swaptions(effort: Effort) -> list[dict]:
    """Bar 6: each criterion trained on itself, with one, two and three swaps; and the rho hedge as published."""
    market, rows = CashAtExpiry(world()), []
    premium = float(jax.jit(lambda x: swaption(x, jnp.asarray(MONTHS), 5))(world().start))
    told = {"strike": strike(), "strike published": STRIKE, "premium": premium}
    for swaps, published in effort.some(PUBLISHED):
        bars, rho = (dict(zip(FIGURES, row, strict=True)) for row in published)
        key, paths = jax.random.key(7900 + swaps), effort.paths(100_000)
        held = dh.simulate_wealth(swaption_problem(swaps, premium, True), market, Follow(), paths=paths, key=key)
        found = measured(np.asarray(held))
        near = all(abs(found[name] / rho[name] - 1) <= TOLERANCE["rho"] for name in rho)
        rows.append(
            {"swaps": swaps, "criterion": "rho", **told, **found, "published": rho, "seconds": 0.0, "passed": near}
        )
        print("swaption", json.dumps(rows[-1]), flush=True)
        problem = swaption_problem(swaps, premium)
        for name, (criterion, updates, batch) in effort.some(CRITERIA):
            policy = WithProfit.make(premium, tuple(ROLLED)[: swaps - 1], 3, key=jax.random.key(swaps))
            fit, seconds = train(effort, problem, market, policy, criterion(), swaps, updates, batch, rate=5e-3)
            found = measured(np.asarray(dh.simulate_wealth(problem, market, fit.policy, paths=paths, key=key)))
            met = found[name] <= TOLERANCE["learnt"] * bars[name]
            rows.append({"swaps": swaps, "criterion": name, **found, "published": bars[name], "seconds": seconds,
                         "passed": bool(met)})  # fmt: skip
            print("swaption", json.dumps(rows[-1]), flush=True)
    return rows
