"""What trading and holding cost, how an order is dealt, and what may not be held."""

from deephedge.frictions.base import AbstractConstraint, AbstractCost
from deephedge.frictions.constraints import Box, Lots, MinimumTicket
from deephedge.frictions.costs import Costs, FixedCost, HalfSpread, MinimumFee, ProportionalCost, QuadraticCost
from deephedge.frictions.execution import Execution
from deephedge.frictions.exposures import (
    GreekLimit,
    GrossLimit,
    NetLimit,
    ScenarioLimit,
    TurnoverLimit,
    ValueAtRisk,
    cs01_limit,
    delta_limit,
    dv01_limit,
    gamma_limit,
    margin_limit,
    vega_limit,
)
from deephedge.frictions.funding import (
    AbstractCharge,
    BorrowFee,
    Charges,
    FundingSpread,
    InitialMargin,
    VariationMargin,
    Withholding,
)
from deephedge.frictions.impact import BookWalk, Impact
from deephedge.frictions.limits import AbstractLimit, Limits
from deephedge.frictions.spreads import HourlySpread, MoneynessSpread, QuotedSpread, TickSize, VolatilitySpread

__all__ = [
    "AbstractCharge",
    "AbstractConstraint",
    "AbstractCost",
    "AbstractLimit",
    "BookWalk",
    "BorrowFee",
    "Box",
    "Charges",
    "Costs",
    "Execution",
    "FixedCost",
    "FundingSpread",
    "GreekLimit",
    "GrossLimit",
    "HalfSpread",
    "HourlySpread",
    "Impact",
    "InitialMargin",
    "Limits",
    "Lots",
    "MinimumFee",
    "MinimumTicket",
    "MoneynessSpread",
    "NetLimit",
    "ProportionalCost",
    "QuadraticCost",
    "QuotedSpread",
    "ScenarioLimit",
    "TickSize",
    "TurnoverLimit",
    "ValueAtRisk",
    "VariationMargin",
    "VolatilitySpread",
    "Withholding",
    "cs01_limit",
    "delta_limit",
    "dv01_limit",
    "gamma_limit",
    "margin_limit",
    "vega_limit",
]
