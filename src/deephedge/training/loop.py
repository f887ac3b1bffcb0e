"""The compiled part of training: updates and validation on arrays, for one seed or several at once."""

from collections.abc import Callable
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, Int, Key, PRNGKeyArray, PyTree

from deephedge.core.parallel import RUN_BRIEFLY, RUN_ONCE
from deephedge.core.paths import MarketPath
from deephedge.hedging import follow
from deephedge.objectives.base import AbstractPathwiseObjective, counting
from deephedge.training.pathwise import AbstractSimulation, Outcome, Simulation, outcomes, risk_gradient
from deephedge.training.same import Optimiser

BRIEF = 4_000_000  # path-steps in a whole training, about a second, below which compiling less surely pays
THRESHOLD_MEMORY = 0.9  # the threshold of an update averages the minimisers of about the last ten batches


Criterion = Callable[..., Float[Array, ""]]  # an objective, or whatever else makes one number of all outcomes


class State(eqx.Module):
    """Everything training carries from one update to the next; what a checkpoint holds. Several seeds lead.

    ``loss`` is the risk on each update's batch and ``risk`` that of each validation, both nan where none was made.
    """

    parameters: PyTree
    average: PyTree
    best: PyTree
    optimiser: PyTree
    objective: Criterion
    update: Int[Array, "*seed"]
    best_update: Int[Array, "*seed"]
    loss: Float[Array, "*seed update"]
    risk: Float[Array, "*seed judgement"]


class Recipe(eqx.Module):
    """What stays the same during training."""

    simulation: AbstractSimulation
    bank: AbstractSimulation | MarketPath | None
    fixed: PyTree
    key: Key[Array, "*seed"]
    optimiser: Optimiser = eqx.field(static=True)
    average: float = eqx.field(static=True)
    many: bool = eqx.field(static=True)
    brief: bool = eqx.field(static=True, default=False)

    def over_seeds(self, function: Callable[..., Any]) -> Callable[..., Any]:
        return eqx.filter_vmap(function) if self.many else function


def begin(recipe: Recipe, parameters: PyTree, objective: Criterion, updates: int, checks: int) -> State:
    """The state before the first update. Where there is a threshold, update -1 fits it and moves nothing else."""

    @recipe.over_seeds
    def state(parameters: PyTree, key: PRNGKeyArray) -> State:
        first, zero = jnp.asarray(-1 if isinstance(objective, AbstractPathwiseObjective) else 0), jnp.zeros((), int)
        opening, nothing = recipe.optimiser.init(parameters), jnp.full(updates, jnp.nan)
        return State(
            parameters, parameters, parameters, opening, objective, first, zero, nothing, jnp.full(checks, jnp.nan)
        )

    return eqx.filter_jit(state, compiler_options=RUN_ONCE)(parameters, recipe.key)


def advance(recipe: Recipe, state: State, until: Int[Array, ""]) -> State:
    """Updates up to ``until``. Compiled once, whatever their number; randomness belongs to the update's number."""
    return (_advance_briefly if recipe.brief else _advance_long)(recipe, state, until)


def _advance(recipe: Recipe, state: State, until: Int[Array, ""]) -> State:
    def update(state: State, key: PRNGKeyArray) -> State:
        opening, number = state.update < 0, jnp.maximum(state.update, 0)
        fresh = jax.random.fold_in(key, number)
        simulation, parameters = recipe.simulation, state.parameters
        loss, gradient, outcome = risk_gradient(simulation, state.objective, parameters, recipe.fixed, fresh)
        step, inner = recipe.optimiser.update(gradient, state.optimiser, parameters)
        parameters = eqx.apply_updates(parameters, step)
        average = parameters
        if recipe.average:
            keep = jnp.minimum(recipe.average, (1.0 + number) / (10.0 + number))
            average = jax.tree.map(lambda a, p: keep * a + (1 - keep) * p, state.average, parameters)
        moved = jax.tree.map(
            lambda new, old: jnp.where(opening, old, new) if eqx.is_array(new) else new,
            (parameters, average, inner),
            (state.parameters, state.average, state.optimiser),
        )
        objective = follow_threshold(state.objective, outcome, jnp.where(opening, 0.0, THRESHOLD_MEMORY))
        return eqx.tree_at(
            lambda s: (s.parameters, s.average, s.optimiser, s.objective, s.update, s.loss),
            state,
            (*moved, objective, state.update + 1, state.loss.at[number].set(loss)),
            is_leaf=lambda node: node is None,
        )

    arrays, rest = eqx.partition(state, eqx.is_array)

    def body(arrays: PyTree) -> PyTree:
        return eqx.filter(recipe.over_seeds(update)(eqx.combine(arrays, rest), recipe.key), eqx.is_array)

    arrays = lax.while_loop(lambda arrays: jnp.ravel(arrays.update)[0] < until, body, arrays)
    return eqx.combine(arrays, rest)


_advance_long = eqx.filter_jit(_advance)
_advance_briefly = eqx.filter_jit(_advance, compiler_options=RUN_BRIEFLY)


def compilations() -> int:
    """How many training loops this process has compiled."""
    return sum(loop._cached._cache_size() for loop in (_advance_long, _advance_briefly))


@eqx.filter_jit
def validate(recipe: Recipe, state: State, slot: Int[Array, ""], key: PRNGKeyArray) -> State:
    """Judge the current policy on the fixed bank and keep it if it is the best so far."""

    @recipe.over_seeds
    def judge(state: State) -> State:
        candidate = state.average if recipe.average else state.parameters
        policy = eqx.combine(candidate, recipe.fixed)
        if isinstance(recipe.bank, MarketPath) and isinstance(recipe.simulation, Simulation):
            ledger = follow(recipe.simulation.problem, policy, recipe.bank)
            outcome = ledger.wealth, ledger.weight
        else:
            outcome = outcomes(recipe.bank or recipe.simulation, policy, key)
        risk = state.objective(*counting(*outcome))
        better = ~(jnp.nanmin(jnp.append(state.risk, jnp.inf)) <= risk) & jnp.isfinite(risk)
        best = jax.tree.map(lambda new, old: jnp.where(better, new, old), candidate, state.best)
        at = jnp.where(better, state.update, state.best_update)
        return eqx.tree_at(
            lambda s: (s.best, s.best_update, s.risk), state, (best, at, state.risk.at[slot].set(risk)),
            is_leaf=lambda node: node is None,
        )  # fmt: skip

    return judge(state)


def follow_threshold(objective: Criterion, outcome: Outcome, memory: Float[Array, ""]) -> Criterion:
    """Move a threshold towards its minimiser on this batch; exact minimisation beats a gradient step on it."""
    if not isinstance(objective, AbstractPathwiseObjective):
        return objective
    best = objective.fitted(*counting(*outcome)).threshold
    mixed = jax.tree.map(lambda a, b: memory * a + (1 - memory) * b, objective.threshold, best)
    return eqx.tree_at(lambda o: o.threshold, objective, mixed)
