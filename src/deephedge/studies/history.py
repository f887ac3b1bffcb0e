"""The history of a study: what its [data] names, read, joined by what was known each day, and transformed."""

import dataclasses
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from deephedge import config as toml
from deephedge.core.calendars import sessions
from deephedge.core.errors import ConfigError, nearest, require
from deephedge.data import History, Origin, Records, load
from deephedge.data.align import closes, daily_history
from deephedge.data.columns import Latest
from deephedge.data.layouts import LAYOUTS
from deephedge.data.sources import File
from deephedge.data.store import Store
from deephedge.data.transforms import AbstractTransform, transformed
from deephedge.studies.library import find_data
from deephedge.studies.settings import STORED, DataSettings

BESIDE = "expiries"  # a file that a layout or a transform reads beside the quotes


def history_of(data: DataSettings, near: Iterable[Path] = ()) -> History:
    """All days of all quotes.

    ``files``, or a data set of the store (``source = "store:NAME@ID"``), become one row a session of ``exchange`` with
    what was known at its close; a ``source`` of any other kind is what ``data.load`` reads. Transforms are fitted on
    the training years.
    """
    if data.files:
        found = _joined(data, [piece for file in data.files for piece in _of_file(file, near)])
    elif data.joined:
        found = _joined(data, [_stored(str(data.source))])
    else:
        found = _loaded(data, near)
    found = _with_joins(found, data, near)
    years = (str(data.train[0]), str(data.train[1]))
    return transformed(found, [_placed(each, near) for each in data.transforms], years) if data.transforms else found


def _with_joins(history: History, data: DataSettings, near: Iterable[Path]) -> History:
    """What was known at the close of each day; a day that is no session counts as the session before it."""
    if not data.joins:
        return history
    days = sessions(history.dates[0], history.dates[-1], data.exchange)
    last = np.maximum(np.searchsorted(days.days, history.dates, side="right") - 1, 0)
    times, told = days.closes.astype("datetime64[us]"), history.provenance
    quotes, sentences = dict(history.quotes), []
    for join in data.joins:
        new, sentence = join.quotes(times, lambda path: find_data(path, near))
        twice = sorted(set(new) & set(quotes))
        require(
            not twice, f"data.joins: there is a quote {', '.join(twice)} already; give the join a name", ConfigError
        )
        quotes |= {name: values[last] for name, values in new.items()}
        sentences.append(sentence)
    return History.of(
        history.dates, quotes, source=told.source, publisher=told.publisher, licence=told.licence,
        repairs=(*told.repairs, *sentences),
    )  # fmt: skip


def _loaded(data: DataSettings, near: Iterable[Path]) -> History:
    if isinstance(data.source, dict):
        found = {role: find_data(path, near) for role, path in data.source.items()}
    else:
        found = find_data(data.source, near)
    return load(found, columns=data.columns, name=data.name)  # pyright: ignore


def _placed(transform: AbstractTransform, near: Iterable[Path]) -> AbstractTransform:
    """A transform that reads a file beside the quotes, with that file found as data files are."""
    file = getattr(transform, BESIDE, None)
    found = {BESIDE: find_data(file, near)} if isinstance(file, str) else {}
    return dataclasses.replace(transform, **found)  # pyright: ignore


def _of_file(file: str | Mapping[str, Any], near: Iterable[Path]) -> list[Records]:
    table = {"path": file} if isinstance(file, str) else dict(file)
    path, layout = table.pop("path", None), table.pop("layout", None)
    require(isinstance(path, str), f"data.files: each needs a path, was {file!r}", ConfigError)
    said = {key: table.pop(key) for key in ("publisher", "licence") if key in table}
    if layout is None:
        hint = f"settings belong to a layout, name it ({', '.join(LAYOUTS)})"
        require(not table, f"data.files: {', '.join(table)} of {path}: {hint}", ConfigError)
        made = None
    else:
        require(layout in LAYOUTS, f"data.files: unknown layout {layout!r}: {nearest(layout, LAYOUTS)}", ConfigError)
        table |= {BESIDE: find_data(str(table[BESIDE]), near)} if BESIDE in table else {}
        made = toml.build({"type": layout, **table}, namespace=dict(LAYOUTS), place=f"data.files {path}")
    place = Path(find_data(str(path), near))
    return File(place, made, Origin(place.name, **said)).read()


def _stored(name: str) -> Records:
    store, wanted = Store.home(), name.removeprefix(STORED)
    snapshot = store.snapshot(wanted)
    records = store.read(wanted)
    return records.told(f"snapshot {snapshot.name}@{snapshot.id} of the store")


def _joined(data: DataSettings, records: list[Records]) -> History:
    """One row a session, from the first year that the study names to the last."""
    known = closes(records)
    wanted = data.quotes or {name: name for name in known}
    for name, of in wanted.items():
        require(
            of in known, f"data.quotes: {name} is to be {of!r}, which no file has: {nearest(of, known)}", ConfigError
        )
    columns = {name: known[of] for name, of in wanted.items()}
    if data.max_age is not None:
        columns = {name: Latest(c.kind, c.where, c.of, data.max_age) for name, c in columns.items()}  # pyright: ignore
    first, last = data.spans[0][0], data.spans[-1][1]
    return daily_history(records, columns, exchange=data.exchange, start=str(first), end=str(last))
