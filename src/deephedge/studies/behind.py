"""What stands behind a result: calm and crisis told apart, and whether the risk that simulated paths foretold held."""

from collections.abc import Mapping

import numpy as np

from deephedge.evaluation import (
    Comparison,
    by_regime,
    by_volatility,
    conditional_coverage,
    exceeded,
    kupiec,
    shortfall,
)
from deephedge.evaluation.metrics import tail_mean
from deephedge.evaluation.verdict import number
from deephedge.hedging import Ledger
from deephedge.reports import Forecast
from deephedge.studies import evaluation as judge
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import TEST, Study

KEPT = "regimes.json"
CRISIS = 0.8  # quantile of the days before the test years above which a window begins in a crisis
YEAR = 252  # days of them that are needed
LEAST = 10  # windows that a regime needs
DRAWS = 2000


def regimes(
    study: Study, run: RunFolder, ledgers: Mapping[str, Ledger], premium: np.ndarray
) -> tuple[dict[str, Comparison], str]:
    """A comparison each for calm and crisis, and how they were told apart, kept in the run; nothing without a quote."""
    if not run.has(KEPT):
        found, told = _apart(study, ledgers, premium)
        run.write_json(KEPT, {"told": told, "found": {name: one.to_dict() for name, one in found.items()}})
    kept = run.read_json(KEPT)
    return {name: judge.restored_comparison(one) for name, one in kept["found"].items()}, kept["told"]


def _apart(study: Study, ledgers: Mapping[str, Ledger], premium: np.ndarray) -> tuple[dict[str, Comparison], str]:
    quote = study.test.regime or f"{study.underlier}.vol"
    if study.test.regime is None and quote not in study.history.names:
        return {}, ""
    paths, _ = study.windows(TEST)
    before = study.history.quote(quote)[study.history.dates < study.years(TEST).dates[0]]
    known = before[np.isfinite(before)]
    if known.size < YEAR:
        return {}, ""
    threshold = float(np.quantile(known, CRISIS))
    labels = by_volatility(paths, quote, threshold)
    names, counts = np.unique(labels, return_counts=True)
    if len(names) < 2 or counts.min() < LEAST:
        return {}, ""
    said = ", ".join(f"{count:,} windows {name}" for name, count in zip(names, counts, strict=True))
    how = judge.how(study, premium, study.overlap)
    told = (
        f"A window is of a crisis where {quote} stood above {number(threshold)} on its first day, the level that "
        f"{round(100 * (1 - CRISIS))} % of the days before the test years exceeded: {said}."
    )
    return by_regime(ledgers, labels, study.test.reference, LEAST, **how), told


def forecasts(
    study: Study, run: RunFolder, ledgers: Mapping[str, Ledger], starts: np.ndarray | None
) -> dict[str, Forecast]:
    """The risk of each policy on simulated paths as a forecast for test windows that do not overlap.

    None for policies that lose nothing on average in their worst simulated paths, and where either weighs its paths.
    """
    if starts is None or not run.has(judge.SIMULATED_ROWS) or any(one.weight is not None for one in ledgers.values()):
        return {}
    rows, apart = run.read_frame(judge.SIMULATED_ROWS), study.problem.grid.steps
    if "weight" in rows.columns:
        return {}
    drawn = {str(name): each["wealth"].to_numpy() for (name,), each in rows.group_by("policy", maintain_order=True)}
    chosen = np.unique(starts, return_index=True)[1][::apart]  # of a day that sells several books the first
    losses = {name: -np.asarray(ledger.wealth, float)[chosen] for name, ledger in ledgers.items()}
    rng = np.random.default_rng(study.seed)
    found = {name: _forecast(losses[name], -drawn[name].astype(float), study.test.level, rng) for name in losses}
    return {name: one for name, one in found.items() if one is not None}


def _forecast(losses: np.ndarray, drawn: np.ndarray, level: float, rng: np.random.Generator) -> Forecast | None:
    var, tail = float(np.quantile(drawn, level)), tail_mean(np.sort(drawn)[::-1], np.ones(drawn.size), level)
    if tail <= 0 or losses.size < 2:
        return None
    days = losses.size
    flat = np.full(days, var), np.full(days, max(tail, var))
    hits, scenarios = exceeded(losses, flat[0]), rng.choice(drawn, (DRAWS, days))
    return Forecast(
        var, tail, days, int(hits.sum()), days * (1 - level), kupiec(hits, level).p,
        conditional_coverage(hits, level).p, shortfall(losses, *flat, level, scenarios).p,
    )  # fmt: skip
