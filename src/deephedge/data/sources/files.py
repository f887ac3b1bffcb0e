"""Files: CSV, Parquet and Arrow, laid out in a way that is recognised or said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require
from deephedge.data.kinds import Kind, kind_of
from deephedge.data.layouts import AbstractLayout, fitting, recognised
from deephedge.data.quality.clock import raw_times
from deephedge.data.records import Origin, Records
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.tables import pieces
from deephedge.data.transport import AbstractTransport, Recorded

if TYPE_CHECKING:
    import polars as pl

AGAIN = re.compile(r"(.+)_duplicated_\d+")  # how polars calls a column whose name was there before
UNPRINTED = re.compile("[\\x00-\\x08\\n-\\x1f\ufffd]")


@dataclass(frozen=True)
class File(AbstractSource):
    """One file, in pieces; ``layout`` is found by its columns unless given.

    ``origin`` is what the provenance says; the file's name unless given.
    """

    path: Path
    layout: AbstractLayout | None = None
    origin: Origin | None = None

    def records(self, span: Span, transport: AbstractTransport) -> Iterator[Records]:
        """The file's rows in ``span``; raises ``DataError`` for one that cannot be read or is not recognised."""
        layout = None
        for piece in pieces(self.path):
            layout = layout or self._layout(piece.columns)
            yield self._read(piece, layout).between(span.start, span.end)

    def read(self) -> list[Records]:
        """All of it, piece by piece."""
        return list(self.records(Span(), Recorded({})))

    def _layout(self, columns: list[str]) -> AbstractLayout:
        name = self.path.name
        again = sorted({match[1] for match in map(AGAIN.fullmatch, columns) if match and match[1] in columns})
        require(not again, f"{name} has more than one column {', '.join(again)}; keep the right one", DataError)
        strange = [column for column in columns if UNPRINTED.search(column.strip())]
        told = f"{name} is not plain UTF-8 text; among its columns are {', '.join(map(repr, strange))}"
        require(not strange, told, DataError)
        return recognised(columns, name) if self.layout is None else fitting(self.layout, columns, name)

    def _read(self, piece: "pl.DataFrame", layout: AbstractLayout) -> Records:
        import polars as pl

        try:
            found = layout.rows(piece, self.path.name)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            raise DataError(
                f"{self.path.name} cannot be read as {layout.name}: {str(error).splitlines()[0]}"
            ) from error
        _one_line(piece, found, kind_of(layout.kind), self.path.name)
        records = Records.of(layout.kind, found, origin=self.origin or Origin(self.path.name))
        skipped = piece.height - found.height if layout.left_out else 0
        told = [f"{self.path.name}: {skipped:,} rows left out: {layout.left_out}"] if skipped else []
        stamps = found["event_time"].drop_nulls().unique(maintain_order=True).dt.replace_time_zone(None).to_numpy()
        return records.told(*told, *raw_times(stamps, self.path.name))


def _one_line(piece: "pl.DataFrame", found: "pl.DataFrame", kind: Kind, file: str) -> None:
    """A cell with a line break in it is several rows that stray quotation marks made one; news may have them."""
    import polars as pl

    texts = piece.select(pl.col(pl.String)) if kind.name != "news" else found.select("name")
    for column in texts.get_columns():
        wrong = int(column.str.contains(UNPRINTED.pattern).sum())
        hint = "mend their quotation marks"
        told = f"{file}: {wrong:,} cells of {column.name!r} hold line breaks or control characters; {hint}"
        require(wrong == 0, told, DataError)
