"""Where the wealth of each policy came from on the test windows: delta, gamma, vega, theta, carry, costs, the rest."""

from collections.abc import Mapping

import numpy as np
from rich.table import Table
from rich.text import Text

from deephedge.evaluation import Attribution, attributions
from deephedge.evaluation.verdict import Unit, number
from deephedge.studies import evaluation as judge
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import TEST, Study
from deephedge.studies.tables import plain

STEPS, MEANS = "ledgers/explained.parquet", "explained.json"
HEADS = {"std": "st. dev.", "unexplained_std": "of unexplained", "vanna_volga": "vanna, volga"}
ROUNDING = 1e-6  # of the largest term: nothing


def explain(study: Study, run: RunFolder) -> dict[str, Attribution]:
    """Every policy's wealth on the windows that the run was tested on, by term; each step of each window is kept.

    Written to ``ledgers/explained.parquet``: policy, path, step and one column a term; means to ``explained.json``.
    The ledgers are those of the backtest, so the test years are not looked at again. Raises ``ArtefactError`` before a
    backtest.
    """
    import polars as pl

    ledgers, _, _ = judge.backtest_ledgers(run)
    paths, _ = study.windows(TEST)
    found = attributions(study.problem, ledgers, paths)
    frames = []
    for name, one in found.items():
        count, steps = next(iter(one.terms.values())).shape
        about = {"policy": [name] * (count * steps), "path": np.repeat(np.arange(count, dtype=np.int32), steps)}
        about |= {"step": np.tile(np.arange(steps, dtype=np.int16), count)}
        frames.append(pl.DataFrame(about | {term: np.asarray(each).ravel() for term, each in one.terms.items()}))
    run.write_frame(STEPS, pl.concat(frames))
    run.write_json(MEANS, means(found))
    return found


def means(found: Mapping[str, Attribution]) -> dict[str, dict[str, float]]:
    """Means of every term, and the standard deviation of the whole and of what is not explained."""
    return {name: _means(one) for name, one in found.items()}


def _means(one: Attribution) -> dict[str, float]:
    total = one.total()
    wealth = np.sum(list(total.values()), axis=0)
    values = one.mean() | {"wealth": wealth.mean(), "std": wealth.std(ddof=1)}
    values |= {"unexplained_std": np.asarray(total["unexplained"]).std(ddof=1)}
    largest = max(map(abs, values.values()))
    return {name: float(value) if abs(value) >= ROUNDING * largest else 0.0 for name, value in values.items()}


def table(found: Mapping[str, Attribution], unit: Unit, called: Mapping[str, str]) -> Table:
    """The means of all terms that are not nothing for every policy."""
    rows = means(found)
    terms = [term for term in next(iter(rows.values())) if any(row[term] for row in rows.values())]
    shown = plain(f"Where wealth came from ({unit.name})", "policy", *(HEADS.get(term, term) for term in terms))
    for column in shown.columns[1:]:
        column.justify = "right"
    for name, row in rows.items():
        shown.add_row(Text(called.get(name, name)), *(number(row[term] * unit.factor) for term in terms))
    return shown
