"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bates import Bates
from deephedge.markets.black_karasinski import BlackKarasinski
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.cir import CoxIngersollRoss
from deephedge.markets.clock import BusinessTime
from deephedge.markets.commodity import Schwartz, SchwartzSmith
from deephedge.markets.correlate import RepairWarning
from deephedge.markets.credit import CirIntensity
from deephedge.markets.dividends import Dividends
from deephedge.markets.fx import GarmanKohlhagen
from deephedge.markets.g2 import HullWhiteTwoFactor
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.generative import AbstractGenerator, NeuralSde, SignatureFeatures, WindowGenerator, learnable
from deephedge.markets.gjr import GjrGarch
from deephedge.markets.heston import Heston
from deephedge.markets.heston_nandi import HestonNandi
from deephedge.markets.importance import ImportanceSampled
from deephedge.markets.joint import Joint
from deephedge.markets.jump_to_default import JumpToDefault
from deephedge.markets.jumps import Kou, Merton
from deephedge.markets.lifted import LiftedRoughHeston
from deephedge.markets.local import LocalVolatility
from deephedge.markets.lognormal_hazard import LognormalHazard
from deephedge.markets.rates import HullWhite, Vasicek
from deephedge.markets.rating import RatingMigration
from deephedge.markets.regimes import RegimeSwitching
from deephedge.markets.replay import Replay, windows
from deephedge.markets.rough import RoughBergomi
from deephedge.markets.sabr import Sabr
from deephedge.markets.scenarios import SCENARIOS, Scenario, historical
from deephedge.markets.seasonality import Seasonality
from deephedge.markets.slv import StochasticLocalVolatility, calibrate_leverage
from deephedge.markets.stress import Shock, Stressed
from deephedge.markets.surface import MovingSurface, SurfaceDynamics
from deephedge.markets.surface_fit import FittedSurface, fit_surface_dynamics
from deephedge.markets.swap_rate import SwapRate
from deephedge.markets.tilt import AbstractDensity, CashDensity, Tilted, discounted_returns
from deephedge.markets.validate import Agreement, agreement

__all__ = [
    "SCENARIOS",
    "AbstractDensity",
    "AbstractGenerator",
    "AbstractMarket",
    "Agreement",
    "Bates",
    "BlackKarasinski",
    "BlackScholes",
    "BlockBootstrap",
    "BusinessTime",
    "CashDensity",
    "CirIntensity",
    "CoxIngersollRoss",
    "Dividends",
    "FilteredHistorical",
    "FittedSurface",
    "GarmanKohlhagen",
    "Gjr",
    "GjrGarch",
    "Heston",
    "HestonNandi",
    "HullWhite",
    "HullWhiteTwoFactor",
    "ImportanceSampled",
    "Joint",
    "JumpToDefault",
    "Kou",
    "LiftedRoughHeston",
    "LocalVolatility",
    "LognormalHazard",
    "Merton",
    "MovingSurface",
    "NeuralSde",
    "RatingMigration",
    "RegimeSwitching",
    "RepairWarning",
    "Replay",
    "RoughBergomi",
    "Sabr",
    "Scenario",
    "Schwartz",
    "SchwartzSmith",
    "Seasonality",
    "Shock",
    "SignatureFeatures",
    "StochasticLocalVolatility",
    "Stressed",
    "SurfaceDynamics",
    "SwapRate",
    "Tilted",
    "Vasicek",
    "VolLink",
    "WindowGenerator",
    "agreement",
    "calibrate_leverage",
    "discounted_returns",
    "fit_surface_dynamics",
    "historical",
    "learnable",
    "sample",
    "windows",
]
