"""Realised volatility over the last days, per root year of 252: of closes, of ranges, of returns within the day."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.clean import listed
from deephedge.data.transforms.base import TRADING_YEAR, AbstractFormula, Days, whole, windows

FALL = 2 * np.log(2) - 1
BARS = (".high", ".low", ".open", "")


@dataclass(frozen=True)
class AbstractRealised(AbstractFormula):
    """From prices of the day called ``underlier`` and its ``parts``: ``"<underlier>.<kind><window>"`` unless named."""

    kind: ClassVar[str]
    parts: ClassVar[tuple[str, ...]]
    least: ClassVar[int] = 1

    underlier: str
    window: int = 21
    name: str | None = None

    def __post_init__(self):
        whole(self.window, self.least, "window")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The price of each of ``parts``."""
        return tuple(self.underlier + part for part in self.parts)

    @abstractmethod
    def variance(self, logs: np.ndarray) -> np.ndarray:
        """That of a day, over the last ``window`` days, from log prices: (part, day)."""

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The volatility a year."""
        name = self.name or f"{self.underlier}.{self.kind}{self.window}"
        return {name: _yearly(self.variance(np.log(_ordered(days))))}


@dataclass(frozen=True)
class CloseVol(AbstractRealised):
    r""":math:`\sqrt{\tfrac{252}{n}\sum r_j^2}` of the last ``window`` :math:`n` log returns; no mean is taken off.

    >>> prices = Days(("SPX",), np.arange(3), np.exp([[0.0, 0.01, 0.0]]))
    >>> CloseVol("SPX", 2).apply(prices, {})["SPX.close_vol2"].round(6).tolist()
    [0.158745]
    """

    kind: ClassVar[str] = "close_vol"
    parts: ClassVar[tuple[str, ...]] = ("",)

    def variance(self, logs: np.ndarray) -> np.ndarray:
        return _mean(np.diff(logs[0]) ** 2, self.window)


@dataclass(frozen=True)
class Parkinson(AbstractRealised):
    r""":math:`\sqrt{\tfrac{252}{n}\sum\log^2(H_j/L_j)/(4\log 2)}`: from highs and lows, so without the night.

    Reads ``"<underlier>.high"`` and ``".low"``. Source: Parkinson (1980).

    >>> days = Days(("SPX.high", "SPX.low"), np.arange(1), np.array([[101.0], [100.0]]))
    >>> Parkinson("SPX", 1).apply(days, {})["SPX.parkinson1"].round(6).tolist()
    [0.094863]
    """

    kind: ClassVar[str] = "parkinson"
    parts: ClassVar[tuple[str, ...]] = (".high", ".low")

    def variance(self, logs: np.ndarray) -> np.ndarray:
        high, low = logs
        return _mean((high - low) ** 2 / (4 * np.log(2)), self.window)


@dataclass(frozen=True)
class GarmanKlass(AbstractRealised):
    r""":math:`\sqrt{\tfrac{252}{n}\sum\tfrac12\log^2(H_j/L_j)-(2\log2-1)\log^2(C_j/O_j)}`: again without the night.

    Reads ``"<underlier>"`` (close), ``".open"``, ``".high"`` and ``".low"``. Source: Garman and Klass (1980).

    >>> days = Days(GarmanKlass("SPX").inputs, np.arange(1), np.array([[101.0], [99.0], [100.0], [100.0]]))
    >>> GarmanKlass("SPX", 1).apply(days, {})["SPX.garman_klass1"].round(6).tolist()
    [0.224507]
    """

    kind: ClassVar[str] = "garman_klass"
    parts: ClassVar[tuple[str, ...]] = BARS

    def variance(self, logs: np.ndarray) -> np.ndarray:
        high, low, first, close = logs
        return _mean((high - low) ** 2 / 2 - FALL * (close - first) ** 2, self.window)


@dataclass(frozen=True)
class YangZhang(AbstractRealised):
    r""":math:`\sqrt{252(V_o+kV_c+(1-k)V_{rs})}`: nights, days and ranges, whatever the drift.

    :math:`V_o,V_c` are sample variances (divisor :math:`n-1`) of :math:`\log(O_j/C_{j-1})` and :math:`\log(C_j/O_j)`,
    :math:`V_{rs}` the mean of :math:`\log\tfrac{H}{C}\log\tfrac{H}{O}+\log\tfrac{L}{C}\log\tfrac{L}{O}`, and
    :math:`k=0.34/(1.34+\tfrac{n+1}{n-1})`. Reads what `GarmanKlass` does.

    Source: Yang and Zhang (2000); Rogers and Satchell (1991) for the ranges.

    >>> days = Days(YangZhang("SPX").inputs, np.arange(3), np.tile([[101.0], [99.0], [100.0], [100.0]], 3))
    >>> YangZhang("SPX", 2).apply(days, {})["SPX.yang_zhang2"].round(6).tolist()
    [0.215536]
    """

    kind: ClassVar[str] = "yang_zhang"
    parts: ClassVar[tuple[str, ...]] = BARS
    least: ClassVar[int] = 2

    def variance(self, logs: np.ndarray) -> np.ndarray:
        high, low, first, close = logs
        night, day = first[1:] - close[:-1], (close - first)[1:]
        ranges = ((high - close) * (high - first) + (low - close) * (low - first))[1:]
        n = self.window
        share = 0.34 / (1.34 + (n + 1) / (n - 1))
        spread = windows(night, n).var(axis=-1, ddof=1) + share * windows(day, n).var(axis=-1, ddof=1)
        return spread + (1 - share) * _mean(ranges, n)


@dataclass(frozen=True)
class IntradayVol(AbstractFormula):
    r""":math:`\sqrt{\tfrac{252}{n}\sum RV_j}` from daily realised variances, sums of squared returns within the day.

    Source: Andersen, Bollerslev, Diebold and Labys (2003).

    >>> days = Days(("SPX.variance",), np.arange(2), np.array([[1e-4, 3e-4]]))
    >>> IntradayVol("SPX.variance", 2).apply(days, {})["SPX.variance.vol2"].round(6).tolist()
    [0.224499]
    """

    variance: str
    window: int = 21
    name: str | None = None

    def __post_init__(self):
        whole(self.window, 1, "window")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The daily variance."""
        return (self.variance,)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<variance>.vol<window>"`` unless named."""
        wrong = days.values[0] < 0
        require(not wrong.any(), f"{self.variance} is below 0 on {listed(days.dates[wrong])}", DataError)
        return {self.name or f"{self.variance}.vol{self.window}": _yearly(_mean(days.values[0], self.window))}


def _ordered(days: Days) -> np.ndarray:
    """Prices: one, or high, low and what lies between them; raises ``DataError`` with the days where it does not."""
    values = days.positive().values
    wrong = (values[0] < values.max(axis=0)) | (values[1:2] > values.min(axis=0)).any(axis=0)
    said = f"{' and '.join(days.names[:2])} must hold all prices of the day between them, did not on"
    require(not wrong.any(), f"{said} {listed(days.dates[wrong])}; correct or drop these days", DataError)
    return values


def _mean(values: np.ndarray, window: int) -> np.ndarray:
    return windows(values, window).mean(axis=-1)


def _yearly(variance: np.ndarray) -> np.ndarray:
    """Volatility a year; rounding may leave a variance of 0 just below it."""
    return np.sqrt(TRADING_YEAR * np.maximum(variance, 0.0))
