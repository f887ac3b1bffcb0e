"""The peer's side of the benchmark. Runs in the peer's own environment and prints one JSON line.

``python peer_pfhedge.py speed mlp|band PATHS REPEATS`` or ``python peer_pfhedge.py quality es|rho BANK.npy SEED``
or ``python peer_pfhedge.py memory PATHS`` or ``python peer_pfhedge.py paths GENERATOR PATHS STEPS REPEATS``.
"""

import json
import resource
import sys
import time

import numpy as np
import torch
from pfhedge.instruments import BrownianStock, EuropeanOption
from pfhedge.nn import BlackScholes, Clamp, EntropicRiskMeasure, ExpectedShortfall, Hedger, MultiLayerPerceptron
from setting import COST, MATURITY, PATHS, RATE, TAIL, UPDATES, VOL


class Band(torch.nn.Module):
    """No-transaction band around the Black-Scholes delta, wired as the peer's documentation describes it."""

    def __init__(self, derivative):
        super().__init__()
        self.delta = BlackScholes(derivative)
        self.widths = MultiLayerPerceptron(out_features=2)
        self.clamp = Clamp()

    def inputs(self):
        return [*self.delta.inputs(), "prev_hedge"]

    def forward(self, features):
        held, seen = features[..., [-1]], features[..., :-1]
        centre, width = self.delta(seen), torch.nn.functional.leaky_relu(self.widths(seen))
        return self.clamp(held, centre - width[..., [0]], centre + width[..., [1]])


def hedger(kind, criterion):
    option = EuropeanOption(BrownianStock(sigma=VOL, cost=COST), maturity=MATURITY)
    model = Band(option) if kind == "band" else MultiLayerPerceptron()
    names = model.inputs() if kind == "band" else ["log_moneyness", "time_to_maturity", "volatility", "prev_hedge"]
    made = Hedger(model, names, criterion=criterion)
    option.simulate(n_paths=1)
    with torch.no_grad():
        made.compute_loss(option, n_paths=1)  # lets the lazy layers take their shape
    return made, option, torch.optim.Adam(made.model.parameters(), lr=RATE)


def update(made, option, optimiser, paths):
    optimiser.zero_grad()
    made.compute_loss(option, n_paths=paths).backward()
    optimiser.step()


def speed(kind, paths, repeats):
    made, option, optimiser = hedger(kind, EntropicRiskMeasure())
    update(made, option, optimiser, paths)
    seconds = []
    for _ in range(repeats):
        start = time.perf_counter()
        update(made, option, optimiser, paths)
        seconds.append(time.perf_counter() - start)
    return {"seconds": seconds}


def quality(risk, bank, seed):
    torch.manual_seed(seed)
    made, option, optimiser = hedger("band", ExpectedShortfall(TAIL) if risk == "es" else EntropicRiskMeasure())
    start = time.perf_counter()
    for _ in range(UPDATES):
        update(made, option, optimiser, PATHS)
    seconds = time.perf_counter() - start
    spot = torch.as_tensor(np.load(bank))
    positions = []
    with torch.no_grad():
        for part in spot.split(50_000):
            option.ul().register_buffer("spot", part)
            positions.append(made.compute_hedge(option)[:, 0, :-1].numpy())
    return {"seconds": seconds, "positions": np.concatenate(positions).astype(np.float32)}


def memory(paths):
    made, option, optimiser = hedger("mlp", EntropicRiskMeasure())
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    update(made, option, optimiser, paths)
    update(made, option, optimiser, paths)
    after = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"start_mb": before / 1024, "peak_mb": after / 1024}


def paths(name, count, steps, repeats):
    from pfhedge import stochastic

    make, took = getattr(stochastic, f"generate_{name}"), []
    for _ in range(repeats + 1):
        start = time.perf_counter()
        make(n_paths=count, n_steps=steps + 1, dt=1.0 / steps)
        took.append(time.perf_counter() - start)
    return {"seconds": took[1:]}


if __name__ == "__main__":
    what, *rest = sys.argv[1:]
    if what == "speed":
        answer = speed(rest[0], int(rest[1]), int(rest[2]))
    elif what == "quality":
        answer = quality(rest[0], rest[1], int(rest[2]))
        np.save(rest[3], answer.pop("positions"))
    elif what == "paths":
        answer = paths(rest[0], *map(int, rest[1:]))
    else:
        answer = memory(int(rest[0]))
    print(json.dumps(answer))
