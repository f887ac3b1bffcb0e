"""Quotes that cannot be dealt on, and bars that contradict themselves."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import AbstractCheck, Finding, counted, numbered, things
from deephedge.data.quality.repairs import AbstractRepair, Drop, Fill
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Quotes(AbstractCheck):
    """Crossed (ask below bid) and negative quotes are errors, locked ones and asks of 0 warnings, no bid a note: what
    nobody bids for has no mid."""

    name: ClassVar[str] = "quotes"
    kinds: ClassVar[tuple[str, ...]] = ("quotes", "options")

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records)
        frame = frame.with_columns(about="underlier" if records.kind.name == "options" else "name")
        bid, ask = pl.col("bid"), pl.col("ask")
        crossed = Where(("ask", "<", "@bid"), ("ask", ">", 0.0))
        rules: tuple[tuple[str, str, pl.Expr, AbstractRepair | None], ...] = (
            ("error", "with an ask below the bid", (ask < bid) & (ask > 0), Drop(crossed)),
            ("error", "with a negative bid", bid < 0, Drop(Where(("bid", "<", 0.0)))),
            ("error", "with a negative ask", ask < 0, Drop(Where(("ask", "<", 0.0)))),
            ("warning", "with an ask of 0: nobody offers, and a buyer has no price", ask == 0,
             Drop(Where(("ask", "==", 0.0)))),
            ("warning", "with an ask equal to the bid", (ask == bid) & (ask > 0), None),
            ("note", "without a bid: a seller gets nothing, and the mid is no price", (bid == 0) | bid.is_null(), None),
            ("note", "without an ask: a buyer has no price", ask.is_null() & bid.is_not_null(), None),
        )  # fmt: skip
        quoted = frame.filter(bid.is_not_null().any().over("about") | ask.is_not_null().any().over("about"))
        return [
            finding
            for about, part in things(quoted)
            for severity, words, wrong, repair in rules
            for rows in (part.filter(wrong),)
            for finding in self.found(
                severity, about, f"{counted(rows.height, 'quote')} {words}", rows, part.height, repair
            )
        ]


@dataclass(frozen=True)
class Bars(AbstractCheck):
    """Highs below lows, opens and closes outside them, and prices of 0 in a series that has others."""

    name: ClassVar[str] = "bars"
    kinds: ClassVar[tuple[str, ...]] = ("bars",)
    rounding: float = 1e-6

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records).with_columns(about="name")
        low, high = pl.col("low") * (1 - self.rounding), pl.col("high") * (1 + self.rounding)
        zero = {name: (pl.col(name) == 0) & (pl.col(name) != 0).any() for name in ("open", "high", "low", "close")}
        beyond = [(pl.col(name) < low) | (pl.col(name) > high) for name in ("open", "close")]
        sound = pl.all_horizontal(~(pl.col(name) == 0) for name in zero)
        wrong = (pl.col("low") > pl.col("high")) | pl.any_horizontal(beyond)
        result = []
        for about, part in things(frame):
            rows = part.filter(wrong & sound)
            said = f"{counted(rows.height, 'bar')} with prices outside low to high"
            result += self.found("error", about, said, rows, part.height)
            for name, rule in zero.items():
                rows = part.filter(rule)
                said = f"{name} is 0 on {counted(rows.height, 'bar')}: not recorded; do not use it there"
                severity, repair = (
                    ("error", Fill(Where((name, "==", 0.0)), name)) if name == "close" else ("warning", None)
                )
                result += self.found(severity, about, said, rows, part.height, repair)
        return result


@dataclass(frozen=True)
class Signs(AbstractCheck):
    """Prices that are negative or 0 where that is impossible; ``allowed`` names what may be (oil in April 2020, power,
    spreads), and from when to when: (name, first day, last day).

    Values are prices where their unit is a currency (three capitals, or a pair ``USD/bbl``); rates may be negative.
    """

    name: ClassVar[str] = "signs"
    kinds: ClassVar[tuple[str, ...]] = ("values", "bars", "quotes", "futures", "options")
    allowed: tuple[tuple[str, str, str], ...] = (("CL", "2020-04-20", "2020-04-21"),)

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame, kind = numbered(records), records.kind.name
        columns = {
            "values": ("value",), "bars": ("high", "close"), "quotes": (), "futures": ("price",),
            "options": ("last", "mark", "settle", "underlier_price", "strike"),
        }[kind]  # fmt: skip
        frame = frame.with_columns(about="underlier" if kind == "options" else "name")
        if kind == "values":
            frame = frame.filter(pl.col("unit").str.contains(r"^[A-Z]{3}(/.*)?$"))
        result = []
        for column in columns:
            strict = kind in ("values", "futures", "quotes") or column in ("underlier_price", "strike")
            low = pl.col(column) <= 0 if strict else pl.col(column) < 0
            for about, part in things(frame):
                rows = part.filter(low & ~self._may())
                word = "not above 0" if strict else "negative"
                said = (
                    f"{column} is {word} on {counted(rows.height, 'row')}; name it in `allowed` where that is possible"
                )
                own = ("underlier" if kind == "options" else "name", "==", about)
                free = any(name == about for name, _, _ in self.allowed)
                rule = None if free else Drop(Where(own, (column, "<=" if strict else "<", 0.0)))
                result += self.found("error", about, said, rows, part.height, rule)
        return result

    def _may(self) -> "pl.Expr":
        import polars as pl

        day = pl.col("event_time").dt.date().cast(pl.String)
        each = ((pl.col("about") == name) & (day >= first) & (day <= last) for name, first, last in self.allowed)
        return pl.any_horizontal(pl.lit(False), *each)
