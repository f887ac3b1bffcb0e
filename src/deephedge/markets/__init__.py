"""Laws on paths."""

from deephedge.markets.arrivals import ClientArrivals
from deephedge.markets.bachelier import Bachelier, NormalOrnsteinUhlenbeck
from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.bates import Bates
from deephedge.markets.black_karasinski import BlackKarasinski
from deephedge.markets.bootstrap import BlockBootstrap
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.cir import CoxIngersollRoss
from deephedge.markets.clock import BusinessTime
from deephedge.markets.commodity import Schwartz, SchwartzSmith
from deephedge.markets.copula import CopulaResiduals, margin_chances
from deephedge.markets.copula_fit import FittedCopula, fit_copula
from deephedge.markets.correlate import RepairWarning
from deephedge.markets.credit import CirIntensity
from deephedge.markets.curve_factors import CurveFactors
from deephedge.markets.curve_fit import FittedCurve, fit_curve_factors
from deephedge.markets.dcc import Dcc
from deephedge.markets.dcc_fit import FittedDcc, fit_dcc
from deephedge.markets.dividends import Dividends
from deephedge.markets.drawn import Drawn
from deephedge.markets.facts import FACTS, Fact
from deephedge.markets.fx import GarmanKohlhagen
from deephedge.markets.fx_heston import HestonFx
from deephedge.markets.g2 import HullWhiteTwoFactor
from deephedge.markets.garch import FilteredHistorical, Gjr, VolLink
from deephedge.markets.generative import AbstractGenerator, NeuralSde, SignatureFeatures, WindowGenerator, learnable
from deephedge.markets.gjr import GjrGarch
from deephedge.markets.heston import Heston
from deephedge.markets.heston_nandi import HestonNandi
from deephedge.markets.importance import ImportanceSampled
from deephedge.markets.joint import Joint
from deephedge.markets.jump_sizes import DoubleExponentialJumps, NormalJumps
from deephedge.markets.jump_to_default import JumpToDefault
from deephedge.markets.jumps import Kou, Merton
from deephedge.markets.lifted import LiftedRoughHeston
from deephedge.markets.local import LocalVolatility
from deephedge.markets.lognormal_hazard import LognormalHazard
from deephedge.markets.mixture import Mixture
from deephedge.markets.nelson_siegel import NelsonSiegel
from deephedge.markets.panel import FilteredHistoricalPanel
from deephedge.markets.panel_fit import fit_panel
from deephedge.markets.power import MeanRevertingJumps
from deephedge.markets.ranking import Ranking, compare_markets
from deephedge.markets.rates import HullWhite, Vasicek
from deephedge.markets.rating import RatingMigration
from deephedge.markets.rating_fit import FittedRatings, fit_ratings
from deephedge.markets.regime_bootstrap import RegimeBootstrap
from deephedge.markets.regime_labels import label_by_chain, label_by_quantile, transition_matrix
from deephedge.markets.regimes import RegimeSwitching
from deephedge.markets.replay import Replay
from deephedge.markets.residuals import AbstractResiduals, HistoricalResiduals
from deephedge.markets.rough import RoughBergomi
from deephedge.markets.sabr import Sabr
from deephedge.markets.scenarios import SCENARIOS, Scenario, historical, load_scenario
from deephedge.markets.scorecard import Scorecard
from deephedge.markets.seasonality import Seasonality
from deephedge.markets.slv import StochasticLocalVolatility, calibrate_leverage
from deephedge.markets.spread import AbstractSpread, Empirical, LogitNormal, LogNormal, Normal, Uniform
from deephedge.markets.stress import Shock, Stressed
from deephedge.markets.surface import MovingSurface, SurfaceDynamics
from deephedge.markets.surface_fit import FittedSurface, fit_surface_dynamics
from deephedge.markets.swap_rate import SwapRate
from deephedge.markets.tilt import AbstractDensity, CashDensity, GainsDensity, Tilted, discounted_returns
from deephedge.markets.uncertain import UncertainParameters
from deephedge.markets.validate import Agreement, agreement, validate

__all__ = [
    "FACTS",
    "SCENARIOS",
    "AbstractDensity",
    "AbstractGenerator",
    "AbstractMarket",
    "AbstractResiduals",
    "AbstractSpread",
    "Agreement",
    "Bachelier",
    "Bates",
    "BlackKarasinski",
    "BlackScholes",
    "BlockBootstrap",
    "BusinessTime",
    "CashDensity",
    "CirIntensity",
    "ClientArrivals",
    "CopulaResiduals",
    "CoxIngersollRoss",
    "CurveFactors",
    "Dcc",
    "Dividends",
    "DoubleExponentialJumps",
    "Drawn",
    "Empirical",
    "Fact",
    "FilteredHistorical",
    "FilteredHistoricalPanel",
    "FittedCopula",
    "FittedCurve",
    "FittedDcc",
    "FittedRatings",
    "FittedSurface",
    "GainsDensity",
    "GarmanKohlhagen",
    "Gjr",
    "GjrGarch",
    "Heston",
    "HestonFx",
    "HestonNandi",
    "HistoricalResiduals",
    "HullWhite",
    "HullWhiteTwoFactor",
    "ImportanceSampled",
    "Joint",
    "JumpToDefault",
    "Kou",
    "LiftedRoughHeston",
    "LocalVolatility",
    "LogNormal",
    "LogitNormal",
    "LognormalHazard",
    "MeanRevertingJumps",
    "Merton",
    "Mixture",
    "MovingSurface",
    "NelsonSiegel",
    "NeuralSde",
    "Normal",
    "NormalJumps",
    "NormalOrnsteinUhlenbeck",
    "Ranking",
    "RatingMigration",
    "RegimeBootstrap",
    "RegimeSwitching",
    "RepairWarning",
    "Replay",
    "RoughBergomi",
    "Sabr",
    "Scenario",
    "Schwartz",
    "SchwartzSmith",
    "Scorecard",
    "Seasonality",
    "Shock",
    "SignatureFeatures",
    "StochasticLocalVolatility",
    "Stressed",
    "SurfaceDynamics",
    "SwapRate",
    "Tilted",
    "UncertainParameters",
    "Uniform",
    "Vasicek",
    "VolLink",
    "WindowGenerator",
    "agreement",
    "calibrate_leverage",
    "compare_markets",
    "discounted_returns",
    "fit_copula",
    "fit_curve_factors",
    "fit_dcc",
    "fit_panel",
    "fit_ratings",
    "fit_surface_dynamics",
    "historical",
    "label_by_chain",
    "label_by_quantile",
    "learnable",
    "load_scenario",
    "margin_chances",
    "sample",
    "transition_matrix",
    "validate",
]
