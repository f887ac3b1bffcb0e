"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.cir import CoxIngersollRoss
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.heston import Heston
from deephedge.markets.rates import HullWhite, Vasicek
from deephedge.markets.replay import Replay, windows
from deephedge.markets.validate import Agreement, agreement

__all__ = [
    "AbstractMarket",
    "Agreement",
    "BlackScholes",
    "BlockBootstrap",
    "CoxIngersollRoss",
    "FilteredHistorical",
    "Gjr",
    "Heston",
    "HullWhite",
    "Replay",
    "Vasicek",
    "VolLink",
    "agreement",
    "sample",
    "windows",
]
