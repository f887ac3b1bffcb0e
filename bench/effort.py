"""What every bar shares: how long to train and test, the optimiser, and the entropic price with its error."""

import time
from pathlib import Path

import jax
import numpy as np
import optax

import deephedge as dh

NAMES = ("log_moneyness", "time_left", "vol")
ROOT = Path(__file__).parents[1]


class Effort:
    """How long to train and test: full, or a few steps; on all seeds, or ``only`` one."""

    def __init__(self, quick: bool, only: int | None = None):
        self.quick, self.only = quick, only

    def updates(self, full: int) -> int:
        return 3 if self.quick else full

    def paths(self, full: int) -> int:
        return min(full, 256) if self.quick else full

    def some(self, cases: dict) -> list[tuple]:
        """All cases, or the last one."""
        return list(cases.items())[-1:] if self.quick else list(cases.items())

    def seeds(self, full: int) -> range:
        if self.only is not None:
            return range(self.only, self.only + 1)
        return range(1 if self.quick else full)


def adam(rate: float, updates: int, warm: int = 0) -> optax.GradientTransformation:
    """Adam whose rate rises over ``warm`` updates and then falls to a hundredth along a cosine."""
    if warm:
        schedule = optax.warmup_cosine_decay_schedule(rate / 100, rate, min(warm, updates - 1), updates, rate / 100)
    else:
        schedule = optax.cosine_decay_schedule(rate, updates, 0.01)
    return optax.chain(optax.clip_by_global_norm(10.0), optax.adam(schedule))


def train(effort, problem, market, policy, risk, seed, updates, paths, rate=3e-3, warm=0) -> tuple[dh.Fit, float]:
    start, updates = time.perf_counter(), effort.updates(updates)
    fit = dh.fit(problem, market, policy, risk, adam(rate, updates, warm), updates=updates, paths=effort.paths(paths),
                 key=jax.random.key(seed), checks=False)  # fmt: skip
    return fit, time.perf_counter() - start


def entropic_price(wealth: np.ndarray, risk_aversion: float) -> tuple[float, float]:
    """Entropic risk and its standard error (delta method)."""
    scaled = np.exp(-risk_aversion * np.asarray(wealth, float))
    return float(np.log(scaled.mean()) / risk_aversion), float(
        scaled.std() / scaled.mean() / np.sqrt(scaled.size) / risk_aversion
    )
