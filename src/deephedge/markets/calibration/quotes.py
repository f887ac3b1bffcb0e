"""Option quotes to calibrate to, checked: what no model could fit is refused in one sentence that names the quote."""

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.markets.calibration.arbitrage import Fault, Rows, completed, static_arbitrage

FILL = (8, 32)  # a sheet has multiples of this many rows and columns, so that another day compiles nothing
FIELDS = ("strike", "expiry", "forward", "discount", "weight", "spread")


class Sheet(NamedTuple):
    """Quotes by expiry: a row for each, filled up to one length; ``weight`` is 0 where there is no quote."""

    expiry: np.ndarray
    forward: np.ndarray
    strike: np.ndarray
    vol: np.ndarray
    weight: np.ndarray
    row: np.ndarray  # where each quote went
    column: np.ndarray


@dataclass(frozen=True, eq=False)
class OptionQuotes:
    r"""European option quotes of one underlier, as arrays that broadcast to one row; immutable.

    ``strike`` and ``forward`` in cash, ``expiry`` in years, ``discount`` the price of one unit of cash at expiry.
    Give either ``price`` (cash now, of a call where ``call`` is true and of a put elsewhere; left out, of the option
    out of the money) or ``vol`` (Black's, per root year); the other one follows. ``weight`` multiplies the residual.
    ``spread``, half of bid-ask in cash, is by how much a price may miss the conditions of no static arbitrage: it lies
    between intrinsic value and what the option can pay, falls with the strike by no more than the strike rises, is
    convex in it and, at one moneyness, does not fall with expiry.

    Raises ``DataError`` naming the first quote that cannot be.

    >>> quotes = OptionQuotes([90, 100, 110], expiry=0.5, forward=100, vol=[0.24, 0.2, 0.18])
    >>> len(quotes), [round(float(x), 3) for x in quotes.price]  # put, call, call
    (3, [2.62, 5.637, 1.752])
    """

    strike: Any
    expiry: Any
    forward: Any
    discount: Any = 1.0
    price: Any = None
    vol: Any = None
    call: Any = None
    weight: Any = 1.0
    spread: Any = 0.0

    def __post_init__(self):
        rows, faults = completed(_rows(self.__dict__))
        if not faults:
            faults = list(static_arbitrage(rows))[:1]
        require(not faults, faults[0][1] if faults else "", DataError)
        for field, row in rows.items():
            object.__setattr__(self, field, np.array(row))
            getattr(self, field).setflags(write=False)

    def __len__(self) -> int:
        return len(self.strike)

    def __getitem__(self, keep: Any) -> "OptionQuotes":
        """The quotes that a mask, a slice or an index picks."""
        return OptionQuotes(vol=self.vol[keep], call=self.call[keep], **{k: getattr(self, k)[keep] for k in FIELDS})

    @classmethod
    def clean(cls, **quotes: Any) -> tuple["OptionQuotes", list[str]]:
        """The quotes less those that would be refused as an arbitrage, and a sentence on each that was dropped.

        >>> quotes, dropped = OptionQuotes.clean(strike=[90, 100, 110], expiry=0.5, forward=100, vol=[0.2, 0.5, 0.2])
        >>> len(quotes), dropped[0][:44]
        (2, 'the call with strike 100 and expiry 0.5 and ')
        """
        given = _rows(quotes)
        rows, faults = completed(given)
        keep, dropped = np.arange(len(rows["strike"])), []
        while faults or (faults := _foremost(rows)):
            dropped += [sentence for _, sentence in faults]
            left = np.delete(np.arange(len(keep)), [n for n, _ in faults])
            require(left.size > 0, f"no quote is left without arbitrage; the last: {dropped[-1]}", DataError)
            keep, rows, faults = keep[left], {field: row[left] for field, row in rows.items()}, []
        return cls(**{field: row[keep] for field, row in given.items()}), dropped

    @property
    def expiries(self) -> np.ndarray:
        """The expiries, each once, increasing."""
        return np.unique(self.expiry)

    def sheet(self, columns: int | None = None) -> Sheet:
        """The quotes by expiry, in rows of ``columns``; all quotes of one expiry must share their forward."""
        expiry, row = np.unique(self.expiry, return_inverse=True)
        order = np.lexsort((self.strike, row))
        first = np.searchsorted(row[order], np.arange(len(expiry)))
        column = np.empty(len(row), int)
        column[order] = np.arange(len(row)) - first[row[order]]
        forward = self.forward[order][first]
        same = np.abs(self.forward / forward[row] - 1.0) <= 1e-9
        require(bool(same.all()), "quotes of one expiry must share their forward", DataError)
        spare = -len(expiry) % FILL[0]
        expiry, forward = (np.concatenate([x, np.repeat(x[-1:], spare)]) for x in (expiry, forward))
        width = columns or -(-int(column.max() + 1) // FILL[1]) * FILL[1]
        strike, vol = np.repeat(forward[:, None], width, 1), np.full((len(expiry), width), 0.2)
        weight = np.zeros_like(vol)
        for table, values in ((strike, self.strike), (vol, self.vol), (weight, self.weight)):
            table[row, column] = values
        return Sheet(expiry, forward, strike, vol, weight, row, column)

    def money_vols(self) -> np.ndarray:
        """Of each expiry the volatility of the quote nearest to the money."""
        sheet = self.sheet()
        away = np.full(sheet.vol.shape, np.inf)
        away[sheet.row, sheet.column] = np.abs(np.log(self.strike / self.forward))
        return np.take_along_axis(sheet.vol, np.argmin(away, axis=1)[:, None], axis=1)[: len(self.expiries), 0]

    def carry(self, spot: float | None = None) -> dict[str, float | None]:
        """Spot, flat rate and dividend yield nearest to the forwards and discounts, as a market takes them."""
        expiry, first = np.unique(self.expiry, return_index=True)
        logs, debts = np.log(self.forward[first]), -np.log(self.discount[first])
        if spot is None:
            slope = np.polyfit(expiry, logs, 1)[0] if len(expiry) > 1 else debts[0] / expiry[0]
            spot = float(np.exp(np.mean(logs - slope * expiry)))
        rate, growth = (float(expiry @ x / (expiry @ expiry)) for x in (debts, logs - np.log(spot)))
        if max(abs(rate), abs(growth)) < 1e-12:
            return {"spot": spot, "rate": None, "dividend": None}
        return {"spot": spot, "rate": rate, "dividend": rate - growth}


def _foremost(rows: Rows) -> list[Fault]:
    """The first fault of each expiry: a quote that is too dear makes its neighbours look wrong."""
    first: dict[float, Fault] = {}
    for fault in static_arbitrage(rows):
        first.setdefault(float(rows["expiry"][fault[0]]), fault)
    return list(first.values())


def _rows(given: dict[str, Any]) -> Rows:
    """What was given as float64 rows of one length, each number in its domain."""
    given = {"discount": 1.0, "weight": 1.0, "spread": 0.0} | {k: v for k, v in given.items() if v is not None}
    require(("price" in given) != ("vol" in given), "give either the price or the vol of the quotes", DataError)
    call = given.pop("call", None)
    try:
        rows = dict(
            zip(given, np.broadcast_arrays(*(np.atleast_1d(np.asarray(v, float)) for v in given.values())), strict=True)
        )
    except ValueError as fault:
        raise DataError(f"quotes must broadcast to one row: {fault}") from fault
    size = rows["strike"].shape
    require(len(size) == 1 and size[0] > 0, f"quotes are one row of one or more, were of shape {size}", DataError)
    for field, row in rows.items():
        bad = np.flatnonzero(~np.isfinite(row) | (row < 0 if field in ("price", "weight", "spread") else row <= 0))
        what = "0 or more" if field in ("price", "weight", "spread") else "positive"
        require(not bad.size, f"{field} must be finite and {what}, quote {bad[:1]} had {row[bad[:1]]}", DataError)
    out = rows["strike"] >= rows["forward"]
    return rows | {"call": out if call is None else np.broadcast_to(np.asarray(call, bool), size)}
