"""Columns of a point-in-time table: what a desk makes, at a moment, of all that it knows by then."""

import re
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import numpy as np

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.kinds import NUMBER, kind_of

if TYPE_CHECKING:
    import polars as pl

Duration = str | timedelta | np.timedelta64
UNITS = {"us": "us", "ms": "ms", "s": "s", "min": "m", "h": "h", "d": "D", "w": "W"}
WRITTEN = re.compile(r"([+-]?\d+)(" + "|".join(UNITS) + ")")


def duration(length: Duration) -> np.timedelta64:
    """A length of time in microseconds; as text a whole number and one of the units us, ms, s, min, h, d, w.

    >>> str(duration("15min"))
    '900000000 microseconds'
    """
    if not isinstance(length, str):
        return np.timedelta64(length).astype("timedelta64[us]")
    found = WRITTEN.fullmatch(length.strip())
    if found is None:
        raise DataError(f"a length of time is written like 15min or 90d, was {length!r}; units are {', '.join(UNITS)}")
    return np.timedelta64(int(found[1]), UNITS[found[2]]).astype("timedelta64[us]")  # pyright: ignore


class AbstractColumn(ABC):
    """A frozen dataclass that turns rows of one kind into one number a decision time.

    ``kind``: of the records it reads. ``where``: the values that columns of its rows have, such as ``{"name": "SPX"}``.
    ``max_age``: how old what it uses may be; None leaves that to `aligned`.
    """

    kind: str
    where: Mapping[str, Any]
    max_age: Duration | None

    @abstractmethod
    def values(self, rows: "pl.DataFrame", times: np.ndarray, max_age: np.timedelta64 | None) -> np.ndarray:
        """One number for each of ``times`` of those ``rows`` with ``known_time`` up to it; NaN where there is none."""

    @abstractmethod
    def needed(self, rows: "pl.DataFrame", time: np.datetime64, max_age: np.timedelta64 | None) -> "pl.DataFrame":
        """The rows that can still matter at ``time`` or later: all others change nothing that `values` answers."""

    def rows(self, frame: "pl.DataFrame") -> "pl.DataFrame":
        """The rows of ``frame`` (of this kind) that the column is about; raises ``DataError`` for an unknown column."""
        import polars as pl

        for name in self.where:
            known = kind_of(self.kind).columns
            require(name in known, f"{self.kind} have no column {name!r}: {nearest(name, known)}", DataError)
        try:
            return frame.filter(*(pl.col(name) == value for name, value in self.where.items()))
        except pl.exceptions.PolarsError:
            told = (
                f"where of a column of {self.kind} holds a value of another type than the records: {dict(self.where)}"
            )
            raise DataError(told) from None


@dataclass(frozen=True)
class Latest(AbstractColumn):
    """The number ``of`` the latest event known, in its last version: a revision of an older period never replaces it.

    NaN before the first, where that version has no number, and where its event is older than ``max_age``. Of two
    versions that became known at the same moment the larger number counts; the order in which rows arrive never does.

    >>> Latest("values", {"name": "us.cpi"}, max_age="90d").of
    'value'
    """

    kind: str
    where: Mapping[str, Any]
    of: str = "value"
    max_age: Duration | None = None

    def values(self, rows: "pl.DataFrame", times: np.ndarray, max_age: np.timedelta64 | None) -> np.ndarray:
        """Numbers in the unit of the column ``of``; raises ``DataError`` where one event is about several things."""
        rows = self._in_order(rows)
        if rows.is_empty():
            return np.full(times.shape, np.nan)
        event = _utc(rows, "event_time")
        last = np.searchsorted(_utc(rows, "known_time"), times, side="right") - 1
        row = _best(event)[np.maximum(last, 0)]
        found = (last >= 0) & (True if max_age is None else times - event[row] <= max_age)
        return np.where(found, rows[self.of].to_numpy()[row], np.nan)

    def needed(self, rows: "pl.DataFrame", time: np.datetime64, max_age: np.timedelta64 | None) -> "pl.DataFrame":
        """The one row that counts at ``time``, and those that become known after it."""
        rows = self._in_order(rows)
        count = int(np.searchsorted(_utc(rows, "known_time"), time, side="right"))
        best = _best(_utc(rows, "event_time")[:count])[-1:]
        return rows[np.concatenate([best, np.arange(count, rows.height)])]

    def _in_order(self, rows: "pl.DataFrame") -> "pl.DataFrame":
        kind = kind_of(self.kind)
        numbers = [name for name, of in kind.columns.items() if of == NUMBER]
        require(self.of in numbers, f"{self.kind} have no number {self.of!r}: {nearest(self.of, numbers)}", DataError)
        about = rows.select("event_time", *kind.keys).unique()
        several = about.height - about["event_time"].n_unique()
        told = f"{several:,} {self.kind} of {dict(self.where)} share the event_time of another; say which in where, by"
        require(several == 0, f"{told} {', '.join(kind.keys)}", DataError)
        return rows.sort(["known_time", "event_time", self.of], nulls_last=False)


@dataclass(frozen=True)
class Decayed(AbstractColumn):
    r"""A sum over what became known within ``window`` before a decision, older items counting less.

    .. math:: x_t = \sum_{i:\; t - w < k_i \le t} s_i\, 2^{-(t - k_i)/h}

    with :math:`k_i` the known time of item :math:`i`, :math:`w` the window, :math:`h` the half-life, and :math:`s_i`
    what ``score`` says of it: a function of the rows that gives one number for each, from that row alone; None counts
    them. With ``mean`` the sum is divided by that of the weights, and NaN where nothing came. An item that comes again
    within the window (a feed lists it twice, a correction) counts once, by the first version in it.
    """

    where: Mapping[str, Any] = field(default_factory=dict)
    half_life: Duration = "1d"
    window: Duration = "10d"
    score: "Callable[[pl.DataFrame], np.ndarray] | None" = None
    mean: bool = False
    kind: str = field(default="news", init=False)
    max_age: Duration | None = field(default=None, init=False)

    def values(self, rows: "pl.DataFrame", times: np.ndarray, max_age: np.timedelta64 | None) -> np.ndarray:
        """Sums, or means, of the scores; ``max_age`` has no part in it, the window has."""
        rows = rows.sort(["known_time", *(name for name in rows.columns if name != "known_time")])
        known, opened = _utc(rows, "known_time"), times - duration(self.window)
        first, last = (np.searchsorted(known, edge, side="right") for edge in (opened, times))
        counts = last - first
        time = np.repeat(np.arange(times.size), counts)
        item = np.arange(counts.sum()) + np.repeat(first - np.cumsum(counts) + counts, counts)
        before = self._before(rows)
        if not np.isnat(before).all():
            fresh = ~(before[item] > opened[time])  # never seen before is not a time, which compares false
            time, item = time[fresh], item[fresh]
        weight = np.exp2((known[item] - times[time]) / duration(self.half_life))
        counted = self.score is None or rows.is_empty()
        scores = np.ones(rows.height) if counted else np.asarray(self.score(rows), np.float64)  # pyright: ignore
        # bincount adds in the order of the items, so a sum has the same bits whatever other times and items there are
        total = np.bincount(time, weight * scores[item], times.size)
        if not self.mean:
            return total
        weights = np.bincount(time, weight, times.size)
        return np.divide(total, weights, out=np.full(times.size, np.nan), where=weights > 0)

    def needed(self, rows: "pl.DataFrame", time: np.datetime64, max_age: np.timedelta64 | None) -> "pl.DataFrame":
        """Those that became known within the window before ``time``, or after it."""
        return rows.filter(_utc(rows, "known_time") > time - duration(self.window))

    def _before(self, rows: "pl.DataFrame") -> np.ndarray:
        """When the version before each was known, of the same item; not a time for the first."""
        import polars as pl

        # headlines without an id are told apart by their words
        about = ["event_time", "name", "source", pl.coalesce("id", "headline")]
        return _utc(rows.select(pl.col("known_time").shift(1).over(about)), "known_time")


def _utc(rows: "pl.DataFrame", name: str) -> np.ndarray:
    return rows[name].dt.replace_time_zone(None).to_numpy()


def _best(event: np.ndarray) -> np.ndarray:
    """Of rows in the order in which they became known, which one counts after each: the last of the latest event."""
    newest = event >= np.maximum.accumulate(event)
    return np.maximum.accumulate(np.where(newest, np.arange(event.size), 0))
