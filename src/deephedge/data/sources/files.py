"""Files: CSV, Parquet and Arrow, laid out in a way that is recognised or said."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require
from deephedge.data.kinds import Kind, kind_of
from deephedge.data.layouts import AbstractLayout, fitting, recognised
from deephedge.data.records import Origin, Records
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport

if TYPE_CHECKING:
    import polars as pl

TABLES = (".csv", ".csv.gz", ".txt", ".parquet", ".arrow", ".feather", ".ipc")
AGAIN = re.compile(r"(.+)_duplicated_\d+")  # how polars calls a column whose name was there before
UNPRINTED = re.compile("[\\x00-\\x08\\n-\\x1f\ufffd]")
PIECE = 500_000  # rows


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
        import polars as pl

        layout, empty = None, True
        try:
            for piece in self._frame().collect_batches(chunk_size=PIECE):
                layout = layout or self._layout(piece.columns)
                empty = empty and piece.is_empty()
                yield self._read(piece, layout).between(span.start, span.end)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DataError(f"{self.path.name} is empty, truncated or not what its name says: {reason}") from error
        require(not empty, f"{self.path.name} has no rows", DataError)

    def _layout(self, columns: list[str]) -> AbstractLayout:
        name = self.path.name
        again = sorted({match[1] for match in map(AGAIN.fullmatch, columns) if match and match[1] in columns})
        require(not again, f"{name} has more than one column {', '.join(again)}; keep the right one", DataError)
        strange = [column for column in columns if UNPRINTED.search(column.strip())]
        told = f"{name} is not plain UTF-8 text; among its columns are {', '.join(map(repr, strange))}"
        require(not strange, told, DataError)
        return recognised(columns, name) if self.layout is None else fitting(self.layout, columns, name)

    def _read(self, piece: "pl.DataFrame", layout: AbstractLayout) -> Records:
        found = layout.rows(piece, self.path.name)
        _one_line(piece, found, kind_of(layout.kind), self.path.name)
        records = Records.of(layout.kind, found, origin=self.origin or Origin(self.path.name))
        skipped = piece.height - found.height if layout.left_out else 0
        return records.told(f"{self.path.name}: {skipped:,} rows left out: {layout.left_out}") if skipped else records

    def _frame(self) -> "pl.LazyFrame":
        import polars as pl

        require(self.path.is_file(), f"no such data file: {self.path}", DataError)
        name = self.path.name.lower()
        require(name.endswith(TABLES), f"{self.path.name}: expected a file ending in {', '.join(TABLES)}", DataError)
        if name.endswith(".parquet"):
            return pl.scan_parquet(self.path)
        if name.endswith((".csv", ".csv.gz", ".txt")):
            return pl.scan_csv(self.path, infer_schema=False)
        return pl.scan_ipc(self.path)


def _one_line(piece: "pl.DataFrame", found: "pl.DataFrame", kind: Kind, file: str) -> None:
    """A cell with a line break in it is several rows that stray quotation marks made one; news may have them."""
    import polars as pl

    texts = piece.select(pl.col(pl.String)) if kind.name != "news" else found.select("name")
    for column in texts.get_columns():
        wrong = int(column.str.contains(UNPRINTED.pattern).sum())
        hint = "mend their quotation marks"
        told = f"{file}: {wrong:,} cells of {column.name!r} hold line breaks or control characters; {hint}"
        require(wrong == 0, told, DataError)
