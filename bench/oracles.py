"""Learnt policies beside exact optima: ``python -m bench.oracles``. Writes a dated result file that the docs quote.

Every problem is one of the library's own; its least risk comes from an independent recursion in ``tests/oracles``,
which sees nothing of it but numbers (and, where it regresses, simulated prices). A policy passes if fresh paths show it
within 1 % of that, and not below it by more than three standard errors. ``--quick`` runs each for a few steps.
"""

import argparse
import json
from collections.abc import Callable, Iterator
from itertools import pairwise

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array

import deephedge as dh
from bench.effort import NAMES, Effort, entropic_price, train
from bench.kept import keep, todays
from bench.tracking import Case, Judge, liquidation, sampled, signal, tracking
from deephedge import features as f
from deephedge import instruments as i
from deephedge import objectives as o
from oracles import hodges_neuberger, minimum_variance, regression


def vanilla(closes: bool, quick: bool) -> Case:
    """Hodges and Neuberger: 30 days, cost 2^-8, with and without selling what is left at a cost."""
    cost, expiry = 2**-8, 30 / 365
    coarse = {"shape": (61, 61), "nodes": 8} if quick else {}
    exact = hodges_neuberger.solve(
        lambda s: np.maximum(s - 100.0, 0.0), spot=100.0, vol=0.2, maturity=expiry, steps=30, risk_aversion=1.0,
        cost=cost, closing_cost=cost * closes, **coarse,
    ).value(100.0)  # fmt: skip
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=expiry, steps=30),
        liability=i.short(i.EuropeanCall("S", strike=100.0, expiry=expiry)),
        instruments=(i.Spot("S"),),
        features=(f.LogMoneyness("S", 100.0), f.TimeLeft(expiry), f.Quote("S.vol", "vol")),
        cost=dh.frictions.ProportionalCost(cost),
        close_out=closes,
    )
    return Case(
        problem, dh.markets.BlackScholes("S", vol=0.2, spot=100.0), o.Entropic(1.0),
        lambda key: dh.policies.NoTransactionBand(NAMES, key=key),
        lambda ledger, _: (*entropic_price(np.asarray(ledger.wealth), 1.0), exact, exact), 600, seeds=5,
    )  # fmt: skip


def drifting(capital: float = 7.0) -> Case:
    """Schweizer: a year in 12 steps with a drift of 10 %, from too little capital; the wealth so far matters."""
    world = {"spot": 100.0, "vol": 0.2, "drift": 0.1}
    bound = minimum_variance.solve(lambda s: np.maximum(s - 100.0, 0.0), maturity=1.0, steps=12, **world)
    exact, sold = bound.mean_squared_error(capital), i.short(i.EuropeanCall("S", strike=100.0, expiry=1.0))
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=1.0, steps=12),
        liability=sold,
        instruments=(i.Spot("S"),),
        features=(
            f.LogMoneyness("S", 100.0), f.TimeLeft(1.0), f.Quote("S.vol", "vol"), f.Price(i.Spot("S"), "spot"),
            f.Price(sold, "mark"),
        ),
    )  # fmt: skip

    def policy(key: Array) -> dh.policies.AbstractPolicy:
        inner = dh.policies.MLP(
            ("log_moneyness", "time_left", "wealth"), key=key, activation="silu", semi_recurrent=False,
            baseline=dh.policies.BlackScholesDelta(),
        )  # fmt: skip
        return dh.policies.WithWealth(inner, problem.cost, prices=("spot",), liability="mark")

    def judge(ledger: dh.Ledger, paths: dh.MarketPath) -> tuple[float, float, float, float]:
        """The exact hedge on the same paths is the control variate."""
        spot = np.asarray(paths.quotes["S"], float).T
        wealth = np.full(spot.shape[1], capital)
        for step, (now, then) in enumerate(pairwise(spot)):
            wealth = wealth + bound.position(step, now, wealth) * (then - now)
        least = (wealth - np.maximum(spot[-1] - 100.0, 0.0)) ** 2
        more, error = sampled((np.asarray(ledger.wealth, float) + capital) ** 2 - least)
        return exact + more, error, exact, exact

    market = dh.markets.BlackScholes("S", **world)
    return Case(problem, market, o.QuadraticError(capital), policy, judge, 800, 5e-3, 5)


def regressed(
    problem: dh.HedgingProblem, market: dh.markets.AbstractMarket, state: Callable[[dict], tuple],
    pieces: tuple[int, ...], capital: float | None, effort: Effort,
) -> Judge:  # fmt: skip
    """The least error by regression on paths of the market, and on the fresh paths that judge what was learnt."""
    look = eqx.filter_jit(jax.vmap(lambda path: dh.snapshots(problem, path)))

    def world(paths: dh.MarketPath) -> tuple[np.ndarray, np.ndarray]:
        seen = look(paths)
        prices = np.asarray(seen.price / paths.numeraire[..., None], float).swapaxes(0, 1)
        return prices, np.stack([np.asarray(x, float).T[:-1] for x in state(seen.observation)], axis=-1)

    def owed(paths: dh.MarketPath) -> np.ndarray:
        return -np.asarray(jax.vmap(problem.liability.cashflows)(paths).sum(-1), float)

    drawn = dh.sample(market, problem.grid, effort.paths(200_000), key=jax.random.key(99), method="random")
    hedge = regression.solve(
        *world(drawn), owed(drawn), pieces=(2,) * len(pieces) if effort.quick else pieces, martingale=capital is None
    )
    start = hedge.capital if capital is None else capital
    inside = float(np.mean(hedge.errors(*world(drawn), owed(drawn), start) ** 2))

    def judge(ledger: dh.Ledger, paths: dh.MarketPath) -> tuple[float, float, float, float]:
        wealth = np.asarray(ledger.wealth, float)
        mine = (wealth + (capital or -wealth.mean())) ** 2
        least = hedge.errors(*world(paths), owed(paths), start) ** 2
        known, noise = sampled(least)  # the paths regressed on show less than the least, within their own noise
        return float(mine.mean()), sampled(mine - least)[1], known, min(known, inside - 3 * noise)

    return judge


def two_stocks(effort: Effort, capital: float = 6.0) -> Case:
    """A basket call on two correlated stocks that drift, hedged with both: half a year in six steps."""
    basket = i.short(i.Basket(("A", "B"), (0.5, 0.5), 100.0, 0.5, correlation=0.4))
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=0.5, steps=6),
        liability=basket,
        instruments=(i.Spot("A"), i.Spot("B")),
        features=(
            f.LogMoneyness("A", 100.0, "a"), f.LogMoneyness("B", 100.0, "b"), f.TimeLeft(0.5),
            f.Price(i.Spot("A"), "A"), f.Price(i.Spot("B"), "B"), f.Price(basket, "mark"),
        ),
    )  # fmt: skip
    market = dh.markets.BlackScholes(
        ("A", "B"), vol=(0.2, 0.25), spot=(100.0, 100.0), drift=(0.1, 0.15), correlation=[[1.0, 0.4], [0.4, 1.0]]
    )

    def policy(key: Array) -> dh.policies.AbstractPolicy:
        seen = ("a", "b", "time_left", "wealth")
        inner = dh.policies.MLP(seen, key=key, instruments=2, activation="silu", semi_recurrent=False)
        return dh.policies.WithWealth(inner, problem.cost, prices=("A", "B"), liability="mark")

    judge = regressed(
        problem, market, lambda seen: (seen["a"] + seen["b"], seen["a"] - seen["b"]), (8, 1), capital, effort
    )
    return Case(problem, market, o.QuadraticError(capital), policy, judge, 600, 5e-3, 2)


def stochastic_volatility(effort: Effort) -> Case:
    """A call under Heston's model, hedged with the stock and a longer call: a quarter of a year in six steps."""
    world = {"mean_reversion": 1.5, "long_variance": 0.04, "vol_of_vol": 0.5, "correlation": -0.7}
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=0.25, steps=6),
        liability=i.short(i.EuropeanCall("S", strike=100.0, expiry=0.25)),
        instruments=(i.Spot("S"), i.HestonCall("S", strike=105.0, expiry=0.5, **world)),
        features=(f.LogMoneyness("S", 100.0), f.TimeLeft(0.25), f.Log(f.Quote("S.variance", "variance"))),
    )
    market = dh.markets.Heston("S", spot=100.0, variance=0.04, **world)
    names = problem.feature_names

    def policy(key: Array) -> dh.policies.AbstractPolicy:
        return dh.policies.MLP(names, key=key, instruments=2, activation="silu", semi_recurrent=False)

    judge = regressed(problem, market, lambda seen: (seen[names[0]], seen[names[2]]), (14, 6), None, effort)
    return Case(problem, market, o.QuadraticError(), policy, judge, 900, 5e-3, 2, 2048)


CASES: dict[str, Callable[[Effort], Case]] = {
    "indifference price": lambda effort: vanilla(False, effort.quick),
    "indifference price, closing cost": lambda effort: vanilla(True, effort.quick),
    "mean-variance, drift": lambda _: drifting(),
    "mean-variance, two stocks": two_stocks,
    "mean-variance, stock and option": stochastic_volatility,
    "quadratic costs, from delta": lambda _: tracking(100.0),
    "quadratic costs, from nothing": lambda _: tracking(0.0),
    "signal": lambda _: signal(),
    "liquidation": lambda _: liquidation(),
}


def rows(name: str, effort: Effort) -> Iterator[dict]:
    case = CASES[name](effort)
    for seed in effort.seeds(case.seeds):
        fit, seconds = train(effort, case.problem, case.market, case.policy(jax.random.key(1000 + seed)), case.risk,
                             seed, case.updates, case.paths, case.rate)  # fmt: skip
        key = jax.random.key(6000 + seed)
        test = dh.sample(case.market, case.problem.grid, effort.paths(200_000), key=key, method="random")
        value, error, exact, floor = case.judge(dh.evaluate(case.problem, {"learnt": fit.policy}, test)["learnt"], test)
        over = (value - exact) / abs(exact)
        sharp = error <= 0.004 * abs(exact)  # or else nothing is shown
        passed = bool(sharp and floor - 3 * error <= value and over <= 0.01)
        yield {"case": name, "seed": seed, "value": value, "error": error, "exact": exact, "floor": floor, "over": over,
               "seconds": seconds, "passed": passed}  # fmt: skip


def main(arguments: list[str] | None = None) -> list[dict]:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--quick", action="store_true", help="a few steps of each, nothing written")
    words.add_argument("--only", choices=list(CASES), help="one case, in place of its rows in today's file")
    chosen = words.parse_args(arguments)
    ran = [name for name in CASES if chosen.only in (None, name)]
    found = []
    for name in ran:
        for row in rows(name, Effort(chosen.quick)):
            print(json.dumps(row), flush=True)
            found.append(row)
    if not chosen.quick:
        others = json.loads(todays("oracles").read_text()) if todays("oracles").exists() else []
        keep("oracles", [row for row in others if row["case"] not in ran] + found)
        print(f"{sum(not row['passed'] for row in found)} of {len(found)} not met")
    return found


if __name__ == "__main__":
    main()
