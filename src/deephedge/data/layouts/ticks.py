"""Intraday prices: bid and ask by the minute, and trades."""

from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.bars import step
from deephedge.data.layouts.base import AbstractLayout, either, lowered, plain
from deephedge.data.layouts.cells import numbers, numeric, stem
from deephedge.data.layouts.series import values
from deephedge.data.layouts.times import moments

if TYPE_CHECKING:
    import polars as pl

STAMPS = ("datetime", "timestamp", "timestamp_utc")
PRICES = ("price", "last")
SIZES = ("volume", "size", "qty")


@dataclass(frozen=True)
class BidAskBars(AbstractLayout):
    """Bars of bid and of ask; what becomes of them is the bid and ask at the end of each bar.

    ``called`` is the pair; what the file's name begins with unless given (``gbpusd_1min.parquet``: GBPUSD).
    ``ends_after`` is as in `Bars`; ``zone`` is of times without an offset.
    """

    name: ClassVar[str] = "bid-ask-bars"
    kind: ClassVar[str] = "quotes"
    needs: ClassVar[tuple[str, ...]] = ("timestamp", "close_bid", "close_ask")
    called: str | None = None
    zone: str | None = None
    ends_after: int | None = None

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a bar; the unit is the second currency of a pair."""
        import polars as pl

        frame = lowered(frame, file)
        begun = moments(frame["timestamp"], file, self.zone)
        end = begun + timedelta(minutes=step(begun, file) if self.ends_after is None else self.ends_after)
        called = self.called or stem(file).split("_")[0].upper()
        unit = called[3:] if len(called) == 6 and called.isalpha() else None
        return frame.select(
            end.alias("event_time"), end.alias("known_time"), pl.lit(called).alias("name"),
            *numeric(frame, file, bid="close_bid", ask="close_ask"), pl.lit(unit, pl.String).alias("unit"),
        )  # fmt: skip


@dataclass(frozen=True)
class Trades(AbstractLayout):
    """Trades one by one: the price under the name, and the size under ``name + ".size"``.

    Several may share a moment; they stay in the file's order. ``called`` is the file's name unless given; ``zone`` is
    of times without an offset.
    """

    name: ClassVar[str] = "trades"
    kind: ClassVar[str] = "values"
    needs: ClassVar[tuple[str, ...]] = ()
    called: str | None = None
    unit: str | None = None
    zone: str | None = None

    def fits(self, columns: list[str], file: str) -> bool:
        """A moment, a price and a size, and nothing else."""
        have = [plain(column) for column in columns]
        return len(have) == 3 and all(sum(name in known for name in have) == 1 for known in (STAMPS, PRICES, SIZES))

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """Two rows a trade."""
        import polars as pl

        frame, called = lowered(frame, file), self.called or stem(file)
        moment = moments(either(frame, file, *STAMPS), file, self.zone)
        when = pl.DataFrame({"event_time": moment, "known_time": moment})
        price = values(when, {called: numbers(either(frame, file, *PRICES), file)}, self.unit)
        size = values(when, {f"{called}.size": numbers(either(frame, file, *SIZES), file)}, None)
        return pl.concat([price, size])
