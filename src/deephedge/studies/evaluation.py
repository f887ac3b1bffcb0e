"""Judge the learnt policies beside the baselines: on fresh simulated paths, and once on the test years."""

import csv
import io
from collections.abc import Mapping
from typing import Any

import numpy as np

from deephedge.evaluation import Comparison, Verdict, compare, verdict
from deephedge.evaluation.metrics import risk
from deephedge.evaluation.verdict import Unit
from deephedge.hedging import Ledger
from deephedge.markets import sample
from deephedge.policies import AbstractPolicy
from deephedge.studies.ledgers import hedged, premiums, restored, steps, summary
from deephedge.studies.progress import Screen
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import TEST, VALIDATION, Study
from deephedge.studies.training import Trained, by_validation, load_all
from deephedge.studies.tries import record

SIMULATED, BACKTEST, VERDICT, YARDSTICKS = "simulated", "backtest", "verdict.json", "yardsticks.json"
BACKTEST_ROWS, BACKTEST_STEPS = "ledgers/backtest.parquet", "ledgers/backtest_steps.parquet"
SIMULATED_ROWS = f"ledgers/{SIMULATED}.parquet"


def evaluate(study: Study, run: RunFolder, *, screen: Screen | None = None) -> Comparison:
    """All policies on fresh simulated paths, with intervals; kept in the run as metrics and a ledger of every path."""
    screen = screen or Screen.silent()
    with screen.stage(f"hedging {study.test.paths:,} fresh simulated paths"):
        _yardsticks(study, run)
        key = study.key_for("test")
        paths = sample(study.market, study.problem.grid, study.test.paths, key=key, method="random")
        ledgers = hedged(study.problem, everybody(study, run), paths)
        premium = premiums(study.problem, paths)
        run.write_frame(SIMULATED_ROWS, summary(ledgers, premium))
        found = judged(study, ledgers, premium, None)
    _keep(run, SIMULATED, found)
    return found


def backtest(study: Study, run: RunFolder, *, screen: Screen | None = None) -> Comparison:
    """All policies on every window of the test years, which each call is noted to have looked at."""
    screen = screen or Screen.silent()
    looks = int(run.manifest.get("test_looks", 0)) + 1
    if looks > 1:
        screen.warn(f"look number {looks} at the test years of this run: settings chosen since the first know them")
    paths, starts = study.windows(TEST)
    with screen.stage(f"hedging {len(starts):,} windows of the test years, {starts[0]} to {starts[-1]}"):
        run.note(test_looks=looks)
        tried = record(run, getattr(study.data, TEST), [*study.config["policies"], *study.config["baselines"]])
        run.note(tries=tried)
        ledgers = hedged(study.problem, everybody(study, run), paths)
        premium = premiums(study.problem, paths)
        run.write_frame(BACKTEST_ROWS, summary(ledgers, premium, starts))
        run.write_frame(BACKTEST_STEPS, steps(ledgers))
        found = judged(study, ledgers, premium, study.overlap)
        _keep(run, BACKTEST, found)
        run.write_json(VERDICT, _verdicts(study, run, found, ledgers, premium))
    return found


def everybody(study: Study, run: RunFolder) -> dict[str, AbstractPolicy]:
    """Learnt policies from the run, the one chosen on validation first, then the baselines."""
    trained = load_all(study, run)
    return {name: trained[name].policy for name in by_validation(trained)} | study.baselines


def judged(
    study: Study, ledgers: Mapping[str, Ledger], premium: np.ndarray, window: int | None, reference: str | None = None
) -> Comparison:
    """Metrics, intervals and paired differences under the settings of the study."""
    return compare(ledgers, reference or study.test.reference, **how(study, premium, window))


def how(study: Study, premium: np.ndarray, window: int | None) -> dict[str, Any]:
    """What the study tells ``compare``."""
    test = study.test
    return {
        "objective": study.objective, "premium": premium, "included": True, "window": window,
        "block": test.block if window is not None else None, "level": test.level, "confidence": test.confidence,
        "resamples": test.resamples, "seed": study.seed,
    }  # fmt: skip


def said(study: Study, found: Comparison, trained: Mapping[str, Trained]) -> Verdict:
    """Whether the learnt policies beat the reference, in words; about the one chosen on validation first."""
    candidates = [name for name in by_validation(trained) if name != found.reference]
    return verdict(found, candidates, study.test.judged, unit=unit(study), labels=study.report.labels)


def words(study: Study, run: RunFolder) -> str:
    """The verdict on the test years, or on simulated paths where there are none; empty before either was judged."""
    if run.has(VERDICT):
        return run.read_json(VERDICT)["text"]
    found = comparison_of(run, SIMULATED)
    return said(study, found, load_all(study, run)).text if found else ""


def unit(study: Study) -> Unit:
    """What cash reads as in the study's tables."""
    return Unit(study.report.unit, study.report.factor)


def comparison_of(run: RunFolder, kind: str) -> Comparison | None:
    """What ``evaluate`` (``"simulated"``) or ``backtest`` found, if it ran."""
    return restored_comparison(run.read_json(f"{kind}.json")) if run.has(f"{kind}.json") else None


def restored_comparison(kept: Mapping[str, Any]) -> Comparison:
    """A comparison as JSON holds it."""
    return Comparison.from_dict(_numbers(kept))


def backtest_ledgers(run: RunFolder) -> tuple[dict[str, Ledger], np.ndarray, np.ndarray]:
    """Ledgers of the test windows as they were kept, the premium of each window, and its first day."""
    rows = run.read_frame(BACKTEST_ROWS)
    ledgers = restored(rows, run.read_frame(BACKTEST_STEPS))
    one = rows.filter(rows["policy"] == rows["policy"][0])
    return ledgers, one["premium"].to_numpy().astype(float), one["start"].to_numpy().astype("datetime64[D]")


def _yardsticks(study: Study, run: RunFolder) -> None:
    """The risk of the baselines on the validation windows, which the learnt policies were stopped on."""
    if study.training.validation == "history":
        ledgers = hedged(study.problem, study.baselines, study.windows(VALIDATION)[0])
        run.write_json(YARDSTICKS, {n: risk(study.objective, led.wealth, led.weight) for n, led in ledgers.items()})


def _verdicts(study: Study, run: RunFolder, found: Comparison, ledgers, premium: np.ndarray) -> dict[str, Any]:
    """Against the reference, and against the baseline that the validation years would have chosen, if it is another."""
    trained = load_all(study, run)
    first = said(study, found, trained)
    facts = {"text": first.text, "reference": found.reference, "outcomes": first.outcomes, "p": first.p}
    risks = run.read_json(YARDSTICKS) if run.has(YARDSTICKS) else {}
    rival = min(risks, key=lambda name: risks[name]) if risks else found.reference
    if rival == found.reference:
        return facts
    against = {name: ledgers[name] for name in (rival, *trained)}
    second = said(study, judged(study, against, premium, found.window, rival), trained)
    called = study.report.labels.get(rival, rival)
    headline = second.text.split("\n")[0]
    opening = f"The best baseline on the validation years: {called}. {headline}"
    facts["text"] = "\n".join([first.text.split("\n")[0], opening, *first.text.split("\n")[1:]])
    return facts | {"rival": {"name": rival, "outcomes": second.outcomes, "p": second.p}}


def _keep(run: RunFolder, kind: str, found: Comparison) -> None:
    run.write_json(f"{kind}.json", found.to_dict())
    run.write_text(f"{kind}.csv", _csv(found))


def _csv(found: Comparison) -> str:
    """One row a policy and metric: value, interval and error, and the same for the difference to the reference."""
    out = io.StringIO()
    parts = ("value", "low", "high", "error")
    rows = csv.writer(out, lineterminator="\n")
    rows.writerow(["policy", "metric", *parts, *(f"difference_{part}" for part in parts), "difference_p"])
    for name, metrics in found.estimates.items():
        for metric, estimate in metrics.items():
            gap = found.differences.get(name, {}).get(metric)
            cells = [getattr(estimate, part) for part in parts]
            cells += [getattr(gap, part) if gap else "" for part in (*parts, "p")]
            rows.writerow([name, metric, *cells])
    return out.getvalue()


def _numbers(node: Any) -> Any:
    """JSON's null inside an estimate is a number that is none."""
    if isinstance(node, dict):
        estimate = {"value", "low", "high", "error"} <= set(node)
        return {key: float("nan") if estimate and value is None else _numbers(value) for key, value in node.items()}
    return node
