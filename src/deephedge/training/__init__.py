"""Learning a policy."""

from deephedge.training.fit import Fit, fit
from deephedge.training.pathwise import simulate_wealth

__all__ = ["Fit", "fit", "simulate_wealth"]
