"""What the desk sees: named, adapted columns."""

from deephedge.features.base import AbstractFeature
from deephedge.features.quote import LogMoneyness, Quote, TimeLeft

__all__ = ["AbstractFeature", "LogMoneyness", "Quote", "TimeLeft"]
