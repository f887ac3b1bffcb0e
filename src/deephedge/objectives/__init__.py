"""How terminal wealth is judged: convex risk measures, smaller is better."""

from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective
from deephedge.objectives.moments import MeanStd, QuadraticCVaR
from deephedge.objectives.oce import CVaR, Entropic, Expectation, MeanVariance, Power
from deephedge.objectives.pricing import indifference_price, standard_error
from deephedge.objectives.quadratic import QuadraticError, SemiQuadraticError
from deephedge.objectives.spectral import Spectral

__all__ = [
    "AbstractObjective", "AbstractPathwiseObjective", "CVaR", "Entropic", "Expectation", "MeanStd", "MeanVariance",
    "Power", "QuadraticCVaR", "QuadraticError", "SemiQuadraticError", "Spectral", "indifference_price",
    "standard_error",
]  # fmt: skip
