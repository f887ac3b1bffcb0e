"""A rolled future: what holding the nearby and moving on before it expires has earned, without the jumps of rolling."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.futures import last_trading_days
from deephedge.data.transforms.base import AbstractFormula, Days


class AbstractStrip(AbstractFormula):
    """Futures one after the other: ``lag_days`` calendar days before its last trading day the front one is left."""

    name: str
    expiries: str | Path | tuple[str, ...]
    prefix: str | None
    lag_days: int

    def __post_init__(self):
        require(self.lag_days >= 0, f"lag_days must be 0 or more calendar days, was {self.lag_days}", DataError)
        told = f"{self.name}: expiries in a file need the prefix of the contracts there, such as 'CL'"
        require(isinstance(self.expiries, tuple) or self.prefix is not None, told, DataError)

    def held(self, dates: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """All last trading days; which of them the front contract has on each date; whether the next one is held."""
        if isinstance(self.expiries, tuple):
            last = np.unique(np.array(self.expiries, "datetime64[D]"))
        else:
            table = last_trading_days(self.expiries)
            last = table["last"].filter(table["prefix"] == self.prefix).to_numpy().astype("datetime64[D]")
        front = np.searchsorted(last, dates)
        reach = bool(dates.size == 0 or (last.size and last[0] < dates[-1] and front[-1] < last.size))
        told = f"{self.name}: the last trading days ({last[:1]} to {last[-1:]}) do not reach {dates[-1:]}; give more"
        require(reach, told, DataError)
        return last, front, (last[front] - dates <= np.timedelta64(self.lag_days, "D")).astype(int)


@dataclass(frozen=True)
class FuturesRoll(AbstractStrip):
    r"""An excess-return index of what leaves the nearby ``near`` for the next one, ``far``, before it expires,

    .. math:: E_{t+1} = E_t\,F^{i_t}_{t+1}/F^{i_t}_t, \qquad u_t = F^{i_t}_t/E_t,

    with :math:`i_t` the contract held from the close of day :math:`t` on: the nearby, and from ``lag_days`` calendar
    days before the last trading day of the front contract the next one. :math:`E` is 1 on the first day, and no gain
    comes from the difference between two contracts. :math:`u` is constant between rolls and changes at each by the
    ratio of the two contracts, so one contract gains :math:`u_t(E_{t+1}-E_t)`; `instruments.RolledFuture` is that
    contract.

    ``near`` and ``far`` are neighbours among continuous nearbys that move up after the last trading day of the front
    contract (``"CL01"`` and ``"CL02"``, or ``"CL02"`` and ``"CL03"``). ``expiries`` are those days; or a CSV file as
    `data.layouts.Nearbys` reads it, of which the rows of ``prefix`` count.

    Raises ``DataError`` where the last trading days do not reach all days, or where days are missing over a whole roll,
    so that the contract held expired unseen; prices of 0 and below have no index.

    >>> dates = np.arange("2024-01-02", "2024-01-05", dtype="datetime64[D]")
    >>> days = Days(("A1", "A2"), dates, np.array([[10.0, 10.0, 9.0], [8.0, 8.0, 8.0]]))
    >>> roll = FuturesRoll("A1", "A2", "A", expiries=("2024-01-03", "2024-02-01"), lag_days=0)
    >>> {name: row.round(3).tolist() for name, row in roll.apply(days, {}).items()}
    {'A': [1.0, 1.0, 1.125], 'A.units': [10.0, 8.0, 8.0], 'A.rolls': [0.0, 1.0, 0.0]}
    """

    near: str
    far: str
    name: str
    expiries: str | Path | tuple[str, ...]
    prefix: str | None = None
    lag_days: int = 5

    @property
    def inputs(self) -> tuple[str, ...]:
        """The two nearbys."""
        return (self.near, self.far)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The index under ``name``; ``"<name>.units"``, how many of it are the contract held; ``"<name>.rolls"``."""
        prices, dates = days.positive().values, days.dates.astype("datetime64[D]")
        _, front, held = self.held(dates)
        now = np.take_along_axis(prices, held[None], axis=0)[0]
        later = held[:-1] - np.diff(front)  # the place among the nearbys to which the held contract has moved up
        missed = dates[1:][later < 0]
        told = f"{self.name}: the contract held expired while days were missing, before {missed[:1]}; lengthen lag_days"
        require(missed.size == 0, told, DataError)
        closing = np.take_along_axis(prices[:, 1:], later[None], axis=0)[0]
        index = np.cumprod(np.r_[np.ones(min(1, dates.size)), closing / now[:-1]])
        moved = np.diff(front + held, prepend=(front + held)[:1]) > 0
        return {self.name: index, f"{self.name}.units": now / index, f"{self.name}.rolls": moved.astype(float)}
