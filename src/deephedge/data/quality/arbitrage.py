"""Static arbitrage in chains, bought at the ask and sold at the bid, so that a wide spread is none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import AbstractCheck, Finding, things
from deephedge.data.quality.chain import EXPIRY, chain, forwards, pairs, rows_of
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
    put's the strike. ``rounding`` is of the underlier's price.

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
            "verticals or slopes": self._slopes(table), "butterflies": self._butterflies(table),
            "calendars": self._calendars(table, both), "parity": self._parity(both), "bounds": self._bounds(table),
        }  # fmt: skip
        totals = dict(table.group_by("about").len().iter_rows())
        hint = "quotes of other moments or of nobody: leave them out of fits, or drop them"
        return [
            finding
            for what, rows in found.items()
            for about, part in things(rows)
            for finding in self.found(
                "warning", about, f"{what} pay at the quotes on {part.height:,} rows: {hint}", part, totals[about]
            )
        ]

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

    def _bounds(self, table: "pl.DataFrame") -> "pl.DataFrame":
        import polars as pl

        most = pl.when("call").then(pl.col("underlier_price")).otherwise(pl.col("strike"))
        return _about(table.filter(pl.col("bid") > most * (1 + 10 * self.rounding)), table, "row")


@dataclass(frozen=True)
class Simultaneity(AbstractCheck):
    """Quotes whose parity implies another underlier than is given, by more than ``apart``: they are not of one moment.

    Judged at each moment by the median of its nearest ``expiries`` of 1 to 45 days, so that carry does not matter.
    """

    name: ClassVar[str] = "simultaneity"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    apart: float = 0.003
    expiries: int = 4

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        table = chain(records)
        level = forwards(pairs(table)).filter((pl.col("days") >= 1) & (pl.col("days") <= 45))
        level = level.sort("event_time", "about", "days").group_by("event_time", "about", maintain_order=True)
        gap = (pl.col("forward") / pl.col("underlier_price") - 1).head(self.expiries).median()
        gaps = level.agg(gap.alias("gap"))
        wrong = gaps.filter(pl.col("gap").abs() > self.apart)
        rows = table.join(wrong, on=["event_time", "about"])
        result = []
        for about, part in things(rows):
            worst = float(part["gap"].abs().max())
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
