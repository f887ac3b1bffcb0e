"""Our side of the benchmark; prints one JSON line. Same words as ``peer_pfhedge.py``."""

import json
import resource
import sys
import time
from itertools import pairwise

import jax
import numpy as np
import optax

import deephedge as dh
from bench.setting import COST, MATURITY, PATHS, RATE, STEPS, STRIKE, TAIL, UPDATES, VOL
from deephedge import features as f
from deephedge import instruments as i
from deephedge import markets, objectives, policies, training  # noqa: F401  (imports are not timed, on either side)

FEATURES = ("log_moneyness", "time_left", "vol")
WARM = 3  # marks left out: they hold the compilation and the search for the block length


def market() -> dh.markets.AbstractMarket:
    return dh.markets.BlackScholes("SPX", vol=VOL)


def problem(steps: int = STEPS, instruments: int = 1, book: int = 1) -> dh.HedgingProblem:
    """The setting, or a larger one: more steps, hedging options beside the spot, more contracts in the book."""
    strikes = np.linspace(0.9, 1.1, book) if book > 1 else [STRIKE]
    calls = tuple(i.EuropeanCall("SPX", strike=float(k), expiry=MATURITY) for k in strikes)
    hedges = tuple(i.EuropeanCall("SPX", strike=1.0 + 0.02 * n, expiry=2 * MATURITY) for n in range(instruments - 1))
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=MATURITY, steps=steps),
        liability=i.Book(calls, np.full(len(calls), -1.0 / len(calls))),
        instruments=(i.Spot("SPX"), *hedges),
        features=(f.LogMoneyness("SPX", STRIKE), f.TimeLeft(MATURITY), f.Quote("SPX.vol", "vol")),
        cost=dh.frictions.ProportionalCost(COST),
    )


def policy(kind: str, key: jax.Array, instruments: int = 1, depth: int = 4) -> dh.policies.AbstractPolicy:
    """The peer's layers for equal work; the library's own default has two."""
    made = {"band": dh.policies.NoTransactionBand, "mlp": dh.policies.MLP}[kind]
    return made(FEATURES, key=key, width=32, depth=depth, instruments=instruments)


def train(
    kind, risk, *, updates, paths, seed=0, rate=RATE, setting=None, instruments=1, progress=None, average=0.0, depth=4
):
    key = jax.random.key(seed)
    return dh.fit(
        setting or problem(), market(), policy(kind, key, instruments, depth), risk, optax.adam(rate), updates=updates,
        paths=paths, key=key, validation=0, checks=False, average=average, progress=progress,
    )  # fmt: skip


def speed(kind: str, paths: int, repeats: int, **setting) -> dict:
    """Seconds of an update in the steady state, one figure for each block of the compiled loop."""
    marks = []
    train(
        kind, dh.objectives.Entropic(1.0), updates=repeats, paths=paths, **setting,
        progress=lambda p: marks.append((p.update, time.perf_counter())),
    )  # fmt: skip
    steady = marks[WARM:] if len(marks) > WARM + 1 else marks[-2:]
    return {"seconds": [(b[1] - a[1]) / (b[0] - a[0]) for a, b in pairwise(steady)]}


def positions(policy, spots: np.ndarray) -> np.ndarray:
    """Positions along given spot paths, decided by the policy that was trained."""
    times = np.broadcast_to(np.asarray(problem().grid.times), spots.shape)
    quotes = {"SPX": spots, "SPX.vol": np.full_like(spots, VOL)}
    paths = dh.MarketPath(
        jax.numpy.asarray(times), jax.tree.map(jax.numpy.asarray, quotes), jax.numpy.ones(spots.shape)
    )
    return np.asarray(dh.evaluate(problem(), {"policy": policy}, paths)["policy"].position[..., 0])


def quality(risk: str, bank: str, seed: int, target: float) -> dict:
    """Seconds of the shortest training whose policy is as good on the bank as ``target``, cold and compiled."""
    from bench.run import risks

    objective = dh.objectives.CVaR(level=1 - TAIL) if risk == "es" else dh.objectives.Entropic(10.0)
    spots, tried = np.load(bank), {}
    for updates in (5, 10, 15, 20, 30, 40, 50, 60, 80, 120, 200):
        start = time.perf_counter()
        fit = train("band", objective, updates=updates, paths=1024, seed=seed, rate=1e-2, depth=2)
        cold = time.perf_counter() - start
        tried[updates] = risks(positions(fit.policy, spots), spots)[risk]
        if tried[updates] <= target:
            break
    if len(tried) > 1:  # only the first training of a process compiles: measure the cold time in a fresh process
        return {"updates": updates, "risk": tried[updates], "tried": tried}
    start = time.perf_counter()
    train("band", objective, updates=updates, paths=1024, seed=seed, rate=1e-2, depth=2)
    return {"updates": updates, "risk": tried[updates], "tried": tried, "cold": cold,
            "seconds": time.perf_counter() - start}  # fmt: skip


def timed(risk: str, updates: int, seed: int) -> dict:
    """Seconds of one training in a fresh process, and of the same one again."""
    objective = dh.objectives.CVaR(level=1 - TAIL) if risk == "es" else dh.objectives.Entropic(10.0)
    seconds = []
    for _ in range(3):
        start = time.perf_counter()
        train("band", objective, updates=updates, paths=1024, seed=seed, rate=1e-2, depth=2)
        seconds.append(time.perf_counter() - start)
    return {"cold": seconds[0], "compiled": min(seconds[1:])}


def final(bank: str, seed: int) -> dict:
    """The risk after training on: as many paths as the peer's example sees."""
    from bench.run import risks

    key, objective = jax.random.key(seed), dh.objectives.CVaR(level=1 - TAIL)
    updates = UPDATES * PATHS // 4096
    optimiser = optax.adam(optax.cosine_decay_schedule(5e-3, updates))
    fit = dh.fit(
        problem(), market(), policy("band", key, depth=2), objective, optimiser, updates=updates, paths=4096,
        key=key, checks=False,
    )  # fmt: skip
    spots = np.load(bank)
    return risks(positions(fit.policy, spots), spots)


def memory(paths: int) -> dict:
    train("mlp", dh.objectives.Entropic(1.0), updates=2, paths=256)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    train("mlp", dh.objectives.Entropic(1.0), updates=3, paths=paths)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"start_mb": before / 1024, "peak_mb": after / 1024}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    answers = {
        "speed": lambda kind, paths, repeats: speed(kind, int(paths), int(repeats)),
        "quality": lambda risk, bank, seed, target: quality(risk, bank, int(seed), float(target)),
        "timed": lambda risk, updates, seed: timed(risk, int(updates), int(seed)),
        "final": lambda bank, seed: final(bank, int(seed)),
        "memory": lambda paths: memory(int(paths)),
    }
    print(json.dumps(answers[what](*rest)))
