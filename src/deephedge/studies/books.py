"""Books from files: one row a position, its kind a public class and its columns the arguments of that class."""

import functools
import inspect
import json
import re
from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from deephedge import instruments
from deephedge.config import build, namespace
from deephedge.core.calendars import year_fraction
from deephedge.core.errors import ConfigError, DataError, DeephedgeError, nearest, require
from deephedge.instruments import AbstractContract, Book

KINDS = namespace({"": instruments})
ISO = re.compile(r"\d{4}-\d{2}-\d{2}")
OURS = ("kind", "units", "start", "premium", "counterparty", "recovery", "pays", "id")
FORMATS = (".csv", ".parquet", ".json")


def read_book(file: str | Path, *, today: date | str | None = None, day_count: str = "act/365") -> Book:
    """The book in a CSV, Parquet or JSON file (a list of objects), one row a position.

    Columns: ``kind``, the public name of a contract (``EuropeanCall``); ``units``, signed to us (-1: sold one); the
    arguments of that contract by name, empty where they do not apply or keep their default, several numbers or names
    parted by ``;`` (in JSON a list). A date such as ``2027-03-19`` is read as years of ``day_count`` from ``today``.
    ``start`` (and ``premium``): the position is taken on the way; ``counterparty`` (and ``recovery``): it ends with
    that name's default; ``pays``: the cash of its expiry arrives then; ``id``: for you. An unknown kind or column, a
    bad date or a value of another type raises ``DataError``, which names the row and what was expected.

    >>> import tempfile, pathlib
    >>> file = pathlib.Path(tempfile.mkdtemp()) / "book.csv"
    >>> told = ["kind,units,underlier,strike,expiry", "EuropeanCall,-2,SPX,1.0,2027-06-30", "Spot,0.5,SPX,,"]
    >>> _ = file.write_text(chr(10).join(told))
    >>> book = read_book(file, today="2026-12-31")
    >>> [type(kind).__name__ for kind in book.kinds], [units.tolist() for units in book.units]
    (['EuropeanCall', 'Spot'], [[-2.0], [0.5]])
    """
    rows = _rows(Path(file))
    require(len(rows) > 0, f"{file} holds no positions; one row each, with a kind and units", DataError)
    positions = [_position(row, n, today, day_count) for n, row in enumerate(rows, 1)]
    return Book([contract for contract, _ in positions], [units for _, units in positions])


def read_positions(file: str | Path, names: Sequence[str]) -> np.ndarray:
    """Units of the hedging instruments called ``names`` from a file with columns ``id`` and ``units``: a warm start.

    Several rows of one name are netted, what has no row is not held; a row of another name raises ``DataError``.
    """
    held = dict.fromkeys(names, 0.0)
    for n, row in enumerate(_rows(Path(file)), 1):
        name = row.get("id")
        if name not in held:
            raise DataError(f"row {n}: {name!r} is none of the hedging instruments, {nearest(str(name), names)}")
        held[name] += _units(row, n)
    return np.asarray(list(held.values()))


def _rows(file: Path) -> list[dict[str, Any]]:
    import polars as pl

    kind = file.suffix.lower()
    require(kind in FORMATS, f"{file.name}: a book is a file ending in {', '.join(FORMATS)}", DataError)
    require(file.is_file(), f"there is no file {file}", DataError)
    try:
        if kind == ".json":
            rows = json.loads(file.read_text())
        else:
            rows = (pl.read_csv(file, infer_schema=False) if kind == ".csv" else pl.read_parquet(file)).to_dicts()
    except (ValueError, pl.exceptions.PolarsError, OSError) as error:
        raise DataError(f"{file.name} is no {kind[1:]} file with one row a position: {error}") from error
    fits = isinstance(rows, list) and all(isinstance(row, dict) for row in rows)
    require(fits, f"{file.name}: expected a list of objects, one a position", DataError)
    return [{key.strip(): value for key, value in row.items() if value not in (None, "")} for row in rows]


def _position(row: Mapping[str, Any], n: int, today: Any, day_count: str) -> tuple[AbstractContract, float]:
    """The contract of a row, with what may happen to it, and how many units."""
    kind = row.get("kind")
    if kind not in KINDS:
        raise DataError(f"row {n}: no contract is called {kind!r}, {nearest(str(kind), KINDS)}")
    known = _parameters(kind)
    cells = {key: _cell(value, n, key, today, day_count) for key, value in row.items() if key not in ("kind", "units")}
    for key in cells:
        if key not in known and key not in OURS:
            raise DataError(f"row {n}: {kind} has no {key!r}, {nearest(key, [*known, *OURS])}")
    table = {"type": kind} | {key: value for key, value in cells.items() if key in known and key != "id"}
    around = {key: value for key, value in cells.items() if key in OURS and key not in known}
    if "pays" in around:
        table = {"type": "Settling", "contract": table, "pays": around["pays"]}
    if "counterparty" in around:
        more = {"recovery": around["recovery"]} if "recovery" in around else {}
        table = {"type": "Defaulting", "contract": table, "name": around["counterparty"], **more}
    if "start" in around:
        more = {"premium": around["premium"]} if "premium" in around else {}
        table = {"type": "Starting", "contract": table, "start": around["start"], **more}
    for key, other in (("recovery", "counterparty"), ("premium", "start")):
        require(key not in around or other in around, f"row {n}: {key} goes with {other}, which is empty", DataError)
    return _built(table, n), _units(row, n)


@functools.cache
def _parameters(kind: str) -> tuple[str, ...]:
    return tuple(inspect.signature(KINDS[kind]).parameters)


def _units(row: Mapping[str, Any], n: int) -> float:
    value = row.get("units")
    try:
        units = float(value)  # pyright: ignore
    except (TypeError, ValueError):
        units = float("nan")
    require(bool(np.isfinite(units)), f"row {n}: units must be a number, was {value!r}", DataError)
    return units


def _cell(value: Any, n: int, key: str, today: Any, day_count: str) -> Any:
    """A cell as what it says: a number, years to a date, a word, or a list of those."""
    if isinstance(value, list | tuple):
        return [_cell(each, n, key, today, day_count) for each in value]
    if isinstance(value, date):
        value = value.isoformat()[:10]
    if not isinstance(value, str):
        return value
    text = value.strip()
    if ";" in text:
        return [_cell(each, n, key, today, day_count) for each in text.split(";") if each.strip()]
    if ISO.match(text):
        require(today is not None, f"row {n}: {key} is a date, {text}: say since when years count: today=", DataError)
        try:
            return float(year_fraction(today, text, day_count))
        except (ValueError, DeephedgeError) as error:
            raise DataError(f"row {n}: {key} is no date: {text!r} ({error})") from error
    if text.lower() in ("true", "false"):
        return text.lower() == "true"
    try:
        return float(text)
    except ValueError:
        return text


def _built(table: Mapping[str, Any], n: int) -> AbstractContract:
    try:
        return build(table, namespace=KINDS, place=f"row {n}")
    except ConfigError as error:
        raise DataError(str(error)) from error
    except DeephedgeError as error:
        raise DataError(f"row {n}: {error}") from error
