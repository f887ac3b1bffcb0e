"""Files: CSV, Parquet and Arrow, laid out in a way that is recognised or said."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require
from deephedge.data.layouts import AbstractLayout, recognised
from deephedge.data.records import Origin, Records
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.transport import AbstractTransport

if TYPE_CHECKING:
    import polars as pl

TABLES = (".csv", ".csv.gz", ".parquet", ".arrow", ".feather", ".ipc")
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

        origin = self.origin or Origin(self.path.name)
        layout, empty = self.layout, True
        try:
            for piece in self._frame().collect_batches(chunk_size=PIECE):
                layout = layout or recognised(piece.columns, self.path.name)
                empty = empty and piece.is_empty()
                found = layout.rows(piece, self.path.name)
                yield Records.of(layout.kind, found, origin=origin).between(span.start, span.end)
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError) as error:
            reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
            raise DataError(f"{self.path.name} is empty, truncated or not what its name says: {reason}") from error
        require(not empty, f"{self.path.name} has no rows", DataError)

    def _frame(self) -> "pl.LazyFrame":
        import polars as pl

        require(self.path.is_file(), f"no such data file: {self.path}", DataError)
        name = self.path.name.lower()
        require(name.endswith(TABLES), f"{self.path.name}: expected a file ending in {', '.join(TABLES)}", DataError)
        if name.endswith(".parquet"):
            return pl.scan_parquet(self.path)
        if name.endswith((".csv", ".csv.gz")):
            return pl.scan_csv(self.path, infer_schema=False)
        return pl.scan_ipc(self.path)
