"""Learning a policy."""

from deephedge.training.fit import Fit, Progress, fit, fit_seeds
from deephedge.training.pathwise import simulate_wealth, simulate_weighted
from deephedge.training.tilt import Tilt, learn_tilt, minimal_entropy_tilt

__all__ = [
    "Fit",
    "Progress",
    "Tilt",
    "fit",
    "fit_seeds",
    "learn_tilt",
    "minimal_entropy_tilt",
    "simulate_wealth",
    "simulate_weighted",
]
