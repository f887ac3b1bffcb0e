"""Learning a policy, or a market."""

from deephedge.training.fit import Fit, Progress, fit, fit_seeds
from deephedge.training.generator import Discrepancy, GeneratorFit, discrepancy, fit_generator
from deephedge.training.marginal import MarginalPrice, marginal_prices
from deephedge.training.pathwise import simulate_wealth, simulate_weighted
from deephedge.training.tilt import Tilt, learn_tilt, minimal_entropy_tilt

__all__ = [
    "Discrepancy",
    "Fit",
    "GeneratorFit",
    "MarginalPrice",
    "Progress",
    "Tilt",
    "discrepancy",
    "fit",
    "fit_generator",
    "fit_seeds",
    "learn_tilt",
    "marginal_prices",
    "minimal_entropy_tilt",
    "simulate_wealth",
    "simulate_weighted",
]
