"""What trading costs and what it may not do."""

from deephedge.frictions.base import AbstractConstraint, AbstractCost
from deephedge.frictions.constraints import Box
from deephedge.frictions.costs import ProportionalCost

__all__ = ["AbstractConstraint", "AbstractCost", "Box", "ProportionalCost"]
