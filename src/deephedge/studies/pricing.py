"""What a liability is worth to a desk that hedges it as it has learnt: the least to ask, the most to bid."""

from dataclasses import dataclass
from pathlib import Path

import equinox as eqx
import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.hedging import HedgingProblem
from deephedge.instruments import AbstractContract, Book, Premium
from deephedge.markets import sample
from deephedge.objectives import indifference_price, standard_error
from deephedge.policies import AbstractPolicy
from deephedge.policies.base import Observation
from deephedge.studies.ledgers import hedged, premiums
from deephedge.studies.progress import Screen
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import Study
from deephedge.studies.training import by_validation, load_all
from deephedge.training import fit


@dataclass(frozen=True)
class Quote:
    """A price with its standard error, in units of the numeraire, and the policy whose hedge it is."""

    side: str
    price: float
    error: float
    policy: str


class Opposite(AbstractPolicy):
    """The mirror image of a policy: who was long is short; what a hedge of the opposite deal starts from."""

    policy: AbstractPolicy
    features: tuple[str, ...] = eqx.field(static=True)

    def init(self) -> PyTree:
        return self.policy.init()

    def encode(self, observation: Observation) -> PyTree:
        return self.policy.encode(observation)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        wanted, state = self.policy(encoded, -position, state)
        return -wanted, state


def price(study: Study, run: RunFolder, *, screen: Screen | None = None, bid: bool = True) -> list[Quote]:
    """Indifference prices of the liability without its premium, on fresh simulated paths.

    The ask is that of the policy chosen on validation. For the bid the opposite deal is made, and the mirror image of
    that policy trained on it, which takes as long as one training.
    """
    screen = screen or Screen.silent()
    trained = load_all(study, run)
    name = by_validation(trained)[0]
    quotes = [_quote(study, without_premium(study.problem, 1.0), trained[name].policy, "ask", name)]
    if bid:
        policy = _opposite(study, run.path, name, trained[name].policy, screen)
        quotes.append(_quote(study, without_premium(study.problem, -1.0), policy, "bid", name))
    run.write_json("price.json", [quote.__dict__ for quote in quotes])
    return quotes


def without_premium(problem: HedgingProblem, sign: float) -> HedgingProblem:
    """The problem with the liability alone (``sign`` 1) or its opposite (-1), premiums left out."""
    return eqx.tree_at(lambda p: p.liability, problem, _bare(problem.liability, sign))


def average_premium(study: Study) -> float:
    """The mean premium of the liability on the test paths; 0 where it has none."""
    return float(np.mean(premiums(study.problem, _paths(study))))


def _bare(liability: AbstractContract, sign: float) -> Book:
    if not isinstance(liability, Book):
        return Book((liability,), (sign,))
    kept = [(k, u) for k, u in zip(liability.kinds, liability.units, strict=True) if not isinstance(k, Premium)]
    require(len(kept) > 0, "the liability is nothing but a premium; there is nothing to price", ConfigError)
    kinds, units = zip(*kept, strict=True)
    return eqx.tree_at(lambda b: (b.kinds, b.units), liability, (kinds, tuple(sign * u for u in units)))


def _paths(study: Study):
    key = study.key_for("price")
    return sample(study.market, study.problem.grid, study.test.paths, key=key, method="random")


def _quote(study: Study, problem: HedgingProblem, policy: AbstractPolicy, side: str, name: str) -> Quote:
    ledger = hedged(problem, {name: policy}, _paths(study))[name]
    found = indifference_price(study.objective, ledger.wealth, side=side, weight=ledger.weight)
    error = standard_error(study.objective, ledger.wealth, weight=ledger.weight)
    return Quote(side, float(found), float(error), name)


def _opposite(study: Study, folder: Path, name: str, policy: AbstractPolicy, screen: Screen) -> AbstractPolicy:
    settings, checkpoint = study.training, folder / "checkpoints" / "bid.safetensors"
    start = Opposite(policy, tuple(getattr(policy, "features", ())))
    with screen.training(f"bid ({name})", type(study.objective).__name__, settings.updates) as progress:
        done = fit(
            without_premium(study.problem, -1.0), study.market, start, study.objective, settings.optimiser,
            updates=settings.updates, paths=settings.paths, key=study.key_for("train.bid"), method=settings.method,
            chunk=settings.chunk, average=settings.average, validate_every=settings.validate_every,
            patience=settings.patience, progress=progress, checkpoint=checkpoint, resume=True,
        )  # fmt: skip
    checkpoint.unlink(missing_ok=True)
    return done.policy
