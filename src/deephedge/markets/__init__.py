"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bates import Bates
from deephedge.markets.black_karasinski import BlackKarasinski
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.cir import CoxIngersollRoss
from deephedge.markets.commodity import Schwartz, SchwartzSmith
from deephedge.markets.fx import GarmanKohlhagen
from deephedge.markets.g2 import HullWhiteTwoFactor
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.heston import Heston
from deephedge.markets.jumps import Kou, Merton
from deephedge.markets.rates import HullWhite, Vasicek
from deephedge.markets.replay import Replay, windows
from deephedge.markets.rough import RoughBergomi
from deephedge.markets.sabr import Sabr
from deephedge.markets.scenarios import SCENARIOS, Scenario, historical
from deephedge.markets.seasonality import Seasonality
from deephedge.markets.stress import Shock, Stressed
from deephedge.markets.swap_rate import SwapRate
from deephedge.markets.validate import Agreement, agreement

__all__ = [
    "SCENARIOS",
    "AbstractMarket",
    "Agreement",
    "Bates",
    "BlackKarasinski",
    "BlackScholes",
    "BlockBootstrap",
    "CoxIngersollRoss",
    "FilteredHistorical",
    "GarmanKohlhagen",
    "Gjr",
    "Heston",
    "HullWhite",
    "HullWhiteTwoFactor",
    "Kou",
    "Merton",
    "Replay",
    "RoughBergomi",
    "Sabr",
    "Scenario",
    "Schwartz",
    "SchwartzSmith",
    "Seasonality",
    "Shock",
    "Stressed",
    "SwapRate",
    "Vasicek",
    "VolLink",
    "agreement",
    "historical",
    "sample",
    "windows",
]
