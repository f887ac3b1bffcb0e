"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.american import American
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
from deephedge.instruments.futures import Future, FuturesStrip, calendar_spread, crack_spread
from deephedge.instruments.fx import FxForward, FxOption, FxSwap, NonDeliverableForward
from deephedge.instruments.heston import HestonCall
from deephedge.instruments.listed import ListedOption
from deephedge.instruments.rolling import RollingOption
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractContract",
    "AbstractExercise",
    "AbstractRight",
    "AbstractTradable",
    "American",
    "Basket",
    "BestOf",
    "Book",
    "Boundary",
    "CriticalPrices",
    "Digital",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "Forward",
    "Future",
    "FuturesStrip",
    "FxForward",
    "FxOption",
    "FxSwap",
    "HestonCall",
    "ListedOption",
    "Never",
    "NonDeliverableForward",
    "Nothing",
    "Premium",
    "QuotedVarianceSwap",
    "Regression",
    "RollingOption",
    "Spot",
    "SpreadOption",
    "VarianceSwap",
    "WorstOf",
    "calendar_spread",
    "crack_spread",
    "fit_exercise",
    "long",
    "short",
    "sold",
    "worst_case",
]
