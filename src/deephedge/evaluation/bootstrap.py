"""Resampling paths: one by one where they are independent, in blocks where windows overlap.

Every metric depends on a sample only through how often each path is in it, so a resample is a row of counts.
Rows are shared by all policies: differences between them are paired.
"""

from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from deephedge.core.errors import ParameterError, require

CHUNK = 2_000_000  # counts held at a time
AUTO = "auto"


@dataclass(frozen=True)
class Resampling:
    """How to resample: ``block`` 1 for independent paths, longer for a series of overlapping windows.

    ``circular`` takes blocks of exactly ``block`` paths that wrap around at the end (Politis and Romano, 1992),
    otherwise their lengths are geometric with mean ``block`` (the stationary bootstrap; Politis and Romano, 1994).

    >>> rows = np.concatenate(list(Resampling(block=3, resamples=4).counts(10)))
    >>> rows.shape, rows.sum(axis=1).tolist()
    ((4, 10), [10.0, 10.0, 10.0, 10.0])
    """

    block: int = 1
    resamples: int = 2000
    seed: int = 0
    circular: bool = True

    def __post_init__(self):
        whole = self.block == int(self.block) and self.block >= 1
        require(whole, f"block must be a whole number of paths from 1, was {self.block}", ParameterError)
        require(self.resamples >= 1, f"resamples must be at least 1, was {self.resamples}", ParameterError)

    def counts(self, paths: int) -> Iterator[np.ndarray]:
        """Chunks of rows; each row says how often each of ``paths`` paths is drawn, and sums to ``paths``."""
        for index in self.orders(paths):
            each = index + paths * np.arange(len(index))[:, None]
            yield np.bincount(each.ravel(), minlength=each.size).reshape(-1, paths).astype(float)

    def orders(self, paths: int) -> Iterator[np.ndarray]:
        """Chunks of rows; each row holds the numbers of the paths drawn, in order: for what depends on it."""
        require(self.block <= paths, f"a block of {self.block} does not fit into {paths} paths; shorten it")
        rng = np.random.default_rng(self.seed)
        rows = max(1, min(self.resamples, CHUNK // paths))
        for start in range(0, self.resamples, rows):
            yield self._index(rng, min(rows, self.resamples - start), paths)

    def kept(self, window: int | None) -> float:
        r"""The share of the variance of a mean over overlapping windows that blocks of this length keep.

        Windows of :math:`w` steps, one step apart, have autocorrelation :math:`1-k/w` when steps are independent.
        Blocks of :math:`b` weigh it with :math:`1-k/b`, so with :math:`c=w/b\le1` they keep :math:`1-c/3`.
        """
        if window is None or window <= 1:
            return 1.0
        c = window / self.block
        if not self.circular:
            return 2 * (1 / c + np.expm1(-c) / c**2)
        return 1 - c / 3 if c <= 1 else 1 / c - 1 / (3 * c**2)

    def _index(self, rng: np.random.Generator, rows: int, paths: int) -> np.ndarray:
        if self.block == 1:
            return rng.integers(paths, size=(rows, paths))
        if self.circular:
            starts = rng.integers(paths, size=(rows, -(-paths // self.block), 1))
            return ((starts + np.arange(self.block)) % paths).reshape(rows, -1)[:, :paths]
        here = np.arange(paths)
        fresh = rng.random((rows, paths)) < 1.0 / self.block
        fresh[:, 0] = True
        last = np.maximum.accumulate(np.where(fresh, here, 0), axis=1)
        starts = rng.integers(paths, size=(rows, paths))
        return (np.take_along_axis(starts, last, axis=1) + here - last) % paths


def block_length(paths: int, block: int | str | None, window: int | None, series: list[np.ndarray]) -> int:
    """The block to use: ``block`` if it is a number; else twice the ``window``, or what the data ask for if longer.

    ``None`` and no window means independent paths. ``"auto"`` is the largest length that Politis and White (2004,
    corrected 2009) find for any of the ``series``, at least the window. A quarter of the paths is the ceiling.
    """
    require(
        block is None or block == AUTO or not isinstance(block, str), f'block must be a number or "auto": {block!r}'
    )
    if isinstance(block, int):
        return block
    least = 1 if window is None else window
    if block == AUTO:
        length = max(least, *(politis_white(one) for one in series))
    else:
        length = 1 if window is None else 2 * window
    return int(min(length, max(1, paths // 4)))


def politis_white(series: np.ndarray) -> int:
    """The block length for a circular bootstrap of the mean of ``series`` (Politis and White, 2004; Patton, 2009)."""
    from arch.bootstrap import optimal_block_length  # brings pandas: loaded only when asked for

    if np.ptp(series) == 0:
        return 1
    return max(1, int(np.ceil(optimal_block_length(series)["circular"].iloc[0])))
