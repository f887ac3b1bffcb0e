"""Option chains of Yahoo with the time at which they were taken."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, either, lowered, plain
from deephedge.data.layouts.cells import RIGHTS, numeric, replaced
from deephedge.data.layouts.options import SYMBOL, listed
from deephedge.data.layouts.times import days, moments

if TYPE_CHECKING:
    import polars as pl

# a chain as Yahoo gives it lacks these; whoever keeps it adds them, under one of these names
TAKEN = ("snapshot_utc", "commit_ts")
EXPIRY = ("expiration", "expiry")
UNDERLIER = ("underlying", "symbol")
SPOT = ("spot_price", "spot")


@dataclass(frozen=True)
class Yahoo(AbstractLayout):
    """Quotes happened, and were known, when the chain was taken: not on the day that a folder or a session names.

    The spot is what stands in the file, which in some is the close of the session before: put-call parity tells.
    """

    name: ClassVar[str] = "yahoo"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = (
        "contractsymbol", "type", "strike", "lastprice", "bid", "ask", "impliedvolatility", "openinterest",
    )  # fmt: skip

    def fits(self, columns: list[str], file: str) -> bool:
        """Yahoo's columns, and one each for the time, the expiry, the underlier and its price."""
        have = {plain(column) for column in columns}
        return have >= set(self.needs) and all(have & set(names) for names in (TAKEN, EXPIRY, UNDERLIER, SPOT))

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and snapshot; the published volatility is passed on as it is, junk too."""
        import polars as pl

        frame = lowered(frame, file)
        clock, expiry, named, spot = (either(frame, file, *names) for names in (TAKEN, EXPIRY, UNDERLIER, SPOT))
        taken = moments(clock, file, "UTC")
        underlier, root = pl.col(named.name).str.strip_chars_start("^"), pl.col("contractsymbol").str.extract(SYMBOL)
        numbers = numeric(
            frame, file, strike="strike", bid="bid", ask="ask", last="lastprice", volume="volume",
            open_interest="openinterest", vol="impliedvolatility", underlier_price=spot.name,
        )  # fmt: skip
        return frame.select(
            taken.alias("event_time"), taken.alias("known_time"), underlier.alias("underlier"), root.alias("root"),
            days(expiry, file).alias("expiry"), replaced(frame["type"], file, RIGHTS).alias("right"),
            *listed(underlier, root), *numbers, pl.col("contractsymbol").alias("contract"),
        )  # fmt: skip
