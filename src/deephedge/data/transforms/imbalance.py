"""Which side of the order book is heavier."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.clean import listed
from deephedge.data.transforms.base import AbstractFormula, Days


@dataclass(frozen=True)
class BookImbalance(AbstractFormula):
    r""":math:`(B-A)/(B+A)` of the sizes bid and asked, from -1 (all ask) to 1 (all bid); NaN where the book is empty.

    Reads ``"<underlier>.bid_size"`` and ``".ask_size"``. Source: Gould and Bonart (2016).

    >>> days = Days(("SPX.bid_size", "SPX.ask_size"), np.arange(2), np.array([[30.0, 0.0], [10.0, 0.0]]))
    >>> BookImbalance("SPX").apply(days, {})
    {'SPX.imbalance': array([0.5, nan])}
    """

    underlier: str
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Sizes bid and asked."""
        return (f"{self.underlier}.bid_size", f"{self.underlier}.ask_size")

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<underlier>.imbalance"`` unless named."""
        wrong = (days.values < 0).any(axis=0)
        require(not wrong.any(), f"{self.underlier}: a size below 0 on {listed(days.dates[wrong])}", DataError)
        bid, ask = days.values
        depth = bid + ask
        imbalance = np.divide(bid - ask, depth, out=np.full(depth.shape, np.nan), where=depth > 0)
        return {self.name or f"{self.underlier}.imbalance": imbalance}
