"""Live: the rows of the point-in-time join one at a time, from a stream, in bounded memory."""

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.align import age, aligned, by_kind
from deephedge.data.columns import AbstractColumn, Duration
from deephedge.data.records import Moment, Records, moment


@dataclass(frozen=True, eq=False)
class Live:
    """What a desk holds while a stream runs; ``at`` gives the row that `aligned` gives of all records, bit for bit.

    It keeps the records and calls the same function; `since` drops those that no later decision can need: all but the
    last word on each latest event, and but the window of news. Nothing is changed in place: each call gives a new one.

    >>> from deephedge.data import Latest, Origin, Records
    >>> row = {"event_time": "2024-01-02 21:00", "known_time": "2024-01-02 21:15", "name": "SPX", "value": 4742.83}
    >>> live = Live({"SPX": Latest("values", {"name": "SPX"})})
    >>> live = live.fed(Records.of("values", [row], origin=Origin("by hand")))
    >>> live.at("2024-01-02 21:14"), live.at("2024-01-02 21:15")
    ({'SPX': nan}, {'SPX': 4742.83})
    """

    columns: Mapping[str, AbstractColumn]
    max_age: Duration | None = None
    held: tuple[Records, ...] = field(default=(), repr=False)
    start: np.datetime64 | None = None

    def fed(self, records: Records) -> "Live":
        """With ``records`` too; those of a kind that no column reads are left."""
        read = records.kind.name in {column.kind for column in self.columns.values()}
        return replace(self, held=(*self.held, records)) if read else self

    def at(self, time: Moment) -> dict[str, float]:
        """The row of ``time``; raises ``DataError`` for one before that of `since`."""
        when = _instant(time)
        told = f"records before {self.start} are dropped: a live desk cannot answer for {when}"
        require(self.start is None or bool(when >= self.start), told, DataError)
        return aligned(self.held, np.array([when]), self.columns, self.max_age).row(0)

    def since(self, time: Moment) -> "Live":
        """Without what no decision at ``time`` or later can need."""
        import polars as pl

        when, held = _instant(time), []
        for kind, records in by_kind(self.held).items():
            readers = [column for column in self.columns.values() if column.kind == kind]
            kept = [column.needed(column.rows(records.frame), when, age(column, self.max_age)) for column in readers]
            rows = pl.concat(kept).unique(maintain_order=True)
            held.append(Records.of(records.kind, rows, origin=records.origin, repairs=records.repairs))
        return replace(self, held=tuple(held), start=when)

    def __len__(self) -> int:
        return sum(len(records) for records in self.held)


def _instant(time: Moment) -> np.datetime64:
    return np.datetime64(moment(time).replace(tzinfo=None), "us")
