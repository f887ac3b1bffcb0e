"""The exact price of Hodges and Neuberger in other settings: volatility, payoff, steps, aversion, costs, start."""

import json

import jax
import numpy as np

import deephedge as dh
from bench.effort import NAMES, Effort, entropic_price, train
from deephedge import features as f
from deephedge import instruments as i
from deephedge import objectives as o
from oracles import hodges_neuberger

MONTH = 30 / 365
SETTINGS = {  # payoff, strikes, vol, years, steps, risk aversion, cost, closing cost or not, first position, spot
    "base": ("call", (100.0,), 0.2, MONTH, 30, 1.0, 2**-8, False, 0.0, 100.0),
    "volatile, strike 110, 10 steps": ("call", (110.0,), 0.4, MONTH, 10, 0.5, 2**-7, False, 0.0, 100.0),
    "put at 95, 60 steps": ("put", (95.0,), 0.2, 2 * MONTH, 60, 1.0, 2**-8, False, 0.0, 100.0),
    "call spread": ("spread", (100.0, 105.0), 0.2, MONTH, 30, 2.0, 2**-8, False, 0.0, 100.0),
    "closing cost": ("call", (100.0,), 0.2, MONTH, 30, 1.0, 2**-8, True, 0.0, 100.0),
    "starts with one unit": ("call", (100.0,), 0.2, MONTH, 30, 1.0, 2**-7, False, 1.0, 100.0),
    "starts short, closing cost": ("call", (100.0,), 0.2, MONTH, 30, 1.0, 2**-7, True, -0.5, 100.0),
    "risk aversion 5": ("call", (100.0,), 0.2, MONTH, 30, 5.0, 2**-6, False, 0.0, 100.0),
    "risk aversion 0.1": ("call", (100.0,), 0.2, MONTH, 30, 0.1, 2**-6, False, 0.0, 100.0),
    "a year in 12 steps": ("call", (100.0,), 0.2, 1.0, 12, 0.2, 2**-8, False, 0.0, 100.0),
    "5 steps": ("call", (100.0,), 0.3, 0.1, 5, 1.0, 2**-9, False, 0.0, 100.0),
    "spot 1": ("call", (1.0,), 0.2, MONTH, 30, 100.0, 2**-8, False, 0.0, 1.0),
    "strike 110": ("call", (110.0,), 0.2, MONTH, 30, 1.0, 2**-8, False, 0.0, 100.0),
    "put, starts short, closing cost": ("put", (100.0,), 0.2, MONTH, 30, 1.0, 2**-6, True, -0.5, 100.0),
}


def other_settings(effort: Effort) -> list[dict]:
    """Bar 1 elsewhere: what a no-transaction band reaches in each setting, beside its exact price."""
    rows = []
    for name, (kind, strikes, vol, expiry, steps, risk_aversion, cost, closes, initial, spot) in effort.some(SETTINGS):
        contracts = {"call": i.EuropeanCall, "spread": i.EuropeanCall, "put": i.EuropeanPut}
        sign = -1.0 if kind == "put" else 1.0
        units = (1.0, -1.0)[: len(strikes)]

        def payoff(s, strikes=strikes, units=units, sign=sign):
            return sum(u * np.maximum(sign * (s - k), 0.0) for u, k in zip(units, strikes, strict=True))

        book = i.Book(tuple(contracts[kind]("SPX", strike=k, expiry=expiry) for k in strikes), units)
        problem = dh.HedgingProblem(
            grid=dh.TimeGrid.uniform(maturity=expiry, steps=steps), liability=i.short(book),
            instruments=(i.Spot("SPX"),),
            features=(
                f.LogMoneyness("SPX", strikes[0]), f.TimeLeft(expiry), f.Quote("SPX.vol", "vol"),
                f.Delta(book, quote="SPX"),
            ),
            cost=dh.frictions.ProportionalCost(cost), close_out=closes, initial=initial,
        )  # fmt: skip
        world = {"spot": spot, "vol": vol, "maturity": expiry, "steps": steps, "risk_aversion": risk_aversion}
        coarse = {"shape": (61, 61), "nodes": 8} if effort.quick else {}
        exact = hodges_neuberger.solve(
            payoff, **world, cost=cost, closing_cost=cost * closes, positions=(-1.3, 1.3), **coarse
        ).value(spot, initial)
        market, risk = dh.markets.BlackScholes("SPX", vol=vol, spot=spot), o.Entropic(risk_aversion)
        key = jax.random.key(1)
        centre = "auto" if len(strikes) == 1 else dh.policies.Delta()  # of one option as told, of a book its own
        policy = dh.policies.NoTransactionBand(NAMES, key=key, centre=centre)
        fit, seconds = train(effort, problem, market, policy, risk, 0, 600, 4096)
        wealth = dh.simulate_wealth(problem, market, fit.policy, paths=effort.paths(400_000), key=key)
        price, error = entropic_price(np.asarray(wealth), risk_aversion)
        rows.append({"setting": name, "price": price, "error": error, "exact": exact, "ratio": price / exact,
                     "seconds": seconds, "passed": exact - 3 * error <= price <= 1.005 * exact})  # fmt: skip
        print("others", json.dumps(rows[-1]), flush=True)
    return rows
