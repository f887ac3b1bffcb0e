"""The bars of `bench.assets`: what each asks of a finished run, with intervals by a paired block bootstrap."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from scipy.optimize import minimize
from scipy.stats import t as student

import deephedge as dh
from deephedge.data import windows
from deephedge.evaluation.bootstrap import Resampling, block_length
from deephedge.evaluation.metrics import tail_mean
from deephedge.studies import RunFolder, Study
from deephedge.studies.evaluation import backtest_ledgers
from deephedge.studies.ledgers import hedged
from deephedge.studies.study import TEST, TRAIN, VALIDATION
from deephedge.studies.training import by_validation, load_all

Measure = Callable[[np.ndarray], float]  # of how often each test window counts
MARGIN = 0.2  # of a month's sales at the first day's price, above what producing it costs: an assumption
MARGINS = (0.1, 0.2, 0.4)
MONTHS = 6  # three of oil, three of gas


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
    """Standard deviation against duration matching by one future; and with both: key rates, regression, covariance."""

    def of(outcome: Outcome) -> Measure:
        return lambda counts: deviation(outcome.wealth, counts)

    ours, ratios = of(judged.outcomes[judged.chosen]), regressed(judged.study)
    rivals = {"key rates": judged.outcomes["key_rates"], "regression": weighted(judged.study, ratios),
              "covariance": by_covariance(judged.study)}  # fmt: skip
    harder = {name: judged.below(of(rival), ours) for name, rival in rivals.items()}
    beside = {name: {"std": float(rival.wealth.std()), "cost": float(rival.cost.mean())}
              for name, rival in rivals.items()}  # fmt: skip
    beside["regression"]["ratios"] = ratios.tolist()
    return {"bar": judged.below(of(judged.outcomes["duration"]), ours), "needed": 0.3, "harder": harder,
            "beside": beside}  # fmt: skip


def by_covariance(study: Study) -> Outcome:
    """The test windows under the formula for what is learnt: a root of the covariance of the training years' days."""
    quotes = next(each for each in study.problem.features if each.name == "yields").quotes
    years = study.years(TRAIN)
    values, axes = np.linalg.eigh(np.cov(np.diff([years.quote(name) for name in quotes])))
    root = (axes * np.sqrt(np.maximum(values, 0.0) / values.max())).T
    policy = dh.policies.BucketHedge(root, buckets="yields")
    return Outcome.of(hedged(study.problem, {"it": policy}, study.windows(TEST)[0])["it"])


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

    years, grid = study.years(part), problem.grid
    known = years.dates[np.isfinite(list(years.quotes.values())).all(0)]  # a volatility begins a day after its yield
    step = float(grid.times[-1]) / grid.steps
    paths, _ = windows(years.between(str(known[0]), str(known[-1])), grid.steps, step_years=step, rebase=False)
    return tuple(np.asarray(x, float) for x in jax.jit(jax.vmap(one))(paths))


def per_cvar(wealth: np.ndarray, level: float, margin: float = MARGIN) -> Measure:
    """Profit per unit of CVaR: the planned margin and what came beyond the plan, over the mean of the worst shortfalls.

    >>> per_cvar(np.array([-1.0, 0.0, 0.0, 0.0]), 0.75)(np.ones(4)).round(3)
    0.95
    """

    def measure(counts: np.ndarray) -> float:
        return (MONTHS * margin + float(np.average(wealth, weights=counts))) / cvar(wealth, counts, level)

    return measure


FIXED, STRIPS = ("first", "second"), ("matched",)


def before(study: Study, kind: tuple[str, ...]) -> dict[str, Outcome]:
    """What the baselines of these names came to in the validation years."""
    named = {name: policy for name, policy in study.baselines.items() if name.startswith(kind)}
    found = hedged(study.problem, named, study.windows(VALIDATION)[0])
    return {name: Outcome.of(ledger) for name, ledger in found.items()}


def commodities(judged: Judged) -> dict[str, Any]:
    """Profit per unit of CVaR above the fixed-ratio rolled hedge that the validation years would have chosen.

    Beside it: above the best fixed ratio in hindsight, and above the strip by hand, in the contract that settles.
    """
    study, level = judged.study, judged.study.test.level
    seen = before(study, FIXED)
    chosen = {margin: best(seen, level, margin) for margin in MARGINS}
    near = best({n: x for n, x in seen.items() if n.startswith("first")}, level, MARGIN)
    known = best({n: judged.outcomes[n] for n in seen}, level, MARGIN)

    def above(rival: str, ours: str = judged.chosen, margin: float = MARGIN) -> dict[str, float]:
        own, other = (per_cvar(judged.outcomes[name].wealth, level, margin) for name in (ours, rival))
        return interval(lambda counts: own(counts) / other(counts) - 1.0, len(judged.starts), study)

    ones = np.ones(len(judged.starts))
    told = {name: per_cvar(x.wealth, level)(ones) for name, x in judged.outcomes.items()}
    harder = {f"the best in hindsight, {known}": above(known), f"the best in the first nearby, {near}": above(near)}
    strips = before(study, STRIPS)
    strip = best(strips, level, MARGIN)
    harder |= {name: above(name) for name in strips}
    margins = {str(margin): {"rival": rival} | above(rival, margin=margin) for margin, rival in chosen.items()}
    others = {
        name: {rival: above(rival, name) for rival in (chosen[MARGIN], near)} for name in (*study.policies, strip)
    }
    return {"bar": above(chosen[MARGIN]), "rival": chosen[MARGIN], "needed": 0.15, "harder": harder,
            "profit per CVaR": told, "margins": margins, "policies": others}  # fmt: skip


def commodities_walked(parts: Sequence[Judged]) -> dict[str, Any]:
    """The same over a walk forward: every stretch by the policy, fixed ratio and strip that its validation chose."""
    study, level = parts[0].study, parts[0].study.test.level
    names = [{"ours": part.chosen, "fixed": best(before(part.study, FIXED), level, MARGIN),
              "strip": best(before(part.study, STRIPS), level, MARGIN)} for part in parts]  # fmt: skip
    wealth = {
        role: np.concatenate([part.outcomes[name[role]].wealth for part, name in zip(parts, names, strict=True)])
        for role in names[0]
    } | {
        name: np.concatenate([part.outcomes[name].wealth for part in parts]) for name in parts[0].outcomes
    }  # fmt: skip
    count = len(wealth["ours"])

    def above(rival: str, ours: str = "ours") -> dict[str, float]:
        own, other = (per_cvar(wealth[name], level) for name in (ours, rival))
        return interval(lambda counts: own(counts) / other(counts) - 1.0, count, study)

    ones = np.ones(count)
    table = {
        name: {"mean": float(x.mean()), "std": deviation(x, ones), "cvar": cvar(x, ones, level),
               "profit per CVaR": per_cvar(x, level)(ones)} for name, x in wealth.items()
    }  # fmt: skip
    known = max((name for name in wealth if name.startswith(FIXED)), key=lambda n: table[n]["profit per CVaR"])
    harder = {f"the best in hindsight, {known}": above(known), "the strip by hand": above("strip")}
    return {"bar": above("fixed"), "needed": 0.15, "harder": harder, "by hand": above("fixed", "strip"),
            "chosen": names, "table": table, "windows": count,
            "first": str(parts[0].starts[0]), "last": str(parts[-1].starts[-1])}  # fmt: skip


def best(outcomes: dict[str, Outcome], level: float, margin: float) -> str:
    """The name of the hedge with the most profit per unit of CVaR."""
    return max(outcomes, key=lambda n: per_cvar(outcomes[n].wealth, level, margin)(np.ones(len(outcomes[n].wealth))))


def credit(judged: Judged) -> dict[str, Any]:
    """CVaR of the month below that of the rate hedge alone, as a share of it and in cash; and below other hedges."""

    def of(name: str) -> Measure:
        return lambda counts: cvar(judged.outcomes[name].wealth, counts, judged.study.test.level)

    rivals = [name for name in judged.outcomes if name not in (judged.chosen, "rate_hedge")]
    ours = of(judged.chosen)
    harder = {name: judged.below(of(name), ours) for name in rivals}
    learnt = {name: judged.below(of("rate_hedge"), of(name)) for name in judged.study.policies}
    rate = of("rate_hedge")
    cash = interval(lambda counts: rate(counts) - ours(counts), len(judged.starts), judged.study)
    return {"bar": judged.below(rate, ours), "needed": 0.0, "harder": harder, "in cash": cash, "policies": learnt}
