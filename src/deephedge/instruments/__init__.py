"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.american import American
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.basket import Basket, BestOf, Exchange, SpreadOption, WorstOf
from deephedge.instruments.bond import FixedBond, FloatingRateNote, ZeroBond
from deephedge.instruments.book import Book, Nothing, Premium, long, short, sold
from deephedge.instruments.cap import Cap
from deephedge.instruments.curve import AbstractCurve, FlatCurve, ModelCurve, QuotedCurve
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
from deephedge.instruments.heston import HestonCall
from deephedge.instruments.listed import ListedOption
from deephedge.instruments.swap import Swap, at_par
from deephedge.instruments.swaption import AgainstWaiting, BermudanSwaption, Swaption, at_critical_rates
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractContract",
    "AbstractCurve",
    "AbstractExercise",
    "AbstractRight",
    "AbstractTradable",
    "AgainstWaiting",
    "American",
    "Basket",
    "BermudanSwaption",
    "BestOf",
    "Book",
    "Boundary",
    "Cap",
    "CriticalPrices",
    "Digital",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "FixedBond",
    "FlatCurve",
    "FloatingRateNote",
    "Forward",
    "HestonCall",
    "ListedOption",
    "ModelCurve",
    "Never",
    "Nothing",
    "Premium",
    "QuotedCurve",
    "QuotedVarianceSwap",
    "Regression",
    "Spot",
    "SpreadOption",
    "Swap",
    "Swaption",
    "VarianceSwap",
    "WorstOf",
    "ZeroBond",
    "at_critical_rates",
    "at_par",
    "fit_exercise",
    "long",
    "short",
    "sold",
    "worst_case",
]
