"""Percent for fractions, cash for coin, cents for dollars."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import LEVELS, SERIES, AbstractCheck, Finding, numbered, series, stamps, things
from deephedge.data.quality.repairs import Adjust
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

POINTS = 2.0  # a median volatility above is in points: nothing moves by 200 % a year on half of its strikes
FACTORS = (100.0, 1000.0, 10_000.0)
CLOSE = 0.2  # how near a ratio must come to a factor
DEEP = 0.3  # in the money by this share of the underlier, an option is worth little more than its intrinsic value


@dataclass(frozen=True)
class Units(AbstractCheck):
    """Levels that are a unit off: a series that jumps by 100, 1 000 or 10 000, names whose level is 100 times their
    siblings' (same name up to the last dot), and fractions whose median is above 1."""

    name: ClassVar[str] = "units"
    kinds: ClassVar[tuple[str, ...]] = SERIES

    def findings(self, records: Records) -> list[Finding]:
        table = series(records)
        return [*self._jumps(table), *(self._levels(table) if records.kind.name == "values" else [])]

    def _jumps(self, table: "pl.DataFrame") -> list[Finding]:
        import polars as pl

        before = pl.col("level").shift(1).over("about")
        ratio = pl.when((before != 0) & (pl.col("level") / before > 0)).then(pl.col("level") / before)
        near = pl.min_horizontal((ratio / one - 1).abs() for f in FACTORS for one in (f, 1 / f)) < CLOSE
        usual = pl.col("level").log().diff().abs().median().over("about")  # what leaps by itself is not judged
        table = table.with_columns(leap=(near & (usual < 0.5)).fill_null(False))
        said = "the level jumps by a factor of 100, 1 000 or 10 000 here: percent, cents or another currency"
        found = []
        for about, part in things(table):
            found += self.found("error", about, said, part.filter("leap"), part.height)
        return found

    def _levels(self, table: "pl.DataFrame") -> list[Finding]:
        import polars as pl

        level = table.group_by("about", maintain_order=True).agg(
            pl.col("level").abs().median(), (pl.col("unit") == "fraction").any().alias("fraction"), pl.len()
        )
        family = pl.col("about").str.extract(r"^(.*)\.[^.]*$")
        others = (pl.col("level").median().over("family"), pl.len().over("family"))
        level = level.with_columns(family=family).with_columns(usual=others[0], many=others[1])
        odd = (pl.col("level") / pl.col("usual")).log10().abs().is_between(1.7, 4.3)
        odd &= pl.col("family").is_not_null() & (pl.col("many") >= 3) & (pl.col("usual") > 0)
        percent = pl.col("fraction") & (pl.col("level") > 1)
        level = level.with_columns(percent=percent).filter((odd | percent).fill_null(False))
        found = []
        for about, of, usual, over in level.select("about", "level", "usual", "percent").iter_rows():
            rows = table.filter(about=about)
            why = "a fraction above 1 on half of its days" if over else f"its siblings' is {usual:.4g}"
            said = f"the median level is {of:.4g}, {why}: is it in percent, cents or points?"
            rule = Adjust(Where(("name", "==", about)), LEVELS["values"], 0.01) if over else None
            found += self.found("error", about, said, rows, rows.height, rule)
        return found


@dataclass(frozen=True)
class OptionUnits(AbstractCheck):
    """Volatility in percent, and prices that are not in the unit they name, by the moment they were taken.

    Deep in the money an option is worth its intrinsic value: a median of the ratio beyond 0.4 to 2.5, over five
    options or more, is another unit (a coin's price is the ratio of a price in cash labelled as coin).
    """

    name: ClassVar[str] = "option units"
    kinds: ClassVar[tuple[str, ...]] = ("options",)

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records).with_columns(about="underlier")
        vol = frame.filter(pl.col("vol") > 0)
        percent = vol.filter(pl.col("vol").median().over("about", "event_time") > POINTS)
        found = []
        for about, part in things(percent):
            times = stamps(part["event_time"])
            rule = Adjust(Where(("underlier", "==", about), ("event_time", "in", times)), "vol", 0.01)
            said = f"the median volatility is {part['vol'].median():.4g}: it is in percent"
            found += self.found("error", about, said, part, vol.filter(about=about).height, rule)
        return [*found, *self._prices(frame)]

    def _prices(self, frame: "pl.DataFrame") -> list[Finding]:
        import polars as pl

        mid = pl.when(pl.col("ask") > 0).then((pl.col("bid").fill_null(0.0) + pl.col("ask")) / 2)
        spot, strike = pl.col("underlier_price"), pl.col("strike")
        price = pl.coalesce(mid, "settle", "mark") * pl.when(pl.col("unit") == "coin").then(spot).otherwise(1.0)
        value = pl.when(pl.col("right") == "call").then(spot - strike).otherwise(strike - spot)
        frame = frame.with_columns(ratio=pl.when((spot > 0) & (value > DEEP * spot) & (price > 0)).then(price / value))
        many = pl.col("ratio").count().over("about", "event_time") >= 5
        frame = frame.with_columns(pl.col("ratio").median().over("about", "event_time"))
        wrong = frame.filter(many & ((pl.col("ratio") < 0.4) | (pl.col("ratio") > 2.5)))
        found = []
        for about, part in things(wrong):
            ratio = float(part["ratio"].median())
            said = (
                f"options deep in the money cost {ratio:.3g} times their intrinsic value: {_diagnosis(part, ratio)}; "
                "multiply, or name the unit"
            )
            found += self.found("error", about, said, part, frame.filter(about=about).height)
        return found


def _diagnosis(part: "pl.DataFrame", ratio: float) -> str:
    prices = part["underlier_price"]
    spot = float(prices.filter(prices > 0).median())
    near = [
        words
        for factor, words in (
            (spot, "the prices are in cash, not in coin"),
            (1 / spot, "the prices are in coin, not in cash"),
            (100.0, "the prices are in hundredths (cents, or for a contract of 100)"),
            (0.01, "strike and underlier are in hundredths (cents)"),
        )
        if 0.5 < ratio / factor < 2
    ]
    return near[0] if near else "prices, strikes and underlier are not in one unit"
