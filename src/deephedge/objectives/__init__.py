"""How terminal wealth is judged: convex risk measures, smaller is better."""

from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective
from deephedge.objectives.oce import CVaR, Entropic

__all__ = ["AbstractObjective", "AbstractPathwiseObjective", "CVaR", "Entropic"]
