"""Look-ahead, found by running a pipeline again on what was known at the time."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.align import Table
from deephedge.data.history import History
from deephedge.data.records import Moment, Records, moment

DAY = np.timedelta64(1, "D")


@dataclass(frozen=True)
class Finding:
    """A number that a pipeline would not have given at the time.

    ``column`` (``"(rows)"`` where the whole row is missing) of the row at ``row``; ``known``: what it is on the records
    known by ``cut``; ``full``: what it is on all of them. ``rows``: how many rows of the column differ by then.
    """

    column: str
    cut: str
    row: str
    known: float
    full: float
    rows: int

    def __str__(self) -> str:
        told = f"{self.column}: on what was known by {self.cut} the row of {self.row} is {self.known:.8g}"
        return f"{told}, on all records {self.full:.8g} ({self.rows:,} rows differ)"


def lookahead(
    pipeline: Callable[[Sequence[Records]], Table | History],
    records: Sequence[Records],
    times: Iterable[Moment],
    *,
    tolerance: float = 1e-9,
) -> list[Finding]:
    """The columns of ``pipeline(records)`` that depend on what was not known: none is what an honest one gives.

    For each of ``times`` the last row at or before it is taken as the cut; the pipeline runs again on the records known
    by the cut, and every row up to it must be there and be the same, NaN too, to ``tolerance`` (relative, for sums
    whose order changes with their length). A day of a `History` is taken to end at midnight, UTC. Finds what the
    records can show: a ``known_time`` that is itself too early is beyond it. Raises ``DataError`` for a time before
    the first row.
    """
    dates, full = _dated(pipeline(records))
    found: dict[tuple[str, np.datetime64], Finding] = {}
    for time in times:
        when = np.datetime64(moment(time).replace(tzinfo=None), "us")
        require(bool((dates <= when).any()), f"the pipeline has no row by {when}; look at a later time", DataError)
        cut = dates[dates <= when].max()
        known = [one.known_by(cut) for one in records]
        for finding in _differences(dates, full, *_dated(pipeline(known)), cut, tolerance):
            found.setdefault((finding.column, cut), finding)
    return list(found.values())


def _differences(
    dates: np.ndarray,
    full: Mapping[str, np.ndarray],
    again: np.ndarray,
    known: Mapping[str, np.ndarray],
    cut: np.datetime64,
    tolerance: float,
) -> Iterable[Finding]:
    odd = np.setxor1d(dates[dates <= cut], again[again <= cut])
    if odd.size or set(full) != set(known):
        columns = sorted(set(full) ^ set(known)) or ["(rows)"]
        first = str(odd[0]) if odd.size else "every day"
        yield from (Finding(name, str(cut), first, np.nan, np.nan, max(odd.size, 1)) for name in columns)
    _, left, right = np.intersect1d(dates, again, return_indices=True)
    left, right = left[dates[left] <= cut], right[again[right] <= cut]
    for name in sorted(full.keys() & known.keys()):
        one, other = full[name][left], known[name][right]
        wrong = np.flatnonzero(~np.isclose(other, one, rtol=tolerance, atol=0.0, equal_nan=True))
        if wrong.size:
            at = wrong[0]
            where = str(dates[left][at])
            yield Finding(name, str(cut), where, float(other[at]), float(one[at]), int(wrong.size))


def _dated(made: Table | History) -> tuple[np.ndarray, Mapping[str, np.ndarray]]:
    """When each row is decided, and the columns."""
    if isinstance(made, Table):
        return made.times, made.columns
    return made.dates.astype("datetime64[us]") + DAY, made.quotes
