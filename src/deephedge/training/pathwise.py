"""Pathwise gradients: differentiate the risk of simulated wealth through the rollout, in cache-sized chunks."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.parallel import gathered, over_paths
from deephedge.hedging import HedgingProblem, rollout
from deephedge.markets.base import AbstractMarket
from deephedge.markets.sampler import Sampler
from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective
from deephedge.policies.base import AbstractPolicy


class Simulation(eqx.Module):
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

    def wealth(self, policy: AbstractPolicy, key: PRNGKeyArray, n: Array) -> Float[Array, ""]:
        """Terminal wealth on path ``n``."""
        path = self.market.path(self.problem.grid, self.sampler(key, n))
        return rollout(self.problem, policy, path).wealth


def wealths(simulation: Simulation, policy: AbstractPolicy, key: PRNGKeyArray) -> Float[Array, " path"]:
    """Terminal wealth on all paths of one key; memory does not grow with them. Call it inside ``jit``."""
    arrays, rest = eqx.partition((simulation, policy, key), eqx.is_array)

    def work(arrays: PyTree, index: Array, weight: Array) -> tuple[tuple, Array]:
        simulation, policy, key = eqx.combine(arrays, rest)
        return (), jax.vmap(lambda n: simulation.wealth(policy, key, n))(index)

    return over_paths(work, arrays, simulation.paths, simulation.chunk)[1]


_wealths = eqx.filter_jit(wealths)


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
    return gathered(_wealths(Simulation.of(problem, market, paths, method), policy, key))


def risk_gradient(
    simulation: Simulation,
    objective: AbstractObjective,
    parameters: PyTree,
    fixed: PyTree,
    key: PRNGKeyArray,
) -> tuple[Float[Array, ""], PyTree, Float[Array, " path"]]:
    """Risk, its gradient in the policy's parameters, and the wealth of every path.

    An objective that is a mean over paths takes one pass. Any other takes two: wealth first, then each chunk is
    differentiated against the derivative of the risk in that wealth, which is exact as well.
    """
    if isinstance(objective, AbstractPathwiseObjective):
        total, gradient, wealth = _one_pass(simulation, objective, parameters, fixed, key)
        return total, gradient, wealth
    wealth = wealths(simulation, eqx.combine(parameters, fixed), key)
    risk, slope = eqx.filter_value_and_grad(lambda w: objective(w))(wealth)
    return risk, _against(simulation, slope, parameters, fixed, key), wealth


def _one_pass(simulation, objective, parameters, fixed, key):
    arrays, rest = eqx.partition((simulation, objective, fixed, key), eqx.is_array)

    def work(common: PyTree, index: Array, weight: Array):
        arrays, parameters = common
        simulation, objective, fixed, key = eqx.combine(arrays, rest)

        def loss(parameters: PyTree) -> tuple[Array, Array]:
            policy = eqx.combine(parameters, fixed)
            wealth = jax.vmap(lambda n: simulation.wealth(policy, key, n))(index)
            return jnp.sum(weight * objective.pathwise(wealth)) / simulation.paths, wealth

        (value, wealth), gradient = jax.value_and_grad(loss, has_aux=True)(parameters)
        return (value, gradient), wealth

    (value, gradient), wealth = over_paths(work, (arrays, parameters), simulation.paths, simulation.chunk)
    return value, gradient, wealth


def _against(simulation: Simulation, slope: Array, parameters: PyTree, fixed: PyTree, key: PRNGKeyArray) -> PyTree:
    arrays, rest = eqx.partition((simulation, fixed, key), eqx.is_array)

    def work(common: PyTree, index: Array, weight: Array):
        arrays, parameters, slope = common
        simulation, fixed, key = eqx.combine(arrays, rest)

        def loss(parameters: PyTree) -> Array:
            policy = eqx.combine(parameters, fixed)
            wealth = jax.vmap(lambda n: simulation.wealth(policy, key, n))(index)
            return jnp.sum(weight * slope[index] * wealth)

        return jax.grad(loss)(parameters), ()

    return over_paths(work, (arrays, parameters, slope), simulation.paths, simulation.chunk)[0]
