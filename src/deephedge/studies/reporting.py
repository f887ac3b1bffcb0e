"""From a run folder to its report: results as they were kept, pictures drawn from the weights."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jax.numpy as jnp
import numpy as np

from deephedge.core.paths import MarketPath
from deephedge.hedging import Ledger
from deephedge.instruments import Premium
from deephedge.policies import AbstractPolicy
from deephedge.reports import Agreement, ReportContents, Story, Surface, Training, render
from deephedge.reports.contents import ALWAYS
from deephedge.studies import behind, explained
from deephedge.studies import evaluation as judge
from deephedge.studies.glance import glance, instruments
from deephedge.studies.ledgers import hedged
from deephedge.studies.progress import Screen
from deephedge.studies.rundir import REPORT, RunFolder
from deephedge.studies.study import TEST, TRAIN, VALIDATION, Study
from deephedge.studies.training import Trained, by_validation, load_all

LIKENESS = "likeness.json"
REACH = 0.10  # of the strike, either way, on the surface
LEVELS = 41
DAYS = 252.0


def report(study: Study, run: RunFolder, *, screen: Screen | None = None) -> Path:
    """Write ``report.html`` from what the run holds; the test years are not looked at again."""
    screen = screen or Screen.silent()
    with screen.stage("writing the report"):
        return run.write_text(REPORT, render(contents(study, run)))


def contents(study: Study, run: RunFolder) -> ReportContents:
    """Everything the report says."""
    trained = load_all(study, run)
    found, learned = judge.comparison_of(run, judge.BACKTEST), tuple(by_validation(trained))
    simulated = judge.comparison_of(run, judge.SIMULATED)
    ledgers, premium, starts = judge.backtest_ledgers(run) if found else ({}, None, None)
    story = _story(study, ledgers, starts, found.reference) if found and starts is not None else None
    apart, split = behind.regimes(study, run, ledgers, premium) if premium is not None else ({}, "")
    return ReportContents(
        title=study.title,
        subtitle=" ".join(study.config["summary"].split()),
        verdict=judge.words(study, run),
        unit=judge.unit(study),
        objective=_objective(study),
        metric=study.test.judged,
        glance=glance(study, run, trained),
        learned=learned,
        labels=study.report.labels,
        comparison=found,
        simulated=simulated,
        wealth={name: np.asarray(ledger.wealth) for name, ledger in ledgers.items()},
        weight=next((np.asarray(one.weight) for one in ledgers.values() if one.weight is not None), None),
        dates=starts,
        surface=surface(study, judge.everybody(study, run)),
        story=story,
        training={name: _curve(one) for name, one in trained.items()},
        yardsticks=_yardsticks(study, run),
        explained=run.read_json(explained.MEANS) if run.has(explained.MEANS) else {},
        regimes=apart,
        split=split,
        forecasts=behind.forecasts(study, run, ledgers, starts),
        agreement=_agreement(study, run),
        settings={key: value for key, value in study.config.items() if key not in ("title", "summary", "report")},
        provenance={key: value for key, value in run.manifest.get("data", {}).items() if key != "near"},
        versions={key: run.manifest[key] for key in ("digest", "seed", "created", "machine", "versions", "seconds")},
        limits=(*_limits(study, run), *ALWAYS),
    )


def surface(study: Study, policies: Mapping[str, AbstractPolicy]) -> Surface | None:
    """Positions in the first instrument after the spot went straight to a level.

    ``None`` for a liability without one strike and underlier, or where that instrument is written on something else.
    """
    about = _terms(study)
    if about is None:
        return None
    underlier, strike = about
    if getattr(study.problem.instruments[0], "underlier", None) != underlier:
        return None
    grid, spots = study.problem.grid, np.linspace(1 - REACH, 1 + REACH, LEVELS)
    start = study.market.path(grid, jnp.zeros(study.market.shocks(grid)))
    if underlier not in start.quotes:
        return None
    spot = np.asarray(start.quotes[underlier])[0]
    points = np.arange(grid.points)
    share = np.minimum(points[None, :] / np.maximum(np.arange(1, grid.steps)[:, None], 1), 1.0)
    end = np.log(spots * strike / spot)
    moves = np.exp(end[None, :, None] * share[:, None, :]).reshape(-1, grid.points)
    quotes = {name: jnp.broadcast_to(row[0], moves.shape) for name, row in start.quotes.items()}
    paths = MarketPath(
        jnp.broadcast_to(grid.times, moves.shape), quotes | {underlier: jnp.asarray(spot * moves, start.times.dtype)},
        jnp.broadcast_to(start.numeraire[0], moves.shape),
    )  # fmt: skip
    ledgers = hedged(study.problem, policies, paths)
    at = np.repeat(np.arange(1, grid.steps), LEVELS)
    found = {
        name: np.asarray(ledger.position)[np.arange(len(at)), at, 0].reshape(-1, LEVELS)
        for name, ledger in ledgers.items()
    }
    left = np.asarray(grid.times[-1] - grid.times)[1:-1] * DAYS
    return Surface(100 * spots, left, found, _held(underlier, start))


def _held(underlier: str, start: MarketPath) -> str:
    vol = start.quotes.get(f"{underlier}.vol")
    words = "The spot went straight from its start to each level, in equal steps, from no position"
    return words + ("." if vol is None else f"; implied volatility stayed at {100 * float(vol[0]):.3g} %.")


def _terms(study: Study) -> tuple[str, float] | None:
    """Underlier and strike of the liability, where all its contracts share one."""
    liability = study.problem.liability
    kinds = [kind for kind in getattr(liability, "kinds", (liability,)) if not isinstance(kind, Premium)]
    names = {getattr(kind, "underlier", None) for kind in kinds}
    strikes = {float(x) for kind in kinds for x in np.ravel(getattr(kind, "strike", np.nan))}
    if len(names) != 1 or len(strikes) != 1 or None in names or not min(strikes) > 0:
        return None
    return names.pop(), strikes.pop()  # pyright: ignore


def _story(study: Study, ledgers: Mapping[str, Ledger], starts: np.ndarray, reference: str) -> Story:
    """The test window that ended worst for the reference."""
    worst = int(np.argmin(np.asarray(ledgers[reference].wealth)))
    paths, _ = study.windows(TEST)
    about, years = _terms(study), study.years(TEST)
    first = int(np.searchsorted(years.dates, starts[worst]))
    dates = years.dates[first : first + study.problem.grid.points]
    called = study.report.labels.get(reference, reference)
    name = about[0] if about else study.underlier
    held, traded = {key: np.asarray(ledger.position)[worst] for key, ledger in ledgers.items()}, instruments(study)
    return Story(
        dates,
        np.asarray(paths.quotes[name])[worst],
        held if len(traded) > 1 else {key: each[:, 0] for key, each in held.items()},
        about[1] if about else None,
        f"The window that ended worst for {called}, from {dates[0]} to {dates[-1]}: above {name}, below what was held.",
        name,
        traded if len(traded) > 1 else (),
    )


def _yardsticks(study: Study, run: RunFolder) -> dict[str, float]:
    """Validation risk of the reference and of the best baseline; one that does not hedge would dwarf the rest."""
    if not run.has(judge.YARDSTICKS):
        return {}
    risks = run.read_json(judge.YARDSTICKS)
    shown = {study.test.reference, min(risks, key=lambda name: risks[name])}
    return {name: risk for name, risk in risks.items() if name in shown}


def _curve(trained: Trained) -> Training:
    risk = np.asarray([np.nan if r is None else r for r in trained.curve["risk"]], float)
    every, updates = trained.curve["validate_every"], len(trained.curve["loss"])
    at = np.minimum(every * (1 + np.arange(len(risk))), updates)
    known = np.isfinite(risk)
    return Training(at[known], risk[known], trained.curve["best_update"])


def _agreement(study: Study, run: RunFolder) -> tuple[Agreement, ...]:
    if not run.has(LIKENESS):
        return ()
    rows = run.read_json(LIKENESS)
    return tuple(
        Agreement(f"{row['statistic']}, {called(study, part)}", real, row["simulated"], row["low"], row["high"])
        for row in rows
        for part, real in row["real"].items()
    )


def called(study: Study, part: str) -> str:
    """The years of a part, such as ``1999-2013``."""
    if part not in (TRAIN, VALIDATION, TEST) or not study.has_years(part):
        return part
    first, last = (str(day)[:4] for day in getattr(study.data, part))
    return f"{first}-{last}"


def _objective(study: Study) -> str:
    table = dict(study.config["objective"])
    name = str(table.pop("type")).rpartition(".")[2]
    said = ", ".join(f"{key} {value}" for key, value in table.items() if not isinstance(value, dict))
    return f"{name} ({said})" if said else name


def _limits(study: Study, run: RunFolder) -> tuple[str, ...]:
    looks = int(run.manifest.get("test_looks", 0))
    found: list[str] = []
    if looks > 1:
        found.append(f"The test years were looked at {looks} times by this run; only the first look was out of sample.")
    tried = int(run.manifest.get("tries", 0))
    if tried > 1:
        more = "the best of many looks good by chance, deephedge tries tests them together"
        found.append(f"{tried} configurations have been tried on these test years from this folder; {more}.")
    if study.data is not None and not {"rate"} & set(study.history.names):
        found.append("The data hold no interest rates and no dividends: both are taken as zero.")
    return tuple(found)


def likeness_as_json(rows: Any) -> list[dict[str, Any]]:
    """What ``simulate`` found, for the run folder."""
    return [row.__dict__ for row in rows]
