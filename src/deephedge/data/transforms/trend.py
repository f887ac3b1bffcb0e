"""Trends taken off: a line fitted on training days, and differences."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.data.transforms.base import AbstractFormula, AbstractTransform, Days, whole


@dataclass(frozen=True)
class LinearDetrend(AbstractTransform):
    r""":math:`x_t - a - b\,t`, least squares of the training days on calendar time :math:`t`, in the quote's unit.

    With ``log`` :math:`x` is the log of the quote. The line is drawn on from the training days as it is.

    >>> days = np.arange("2024-01-01", "2024-01-31", dtype="datetime64[D]")
    >>> constants = LinearDetrend("SPX").learn(Days(("SPX",), days, np.arange(30.0)[None]))
    >>> constants["origin"], round(constants["slope"], 4)  # one a day, per year
    ('2024-01-01', 365.25)
    """

    quote: str
    log: bool = False
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def learn(self, days: Days) -> dict[str, Any]:
        """``origin``, the first training day; ``intercept`` there; ``slope`` a year."""
        values, years = self._values(days.enough()), _years(days, days.dates[0])
        away = years - years.mean()
        slope = np.sum(away * values) / np.sum(away**2)
        intercept = values.mean() - slope * years.mean()
        return {"origin": str(days.dates[0]), "intercept": float(intercept), "slope": float(slope)}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.detrended"`` unless named."""
        line = constants["intercept"] + constants["slope"] * _years(days, np.datetime64(constants["origin"]))
        return {self.name or f"{self.quote}.detrended": self._values(days) - line}

    def _values(self, days: Days) -> np.ndarray:
        return np.log(days.positive().values[0]) if self.log else days.values[0]


@dataclass(frozen=True)
class Difference(AbstractFormula):
    """The quote less what it was ``lag`` known days ago, in its unit; with ``log`` of logs: a return.

    >>> Difference("SPX").apply(Days(("SPX",), np.arange(3), np.array([[1.0, 3.0, 2.0]])), {})
    {'SPX.diff1': array([ 2., -1.])}
    """

    quote: str
    lag: int = 1
    log: bool = False
    name: str | None = None

    def __post_init__(self):
        whole(self.lag, 1, "lag")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.diff<lag>"``, or ``"<quote>.return<lag>"`` of logs, unless named."""
        values = np.log(days.positive().values[0]) if self.log else days.values[0]
        name = f"{self.quote}.{'return' if self.log else 'diff'}{self.lag}"
        return {self.name or name: values[self.lag :] - values[: -self.lag]}


def _years(days: Days, origin: np.datetime64) -> np.ndarray:
    return (days.dates - origin) / np.timedelta64(1, "D") / 365.25
