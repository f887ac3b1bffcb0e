"""One quote divided by another, or a number divided by a quote."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.data.transforms.base import AbstractFormula, Days


@dataclass(frozen=True)
class Ratio(AbstractFormula):
    """``over / under``, a rate quoted the other way round where ``over`` is left out (1), or a cross of two rates.

    >>> days = Days(("EURUSD",), np.arange(2), np.array([[1.25, 1.0]]))
    >>> Ratio("EURUSD", name="USDEUR").apply(days, {})
    {'USDEUR': array([0.8, 1. ])}
    """

    under: str
    name: str
    over: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The quotes that are divided."""
        return (self.under,) if self.over is None else (self.under, self.over)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The quote called ``name``; raises ``DataError`` where what divides is not above 0."""
        days.positive()
        return {self.name: (1.0 if self.over is None else days.values[1]) / days.values[0]}
