"""Where study files and data folders are, for a checkout and for an installed package alike."""

import os
from collections.abc import Iterable
from pathlib import Path

from deephedge.core.errors import ConfigError, nearest, require

DEMO = "spx_call"
PACKAGED = Path(__file__).parent / "library"  # the wheel carries the checkout's studies/ here
CHECKOUT = Path(__file__).parents[3] / "studies"


def shelf() -> Path | None:
    """The folder of the studies that come along."""
    return next((folder for folder in (PACKAGED, CHECKOUT) if (folder / f"{DEMO}.toml").is_file()), None)


def known_studies() -> list[str]:
    """Names of the studies that come along."""
    folder = shelf()
    return sorted(file.stem for file in folder.glob("*.toml")) if folder else []


def find_study(name: str | Path) -> Path:
    """The study file at a path, or one that comes along by its name: ``studies/spx_call.toml`` works anywhere.

    >>> find_study("spx_call").name
    'spx_call.toml'
    """
    path, folder = Path(name), shelf()
    if path.is_file():
        return path
    ours = path.suffix in ("", ".toml") and str(path.parent) in (".", "studies")
    if folder is not None and ours and (folder / f"{path.stem}.toml").is_file():
        return folder / f"{path.stem}.toml"
    hint = nearest(path.stem, known_studies())
    raise ConfigError(f"there is no study file {name}; name a TOML file, or a study that comes along ({hint})")


def find_data(source: str, near: Iterable[Path] = (), exact: bool = False) -> str:
    """A data folder or file named by a study: where it stands, beside one of ``near``, or in ``$DEEPHEDGE_DATA``.

    A folder that is not there may be ``$DEEPHEDGE_DATA`` itself, unless ``exact``.
    """
    if source == "arch":
        return source
    home = os.environ.get("DEEPHEDGE_DATA")
    places = [Path(source)]
    places += [place / source for folder in near for place in (folder, folder.parent)]
    file = exact or Path(source).suffix != ""  # a file that is not there is never the home itself
    places += [Path(home) / source, Path(home) / Path(source).name, *([] if file else [Path(home)])] if home else []
    found = next((place for place in places if place.exists()), None)
    told = f"no data at {source}; name a folder that holds it with --data, or in $DEEPHEDGE_DATA"
    require(found is not None, told, ConfigError)
    return str(found)
