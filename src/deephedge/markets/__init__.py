"""Laws on paths."""

from deephedge.markets.base import AbstractMarket, sample
from deephedge.markets.brownian import BlackScholes

__all__ = ["AbstractMarket", "BlackScholes", "sample"]
