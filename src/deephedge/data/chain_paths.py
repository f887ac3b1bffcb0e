"""Option chains as paths: contracts that were really quoted, at their bids, asks and marks through time."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.data.chain_marks import CONTRACT, YEAR, Settlement, marked
from deephedge.data.records import Records

SIDES = ("mark", "bid", "ask", "vol", "forward", "halted")


@dataclass(frozen=True, eq=False, repr=False)
class Chains:
    r"""All contracts of one underlier at all snapshots, cleaned and marked: rows are contracts, columns are snapshots.

    ``times`` (UTC), ``spot`` (cash), ``rate`` and ``dividend`` (per year, by put-call parity) belong to snapshots;
    ``strike``, ``call``, ``expires`` (UTC), ``expiry`` (day), ``root`` and ``settlement`` to contracts. ``mark``,
    ``bid``, ``ask`` and ``forward`` are in cash, coin prices times the underlier's, ``vol`` per root year, ``halted`` 1
    where nobody could sell or nothing was quoted; NaN before a contract was first marked. From its end on prices are 0,
    the forward is the spot and the volatility the last one.

    The mark is the mid; half the ask of what is out of the money and has no bid; by parity that of the other option of
    the strike, also for what is in the money and quoted wider than a quarter of its mid; or Black's price on today's
    forward at the last volatility known. A chain without bid and ask is marked at its settlement prices. ``told`` says
    what was left out. Every number reads the snapshot itself and those before, of what was revised the version that
    was known first.

    >>> import datetime as dt, deephedge as dh
    >>> same = {"underlier": "A", "expiry": "2024-03-01", "settlement": "pm", "underlier_price": 100.0}
    >>> days, rows = ("2024-01-02 21:00", "2024-01-03 21:00"), []
    >>> for day, bid in zip(days, (4.0, 0.0)):
    ...     for right in ("call", "put"):
    ...         row = {"strike": 100.0, "right": right, "bid": bid, "ask": 5.0}
    ...         rows.append(same | row | {"event_time": day, "known_time": day, "underlier_price": 99.0 + bid / 4})
    >>> chains = Chains.of(dh.data.Records.of("options", rows, origin=dh.data.Origin("by hand")))
    >>> chains.path({"sold": chains.find(dt.date(2024, 3, 1), 100.0, "call")}).quotes["sold"].tolist()
    [4.5, 2.5]
    """

    underlier: str
    times: np.ndarray
    spot: np.ndarray
    rate: np.ndarray
    dividend: np.ndarray
    strike: np.ndarray
    call: np.ndarray
    expires: np.ndarray
    expiry: np.ndarray
    root: np.ndarray
    settlement: np.ndarray
    mark: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    vol: np.ndarray
    forward: np.ndarray
    halted: np.ndarray
    told: tuple[str, ...] = field(default=())

    @classmethod
    def of(
        cls,
        records: Records,
        settles: Settlement = Settlement(),
        rate: float | None = None,
        expiries: Collection[date] | None = None,
    ) -> "Chains":
        """The chains of options ``records`` of one underlier; only contracts of ``expiries``, where they are given.

        ``settles`` says when on its expiry day a contract ends, ``rate`` the interest (per year), by parity unless
        given; options quoted in coin have a rate of 0 and the forwards that the exchange states.
        Raises ``DataError`` for other records, none, several underliers, or snapshots without underlier prices.
        """
        rows, days, told = marked(records, settles, rate, expiries)
        require(rows.height > 0, "no contract of this chain has a forward and a mark", DataError)
        contracts = rows.select(*CONTRACT, "expires").unique(maintain_order=True)
        place = rows.select(*CONTRACT).join(contracts.with_row_index("n"), on=CONTRACT, how="left")["n"].to_numpy()
        times = days["event_time"].dt.replace_time_zone(None).to_numpy()
        at = np.searchsorted(times, rows["event_time"].dt.replace_time_zone(None).to_numpy())
        ends = contracts["expires"].dt.replace_time_zone(None).to_numpy()
        over = times >= ends[:, None]
        tables = {name: _table(rows[name].to_numpy(), place, at, over) for name in SIDES}
        tables["forward"] = np.where(over, days["spot"].to_numpy(), tables["forward"])
        tables["vol"] = _last(tables["vol"], over)
        text = {name: contracts[name].to_numpy() for name in ("strike", "expiry", "root", "settlement")}
        own = {name: days[name].to_numpy() for name in ("spot", "rate", "dividend")}
        call = (contracts["right"] == "call").to_numpy()
        name = str(contracts["underlier"][0])
        return cls(name, times, call=call, expires=ends, told=told, **own, **text, **tables)

    def __len__(self) -> int:
        return len(self.strike)

    def __repr__(self) -> str:
        first, last = (str(time)[:10] for time in self.times[[0, -1]])
        return f"Chains({self.underlier}: {len(self):,} contracts, {len(self.times)} snapshots from {first} to {last})"

    def find(self, expiry: date, strike: float, right: str, settlement: str | None = None) -> int:
        """The row of one contract; raises ``DataError`` where there is none, or one settled in the morning and another
        in the evening and ``settlement`` does not say which."""
        fits = (self.expiry == np.datetime64(expiry)) & (self.strike == strike) & (self.call == (right == "call"))
        fits = fits if settlement is None else fits & (self.settlement == settlement)
        found = np.flatnonzero(fits)
        what = f"{self.underlier} {expiry} {strike:g} {right}"
        require(found.size > 0, f"the chain has no {what}", DataError)
        ends = sorted({str(x) for x in self.settlement[found]})
        require(found.size == 1, f"the chain has {found.size} of {what}; say settlement={' or '.join(ends)}", DataError)
        return int(found[0])

    def years(self, moments: np.ndarray, first: int = 0) -> np.ndarray:
        """Years (actual/365) from snapshot ``first`` to ``moments``: the expiries of contracts on a path from there."""
        return (moments - self.times[first]) / np.timedelta64(1, "us") / YEAR

    def path(self, names: Mapping[str, Any], first: int = 0, last: int | None = None) -> MarketPath:
        """The snapshots from ``first`` to ``last`` (included; the last of all unless given) as a path, or a batch.

        ``names``: what a path calls each contract, and its row, or a row for each path of a batch. Quotes of a
        contract: ``name`` (its mark), ``"<name>.bid"``, ``".ask"``, ``".vol"``, ``".forward"``, ``".halted"``; beside
        them the underlier's price and dividend yield, ``"rate"``, and the rate rolled up as the numeraire. Times in
        years, actual/365.
        Raises ``DataError`` for a contract that was not marked at ``first``.
        """
        last = len(self.times) - 1 if last is None else last
        sound = 0 <= first < last < len(self.times)
        require(sound, f"a path needs two snapshots or more of {len(self.times)}, was {first} to {last}", DataError)
        part = slice(first, last + 1)
        times = self.years(self.times[part], first)
        quotes = {self.underlier: self.spot[part], "rate": self.rate[part]}
        quotes[f"{self.underlier}.dividend"] = self.dividend[part]
        for name, row in names.items():
            known = bool(np.isfinite(self.vol[row, part]).all() and np.isfinite(self.mark[row, part]).all())
            require(known, f"{name} was not yet quoted on {str(self.times[first])[:10]}: begin later", DataError)
            quotes |= {_called(name, side): getattr(self, side)[row, part] for side in SIDES}
        grown = np.exp(np.concatenate([[0.0], np.cumsum(self.rate[part][:-1] * np.diff(times))]))
        shape = np.broadcast_shapes(*(x.shape for x in quotes.values()))
        spread = [as_float(np.broadcast_to(x, shape)) for x in (times, grown, *quotes.values())]
        return MarketPath(spread[0], dict(zip(quotes, spread[2:], strict=True)), spread[1])


def _called(name: str, side: str) -> str:
    return name if side == "mark" else f"{name}.{side}"


def _table(values: np.ndarray, place: np.ndarray, at: np.ndarray, over: np.ndarray) -> np.ndarray:
    """Contracts by snapshots: NaN before the first value, 0 from the end on."""
    table = np.zeros(over.shape) * np.where(over, 0.0, np.nan)
    table[place, at] = values
    return table


def _last(table: np.ndarray, over: np.ndarray) -> np.ndarray:
    """From the end on the value before it; 0 where there was none."""
    seen = np.where(over, 0, np.arange(table.shape[1])).max(axis=1, keepdims=True)
    return np.where(over, np.nan_to_num(np.take_along_axis(table, seen, axis=1)), table)
