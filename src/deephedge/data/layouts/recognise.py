"""Which layout a file has, by its columns."""

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.layouts.bars import Bars
from deephedge.data.layouts.base import AbstractLayout, plain
from deephedge.data.layouts.cboe import Cboe
from deephedge.data.layouts.crypto import Deribit, Okx
from deephedge.data.layouts.datashop import DataShop
from deephedge.data.layouts.ecb import Ecb
from deephedge.data.layouts.futures import Contracts, Nearbys
from deephedge.data.layouts.historicaloptiondata import HistoricalOptionData
from deephedge.data.layouts.macro import FomcActions, FomcDates, FomcSurprises, PolicyUncertainty
from deephedge.data.layouts.news import Articles, Headlines, Messages
from deephedge.data.layouts.nse import NseFutures, NseOptions
from deephedge.data.layouts.optionsdx import OptionsDX
from deephedge.data.layouts.rates import Curves, Fixings, Treasury, TreasuryReal, ZeroYields
from deephedge.data.layouts.series import Series, Wide
from deephedge.data.layouts.ticks import BidAskBars, Trades
from deephedge.data.layouts.yahoo import Yahoo

LAYOUTS: dict[str, type[AbstractLayout]] = {
    layout.name: layout
    for layout in (
        Articles, Bars, BidAskBars, Cboe, Contracts, Curves, DataShop, Deribit, Ecb, Fixings, FomcActions, FomcDates,
        FomcSurprises, Headlines, HistoricalOptionData, Messages, Nearbys, NseFutures, NseOptions, Okx, OptionsDX,
        PolicyUncertainty, Series, Trades, Treasury, TreasuryReal, Wide, Yahoo, ZeroYields,
    )
}  # fmt: skip


def recognised(columns: list[str], file: str, name: str | None = None) -> AbstractLayout:
    """The layout called ``name``, or of those that fit the one that needs most columns.

    Raises ``DataError`` with the columns where none fits or two fit alike, and where ``name`` is unknown or does not
    fit.
    """
    if name is not None:
        require(name in LAYOUTS, f"unknown layout {name!r}: {nearest(name, LAYOUTS)}", DataError)
        return fitting(LAYOUTS[name](), columns, file)
    found = [layout() for layout in LAYOUTS.values() if not layout.asked and layout().fits(columns, file)]
    hint = f"known layouts are {', '.join(LAYOUTS)}; map the columns in a TOML file (--mapping)"
    require(bool(found), f"{file}: columns not recognised ({_some(columns)}); {hint}", DataError)
    most = max(len(layout.needs) for layout in found)
    best = [layout for layout in found if len(layout.needs) == most]
    names = " and ".join(layout.name for layout in best)
    require(len(best) == 1, f"{file} can be read as {names}; say which layout it has", DataError)
    return best[0]


def fitting(layout: AbstractLayout, columns: list[str], file: str) -> AbstractLayout:
    """``layout``, if a file with these columns can be laid out so; raises ``DataError`` with what it lacks."""
    absent = ", ".join(sorted(set(layout.needs) - {plain(column) for column in columns}))
    lacks = f"it lacks {absent}" if absent else f"its columns are {_some(columns)}"
    require(layout.fits(columns, file), f"{file} is not laid out as {layout.name}: {lacks}", DataError)
    return layout


def _some(columns: list[str]) -> str:
    return ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
