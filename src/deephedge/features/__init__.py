"""What the desk sees: named, adapted columns."""

from deephedge.features.base import AbstractFeature
from deephedge.features.buckets import Buckets, Positions
from deephedge.features.directions import Directions
from deephedge.features.greeks import Delta, Gamma, Vega
from deephedge.features.log import Log
from deephedge.features.matched import Matched
from deephedge.features.quote import LogMoneyness, Price, Quote, TimeLeft
from deephedge.features.rolling import LogReturn, RealisedVol, RollingZScore, RunningMax, Window
from deephedge.features.scale import Standardised
from deephedge.features.stack import Stack
from deephedge.features.state import State
from deephedge.features.table import Table

__all__ = [
    "AbstractFeature",
    "Buckets",
    "Delta",
    "Directions",
    "Gamma",
    "Log",
    "LogMoneyness",
    "LogReturn",
    "Matched",
    "Positions",
    "Price",
    "Quote",
    "RealisedVol",
    "RollingZScore",
    "RunningMax",
    "Stack",
    "Standardised",
    "State",
    "Table",
    "TimeLeft",
    "Vega",
    "Window",
]
