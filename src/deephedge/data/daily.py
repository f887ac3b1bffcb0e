"""One verb: load a daily history of a price and its implied volatility."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from deephedge.core.errors import DataError, nearest, require
from deephedge.data import clean
from deephedge.data.files import SPOT, VOL, VOL_ALONE, columns_of, is_data_file
from deephedge.data.history import History
from deephedge.data.sources.embedded import shipped_in

Source = str | Path | Mapping[str, str | Path]
Found = tuple[clean.Series, clean.Series | None]
SPOT_FILES = ("sp500", "spx", "gspc", "s&p")
VOL_FILES = ("vix",)
PUBLISHERS = {"publisher": "S&P Dow Jones Indices (S&P 500), Cboe (VIX)"}


def load(
    source: Source = "arch",
    *,
    columns: Mapping[str, str] | None = None,
    name: str = "SPX",
    publisher: str | None = None,
    licence: str | None = None,
) -> History:
    """Daily quotes ``name`` (as published) and ``name + ".vol"`` (per square root of a year).

    ``source``: ``"arch"``, the S&P 500 1999-2018 and VIX 2014-2018 that ship inside the package ``arch``; a CSV,
    ``.csv.gz`` or Parquet file with a date and a close, and a volatility if it has one; a pair
    ``{"spot": file, "vol": file}``; or a folder that holds an S&P 500 and a VIX file (of several the pair whose days
    agree best). ``columns`` says which column is the ``date``, ``spot`` and ``vol`` where their names are not known
    ones. Volatility in points is divided by 100; before the first and after the last one it is NaN, which is recorded.

    Rows are sorted, repeated equal rows dropped, and a volatility missing for a day or two carried on; each repair
    becomes a sentence of ``provenance.repairs``. Everything else raises ``DataError`` with the dates: a missing or
    non-positive price, days that contradict each other, a gap of more than 7 calendar days.

    >>> history = load("arch").between("2014-01-03", "2018-12-31")
    >>> history
    History(SPX, SPX.vol: 1,257 days from 2014-01-03 to 2018-12-31)
    """
    roles = {"date", "spot", "vol"}
    for role in columns or {}:
        require(role in roles, f"columns has an unknown role {role!r}: {nearest(role, roles)}", DataError)
    words, (spot, vol) = _find(source, columns)
    spot = clean.prices(spot)
    quotes, repairs = {name: spot.values}, spot.repairs
    if vol is not None:
        vol = clean.aligned(spot, clean.vols(vol))
        quotes[f"{name}.vol"], repairs = vol.values, (*repairs, *vol.repairs)
    said = {"publisher": publisher, "licence": licence}
    words |= {key: value for key, value in said.items() if value is not None}
    return History.of(spot.dates, quotes, repairs=tuple(dict.fromkeys(repairs)), **words)


def _find(source: Source, columns: Mapping[str, str] | None) -> tuple[dict[str, str], Found]:
    if source == "arch":
        return _arch()
    if isinstance(source, Mapping):
        known = ("spot", "vol")
        for role in source:
            require(role in known, f"a pair of files is {{'spot': ..., 'vol': ...}}, was given {role!r}", DataError)
        require("spot" in source, "a pair of files needs at least {'spot': file}", DataError)
        paths = {role: Path(source[role]) for role in source}
        text = " with ".join(path.name for path in paths.values())
        return {"source": text}, _pair(paths["spot"], paths.get("vol"), columns)
    path = Path(source)
    if path.is_dir():
        return _folder(path, columns)
    require(path.exists(), f"no data at {source}: expected 'arch', a file or a folder", DataError)
    return {"source": path.name}, _file(path, columns)


def _file(path: Path, columns: Mapping[str, str] | None) -> Found:
    lonely = _named(path, VOL_FILES) and not _named(path, SPOT_FILES) and "spot" not in (columns or {})
    require(not lonely, f"{path.name} looks like a volatility; give {{'spot': ..., 'vol': '{path.name}'}}", DataError)
    found = columns_of(path, {"spot": SPOT, "vol": VOL}, columns)
    require(
        "spot" in found,
        f"{path.name} has no price column, known: {', '.join(SPOT)}; or name it with columns",
        DataError,
    )
    return found["spot"], found.get("vol")


def _pair(spot: Path, vol: Path | None, columns: Mapping[str, str] | None) -> Found:
    price = columns_of(spot, {"spot": SPOT}, columns)["spot"]
    return price, None if vol is None else columns_of(vol, {"vol": VOL_ALONE}, columns)["vol"]


def _folder(folder: Path, columns: Mapping[str, str] | None) -> tuple[dict[str, str], Found]:
    files = sorted(path for path in folder.iterdir() if path.is_file() and is_data_file(path))
    spots = [path for path in files if _named(path, SPOT_FILES)]
    vols = [path for path in files if _named(path, VOL_FILES) and path not in spots]
    if not spots:
        here = ", ".join(path.name for path in sorted(folder.iterdir())[:8]) or "nothing"
        raise DataError(
            f"{folder} has no data file with {' or '.join(SPOT_FILES)} in its name (found {here}); "
            "name the file, or a pair {'spot': ..., 'vol': ...}"
        )
    pairs = [(spot, vol) for spot in spots for vol in vols or [None]]
    found = {pair: _pair(*pair, columns) if pair[1] else _file(pair[0], columns) for pair in pairs}
    best = max(pairs, key=lambda pair: _agreement(*found[pair]))
    others = [path.name for path in (*spots, *vols) if path not in best]
    words = f"{folder.name}: {' with '.join(path.name for path in best if path)}"
    spot, vol = found[best]
    if others:
        spot = spot.told(f"chosen in {folder.name} before {', '.join(others)}, whose days agree less")
    return {"source": words, **PUBLISHERS}, (spot, vol)


def _agreement(spot: clean.Series, vol: clean.Series | None) -> float:
    """Days that both have, as a share of the days that either has; the number of days where there is no volatility."""
    if vol is None:
        return float(len(spot.dates))
    return np.intersect1d(spot.dates, vol.dates).size / np.union1d(spot.dates, vol.dates).size


def _arch() -> tuple[dict[str, str], Found]:
    """The two files inside the package ``arch``, read without importing it (that takes seconds and brings pandas)."""
    package, version = shipped_in("arch", "the S&P 500 and the VIX")
    folder = package / "data"
    spot, vol = _pair(folder / "sp500" / "sp500.csv.gz", folder / "vix" / "vix.csv.gz", None)
    words = {
        "source": f"S&P 500 and VIX, daily, as shipped in the Python package arch {version}",
        "licence": "package: NCSA; the publishers' terms apply to the quotes",
    }
    return words | PUBLISHERS, (spot, vol)


def _named(path: Path, parts: tuple[str, ...]) -> bool:
    return any(part in path.name.lower() for part in parts)
