"""End-of-day option summaries of Cboe DataShop: each row holds two snapshots, at 15:45 and at the close."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import RIGHTS, numeric, replaced
from deephedge.data.layouts.options import listed
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class DataShop(AbstractLayout):
    """Each row becomes two records: the quotes of 15:45, and those of ``close`` with the day's last trade and volume.

    On days that end early the first snapshot is taken before 15:45 and known here only then. The underlier's price is
    the middle of its bid and ask, or, where these are zero as for an index, the ``active_underlying_price``.
    """

    name: ClassVar[str] = "datashop"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = (
        "underlying_symbol", "quote_date", "root", "expiration", "strike", "option_type", "bid_1545", "ask_1545",
        "bid_eod", "ask_eod",
    )  # fmt: skip
    close: str = "16:15"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """Two rows a contract and day; the published volatility (15:45) is passed on as it is."""
        import polars as pl

        frame = lowered(frame, file)
        early = self._snapshot(frame, file, "1545", "15:45", vol="implied_volatility_1545")
        late = self._snapshot(
            frame, file, "eod", self.close, last="close", volume="trade_volume", open_interest="open_interest"
        )
        return pl.concat([early, late], how="diagonal")

    def _snapshot(self, frame: "pl.DataFrame", file: str, moment: str, time: str, **more: str) -> "pl.DataFrame":
        import polars as pl

        underlier, root = pl.col("underlying_symbol").str.strip_chars_start("^"), pl.col("root")
        taken = at(days(frame["quote_date"], file), time, "America/New_York")
        numbers = numeric(frame, file, strike="strike", bid=f"bid_{moment}", ask=f"ask_{moment}", **more)
        return frame.select(
            taken.alias("event_time"), taken.alias("known_time"), underlier.alias("underlier"), root,
            days(frame["expiration"], file).alias("expiry"),
            replaced(frame["option_type"], file, RIGHTS).alias("right"), *listed(underlier, root), *numbers,
            _underlier_price(frame, file, moment),
        )  # fmt: skip


def _underlier_price(frame: "pl.DataFrame", file: str, moment: str) -> "pl.Series":
    import polars as pl

    names = {"bid": f"underlying_bid_{moment}", "ask": f"underlying_ask_{moment}"}
    found = pl.DataFrame(numeric(frame, file, active=f"active_underlying_price_{moment}", **names))
    absent = [pl.lit(None, pl.Float64).alias(name) for name in ("active", "bid", "ask") if name not in found.columns]
    middle = pl.when(pl.col("bid") > 0).then((pl.col("bid") + pl.col("ask")) / 2)
    return found.with_columns(absent).select(middle.fill_null(pl.col("active")).alias("underlier_price")).to_series()
