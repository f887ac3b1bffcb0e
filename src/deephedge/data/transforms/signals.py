"""Signals of trend and of carry."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import AbstractFormula, Days, whole, windows


@dataclass(frozen=True)
class Momentum(AbstractFormula):
    r""":math:`\log(S_t/S_{t-L})/(\sigma_t\sqrt L)` for each of ``lookbacks`` :math:`L`: returns in deviations.

    :math:`\sigma_t^2` is the mean square of the last ``window`` daily log returns; NaN where they are all 0.

    Source: Moskowitz, Ooi and Pedersen (2012), here scaled to the lookback.

    >>> prices = Days(("SPX",), np.arange(3), np.exp([[0.0, 0.01, 0.02]]))
    >>> Momentum("SPX", lookbacks=(2,), window=2).apply(prices, {})["SPX.momentum2"].round(6).tolist()
    [1.414214]
    """

    underlier: str
    lookbacks: tuple[int, ...] = (21, 63, 252)
    window: int = 63
    name: str | None = None

    def __post_init__(self):
        for lookback in self.lookbacks:
            whole(lookback, 1, "lookbacks")
        whole(self.window, 1, "window")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The price."""
        return (self.underlier,)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<underlier>.momentum"`` unless named, then the lookback."""
        logs = np.log(days.positive().values[0])
        deviation = np.sqrt(windows(np.diff(logs) ** 2, self.window).mean(axis=-1))
        name = self.name or f"{self.underlier}.momentum"
        return {f"{name}{lookback}": _scaled(logs, lookback, deviation) for lookback in self.lookbacks}


@dataclass(frozen=True)
class Carry(AbstractFormula):
    r""":math:`\log(P_{near}/P_{far})/\text{years}`: what is earned a year if prices stand still.

    Two futures nearbys that expire ``years`` apart, or a spot and its forward of that tenor (then it is the dividend,
    foreign or convenience yield less the rate).

    Source: Koijen, Moskowitz, Pedersen and Vrugt (2018).

    >>> days = Days(("CL1", "CL2"), np.arange(1), np.array([[101.0], [100.0]]))
    >>> Carry("CL1", "CL2", years=1 / 12).apply(days, {})["CL1.carry"].round(6).tolist()
    [0.119404]
    """

    near: str
    far: str
    years: float
    name: str | None = None

    def __post_init__(self):
        require(self.years > 0, f"years must be above 0, was {self.years}", DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both prices."""
        return (self.near, self.far)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<near>.carry"`` unless named."""
        near, far = np.log(days.positive().values)
        return {self.name or f"{self.near}.carry": (near - far) / self.years}


@dataclass(frozen=True)
class RateCarry(AbstractFormula):
    """What holding earns less what funding it costs: a foreign rate or a dividend yield less a rate, in their unit.

    >>> days = Days(("eur.rate", "usd.rate"), np.arange(1), np.array([[0.02], [0.05]]))
    >>> RateCarry("eur.rate", "usd.rate").apply(days, {})["eur.rate.carry"].round(6).tolist()
    [-0.03]
    """

    earned: str
    paid: str
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both rates."""
        return (self.earned, self.paid)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<earned>.carry"`` unless named."""
        earned, paid = days.values
        return {self.name or f"{self.earned}.carry": earned - paid}


def _scaled(logs: np.ndarray, lookback: int, deviation: np.ndarray) -> np.ndarray:
    moves = (logs[lookback:] - logs[:-lookback]) / np.sqrt(lookback)
    both = min(moves.size, deviation.size)
    moves, deviation = moves[moves.size - both :], deviation[deviation.size - both :]
    return np.divide(moves, deviation, out=np.full(both, np.nan), where=deviation > 0)
