"""Daily snapshots of the coin-quoted options of Deribit and OKX."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import RIGHTS, numeric, replaced
from deephedge.data.layouts.times import days, moments

if TYPE_CHECKING:
    import polars as pl

COLUMNS = (
    "snapshot_utc", "exchange", "underlying", "instrument", "expiry", "strike", "type", "mark_price", "bid", "ask",
    "mark_iv", "underlying_price",
)  # fmt: skip
GREEKS = ("delta", "gamma", "vega", "theta")


@dataclass(frozen=True)
class Deribit(AbstractLayout):
    """Prices in coin (``unit`` says so), strikes and the underlier (the forward of the expiry) in US dollars.

    Options are European and end at 08:00 UTC of their expiry. ``mark_iv`` is in percent and becomes a fraction.
    """

    name: ClassVar[str] = "deribit"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = COLUMNS

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and snapshot; open interest and volume in coins."""
        import polars as pl

        return _rows(frame, file, "deribit", {}).with_columns(pl.col("vol") / 100.0, pl.lit(1.0).alias("multiplier"))


@dataclass(frozen=True)
class Okx(AbstractLayout):
    """As `Deribit`, but ``mark_iv`` is a fraction already, and contracts are of 0.01 bitcoin or 0.1 ether each.

    These files hold the Greeks too (in coin), by which they are known.
    """

    name: ClassVar[str] = "okx"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = (*COLUMNS, *GREEKS)

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and snapshot; open interest and volume in contracts."""
        return _rows(frame, file, "okx", {"BTC": 0.01, "ETH": 0.1})


def _rows(frame: "pl.DataFrame", file: str, exchange: str, multipliers: dict[str, float]) -> "pl.DataFrame":
    import polars as pl

    frame = lowered(frame, file)
    others = sorted(str(one) for one in set(frame["exchange"].unique()) - {exchange})
    told = f"{file}: quotes of {exchange} are expected, there are some of {', '.join(others)}; units differ"
    require(not others, told, DataError)
    taken = moments(frame["snapshot_utc"], file, "UTC")
    numbers = numeric(
        frame, file, strike="strike", mark="mark_price", bid="bid", ask="ask", vol="mark_iv", volume="volume_24h",
        open_interest="open_interest", underlier_price="underlying_price",
    )  # fmt: skip
    multiplier = pl.col("underlying").replace_strict(multipliers, default=None, return_dtype=pl.Float64)
    return frame.select(
        taken.alias("event_time"), taken.alias("known_time"), pl.col("underlying").alias("underlier"),
        days(frame["expiry"], file).alias("expiry"), replaced(frame["type"], file, RIGHTS).alias("right"),
        pl.lit("european").alias("style"), pl.lit("coin").alias("unit"), *numbers,
        multiplier.alias("multiplier"), pl.col("instrument").alias("contract"),
    )  # fmt: skip
