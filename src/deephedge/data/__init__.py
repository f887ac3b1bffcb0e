"""Data in: records with the time they could be known, daily histories with their provenance, and paths made of them."""

from deephedge.data.daily import load
from deephedge.data.history import History, Provenance
from deephedge.data.kinds import KINDS, Kind
from deephedge.data.macro import Vintages, surprises, vintages
from deephedge.data.news import news_columns
from deephedge.data.records import Origin, Records
from deephedge.data.releases import RELEASE_LAGS, Release, days_to_next, fomc_calendar, lagged, release_calendar
from deephedge.data.to_paths import windows

__all__ = [
    "KINDS", "RELEASE_LAGS", "History", "Kind", "Origin", "Provenance", "Records", "Release", "Vintages",
    "days_to_next", "fomc_calendar", "lagged", "load", "news_columns", "release_calendar", "surprises", "vintages",
    "windows",
]  # fmt: skip
