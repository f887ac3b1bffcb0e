"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.american import American
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.basket import Basket, BestOf, Exchange, SpreadOption, WorstOf
from deephedge.instruments.book import Book, Nothing, Premium, long, short, sold
from deephedge.instruments.credit import AbstractCredit, Cds, RiskyBond, SurvivalLaw
from deephedge.instruments.credit_index import CdsIndex, CdsIndexOption
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
from deephedge.instruments.periods import Periods
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractContract",
    "AbstractCredit",
    "AbstractExercise",
    "AbstractRight",
    "AbstractTradable",
    "American",
    "Basket",
    "BestOf",
    "Book",
    "Boundary",
    "Cds",
    "CdsIndex",
    "CdsIndexOption",
    "CriticalPrices",
    "Digital",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "Forward",
    "HestonCall",
    "ListedOption",
    "Never",
    "Nothing",
    "Periods",
    "Premium",
    "QuotedVarianceSwap",
    "Regression",
    "RiskyBond",
    "Spot",
    "SpreadOption",
    "SurvivalLaw",
    "VarianceSwap",
    "WorstOf",
    "fit_exercise",
    "long",
    "short",
    "sold",
    "worst_case",
]
