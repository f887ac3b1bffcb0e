"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.american import American
from deephedge.instruments.asian import Asian
from deephedge.instruments.barrier import AbstractBarrier, Barrier, DoubleBarrier
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.basket import Basket, BestOf, Exchange, SpreadOption, WorstOf
from deephedge.instruments.book import Book, Nothing, Premium, long, short, sold
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
from deephedge.instruments.lookback import Lookback
from deephedge.instruments.touch import DoubleNoTouch, NoTouch, Touch
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractBarrier",
    "AbstractContract",
    "AbstractExercise",
    "AbstractRight",
    "AbstractTradable",
    "American",
    "Asian",
    "Barrier",
    "Basket",
    "BestOf",
    "Book",
    "Boundary",
    "CriticalPrices",
    "Digital",
    "DoubleBarrier",
    "DoubleNoTouch",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "Forward",
    "HestonCall",
    "ListedOption",
    "Lookback",
    "Never",
    "NoTouch",
    "Nothing",
    "Premium",
    "QuotedVarianceSwap",
    "Regression",
    "Spot",
    "SpreadOption",
    "Touch",
    "VarianceSwap",
    "WorstOf",
    "fit_exercise",
    "long",
    "short",
    "sold",
    "worst_case",
]
