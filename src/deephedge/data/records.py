"""Records: tables of what happened, each row with when it happened and when a desk could know it."""

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime
from typing import TYPE_CHECKING, Any

import numpy as np

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.kinds import DAY, NUMBER, TEXT, TIME, TIMES, Kind, kind_of

if TYPE_CHECKING:
    import polars as pl

OPTIONAL = ("root", "settlement", "contract", "source", "id")  # keys that not every market has
Moment = str | date | datetime | np.datetime64


@dataclass(frozen=True)
class Origin:
    """Where records came from: the source in words, who published it, and under which licence."""

    source: str
    publisher: str = "not stated"
    licence: str = "not stated"


@dataclass(frozen=True, eq=False, repr=False)
class Records:
    """Rows of one kind, in order of ``known_time``, then of what they are about; nothing in it is changed in place.

    ``frame`` is a polars table with exactly the columns of its kind (`deephedge.data.kinds`): ``event_time`` and
    ``known_time`` in microseconds UTC, numbers as float64 and null where they are not known. ``repairs`` tells in
    sentences what was done to it on the way in.

    >>> rows = [
    ...     {"event_time": "2024-03-31", "known_time": "2024-04-25 12:30", "name": "us.gdp", "value": 1.6},
    ...     {"event_time": "2024-03-31", "known_time": "2024-05-30 12:30", "name": "us.gdp", "value": 1.3},
    ... ]
    >>> records = Records.of("values", rows, origin=Origin("by hand"))
    >>> records.as_of("2024-05-01").frame["value"].to_list(), records.as_of("2024-06-01").frame["value"].to_list()
    ([1.6], [1.3])
    """

    kind: Kind
    frame: "pl.DataFrame"
    origin: Origin
    repairs: tuple[str, ...] = field(default=())

    @classmethod
    def of(cls, kind: str | Kind, rows: Any, *, origin: Origin, repairs: Iterable[str] = ()) -> "Records":
        """Records of a polars frame, a mapping of columns or a list of rows; columns that are left out are empty.

        Raises ``DataError`` for a column that the kind does not have, a value that is not of its type, a row without
        times or without what it is about, and, unless the kind is known ahead, one that is known before it happens.
        """
        kind = kind_of(kind) if isinstance(kind, str) else kind
        frame = _framed(kind, rows, origin.source)
        _check(kind, frame, origin.source)
        order = ["known_time", "event_time", *kind.keys]
        return cls(kind, frame.sort(order, maintain_order=True), origin, tuple(repairs))

    @classmethod
    def kept(
        cls, kind: Kind, frame: "pl.DataFrame", *, origin: Origin, repairs: Iterable[str] = (), ordered: bool = False
    ) -> "Records":
        """Rows that were records before, such as those of a store: not checked again, and not sorted if ``ordered``.

        Columns of the kind that ``frame`` lacks are empty.
        """
        import polars as pl

        wanted = {name: types()[of] for name, of in kind.columns.items()}
        missing = [pl.lit(None, of).alias(name) for name, of in wanted.items() if name not in frame.columns]
        frame = frame.with_columns(missing).select(*wanted)
        order = ["known_time", "event_time", *kind.keys]
        return cls(kind, frame if ordered else frame.sort(order, maintain_order=True), origin, tuple(repairs))

    def between(self, start: Moment | None = None, end: Moment | None = None) -> "Records":
        """What happened from ``start`` to before ``end``; a day without a time means its first moment, UTC."""
        import polars as pl

        frame = self.frame
        if start is not None:
            frame = frame.filter(pl.col("event_time") >= moment(start))
        if end is not None:
            frame = frame.filter(pl.col("event_time") < moment(end))
        return replace(self, frame=frame)

    def known_by(self, when: Moment) -> "Records":
        """Every row, revisions too, that could be known at ``when``."""
        import polars as pl

        return replace(self, frame=self.frame.filter(pl.col("known_time") <= moment(when)))

    def as_of(self, when: Moment) -> "Records":
        """What a desk held to be true at ``when``: of each thing the last version known by then."""
        frame = self.known_by(when).frame.unique(["event_time", *self.kind.keys], keep="last", maintain_order=True)
        return replace(self, frame=frame)

    def about(self, **values: Any) -> "Records":
        """The rows whose columns have these values: ``records.about(name="us.cpi")``."""
        import polars as pl

        for column in values:
            known = self.kind.columns
            require(column in known, f"{self.kind.name} have no column {column!r}: {nearest(column, known)}", DataError)
        return replace(self, frame=self.frame.filter(*(pl.col(name) == value for name, value in values.items())))

    def joined(self, *others: "Records") -> "Records":
        """These and other records of the same kind, in order."""
        import polars as pl

        for other in others:
            told = f"records of one kind can be joined, were {self.kind.name} and {other.kind.name}"
            require(other.kind == self.kind, told, DataError)
        repairs = dict.fromkeys(sentence for records in (self, *others) for sentence in records.repairs)
        rows = pl.concat([self.frame, *(other.frame for other in others)])
        return Records.of(self.kind, rows, origin=self.origin, repairs=repairs)

    def told(self, *sentences: str) -> "Records":
        """The same rows, and what was done to them."""
        return replace(self, repairs=(*self.repairs, *sentences))

    @property
    def digest(self) -> str:
        """SHA-256 of kind, columns and rows: the same content has the same one, whatever file it came from."""
        found = hashlib.sha256(self.kind.name.encode())
        for column in self.frame:
            found.update(column.name.encode() + b"\0")
            for part in _canonical(column):
                found.update(part)
        return found.hexdigest()

    def __len__(self) -> int:
        return self.frame.height

    def __repr__(self) -> str:
        if not len(self):
            return f"Records({self.kind.name}: no rows)"
        first, last = self.frame["event_time"].min(), self.frame["event_time"].max()
        return f"Records({self.kind.name}: {len(self):,} rows from {first:%Y-%m-%d} to {last:%Y-%m-%d})"


def moment(when: Moment) -> datetime:
    """A point in time, UTC; a day means its first moment.

    >>> moment("2024-01-02 15:30").isoformat()
    '2024-01-02T15:30:00+00:00'
    """
    if isinstance(when, np.datetime64):
        when = when.astype("datetime64[us]").item()
    if isinstance(when, str):
        try:
            when = datetime.fromisoformat(when.strip())
        except ValueError:
            raise DataError(f"a time is written like 2024-01-02 or 2024-01-02 15:30, was {when!r}") from None
    if not isinstance(when, datetime):
        when = datetime(when.year, when.month, when.day)  # pyright: ignore
    return when.replace(tzinfo=UTC) if when.tzinfo is None else when.astimezone(UTC)


def types() -> "dict[str, pl.DataType]":
    """The polars type of each type of column."""
    import polars as pl

    return {TEXT: pl.String(), NUMBER: pl.Float64(), DAY: pl.Date(), TIME: pl.Datetime("us", "UTC")}


def _framed(kind: Kind, rows: Any, source: str) -> "pl.DataFrame":
    import polars as pl

    try:
        frame = rows if isinstance(rows, pl.DataFrame) else pl.DataFrame(rows, strict=False, infer_schema_length=None)
    except (pl.exceptions.PolarsError, TypeError, ValueError) as error:
        raise DataError(f"{source}: rows of {kind.name} do not form a table: {_first_line(error)}") from error
    for column in frame.columns:
        hint = nearest(column, kind.columns)
        require(column in kind.columns, f"{source}: {kind.name} have no column {column!r}, {hint}", DataError)
    wanted = types()
    columns = [_cast(frame, name, wanted[of], source) for name, of in kind.columns.items()]
    return (
        frame.select(columns) if frame.width else pl.DataFrame(schema={n: wanted[t] for n, t in kind.columns.items()})
    )


def _cast(frame: "pl.DataFrame", name: str, wanted: "pl.DataType", source: str) -> "pl.Series | pl.Expr":
    import polars as pl

    if name not in frame.columns:
        return pl.lit(None, wanted).alias(name)
    column = frame[name]
    if column.dtype == wanted:
        return _finite(column, source)
    try:
        return _finite(_converted(column, wanted), source)
    except pl.exceptions.PolarsError as error:
        raise DataError(f"{source}: {name} must be {wanted}: {_first_line(error)}") from error


def _converted(column: "pl.Series", wanted: "pl.DataType") -> "pl.Series":
    import polars as pl

    if isinstance(wanted, pl.Datetime):
        if column.dtype == pl.String:
            texts = column.to_list()
            return pl.Series(column.name, [None if t is None else moment(t) for t in texts], wanted)
        if isinstance(column.dtype, pl.Datetime) and column.dtype.time_zone is None:
            return column.cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    if isinstance(wanted, pl.Date) and column.dtype == pl.String:
        return column.str.to_date("%Y-%m-%d")
    return column.cast(wanted)


def _finite(column: "pl.Series", source: str) -> "pl.Series":
    """What is not a number is not known, which is null; an infinite one is refused."""
    if not column.dtype.is_float():
        return column
    wrong = int(column.is_infinite().sum())
    told = f"{source}: {wrong:,} values of {column.name} are infinite; leave what is not known empty"
    require(wrong == 0, told, DataError)
    return column.fill_nan(None)


def _canonical(column: "pl.Series") -> "Iterable[bytes]":
    """The same bytes for the same values, however the table keeps them."""
    import polars as pl

    yield np.packbits(column.is_null().to_numpy()).tobytes()
    if column.dtype == pl.String:
        text = column.fill_null("")
        yield text.str.len_bytes().to_numpy().astype("<u4").tobytes()
        yield (text.str.join("").item() or "").encode()
    elif column.dtype == pl.Float64:
        yield (column.fill_null(0.0).to_numpy() + 0.0).astype("<f8").tobytes()  # minus zero is zero
    else:
        yield column.to_physical().fill_null(0).to_numpy().astype("<i8").tobytes()


def _check(kind: Kind, frame: "pl.DataFrame", source: str) -> None:
    import polars as pl

    for name in (*TIMES, *kind.keys):
        if name in OPTIONAL:
            continue
        wrong = frame[name].null_count()
        require(wrong == 0, f"{source}: {wrong:,} rows of {kind.name} have no {name}; each needs one", DataError)
    if kind.ahead:
        return
    early = frame.filter(pl.col("known_time") < pl.col("event_time"))
    shown = "" if early.is_empty() else f" (the first: {early['known_time'][0]} before {early['event_time'][0]})"
    told = f"{source}: {early.height:,} rows are known before they happen{shown}; known_time is when a desk could know"
    require(early.is_empty(), told, DataError)


def _first_line(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]
