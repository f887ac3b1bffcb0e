"""Option chains as on the delayed-quotes pages of Cboe: one row a contract, symbols in OCC form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl

SYMBOL = r"^([A-Z]+)\d{6}[CP]\d{8}$"
MORNING = ("SPX", "NDX", "RUT", "VIX")  # roots settled on the opening of the expiry day; all others on its close


@dataclass(frozen=True)
class Cboe(AbstractLayout):
    """Delayed quotes of Cboe, taken at ``time`` of New York; options of an index are European, of a share American.

    ``time``: the files name a day and no time, so a snapshot is taken to be known only at this one.
    """

    name: ClassVar[str] = "cboe"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = ("optionroot", "quotedate", "expiration", "underlying_last", "impliedvol")
    time: str = "16:15"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and snapshot; the published volatility is passed on as it is, junk too."""
        import polars as pl

        root = pl.col("optionroot").str.extract(SYMBOL)
        taken = at(days(frame["quotedate"], file), self.time, "America/New_York")
        index = pl.col("underlying").is_in(MORNING)
        return frame.select(
            taken.alias("event_time"), taken.alias("known_time"), pl.col("underlying").alias("underlier"),
            root.alias("root"), days(frame["expiration"], file).alias("expiry"), "strike",
            pl.col("type").alias("right"),
            pl.when(root.is_in(MORNING)).then(pl.lit("am")).otherwise(pl.lit("pm")).alias("settlement"),
            pl.when(index).then(pl.lit("european")).otherwise(pl.lit("american")).alias("style"),
            "bid", "ask", pl.col("last"), "volume", pl.col("openinterest").alias("open_interest"),
            pl.col("impliedvol").alias("vol"), pl.col("underlying_last").alias("underlier_price"),
            pl.lit("USD").alias("unit"), pl.lit(100.0).alias("multiplier"), pl.col("optionroot").alias("contract"),
        )  # fmt: skip
