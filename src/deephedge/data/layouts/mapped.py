"""A layout written down in a TOML file, for files that no other layout fits."""

import string
import tomllib
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.kinds import DAY, NUMBER, TEXT, TIME, kind_of
from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.cells import numbers, replaced
from deephedge.data.layouts.recognise import LAYOUTS
from deephedge.data.layouts.times import CLOCKS, DAYS, at, days, moments

if TYPE_CHECKING:
    import polars as pl

WORDS = {TEXT: "text in quotes", NUMBER: "a number", "table": "a table of words"}
TYPES = {TEXT: str, NUMBER: (int, float), "table": dict}
# table of a mapping: which columns it is about, and what stands in it (None: what the column holds)
SAID = {
    "columns": ((TEXT, NUMBER, DAY), TEXT),
    "constants": ((TEXT, NUMBER), None),
    "values": ((TEXT,), "table"),
    "scales": ((NUMBER,), NUMBER),
    "formats": ((DAY,), TEXT),
}


@dataclass(frozen=True)
class When:
    """How moments are made of a column: of its times, or of its days at ``clock``; in ``zone``, ``lag_days`` later.

    ``time``: a second column, of times of day. ``format``: how text is written (``"%d.%m.%Y"``; for times with
    their clock, ``"%d.%m.%Y %H:%M"``), unless in one of the usual ways.
    """

    column: str
    zone: str | None = None
    clock: str | None = None
    time: str | None = None
    format: str | None = None
    lag_days: int = 0

    def __post_init__(self) -> None:
        """Refuse a clock without a zone, and a clock beside times of day."""
        told = f"a clock for the days of {self.column!r} needs a zone, such as zone = 'Europe/Berlin'"
        require(self.clock is None or self.zone is not None, told, DataError)
        told = f"the times of {self.column!r} are a clock for all rows or a column of times, not both"
        require(self.clock is None or self.time is None, told, DataError)

    def moments(self, frame: "pl.DataFrame", file: str) -> "pl.Series":
        """The moments (UTC) of a file's rows."""
        import polars as pl

        stamp, formats = frame[self.column], None if self.format is None else (self.format,)
        if self.clock is not None:
            return at(days(stamp, file, formats or DAYS), self.clock, str(self.zone), self.lag_days)
        if self.time is not None:
            day = days(stamp, file, formats or DAYS).dt.strftime("%Y-%m-%d ")
            clock = frame[self.time].cast(pl.String).str.strip_chars()
            stamp, formats = (day + clock).alias(self.column), tuple(f"%Y-%m-%d {one}" for one in CLOCKS)
        return moments(stamp, file, self.zone, formats).dt.offset_by(f"{self.lag_days}d")


@dataclass(frozen=True)
class Mapped(AbstractLayout):
    """The columns of a file by those of a kind; columns that are not named are not read.

    ``columns``: of the kind to of the file. ``known_time`` is ``event_time`` unless given. ``constants``: what is the
    same on all rows. ``values``: words of a column to ours. ``scales``: factors of numbers. ``formats``: how days
    are written. ``called``: the name as a template of the file's columns, ``"{ticker}.close"``.
    Raises ``DataError`` for a column that the kind does not have, with the nearest one that it has.
    """

    name: ClassVar[str] = "mapped"
    kind: str
    event_time: When
    columns: dict[str, Any]
    known_time: When | None = None
    constants: dict[str, Any] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    scales: dict[str, Any] = field(default_factory=dict)
    formats: dict[str, Any] = field(default_factory=dict)
    called: str | None = None

    def __post_init__(self) -> None:
        """Check every name and type against the kind."""
        own = {name: of for name, of in kind_of(self.kind).columns.items() if of != TIME}
        for table, (about, written) in SAID.items():
            for key, value in getattr(self, table).items():
                place = f"{key!r} of [{table}]"
                require(key in own, f"{place}: {self.kind} have no such column, {nearest(key, own)}", DataError)
                told = f"{place}: {key} is a {own[key]}, expected a {' or a '.join(about)}"
                require(own[key] in about, told, DataError)
                told = f"{place} needs a line {key} = ... in [columns]"
                require(table in ("columns", "constants") or key in self.columns, told, DataError)
                wanted = written or own[key]
                told = f"{place}: expected {WORDS[wanted]}, was {value!r}"
                require(isinstance(value, TYPES[wanted]) and not isinstance(value, bool), told, DataError)

    @property
    def needs(self) -> tuple[str, ...]:  # pyright: ignore
        """All columns of the file that are named, as the file spells them."""
        stamps = [one for when in (self.event_time, self.known_time) if when for one in (when.column, when.time) if one]
        return tuple(dict.fromkeys([*self.columns.values(), *stamps, *_placeholders(self.called)]))

    def fits(self, columns: list[str], file: str) -> bool:
        """True where all columns are there, spelt so; raises ``DataError`` with the nearest name where one is not."""
        for column in self.needs:
            require(column in columns, f"{file} has no column {column!r}: {nearest(column, columns)}", DataError)
        return True

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """The rows of a file by the mapping."""
        import polars as pl

        found = {"event_time": self.event_time.moments(frame, file)}
        found["known_time"] = (self.known_time or self.event_time).moments(frame, file)
        found |= {ours: self._column(frame[theirs], ours, file) for ours, theirs in self.columns.items()}
        made = pl.DataFrame({name: column.alias(name) for name, column in found.items()})
        made = made.with_columns(pl.lit(value).alias(name) for name, value in self.constants.items())
        if self.called is None:
            return made
        parts = [one for text, name in _parts(self.called) for one in (pl.lit(text), *([pl.col(name)] if name else []))]
        return made.with_columns(frame.select(pl.concat_str(parts).alias("name")).to_series())

    def _column(self, column: "pl.Series", ours: str, file: str) -> "pl.Series":
        import polars as pl

        of = kind_of(self.kind).columns[ours]
        if ours in self.values:
            return replaced(column, file, self.values[ours])
        if of == NUMBER:
            return numbers(column, file) * self.scales.get(ours, 1.0)
        if of == DAY:
            return days(column, file, (self.formats[ours],) if ours in self.formats else DAYS)
        return column.cast(pl.String).str.strip_chars()


def read_mapping(path: Path) -> AbstractLayout:
    """The layout that a TOML file describes: a known one with its fields, or a `Mapped` one.

    ``type`` is the name of a layout (``type = "bars"``, ``zone = "Europe/Berlin"``); without it the file is a `Mapped`
    one: ``kind``, ``called`` and the tables ``event_time``, ``known_time`` (fields of `When`), ``columns``,
    ``constants``, ``values``, ``scales`` and ``formats``. Raises ``DataError`` for what is not TOML, and
    ``ConfigError`` for an unknown or missing key or a value of another type, with the nearest known key.
    """
    from deephedge.config import build

    require(path.is_file(), f"no such mapping: {path}", DataError)
    try:
        said = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path.name} is not TOML: {error}") from error
    said.setdefault("type", Mapped.name)
    for moment in ("event_time", "known_time"):
        if isinstance(said.get(moment), dict):
            said[moment] = {"type": "when", **said[moment]}
    return build(said, namespace={**LAYOUTS, Mapped.name: Mapped, "when": When}, place=path.name)


def _parts(template: str) -> list[tuple[str, str | None]]:
    return [(text, name) for text, name, _, _ in string.Formatter().parse(template)]


def _placeholders(template: str | None) -> list[str]:
    return [name for _, name in _parts(template or "") if name]
