"""Walk forward: refit on the past, test on the next stretch, and again; one record of windows never trained on."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from rich.table import Table

from deephedge import config as toml
from deephedge.core.errors import ConfigError, require
from deephedge.evaluation import Comparison
from deephedge.evaluation.verdict import Unit, label, number, scale
from deephedge.hedging import Ledger
from deephedge.studies import evaluation as judge
from deephedge.studies.job import open_run
from deephedge.studies.ledgers import joined
from deephedge.studies.progress import Screen
from deephedge.studies.rundir import RunFolder, to_json
from deephedge.studies.study import Study
from deephedge.studies.tables import plain
from deephedge.studies.training import train
from deephedge.training.checkpoint import replace_file

RESULT = "walkforward.json"


@dataclass(frozen=True)
class Stretch:
    """First and last days (both included) of the years that fit, choose and test in one step of a walk."""

    train: tuple[str, str]
    validation: tuple[str, str]
    test: tuple[str, str]


@dataclass(frozen=True)
class Walk:
    """The stretches, the comparison over all of their test windows, and of each stretch one, and its run."""

    stretches: tuple[Stretch, ...]
    whole: Comparison
    each: tuple[Comparison, ...]
    runs: tuple[RunFolder, ...]


def stretches(study: Study) -> list[Stretch]:
    """The steps of the study's ``[walk]``, from the first refit to the last day of the test years.

    Days are sessions of the history. Of each stretch the ``validation`` days before the test choose the stopping point,
    and all days before these, or the last ``train`` of them, fit the market. A window of the problem's length lies
    between training and validation, and between validation and test: no outcome of one is part of the other.
    """
    walk, steps, days = study.walk, study.problem.grid.steps, study.history.dates
    first = int(np.searchsorted(days, np.datetime64(walk.first)))
    last = len(days) if walk.last is None else int(np.searchsorted(days, np.datetime64(walk.last), side="right"))
    found = []
    for start in range(first, last - steps, walk.every):
        stop = min(start + walk.every + steps, last)  # windows that begin on the last day of the stretch end later
        chosen = start - steps - walk.validation
        fitted = 0 if walk.train is None else max(0, chosen - steps - walk.train)
        enough = chosen - steps - fitted > steps
        told = (
            f"walk.first is {walk.first}: before it there are no {walk.validation} days to validate on and more to fit"
        )
        require(enough, f"{told}; begin later, or shorten validation", ConfigError)
        spans = ((fitted, chosen - steps), (chosen, start - steps), (start, stop))
        found.append(Stretch(*((str(days[a]), str(days[b - 1])) for a, b in spans)))
    require(
        bool(found), f"no window of {steps} days fits between walk.first ({walk.first}) and the last day", ConfigError
    )
    return found


def walk(study: Study, *, out: Path = Path("runs"), screen: Screen | None = None) -> Walk:
    """Every stretch as a run of its own below ``out``, and all of their test windows judged together.

    An interrupted walk goes on where it was: a stretch that was tested is not trained or tested again.
    """
    screen = screen or Screen.silent()
    root = out / f"{study.name}-walk"
    parts, found = stretches(study), []
    for place, stretch in enumerate(parts):
        screen.say(f"stretch {place + 1} of {len(parts)}: test {stretch.test[0]} to {stretch.test[1]}", "bold")
        found.append(_one(study, stretch, place, root, screen))
    ledgers, premium = _together(found, study)
    whole = judge.judged(study, ledgers, premium, study.overlap)
    each = tuple(kept for _, run in found if (kept := judge.comparison_of(run, judge.BACKTEST)))
    facts = {"stretches": [part.__dict__ for part in parts], "whole": whole.to_dict()}
    replace_file(root / RESULT, to_json(facts).encode())
    return Walk(tuple(parts), whole, each, tuple(run for _, run in found))


def _one(study: Study, part: Stretch, number: int, root: Path, screen: Screen) -> tuple[Study, RunFolder]:
    table = toml.override(study.given, [])
    table.pop("walk")
    table["data"] |= {name: list(getattr(part, name)) for name in ("train", "validation", "test")}
    table["data"].pop("link", None)
    one = Study(f"{study.name}-{number + 1:02d}", table, study.near)
    place = open_run(one, out=root, resume=True, screen=screen)
    train(one, place, screen=screen, resume=True)
    if judge.comparison_of(place, judge.BACKTEST) is None:
        judge.backtest(one, place, screen=screen)
    return one, place


def _together(found: list[tuple[Study, RunFolder]], study: Study) -> tuple[dict[str, Ledger], np.ndarray]:
    """Ledgers of all stretches behind each other; a window that ends in the next stretch is in the first alone."""
    kept = [judge.backtest_ledgers(run) for _, run in found]
    names = [
        name for name in (*study.config["policies"], *study.config["baselines"]) if all(name in one[0] for one in kept)
    ]
    return {name: joined([one[0][name] for one in kept]) for name in names}, np.concatenate([one[1] for one in kept])


def by_stretch(walked: Walk, metric: str = "cvar") -> Iterator[tuple[Stretch, dict[str, float]]]:
    """One metric of every policy in each stretch."""
    for part, found in zip(walked.stretches, walked.each, strict=True):
        yield part, {name: metrics[metric].value for name, metrics in found.estimates.items()}


def table(walked: Walk, unit: Unit, called: Mapping[str, str], metric: str = "cvar") -> Table:
    """One metric of every policy in each stretch of a walk."""
    rows, (factor, name) = list(by_stretch(walked, metric)), scale(walked.whole, metric, unit)
    title = f"{label(metric, walked.whole.level)} in each stretch ({name})"
    found = plain(title, "test", *(called.get(n, n) for n in rows[0][1] if rows))
    for part, values in rows:
        found.add_row(f"{part.test[0]} to {part.test[1]}", *(number(one * factor) for one in values.values()))
    return found
