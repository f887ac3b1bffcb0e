"""Fractional differences: stationary, with as much memory as is left to keep."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import FEWEST, AbstractTransform, Days

LONGEST = 2_520  # days of weights that are looked at
ORDERS = tuple(k / 20 for k in range(21))  # tried from below


@dataclass(frozen=True)
class FractionalDifference(AbstractTransform):
    r""":math:`(1-B)^d x_t\approx\sum_{k\le K} w_k x_{t-k}`, :math:`w_0=1,\ w_k=-w_{k-1}(d-k+1)/k`, on a fixed window.

    The window ends before the first weight below ``cut`` in size. Without an ``order`` :math:`d` it is the smallest of
    0, 0.05, ... 1 whose differences of the training days reject a unit root (augmented Dickey-Fuller with a constant
    and one lag, p-value at most ``level``). ``log`` takes logs first. A window that ends leaves
    :math:`\sum_k w_k` of the level in. Raises ``DataError`` where no order passes.

    Source: Hosking (1981); Lopez de Prado (2018), sections 5.5.2 and 5.6.

    >>> half = FractionalDifference("SPX", order=0.5, cut=0.05, log=False)
    >>> weights(0.5, 0.05).tolist()
    [1.0, -0.5, -0.125, -0.0625]
    >>> half.apply(Days(("SPX",), np.arange(5), np.ones((1, 5))), {"order": 0.5})
    {'SPX.frac': array([0.3125, 0.3125])}
    """

    quote: str
    order: float | None = None
    cut: float = 1e-4
    level: float = 0.05
    log: bool = True
    name: str | None = None

    def __post_init__(self):
        inside = self.order is None or 0 <= self.order <= 2
        require(inside, f"order must be from 0 to 2, or None to be found, was {self.order}", DataError)
        require(0 < self.cut < 1 and 0 < self.level < 1, "cut and level must lie between 0 and 1", DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def learn(self, days: Days) -> dict[str, Any]:
        """The ``order``."""
        if self.order is not None:
            return {"order": self.order}
        values = self._values(days.enough().varied())
        tried = (order for order in ORDERS if self._p_value(days, values, order) <= self.level)
        order = next(tried, None)
        said = f"{self.quote}: no difference up to order 1 is stationary on the training days at {self.level}"
        require(order is not None, f"{said}; take more days, or give an order", DataError)
        return {"order": order}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.frac"`` unless named."""
        return {self.name or f"{self.quote}.frac": self._differenced(self._values(days), constants["order"])}

    def _values(self, days: Days) -> np.ndarray:
        return np.log(days.positive().values[0]) if self.log else days.values[0]

    def _differenced(self, values: np.ndarray, order: float) -> np.ndarray:
        taps = weights(order, self.cut)
        return np.convolve(values, taps, "valid") if values.size >= taps.size else np.empty(0)

    def _p_value(self, days: Days, values: np.ndarray, order: float) -> float:
        from statsmodels.tsa.stattools import adfuller

        width = weights(order, self.cut).size
        days.enough(width + FEWEST)
        differences = self._differenced(values, order)
        result = adfuller(differences, maxlag=1, autolag=None, regression="c", result_object=True)
        return float(result.pvalue)  # pyright: ignore[reportAttributeAccessIssue]


def weights(order: float, cut: float) -> np.ndarray:
    """Weights of the days, today's first, up to the first below ``cut`` in size."""
    k = np.arange(1, LONGEST)
    every = np.cumprod(np.r_[1.0, -(order - k + 1) / k])
    small = np.abs(every) < cut
    return every[: np.argmax(small) if small.any() else LONGEST]
