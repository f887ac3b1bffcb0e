"""Options settled on the opening against those settled on the close of the same day."""

from dataclasses import dataclass
from typing import ClassVar

from deephedge.data.layouts.options import MORNING
from deephedge.data.quality.base import AbstractCheck, Finding, counted, numbered, things
from deephedge.data.records import Records


@dataclass(frozen=True)
class Settlement(AbstractCheck):
    """``settlement`` against the root: ``morning`` roots settle on the opening of third Fridays, others on a close.

    An expiry that has both is a note: the two differ by a day of trading. A root of ``morning`` that says ``pm``,
    another of the same underlier that says ``am``, and one that says nothing are errors; a morning expiry that is not
    the third Friday, the Thursday before (a holiday) or the Saturday after it (until 2015) is a warning.
    """

    name: ClassVar[str] = "settlement"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    morning: tuple[str, ...] = MORNING

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records).with_columns(about="underlier").filter(pl.col("underlier").is_in(self.morning))
        own, said_am = pl.col("root").is_in(self.morning), pl.col("settlement") == "am"
        day = pl.col("expiry")
        friday = day.dt.offset_by("1d").dt.day().is_between(16, 22) & (day.dt.weekday() == 4)
        friday |= day.dt.day().is_between(15, 21) & (day.dt.weekday() == 5)
        friday |= day.dt.offset_by("-1d").dt.day().is_between(15, 21) & (day.dt.weekday() == 6)
        both = (said_am.any() & (~said_am).any()).over("event_time", "about", "expiry")
        rules = (
            ("error", "without a word whether they settle on the opening or the close", pl.col("settlement").is_null()),
            ("error", "settled at the other end of the day than the root is", own != said_am),
            ("warning", "settled on the opening of a day that is not a third Friday", own & said_am & ~friday),
            ("note", "with the expiry of others that are settled at the other end of the day", both),
        )
        return [
            finding
            for about, part in things(frame)
            for severity, words, wrong in rules
            for rows in (part.filter(wrong.fill_null(False)),)
            for finding in self.found(severity, about, f"{counted(rows.height, 'option')} {words}", rows, part.height)
        ]
