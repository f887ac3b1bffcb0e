"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.american import American
from deephedge.instruments.autocallable import Autocallable
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.basket import Basket, BestOf, Exchange, SpreadOption, WorstOf
from deephedge.instruments.book import Book, Nothing, Premium, long, short, sold
from deephedge.instruments.cliquet import Cliquet, ForwardStart
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
from deephedge.instruments.quanto import QuantoForward, QuantoOption
from deephedge.instruments.variance import CorridorVarianceSwap, DatedVarianceSwap, HestonMark, VolatilitySwap
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractContract",
    "AbstractExercise",
    "AbstractRight",
    "AbstractTradable",
    "American",
    "Autocallable",
    "Basket",
    "BestOf",
    "Book",
    "Boundary",
    "Cliquet",
    "CorridorVarianceSwap",
    "CriticalPrices",
    "DatedVarianceSwap",
    "Digital",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "Forward",
    "ForwardStart",
    "HestonCall",
    "HestonMark",
    "ListedOption",
    "Never",
    "Nothing",
    "Premium",
    "QuantoForward",
    "QuantoOption",
    "QuotedVarianceSwap",
    "Regression",
    "Spot",
    "SpreadOption",
    "VarianceSwap",
    "VolatilitySwap",
    "WorstOf",
    "fit_exercise",
    "long",
    "short",
    "sold",
    "worst_case",
]
