"""The store: data sets cut into Parquet parts that never change, and snapshots of them named by their content."""

import hashlib
import json
import os
import re
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from itertools import pairwise
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.kinds import Kind, kind_of
from deephedge.data.records import Moment, Origin, Records, moment

if TYPE_CHECKING:
    import polars as pl

NAME = re.compile(r"[a-z0-9][a-z0-9_.-]{0,63}")
HOME = "DEEPHEDGE_STORE"
SHORT, ROWS_A_GROUP = 16, 131_072


@dataclass(frozen=True)
class Part:
    """One Parquet file: rows of one period, a year or a month (and of one underlier, for kinds that are divided so)."""

    digest: str
    period: str
    bucket: str
    rows: int
    first: str
    last: str


@dataclass(frozen=True)
class Snapshot:
    """What a data set held at one time: its parts, and all that was said of them. ``id`` is the hash of that content.

    Two snapshots with the same rows, origin and repairs have the same ``id``, on any machine.
    """

    name: str
    kind: str
    parts: tuple[Part, ...]
    origins: tuple[Origin, ...]
    repairs: tuple[str, ...] = ()
    rules: tuple[Any, ...] = field(default=())
    parent: str | None = None

    @property
    def id(self) -> str:
        said = [self.kind, [part.digest for part in self.parts], [asdict(one) for one in self.origins]]
        content = json.dumps([*said, self.repairs, self.rules], sort_keys=True)
        return hashlib.sha256(content.encode()).hexdigest()[:SHORT]

    @property
    def rows(self) -> int:
        return sum(part.rows for part in self.parts)

    @property
    def first(self) -> str:
        return min((part.first for part in self.parts), default="")

    @property
    def last(self) -> str:
        return max((part.last for part in self.parts), default="")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return {"id": self.id, **asdict(self)}

    @classmethod
    def from_dict(cls, facts: dict[str, Any]) -> "Snapshot":
        """The snapshot that `to_dict` wrote; raises ``DataError`` if it is not what its id says."""
        facts = dict(facts)
        said = facts.pop("id")
        facts["parts"] = tuple(Part(**part) for part in facts["parts"])
        facts["origins"] = tuple(Origin(**one) for one in facts["origins"])
        found = cls(**{key: tuple(v) if isinstance(v, list) else v for key, v in facts.items()})
        require(
            found.id == said, f"the snapshot {said} of {found.name} was changed by hand; add the data again", DataError
        )
        return found


@dataclass(frozen=True)
class Store:
    """A folder of data sets; ``add`` changes nothing that is there, but writes parts and a new snapshot of them.

    ``Store.home()`` is the one in ``$DEEPHEDGE_STORE``, or ``store`` in the working folder.

    >>> import tempfile
    >>> store = Store(Path(tempfile.mkdtemp()))
    >>> rows = [{"event_time": "2024-01-02", "known_time": "2024-01-02", "name": "SPX", "value": 4742.8}]
    >>> snapshot = store.add("index", [Records.of("values", rows, origin=Origin("by hand"))])
    >>> store.read("index"), store.add("index", [store.read("index")]).id == snapshot.id
    (Records(values: 1 rows from 2024-01-02 to 2024-01-02), True)
    """

    root: Path

    @classmethod
    def home(cls) -> "Store":
        """The store that commands use."""
        return cls(Path(os.environ.get(HOME) or "store"))

    def names(self) -> list[str]:
        """The data sets there are."""
        return sorted(file.stem for file in (self.root / "names").glob("*.json"))

    def add(
        self, name: str, records: Iterable[Records], *, fresh: bool = False, rules: Iterable[Any] = (),
        parent: str | None = None,
    ) -> Snapshot:  # fmt: skip
        """Add records, a piece at a time, and return the new snapshot; rows that are there already are not added twice.

        ``fresh`` leaves out what the data set held before. ``rules`` (plain values) say how the records were made of
        those of the snapshot ``parent``, which is the one before unless given. Nothing is changed if a piece is
        refused. Raises ``DataError`` for a name that is none, records of another kind than the data set's, or no rows.
        """
        hint = "use small letters, digits, '.', '_' and '-', at most 64"
        require(bool(NAME.fullmatch(name)), f"a data set cannot be called {name!r}; {hint}", DataError)
        before = self.snapshot(name) if name in self.names() and not fresh else None
        kind = None if before is None else kind_of(before.kind)
        parts = {part.digest: part for part in (before.parts if before else ())}
        origins = dict.fromkeys(before.origins if before else ())
        repairs = dict.fromkeys(before.repairs if before else ())
        for piece in records:
            kind = kind or piece.kind
            told = f"{name} holds {kind.name}, these are {piece.kind.name}; add them under another name"
            require(piece.kind == kind, told, DataError)
            for part, frame in self._cut(piece, parts.values()):
                self._write(part, frame)
                parts[part.digest] = part
            origins[piece.origin] = None
            repairs |= dict.fromkeys(piece.repairs)
        told = f"nothing to add to {name}: the source gave no rows; check the span and the source"
        require(kind is not None and bool(parts), told, DataError)
        ordered = tuple(sorted(parts.values(), key=lambda part: (part.period, part.bucket, part.digest)))
        said = (*(before.rules if before else ()), *rules)
        parent = parent or (before.id if before else None)
        return self.keep(Snapshot(name, kind.name, ordered, tuple(origins), tuple(repairs), said, parent))  # pyright: ignore

    def keep(self, snapshot: Snapshot) -> Snapshot:
        """Write a snapshot and let its name point to it; one that is there already is only pointed to."""
        place = self.root / "snapshots" / f"{snapshot.id}.json"
        if not place.is_file():
            _write_text(place, json.dumps(snapshot.to_dict(), indent=1))
        pointer = self.root / "names" / f"{snapshot.name}.json"
        history = json.loads(pointer.read_text())["snapshots"] if pointer.is_file() else []
        if not history or history[-1]["id"] != snapshot.id:
            history.append({"id": snapshot.id, "added": datetime.now(UTC).isoformat(timespec="seconds")})
            _write_text(pointer, json.dumps({"snapshots": history}, indent=1))
        return Snapshot.from_dict(json.loads(place.read_text()))

    def history(self, name: str) -> list[dict[str, str]]:
        """Every snapshot that the data set has been, oldest first: ``id`` and when it was ``added``."""
        known = self.names()
        told = f"{self.root} has no data set {name!r}: {nearest(name, known)}; add one with deephedge data add"
        require(name in known, told, DataError)
        return json.loads((self.root / "names" / f"{name}.json").read_text())["snapshots"]

    def snapshot(self, name: str) -> Snapshot:
        """The snapshot ``name`` points to, or an older one as ``name@id`` (its first letters are enough)."""
        name, _, wanted = name.partition("@")
        ids = [entry["id"] for entry in self.history(name)]
        found = [one for one in dict.fromkeys(ids) if one.startswith(wanted)] if wanted else ids[-1:]
        told = f"{name} has {'several snapshots' if found else 'no snapshot'} {wanted!r}; it has {', '.join(ids)}"
        require(len(found) == 1, told, DataError)
        place = self.root / "snapshots" / f"{found[0]}.json"
        require(place.is_file(), f"{place} is missing; the store is damaged, add the data again", DataError)
        return Snapshot.from_dict(json.loads(place.read_text()))

    def read(
        self, name: str, start: Moment | None = None, end: Moment | None = None, *,
        bucket: str | None = None, columns: Iterable[str] | None = None,
    ) -> Records:  # fmt: skip
        """What happened from ``start`` to before ``end``, of one underlier (``bucket``) or of all, as records.

        Only the parts that may hold it are opened, and of them only ``columns`` (with the keys and times); the others
        are empty. Raises ``DataError`` for a part that is not what the snapshot says.
        """
        import polars as pl

        snapshot = self.snapshot(name)
        kind = kind_of(snapshot.kind)
        origin = snapshot.origins[0] if len(snapshot.origins) == 1 else _several(snapshot)
        parts = _kept(snapshot, start, end, bucket)
        if not parts:
            return Records.of(kind, {}, origin=origin, repairs=snapshot.repairs)
        wanted = [*kind.columns] if columns is None else _wanted(kind, columns)
        where = [pl.col("event_time") >= moment(start)] if start is not None else []
        where += [pl.col("event_time") < moment(end)] if end is not None else []
        where += [pl.col(str(kind.bucket)) == bucket] if bucket is not None and kind.bucket else []
        files = [self._place(part) for part in parts]
        frame = pl.scan_parquet(files, glob=False).select(wanted).filter(*where).collect()
        apart = all(early.last < late.first for early, late in pairwise(parts))  # each part is in order itself
        ordered = apart and frame["known_time"].is_sorted()
        return Records.kept(kind, frame, origin=origin, repairs=snapshot.repairs, ordered=ordered)

    def files(
        self, snapshot: Snapshot, start: Moment | None = None, end: Moment | None = None, bucket: str | None = None
    ) -> list[Path]:
        """The parts that may hold rows of the span and of the bucket."""
        return [self._place(part) for part in _kept(snapshot, start, end, bucket)]

    def verify(self, snapshot: Snapshot) -> list[str]:
        """A sentence for each part that is missing or is not what its name says."""
        import polars as pl

        said, kind = [], kind_of(snapshot.kind)
        for part in snapshot.parts:
            place = self._place(part)
            try:
                whole = Records(kind, pl.read_parquet(place), snapshot.origins[0]).digest == part.digest
            except (OSError, pl.exceptions.PolarsError):
                whole = False
            said += [] if whole else [f"{place.name} ({part.period}) is missing or was changed; add the data again"]
        return said

    def _cut(self, piece: Records, known: Iterable[Part]) -> "Iterable[tuple[Part, pl.DataFrame]]":
        """One part a period and bucket, without the rows that other parts of it hold already."""
        import polars as pl

        period = pl.col("event_time").dt.strftime(piece.kind.period).alias("_period")
        bucket = (pl.col(piece.kind.bucket) if piece.kind.bucket else pl.lit("")).alias("_bucket")
        frame = piece.frame.with_columns(period, bucket)
        for (of_period, of_bucket), rows in frame.partition_by("_period", "_bucket", as_dict=True).items():
            fresh = rows.drop("_period", "_bucket")
            there = [self._place(part) for part in known if (part.period, part.bucket) == (of_period, of_bucket)]
            if there:
                old = pl.read_parquet(there)
                fresh = fresh.join(old, on=fresh.columns, how="anti", nulls_equal=True, maintain_order="left")
            if fresh.is_empty():
                continue
            digest = Records(piece.kind, fresh, piece.origin).digest
            times = [str(side.isoformat()) for side in (fresh["event_time"].min(), fresh["event_time"].max())]  # pyright: ignore
            yield Part(digest, str(of_period), str(of_bucket), fresh.height, *times), fresh

    def _place(self, part: Part) -> Path:
        return self.root / "parts" / part.digest[:2] / f"{part.digest[:40]}.parquet"

    def _write(self, part: Part, frame: "pl.DataFrame") -> None:
        place = self._place(part)
        if place.is_file():
            return
        place.parent.mkdir(parents=True, exist_ok=True)
        half = place.with_suffix(f".{os.getpid()}.part")
        frame.write_parquet(half, compression="zstd", row_group_size=ROWS_A_GROUP, statistics=True)
        half.replace(place)


def _kept(snapshot: Snapshot, start: Moment | None, end: Moment | None, bucket: str | None) -> list[Part]:
    low = "" if start is None else moment(start).isoformat()
    high = "9999" if end is None else moment(end).isoformat()
    divided = kind_of(snapshot.kind).bucket is not None and bucket is not None
    found = [part for part in snapshot.parts if part.last >= low and part.first < high]
    return [part for part in found if not divided or part.bucket == bucket]


def _several(snapshot: Snapshot) -> Origin:
    def listed(key: str) -> str:
        return ", ".join(dict.fromkeys(getattr(origin, key) for origin in snapshot.origins))

    return Origin(listed("source"), listed("publisher"), listed("licence"))


def _wanted(kind: Kind, columns: Iterable[str]) -> list[str]:
    columns = list(columns)
    for column in columns:
        require(
            column in kind.columns, f"{kind.name} have no column {column!r}: {nearest(column, kind.columns)}", DataError
        )
    return list(dict.fromkeys(("event_time", "known_time", *kind.keys, *columns)))


def _write_text(place: Path, text: str) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    half = place.with_suffix(f".{os.getpid()}.part")
    half.write_text(text + "\n")
    half.replace(place)
