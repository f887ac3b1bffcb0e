"""Rows that are there twice."""

from dataclasses import dataclass
from typing import ClassVar

from deephedge.data.kinds import NUMBER, TIMES
from deephedge.data.quality.base import AbstractCheck, Finding, counted, numbered
from deephedge.data.quality.repairs import Once
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

TICKS = 0.2  # share of shared moments from which on the rows are ticks, several of which a moment are no defect


@dataclass(frozen=True)
class Duplicates(AbstractCheck):
    """Rows with both times and all keys of another: a warning where they agree, an error where they do not."""

    name: ClassVar[str] = "duplicates"

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        kind = records.kind
        own = [*TIMES, *kind.keys]
        frame = numbered(records)
        frame = frame.filter(pl.struct(own).is_duplicated())
        if frame.is_empty():
            return []
        numbers = [name for name, of in kind.columns.items() if of == NUMBER and name not in own]
        alike = pl.all_horizontal(pl.lit(True), *(pl.col(name).eq_missing(pl.col(name).first()) for name in numbers))
        frame = frame.with_columns(
            alike=alike.over(own).all().over(own), again=pl.struct(own).is_first_distinct().not_()
        )
        same, other = frame.filter(pl.col("alike") & pl.col("again")), frame.filter(~pl.col("alike"))
        ticks = kind.name in ("values", "quotes") and other.height > TICKS * len(records)
        said = f"{counted(same.height, 'row')} as another in all numbers"
        odd = "ticks at one moment: say in which order they count" if ticks else "keep the right ones"
        told = f"{counted(other.height, 'row')} with the times and keys of another and other numbers; {odd}"
        repair = Once(Where())
        return [
            *self.found("warning", kind.name, said, same, len(records), repair),
            *self.found("note" if ticks else "error", kind.name, told, other, len(records)),
        ]
