"""What a check of quality is, and what it finds."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from deephedge.data.kinds import KINDS
from deephedge.data.quality.repairs import AbstractRepair
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

SEVERITIES = ("error", "warning", "note")  # worst first
SERIES = ("values", "bars", "quotes", "futures", "options")  # kinds in which something has a level through time
LEVELS = {"values": "value", "bars": "close", "futures": "price", "options": "underlier_price"}
SHOWN = 5


@dataclass(frozen=True, eq=False)
class Finding:
    """One defect of one thing.

    ``severity``: an ``error`` makes results wrong, a ``warning`` may, a ``note`` is for whoever uses the rows.
    ``index``: positions in ``records.frame``; none where rows are missing, and ``rows`` counts those then. ``share``
    is of the rows that could have it. ``when``: the first few times and the last. ``repair`` is what would mend it.
    """

    check: str
    severity: str
    about: str
    sentence: str
    rows: int
    share: float
    index: np.ndarray
    when: tuple[datetime, ...]
    repair: AbstractRepair | None = None


@dataclass(frozen=True)
class AbstractCheck(ABC):
    """A frozen dataclass whose fields are its thresholds. It may look at the whole of the records, later rows too: a
    check judges history; only the repair that it proposes must do without the future."""

    name: ClassVar[str]
    kinds: ClassVar[tuple[str, ...]] = tuple(KINDS)

    @abstractmethod
    def findings(self, records: Records) -> list[Finding]:
        """What is wrong with records of one of ``kinds``; any records are judged, empty ones too."""

    def found(
        self, severity: str, about: str, sentence: str, rows: "pl.DataFrame", total: int,
        repair: AbstractRepair | None = None,
    ) -> list[Finding]:  # fmt: skip
        """One finding about ``rows`` (columns ``row`` and ``event_time``) of ``total`` such rows; none for no rows."""
        if rows.is_empty():
            return []
        index = rows["row"].to_numpy().astype(np.int64)
        share = rows.height / max(total, 1)
        return [Finding(self.name, severity, about, sentence, rows.height, share, index, _when(rows), repair)]


def numbered(records: Records) -> "pl.DataFrame":
    """The rows and their positions in ``row``."""
    return records.frame.with_row_index("row")


def series(records: Records) -> "pl.DataFrame":
    """One level through time a thing: columns ``row about event_time known_time level unit``, in order.

    The level is the value, the close, the mid, the settlement, or for options the median price of the underlier at
    each moment; the last known version of each, and none where there is no number.
    """
    import polars as pl

    kind, frame = records.kind.name, numbered(records)
    key = ("name", "contract", "expiry") if kind == "futures" else ("underlier",) if kind == "options" else ("name",)
    mid = pl.when((pl.col("bid") > 0) & (pl.col("ask") > 0)).then((pl.col("bid") + pl.col("ask")) / 2)
    level = mid if kind == "quotes" else pl.col(LEVELS[kind])
    about = pl.concat_str([pl.col(name).cast(pl.String) for name in key], separator=" ", ignore_nulls=True)
    frame = frame.select("row", about.alias("about"), "event_time", "known_time", level.alias("level"), "unit")
    frame = frame.drop_nulls("level")
    if kind == "options":
        one = pl.col("row", "known_time", "unit").first(), pl.col("level").median()
        frame = frame.group_by("about", "event_time", maintain_order=True).agg(*one)
    frame = frame.unique(["about", "event_time"], keep="last", maintain_order=True)
    return frame.select("row", "about", "event_time", "known_time", "level", "unit").sort("about", "event_time")


def things(frame: "pl.DataFrame") -> "list[tuple[str, pl.DataFrame]]":
    """The part of each thing, by its ``about``."""
    return [(str(about), part) for (about,), part in frame.group_by("about", maintain_order=True)]


def counted(count: int, noun: str) -> str:
    """A number and its noun.

    >>> counted(1, "row"), counted(2345, "row")
    ('1 row', '2,345 rows')
    """
    return f"{count:,} {noun}{'' if count == 1 else 's'}"


def stamps(times: "pl.Series") -> tuple[str, ...]:
    """Moments as conditions of a repair write them, each once."""
    return tuple(times.unique().sort().dt.strftime("%Y-%m-%d %H:%M:%S%.6f").to_list())


def listed(times: tuple[datetime, ...]) -> str:
    """Times as a reader wants them: days where they are at most one a day.

    >>> listed((datetime(2024, 1, 2, 21), datetime(2024, 1, 3, 21)))
    '2024-01-02, 2024-01-03'
    """
    days = [f"{time:%Y-%m-%d}" for time in times]
    return ", ".join(days if len(set(days)) == len(days) else [f"{time:%Y-%m-%d %H:%M}" for time in times])


def _when(rows: "pl.DataFrame") -> tuple[datetime, ...]:
    times = rows["event_time"].unique().sort()
    shown = times.to_list() if times.len() <= SHOWN + 1 else [*times[:SHOWN].to_list(), times[-1]]
    return tuple(shown)
