"""How much of it can be done: profit and loss against size, where trades move the price."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ParameterError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.evaluation.metrics import outcome
from deephedge.hedging import HedgingProblem, evaluate
from deephedge.instruments.book import Book
from deephedge.policies.base import AbstractPolicy


@dataclass(frozen=True, eq=False)
class Capacity:
    """Mean wealth at each of ``sizes``: in ``total`` and for each ``unit``, and the standard error of that.

    In units of the numeraire; ``cost`` is the mean cost for each unit.
    """

    sizes: np.ndarray
    unit: np.ndarray
    error: np.ndarray
    cost: np.ndarray

    @property
    def total(self) -> np.ndarray:
        return self.sizes * self.unit

    @property
    def best(self) -> float:
        """The size of the largest total, of those tried."""
        return float(self.sizes[np.argmax(self.total)])

    @property
    def gone(self) -> float:
        """The size at which a unit earns nothing any more: infinite if it still does at the largest, 0 if it never did.

        Between two sizes profit for each unit is taken as linear, which it is under linear impact.
        """
        lost = self.unit <= 0
        if not lost.any():
            return np.inf
        n = int(np.argmax(lost))
        if n == 0:
            return 0.0
        return float(np.interp(0.0, self.unit[[n, n - 1]], self.sizes[[n, n - 1]]))


def capacity(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    paths: MarketPath,
    *,
    sizes: Sequence[float | int] = (1, 2, 5, 10, 20, 50, 100),
    premium: float = 0.0,
) -> dict[str, Capacity]:
    """What each policy earns at multiples of the liability, its positions scaled alike, at the problem's own cost.

    ``sizes`` increase from above 0. Under proportional costs a unit earns the same at each; under `frictions.Impact`
    or `BookWalk` less and less, and nothing at ``gone``. ``premium`` is the cash received for one unit where the
    liability does not hold it already. Limits and participation caps of the problem stay what they are, so that a
    large size may be held back by them. Positions of the policy are those of a unit: it does not know the size.

    >>> import deephedge as dh, jax
    >>> from deephedge import instruments as i
    >>> grid, features = dh.TimeGrid.uniform(maturity=0.1, steps=2), (dh.features.TimeLeft(0.1),)
    >>> problem = dh.HedgingProblem(grid, i.Nothing(), (i.Spot("A"),), features)
    >>> paths = dh.sample(dh.markets.BlackScholes("A", vol=0.2), grid, 100, key=jax.random.key(0))
    >>> capacity(problem, {"none": dh.policies.NoHedge()}, paths, sizes=(1, 10), premium=0.5)["none"].total.tolist()
    [0.5, 5.0]
    """
    size = np.asarray(sizes, float)
    sound = size.ndim == 1 and size.size > 0 and size[0] > 0 and bool((np.diff(size) > 0).all())
    require(sound, f"sizes must increase from above 0, were {list(sizes)}", ParameterError)
    found: dict[str, list] = {name: [] for name in policies}
    for each in size:
        there = replace(problem, liability=Book((problem.liability,), (each,)), initial=each * problem.initial)
        sized = {name: Sized(policy, each) for name, policy in policies.items()}
        for name, ledger in evaluate(there, sized, paths).items():
            seen = outcome(ledger, each * premium)
            unit = seen.wealth / each
            spread = seen.mean((unit - seen.mean(unit)) ** 2)
            found[name].append(
                (seen.mean(unit), np.sqrt(spread / max(seen.effective - 1, 1)), seen.mean(seen.cost) / each)
            )
    return {name: Capacity(size, *np.array(rows).T) for name, rows in found.items()}


class Sized(AbstractPolicy):
    """A policy for one unit, held ``size`` times: it is asked as if it held one."""

    policy: AbstractPolicy
    size: Float[Array, ""] = number()

    def init(self) -> PyTree:
        return self.policy.init()

    def encode(self, observation: PyTree) -> PyTree:
        return self.policy.encode(observation)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        target, state = self.policy(encoded, position / self.size, state)
        return self.size * target, state
