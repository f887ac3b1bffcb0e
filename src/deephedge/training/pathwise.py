"""Pathwise gradients: differentiate the risk of simulated wealth through the rollout, in cache-sized chunks."""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.parallel import gathered, over_paths
from deephedge.hedging import HedgingProblem, rollout
from deephedge.markets.base import AbstractMarket
from deephedge.markets.sampler import Sampler
from deephedge.objectives.base import AbstractPathwiseObjective, counting
from deephedge.policies.base import AbstractPolicy

Outcome = tuple[Float[Array, "..."], Float[Array, "*path"] | None]  # terminal wealth (or features) by path, weight


class AbstractSimulation(eqx.Module):
    """What training judges its pupil by: a number, or a row of them, for each of ``paths`` fresh paths of a key."""

    paths: eqx.AbstractVar[int]
    chunk: eqx.AbstractVar[int | None]

    @abstractmethod
    def outcome(self, policy: eqx.Module, key: PRNGKeyArray, n: Array) -> Outcome:
        """What the pupil makes of path ``n``, and how much that path counts where the market says so."""


class Simulation(AbstractSimulation):
    """A problem in a market, with ``paths`` fresh paths for each key."""

    problem: HedgingProblem
    market: AbstractMarket
    sampler: Sampler
    paths: int = eqx.field(static=True)
    chunk: int | None = eqx.field(static=True, default=None)

    @classmethod
    def of(
        cls, problem: HedgingProblem, market: AbstractMarket, paths: int, method: str, chunk: int | None = None
    ) -> "Simulation":
        sampler = Sampler.of(market.shocks(problem.grid), problem.grid, paths, method)
        return cls(problem, market, sampler, paths, chunk)

    def outcome(self, policy: AbstractPolicy, key: PRNGKeyArray, n: Array) -> Outcome:
        """Terminal wealth on path ``n``, and how much that path counts where the market says so."""
        path = self.market.path(self.problem.grid, self.sampler(key, n))
        return rollout(self.problem, policy, path).wealth, path.weight


def outcomes(simulation: AbstractSimulation, policy: eqx.Module, key: PRNGKeyArray) -> Outcome:
    """Terminal wealth and weight of all paths of one key; memory does not grow with them. Call it inside ``jit``."""
    arrays, rest = eqx.partition((simulation, policy, key), eqx.is_array)

    def work(arrays: PyTree, index: Array, inside: Array) -> tuple[tuple, Outcome]:
        simulation, policy, key = eqx.combine(arrays, rest)
        return (), jax.vmap(lambda n: simulation.outcome(policy, key, n))(index)

    return over_paths(work, arrays, simulation.paths, simulation.chunk)[1]


_outcomes = eqx.filter_jit(outcomes)


def simulate_wealth(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    *,
    paths: int,
    key: PRNGKeyArray,
    method: str = "random",
) -> Float[Array, " path"]:
    """Terminal wealth of a policy on fresh paths, simulated and thrown away chunk by chunk.

    Use it for test sets that would not fit in memory; ``evaluate`` keeps whole ledgers.

    >>> import deephedge as dh, jax
    >>> from deephedge import features as f, instruments as i
    >>> problem = dh.HedgingProblem(dh.TimeGrid.uniform(maturity=0.1, steps=5),
    ...     i.short(i.EuropeanCall("SPX", strike=1.0, expiry=0.1)), (i.Spot("SPX"),), (f.LogMoneyness("SPX", 1.0),))
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2)
    >>> simulate_wealth(problem, market, dh.policies.NoHedge(), paths=64, key=jax.random.key(0)).shape
    (64,)
    """
    wealth, weight = gathered(_outcomes(Simulation.of(problem, market, paths, method), policy, key))
    require(
        weight is None,
        f"the paths of {type(market).__name__} have weights, which wealth alone loses; take simulate_weighted",
        ProblemError,
    )
    return wealth


def simulate_weighted(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    *,
    paths: int,
    key: PRNGKeyArray,
    method: str = "random",
) -> tuple[Float[Array, " path"], Float[Array, " path"]]:
    """``simulate_wealth`` and the weight of each path: what an objective, or a standard error, takes as its second.

    Weights are 1 in a market that has none.

    >>> import deephedge as dh, jax
    >>> from deephedge import instruments as i
    >>> problem = dh.HedgingProblem(dh.TimeGrid.uniform(maturity=0.1, steps=5), i.Nothing(), (i.Spot("SPX"),), ())
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2)
    >>> wealth, weight = simulate_weighted(problem, market, dh.policies.NoHedge(), paths=64, key=jax.random.key(0))
    >>> float(abs(dh.objectives.CVaR(0.95)(wealth, weight)))
    0.0
    """
    wealth, weight = gathered(_outcomes(Simulation.of(problem, market, paths, method), policy, key))
    return wealth, jnp.ones_like(wealth) if weight is None else weight


def risk_gradient(
    simulation: AbstractSimulation,
    objective: Callable[..., Float[Array, ""]],
    parameters: PyTree,
    fixed: PyTree,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], PyTree, Outcome]:
    """Risk, its gradient in the policy's parameters, and the wealth and weight of every path.

    An objective that is a mean over paths takes one pass. Any other takes two: wealth first, then each chunk is
    differentiated against the derivative of the risk in that wealth, which is exact as well.
    """
    if isinstance(objective, AbstractPathwiseObjective):
        return _one_pass(simulation, objective, parameters, fixed, key)
    wealth, weight = outcomes(simulation, eqx.combine(parameters, fixed), key)
    risk, slope = eqx.filter_value_and_grad(lambda w: objective(*counting(w, weight)))(wealth)
    return risk, _against(simulation, slope, parameters, fixed, key), (wealth, weight)


def _one_pass(simulation, objective, parameters, fixed, key):
    arrays, rest = eqx.partition((simulation, objective, fixed, key), eqx.is_array)

    def work(common: PyTree, index: Array, inside: Array):
        arrays, parameters = common
        simulation, objective, fixed, key = eqx.combine(arrays, rest)

        def loss(parameters: PyTree) -> tuple[Array, Outcome]:
            policy = eqx.combine(parameters, fixed)
            wealth, weight = jax.vmap(lambda n: simulation.outcome(policy, key, n))(index)
            counts = inside if weight is None else inside * weight
            return jnp.sum(counts * objective.pathwise(wealth)) / simulation.paths, (wealth, weight)

        (value, outcome), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        return (value, gradient), outcome

    (value, gradient), outcome = over_paths(work, (arrays, parameters), simulation.paths, simulation.chunk)
    if outcome[1] is not None:  # the risk of a law has weights of mean 1; the gradient only needs its direction
        value = value / jnp.mean(outcome[1])
    return value, gradient, outcome


def _against(
    simulation: AbstractSimulation, slope: Array, parameters: PyTree, fixed: PyTree, key: PRNGKeyArray
) -> PyTree:
    arrays, rest = eqx.partition((simulation, fixed, key), eqx.is_array)

    def work(common: PyTree, index: Array, inside: Array):
        arrays, parameters, slope = common
        simulation, fixed, key = eqx.combine(arrays, rest)

        def loss(parameters: PyTree) -> Array:
            policy = eqx.combine(parameters, fixed)
            wealth, _ = jax.vmap(lambda n: simulation.outcome(policy, key, n))(index)
            return jnp.sum(jnp.tensordot(inside, slope[index] * wealth, 1))

        return jax.grad(loss)(parameters), ()

    return over_paths(work, (arrays, parameters, slope), simulation.paths, simulation.chunk)[0]
