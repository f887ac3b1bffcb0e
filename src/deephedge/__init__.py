"""Deep hedging: learn which hedge to hold, under costs and limits, so that a convex risk is as small as possible."""

from deephedge.core.parallel import use_all_cores

use_all_cores()

from deephedge import features, frictions, instruments, markets, objectives, policies  # noqa: E402
from deephedge.core.grid import TimeGrid  # noqa: E402
from deephedge.core.paths import MarketPath  # noqa: E402
from deephedge.hedging import Desk, HedgingProblem, Ledger, Snapshot, decide, evaluate, rollout, snapshots, start  # noqa: E402
from deephedge.markets.base import sample  # noqa: E402
from deephedge.training import Fit, Progress, fit, fit_seeds, simulate_wealth  # noqa: E402

__version__ = "0.1.0"

__all__ = [
    "Desk", "Fit", "HedgingProblem", "Ledger", "MarketPath", "Progress", "Snapshot", "TimeGrid", "decide", "evaluate", "features",
    "fit", "fit_seeds", "frictions", "instruments", "markets", "objectives", "policies", "rollout", "sample", "simulate_wealth",
    "snapshots", "start",
]  # fmt: skip
