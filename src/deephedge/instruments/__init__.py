"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.american import American
from deephedge.instruments.asian import Asian
from deephedge.instruments.autocallable import Autocallable
from deephedge.instruments.barrier import AbstractBarrier, Barrier, DoubleBarrier
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.basket import Basket, BestOf, Exchange, SpreadOption, WorstOf
from deephedge.instruments.bermudan import AbstractBermudan, AgainstWaiting, at_critical_rates
from deephedge.instruments.bond import FixedBond, FloatingRateNote, ZeroBond
from deephedge.instruments.bond_future import BondFuture, conversion_factor
from deephedge.instruments.book import Book, Nothing, Premium, long, short, sold
from deephedge.instruments.callable import BermudanBondOption, CallableBond
from deephedge.instruments.cap import Cap
from deephedge.instruments.cliquet import Cliquet, ForwardStart
from deephedge.instruments.convertible import ConvertibleBond
from deephedge.instruments.credit import AbstractCredit, Cds, RiskyBond, SurvivalLaw
from deephedge.instruments.credit_index import CdsIndex, CdsIndexOption
from deephedge.instruments.curve import AbstractCurve, FlatCurve, ModelCurve, QuotedCurve
from deephedge.instruments.dated_option import Bermudan
from deephedge.instruments.equity import Digital, EuropeanCall, EuropeanPut, Forward, Spot
from deephedge.instruments.exercise import (
    AbstractExercise,
    AbstractRight,
    Boundary,
    CriticalPrices,
    Never,
    Regression,
    fit_exercise,
    worst_case,
)
from deephedge.instruments.futures import Future, FuturesStrip, calendar_spread, crack_spread
from deephedge.instruments.fx import FxForward, FxOption, FxSwap, NonDeliverableForward
from deephedge.instruments.heston import HestonCall
from deephedge.instruments.lifecycle import ClientFlow, Defaulting, Ending, Starting
from deephedge.instruments.listed import ListedOption
from deephedge.instruments.lookback import Lookback
from deephedge.instruments.periods import Periods
from deephedge.instruments.quanto import QuantoForward, QuantoOption
from deephedge.instruments.quoted import Listed, sold_at_bid
from deephedge.instruments.rolled_future import RolledFuture
from deephedge.instruments.rolling import RollingOption
from deephedge.instruments.settling import Settling
from deephedge.instruments.swap import Swap, at_par
from deephedge.instruments.swaption import BermudanSwaption, Swaption
from deephedge.instruments.swing import (
    AbstractSwingRule,
    Swing,
    SwingRegression,
    SwingThresholds,
    WhenItPays,
    fit_swing,
    worst_swing,
)
from deephedge.instruments.touch import DoubleNoTouch, NoTouch, Touch
from deephedge.instruments.variance import CorridorVarianceSwap, DatedVarianceSwap, HestonMark, VolatilitySwap
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractBarrier",
    "AbstractBermudan",
    "AbstractContract",
    "AbstractCredit",
    "AbstractCurve",
    "AbstractExercise",
    "AbstractRight",
    "AbstractSwingRule",
    "AbstractTradable",
    "AgainstWaiting",
    "American",
    "Asian",
    "Autocallable",
    "Barrier",
    "Basket",
    "Bermudan",
    "BermudanBondOption",
    "BermudanSwaption",
    "BestOf",
    "BondFuture",
    "Book",
    "Boundary",
    "CallableBond",
    "Cap",
    "Cds",
    "CdsIndex",
    "CdsIndexOption",
    "ClientFlow",
    "Cliquet",
    "ConvertibleBond",
    "CorridorVarianceSwap",
    "CriticalPrices",
    "DatedVarianceSwap",
    "Defaulting",
    "Digital",
    "DoubleBarrier",
    "DoubleNoTouch",
    "Ending",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "FixedBond",
    "FlatCurve",
    "FloatingRateNote",
    "Forward",
    "ForwardStart",
    "Future",
    "FuturesStrip",
    "FxForward",
    "FxOption",
    "FxSwap",
    "HestonCall",
    "HestonMark",
    "Listed",
    "ListedOption",
    "Lookback",
    "ModelCurve",
    "Never",
    "NoTouch",
    "NonDeliverableForward",
    "Nothing",
    "Periods",
    "Premium",
    "QuantoForward",
    "QuantoOption",
    "QuotedCurve",
    "QuotedVarianceSwap",
    "Regression",
    "RiskyBond",
    "RolledFuture",
    "RollingOption",
    "Settling",
    "Spot",
    "SpreadOption",
    "Starting",
    "SurvivalLaw",
    "Swap",
    "Swaption",
    "Swing",
    "SwingRegression",
    "SwingThresholds",
    "Touch",
    "VarianceSwap",
    "VolatilitySwap",
    "WhenItPays",
    "WorstOf",
    "ZeroBond",
    "at_critical_rates",
    "at_par",
    "calendar_spread",
    "conversion_factor",
    "crack_spread",
    "fit_exercise",
    "fit_swing",
    "long",
    "short",
    "sold",
    "sold_at_bid",
    "worst_case",
    "worst_swing",
]
