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
    falls by 1 a session and rises at a roll. ``expiries``, ``prefix`` and errors are those of `FuturesRoll`. Rule and
    holidays are known years ahead; one-off closures are not, and the calendar has them from the start.

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

    @property
    def inputs(self) -> tuple[str, ...]:
        """None: no quote is read."""
        return ()

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """Under its name."""
        dates = days.dates.astype("datetime64[D]")
        last, front, left = self.held(dates)
        held = front + left
        told = f"{self.name}: after {last[-1:]} no contract is given; give the last trading day of one more"
        require(bool(held.max(initial=0) < last.size), told, DataError)
        if dates.size == 0:
            return {self.name: np.empty(0)}
        open_days = sessions(dates[0], last[held].max(), self.exchange).days
        seen = np.searchsorted(open_days, dates, side="right")
        return {self.name: (np.searchsorted(open_days, last[held], side="right") - seen).astype(float)}
