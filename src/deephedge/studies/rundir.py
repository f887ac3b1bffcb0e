"""The folder of one run: all that went in, all that came out, and a checksum of every file."""

import hashlib
import io
import json
from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Any

from deephedge.core.errors import ArtefactError, OutputError, require
from deephedge.training.checkpoint import replace_file

if TYPE_CHECKING:
    import polars as pl

FORMAT = 1
MANIFEST, CONFIG, LOG, REPORT = "manifest.json", "config.toml", "run.log", "report.html"


class RunFolder:
    """``manifest.json`` says what the run is and holds the sha256 of every other file, so damage is noticed.

    Each file is replaced in one step, and the manifest after it: after ``kill -9`` a file is the old one, the new one,
    or a new one that the manifest does not know yet, which counts as not written.
    """

    def __init__(self, path: Path, manifest: dict[str, Any]):
        self.path, self.manifest = path, manifest

    path: Path
    manifest: dict[str, Any]

    @classmethod
    def create(cls, path: Path, manifest: dict[str, Any], config: str) -> "RunFolder":
        """A new folder; raises ``OutputError`` where none can be made or one is there already."""
        try:
            path.mkdir(parents=True)
        except FileExistsError as problem:
            raise OutputError(f"{path} is there already; say --resume, or choose another folder") from problem
        except OSError as problem:
            hint = "choose a folder that can be written with --out"
            raise OutputError(f"cannot make the folder {path}: {problem.strerror}; {hint}") from problem
        run = cls(path, {"format": FORMAT, **manifest, "seconds": {}, "files": {}})
        run.write_text(CONFIG, config)
        return run

    @classmethod
    def open(cls, path: Path | str) -> "RunFolder":
        """A folder that was made before; raises ``ArtefactError`` for anything that is not one."""
        path = Path(path)
        hint = "name the folder that a run has made, such as runs/spx_call-1a2b3c4d"
        require(path.is_dir(), f"there is no run folder {path}; {hint}", ArtefactError)
        require(
            (path / MANIFEST).is_file(), f"{path} has no {MANIFEST}, so it is not a run folder; {hint}", ArtefactError
        )
        try:
            manifest = json.loads((path / MANIFEST).read_text("utf-8"))
            known, *_ = (manifest[key] for key in ("format", "digest", "files", "seconds"))
        except (ValueError, KeyError, TypeError, OSError) as problem:
            raise ArtefactError(f"{path / MANIFEST} is truncated or not ours; run the study again") from problem
        told = f"{path} has format {known}, this version reads {FORMAT}; use the version that wrote it"
        require(known == FORMAT, told, ArtefactError)
        run = cls(path, manifest)
        run.checked(CONFIG)
        return run

    @property
    def digest(self) -> str:
        return self.manifest["digest"]

    def has(self, name: str) -> bool:
        """Whether ``name`` was written to the end."""
        return name in self.manifest["files"] and (self.path / name).is_file()

    def checked(self, name: str) -> bytes:
        """The content of a file; raises ``ArtefactError`` where it is not what was written."""
        file, expected = self.path / name, self.manifest["files"].get(name)
        require(expected is not None, f"{self.path} has no {name} yet; run the step that writes it", ArtefactError)
        try:
            content = file.read_bytes()
        except OSError as problem:
            raise ArtefactError(f"cannot read {file}: {problem.strerror}; run the study again") from problem
        actual = hashlib.sha256(content).hexdigest()
        told = (
            f"{file} was changed or cut short: sha256 {actual[:12]}, expected {expected[:12]}; restore it or run again"
        )
        require(actual == expected, told, ArtefactError)
        return content

    def read_text(self, name: str) -> str:
        return self.checked(name).decode("utf-8")

    def read_json(self, name: str) -> Any:
        return json.loads(self.checked(name))

    def read_frame(self, name: str) -> "pl.DataFrame":
        import polars as pl

        return pl.read_parquet(io.BytesIO(self.checked(name)))

    def write(self, name: str, content: bytes) -> Path:
        """Replace a file and note its checksum."""
        replace_file(self.path / name, content)
        return self.note_file(name, content)

    def write_text(self, name: str, text: str) -> Path:
        return self.write(name, text.encode("utf-8"))

    def write_json(self, name: str, value: Any) -> Path:
        return self.write_text(name, to_json(value))

    def write_frame(self, name: str, frame: "pl.DataFrame") -> Path:
        buffer = io.BytesIO()
        frame.write_parquet(buffer, compression="zstd")
        return self.write(name, buffer.getvalue())

    def note_file(self, name: str, content: bytes | None = None) -> Path:
        """Take a file that stands in the folder into the manifest."""
        file = self.path / name
        content = file.read_bytes() if content is None else content
        self.manifest["files"][name] = hashlib.sha256(content).hexdigest()
        self.save()
        return file

    def note(self, **facts: Any) -> None:
        """Facts into the manifest."""
        self.manifest.update(facts)
        self.save()

    def note_seconds(self, stage: str, seconds: float) -> None:
        self.manifest["seconds"][stage] = round(seconds, 2)
        self.save()

    def save(self) -> None:
        replace_file(self.path / MANIFEST, to_json(self.manifest).encode())


def to_json(value: Any) -> str:
    """JSON that any reader takes: a number that is none becomes null."""
    return json.dumps(_plain(value), indent=2, allow_nan=False) + "\n"


def names(root: Path, study: str, digest: str) -> Iterable[Path]:
    """``<study>-<digest8>``, then the same with -2, -3 and so on, without end."""
    first = root / f"{study}-{digest[:8]}"
    yield first
    number = 2
    while True:
        yield first.with_name(f"{first.name}-{number}")
        number += 1


def fresh(root: Path, study: str, digest: str) -> Path:
    """The first of these names that is free."""
    return next(path for path in names(root, study, digest) if not path.exists())


def latest(root: Path, study: str, digest: str) -> Path | None:
    """The last of these folders that is there."""
    found = None
    for path in names(root, study, digest):
        if not path.exists():
            return found
        found = path
    return found


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if hasattr(value, "item") and getattr(value, "ndim", 0) == 0:
        return _plain(value.item())
    if isinstance(value, float) and value - value != 0:
        return None
    return value if isinstance(value, str | int | float | bool | None) else str(value)
