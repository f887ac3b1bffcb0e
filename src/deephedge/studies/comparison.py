"""Several runs beside each other: paired where they hold the same test windows."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from deephedge.core.errors import ArtefactError, require
from deephedge.evaluation import Comparison
from deephedge.evaluation.verdict import number
from deephedge.hedging import Ledger
from deephedge.studies import evaluation as judge
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import Study
from deephedge.studies.training import by_validation, load_all

SHOWN = ("mean", "std", "cvar", "worst", "cost")


def compare(folders: Sequence[Path | str]) -> tuple[Comparison | None, list[dict[str, str]]]:
    """Policies of all runs against the reference of the first, on the same windows; and one plain row a run and policy.

    The comparison is ``None`` where the runs do not hold the same windows, liability and premium: then nothing pairs.
    """
    require(len(folders) >= 2, "compare needs two run folders or more", ArtefactError)
    runs = [RunFolder.open(folder) for folder in folders]
    studies = [Study.of_run(run) for run in runs]
    rows = [row for study, run in zip(studies, runs, strict=True) for row in _rows(study, run)]
    return _paired(studies, runs), rows


def one_liability(ledgers: Sequence[Ledger]) -> bool:
    """Whether all of them owe the same on every path: the risk of one payoff is no yardstick for that of another."""
    first, *others = [np.asarray(ledger.liability, float) for ledger in ledgers]
    return all(owed.shape == first.shape and np.allclose(owed, first, rtol=1e-6, atol=1e-9) for owed in others)


def _paired(studies: list[Study], runs: list[RunFolder]) -> Comparison | None:
    if not all(run.has(judge.BACKTEST_ROWS) and run.has(judge.BACKTEST_STEPS) for run in runs):
        return None
    ledgers, premium, starts = judge.backtest_ledgers(runs[0])
    reference = studies[0].test.reference
    found = {reference: ledgers[reference]}
    for study, run, tag in zip(studies, runs, _tags(runs), strict=True):
        theirs, paid, days = judge.backtest_ledgers(run)
        if not (np.array_equal(days, starts) and np.array_equal(paid, premium)):
            return None
        if not one_liability([*ledgers.values(), *theirs.values()]):
            return None
        found |= {f"{tag} {name}": theirs[name] for name in by_validation(load_all(study, run))}
    return judge.judged(studies[0], found, premium, studies[0].overlap)


def _rows(study: Study, run: RunFolder) -> list[dict[str, str]]:
    rows = []
    for kind, title in ((judge.SIMULATED, "simulated"), (judge.BACKTEST, "real")):
        found = judge.comparison_of(run, kind)
        for name, metrics in found.estimates.items() if found else ():
            values = {m: number(metrics[m].value * study.report.factor) for m in SHOWN}
            rows.append({"run": run.path.name, "test": title, "policy": study.report.labels.get(name, name), **values})
    require(len(rows) > 0, f"{run.path} holds no results yet; evaluate or backtest it first", ArtefactError)
    return rows


def _tags(runs: list[RunFolder]) -> list[str]:
    """Short names that tell the runs apart."""
    names = [run.path.name for run in runs]
    return [name if names.count(name) == 1 else str(run.path) for name, run in zip(names, runs, strict=True)]
