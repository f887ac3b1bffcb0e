"""Cells of files: numbers, rights, names; what is neither a value nor a known blank is refused."""

from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl

BLANK = ("", ".", "nan", "na", "n/a", "#n/a", "null", "none", "-")
RIGHTS = {"call": "call", "c": "call", "ce": "call", "put": "put", "p": "put", "pe": "put"}
SHOWN = 3


def numbers(column: "pl.Series", file: str, beside: "pl.Series | None" = None) -> "pl.Series":
    """Float64 of a column; blanks (``BLANK``, in any case) are null.

    Raises ``DataError`` for text and for infinite numbers, with the first of them; ``beside`` names their rows.

    >>> import polars as pl
    >>> numbers(pl.Series("value", ["1.5", "N/A"]), "x.csv").to_list()
    [1.5, None]
    """
    import polars as pl

    if column.dtype.is_numeric():
        values, wrong = column.cast(pl.Float64).fill_nan(None), column.is_null() & False
    else:
        text = column.cast(pl.String).str.strip_chars().fill_null("")
        values = text.cast(pl.Float64, strict=False).fill_nan(None)
        wrong = values.is_null() & ~text.str.to_lowercase().is_in(BLANK)
    wrong = wrong | values.is_infinite().fill_null(False)
    if wrong.any():
        rows = [f"{beside.filter(wrong)[row]} " if beside is not None else "" for row in range(min(wrong.sum(), SHOWN))]
        shown = ", ".join(f"{row}{cell!r}" for row, cell in zip(rows, column.filter(wrong)[:SHOWN], strict=True))
        raise DataError(f"{file}: {column.name} holds {wrong.sum():,} values that are not numbers ({shown})")
    return values.alias(column.name)


def numeric(frame: "pl.DataFrame", file: str, **columns: str) -> "list[pl.Series]":
    """Number columns under new names, ``bid="bid_1545"``; those that the file lacks are left out."""
    return [numbers(frame[old], file).alias(new) for new, old in columns.items() if old in frame.columns]


def replaced(column: "pl.Series", file: str, known: dict[str, str]) -> "pl.Series":
    """Words of a column as we say them; raises ``DataError`` for one that is not among ``known`` (in any case).

    >>> import polars as pl
    >>> replaced(pl.Series("type", ["C", "put"]), "x.csv", RIGHTS).to_list()
    ['call', 'put']
    """
    import polars as pl

    text = column.cast(pl.String).str.strip_chars()
    lower = {word.lower(): meaning for word, meaning in known.items()}
    found = text.str.to_lowercase().replace_strict(lower, default=None, return_dtype=pl.String)
    wrong = text.filter(found.is_null()).unique()
    shown = ", ".join(repr(one) for one in wrong.sort()[:SHOWN])
    require(wrong.is_empty(), f"{file}: {column.name} is {shown}; expected {', '.join(known)}", DataError)
    return found.alias(column.name)


def stem(file: str) -> str:
    """A file's name without its endings, for what has no name of its own.

    >>> stem("vix_ohlc.csv.gz")
    'vix_ohlc'
    """
    return file.split("/")[-1].split(".")[0] or file
