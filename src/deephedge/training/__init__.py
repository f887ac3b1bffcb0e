"""Learning a policy."""

from deephedge.training.fit import Fit, Progress, fit, fit_seeds
from deephedge.training.pathwise import simulate_wealth

__all__ = ["Fit", "Progress", "fit", "fit_seeds", "simulate_wealth"]
