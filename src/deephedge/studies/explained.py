"""Where the wealth of each policy came from on the test windows: delta, gamma, vega, theta, carry, costs, the rest."""

from collections.abc import Mapping

import numpy as np
from rich.table import Table
from rich.text import Text

from deephedge.evaluation import Attribution, attribute
from deephedge.evaluation.verdict import Unit, number
from deephedge.studies import evaluation as judge
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import TEST, Study
from deephedge.studies.tables import plain

STEPS = "ledgers/explained.parquet"
ROUNDING = 1e-6  # of the largest term: nothing


def explain(study: Study, run: RunFolder) -> dict[str, Attribution]:
    """Every policy's wealth on the windows that the run was tested on, by term; each step of each window is kept.

    Written to ``ledgers/explained.parquet``: policy, path, step and one column a term. The ledgers are those of the
    backtest, so the test years are not looked at again. Raises ``ArtefactError`` before a backtest.
    """
    import polars as pl

    ledgers, _, _ = judge.backtest_ledgers(run)
    paths, _ = study.windows(TEST)
    found = {name: attribute(study.problem, ledger, paths) for name, ledger in ledgers.items()}
    frames = []
    for name, one in found.items():
        count, steps = next(iter(one.terms.values())).shape
        about = {"policy": [name] * (count * steps), "path": np.repeat(np.arange(count, dtype=np.int32), steps)}
        about |= {"step": np.tile(np.arange(steps, dtype=np.int16), count)}
        frames.append(pl.DataFrame(about | {term: np.asarray(each).ravel() for term, each in one.terms.items()}))
    run.write_frame(STEPS, pl.concat(frames))
    return found


def table(found: Mapping[str, Attribution], unit: Unit, called: Mapping[str, str]) -> Table:
    """Means of every term, and the standard deviation of the whole and of what is not explained."""
    terms = [*next(iter(found.values())).total()]
    rows = plain(f"Where wealth came from ({unit.name})", "policy", *terms, "wealth", "st. dev.", "of unexplained")
    for column in rows.columns[1:]:
        column.justify = "right"
    for name, one in found.items():
        total = one.total()
        wealth = np.sum(list(total.values()), axis=0)
        spread = [wealth.std(ddof=1), np.asarray(total["unexplained"]).std(ddof=1)]
        values = np.array([*one.mean().values(), wealth.mean(), *spread])
        values[np.abs(values) < ROUNDING * np.abs(values).max()] = 0.0
        rows.add_row(Text(called.get(name, name)), *(number(float(value) * unit.factor) for value in values))
    return rows
