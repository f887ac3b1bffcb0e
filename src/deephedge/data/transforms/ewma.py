"""Exponentially weighted averages: of a quote, and of squared returns."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import TRADING_YEAR, AbstractFormula, Days


@dataclass(frozen=True)
class Ewma(AbstractFormula):
    r""":math:`\sum_k\lambda^k x_{t-k}/\sum_k\lambda^k` (``decay`` :math:`\lambda`) over the days so far, in its unit.

    >>> Ewma("SPX.vol", 0.5).apply(Days(("SPX.vol",), np.arange(2), np.array([[0.1, 0.4]])), {})
    {'SPX.vol.ewma': array([0.1, 0.3])}
    """

    quote: str
    decay: float = 0.94
    name: str | None = None

    def __post_init__(self):
        _check(self.decay)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.ewma"`` unless named."""
        return {self.name or f"{self.quote}.ewma": _averaged(days.values[0], self.decay)}


@dataclass(frozen=True)
class EwmaVol(AbstractFormula):
    r""":math:`\sqrt{252\,\bar{r^2}}`, the average of squared daily log returns by `Ewma`; no mean is taken off.

    With ``normal`` the moves themselves are squared: of a yield, which may be 0 and below, in its own units.
    Source: J.P. Morgan/Reuters (1996), RiskMetrics, section 5.2.

    >>> prices = Days(("SPX",), np.arange(2), np.exp([[0.0, 0.01]]))
    >>> EwmaVol("SPX").apply(prices, {})["SPX.ewma_vol"].round(6).tolist()
    [0.158745]
    """

    underlier: str
    decay: float = 0.94
    name: str | None = None
    normal: bool = False

    def __post_init__(self):
        _check(self.decay)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The price."""
        return (self.underlier,)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<underlier>.ewma_vol"`` unless named."""
        level = days.values[0] if self.normal else np.log(days.positive().values[0])
        squares = np.diff(level) ** 2
        return {self.name or f"{self.underlier}.ewma_vol": np.sqrt(TRADING_YEAR * _averaged(squares, self.decay))}


def _averaged(values: np.ndarray, decay: float) -> np.ndarray:
    from scipy import signal

    if not values.size:
        return values
    sums = signal.lfilter([1 - decay], [1, -decay], values)
    return sums / -np.expm1(np.log(decay) * np.arange(1, values.size + 1))


def _check(decay: float) -> None:
    require(0 < decay < 1, f"decay must lie between 0 and 1, was {decay}", DataError)
