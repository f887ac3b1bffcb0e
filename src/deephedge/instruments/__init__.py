"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.basket import Basket, BestOf, Exchange, SpreadOption, WorstOf
from deephedge.instruments.book import Book, Nothing, Premium, long, short, sold
from deephedge.instruments.equity import Digital, EuropeanCall, EuropeanPut, Forward, Spot
from deephedge.instruments.heston import HestonCall
from deephedge.instruments.listed import ListedOption
from deephedge.instruments.volatility import QuotedVarianceSwap, VarianceSwap

__all__ = [
    "AbstractContract",
    "AbstractTradable",
    "Basket",
    "BestOf",
    "Book",
    "Digital",
    "EuropeanCall",
    "EuropeanPut",
    "Exchange",
    "Forward",
    "HestonCall",
    "ListedOption",
    "Nothing",
    "Premium",
    "QuotedVarianceSwap",
    "Spot",
    "SpreadOption",
    "VarianceSwap",
    "WorstOf",
    "long",
    "short",
    "sold",
]
