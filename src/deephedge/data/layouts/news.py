"""Headlines, articles and messages."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import numbers
from deephedge.data.layouts.times import at, days, moments

if TYPE_CHECKING:
    import polars as pl

DAY_END = "23:59"  # of New York: what is dated by its day only may have come out at any hour of it


@dataclass(frozen=True)
class Headlines(AbstractLayout):
    """A day, a headline and its source; taken to have happened, and to be known, at the end of the day in New York."""

    name: ClassVar[str] = "headlines"
    kind: ClassVar[str] = "news"
    needs: ClassVar[tuple[str, ...]] = ("date", "headline", "source")

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a headline."""
        import polars as pl

        frame = lowered(frame, file)
        return frame.select(*_day_end(frame["date"], file), pl.lit("").alias("name"), "source", "headline")


@dataclass(frozen=True)
class Messages(AbstractLayout):
    """A ticker, the second at which a message was written (UTC unless it says otherwise), and its text."""

    name: ClassVar[str] = "messages"
    kind: ClassVar[str] = "news"
    needs: ClassVar[tuple[str, ...]] = ("ticker", "created_at", "text")

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a message, about its ticker."""
        import polars as pl

        frame = lowered(frame, file)
        moment = moments(frame["created_at"], file, "UTC")
        return frame.select(
            moment.alias("event_time"), moment.alias("known_time"), pl.col("ticker").alias("name"), "text"
        )


@dataclass(frozen=True)
class Articles(AbstractLayout):
    """Articles of the Wall Street Journal and the Washington Post by day, known at its end in New York.

    ``name`` is ``"economy"`` for those that readers judged to be about it, later and by the text alone.
    """

    name: ClassVar[str] = "articles"
    kind: ClassVar[str] = "news"
    needs: ClassVar[tuple[str, ...]] = ("id", "date", "texts", "wsj", "wapo", "economy")

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row an article."""
        import polars as pl

        frame = lowered(frame, file)
        wsj, economy = (numbers(frame[column], file) == 1 for column in ("wsj", "economy"))
        return frame.select(
            *_day_end(frame["date"], file),
            pl.when(economy).then(pl.lit("economy")).otherwise(pl.lit("")).alias("name"),
            pl.when(wsj).then(pl.lit("wsj")).otherwise(pl.lit("wapo")).alias("source"),
            "id", pl.col("texts").alias("text"),
        )  # fmt: skip


def _day_end(column: "pl.Series", file: str) -> "list[pl.Series]":
    moment = at(days(column, file), DAY_END, "America/New_York")
    return [moment.alias("event_time"), moment.alias("known_time")]
