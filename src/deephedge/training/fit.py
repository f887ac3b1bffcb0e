"""One verb: fit a policy to a problem in a market."""

import time
from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax import lax
from jaxtyping import Array, Float, Int, PRNGKeyArray, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.core.paths import MarketPath
from deephedge.core.random import named_key
from deephedge.hedging import HedgingProblem, evaluate
from deephedge.markets.base import AbstractMarket
from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective
from deephedge.policies.base import AbstractPolicy, trainable
from deephedge.training.calibrate import measure_units
from deephedge.training.pathwise import Simulation, risk_gradient, wealths

THRESHOLD_MEMORY = 0.9  # the threshold of an update averages the minimisers of about the last ten batches


class Fit(eqx.Module):
    """A trained policy, the objective with its trained threshold, and how training went."""

    policy: AbstractPolicy
    objective: AbstractObjective
    loss: Float[Array, " update"]


class State(eqx.Module):
    """Everything that training carries from one update to the next; what a checkpoint holds."""

    parameters: PyTree
    average: PyTree
    optimiser: PyTree
    objective: AbstractObjective
    update: Int[Array, ""]
    loss: Float[Array, " update"]


def fit(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    objective: AbstractObjective,
    optimiser: optax.GradientTransformation,
    *,
    updates: int,
    paths: int,
    key: PRNGKeyArray,
    method: str = "sobol",
    chunk: int | None = None,
    average: float = 0.0,
) -> Fit:
    policy = measure_units(policy, problem, market, named_key(key, "pilot"))
    simulation = Simulation.of(problem, market, paths, method, chunk)
    parameters, fixed = eqx.partition(policy, trainable(policy))
    if isinstance(objective, AbstractPathwiseObjective):
        objective = objective.fitted(eqx.filter_jit(wealths)(simulation, policy, named_key(key, "pilot")))
    state = State(parameters, parameters, optimiser.init(parameters), objective, jnp.zeros((), int), jnp.zeros(updates))
    state = _advance(simulation, optimiser, fixed, average, key, state, jnp.asarray(updates))
    policy = eqx.combine(state.average if average else state.parameters, fixed)
    return Fit(policy, state.objective, state.loss)


@eqx.filter_jit
def _advance(
    simulation: Simulation,
    optimiser: optax.GradientTransformation,
    fixed: PyTree,
    average: float,
    key: PRNGKeyArray,
    state: State,
    until: Int[Array, ""],
) -> State:
    """Updates from ``state.update`` to ``until``; compiled once, whatever their number."""

    def update(state: State) -> State:
        fresh = jax.random.fold_in(key, state.update)
        loss, gradient, wealth = risk_gradient(simulation, state.objective, state.parameters, fixed, fresh)
        step, inner = optimiser.update(gradient, state.optimiser, state.parameters)
        parameters = eqx.apply_updates(state.parameters, step)
        mean = jax.tree.map(lambda a, p: average * a + (1 - average) * p, state.average, parameters)
        objective = _follow_threshold(state.objective, wealth)
        return State(parameters, mean, inner, objective, state.update + 1, state.loss.at[state.update].set(loss))

    arrays, rest = eqx.partition(state, eqx.is_array)

    def body(arrays: PyTree) -> PyTree:
        return eqx.filter(update(eqx.combine(arrays, rest)), eqx.is_array)

    arrays = lax.while_loop(lambda arrays: arrays.update < until, body, arrays)
    return eqx.combine(arrays, rest)


def _follow_threshold(objective: AbstractObjective, wealth: Float[Array, " path"]) -> AbstractObjective:
    if not isinstance(objective, AbstractPathwiseObjective):
        return objective
    best = objective.fitted(wealth).threshold
    mixed = THRESHOLD_MEMORY * objective.threshold + (1 - THRESHOLD_MEMORY) * best
    return eqx.tree_at(lambda o: o.threshold, objective, mixed)
