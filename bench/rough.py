"""Rough volatility: how much a learnt hedge in the spot alone saves, from prices only and with the variance in sight.

The world of the thesis *Deep Hedging under Rough Volatility: Robustness to Model Misspecification*: rough Bergomi with
H 0.07, eta 1.9, rho -0.7, a flat forward variance of 0.235^2, one year in 100 steps, no cost; a short at-the-money call
hedged with the spot. What counts is the ratio of expected shortfalls (95 %, premium at its mean) to that of the
Black-Scholes delta at 0.235 on the same paths: the level has heavy tails, the ratio little noise.
"""

import json

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import deephedge as dh
from bench.effort import Effort, train
from deephedge import features as f
from deephedge import instruments as i
from deephedge import objectives as o

VOL, STEPS = 0.235, 100
BARS = {"prices only": 0.90, "observing V": 0.82}
BASE, WINDOWS = ("log_moneyness", "time_left"), (2, 5, 12, 30, 100)  # steps over which a realised volatility is seen
SEEN = {"prices only": (*BASE, *(f"log_vol_{w}" for w in WINDOWS)), "observing V": (*BASE, "log_variance")}
PARTS = 20  # disjoint parts of the test paths, for the error of the ratio


class Known(f.AbstractFeature):
    """A number that the desk knows: the volatility of the Black-Scholes delta."""

    value: float
    name: str = eqx.field(static=True, default="vol")

    def __call__(self, path: dh.MarketPath) -> jax.Array:
        return jnp.full_like(path.times, self.value)


def rough_problem() -> dh.HedgingProblem:
    realised = [f.Log(f.RealisedVol("SPX", window), name=f"log_vol_{window}") for window in WINDOWS]
    variance = f.Log(f.Quote("SPX.variance", "variance"), floor=1e-12)
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=1.0, steps=STEPS),
        liability=i.short(i.EuropeanCall("SPX", strike=100.0, expiry=1.0)),
        instruments=(i.Spot("SPX"),),
        features=(f.LogMoneyness("SPX", 100.0), f.TimeLeft(1.0), Known(jnp.asarray(VOL)), variance, *realised),
    )


def shortfall(wealth: np.ndarray) -> float:
    """Expected shortfall of the worst twentieth, after a premium that makes wealth 0 on average."""
    return float(o.CVaR(0.95)(jnp.asarray(wealth - wealth.mean(), jnp.float32)))


def rough_bergomi(effort: Effort) -> list[dict]:
    """Section 6 of the reference figures: expected shortfall of the learnt hedge over that of Black-Scholes delta."""
    market = dh.markets.RoughBergomi("SPX", 100.0, 0.07, 1.9, -0.7, VOL**2)
    rows, problem = [], rough_problem()
    for name, names in effort.some(SEEN):
        for seed in effort.seeds(5):
            policy = dh.policies.MLP(names, key=jax.random.key(seed))
            fit, seconds = train(effort, problem, market, policy, o.CVaR(0.95), seed, 1500, 2048, rate=5e-3)
            key, wealth = jax.random.key(9000 + seed), {}
            for kind, one in {"learnt": fit.policy, "delta": dh.policies.BlackScholesDelta()}.items():
                found = dh.simulate_wealth(problem, market, one, paths=effort.paths(200_000), key=key)
                wealth[kind] = np.asarray(found, float)
            risk = {kind: shortfall(each) for kind, each in wealth.items()}
            ratio = risk["learnt"] / risk["delta"]
            parts = [np.array_split(each, PARTS) for each in wealth.values()]
            spread = np.std([shortfall(a) / shortfall(b) for a, b in zip(*parts, strict=True)], ddof=1)
            rows.append({"seen": name, "seed": seed, "ratio": ratio, "error": float(spread) / PARTS**0.5,
                         **risk, "bar": BARS[name], "seconds": seconds, "passed": ratio <= BARS[name]})  # fmt: skip
            print("rough", json.dumps(rows[-1]), flush=True)
    return rows
