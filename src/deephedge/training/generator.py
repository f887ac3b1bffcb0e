"""Learning a market: the loop that trains policies, moving the law of paths towards that of history instead."""

import time
from collections.abc import Callable
from pathlib import Path

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ConfigError, TrainingError, require
from deephedge.core.parallel import gathered
from deephedge.core.paths import MarketPath
from deephedge.markets.base import AbstractMarket
from deephedge.markets.generative import AbstractGenerator, SignatureFeatures, learnable
from deephedge.markets.sampler import Sampler
from deephedge.training.fit import BANK, Keeper, Progress, Run
from deephedge.training.loop import BRIEF, Recipe, begin
from deephedge.training.pathwise import AbstractSimulation, Outcome, outcomes
from deephedge.training.same import Optimiser


class Imitation(AbstractSimulation):
    """Features of ``paths`` fresh paths of a market for each key."""

    features: SignatureFeatures
    sampler: Sampler
    paths: int = eqx.field(static=True)
    chunk: int | None = eqx.field(static=True, default=None)

    @classmethod
    def of(
        cls, features: SignatureFeatures, market: AbstractMarket, paths: int, method: str, chunk: int | None = None
    ) -> "Imitation":
        require(paths >= 2, f"paths must be 2 or more, was {paths}", ConfigError)
        return cls(features, Sampler.of(market.shocks(features.grid), features.grid, paths, method), paths, chunk)

    def outcome(self, policy: AbstractMarket, key: PRNGKeyArray, n: Array) -> Outcome:
        path = policy.path(self.features.grid, self.sampler(key, n))
        return self.features(path), path.weight


class Discrepancy(eqx.Module):
    r"""The squared distance of laws from the centre of the features, in squared standard deviations.

    .. math:: \frac1F\sum_f\Bigl(\bar\Phi_f^2 - \frac{s_f^2}{n}\Bigr)

    The second term is what the noise of ``n`` independent paths adds to the first: with it the mean over batches is
    right, and training is not paid for laws with less variance. It can be negative, by noise.
    """

    def __call__(
        self, features: Float[Array, "path feature"], weight: Float[Array, " path"] | None = None
    ) -> Float[Array, ""]:
        share = jnp.ones_like(features[:, 0]) if weight is None else weight / jnp.mean(weight)
        mean = jnp.mean(share[:, None] * features, axis=0)
        paths = features.shape[0]
        noise = jnp.sum((share[:, None] * (features - mean)) ** 2, axis=0) / (paths * (paths - 1.0))
        return jnp.mean(mean**2 - noise)


class GeneratorFit(eqx.Module):
    """A trained market and how it came about.

    ``market`` is the best on the validation windows (the last one without), ``loss`` the squared distance on each
    update's batch, ``risk`` that of each validation, ``best_update`` the update whose market was kept.
    """

    market: AbstractGenerator
    loss: Float[Array, " update"]
    risk: Float[Array, " judgement"]
    best_update: int = 0
    validate_every: int = 0
    seconds: float = 0.0


def fit_generator(
    market: AbstractGenerator,
    features: SignatureFeatures,
    optimiser: optax.GradientTransformation,
    *,
    updates: int,
    paths: int,
    key: PRNGKeyArray,
    method: str = "random",
    chunk: int | None = None,
    average: float = 0.98,
    held_out: MarketPath | None = None,
    validation: int = BANK,
    validate_every: int = 50,
    patience: int | None = None,
    progress: Callable[[Progress], None] | None = None,
    checkpoint: str | Path | None = None,
    resume: bool = False,
) -> GeneratorFit:
    """Move the law of ``market`` towards that of the windows of ``features``, in ``updates`` batches of ``paths``.

    What is lowered is the ``Discrepancy`` of signatures. It is the loop of ``fit``: compiled once, the running
    ``average`` of the weights judged on ``validation`` fixed paths (0: not at all) every ``validate_every`` updates,
    against the windows ``held_out`` (those of ``features`` where none are given), the best kept; ``checkpoint``,
    ``resume``, ``progress`` and ``patience`` as there. ``method`` is ``"random"`` because the distance corrects for the
    noise of independent paths, which quasi-random points do not have.

    Raises ``TrainingError`` when a number is not finite, ``ArtefactError`` for a checkpoint of another configuration.

    >>> import deephedge as dh, jax, optax
    >>> from deephedge.training import fit_generator
    >>> grid, keys = dh.TimeGrid.uniform(maturity=5 / 252, steps=5), jax.random.split(jax.random.key(0), 2)
    >>> windows = dh.sample(dh.markets.BlackScholes("SPX", 0.3), grid, 128, key=keys[0])
    >>> market = dh.markets.NeuralSde("SPX", 0.2, key=keys[1], factors=1, width=4)
    >>> features = dh.markets.SignatureFeatures.of(windows, depth=1)
    >>> fit = fit_generator(market, features, optax.adam(0.03), updates=20, paths=64, key=keys[1], validation=0)
    >>> bool(fit.loss[-1] < fit.loss[0]), float(fit.market.log_vol) > float(market.log_vol)
    (True, True)
    """
    require(updates >= 1, f"updates must be 1 or more, was {updates}", ConfigError)
    require(0.0 <= average < 1.0, f"average must be from 0 to below 1, was {average}", ConfigError)
    require(validate_every >= 1, f"validate_every must be 1 or more, was {validate_every}", ConfigError)
    started = time.perf_counter()
    simulation = Imitation.of(features, market, paths, method, chunk)
    target = features if held_out is None else features.centred_on(held_out)
    bank = Imitation.of(target, market, validation, method, chunk) if validation else None
    parameters, fixed = eqx.partition(market, learnable(market))
    brief = updates * paths * features.grid.steps < BRIEF
    recipe = Recipe(simulation, bank, fixed, key, Optimiser(optimiser), average, many=False, brief=brief)
    state = gathered(begin(recipe, parameters, Discrepancy(), updates, -(-updates // validate_every)))
    keeper = Keeper.of(checkpoint, recipe, (updates, validate_every, market))
    if resume and keeper is not None:
        state = keeper.load(state)
    run = Run(recipe, key[None], updates, validate_every, patience, progress, keeper, paths, explain=_not_finite)
    state = gathered(run.to_the_end(state))
    best = state.best if bank is not None else (state.average if average else state.parameters)
    done = int(state.update)
    return GeneratorFit(eqx.combine(best, fixed), state.loss[:done], state.risk[: -(-done // validate_every)],
                        int(state.best_update), validate_every, time.perf_counter() - started)  # fmt: skip


def discrepancy(
    market: AbstractMarket,
    features: SignatureFeatures,
    *,
    paths: int,
    key: PRNGKeyArray,
    method: str = "random",
) -> float:
    """The ``Discrepancy`` of any market from the windows that ``features`` are centred on.

    For windows that did not make the features take ``features.centred_on(windows)``. The windows' own noise is not
    taken out: it is the same for every market that is compared.

    >>> import deephedge as dh, jax
    >>> market, grid = dh.markets.BlackScholes("SPX", 0.3), dh.TimeGrid.uniform(maturity=5 / 252, steps=5)
    >>> features = dh.markets.SignatureFeatures.of(dh.sample(market, grid, 4096, key=jax.random.key(0)), depth=2)
    >>> abs(discrepancy(market, features, paths=4096, key=jax.random.key(1))) < 1e-3
    True
    """
    found = gathered(_all_features(Imitation.of(features, market, paths, method), market, key))
    return float(Discrepancy()(*found))


_all_features = eqx.filter_jit(outcomes)


def _not_finite(simulation: Imitation, policy: AbstractGenerator, key: PRNGKeyArray, update: int) -> TrainingError:
    rows = np.asarray(gathered(_all_features(simulation, policy, key))[0])
    bad = int((~np.isfinite(rows)).any(axis=1).sum())
    cause = f"its paths are not on {bad} of {len(rows)}" if bad else "its paths are; the gradient is what broke"
    return TrainingError(
        f"training stopped at update {update}, whose distance is not finite: {cause}; lower the learning rate, or clip "
        "gradients"
    )
