"""Do simulated paths look like history? Before anything is trained on them."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from deephedge.core.errors import ConfigError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.data import History, windows
from deephedge.markets import AbstractMarket, Agreement, Scorecard, agreement, sample, validate
from deephedge.studies.progress import Screen
from deephedge.studies.study import TRAIN, VALIDATION, Study

YEAR = 252
PATHS = 2000
STRIDE = 21  # trading days from the start of one window of history to that of the next


@dataclass(frozen=True)
class Likeness:
    """One stylised fact: simulated (mean, and the middle 90 %), in the years named, and in rival markets."""

    statistic: str
    simulated: float
    low: float
    high: float
    real: dict[str, float]
    rivals: dict[str, float]


def simulate(study: Study, *, paths: int = PATHS, screen: Screen | None = None) -> list[Likeness]:
    """Stylised facts of simulated years beside training and validation years, never of the test years.

    They are facts about returns: none where the study rebases nothing, for then no quote is a price.
    """
    screen = screen or Screen.silent()
    require(study.data is not None, f"{study.name} has no [data], so no history to compare with", ConfigError)
    if study.data is not None and (study.data.chain or (study.data.rebase is not None and not study.data.rebase)):
        return []
    with screen.stage("fitting the markets to the training years"):
        markets = {"": study.market, **study.rivals}
    with screen.stage(f"comparing {paths:,} simulated years with history"):
        grid = TimeGrid.uniform(maturity=1.0, steps=YEAR)
        drawn = {
            name: sample(market, grid, paths, key=study.key_for(f"agreement.{name}"), method="random")
            for name, market in markets.items()
        }
        parts = [part for part in (TRAIN, VALIDATION) if study.has_years(part)]
        real = {part: _years(study.years(part), study.underlier) for part in parts}
        return list(_rows(study.underlier, drawn, real))


def score(study: Study, *, paths: int = PATHS) -> Scorecard | None:
    """The study's market on every stylised fact of the validation years, in windows of a year, or half a year.

    ``None`` where not even three half years are known.
    """
    if study.data is None or study.data.chain or not study.has_years(VALIDATION):
        return None
    years = study.years(VALIDATION)
    fits = [window for window in (YEAR, YEAR // 2) if len(years) > 3 * window]
    if not fits:
        return None
    quotes = {name: np.array(row) for name, row in years.quotes.items() if np.isfinite(row).all()}
    key = study.key_for("score")
    return validate(study.market, quotes, fits[0], paths=paths, key=key, names=(study.underlier,))


def draw(study: Study, paths: int, file: Path | None = None) -> MarketPath:
    """Paths of the study's market on its own grid; into a Parquet file as well, one row a path and point."""
    batch = sample(study.market, study.problem.grid, paths, key=study.key_for("simulate"), method="random")
    if file is not None:
        _write(batch, file)
    return batch


def kind(market: AbstractMarket) -> str:
    """What a market is called."""
    return type(market).__name__


def _rows(name: str, drawn: dict[str, MarketPath], real: dict[str, MarketPath]) -> Iterable[Likeness]:
    against = {part: _facts(agreement(drawn[""], history, name)) for part, history in real.items()}
    most = max(against.values(), key=len)
    example = next(iter(real.values()))
    beside = {rival: _facts(agreement(batch, example, name)) for rival, batch in drawn.items() if rival}
    for statistic, fact in most.items():
        found = {part: facts[statistic].real for part, facts in against.items() if statistic in facts}
        others = {rival: facts[statistic].simulated for rival, facts in beside.items() if statistic in facts}
        yield Likeness(statistic, fact.simulated, fact.low, fact.high, found, others)


def _facts(rows: list[Agreement]) -> dict[str, Agreement]:
    return {row.statistic: row for row in rows}


def _years(history: History, name: str) -> MarketPath:
    """History in windows of a year; a volatility only where it is known throughout."""
    quotes = {name: row for name, row in history.quotes.items() if np.isfinite(row).all()}
    steps = min(YEAR, len(history) - 1)
    require(steps == YEAR, f"a year of history is needed to compare with, there are {len(history)} days", ConfigError)
    known = History.of(history.dates, quotes, source=history.provenance.source)
    return jax.tree.map(lambda x: x[::STRIDE], windows(known, YEAR, rebase=(name,))[0])


def _write(batch: MarketPath, file: Path) -> None:
    import io

    import polars as pl

    from deephedge.training.checkpoint import replace_file

    paths, points = batch.times.shape
    columns = {
        "path": np.repeat(np.arange(paths, dtype=np.int32), points),
        "point": np.tile(np.arange(points, dtype=np.int32), paths),
        "time": np.asarray(batch.times).ravel(),
        **{name: np.asarray(quote).ravel() for name, quote in batch.quotes.items()},
        "numeraire": np.asarray(batch.numeraire).ravel(),
    }
    buffer = io.BytesIO()
    pl.DataFrame(columns).write_parquet(buffer, compression="zstd")
    replace_file(file, buffer.getvalue())
