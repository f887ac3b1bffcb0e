"""Which rows a repair means: conditions on the row itself, as JSON can write them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

from deephedge.core.errors import DataError, require
from deephedge.data.kinds import DAY, TIME, Kind
from deephedge.data.records import moment

if TYPE_CHECKING:
    import polars as pl

COLUMN = "@"  # a value that begins so names another column of the same row
RELATIONS = ("<", "<=", "==", "!=", ">=", ">", "in")
Condition = tuple[str, str, Any]


@dataclass(frozen=True)
class Where:
    """The rows that meet every condition (column, relation, value); what is not known meets none.

    A value is a number, a text (a time as ``"2024-01-02 15:30"``, UTC), a list of them for ``in``, or another column of
    the row as ``"@bid"``. A row is judged by itself, so a live stream is judged as a file is.

    >>> str(Where(("ask", "<", "@bid"), ("event_time", "<", "2024-01-02")))
    'ask < bid and event_time < 2024-01-02'
    """

    conditions: tuple[Condition, ...]

    def __init__(self, *conditions: Sequence[Any]):
        for one in conditions:
            shown = f"a condition is (column, relation, value) with one of {', '.join(RELATIONS)}, was {one!r}"
            require(len(one) == 3 and one[1] in RELATIONS, shown, DataError)
        frozen = tuple((c, r, tuple(v) if isinstance(v, list | tuple) else v) for c, r, v in conditions)
        object.__setattr__(self, "conditions", frozen)

    def rows(self, kind: Kind) -> "pl.Expr":
        """True where a row is meant."""
        import polars as pl

        return pl.all_horizontal(pl.lit(True), *(_judged(kind, *one) for one in self.conditions)).fill_null(False)

    def __str__(self) -> str:
        return " and ".join(f"{c} {r} {_short(v)}" for c, r, v in self.conditions) or "all rows"


def _judged(kind: Kind, column: str, relation: str, value: Any) -> "pl.Expr":
    import polars as pl

    left = pl.col(column)
    if relation == "in":
        return left.is_in([_typed(kind, column, one) for one in value])
    if isinstance(value, str) and value.startswith(COLUMN):
        right = pl.col(value[1:])
    else:
        right = pl.lit(_typed(kind, column, value))
    made = {"<": left < right, "<=": left <= right, "==": left == right, "!=": left != right, ">=": left >= right}
    return made.get(relation, left > right)


def _typed(kind: Kind, column: str, value: Any) -> Any:
    of = kind.columns.get(column)
    if of == TIME:
        return moment(value)
    return date.fromisoformat(value) if of == DAY and isinstance(value, str) else value


def _short(value: Any) -> str:
    if isinstance(value, tuple):
        return f"{', '.join(map(str, value[:3]))}{f' and {len(value) - 3:,} more' if len(value) > 3 else ''}"
    return f"{value:g}" if isinstance(value, float) else str(value).removeprefix(COLUMN)
