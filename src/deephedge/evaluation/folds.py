"""Which windows to train on and which to test on, when outcomes of neighbouring windows overlap in time.

A window begins at its start and its outcome is known at its end. Two windows overlap where their closed intervals
meet: one that ends when another starts shares a price with it, and counts.
"""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import combinations

import numpy as np

from deephedge.core.errors import DataError, ParameterError, require

Length = int | float | np.timedelta64


@dataclass(frozen=True, eq=False)
class Fold:
    """Numbers of the windows to train on and of those to test on, each in the order of their starts."""

    train: np.ndarray
    test: np.ndarray


class AbstractFolds(ABC):
    """A way to split windows. Windows come in any order; times are numbers or dates."""

    @abstractmethod
    def split(self, starts: np.ndarray, ends: np.ndarray) -> list[Fold]:
        """The folds of windows that begin at ``starts`` and whose outcomes are known at ``ends``."""


@dataclass(frozen=True)
class WalkForward(AbstractFolds):
    """Train on the past, test on the next ``test`` windows, refit, and so on: each window after ``first`` tested once.

    ``train`` is the most windows to train on (the latest; ``None``: all so far, an expanding window). An outcome must
    be known before the first window of a test starts, and ``gap`` (a ``timedelta64`` for dates) earlier still. The last
    test may be shorter. Raises ``DataError`` where nothing is known yet at the first test.

    >>> days = np.arange(6)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in WalkForward(first=3, test=2).split(days, days + 1)]
    [([0, 1], [3, 4]), ([0, 1, 2, 3], [5])]
    """

    first: int
    test: int
    train: int | None = None
    gap: Length = 0

    def __post_init__(self):
        require(self.first >= 1 and self.test >= 1, f"first and test must be 1 or more, were {self.first}, {self.test}")
        require(self.train is None or self.train >= 1, f"train must be 1 or more windows, was {self.train}")
        _forward("gap", self.gap)

    def split(self, starts: np.ndarray, ends: np.ndarray) -> list[Fold]:
        order = _in_order(starts, ends, self.first + 1)
        known, folds = _later("gap", ends, self.gap), []
        for at in range(self.first, order.size, self.test):
            test = order[at : at + self.test]
            past = order[known[order] < starts[test[0]]]
            message = f"no outcome is known before the test that starts at {starts[test[0]]}: raise first, or lower gap"
            require(past.size > 0, message, DataError)
            folds.append(Fold(past if self.train is None else past[-self.train :], test))
        return folds


@dataclass(frozen=True)
class PurgedKFold(AbstractFolds):
    """Each of ``folds`` blocks in time tested once, trained on all windows that overlap none of its own.

    A window that starts less than ``embargo`` (a ``timedelta64`` for dates) after the block's last outcome is left out
    too: what is serially correlated leaks through the gap. Training windows lie on both sides of the test: for choosing
    between models, not for the record of a strategy. Source: Lopez de Prado (2018), chapter 7.

    >>> days = np.arange(6)
    >>> [(fold.train.tolist(), fold.test.tolist()) for fold in PurgedKFold(3, embargo=1).split(days, days)]
    [([3, 4, 5], [0, 1]), ([0, 1, 5], [2, 3]), ([0, 1, 2, 3], [4, 5])]
    """

    folds: int = 5
    embargo: Length = 0

    def __post_init__(self):
        require(self.folds >= 2, f"folds must be 2 or more, was {self.folds}", ParameterError)
        _forward("embargo", self.embargo)

    def split(self, starts: np.ndarray, ends: np.ndarray) -> list[Fold]:
        return CombinatorialPurged(self.folds, 1, self.embargo).split(starts, ends)


@dataclass(frozen=True)
class CombinatorialPurged(AbstractFolds):
    r"""Every choice of ``tested`` of ``groups`` blocks in time is a test: :math:`\binom Nk` folds.

    Each window is tested :math:`\binom{N-1}{k-1}` times, and as many backtests of the whole history can be put together
    (`backtest_paths`). Purged and embargoed around each block as in `PurgedKFold`.
    Source: Lopez de Prado (2018), chapter 12.

    >>> days = np.arange(12)
    >>> folds = CombinatorialPurged(groups=4, tested=2).split(days, days)
    >>> len(folds), folds[1].train.tolist(), folds[1].test.tolist()
    (6, [3, 4, 5, 9, 10, 11], [0, 1, 2, 6, 7, 8])
    """

    groups: int = 6
    tested: int = 2
    embargo: Length = 0

    def __post_init__(self):
        sound = 1 <= self.tested < self.groups
        require(sound, f"tested must be 1 to groups - 1, was {self.tested} of {self.groups}", ParameterError)
        _forward("embargo", self.embargo)

    def split(self, starts: np.ndarray, ends: np.ndarray) -> list[Fold]:
        order = _in_order(starts, ends, self.groups)
        blocks = np.array_split(order, self.groups)
        near = np.stack([self._near(starts, ends, block) for block in blocks])
        folds = []
        for chosen in combinations(range(self.groups), self.tested):
            taken = np.any(near[list(chosen)], axis=0)
            message = f"nothing is left to train on beside blocks {chosen}: take shorter windows or fewer groups"
            require(not bool(taken.all()), message, DataError)
            folds.append(Fold(order[~taken[order]], np.concatenate([blocks[n] for n in chosen])))
        return folds

    def _near(self, starts: np.ndarray, ends: np.ndarray, block: np.ndarray) -> np.ndarray:
        """Which windows overlap the block, or start within the embargo after it."""
        last = _later("embargo", ends[block], self.embargo).max()
        return (starts <= last) & (ends >= starts[block].min())


def backtest_paths(folds: Sequence[Fold], outcomes: Sequence[np.ndarray]) -> np.ndarray:
    """Outcomes of all tests put together to whole histories: ``(path, window)``, the windows in their given order.

    ``outcomes`` holds one number for each test window of each fold. A window that is tested in :math:`m` folds is in
    :math:`m` paths, in the order of the folds; raises ``DataError`` unless all are tested equally often.

    >>> days = np.arange(6)
    >>> folds = CombinatorialPurged(groups=3, tested=2).split(days, days)
    >>> backtest_paths(folds, [np.full(fold.test.size, n) for n, fold in enumerate(folds)]).tolist()
    [[0, 0, 0, 0, 1, 1], [1, 1, 2, 2, 2, 2]]
    """
    sizes = [(fold.test.size, np.size(each)) for fold, each in zip(folds, outcomes, strict=True)]
    require(
        all(a == b for a, b in sizes), f"one outcome for each test window is expected, sizes were {sizes}", DataError
    )
    window, value = np.concatenate([fold.test for fold in folds]), np.concatenate([np.ravel(each) for each in outcomes])
    times = np.bincount(window)
    message = f"all windows must be tested equally often, were {times.min()} to {times.max()} times"
    require(bool(times.min() == times.max()), message, DataError)
    return value[np.argsort(window, kind="stable")].reshape(times.size, -1).T


def _in_order(starts: np.ndarray, ends: np.ndarray, least: int) -> np.ndarray:
    """Windows by their starts, after a look at their times."""
    sound = starts.ndim == 1 and starts.shape == ends.shape
    require(sound, f"one start and one end a window is expected, shapes were {starts.shape}, {ends.shape}", DataError)
    require(starts.size >= least, f"{least} windows or more are needed, found {starts.size}", DataError)
    late = int(np.sum(~(ends >= starts)))  # so that a missing time counts too
    require(late == 0, f"{late} windows end before they start, or lack a time; look at their dates", DataError)
    return np.argsort(starts, kind="stable")


def _later(name: str, times: np.ndarray, length: Length) -> np.ndarray:
    """``times`` moved; a plain number beside dates would count whatever unit they are kept in."""
    dated, span = times.dtype.kind == "M", isinstance(length, np.timedelta64)
    fits = length == 0 if dated and not span else dated or not span
    require(
        bool(fits), f"{name} of {length!r} does not fit the times: for dates give np.timedelta64(5, 'D')", DataError
    )
    return times + length


def _forward(name: str, length: Length) -> None:
    sound = length >= (np.timedelta64(0) if isinstance(length, np.timedelta64) else 0)
    require(bool(sound), f"{name} must be 0 or more, was {length}", ParameterError)
