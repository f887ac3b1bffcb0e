"""Repairs: rules that change records, each told, written as JSON, undone exactly, and the same on a live stream."""

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING, Any, ClassVar

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.kinds import NUMBER, TIMES, Kind
from deephedge.data.quality.where import COLUMN, Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

ROW = "row "  # the position of a row; no kind has a column called so


@dataclass(frozen=True)
class AbstractRepair(ABC):
    """A rule for the rows that ``where`` means; it may look at the row and at earlier ones, never at later ones."""

    where: Where

    name: ClassVar[str]

    @abstractmethod
    def applied(self, frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
        """The rows after the repair, in the same order."""

    def __str__(self) -> str:
        own = [f"{one.name} {getattr(self, one.name):g}" for one in fields(self) if one.name not in ("where", "column")]
        column = getattr(self, "column", "")
        return " ".join(filter(None, (self.name, column, f"where {self.where}", f"({', '.join(own)})" if own else "")))

    def to_dict(self) -> dict[str, Any]:
        """The rule as JSON writes it."""
        own = {one.name: getattr(self, one.name) for one in fields(self) if one.name != "where"}
        where = [[c, r, list(v) if isinstance(v, tuple) else v] for c, r, v in self.where.conditions]
        return {"rule": self.name, "where": where, **own}


@dataclass(frozen=True)
class Drop(AbstractRepair):
    """The rows leave."""

    name: ClassVar[str] = "drop"

    def applied(self, frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
        return frame.filter(~self.where.rows(kind))


@dataclass(frozen=True)
class Once(AbstractRepair):
    """Of rows with the same times and the same keys the first stays."""

    name: ClassVar[str] = "once"

    def applied(self, frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
        import polars as pl

        again = pl.struct(*TIMES, *kind.keys).is_first_distinct().not_()
        return frame.filter(~(again & self.where.rows(kind)))


@dataclass(frozen=True)
class Fill(AbstractRepair):
    """``column`` takes its last value known before of the same thing (the same keys), or none if there is none."""

    column: str
    name: ClassVar[str] = "fill"

    def applied(self, frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
        import polars as pl

        meant = self.where.rows(kind)
        good = pl.when(~meant).then(pl.col(self.column))
        before = good.forward_fill().over(_keys(kind))
        return frame.with_columns(pl.when(meant).then(before).otherwise(pl.col(self.column)).alias(self.column))


@dataclass(frozen=True)
class Winsorise(AbstractRepair):
    r"""``column`` is held within :math:`m \pm w\,d` of what came before it, of the same keys.

    :math:`m` is the median of the last ``window`` values :math:`x_s`, and :math:`d` is 1.4826 times the median of
    the last :math:`|x_s-m_s|`; a row without so many before it stays as it is.
    """

    column: str
    window: int = 21
    width: float = 6.0
    name: ClassVar[str] = "winsorise"

    def applied(self, frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
        import polars as pl

        keys, value = _keys(kind), pl.col(self.column)
        middle = value.rolling_median(self.window).shift(1).over(keys)
        away = frame.select((value - middle).abs().alias("away"), *keys, middle.alias("middle"))
        reach = 1.4826 * self.width * pl.col("away").rolling_median(self.window, min_samples=1).shift(1).over(keys)
        bounds = away.select(low=pl.col("middle") - reach, high=pl.col("middle") + reach)
        held = pl.when(bounds["low"].is_not_null()).then(value.clip(bounds["low"], bounds["high"])).otherwise(value)
        return frame.with_columns(pl.when(self.where.rows(kind)).then(held).otherwise(value).alias(self.column))


@dataclass(frozen=True)
class Adjust(AbstractRepair):
    """``column`` times ``factor``: units, and splits, whose later rows are brought to the old shares."""

    column: str
    factor: float = 1.0
    name: ClassVar[str] = "adjust"

    def applied(self, frame: "pl.DataFrame", kind: Kind) -> "pl.DataFrame":
        import polars as pl

        value = pl.col(self.column)
        return frame.with_columns(pl.when(self.where.rows(kind)).then(value * self.factor).otherwise(value))


RULES: Mapping[str, type[AbstractRepair]] = {rule.name: rule for rule in (Drop, Once, Fill, Winsorise, Adjust)}


def from_dict(written: Mapping[str, Any]) -> AbstractRepair:
    """The rule that ``to_dict`` wrote.

    >>> rule = Adjust(Where(("unit", "==", "percent")), "value", 0.01)
    >>> from_dict(rule.to_dict()) == rule
    True
    """
    name = str(written.get("rule"))
    require(name in RULES, f"unknown rule of repair {name!r}: {nearest(name, RULES)}", DataError)
    rule = RULES[name]
    own = {one.name for one in fields(rule)}
    for field in written:
        require(field in own | {"rule"}, f"{name} has no field {field!r}: {nearest(field, own)}", DataError)
    values = {key: value for key, value in written.items() if key not in ("rule", "where")}
    return rule(Where(*written.get("where", ())), **values)


@dataclass(frozen=True, eq=False)
class Undo:
    """What `apply` took away: the rows as they were, where they lay, and what had been told before."""

    rows: "pl.DataFrame"
    total: int
    repairs: tuple[str, ...]

    def __call__(self, records: Records) -> Records:
        """The records before the repairs, to the last bit: their digest is what it was."""
        import polars as pl

        kept = pl.int_range(self.total, eager=True, dtype=pl.UInt32).alias(ROW)
        gone = self.rows.filter(pl.col("gone"))[ROW]
        kept = kept.filter(~kept.is_in(gone.implode()))
        told = f"these are not the records that were repaired: {len(kept):,} rows were left, here are {len(records):,}"
        require(len(kept) == len(records), told, DataError)
        same = records.frame.select(kept, pl.all()).filter(~pl.col(ROW).is_in(self.rows[ROW].implode()))
        frame = pl.concat([same, self.rows.drop("gone")]).sort(ROW).drop(ROW)
        return replace(records, frame=frame, repairs=self.repairs)


def apply(records: Records, rules: Iterable[AbstractRepair], *, before: Records | None = None) -> tuple[Records, Undo]:
    """The records after each rule in turn, which tells in ``repairs`` how many rows it touched, and how to undo it.

    ``before`` are the rows that came earlier, as they came: with them a piece of a live stream is repaired as it would
    be within the whole. Raises ``DataError`` for a rule on a column that is not there, not a number or a key.

    >>> from deephedge.data import Origin
    >>> rows = [{"event_time": f"2024-01-0{d}", "known_time": f"2024-01-0{d}", "name": "x", "value": v}
    ...         for d, v in ((2, 1.0), (3, -9.0))]
    >>> records = Records.of("values", rows, origin=Origin("by hand"))
    >>> better, undo = apply(records, [Fill(Where(("value", "<", 0)), "value")])
    >>> better.frame["value"].to_list(), better.repairs, undo(better).digest == records.digest
    ([1.0, 1.0], ('fill value where value < 0: 1 row',), True)
    """
    import polars as pl

    frame = records.frame.with_row_index(ROW)
    start = frame
    if before is not None:
        told = f"what came before must be {records.kind.name}, were {before.kind.name}"
        require(before.kind == records.kind, told, DataError)
        frame = pl.concat([before.frame.select(pl.lit(None, pl.UInt32).alias(ROW), pl.all()), frame])
    sentences = []
    for rule in rules:
        _check(rule, records.kind)
        frame, old = rule.applied(frame, records.kind), frame
        count = _touched(rule, old, frame)
        sentences.append(f"{rule}: {count:,} {'row' if count == 1 else 'rows'}")
    result = frame.filter(pl.col(ROW).is_not_null())
    done = replace(records, frame=result.drop(ROW)).told(*sentences)
    return done, Undo(_lost(start, result), len(records), records.repairs)


def _touched(rule: AbstractRepair, old: "pl.DataFrame", new: "pl.DataFrame") -> int:
    import polars as pl

    own = pl.col(ROW).is_not_null()
    old, new, column = old.filter(own), new.filter(own), getattr(rule, "column", None)
    return old.height - new.height if column is None else int(old[column].ne_missing(new[column]).sum())


def _lost(start: "pl.DataFrame", result: "pl.DataFrame") -> "pl.DataFrame":
    """The rows of ``start`` that are not in ``result``, or not as they were; ``gone`` for the former."""
    import polars as pl

    gone = ~start[ROW].is_in(result[ROW].implode())
    left = start.filter(~gone)
    numbers = [name for name, kind in start.schema.items() if kind == pl.Float64]
    changed = pl.any_horizontal(pl.lit(False), *(pl.lit(left[name].ne_missing(result[name])) for name in numbers))
    parts = (start.filter(gone).with_columns(gone=True), left.filter(changed).with_columns(gone=False))
    return pl.concat([part.with_columns(pl.col("gone").cast(pl.Boolean)) for part in parts]).sort(ROW)


def _check(rule: AbstractRepair, kind: Kind) -> None:
    named = [(c, v) for c, _, v in rule.where.conditions]
    wanted = [c for c, _ in named] + [v[1:] for _, v in named if isinstance(v, str) and v.startswith(COLUMN)]
    column = getattr(rule, "column", None)
    for name in wanted + ([] if column is None else [column]):
        hint = nearest(name, kind.columns)
        require(name in kind.columns, f"{rule.name}: {kind.name} have no column {name!r}: {hint}", DataError)
    if column is not None:
        may = kind.columns[column] == NUMBER and column not in kind.keys
        told = f"{rule.name}: {column} of {kind.name} says what a row is about; a repair changes numbers that do not"
        require(may, told, DataError)


def _keys(kind: Kind) -> "list[pl.Expr]":
    import polars as pl

    return [pl.col(key) for key in kind.keys]
