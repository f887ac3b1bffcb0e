"""Static arbitrage in chains, bought at the ask and sold at the bid, so that a wide spread is none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import AbstractCheck, Finding, counted, things
from deephedge.data.quality.chain import EXPIRY, chain, forwards, pairs, rows_of
from deephedge.data.quality.repairs import Drop
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Arbitrage(AbstractCheck):
    r"""Verticals, slopes, butterflies, calendars, parity and bounds that pay at the quotes.

    In order of strike (of falling strike for puts) the price falls, by at most the step in strike, and is convex:
    :math:`b_i\le a_{i-1}`, :math:`b_{i-1}-a_i\le |K_i-K_{i-1}|`, :math:`b_i\le w a_{i-1}+(1-w)a_{i+1}`. A later
    expiry of the same root is worth no less than :math:`e^{-c\,\Delta t}` of an earlier one (American; European calls
    where the forward rises, puts where it falls), with :math:`c` = ``carry`` for rates and dividends. European pairs
    hold :math:`C-P=D(F-K)` with the forward and discount of their own expiry. A call's bid is at most the underlier, a
    put's the strike: beyond that is an error, the rest are warnings. ``rounding`` is of the underlier's price.
    Settlements are judged where the option was traded.

    Source: Carr and Madan (2005), A note on sufficient conditions for no arbitrage.
    """

    name: ClassVar[str] = "arbitrage"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    carry: float = 0.05
    rounding: float = 2e-4

    def findings(self, records: Records) -> list[Finding]:
        table = chain(records)
        both = pairs(table)
        found = {
            "a vertical spread": self._slopes(table), "a butterfly": self._butterflies(table),
            "a calendar spread": self._calendars(table, both), "a conversion (parity)": self._parity(both),
        }  # fmt: skip
        totals = dict(table.group_by("about").len().iter_rows())
        hint = "of other moments, or of nobody; leave them out of fits or drop them"
        result = self._bounds(table, totals)
        for what, rows in found.items():
            for about, part in things(rows):
                said = f"{counted(part.height, 'option')} are part of {what} that pays at the quotes: {hint}"
                result += self.found("warning", about, said, part, totals[about])
        return result

    def _slopes(self, table: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        table, group = _ordered(table)
        step = (pl.col("strike") - pl.col("strike").shift(1).over(group)).abs()
        slack = self.rounding * pl.col("underlier_price").fill_null(pl.col("strike"))
        rises = pl.col("bid") > pl.col("ask").shift(1).over(group) + slack
        steep = pl.col("bid").shift(1).over(group) - pl.col("ask") > step + slack
        table = table.with_columns(before=pl.col("row").shift(1).over(group))
        return _about(table.filter(((rises | steep) & (step > 0)).fill_null(False)), table, "row", "before")

    def _butterflies(self, table: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        table, group = _ordered(table)
        low, high = (pl.col("strike").shift(n).over(group) for n in (1, -1))
        weight = (high - pl.col("strike")) / (high - low)
        wings = weight * pl.col("ask").shift(1).over(group) + (1 - weight) * pl.col("ask").shift(-1).over(group)
        slack = self.rounding * pl.col("underlier_price").fill_null(pl.col("strike"))
        wrong = ((pl.col("bid") > wings + slack) & (weight > 0) & (weight < 1)).fill_null(False)
        return _about(table.filter(wrong), table, "row")

    def _calendars(self, table: "pl.DataFrame", both: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        same = ["event_time", "about", "root", "settlement", "strike", "call"]
        level = forwards(both).select(*EXPIRY, "forward")
        table = table.join(level, on=EXPIRY, how="left", nulls_equal=True, maintain_order="left").sort(*same, "expiry")
        before = {name: pl.col(name).shift(1).over(same) for name in ("bid", "days", "forward", "row")}
        decay = (-self.carry * (pl.col("days") - before["days"]) / 365.0).exp()
        slack = self.rounding * pl.col("underlier_price").fill_null(pl.col("strike"))
        up = (
            pl.when("call")
            .then(pl.col("forward") >= before["forward"])
            .otherwise(pl.col("forward") <= before["forward"])
        )
        wrong = (before["bid"] * decay > pl.col("ask") + slack) & (up | ~pl.col("european"))
        table = table.with_columns(before=before["row"], wrong=wrong.fill_null(False))
        return _about(table.filter("wrong"), table, "row", "before")

    def _parity(self, both: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        fair = pl.col("discount") * (pl.col("forward") - pl.col("strike"))
        slack = 2.5 * self.rounding * pl.col("forward")  # the forward is itself an estimate
        dear = pl.col("call_bid") - pl.col("put_ask") > fair + slack
        cheap = pl.col("call_ask") - pl.col("put_bid") < fair - slack
        enough = pl.len().over(EXPIRY) >= 6
        return _about(both.filter(pl.col("european") & enough & (dear | cheap)), both, "call_row", "put_row")

    def _bounds(self, table: "pl.DataFrame", totals: dict[str, int]) -> list[Finding]:
        import polars as pl

        result = []
        for right, call, most in (("call", True, "underlier_price"), ("put", False, "strike")):
            beyond = (pl.col("call") == call) & (pl.col("bid") > pl.col(most) * (1 + 10 * self.rounding))
            for about, part in things(table.filter(beyond)):
                rule = Drop(Where(("underlier", "==", about), ("right", "==", right), ("bid", ">", f"@{most}")))
                said = f"{counted(part.height, right)} bid at more than the {most.replace('_price', '')}: impossible"
                coin = bool(part["coin"].any())
                result += self.found("error", about, said, part, totals[about], None if coin else rule)
        return result


@dataclass(frozen=True)
class Simultaneity(AbstractCheck):
    """Quotes whose parity implies another underlier than is given, by more than ``apart``: they are not of one moment.

    Judged at each moment by the median over its nearest ``expiries`` of 1 to 45 days of what the gap exceeds the
    ``carry`` to the expiry by.
    """

    name: ClassVar[str] = "simultaneity"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    apart: float = 0.003
    carry: float = 0.08
    expiries: int = 4

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        table = chain(records)
        level = forwards(pairs(table)).filter((pl.col("days") >= 1) & (pl.col("days") <= 45))
        level = level.sort("event_time", "about", "days").group_by("event_time", "about", maintain_order=True)
        gap = (pl.col("forward") / pl.col("underlier_price") - 1).abs() - self.carry * pl.col("days") / 365.0
        gap = gap.head(self.expiries).median()
        gaps = level.agg(gap.alias("gap"))
        wrong = gaps.filter(pl.col("gap") > self.apart)
        rows = table.join(wrong, on=["event_time", "about"])
        result = []
        for about, part in things(rows):
            worst = float(part["gap"].max())
            many, all_ = wrong.filter(about=about).height, gaps.filter(about=about).height
            said = (
                f"on {many:,} of {all_:,} moments parity implies another underlier than is given, by up to "
                f"{100 * worst:.2f} %: quotes and underlier are not of one time; use the forward that parity gives"
            )
            result += self.found("error", about, said, part, table.filter(about=about).height)
        return result


def _ordered(table: "pl.DataFrame") -> "tuple[pl.DataFrame, list[str]]":
    """In order of falling price: rising strikes for calls, falling ones for puts."""
    import polars as pl

    group = [*EXPIRY, "call"]
    way = pl.when("call").then(pl.col("strike")).otherwise(-pl.col("strike"))
    return table.with_columns(way=way).sort(*group, "way"), group


def _about(wrong: "pl.DataFrame", table: "pl.DataFrame", *columns: str) -> "pl.DataFrame":
    import polars as pl

    rows = rows_of(wrong, *columns)
    column = "row" if "row" in table.columns else None
    if column:
        return rows.join(
            table.select(pl.col("row").cast(pl.Int64), "about"), on="row", how="left", maintain_order="left"
        )
    both = pl.concat([table.select(pl.col(name).cast(pl.Int64).alias("row"), "about") for name in columns])
    return rows.join(both.unique("row"), on="row", how="left", maintain_order="left")
