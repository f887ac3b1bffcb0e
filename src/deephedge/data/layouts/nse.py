"""Daily files of the National Stock Exchange of India (UDiFF bhavcopy of derivatives): options and futures."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import RIGHTS, numeric, replaced
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl

ZONE = "Asia/Kolkata"
CLOSE = "15:30"
COLUMNS = (
    "traddt", "fininstrmtp", "tckrsymb", "fininstrmactlxprydt", "fininstrmnm", "sttlmpric", "undrlygpric", "strkpric",
    "optntp",
)  # fmt: skip


@dataclass(frozen=True)
class NseOptions(AbstractLayout):
    """Options of the day in rupees: ``settle`` the settlement, ``mark`` the published close, ``last`` the last trade.

    The close of a contract that did not trade is an old one: take ``settle``, or rows with ``volume``. All are European
    and settle on the close. The file comes out in the evening: known at ``published`` of Mumbai.
    """

    name: ClassVar[str] = "nse"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = COLUMNS
    left_out: ClassVar[str] = "futures, which the layout 'nse-futures' reads"
    published: str = "20:00"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row an option and day; futures are left out."""
        import polars as pl

        frame = _of(frame, file, ("IDO", "STO"))
        numbers = numeric(
            frame, file, strike="strkpric", last="lastpric", mark="clspric", settle="sttlmpric",
            underlier_price="undrlygpric", volume="ttltradgvol", open_interest="opnintrst", multiplier="newbrdlotqty",
        )  # fmt: skip
        return frame.select(
            *_when(frame, file, self.published), pl.col("tckrsymb").alias("underlier"),
            pl.col("tckrsymb").alias("root"), replaced(frame["optntp"], file, RIGHTS).alias("right"),
            pl.lit("pm").alias("settlement"), pl.lit("european").alias("style"), pl.lit("INR").alias("unit"),
            *numbers, pl.col("fininstrmnm").alias("contract"),
        )  # fmt: skip


@dataclass(frozen=True)
class NseFutures(AbstractLayout):
    """Futures of the same files; ask for this layout by its name. Prices are settlements, in rupees."""

    name: ClassVar[str] = "nse-futures"
    kind: ClassVar[str] = "futures"
    needs: ClassVar[tuple[str, ...]] = COLUMNS
    asked: ClassVar[bool] = True
    left_out: ClassVar[str] = "options, which the layout 'nse' reads"
    published: str = "20:00"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a future and day; options are left out."""
        import polars as pl

        frame = _of(frame, file, ("IDF", "STF"))
        numbers = numeric(frame, file, price="sttlmpric", volume="ttltradgvol", open_interest="opnintrst")
        return frame.select(
            *_when(frame, file, self.published), pl.col("tckrsymb").alias("name"),
            pl.col("fininstrmnm").alias("contract"), pl.lit("INR").alias("unit"), *numbers,
        )  # fmt: skip


def _of(frame: "pl.DataFrame", file: str, types: tuple[str, ...]) -> "pl.DataFrame":
    import polars as pl

    frame = lowered(frame, file)
    known = {"IDO", "STO", "IDF", "STF"}
    strange = sorted(str(one) for one in set(frame["fininstrmtp"].unique()) - known)
    told = f"{file}: FinInstrmTp is {', '.join(strange)}; expected {', '.join(sorted(known))}"
    require(not strange, told, DataError)
    return frame.filter(pl.col("fininstrmtp").is_in(types))


def _when(frame: "pl.DataFrame", file: str, published: str) -> "list[pl.Series]":
    day, expiry = days(frame["traddt"], file), days(frame["fininstrmactlxprydt"], file)
    return [
        at(day, CLOSE, ZONE).alias("event_time"), at(day, published, ZONE).alias("known_time"), expiry.alias("expiry"),
    ]  # fmt: skip
