"""What a million paths of each market pay beside a price that owes the simulation nothing.

Prices come from QuantLib where it has the model, else from a transform or closed form. Plain random paths, no variance
reduction, and the steps of a grid that a hedge would use, so that a scheme's bias is in the figure: a row passes where
the furthest of its payoffs lies within three standard errors (of five strikes, one seed in 75 is not).
"""

import json
import time

import jax
import numpy as np
from scipy.stats import norm

import deephedge as dh
from bench import price_curves, price_equity
from bench.effort import Effort

BLOCK = 2**16
CASES = {**price_equity.CASES, **price_curves.CASES}


def prices(effort: Effort) -> list[dict]:
    """Every market with a price by other means, on 2^20 paths."""
    rows = []
    for name, make in effort.some(CASES):
        start, case = time.perf_counter(), make()
        grid, block = dh.TimeGrid.uniform(maturity=case.years, steps=case.steps), effort.paths(BLOCK)
        blocks, total, square = 1 if effort.quick else 16, 0.0, 0.0
        for key in jax.random.split(jax.random.key(11), blocks):
            batch = dh.sample(case.market, grid, block, key=key, method="random")
            quotes = {kind: np.asarray(x, float) for kind, x in batch.quotes.items()}
            paid = case.pays(quotes | {"numeraire": np.asarray(batch.numeraire, float)})
            total, square = total + paid.sum(axis=0), square + (paid**2).sum(axis=0)
        paths = blocks * block
        mean = total / paths
        error = np.sqrt((square / paths - mean**2) / paths)
        furthest = np.max(np.abs(mean - case.costs) / error)
        chance = 1 - (1 - 2 * norm.sf(furthest)) ** len(mean)
        rows.append({"market": name, "paths": paths, "steps": case.steps, "by": case.source, "paid": mean.tolist(),
                     "error": error.tolist(), "exact": case.costs.tolist(), "furthest": float(furthest),
                     "chance": float(chance), "seconds": time.perf_counter() - start,
                     "passed": bool(furthest <= 3)})  # fmt: skip
        print("prices", json.dumps(rows[-1]), flush=True)
    return rows
