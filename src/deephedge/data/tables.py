"""Files of tables, read in pieces: CSV by Polars, Parquet and Arrow by PyArrow, which survives damaged ones."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl
    import pyarrow

TEXT = (".csv", ".csv.gz", ".txt")
TABLES = (*TEXT, ".parquet", ".arrow", ".feather", ".ipc")
PIECE = 500_000  # rows


def pieces(path: Path, rows: int = PIECE) -> "Iterator[pl.DataFrame]":
    """The rows of a file in pieces that fit in memory; cells of CSV files are text.

    Raises ``DataError`` for a file that is not there, is not called as a table, cannot be read or has no rows.
    """
    import polars as pl

    require(path.is_file(), f"no such data file: {path}", DataError)
    name, empty = path.name, True
    require(name.lower().endswith(TABLES), f"{name}: expected a file ending in {', '.join(TABLES)}", DataError)
    reading = _text(path, rows) if name.lower().endswith(TEXT) else _arrow(path, rows)
    try:
        for piece in reading:
            empty = empty and piece.is_empty()
            yield piece
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, MemoryError) as error:
        reason = (str(error).strip().splitlines() or [type(error).__name__])[0]
        raise DataError(f"{name} is empty, truncated or not what its name says: {reason}") from error
    require(not empty, f"{name} has no rows", DataError)


def _text(path: Path, rows: int) -> "Iterator[pl.DataFrame]":
    import polars as pl

    yield from pl.scan_csv(path, infer_schema=False).collect_batches(chunk_size=rows)


def _arrow(path: Path, rows: int) -> "Iterator[pl.DataFrame]":
    import polars as pl
    import pyarrow

    try:
        for batch in _batches(path, rows):
            batch.validate(full=True)  # text that is not UTF-8, offsets that point elsewhere
            yield pl.DataFrame(pyarrow.Table.from_batches([batch]))
    except (pyarrow.ArrowException, ValueError, TypeError) as error:
        raise OSError(str(error)) from error


def _batches(path: Path, rows: int) -> "Iterator[pyarrow.RecordBatch]":
    from pyarrow import ipc, parquet

    if path.name.lower().endswith(".parquet"):
        with parquet.ParquetFile(path, page_checksum_verification=True) as file:
            yield from file.iter_batches(batch_size=rows)
    else:
        with ipc.open_file(path) as file:
            yield from (file.get_batch(number) for number in range(file.num_record_batches))
