"""The point-in-time join: records of all kinds as one table of decision times, each row of what was known by then."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from deephedge.core.calendars import Day, sessions
from deephedge.core.errors import DataError, nearest, require
from deephedge.data.columns import AbstractColumn, Duration, Latest, duration
from deephedge.data.history import History
from deephedge.data.records import Origin, Records

CLOSES = {"values": "value", "bars": "close"}  # the number of a day, by kind
ORIGIN = ("source", "publisher", "licence")


@dataclass(frozen=True, eq=False, repr=False)
class Table:
    """Named columns at decision times (``datetime64[us]``, UTC); NaN where nothing was known. Nothing in it changes."""

    times: np.ndarray
    columns: Mapping[str, np.ndarray]

    def column(self, name: str) -> np.ndarray:
        """The numbers called ``name``; raises ``DataError`` with the nearest known name."""
        require(name in self.columns, f"the table has no column {name!r}: {nearest(name, self.columns)}", DataError)
        return self.columns[name]

    def row(self, place: int) -> dict[str, float]:
        """The numbers of one decision time."""
        return {name: float(values[place]) for name, values in self.columns.items()}

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return f"Table({', '.join(self.columns)}: {len(self):,} times)"


def aligned(
    records: Sequence[Records],
    times: np.ndarray,
    columns: Mapping[str, AbstractColumn],
    max_age: Duration | None = None,
) -> Table:
    """What was known at each of ``times`` (UTC), by column; a function of the set of records, whatever their order.

    A row at t depends on records with ``known_time`` up to t and on nothing else: neither on later records nor on the
    other times. ``max_age``: how long before t an event may lie, for columns that do not say it themselves. A column of
    which there is no record is NaN. Raises ``DataError`` for times that are none, and for a column that is ambiguous.

    >>> from deephedge.data import Origin, Records
    >>> rows = {"event_time": ["2024-03-31"] * 2, "known_time": ["2024-04-25", "2024-05-30"], "name": ["us.gdp"] * 2}
    >>> records = Records.of("values", rows | {"value": [1.6, 1.3]}, origin=Origin("by hand"))
    >>> times = np.array(["2024-04-01", "2024-05-01", "2024-06-01"], dtype="datetime64[us]")
    >>> aligned([records], times, {"gdp": Latest("values", {"name": "us.gdp"})}).column("gdp").tolist()
    [nan, 1.6, 1.3]
    """
    times = _moments(times)
    frames = {kind: joined.frame for kind, joined in by_kind(records).items()}
    for kind in {column.kind for column in columns.values()} - set(frames):
        frames[kind] = Records.of(kind, [], origin=Origin("nothing")).frame
    found = {
        name: column.values(column.rows(frames[column.kind]), times, age(column, max_age))
        for name, column in columns.items()
    }
    for values in (times, *found.values()):
        values.setflags(write=False)
    return Table(times, MappingProxyType(found))


def by_kind(records: Sequence[Records]) -> dict[str, Records]:
    """The records of each kind, joined."""
    kinds = dict.fromkeys(one.kind.name for one in records)
    grouped = {kind: [one for one in records if one.kind.name == kind] for kind in kinds}
    return {kind: same[0].joined(*same[1:]) if len(same) > 1 else same[0] for kind, same in grouped.items()}


def age(column: AbstractColumn, otherwise: Duration | None) -> np.timedelta64 | None:
    """How old what ``column`` uses may be."""
    limit = otherwise if column.max_age is None else column.max_age
    return None if limit is None else duration(limit)


def closes(records: Sequence[Records]) -> dict[str, AbstractColumn]:
    """A column for each name among values (``value``) and bars (``close``)."""
    return {
        name: Latest(kind, {"name": name}, CLOSES[kind])
        for kind, joined in by_kind(records).items()
        if kind in CLOSES
        for name in joined.frame["name"].unique().sort().to_list()
    }


def daily_history(
    records: Sequence[Records],
    columns: Mapping[str, AbstractColumn] | None = None,
    *,
    exchange: str = "XNYS",
    at: str = "close",
    lag: Duration = "0min",
    start: Day | None = None,
    end: Day | None = None,
    max_age: Duration | None = None,
) -> History:
    """A daily history: for each session of ``exchange`` what was known ``lag`` after its ``"open"`` or ``"close"``.

    ``columns``: `closes` unless given. A negative lag is a decision before the close. Sessions run from the first day
    on which something became known to the last, unless ``start`` and ``end`` (both included) say otherwise; a pipeline
    that `lookahead` examines should say them. Raises ``DataError`` where a column has no value on any day.
    """
    require(at in ("open", "close"), f"at is 'open' or 'close', was {at!r}", DataError)
    known = [one.frame["known_time"] for one in records if len(one)]
    require(bool(known), "a daily history needs records, there are none", DataError)
    first, last = min(one.min() for one in known), max(one.max() for one in known)
    first, last = first.date() if start is None else start, last.date() if end is None else end
    days = sessions(first, last, exchange)
    times = (days.closes if at == "close" else days.opens).astype("datetime64[us]") + duration(lag)
    table = aligned(records, times, closes(records) if columns is None else columns, max_age)
    empty = [name for name, values in table.columns.items() if np.isnan(values).all()]
    told = f"nothing was known of {', '.join(empty)} at the {at} of any session from {days.days[0]} to {days.days[-1]}"
    require(not empty, told, DataError)
    origins = tuple(dict.fromkeys(one.origin for one in records))
    words = {part: "; ".join(dict.fromkeys(getattr(one, part) for one in origins)) for part in ORIGIN}
    repairs = tuple(dict.fromkeys(sentence for one in records for sentence in one.repairs))
    return History.of(days.days, table.columns, repairs=repairs, **words)


def _moments(times: np.ndarray) -> np.ndarray:
    times = np.asarray(times)
    right = times.ndim == 1 and times.dtype.kind == "M" and not np.isnat(times).any()
    require(right, f"decision times are a row of datetime64 in UTC without gaps, were {times.dtype}", DataError)
    return times.astype("datetime64[us]")
