"""Data sets as commands see them: added from files and sources, listed, shown, queried, always by snapshot."""

import inspect
import shutil
import time
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from rich.table import Table
from rich.text import Text

from deephedge import config as toml
from deephedge.core.errors import ConfigError, DataError, nearest, require
from deephedge.data import layouts, sources
from deephedge.data.quality import Report, Tolerance, apply, checked
from deephedge.data.query import query
from deephedge.data.records import Records
from deephedge.data.sources import AbstractSource, Span
from deephedge.data.store import SHORT, Snapshot, Store
from deephedge.data.tables import TABLES
from deephedge.data.transport import Http, Kept
from deephedge.reports import quality_page
from deephedge.studies.progress import Screen
from deephedge.studies.tables import plain
from deephedge.training.checkpoint import replace_file

SHOWN = 40  # rows of an answer on the screen
A_DAY = 86_400.0  # seconds


def add(
    store: Store, name: str, given: Iterable[str], *, layout: str | None = None, mapping: Path | None = None,
    since: str | None = None, until: str | None = None, publisher: str | None = None, licence: str | None = None,
    fresh: bool = False, screen: Screen | None = None,
) -> Snapshot:  # fmt: skip
    """Fetch and keep records under ``name``.

    ``given``: files, folders and globs, or one source by its public name (``Fred``), and settings of the source or
    layout as ``key=value``. What was fetched from the network before an interruption is not fetched again.
    """
    screen = screen or Screen.silent()
    places, settings = _split(given)
    found = opened(places, settings, layout=layout, mapping=mapping)
    said = {key: value for key, value in {"publisher": publisher, "licence": licence}.items() if value is not None}
    fetched = _fetched(store, name)
    transport = Kept(Http(), fetched)
    span = Span.of(since, until)

    def pieces() -> Iterator[Records]:
        rows = 0
        for source in found:
            for piece in source.records(span, transport):
                rows += len(piece)
                screen.say(f"{name}: {rows:,} rows read", "dim")
                if len(piece):
                    yield replace(piece, origin=replace(piece.origin, **said))

    with screen.stage(f"adding to {name}"):
        snapshot = store.add(name, pieces(), fresh=fresh)
    shutil.rmtree(fetched, ignore_errors=True)
    return snapshot


def _fetched(store: Store, name: str) -> Path:
    """Where answers of the network wait until all are there; those of an interruption before yesterday are too old."""
    place = store.root / "fetched" / name
    if place.is_dir() and time.time() - place.stat().st_mtime > A_DAY:
        shutil.rmtree(place, ignore_errors=True)
    return place


def opened(
    places: list[str], settings: Mapping[str, Any], *, layout: str | None = None, mapping: Path | None = None
) -> list[AbstractSource]:
    """The sources that a command line means; raises ``DataError`` or ``ConfigError`` for one that is none."""
    require(bool(places), "name a file, a folder, or a source such as Fred; see deephedge data add --help", DataError)
    known = {one: getattr(sources, one) for one in sources.__all__ if _is_source(getattr(sources, one))}
    if len(places) == 1 and places[0] in known and not Path(places[0]).exists():
        table = {"type": f"sources.{places[0]}", **settings}
        return [toml.build(table, namespace={f"sources.{n}": v for n, v in known.items()}, place=places[0])]
    files = [file for place in places for file in _files(place, known)]
    chosen = _layout(layout, mapping, settings)
    return [sources.File(file, chosen) for file in files]


def _is_source(value: Any) -> bool:
    return inspect.isclass(value) and issubclass(value, AbstractSource) and not inspect.isabstract(value)


def _layout(name: str | None, mapping: Path | None, settings: Mapping[str, Any]) -> "layouts.AbstractLayout | None":
    require(name is None or mapping is None, "give --layout or --mapping, not both", ConfigError)
    if mapping is not None:
        return layouts.read_mapping(mapping)
    if name is None:
        told = (
            f"{', '.join(settings)}: settings belong to a layout; name it with --layout ({', '.join(layouts.LAYOUTS)})"
        )
        require(not settings, told, ConfigError)
        return None
    require(name in layouts.LAYOUTS, f"unknown layout {name!r}: {nearest(name, layouts.LAYOUTS)}", DataError)
    return toml.build({"type": name, **settings}, namespace=dict(layouts.LAYOUTS), place=name)


def _split(given: Iterable[str]) -> tuple[list[str], dict[str, Any]]:
    given = list(given)
    settings = [one for one in given if "=" in one and not Path(one).exists()]
    return [one for one in given if one not in settings], toml.override({}, settings)


def _files(place: str, known: Iterable[str]) -> list[Path]:
    path = Path(place)
    if path.is_dir():
        found = sorted(file for file in path.iterdir() if file.name.lower().endswith(TABLES))
        require(bool(found), f"{place} holds no file ending in {', '.join(TABLES)}", DataError)
        return found
    found = [path] if path.is_file() else sorted(Path().glob(place) if not path.is_absolute() else [])
    told = f"{place} is neither a file, a folder nor a source; sources are {', '.join(sorted(known))}"
    require(bool(found), told, DataError)
    return found


def listing(store: Store) -> Table | str:
    """One row a data set."""
    if not store.names():
        return f"{store.root} holds no data sets; add one with deephedge data add NAME FILE"
    table = plain(f"Data sets in {store.root}", "name", "kind", "rows", "from", "to", "snapshot", "source")
    for name in store.names():
        one = store.snapshot(name)
        source = ", ".join(dict.fromkeys(origin.source for origin in one.origins))
        cells = (name, one.kind, f"{one.rows:,}", one.first[:10], one.last[:10], f"{name}@{one.id[:8]}", source)
        table.add_row(*map(Text, cells))
    return table


def shown(store: Store, name: str) -> list[Any]:
    """What is known of a data set: its snapshots, origins, repairs, and its first and last rows."""
    one = store.snapshot(name)
    facts = plain(f"{one.name}@{one.id}", "", "")
    facts.show_header = False
    rows = [
        ("kind", one.kind),
        ("rows", f"{one.rows:,} in {len(one.parts):,} parts"),
        ("happened", f"{one.first} to {one.last}"),
    ]
    for origin in one.origins:
        rows.append(("source", f"{origin.source} ({origin.publisher}; licence: {origin.licence})"))
    rows += [("repair", sentence) for sentence in one.repairs]
    rows += [("made of", f"{one.name}@{one.parent} by {len(one.rules):,} rules")] if one.rules else []
    rows += [("snapshot", f"{entry['id']} added {entry['added']}") for entry in store.history(one.name)]
    damaged = store.verify(one)
    rows += [("damaged", sentence) for sentence in damaged] or [("parts", "all are what the snapshot says")]
    for row in rows:
        facts.add_row(*map(Text, row))
    return [facts, _ends(store, one)]


def _ends(store: Store, one: Snapshot) -> Table:
    """The first and the last three rows, each a column, for kinds have more columns than a screen is wide."""
    sql = f'select * from "{one.name}@{one.id}" order by known_time {{0}}, event_time {{0}} limit 3'
    rows = query(store, sql.format("")).vstack(query(store, sql.format("desc")).reverse()).unique(maintain_order=True)
    table = plain("The first and the last rows", "", *([""] * rows.height))
    table.show_header = False
    for column in rows.columns:
        if rows[column].null_count() < rows.height:
            table.add_row(column, *(Text(_cell(value)) for value in rows[column].to_list()))
    return table


def check(
    store: Store, name: str, *, page: Path | None = None, share: float | None = None, repair: str | None = None,
    screen: Screen | None = None,
) -> tuple[Report, Path, Snapshot | None]:  # fmt: skip
    """The report on a data set, where its page was written, and the repaired snapshot if that was asked for.

    ``share`` of rows may have errors (1 % unless given). With ``repair`` the rules that ``"errors"`` propose, or
    ``"all"`` findings (a step like a split may be none: look first), make a new snapshot, which records them; the one
    before stays.
    """
    screen = screen or Screen.silent()
    snapshot = store.snapshot(name)
    with screen.stage(f"checking {snapshot.rows:,} rows of {named(snapshot)}"):
        records = store.read(name)
        tolerance = Tolerance() if share is None else Tolerance(share)
        report = checked(records, tolerance=tolerance)
    place = page or store.root / "checks" / f"{named(snapshot).replace('@', '-')}.html"
    replace_file(place, quality_page(report).encode())
    found = [one.repair for one in report.findings if one.repair and one.severity == "error"]
    rules = report.rules if repair == "all" else tuple(dict.fromkeys(found)) if repair else ()
    if not rules:
        return report, place, None
    with screen.stage(f"repairing by {len(rules):,} rules"):
        better, _ = apply(records, rules)
        said = [rule.to_dict() for rule in rules]
        made = store.add(snapshot.name, [better], fresh=True, rules=said, parent=snapshot.id)
    return report, place, made


def asked(store: Store, sql: str) -> Table:
    """The first rows of the answer to a query."""
    answer = query(store, sql, SHOWN + 1)
    rows = f"{answer.height:,} row{'s' if answer.height != 1 else ''}"
    return frame_table(f"The first {SHOWN} rows" if answer.height > SHOWN else rows, answer.head(SHOWN))


def frame_table(title: str, frame: Any) -> Table:
    """A polars table for the screen; columns that are empty throughout are left out."""
    filled = [column for column in frame.columns if frame.height == 0 or frame[column].null_count() < frame.height]
    table = plain(title, *filled)
    for row in frame.select(filled).rows():
        table.add_row(*(Text(_cell(value)) for value in row))
    return table


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:.6g}"
    return f"{value:%Y-%m-%d %H:%M}" if hasattr(value, "hour") else str(value)


def named(snapshot: Snapshot) -> str:
    """How a data set is named so that it stays the same: ``name@id``."""
    return f"{snapshot.name}@{snapshot.id[:SHORT]}"
