"""Cao, Chen, Hull and Poulos (2021): mean and deviation of the cost of hedging, with and without the wealth in sight.

A short at-the-money call, volatility 20 %, drift 5 %, no rate, 250 days a year, 1 % of every trade and of closing out;
judged by mean + 1.5 deviations of the total cost, in per cent of the Black-Scholes price.
"""

import json

import jax
import numpy as np

import deephedge as dh
from bench.effort import NAMES, Effort, train
from deephedge import features as f
from deephedge import instruments as i
from deephedge import objectives as o
from deephedge.pricing import black

SPOT, VOL, DRIFT, COST = 100.0, 0.2, 0.05, 0.01
MONTH, QUARTER = 20, 60  # days
PUBLISHED = {MONTH: (164.6, 137.6), QUARTER: (134.5, 95.4)}  # delta, the paper's agent
CASES = {  # days, wealth in sight, bar, seeds
    "1 month": (MONTH, False, 118.0, 5),
    "1 month, wealth in sight": (MONTH, True, 114.0, 5),
    "3 months, wealth in sight": (QUARTER, True, 78.0, 5),
}


def cao_problem(days: int) -> dh.HedgingProblem:
    expiry = days / 250
    sold = i.short(i.EuropeanCall("SPX", strike=SPOT, expiry=expiry))
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=expiry, steps=days),
        liability=sold,
        instruments=(i.Spot("SPX"),),
        features=(
            f.LogMoneyness("SPX", SPOT), f.TimeLeft(expiry), f.Quote("SPX.vol", "vol"),
            f.Price(sold, "mark"), f.Price(i.Spot("SPX"), "spot"),
        ),
        cost=dh.frictions.ProportionalCost(COST),
        constraint=dh.frictions.Box(0.0, 1.0),
        close_out=True,
    )  # fmt: skip


def band(problem: dh.HedgingProblem, wealth: bool, seed: int) -> dh.policies.AbstractPolicy:
    key = jax.random.key(seed)
    if not wealth:
        return dh.policies.NoTransactionBand(NAMES, key=key)
    inner = dh.policies.NoTransactionBand((*NAMES, "wealth"), key=key)
    return dh.policies.WithWealth(inner, problem.cost, prices=("spot",), liability="mark")


def judged(ledger: dh.Ledger, paths: dh.MarketPath, days: int) -> dict[str, float]:
    """Mean, deviation and their sum in per cent of the price; and the mean gain beyond the drift, in its errors."""
    price = float(black.price(SPOT, SPOT, VOL, days / 250))
    cost = -(np.asarray(ledger.wealth, float) + price) / price * 100
    mean, deviation = cost.mean(), cost.std()
    spread = cost + 0.75 * (cost - mean) ** 2 / deviation  # the delta method
    spot = np.asarray(paths.quotes["SPX"], float)
    drift = np.sum(np.asarray(ledger.position[..., 0], float) * spot[:, :-1], axis=1) * np.expm1(DRIFT / 250)
    beyond = np.asarray(ledger.gain.sum(-1), float) - drift
    leak = abs(beyond.mean()) / max(beyond.std() / np.sqrt(beyond.size), 1e-12)
    return {"mean": mean, "deviation": deviation, "value": mean + 1.5 * deviation,
            "error": spread.std() / np.sqrt(spread.size), "gain in standard errors": float(leak)}  # fmt: skip


def mean_and_deviation(effort: Effort) -> list[dict]:
    """Bar 3: delta as published within three standard errors and its last digit; what is learnt below each bar."""
    market, rows = dh.markets.BlackScholes("SPX", vol=VOL, spot=SPOT, drift=DRIFT), []
    for name, (days, wealth, bar, seeds) in effort.some(CASES):
        problem, (delta, paper) = cao_problem(days), PUBLISHED[days]
        for seed in effort.seeds(seeds):
            policy = band(problem, wealth, seed)
            fit, seconds = train(effort, problem, market, policy, o.MeanStd(1.5), seed, 400, 4096, rate=5e-3)
            test = dh.sample(
                market, problem.grid, effort.paths(200_000), key=jax.random.key(3000 + seed), method="random"
            )
            policies = {"learnt": fit.policy, "delta": dh.policies.BlackScholesDelta()}
            ledgers = dh.evaluate(problem, policies, test)
            found, base = (judged(ledgers[each], test, days) for each in policies)
            same = abs(base["value"] - delta) <= 3 * base["error"] + 0.05
            sound = found["gain in standard errors"] <= 3
            rows.append({"case": name, "seed": seed, **found, "bar": bar, "published": paper, "delta": base,
                         "delta published": delta, "seconds": seconds,
                         "passed": bool(found["value"] <= bar and same and sound)})  # fmt: skip
            print("cao", json.dumps(rows[-1]), flush=True)
    return rows
