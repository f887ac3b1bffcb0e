"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.heston import Heston
from deephedge.markets.replay import Replay, windows
from deephedge.markets.rough import RoughBergomi
from deephedge.markets.sabr import Sabr
from deephedge.markets.validate import Agreement, agreement

__all__ = [
    "AbstractMarket",
    "Agreement",
    "BlackScholes",
    "BlockBootstrap",
    "FilteredHistorical",
    "Gjr",
    "Heston",
    "Replay",
    "RoughBergomi",
    "Sabr",
    "VolLink",
    "agreement",
    "sample",
    "windows",
]
