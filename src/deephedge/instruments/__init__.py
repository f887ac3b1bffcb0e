"""Contracts (dated cash) and tradables (contracts with a price)."""

from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.book import Book, long, short
from deephedge.instruments.equity import EuropeanCall, Spot

__all__ = ["AbstractContract", "AbstractTradable", "Book", "EuropeanCall", "Spot", "long", "short"]
