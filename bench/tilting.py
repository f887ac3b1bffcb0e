"""What is left to earn after a tilt: a fresh network without a liability, in the market whose drift was taken out.

Two worlds: Black-Scholes, where the measure is Esscher's and known, and Heston with the drift of its stock. Accepted
where every step's weighted mean gain is within three standard errors of 0 and a fresh network earns at most half a per
cent of what the first one did, in certainty equivalents under exponential utility.
"""

import json
import time

import jax
import jax.numpy as jnp
import numpy as np

import deephedge as dh
from bench.effort import Effort, adam
from deephedge import features as f
from deephedge import instruments as i
from deephedge.training import learn_tilt

STEPS, AVERSION = 12, 3.0
WORLDS = {
    "Black-Scholes": (lambda: dh.markets.BlackScholes("SPX", vol=0.2, drift=0.2), ("time_left", "log_moneyness")),
    "Heston": (
        lambda: dh.markets.Heston("SPX", 1.0, 0.04, 3.0, 0.04, 0.4, -0.7, drift=0.15),
        ("time_left", "log_moneyness", "vol"),
    ),
}


def what_is_left(effort: Effort) -> list[dict]:
    """Bar of section 8: the drift removed, and removed for a trader who was not there when it was learnt."""
    rows = []
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=1.0, steps=STEPS),
        liability=i.Nothing(),
        instruments=(i.Spot("SPX"),),
        features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(1.0), f.Quote("SPX.vol", "vol")),
    )
    for name, (make, names) in effort.some(WORLDS):
        for seed in effort.seeds(5):
            start, updates = time.perf_counter(), effort.updates(800)
            settings = dict(risk_aversion=AVERSION, updates=updates, paths=effort.paths(4096), checks=False)
            keys = jax.random.split(jax.random.key(seed), 5)
            first, fresh = (dh.policies.MLP(names, key=key) for key in keys[:2])
            tilt = learn_tilt(problem, make(), first, adam(1e-2, updates), key=keys[2], **settings)
            again = learn_tilt(problem, tilt.market, fresh, adam(1e-2, updates), key=keys[3], **settings)
            paths = dh.sample(tilt.market, problem.grid, effort.paths(100_000), key=keys[4], method="random")
            weight, gain = (np.asarray(x, float) for x in (paths.weight, jnp.diff(paths.quotes["SPX"], axis=1)))
            mean = weight @ gain / weight.sum()
            error = np.sqrt(np.sum((weight[:, None] * (gain - mean)) ** 2, axis=0)) / weight.sum()
            furthest = float(np.max(np.abs(mean) / error))
            rows.append({"market": name, "seed": seed, "earned": tilt.earned, "left": again.earned,
                         "share": again.earned / tilt.earned, "effective": tilt.effective, "furthest step": furthest,
                         "seconds": time.perf_counter() - start,
                         "passed": bool(again.earned <= 0.005 * tilt.earned and furthest <= 3)})  # fmt: skip
            print("tilt", json.dumps(rows[-1]), flush=True)
    return rows
