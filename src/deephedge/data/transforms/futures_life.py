"""How long the future that is held can still be dealt in."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deephedge.core.calendars import sessions
from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import Days
from deephedge.data.transforms.futures_roll import AbstractStrip


@dataclass(frozen=True)
class FuturesLife(AbstractStrip):
    """Sessions of ``exchange`` to the last trading day of the contract that a `FuturesRoll` of the front one holds.

    That is the front contract, and from ``lag_days`` calendar days before its last trading day the next one: the number
    falls by 1 a session and rises at a roll. With ``contracts`` above 1 those behind it follow, as ``"<name>.2"``,
    ``"<name>.3"`` and so on. ``expiries``, ``prefix`` and errors are those of `FuturesRoll`. Rule and holidays are
    known years ahead; one-off closures are not, and the calendar has them from the start.

    >>> dates = np.arange("2024-01-02", "2024-01-05", dtype="datetime64[D]")
    >>> life = FuturesLife("CL.life", expiries=("2024-01-03", "2024-01-09"), lag_days=0)
    >>> life.apply(Days((), dates, np.empty((0, 3))), {})
    {'CL.life': array([1., 4., 3.])}
    """

    name: str
    expiries: str | Path | tuple[str, ...]
    prefix: str | None = None
    lag_days: int = 5
    exchange: str = "XNYS"
    contracts: int = 1

    def __post_init__(self):
        super().__post_init__()
        require(self.contracts >= 1, f"{self.name}: contracts must be 1 or more, was {self.contracts}", DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """None: no quote is read."""
        return ()

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Under its name, and those of the contracts behind it under its name and their place."""
        dates = days.dates.astype("datetime64[D]")
        last, front, left = self.held(dates)
        held = front + left
        final = held.max(initial=0) + self.contracts - 1
        told = f"{self.name}: after {last[-1:]} no contract is given; give the last trading day of one more"
        require(bool(final < last.size), told, DataError)
        names = (self.name, *(f"{self.name}.{place}" for place in range(2, self.contracts + 1)))
        if dates.size == 0:
            return {name: np.empty(0) for name in names}
        open_days = sessions(dates[0], last[final], self.exchange).days
        left = np.searchsorted(open_days, last, side="right")[:, None] - np.searchsorted(open_days, dates, side="right")
        days_of = np.arange(dates.size)
        return {name: left[held + ahead, days_of].astype(float) for ahead, name in enumerate(names)}
