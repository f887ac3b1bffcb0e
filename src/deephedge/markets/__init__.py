"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bates import Bates
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.heston import Heston
from deephedge.markets.jumps import Kou, Merton
from deephedge.markets.replay import Replay, windows
from deephedge.markets.validate import Agreement, agreement

__all__ = [
    "AbstractMarket",
    "Agreement",
    "Bates",
    "BlackScholes",
    "BlockBootstrap",
    "FilteredHistorical",
    "Gjr",
    "Heston",
    "Kou",
    "Merton",
    "Replay",
    "VolLink",
    "agreement",
    "sample",
    "windows",
]
