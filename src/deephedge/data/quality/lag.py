"""Figures that are known before they can be."""

from dataclasses import dataclass
from typing import ClassVar

from deephedge.data.quality.base import AbstractCheck, Finding, counted, series, things
from deephedge.data.records import Records


@dataclass(frozen=True)
class ReleaseLag(AbstractCheck):
    """Figures about a period (in the median ``period`` days or more) that are known within ``lag`` hours of its date.

    No office publishes a month on its last day; a desk that reads it then looks ahead. Dates of publishers are often
    the first day of the period, so even a true lag of a month must be given when the file is read.
    """

    name: ClassVar[str] = "release lag"
    kinds: ClassVar[tuple[str, ...]] = ("values",)
    period: float = 6.5
    lag: float = 24.0

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        found = []
        for about, part in things(series(records)):
            step = part["event_time"].diff().dt.total_seconds().median()
            if part.height < 4 or not isinstance(step, float) or step < self.period * 86_400:
                continue
            late = (pl.col("known_time") - pl.col("event_time")).dt.total_seconds() >= self.lag * 3600
            rows = part.filter(~late)
            said = (
                f"{counted(rows.height, 'figure')} (one in {step / 86_400:.0f} days) known at once: the "
                "lag of the release is missing; give it, or read vintages"
            )
            found += self.found("error", about, said, rows, part.height)
        return found
