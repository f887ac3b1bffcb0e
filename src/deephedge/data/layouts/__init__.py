"""How files of many publishers are laid out; each becomes records of one kind."""

from deephedge.data.layouts.bars import Bars
from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.cboe import Cboe
from deephedge.data.layouts.crypto import Deribit, Okx
from deephedge.data.layouts.datashop import DataShop
from deephedge.data.layouts.ecb import Ecb
from deephedge.data.layouts.futures import Contracts, Nearbys
from deephedge.data.layouts.historicaloptiondata import HistoricalOptionData
from deephedge.data.layouts.macro import FomcActions, FomcDates, FomcSurprises, PolicyUncertainty
from deephedge.data.layouts.mapped import Mapped, When, read_mapping
from deephedge.data.layouts.news import Articles, Headlines, Messages
from deephedge.data.layouts.nse import NseFutures, NseOptions
from deephedge.data.layouts.optionsdx import OptionsDX
from deephedge.data.layouts.rates import Curves, Fixings, Treasury, TreasuryReal, ZeroYields
from deephedge.data.layouts.recognise import LAYOUTS, fitting, recognised
from deephedge.data.layouts.series import Series, Wide
from deephedge.data.layouts.ticks import BidAskBars, Trades
from deephedge.data.layouts.yahoo import Yahoo

__all__ = [
    "LAYOUTS",
    "AbstractLayout",
    "Articles",
    "Bars",
    "BidAskBars",
    "Cboe",
    "Contracts",
    "Curves",
    "DataShop",
    "Deribit",
    "Ecb",
    "Fixings",
    "FomcActions",
    "FomcDates",
    "FomcSurprises",
    "Headlines",
    "HistoricalOptionData",
    "Mapped",
    "Messages",
    "Nearbys",
    "NseFutures",
    "NseOptions",
    "Okx",
    "OptionsDX",
    "PolicyUncertainty",
    "Series",
    "Trades",
    "Treasury",
    "TreasuryReal",
    "When",
    "Wide",
    "Yahoo",
    "ZeroYields",
    "fitting",
    "read_mapping",
    "recognised",
]
