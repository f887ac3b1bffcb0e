"""What comes back from a request, read strictly: anything but the expected is one sentence, without what was sent."""

import io
import json
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl


def now() -> datetime:
    """This moment, UTC: when an answer was fetched."""
    return datetime.now(UTC)


def json_of(body: bytes, source: str) -> Any:
    """The JSON of an answer."""
    try:
        return json.loads(body)
    except (ValueError, RecursionError):
        told = f"{source} answered with {_seen(body)} where JSON was expected; it may be down or have changed"
        raise DataError(told) from None


def part(answer: Any, path: str, source: str) -> Any:
    """What lies at ``path`` (keys with dots between; a number is a place in a list).

    >>> part({"chart": {"result": [7]}}, "chart.result.0", "Yahoo")
    7
    """
    for step in path.split("."):
        try:
            answer = answer[int(step)] if step.isdigit() else answer[step]
        except (KeyError, IndexError, TypeError):
            raise DataError(f"the answer of {source} has no {path}; its form may have changed") from None
    return answer


def listed(answer: Any, path: str, source: str) -> list[Any]:
    """The list at ``path``."""
    found = part(answer, path, source)
    require(
        isinstance(found, list), f"{path} of the answer of {source} is no list; its form may have changed", DataError
    )
    return found


def csv_of(body: bytes, columns: tuple[str, ...], source: str) -> "pl.DataFrame":
    """The CSV of an answer, as text, with at least ``columns``."""
    import polars as pl

    try:
        frame = pl.read_csv(io.BytesIO(body), infer_schema=False)
    except (pl.exceptions.PolarsError, pl.exceptions.PanicException):
        raise DataError(f"{source} answered with {_seen(body)} where CSV was expected; it may be down") from None
    missing = [name for name in columns if name not in frame.columns]
    told = f"the CSV of {source} has no column {', '.join(missing)}; its form may have changed ({_seen(body)})"
    require(not missing, told, DataError)
    return frame


def numbers(values: Any, source: str) -> np.ndarray:
    """Numbers, or text of numbers; None is NaN."""
    told = f"{source} gave text where numbers were expected; its form may have changed"
    try:
        found = np.array(values, dtype=np.float64)
    except (TypeError, ValueError):
        raise DataError(told) from None
    require(found.ndim == 1, told, DataError)
    return found


def times(values: list[Any], source: str) -> "pl.Series":
    """Moments (UTC) of ISO 8601 text with a zone, or of seconds since 1970."""
    import polars as pl

    try:
        if all(isinstance(value, int) for value in values):
            return (
                pl.from_epoch(pl.Series(values, dtype=pl.Int64), "s")
                .cast(pl.Datetime("us"))
                .dt.replace_time_zone("UTC")
            )
        return pl.Series(values, dtype=pl.String).str.to_datetime("%+", time_unit="us", time_zone="UTC")
    except (pl.exceptions.PolarsError, TypeError):
        raise DataError(f"{source} gave times that are not understood; its form may have changed") from None


def _seen(body: bytes) -> str:
    start = body[:200].lstrip().lower()
    return "nothing" if not start else "a web page" if start.startswith(b"<") else "other text"
