"""Futures: contracts that have expired, nearbys out of order, and jumps where a nearby rolls."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import AbstractCheck, Finding, counted, numbered, things
from deephedge.data.quality.repairs import Drop
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Rolls(AbstractCheck):
    """Rows after their expiry and nearbys that do not follow their expiries are errors; that a nearby jumps where its
    contract changes is a note, with the mean jump: returns across it are nobody's gain."""

    name: ClassVar[str] = "rolls"
    kinds: ClassVar[tuple[str, ...]] = ("futures",)

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records).with_columns(about="name")
        dead = pl.col("event_time").dt.date() > pl.col("expiry")
        moment = ["about", "event_time"]
        ranked = pl.col("nearby").is_not_null()
        order = pl.col("expiry").rank("dense").over(*moment) != pl.col("nearby").rank("dense").over(*moment)
        line = ["about", "nearby"]
        frame = frame.sort(*line, "event_time")
        before = {name: pl.col(name).shift(1).over(line) for name in ("expiry", "price")}
        rolled = ranked & (pl.col("expiry") != before["expiry"])
        positive = (pl.col("price") > 0) & (before["price"] > 0)
        move = pl.when(positive).then((pl.col("price") / before["price"]).log().abs())
        back = ranked & (pl.col("expiry") < before["expiry"])
        frame = frame.with_columns(
            dead=dead, order=(ranked & order).fill_null(False), rolled=rolled.fill_null(False), move=move,
            back=back.fill_null(False),
        )  # fmt: skip
        return [finding for about, part in things(frame) for finding in self._of(about, part)]

    def _of(self, about: str, part: "pl.DataFrame") -> list[Finding]:
        import polars as pl

        drop = Drop(Where(("name", "==", about), ("event_time", ">", "@expiry")))
        rules = (
            ("error", "dead", "later than the expiry", drop),
            ("error", "order", "whose nearbys are not in the order of the expiries", None),
            ("error", "back", "at which a nearby goes back to an earlier expiry", None),
            ("note", "rolled", f"after a roll{_moves(part)}: no return is earned across it", None),
        )
        return [
            finding
            for severity, flag, words, repair in rules
            for rows in (part.filter(pl.col(flag)),)
            for finding in self.found(
                severity, about, f"{counted(rows.height, 'row')} {words}", rows, part.height, repair
            )
        ]


def _moves(part: "pl.DataFrame") -> str:
    rolled, plain = (part.filter(rolled=flag)["move"].mean() for flag in (True, False))
    known = isinstance(rolled, float) and isinstance(plain, float)
    return f", where the price moves by {rolled:.2%} on average against {plain:.2%}" if known else ""
