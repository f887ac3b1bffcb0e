"""Option chains as on the delayed-quotes pages of Cboe: one row a contract, symbols in OCC form."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import RIGHTS, numeric, replaced
from deephedge.data.layouts.options import SYMBOL, listed
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Cboe(AbstractLayout):
    """Delayed quotes of Cboe, taken at ``time`` of New York; options of an index are European, of a share American.

    HistoricalOptionData's older files have the same columns and more. ``time``: the files name a day and no time, so a
    snapshot is taken to be known only at this one.
    """

    name: ClassVar[str] = "cboe"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = (
        "underlying", "underlying_last", "optionroot", "type", "expiration", "quotedate", "strike", "bid", "ask",
        "impliedvol",
    )  # fmt: skip
    time: str = "16:15"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and snapshot; the published volatility is passed on as it is, junk too."""
        import polars as pl

        frame = lowered(frame, file)
        underlier, root = pl.col("underlying"), pl.col("optionroot").str.extract(SYMBOL)
        taken = at(days(frame["quotedate"], file), self.time, "America/New_York")
        numbers = numeric(
            frame, file, strike="strike", bid="bid", ask="ask", last="last", volume="volume",
            open_interest="openinterest", vol="impliedvol", underlier_price="underlying_last",
        )  # fmt: skip
        return frame.select(
            taken.alias("event_time"), taken.alias("known_time"), underlier.alias("underlier"), root.alias("root"),
            days(frame["expiration"], file).alias("expiry"), replaced(frame["type"], file, RIGHTS).alias("right"),
            *listed(underlier, root), *numbers, pl.col("optionroot").alias("contract"),
        )  # fmt: skip
