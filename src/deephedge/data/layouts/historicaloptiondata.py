"""Files of HistoricalOptionData: one row a contract and day, at the close."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import RIGHTS, numeric, replaced
from deephedge.data.layouts.options import SYMBOL, listed
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class HistoricalOptionData(AbstractLayout):
    """Levels 2 and 3 of HistoricalOptionData, quotes of the end of the day, known at ``time`` of New York.

    The volatility is the column ``IV``, or ``IVMean``. The older form (``optionroot``, ``quotedate``) is `Cboe`'s.
    """

    name: ClassVar[str] = "historicaloptiondata"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = (
        "underlyingsymbol", "underlyingprice", "optionsymbol", "type", "expiration", "datadate", "strike", "bid", "ask",
    )  # fmt: skip
    time: str = "16:15"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and day; the published volatility is passed on as it is."""
        import polars as pl

        frame = lowered(frame, file)
        underlier, root = pl.col("underlyingsymbol"), pl.col("optionsymbol").str.extract(SYMBOL)
        taken = at(days(frame["datadate"], file), self.time, "America/New_York")
        numbers = numeric(
            frame, file, strike="strike", bid="bid", ask="ask", last="last", volume="volume",
            open_interest="openinterest", underlier_price="underlyingprice",
            vol="iv" if "iv" in frame.columns else "ivmean",
        )  # fmt: skip
        return frame.select(
            taken.alias("event_time"), taken.alias("known_time"), underlier.alias("underlier"), root.alias("root"),
            days(frame["expiration"], file).alias("expiry"), replaced(frame["type"], file, RIGHTS).alias("right"),
            *listed(underlier, root), *numbers, pl.col("optionsymbol").alias("contract"),
        )  # fmt: skip
