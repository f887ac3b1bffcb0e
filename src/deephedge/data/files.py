"""Daily columns out of CSV and Parquet files."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, nearest
from deephedge.data.clean import Series
from deephedge.data.layouts.cells import numbers
from deephedge.data.layouts.times import days
from deephedge.data.tables import pieces

if TYPE_CHECKING:
    import polars as pl

SUFFIXES = (".csv", ".csv.gz", ".parquet")
# recognised column names, whatever their case; the first that is there is taken
DATE = ("date", "day", "datetime", "timestamp", "observation_date")
SPOT = ("spx", "sp500", "s&p 500", "s&p500", "^gspc", "gspc", "spot", "close", "price", "adj close", "adj_close")
VOL = ("spx.vol", "vix", "^vix", "vixcls", "vix close", "vix_close", "vol", "implied_vol", "implied vol", "iv")
VOL_ALONE = (*VOL, "close", "price", "adj close", "value")


def is_data_file(path: Path) -> bool:
    """Whether the name ends in one of ``SUFFIXES``."""
    return path.name.lower().endswith(SUFFIXES)


def columns_of(
    path: Path, wanted: Mapping[str, tuple[str, ...]], given: Mapping[str, str] | None = None
) -> dict[str, Series]:
    """The columns of a file by role: ``{"spot": ("close", ...)}`` gives ``{"spot": Series}``.

    ``given`` names columns outright (``{"date": ..., "spot": ..., "vol": ...}``). A role whose column is not there is
    absent from the result. Raises ``DataError`` for a file that cannot be read, has no dates or holds no number.
    """
    import polars as pl

    frame = pl.concat(pieces(path))
    found = {role: _find(frame, path, role, known, given or {}) for role, known in (("date", DATE), *wanted.items())}
    names = {role: column for role, column in found.items() if column is not None}
    if "date" not in names or len(names) == 1:
        raise DataError(_not_recognised(frame, path, wanted))
    day = days(frame[names.pop("date")], path.name)
    dates = day.to_numpy().astype("datetime64[D]")
    read = {role: numbers(frame[column], path.name, beside=day) for role, column in names.items()}
    return {role: Series(path.name, dates, column.fill_null(np.nan).to_numpy()) for role, column in read.items()}


def _find(frame: "pl.DataFrame", path: Path, role: str, known: tuple[str, ...], given: Mapping[str, str]) -> str | None:
    if role in given:
        wanted = given[role]
        if wanted not in frame.columns:
            raise DataError(f"{path.name} has no column {wanted!r}: {nearest(wanted, frame.columns)}")
        return wanted
    found = {column.strip().lower(): column for column in reversed(frame.columns)}
    return next((found[name] for name in known if name in found), None)


def _not_recognised(frame: "pl.DataFrame", path: Path, wanted: Mapping[str, tuple[str, ...]]) -> str:
    expected = "; ".join(f"{role}: {', '.join(known)}" for role, known in (("date", DATE), *wanted.items()))
    return (
        f"{path.name}: found the columns {', '.join(frame.columns)}; expected a date and a value, called one of "
        f"({expected}); rename them, or say which is which with columns, such as {{'date': ..., 'spot': ...}}"
    )
