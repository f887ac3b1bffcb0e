"""One verb: fit a policy to a problem in a market."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, Key, PRNGKeyArray, PyTree

from deephedge.core.errors import ConfigError, ProblemError, TrainingError, require
from deephedge.core.parallel import gathered
from deephedge.core.paths import MarketPath
from deephedge.core.random import named_key
from deephedge.hedging import HedgingProblem
from deephedge.markets.base import AbstractMarket
from deephedge.objectives.base import AbstractObjective
from deephedge.policies.base import AbstractPolicy, trainable
from deephedge.training.calibrate import measure_units
from deephedge.training.checkpoint import fingerprint, load_arrays, save_arrays
from deephedge.training.checks import Check, leak_checks
from deephedge.training.diagnose import explain_not_finite
from deephedge.training.loop import BRIEF, Recipe, State, advance, begin, validate
from deephedge.training.pathwise import Simulation
from deephedge.training.same import Optimiser

BANK = 8192  # simulated validation paths, unless others are given
BLOCK_SECONDS = 1.0  # how long the compiled loop runs before progress is shown and Ctrl-C is heard


class Progress(eqx.Module):
    """Where training stands, for a progress bar: risk on the last batch and on the bank (nan before the first)."""

    update: int
    updates: int
    loss: float
    risk: float
    paths_per_second: float
    seconds_left: float


class Fit(eqx.Module):
    """A trained policy and how it came about.

    ``policy`` is the best on the validation bank (the last one without a bank), ``objective`` carries the trained
    threshold, ``loss`` is the risk on each update's batch, ``risk`` that of each validation, ``best_update`` the
    update whose policy was kept, ``checks`` the leak alarms.
    """

    policy: AbstractPolicy
    objective: AbstractObjective
    loss: Float[Array, " update"]
    risk: Float[Array, " judgement"]
    best_update: int = 0
    validate_every: int = 0
    seconds: float = 0.0
    checks: tuple[Check, ...] = ()


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
    average: float = 0.98,
    validation: MarketPath | int = BANK,
    validate_every: int = 50,
    patience: int | None = None,
    checks: bool = True,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> Fit:
    """Lower the risk of terminal wealth by gradient descent through ``updates`` fresh batches of ``paths`` paths.

    ``validation`` is a batch of paths or a number of simulated ones (0: none); every ``validate_every`` updates the
    running ``average`` of the weights is judged on it, the best is kept, and ``patience`` judgements without a new
    best end the training. ``checkpoint`` names a file that is rewritten about once a second; ``resume`` goes on from
    it, bit for bit as if nothing had happened. ``progress`` is called about once a second.

    Raises ``TrainingError`` naming the culprit when a number is not finite, ``ArtefactError`` when the checkpoint
    belongs to another configuration. See the example in the README.
    """
    keys = key[None]
    return _train(
        problem, market, [policy], objective, optimiser, keys, updates, paths, method, chunk, average, validation,
        validate_every, patience, checks, progress, checkpoint, resume, many=False,
    )[0]  # fmt: skip


def fit_seeds(
    problem: HedgingProblem,
    market: AbstractMarket,
    policies: Sequence[AbstractPolicy],
    objective: AbstractObjective,
    optimiser: optax.GradientTransformation,
    *,
    updates: int,
    paths: int,
    key: PRNGKeyArray,
    method: str = "sobol",
    chunk: int | None = None,
    average: float = 0.98,
    validation: MarketPath | int = BANK,
    validate_every: int = 50,
    patience: int | None = None,
    checks: bool = True,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> list[Fit]:
    """``fit`` for several starting policies of one architecture at once, each on its own paths, in one ``vmap``.

    Use it to see how much luck there is in a result: the policies differ by the key they were made with.
    """
    require(len(policies) > 0, "fit_seeds needs at least one policy", ConfigError)
    keys = jax.random.split(key, len(policies))
    return _train(
        problem, market, list(policies), objective, optimiser, keys, updates, paths, method, chunk, average,
        validation, validate_every, patience, checks, progress, checkpoint, resume, many=True,
    )  # fmt: skip


def _train(
    problem, market, policies, objective, optimiser, keys, updates, paths, method, chunk, average, validation,
    validate_every, patience, checks, progress, checkpoint, resume, *, many,
) -> list[Fit]:  # fmt: skip
    require(updates >= 1, f"updates must be 1 or more, was {updates}", ConfigError)
    require(0.0 <= average < 1.0, f"average must be from 0 to below 1, was {average}", ConfigError)
    require(validate_every >= 1, f"validate_every must be 1 or more, was {validate_every}", ConfigError)
    started = time.perf_counter()
    policies = [measure_units(policy, problem, market, named_key(keys[0], "pilot")) for policy in policies]
    brief = updates * paths * len(policies) * problem.grid.steps < BRIEF
    recipe, parameters = _recipe(problem, market, policies, optimiser, keys, paths, method, chunk, average, validation,
                                 many, brief)  # fmt: skip
    marks = -(-updates // validate_every)
    state = gathered(begin(recipe, parameters, objective, updates, marks))
    keeper = Keeper.of(checkpoint, recipe, (objective, updates, validate_every, policies))
    if resume and keeper is not None:
        state = keeper.load(state)
    run = Run(recipe, keys, updates, validate_every, patience, progress, keeper, paths * len(policies))
    state = gathered(run.to_the_end(state))
    return _results(recipe, state, problem, market, keys, checks, validate_every, time.perf_counter() - started)


def _recipe(problem, market, policies, optimiser, keys, paths, method, chunk, average, validation, many, brief):
    simulation = Simulation.of(problem, market, paths, method, chunk)
    bank = validation
    if isinstance(validation, int):
        bank = Simulation.of(problem, market, validation, "sobol", chunk) if validation else None
    else:
        require(validation.times.ndim == 2, "validation needs a batch of paths (path axis leading)", ProblemError)
    parts = [eqx.partition(policy, trainable(policy)) for policy in policies]
    parameters = jax.tree.map(lambda *leaves: jnp.stack(leaves), *[p for p, _ in parts]) if many else parts[0][0]
    fixed, keys = parts[0][1], keys if many else keys[0]
    return Recipe(simulation, bank, fixed, keys, Optimiser(optimiser), average, many, brief), parameters


def _results(recipe, state, problem, market, keys, checks, validate_every, seconds) -> list[Fit]:
    fits = []
    for n in range(keys.shape[0]):
        one = jax.tree.map(lambda x, n=n: x[n] if eqx.is_array(x) else x, state) if recipe.many else state
        best = one.best if recipe.bank is not None else (one.average if recipe.average else one.parameters)
        policy = eqx.combine(best, recipe.fixed)
        alarms = leak_checks(problem, market, policy, key=named_key(keys[n], "checks")) if checks else ()
        risk = one.risk[: -(-int(one.update) // validate_every)]
        fits.append(Fit(policy, one.objective, one.loss[: int(one.update)], risk, int(one.best_update), validate_every,
                        seconds, alarms))  # fmt: skip
    return fits


class Keeper(eqx.Module):
    """Where the state is kept between blocks, and for which configuration."""

    file: Path = eqx.field(static=True)
    print: str = eqx.field(static=True)

    @classmethod
    def of(cls, file: str | Path | None, recipe: Recipe, also: PyTree) -> "Keeper | None":
        if file is None:
            return None
        about = (recipe.simulation, recipe.bank, recipe.key, recipe.average, recipe.many, *also)
        return cls(Path(file), fingerprint(*about))

    def save(self, state: State) -> None:
        save_arrays(self.file, state, {"fingerprint": self.print})

    def load(self, state: State) -> State:
        return load_arrays(self.file, state, self.print)[0] if self.file.exists() else state


class Run(eqx.Module):
    """The host's loop around the compiled one: blocks of about a second, validation marks, progress, checkpoints."""

    recipe: Recipe
    keys: Key[Array, " seed"]
    updates: int
    validate_every: int
    patience: int | None
    progress: Callable[[Progress], None] | None
    keeper: Keeper | None
    paths: int
    explain: Callable[..., TrainingError] = explain_not_finite

    def to_the_end(self, state: State) -> State:
        block, bank = 1, named_key(self.keys[0], "bank")
        while not self._finished(state):
            done, clock = self._done(state), time.perf_counter()
            until = min(done + block, (done // self.validate_every + 1) * self.validate_every, self.updates)
            before, state = state, gathered(advance(self.recipe, state, jnp.asarray(until)))
            self._must_be_finite(before, state, done)
            if self.recipe.bank is not None and (until % self.validate_every == 0 or until == self.updates):
                slot = jnp.asarray(-(-until // self.validate_every) - 1)
                state = gathered(validate(self.recipe, state, slot, bank))
            seconds = time.perf_counter() - clock
            if self.keeper is not None:
                self.keeper.save(state)
            self._tell(state, (until - done) / seconds)
            # the first block holds the compilation; later ones aim at their time
            block = 2 if done == 0 else max(1, min(4 * block, int((until - done) * BLOCK_SECONDS / seconds)))
        return state

    def _done(self, state: State) -> int:
        return max(0, int(np.ravel(np.asarray(state.update))[0]))

    def _finished(self, state: State) -> bool:
        done = self._done(state)
        if done >= self.updates:
            return True
        if self.patience is None or self.recipe.bank is None:
            return False
        waited = done - int(np.max(np.asarray(state.best_update)))
        return waited > self.patience * self.validate_every

    def _must_be_finite(self, before: State, state: State, done: int) -> None:
        loss = np.atleast_2d(np.asarray(state.loss))[:, done : self._done(state)]
        bad = np.argwhere(~np.isfinite(loss))
        if bad.size == 0:
            return
        seed, at = bad[np.argmin(bad[:, 1])]
        at = int(at) + done
        last = gathered(advance(self.recipe, before, jnp.asarray(at)))
        parameters = last.parameters
        if self.recipe.many:
            parameters = jax.tree.map(lambda x: x[seed], parameters)
        policy = eqx.combine(parameters, self.recipe.fixed)
        raise self.explain(self.recipe.simulation, policy, jax.random.fold_in(self.keys[seed], at), at)

    def _tell(self, state: State, speed: float) -> None:
        if self.progress is None:
            return
        done = self._done(state)
        loss = float(np.mean(np.atleast_2d(np.asarray(state.loss))[:, done - 1]))
        known = np.atleast_2d(np.asarray(state.risk))
        known = known[:, ~np.isnan(known[0])]
        risk = float(known[:, -1].mean()) if known.size else float("nan")
        left = (self.updates - done) / speed
        self.progress(Progress(done, self.updates, loss, risk, speed * self.paths, left))
