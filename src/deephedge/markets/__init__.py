"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bates import Bates
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.cir import CoxIngersollRoss
from deephedge.markets.commodity import Schwartz, SchwartzSmith
from deephedge.markets.dividends import Dividends
from deephedge.markets.fx import GarmanKohlhagen
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.gjr import GjrGarch
from deephedge.markets.heston import Heston
from deephedge.markets.heston_nandi import HestonNandi
from deephedge.markets.jumps import Kou, Merton
from deephedge.markets.lifted import LiftedRoughHeston
from deephedge.markets.rates import HullWhite, Vasicek
from deephedge.markets.regimes import RegimeSwitching
from deephedge.markets.replay import Replay, windows
from deephedge.markets.rough import RoughBergomi
from deephedge.markets.sabr import Sabr
from deephedge.markets.scenarios import SCENARIOS, Scenario, historical
from deephedge.markets.seasonality import Seasonality
from deephedge.markets.stress import Shock, Stressed
from deephedge.markets.validate import Agreement, agreement

__all__ = [
    "SCENARIOS",
    "AbstractMarket",
    "Agreement",
    "Bates",
    "BlackScholes",
    "BlockBootstrap",
    "CoxIngersollRoss",
    "Dividends",
    "FilteredHistorical",
    "GarmanKohlhagen",
    "Gjr",
    "GjrGarch",
    "Heston",
    "HestonNandi",
    "HullWhite",
    "Kou",
    "LiftedRoughHeston",
    "Merton",
    "RegimeSwitching",
    "Replay",
    "RoughBergomi",
    "Sabr",
    "Scenario",
    "Schwartz",
    "SchwartzSmith",
    "Seasonality",
    "Shock",
    "Stressed",
    "Vasicek",
    "VolLink",
    "agreement",
    "historical",
    "sample",
    "windows",
]
