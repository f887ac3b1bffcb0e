"""How new a text is: its distance to what was known before."""

import numpy as np
from jaxtyping import Float

from deephedge.core.errors import DataError, require

BLOCK = 512  # texts compared at once


def novelty(vectors: Float[np.ndarray, "text width"], known: np.ndarray, *, days: float = 5.0) -> np.ndarray:
    r"""1 less the largest cosine between a text and those known in the ``days`` before it; 1 where there is none.

    .. math:: \text{novelty}_i = 1 - \max\{v_i \cdot v_j : t_i - \text{days} \le t_j < t_i\}

    ``vectors`` are unit rows, ``known`` their times (datetime64), not decreasing. Texts known at the same moment are
    not compared, so their order does not matter; where times are whole days, what is repeated within a day stays new.
    The first texts of a history are new for want of a past: leave ``days`` out of a study at its start. Values lie in
    [0, 2] (repeated: 0).

    >>> v = np.array([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> novelty(v, np.array(["2024-01-01", "2024-01-02", "2024-01-03"], "datetime64[D]")).tolist()
    [1.0, 0.0, 1.0]
    """
    told = f"each of {len(vectors)} texts needs the time it was known, {len(known)} have one"
    require(len(vectors) == len(known), told, DataError)
    require(days > 0, f"the days to look back must be positive, were {days}", DataError)
    times = known.astype("datetime64[us]")
    require(bool(np.all(np.diff(times) >= np.timedelta64(0))), "texts must be in order of the time known", DataError)
    first = np.searchsorted(times, times - np.timedelta64(round(days * 86_400e6), "us"), side="left")
    last = np.searchsorted(times, times, side="left")  # strictly before
    result = np.ones(len(times))
    for start in range(0, len(times), BLOCK):
        rows = slice(start, start + BLOCK)
        low, high = int(first[start]), int(last[rows][-1])
        if high > low:
            places = np.arange(low, high)
            seen = (places >= first[rows, None]) & (places < last[rows, None])
            cosines = np.where(seen, vectors[rows] @ vectors[low:high].T, -np.inf).max(axis=1)
            result[rows] = np.where(np.isneginf(cosines), 1.0, np.clip(1.0 - cosines, 0.0, 2.0))
    return result
