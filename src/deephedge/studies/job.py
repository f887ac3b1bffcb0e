"""The whole job: data, market, training, evaluation, backtest, report; and the run folder it goes into."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.panel import Panel

from deephedge import config as toml
from deephedge.core.errors import ArtefactError, ProblemError, require
from deephedge.studies import evaluation as judge
from deephedge.studies import explained, tables
from deephedge.studies.machine import compiled, keep_compiled_programs, machine, versions
from deephedge.studies.progress import Screen, clock
from deephedge.studies.reporting import LIKENESS, called, likeness_as_json, report
from deephedge.studies.rundir import LOG, RunFolder, fresh, latest
from deephedge.studies.simulation import Likeness, kind, simulate
from deephedge.studies.study import TEST, Study
from deephedge.studies.training import by_validation, load_all, train

RUNS = Path("runs")


def run(
    study: Study, *, out: Path = RUNS, folder: Path | None = None, resume: bool = False, screen: Screen | None = None
) -> RunFolder:
    """Everything, into one folder. With ``resume`` an interrupted run goes on where it was, bit for bit."""
    screen, started = screen or Screen.silent(), time.perf_counter()
    place = open_run(study, out=out, folder=folder, resume=resume, screen=screen)
    if study.data is not None:
        with _timed(place, "simulate"):
            rows = simulate(study, screen=screen)
        place.write_json(LIKENESS, likeness_as_json(rows))
        screen.show(*([agreement_table(study, rows)] if rows else []))
    train(study, place, screen=screen, resume=resume)
    found = _step(study, place, judge.SIMULATED, judge.evaluate, screen)
    screen.show(result_table(study, place, found, "On simulated paths", screen.width))
    if study.has_years(TEST):
        found = _step(study, place, judge.BACKTEST, judge.backtest, screen)
        screen.show(result_table(study, place, found, f"On history never seen, {called(study, TEST)}", screen.width))
        _explain(study, place, screen)
    with _timed(place, "report"):
        page = report(study, place, screen=screen)
    _finish(study, place, page, time.perf_counter() - started, screen)
    return place


def open_run(
    study: Study, *, out: Path = RUNS, folder: Path | None = None, resume: bool = False, screen: Screen | None = None
) -> RunFolder:
    """The folder that this study goes into: a fresh one, or with ``resume`` the last one with the same settings."""
    screen = screen or Screen.silent()
    keep_compiled_programs()
    _prepare(study, screen)
    place = folder if folder is not None else (latest(out, study.name, study.digest) if resume else None)
    if resume and place is not None and place.exists():
        found = RunFolder.open(place)
        _may_go_on(study, found, screen)
    else:
        place = folder if folder is not None else fresh(out, study.name, study.digest)
        found = RunFolder.create(place, _manifest(study), toml.dump(study.config))
    screen.log, screen.folder = found.path / LOG, found.path
    for repair in study.history.provenance.repairs if study.data is not None else ():
        screen.write(f"data: {repair}")
    screen.say(f"run folder: {found.path}", "dim")
    return found


def agreement_table(study: Study, rows: list[Likeness]):
    """The table of ``simulate`` for the screen."""
    names = {name: kind(market) for name, market in study.rivals.items()}
    names |= {part: called(study, part) for row in rows for part in row.real}
    return tables.likeness(rows, names, study.underlier)


def result_table(study: Study, place: RunFolder, found: Any, title: str, width: int = 160):
    """The table of ``evaluate`` or ``backtest`` for the screen."""
    learnt = by_validation(load_all(study, place))
    return tables.results(found, title, judge.unit(study), study.report.labels, learnt, width, study.test.judged)


def _prepare(study: Study, screen: Screen) -> None:
    """Everything that can be wrong with a study is found here, before there is a folder or a long computation."""
    screen.say(study.title, "bold")
    if study.data is not None:
        about = study.history.provenance
        screen.say(f"{about.source}: {about.rows:,} days, {about.first} to {about.last}", "dim")
    with screen.stage("making the market and what is fitted to it"):
        study.check_features()
        study.check_shapes()


def _step(study: Study, place: RunFolder, name: str, work: Callable, screen: Screen):
    """The result of a step, taken from the folder where it is there already: the test years are looked at once."""
    kept = judge.comparison_of(place, name)
    if kept is not None:
        return kept
    with _timed(place, name):
        return work(study, place, screen=screen)


def _explain(study: Study, place: RunFolder, screen: Screen) -> None:
    """Where wealth came from, for the report; a liability without a price has no such account."""
    if place.has(explained.MEANS):
        return
    try:
        with _timed(place, "explain"), screen.stage("explaining every step of the test windows"):
            explained.explain(study, place)
    except ProblemError as error:
        screen.warn(f"the report says nothing about where wealth came from: {error}")


def _finish(study: Study, place: RunFolder, page: Path, seconds: float, screen: Screen) -> None:
    screen.show(Panel(judge.words(study, place), title="verdict", title_align="left", width=min(100, screen.width)))
    reused, new = compiled()
    place.note_seconds("total", seconds)
    place.note(compiled={"reused": reused, "new": new})
    screen.say(f"{clock(seconds)} in all; {reused} compiled programs reused, {new} new", "dim")
    screen.show(f"report: {page}")


def _manifest(study: Study) -> dict[str, Any]:
    facts = {
        "study": study.name,
        "title": study.title,
        "digest": study.digest,
        "seed": study.seed,
        "created": f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ}",
        "machine": machine(),
        "versions": versions(),
    }
    if study.data is not None:
        facts["data"] = study.history.provenance.as_dict() | {"near": [str(place) for place in study.near]}
    return facts


def _may_go_on(study: Study, found: RunFolder, screen: Screen) -> None:
    told = (
        f"{found.path} belongs to another configuration ({found.digest[:8]}, this study is {study.digest[:8]}); "
        "resume it with its own settings, or leave out --resume"
    )
    require(found.digest == study.digest, told, ArtefactError)
    check_data(study, found)
    then, now = found.manifest["machine"], machine()
    for what in ("threads", "devices", "float", "device"):
        if then[what] != now[what]:
            screen.warn(f"this run had {what} {then[what]}, now it is {now[what]}: bits will not be the same")


def check_data(study: Study, found: RunFolder) -> None:
    """Raise ``ArtefactError`` where the data are no longer those of the run."""
    if study.data is None:
        return
    then, now = found.manifest["data"]["sha256"], study.history.provenance.sha256
    told = (
        f"the data have changed since {found.path} was made (sha256 {now[:12]}, then {then[:12]}); run the study afresh"
    )
    require(then == now, told, ArtefactError)


@contextmanager
def _timed(place: RunFolder, stage: str) -> Iterator[None]:
    started = time.perf_counter()
    yield
    place.note_seconds(stage, time.perf_counter() - started)
