"""Deep hedging: learn which hedge to hold, under costs and limits, so that a convex risk is as small as possible.

Importing the package alone is cheap: each public name brings its module, and JAX with it, when it is first used.
"""

import os
import sys
from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deephedge import features, frictions, instruments, markets, objectives, policies
    from deephedge.core.grid import TimeGrid
    from deephedge.core.paths import MarketPath
    from deephedge.core.schedule import Schedule
    from deephedge.hedging import Desk, HedgingProblem, Ledger, Snapshot, decide, evaluate, rollout, snapshots, start
    from deephedge.markets.base import sample
    from deephedge.training import Fit, Progress, fit, fit_seeds, simulate_wealth, simulate_weighted

__version__ = "0.1.0"

__all__ = [
    "Desk", "Fit", "HedgingProblem", "Ledger", "MarketPath", "Progress", "Schedule", "Snapshot", "TimeGrid",
    "decide", "evaluate", "features", "fit", "fit_seeds", "frictions", "instruments", "markets", "objectives",
    "policies", "rollout", "sample", "simulate_wealth", "simulate_weighted", "snapshots", "start",
]  # fmt: skip

_HOME = {
    "deephedge.core.grid": ("TimeGrid",),
    "deephedge.core.paths": ("MarketPath",),
    "deephedge.core.schedule": ("Schedule",),
    "deephedge.hedging": (
        "Desk", "HedgingProblem", "Ledger", "Snapshot", "decide", "evaluate", "rollout", "snapshots", "start",
    ),
    "deephedge.markets.base": ("sample",),
    "deephedge.training": ("Fit", "Progress", "fit", "fit_seeds", "simulate_wealth", "simulate_weighted"),
}  # fmt: skip
_MODULE = {name: module for module, names in _HOME.items() for name in names}


def _one_device_per_core() -> None:
    """Say how many devices JAX shall make before it wakes up; without importing it, if nobody has."""
    if "jax" in sys.modules:
        from deephedge.core.parallel import use_all_cores

        use_all_cores()
    elif "JAX_NUM_CPU_DEVICES" not in os.environ and "xla_force_host" not in os.environ.get("XLA_FLAGS", ""):
        cores = os.environ.get("DEEPHEDGE_DEVICES") or str(len(os.sched_getaffinity(0)))
        os.environ["JAX_NUM_CPU_DEVICES"] = cores


def __getattr__(name: str) -> Any:
    if name not in __all__:
        raise AttributeError(f"module 'deephedge' has no attribute {name!r}")
    value = getattr(import_module(_MODULE[name]), name) if name in _MODULE else import_module(f"deephedge.{name}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})


_one_device_per_core()
