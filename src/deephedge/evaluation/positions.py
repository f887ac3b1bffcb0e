"""Positions of a strategy that another backtester ran, read from the frames that it leaves behind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, nearest, require

DATES = ("date", "datetime", "timestamp", "time", "index", "dt")
LAYOUTS = {
    "zipline": "a column `positions` of lists of dicts with sid and amount",
    "values": "a column of cash a name, with or without `cash` (pyfolio, backtrader's PositionsValue)",
    "transactions": "rows with amount, price, and symbol or sid (pyfolio, backtrader)",
    "orders": "rows with Timestamp, Column, Size and Side (vectorbt)",
    "units": "a column of units a name (vectorbt)",
}


@dataclass(frozen=True, eq=False)
class Positions:
    """What was ``held`` ``(date, name)`` from each of ``dates`` on: units, or with ``cash`` their value there.

    Dates are instants, in UTC where the frame had a time zone. ``layout`` is the key of `LAYOUTS` it was read as.
    """

    dates: np.ndarray
    names: tuple[str, ...]
    held: np.ndarray
    cash: bool
    layout: str

    def units(self, prices: np.ndarray | None = None) -> np.ndarray:
        """Units ``(date, name)``; positions in cash are divided by their ``prices``, of the same shape."""
        if not self.cash:
            return self.held
        require(prices is not None, "these positions are in cash: their prices are needed to tell units", DataError)
        prices = np.asarray(prices, float)
        sound = prices.shape == self.held.shape and bool(np.all((prices > 0) | (self.held == 0)))
        require(
            sound, f"prices must be above 0, one for each position {self.held.shape}, were {prices.shape}", DataError
        )
        return np.divide(self.held, prices, out=np.zeros_like(self.held), where=self.held != 0)

    def at(self, dates: np.ndarray) -> np.ndarray:
        """What was held at each of ``dates``: the last entry at or before it, and nothing before the first."""
        row = np.searchsorted(self.dates, np.asarray(dates, "datetime64[ns]"), side="right")
        return np.vstack([np.zeros((1, len(self.names))), self.held])[row]


def read_positions_frame(frame: Any, layout: str | None = None) -> Positions:
    """Positions from a pandas or polars frame, or a dict of a backtrader analyzer, in one of `LAYOUTS`.

    Dates are the index of a pandas frame, or a column called date, datetime, timestamp or index. Which layout it is
    shows in its columns; a wide frame is taken as units unless it has a column ``cash``: name the ``layout`` where
    that is wrong. Fills are added up from nothing. Raises ``DataError`` for dates that repeat or go back, for
    numbers that are missing, and for frames that are none of these.

    >>> import polars as pl
    >>> fills = pl.DataFrame({"date": ["2024-01-02", "2024-01-03"], "amount": [5, -2], "price": [1.0, 1.1],
    ...     "symbol": ["SPX", "SPX"]})
    >>> found = read_positions_frame(fills)
    >>> found.layout, found.names, found.units().tolist()
    ('transactions', ('SPX',), [[5.0], [3.0]])
    """
    if layout is not None:
        require(layout in LAYOUTS, f"no layout is called {layout!r}: {nearest(layout, LAYOUTS)}", DataError)
    if isinstance(frame, Mapping):
        return _analyzer(frame)
    message = f"a pandas or polars frame, or an analyzer's dict, is expected, was {type(frame).__name__}"
    require(hasattr(frame, "columns") and len(frame) > 0, f"{message} (or it has no rows)", DataError)
    columns = {_called(label): label for label in frame.columns}
    lower = {name.lower(): name for name in columns}
    found = layout or _recognised(set(lower))
    dates = _dates(frame, columns, lower)

    def column(*known: str) -> list:
        label = next((columns[lower[each]] for each in known if each in lower), None)
        require(label is not None, f"the layout {found!r} needs {LAYOUTS[found]}; found {sorted(columns)}", DataError)
        return frame[label].to_list()

    if found == "zipline":
        days = column("positions")
        rows = [
            (date, _called(each["sid"]), each["amount"]) for date, day in zip(dates, days, strict=True) for each in day
        ]
        return _snapshots(dates, rows)
    if found == "transactions":
        return _fills(dates, column("symbol", "sid"), column("amount"), found)
    if found == "orders":
        sides = [str(side).lower() for side in column("side")]
        strange = sorted({*sides} - {"buy", "sell"})
        require(not strange, f"an order's Side must be Buy or Sell, found {strange}", DataError)
        sign = np.where(np.array(sides) == "buy", 1.0, -1.0)
        return _fills(dates, column("column", "symbol"), sign * np.asarray(column("size"), float), found)
    names = [name for name in columns if name.lower() not in (*DATES, "cash")]
    require(len(names) > 0, f"the frame has no column of positions, only {sorted(columns)}", DataError)
    held = np.stack([_numbers(frame[columns[name]].to_list(), name) for name in names], axis=1)
    return _checked(Positions(dates, tuple(names), held, found == "values", found))


def _recognised(lower: set[str]) -> str:
    if "positions" in lower:
        return "zipline"
    if {"size", "side"} <= lower:
        return "orders"
    if {"amount", "price"} <= lower:
        return "transactions"
    return "values" if "cash" in lower else "units"


def _analyzer(found: Mapping) -> Positions:
    """backtrader: ``{date: [value, ...]}`` and a header, or ``{date: [[amount, price, sid, symbol, value], ...]}``."""
    require(len(found) > 0, "the analyzer's dict is empty", DataError)
    rows = dict(found)
    header = next((rows.pop(key) for key in list(rows) if isinstance(key, str) and key.lower() == "datetime"), None)
    require(len(rows) > 0, "the analyzer's dict has a header and no days", DataError)
    dates, days = _instants(list(rows)), list(rows.values())
    if all(isinstance(each, list | tuple) for day in days for each in day):
        fills = [(date, each[3], each[0]) for date, day in zip(dates, days, strict=True) for each in day]
        require(len(fills) > 0, "the analyzer's dict has no transactions", DataError)
        when, names, amounts = zip(*fills, strict=True)
        return _fills(np.array(when), names, amounts, "transactions")
    width = len(days[0])
    names = [str(name) for name in header] if header is not None else [f"data{n}" for n in range(width)]
    sound = all(len(day) == len(names) for day in days)
    require(sound, f"one value a day is expected for each of {names}", DataError)
    keep = [n for n, name in enumerate(names) if name.lower() != "cash"]
    held = np.stack([_numbers([day[n] for day in days], names[n]) for n in keep], axis=1)
    return _checked(Positions(dates, tuple(names[n] for n in keep), held, True, "values"))


def _fills(dates: np.ndarray, names: Sequence, amounts: Sequence | np.ndarray, layout: str) -> Positions:
    """Trades added up."""
    when, row = np.unique(dates, return_inverse=True)
    called, column = np.unique([_called(name) for name in names], return_inverse=True)
    traded = np.zeros((when.size, called.size))
    np.add.at(traded, (row, column), _numbers(amounts, "amount"))
    return Positions(when, tuple(called.tolist()), np.cumsum(traded, axis=0), False, layout)


def _snapshots(dates: np.ndarray, rows: list[tuple]) -> Positions:
    """What was held each day, day by day."""
    called = sorted({name for _, name, _ in rows})
    require(len(called) > 0, "the positions are empty on all days", DataError)
    held = np.zeros((dates.size, len(called)))
    when, names, amounts = zip(*rows, strict=True)
    np.add.at(held, (np.searchsorted(dates, when), np.searchsorted(called, names)), _numbers(amounts, "amount"))
    return _checked(Positions(dates, tuple(called), held, False, "zipline"))


def _dates(frame: Any, columns: Mapping[str, Any], lower: Mapping[str, str]) -> np.ndarray:
    label = next((columns[lower[each]] for each in DATES if each in lower), None)
    if label is not None:
        return _instants(frame[label])
    index = getattr(frame, "index", None)
    dated = index is not None and "datetime" in str(getattr(index, "dtype", ""))
    require(dated, f"no dates: neither a dated index nor a column called {', '.join(DATES)}", DataError)
    return _instants(index)


def _instants(values: Any) -> np.ndarray:
    try:
        return np.asarray(values, dtype="datetime64[ns]")
    except (TypeError, ValueError) as error:
        raise DataError(f"the dates cannot be read: {error}; give dates, or text such as 2024-01-31") from error


def _numbers(values: Any, name: str) -> np.ndarray:
    try:
        numbers = np.asarray([np.nan if each is None else each for each in values], float)
    except (TypeError, ValueError) as error:
        raise DataError(f"{name!r} does not hold numbers: {error}; leave out what is no position") from error
    bad = int(np.sum(~np.isfinite(numbers)))
    require(bad == 0, f"{bad} numbers of {name!r} are missing; write 0 where nothing is held", DataError)
    return numbers


def _called(label: Any) -> str:
    """The symbol of an asset, or what a column is called."""
    return str(getattr(label, "symbol", label))


def _checked(found: Positions) -> Positions:
    forward = bool((np.diff(found.dates) > np.timedelta64(0)).all()) and not bool(np.isnat(found.dates).any())
    require(forward, "dates must increase, each once; sort the frame, and keep one row a date", DataError)
    return found
