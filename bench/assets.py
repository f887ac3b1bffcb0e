"""The seed cases of one asset class each, beside their bars: ``python -m bench.assets --only fx``.

Runs the study of each (or reads the run folder given with ``--run``), computes its bar on the test years with an
interval by a paired block bootstrap, prints a table and writes a dated result file for docs/reference/studies.md.
``--quick`` trains for a step or two, judges the validation years in place of the test years, and writes nothing.
A study more is one entry of ASSETS.
"""

import argparse
import datetime
import json
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize
from scipy.stats import t as student

import deephedge as dh
from deephedge.evaluation.bootstrap import Resampling, block_length
from deephedge.evaluation.metrics import tail_mean
from deephedge.studies import RunFolder, Study, run
from deephedge.studies.evaluation import backtest, backtest_ledgers
from deephedge.studies.job import open_run
from deephedge.studies.ledgers import hedged
from deephedge.studies.study import TEST, TRAIN
from deephedge.studies.training import by_validation, load_all, train

ROOT = Path(__file__).parents[1]
QUICK = ("training.updates=2", "training.paths=64", "training.validate_every=1", "test.paths=64", "test.resamples=50")
Measure = Callable[[np.ndarray], float]  # of how often each test window counts


class Outcome(NamedTuple):
    """What each window of the test years came to, one number a window: ``wealth`` with and without the trading."""

    wealth: np.ndarray
    unhedged: np.ndarray
    cost: np.ndarray

    @classmethod
    def of(cls, ledger: dh.Ledger) -> "Outcome":
        return cls(*(np.asarray(x, float) for x in (ledger.wealth, ledger.liability, ledger.cost.sum(-1))))

    def share(self, ratio: float) -> np.ndarray:
        """Wealth if ``ratio`` of every position were held: linear, gains and proportional costs alike."""
        return self.unhedged + ratio * (self.wealth - self.unhedged)


class Judged(NamedTuple):
    """A finished run: the study, what every policy came to, the policy chosen on validation, and its windows."""

    study: Study
    outcomes: dict[str, Outcome]
    chosen: str
    starts: np.ndarray
    looks: int

    @classmethod
    def of(cls, place: RunFolder) -> "Judged":
        study = Study.of_run(place)
        ledgers, _, starts = backtest_ledgers(place)
        learnt = by_validation(load_all(study, place))
        outcomes = {name: Outcome.of(ledger) for name, ledger in ledgers.items()}
        return cls(study, outcomes, learnt[0], starts, int(place.manifest["test_looks"]))

    def below(self, theirs: Measure, ours: Measure) -> dict[str, float]:
        """How much smaller ours is, as a share of theirs, with its interval; both on the same resampled windows."""
        return interval(lambda counts: 1.0 - ours(counts) / theirs(counts), len(self.starts), self.study)


def interval(measure: Measure, windows: int, study: Study) -> dict[str, float]:
    """A statistic of overlapping windows: Student's t times the error of a block bootstrap, as in `compare`."""
    steps, level = study.problem.grid.steps, study.test.confidence
    how = Resampling(block_length(windows, None, steps, []), study.test.resamples, study.seed)
    drawn = np.array([measure(counts) for chunk in how.counts(windows) for counts in chunk])
    error = float(drawn.std(ddof=1) / how.kept(steps) ** 0.5)
    reach = error * float(student.ppf(0.5 + 0.5 * level, max(1.0, windows / how.block - 1)))
    value = measure(np.ones(windows))
    return {"value": value, "low": value - reach, "high": value + reach, "error": error, "block": how.block}


def cvar(wealth: np.ndarray, counts: np.ndarray, level: float) -> float:
    order = np.argsort(wealth, kind="stable")
    return tail_mean(-wealth[order], counts[order], level)


def deviation(wealth: np.ndarray, counts: np.ndarray) -> float:
    mean = np.average(wealth, weights=counts)
    return float(np.sqrt(np.average((wealth - mean) ** 2, weights=counts)))


def currencies(judged: Judged) -> dict[str, Any]:
    """CVaR against the same share of every currency, and against least variance, each for our cost or to the line."""
    study, ours, static = judged.study, judged.outcomes[judged.chosen], judged.outcomes["static"]
    level, budget = study.test.level, float(ours.cost.mean())
    positions = least_variance(study, budget)
    ledgers = hedged(study.problem, {"it": dh.policies.Static(positions)}, study.windows(TEST)[0])
    rival = Outcome.of(ledgers["it"])
    room = line(study) / float(np.abs(np.asarray(study.baselines["static"].positions)).sum())  # pyright: ignore

    def as_dear(other: Outcome, most: float) -> Measure:
        """CVaR of ``other`` at the size that costs what ours does, or the most that the line lets it have."""

        def measure(counts: np.ndarray) -> float:
            size = min(float(counts @ ours.cost) / float(counts @ other.cost), most)
            return cvar(other.share(size), counts, level)

        return measure

    def own(counts: np.ndarray) -> float:
        return cvar(ours.wealth, counts, level)

    ones, size = np.ones(len(judged.starts)), min(budget / float(static.cost.mean()), room)
    beside = {"static": {"size": size, "cost": size * float(static.cost.mean()), "cvar": as_dear(static, room)(ones)},
              "least variance": {"cost": float(rival.cost.mean()), "cvar": as_dear(rival, 1.0)(ones),
                                 "positions": positions.tolist()}}  # fmt: skip
    harder = {"least variance": judged.below(as_dear(rival, 1.0), own)}
    return {"bar": judged.below(as_dear(static, room), own), "needed": 0.2, "harder": harder, "beside": beside}


def line(study: Study) -> float:
    """What forwards may come to, gross, at the rates of the first day."""
    return float(study.config["problem"]["constraint"]["limits"][0]["most"])


def least_variance(study: Study, budget: float) -> np.ndarray:
    """The static hedge of least variance on the training years that costs ``budget`` and keeps the line."""
    years, steps = study.years(TRAIN), study.problem.grid.steps
    rates = np.array([years.quote(each.underlier) for each in study.problem.instruments])  # pyright: ignore
    moves = rates[:, steps:] / rates[:, :-steps] - 1.0
    units = np.array(study.config["problem"]["liability"]["units"])
    spread = 0.5 * np.array(study.config["problem"]["cost"]["spread"])
    covariance, count = np.cov(moves), len(units)

    def variance(x: np.ndarray) -> tuple[float, np.ndarray]:
        held = units + x[:count] - x[count:]
        slope = 2.0 * covariance @ held
        return float(held @ covariance @ held), np.concatenate([slope, -slope])

    rows = np.stack([np.tile(spread, 2), np.ones(2 * count)])
    kept = {"type": "ineq", "fun": lambda x: np.array([budget, line(study)]) - rows @ x, "jac": lambda x: -rows}
    found = minimize(variance, np.zeros(2 * count), jac=True, bounds=[(0, None)] * (2 * count), constraints=[kept])
    return found.x[:count] - found.x[count:]


def bonds(judged: Judged) -> dict[str, Any]:
    """Standard deviation against duration matching by one future, and against key rates and regression with both."""

    def of(outcome: Outcome) -> Measure:
        return lambda counts: deviation(outcome.wealth, counts)

    ours, ratios = of(judged.outcomes[judged.chosen]), regressed(judged.study)
    rival = weighted(judged.study, ratios)
    harder = {
        "key rates": judged.below(of(judged.outcomes["key_rates"]), ours),
        "regression": judged.below(of(rival), ours),
    }
    told = {"ratios": ratios.tolist(), "std": float(rival.wealth.std()), "cost": float(rival.cost.mean())}
    return {"bar": judged.below(of(judged.outcomes["duration"]), ours), "needed": 0.3, "harder": harder,
            "beside": {"regression": told}}  # fmt: skip


def regressed(study: Study) -> np.ndarray:
    """Shares of the portfolio's duration that futures take, by least squares over windows of the training years."""
    exposure, gain, earned = by_window(study, TRAIN)
    unit, scaled = earned / exposure[:, 0], gain / exposure[:, 1:]
    return np.linalg.lstsq(scaled - scaled.mean(0), unit - unit.mean(), rcond=None)[0]


def weighted(study: Study, ratios: np.ndarray) -> Outcome:
    """The test windows if futures are sold on the first day at these shares of the portfolio's duration, and held."""
    exposure, gain, earned = by_window(study, TEST)
    held = -ratios * exposure[:, :1] / exposure[:, 1:]
    cost = np.abs(held) @ (0.5 * np.array(study.config["problem"]["cost"]["spread"]))
    return Outcome(earned + (held * gain).sum(-1) - cost, earned, cost)


def by_window(study: Study, part: str) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """First-day exposures to a parallel shift (portfolio, then futures); gains of futures and of the portfolio."""
    problem = study.problem
    table = next(each for each in problem.features if each.name == "key_rates")

    def one(path: dh.MarketPath) -> tuple:
        first, ends = (jax.tree.map(lambda x, at=at: x[at], path) for at in (np.array([0]), np.array([0, -1])))
        price = jnp.stack([each.price(ends) for each in problem.instruments], -1)
        return table(first)[0].sum(-1), price[1] - price[0], problem.liability.cashflows(ends).sum()

    return tuple(np.asarray(x, float) for x in jax.jit(jax.vmap(one))(study.windows(part)[0]))  # pyright: ignore


class Asset(NamedTuple):
    study: str
    bar: Callable[[Judged], dict[str, Any]]


ASSETS = {"fx": Asset("fx_treasury", currencies), "bonds": Asset("bond_portfolio", bonds)}


def judge(asset: Asset, place: RunFolder) -> dict[str, Any]:
    """The bar of a finished run, and what stands beside it."""
    judged = Judged.of(place)
    level, ones = judged.study.test.level, np.ones(len(judged.starts))
    table = {
        name: {"mean": float(x.wealth.mean()), "std": deviation(x.wealth, ones), "cvar": cvar(x.wealth, ones, level),
               "cost": float(x.cost.mean())}
        for name, x in judged.outcomes.items()
    }  # fmt: skip
    first, last, windows = str(judged.starts[0]), str(judged.starts[-1]), len(judged.starts)
    found = {"study": asset.study, "policy": judged.chosen, "windows": windows, "first": first, "last": last,
             "independent": windows // judged.study.problem.grid.steps, "looks": judged.looks,
             "digest": place.digest, **asset.bar(judged), "table": table}  # fmt: skip
    bar = found["bar"]
    return found | {"met": bool(bar["value"] >= found["needed"]), "significant": bool(bar["low"] > 0)}


def finished(asset: Asset, folder: Path, quick: bool) -> RunFolder:
    """The study run to its end in ``folder``; quickly, without its test years."""
    file = ROOT / "studies" / f"{asset.study}.toml"
    if not quick:
        return run(Study.load(file), folder=folder)
    data = Study.load(file).data
    first, last = (np.datetime64(str(day)) for day in data.validation)  # pyright: ignore
    middle = first + (last - first) // 2
    years = (f'data.validation=["{first}", "{middle}"]', f'data.test=["{middle + 1}", "{last}"]')
    study = Study.load(file, [*QUICK, *years])
    place = open_run(study, folder=folder)
    train(study, place)
    backtest(study, place)
    return place


def shown(name: str, found: dict[str, Any]) -> None:
    print(f"{name}: {found['study']}, {found['windows']} windows from {found['first']} to {found['last']}")
    for policy, row in found["table"].items():
        print(f"  {policy:12s}", "  ".join(f"{key} {value:9.4f}" for key, value in row.items()))
    for rival, gain in {"the bar's": found["bar"], **found["harder"]}.items():
        print(f"  {found['policy']} below {rival}: {gain['value']:.1%} ({gain['low']:.1%} to {gain['high']:.1%})")
    print(f"  needed {found['needed']:.0%}: {'met' if found['met'] else 'not met'}", flush=True)


def main(arguments: list[str] | None = None) -> dict[str, dict]:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", choices=list(ASSETS), help="one study")
    words.add_argument("--run", type=Path, help="a finished run folder of that study; nothing is trained")
    words.add_argument("--quick", action="store_true", help="a step or two, nothing written")
    chosen = words.parse_args(arguments)
    results = {}
    for name, asset in ASSETS.items():
        if chosen.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                place = RunFolder.open(chosen.run) if chosen.run else finished(asset, Path(folder) / name, chosen.quick)
                results[name] = judge(asset, place)
            shown(name, results[name])
    if not chosen.quick:
        file = ROOT / "bench" / "results" / f"{datetime.date.today().isoformat()}-assets-{chosen.only or 'all'}.json"
        file.write_text(json.dumps(results, indent=1, default=float) + "\n")
        print(f"written: {file}")
    return results


if __name__ == "__main__":
    main()
