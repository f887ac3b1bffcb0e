"""Quotes in fixed units that were measured on training days: by mean and deviation, by median, by rank."""

from abc import abstractmethod
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np
from scipy import special

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import FLAT, AbstractTransform, Days

NORMAL = 1 / special.ndtri(0.75)  # of a normal law: deviation over median absolute deviation


@dataclass(frozen=True)
class AbstractScaler(AbstractTransform):
    """One quote to one quote, day by day: ``scaled`` reads the constants and the value of the day."""

    suffix: ClassVar[str]

    quote: str
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    @property
    def output(self) -> str:
        """``"<quote>.<suffix>"`` unless named."""
        return self.name or f"{self.quote}.{self.suffix}"

    @abstractmethod
    def scaled(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """The values in their new units."""

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The scaled quote."""
        return {self.output: self.scaled(days.values[0], constants)}


@dataclass(frozen=True)
class ZScore(AbstractScaler):
    r""":math:`(x - m)/s`, mean and standard deviation (divisor :math:`n`) of the training days; no unit.

    >>> train = Days(("SPX.vol",), np.arange(20), np.tile([[0.1, 0.3]], 10))
    >>> {name: round(x, 12) for name, x in ZScore("SPX.vol").learn(train).items()}
    {'mean': 0.2, 'scale': 0.1}
    """

    suffix: ClassVar[str] = "z"

    def learn(self, days: Days) -> dict[str, Any]:
        """``mean``, ``scale``."""
        values = days.enough().varied().values[0]
        return {"mean": float(values.mean()), "scale": float(values.std())}

    def scaled(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """In deviations from the mean."""
        return (values - constants["mean"]) / constants["scale"]


@dataclass(frozen=True)
class Robust(AbstractScaler):
    r""":math:`(x - \mathrm{med})/(1.4826\,\mathrm{MAD})` of the training days: a few wild days do not move it; no unit.

    Raises ``DataError`` where half of the training days have one and the same value.

    Source: Huber (1981).

    >>> train = Days(("SPX.vol",), np.arange(21), np.r_[np.arange(20.0), 1e6][None])
    >>> {name: round(x, 4) for name, x in Robust("SPX.vol").learn(train).items()}
    {'median': 10.0, 'scale': 7.413}
    """

    suffix: ClassVar[str] = "robust"

    def learn(self, days: Days) -> dict[str, Any]:
        """``median``, ``scale``."""
        values = days.enough().varied().values[0]
        median = np.median(values)
        scale = NORMAL * np.median(np.abs(values - median))
        said = f"{days.names[0]} has one value on half of the training days, so no median deviation; take ZScore"
        require(bool(scale > FLAT * np.abs(values).max()), said, DataError)
        return {"median": float(median), "scale": float(scale)}

    def scaled(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """In robust deviations from the median."""
        return (values - constants["median"]) / constants["scale"]


@dataclass(frozen=True)
class NormalScore(AbstractScaler):
    r""":math:`\Phi^{-1}(r(x)/(n+1))`, with :math:`r` the rank among the :math:`n` training days; no unit.

    Ties share their mean rank, between two training values the rank is interpolated, and beyond the lowest and highest
    it is theirs: nothing is further out than the training days were.

    Source: Van der Waerden (1952).

    >>> train = Days(("SPX.vol",), np.arange(21), np.arange(21.0)[None])
    >>> constants = NormalScore("SPX.vol").learn(train)
    >>> NormalScore("SPX.vol").scaled(np.array([10.0, 20.0, 99.0]), constants).round(3).tolist()
    [0.0, 1.691, 1.691]
    """

    suffix: ClassVar[str] = "score"

    def learn(self, days: Days) -> dict[str, Any]:
        """The distinct training ``values`` and their ``shares``, ranks over :math:`n + 1`."""
        values, counts = np.unique(days.enough().varied().values[0], return_counts=True)
        shares = (np.cumsum(counts) - (counts - 1) / 2) / (counts.sum() + 1)
        return {"values": values.tolist(), "shares": shares.tolist()}

    def scaled(self, values: np.ndarray, constants: Mapping[str, Any]) -> np.ndarray:
        """As normal scores."""
        return special.ndtri(np.interp(values, constants["values"], constants["shares"]))
