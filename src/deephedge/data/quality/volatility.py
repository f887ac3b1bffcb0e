"""Published implied volatilities that are none."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from deephedge.data.quality.base import AbstractCheck, Finding, numbered, things
from deephedge.data.quality.chain import EXPIRY, chain, forwards, pairs, years
from deephedge.data.quality.units import POINTS
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

SAMPLE = 2048  # rows a thing that are recomputed: one compiled shape


@dataclass(frozen=True)
class JunkVol(AbstractCheck):
    """Volatilities of 0, below ``low`` or above ``high``: how publishers write that they found none."""

    name: ClassVar[str] = "junk volatility"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    low: float = 0.02
    high: float = 5.0

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records).with_columns(about="underlier").drop_nulls("vol").filter(fractions())
        junk = (pl.col("vol") < self.low) | (pl.col("vol") > self.high)
        result = []
        for about, part in things(frame):
            rows = part.filter(junk)
            zero, above = int((rows["vol"] == 0).sum()), int((rows["vol"] > self.high).sum())
            said = (
                f"{rows.height:,} of {part.height:,} volatilities are junk ({zero:,} are 0, {above:,} above "
                f"{self.high:g}, the largest {part['vol'].max():g}): recompute them from the quotes"
            )
            result += self.found("warning", about, said, rows, part.height)
        return result


@dataclass(frozen=True)
class OtherVol(AbstractCheck):
    """Volatilities more than ``apart`` from the one of the mid, by Black's formula on parity's forward and discount.

    European options out of the money, from a week to expiry, whose spread is below a fifth of the mid; of more than
    2,048 an even sample. A warning where a tenth of them are off, otherwise a note.
    """

    name: ClassVar[str] = "other volatility"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    apart: float = 0.03

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        table = chain(records).filter(fractions())
        level = forwards(pairs(table)).select(*EXPIRY, "forward", "discount")
        table = table.join(level, on=EXPIRY, nulls_equal=True).with_columns(mid=(pl.col("bid") + pl.col("ask")) / 2)
        out = pl.when("call").then(pl.col("strike") > pl.col("forward")).otherwise(pl.col("strike") < pl.col("forward"))
        tight = (pl.col("ask") - pl.col("bid") < 0.2 * pl.col("mid")) & (pl.col("bid") > 0)
        table = table.filter(pl.col("european") & out & tight & (pl.col("days") >= 7) & (pl.col("vol") > 0))
        return [one for about, part in things(table.sort("row")) for one in self._of(about, part)]

    def _of(self, about: str, part: "pl.DataFrame") -> list[Finding]:
        if part.height < 5:
            return []
        part = part[np.unique(np.linspace(0, part.height - 1, SAMPLE).astype(int)).tolist()]
        off = np.abs(_implied(part) - part["vol"].to_numpy())
        wrong = off > self.apart
        said = (
            f"{wrong.sum():,} of {part.height:,} volatilities looked at differ from that of the mid by more than "
            f"{self.apart:g} (the median by {np.nanmedian(off):.3f}): other rates, another time, or percent"
        )
        severity = "warning" if wrong.mean() > 0.1 else "note"
        return self.found(severity, about, said, part.filter(wrong), part.height)


def fractions() -> "pl.Expr":
    """Not the moments whose volatilities are in percent, which are `units.OptionUnits`'."""
    import polars as pl

    return pl.col("vol").median().over("about", "event_time") <= POINTS


def _implied(part: "pl.DataFrame") -> np.ndarray:
    """Padded to one shape, so that one program serves all."""
    from deephedge.pricing.implied import implied_volatility

    columns = (part["mid"] / part["discount"], part["forward"], part["strike"])
    price, forward, strike = (np.resize(column.to_numpy(), SAMPLE) for column in columns)
    tau, call = np.resize(years(part["days"]), SAMPLE), np.resize(part["call"].to_numpy(), SAMPLE)
    return np.asarray(implied_volatility(price, forward, strike, tau, call))[: part.height]
