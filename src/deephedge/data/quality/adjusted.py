"""Adjusted prices beside unadjusted ones: what splits and dividends may do to their ratio."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import AbstractCheck, Finding, counted, series
from deephedge.data.quality.outliers import WHOLE
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Adjusted(AbstractCheck):
    r"""The ratio :math:`f_t` of an adjusted to the raw price must be a staircase.

    ``pairs`` are (raw name, adjusted name); without any, each ``"x"`` is beside ``"x.adjusted"``. Between ex-dates
    :math:`f` stands still, to ``rounding`` in the price; a dividend raises it by less than ``most``, a split changes
    it by a ratio of small whole numbers. Any other step is an error: a dividend with the wrong sign, one booked
    twice, a price that was adjusted on some days only.
    """

    name: ClassVar[str] = "adjusted"
    kinds: ClassVar[tuple[str, ...]] = ("values", "bars")
    pairs: tuple[tuple[str, str], ...] = ()
    most: float = 0.2
    rounding: float = 0.006
    close: float = 0.02

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        table, result = series(records), []
        names = set(table["about"].unique())
        pairs = self.pairs or tuple((name, f"{name}.adjusted") for name in sorted(names))
        for raw, adjusted in pairs:
            if not {raw, adjusted} <= names:
                continue
            left, right = (table.filter(about=name) for name in (raw, adjusted))
            both = left.join(right.select("event_time", "row", adjusted="level"), on="event_time", suffix="_adjusted")
            rows = both.filter(self._wrong()).with_columns(row=pl.col("row_adjusted"))
            said = f"{counted(rows.height, 'step')} against {raw} that no dividend or split makes"
            result += self.found("error", adjusted, said, rows, both.height)
        return result

    def _wrong(self) -> "pl.Expr":
        import polars as pl

        ratio = pl.col("adjusted") / pl.col("level")
        step = ratio / ratio.shift(1)
        smallest = pl.min_horizontal(pl.col("adjusted"), pl.col("level"))
        noise = 2 * self.rounding * (1 / smallest + 1 / smallest.shift(1))
        split = pl.min_horizontal((step / one - 1).abs() for whole in WHOLE for one in (whole, 1 / whole)) < self.close
        dividend = (step > 1) & (step < 1 + self.most)
        return ((smallest > 0) & ((step - 1).abs() > noise) & ~dividend & ~split).fill_null(False)
