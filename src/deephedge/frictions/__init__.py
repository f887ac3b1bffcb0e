"""What trading costs and what it may not do."""

from deephedge.frictions.base import AbstractConstraint, AbstractCost
from deephedge.frictions.constraints import Box, Lots
from deephedge.frictions.costs import Costs, FixedCost, HalfSpread, ProportionalCost, QuadraticCost

__all__ = [
    "AbstractConstraint",
    "AbstractCost",
    "Box",
    "Costs",
    "FixedCost",
    "HalfSpread",
    "Lots",
    "ProportionalCost",
    "QuadraticCost",
]
