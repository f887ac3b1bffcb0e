"""The quality of records: what is wrong with them, whether they are accepted, and repairs that are told and undone."""

from deephedge.data.quality.adjusted import Adjusted
from deephedge.data.quality.arbitrage import Arbitrage, Simultaneity
from deephedge.data.quality.base import AbstractCheck, Finding
from deephedge.data.quality.clock import Clock, raw_times
from deephedge.data.quality.copies import Copies, Stale, Untraded
from deephedge.data.quality.duplicates import Duplicates
from deephedge.data.quality.gaps import Gaps
from deephedge.data.quality.lag import ReleaseLag
from deephedge.data.quality.outliers import Outliers, Splits
from deephedge.data.quality.quotes import Bars, Quotes, Signs
from deephedge.data.quality.repairs import (
    AbstractRepair,
    Adjust,
    Drop,
    Fill,
    Once,
    Undo,
    Winsorise,
    apply,
    from_dict,
)
from deephedge.data.quality.report import ALL, Report, Tolerance, checked, require_accepted, text
from deephedge.data.quality.rolls import Rolls
from deephedge.data.quality.settlement import Settlement
from deephedge.data.quality.units import OptionUnits, Units
from deephedge.data.quality.volatility import JunkVol, OtherVol
from deephedge.data.quality.where import Where

__all__ = [
    "ALL",
    "AbstractCheck",
    "AbstractRepair",
    "Adjust",
    "Adjusted",
    "Arbitrage",
    "Bars",
    "Clock",
    "Copies",
    "Drop",
    "Duplicates",
    "Fill",
    "Finding",
    "Gaps",
    "JunkVol",
    "Once",
    "OptionUnits",
    "OtherVol",
    "Outliers",
    "Quotes",
    "ReleaseLag",
    "Report",
    "Rolls",
    "Settlement",
    "Signs",
    "Simultaneity",
    "Splits",
    "Stale",
    "Tolerance",
    "Undo",
    "Units",
    "Untraded",
    "Where",
    "Winsorise",
    "apply",
    "checked",
    "from_dict",
    "raw_times",
    "require_accepted",
    "text",
]
