"""Data in: records with the time they could be known, daily histories with their provenance, and paths made of them."""

from deephedge.data import transforms
from deephedge.data.align import Table, aligned, closes, daily_history
from deephedge.data.chain_marks import Settlement
from deephedge.data.chain_paths import Chains
from deephedge.data.columns import AbstractColumn, Decayed, Latest
from deephedge.data.daily import load
from deephedge.data.history import History, Provenance
from deephedge.data.kinds import KINDS, Kind
from deephedge.data.live import Live
from deephedge.data.lookahead import Finding, lookahead
from deephedge.data.macro import Vintages, surprises, vintages
from deephedge.data.news import news_columns
from deephedge.data.records import Origin, Records
from deephedge.data.releases import RELEASE_LAGS, Release, days_to_next, fomc_calendar, lagged, release_calendar
from deephedge.data.stream import Kafka, Malformed, Websocket, listen, replay, rows_of
from deephedge.data.to_paths import windows

__all__ = [
    "KINDS",
    "RELEASE_LAGS",
    "AbstractColumn",
    "Chains",
    "Decayed",
    "Finding",
    "History",
    "Kafka",
    "Kind",
    "Latest",
    "Live",
    "Malformed",
    "Origin",
    "Provenance",
    "Records",
    "Release",
    "Settlement",
    "Table",
    "Vintages",
    "Websocket",
    "aligned",
    "closes",
    "daily_history",
    "days_to_next",
    "fomc_calendar",
    "lagged",
    "listen",
    "load",
    "lookahead",
    "news_columns",
    "release_calendar",
    "replay",
    "rows_of",
    "surprises",
    "transforms",
    "vintages",
    "windows",
]
