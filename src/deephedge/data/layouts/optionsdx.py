"""Option chains of OptionsDX: one row a strike, its call and its put side by side."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.layouts.base import AbstractLayout, lowered
from deephedge.data.layouts.cells import numeric, stem
from deephedge.data.layouts.options import listed
from deephedge.data.layouts.times import days, moments

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class OptionsDX(AbstractLayout):
    """Each row becomes a call and a put. The files do not name their underlier: it is ``underlier``, or what their
    name begins with (``spx_eod_202301.txt``: SPX). They name no root either, so how index options settle is not known.
    """

    name: ClassVar[str] = "optionsdx"
    kind: ClassVar[str] = "options"
    needs: ClassVar[tuple[str, ...]] = (
        "quote_readtime", "underlying_last", "expire_date", "strike", "c_bid", "c_ask", "p_bid", "p_ask",
    )  # fmt: skip
    underlier: str | None = None

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """Two rows a strike, expiry and moment; the moment is New York's, as the files write it."""
        import polars as pl

        frame = lowered(frame, file)
        return pl.concat([self._side(frame, file, side, right) for side, right in (("c", "call"), ("p", "put"))])

    def _side(self, frame: "pl.DataFrame", file: str, side: str, right: str) -> "pl.DataFrame":
        import polars as pl

        underlier = pl.lit(self.underlier or stem(file).split("_")[0].upper())
        root = pl.lit(None, pl.String)
        taken = moments(frame["quote_readtime"], file, "America/New_York")
        numbers = numeric(
            frame, file, strike="strike", underlier_price="underlying_last", bid=f"{side}_bid", ask=f"{side}_ask",
            last=f"{side}_last", vol=f"{side}_iv", volume=f"{side}_volume",
        )  # fmt: skip
        return frame.select(
            taken.alias("event_time"), taken.alias("known_time"), underlier.alias("underlier"),
            days(frame["expire_date"], file).alias("expiry"), pl.lit(right).alias("right"),
            *listed(underlier, root), *numbers,
        )  # fmt: skip
