"""The variance risk premium."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.data.transforms.base import AbstractFormula, Days


@dataclass(frozen=True)
class VariancePremium(AbstractFormula):
    r""":math:`\sigma_{implied}^2-\sigma_{expected}^2`, variance a year: what options ask above what is expected.

    ``implied`` and ``expected`` are volatilities per root year, the second realised so far (`CloseVol`) or forecast
    (`GarchForecast`). What will be realised is not known at the time, and is no input.

    Source: Bollerslev, Tauchen and Zhou (2009).

    >>> days = Days(("SPX.vol", "SPX.garch21"), np.arange(1), np.array([[0.2], [0.1]]))
    >>> VariancePremium("SPX.vol", "SPX.garch21").apply(days, {})["SPX.vol.premium"].round(6).tolist()
    [0.03]
    """

    implied: str
    expected: str
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """Both volatilities."""
        return (self.implied, self.expected)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<implied>.premium"`` unless named."""
        implied, expected = days.values
        return {self.name or f"{self.implied}.premium": implied**2 - expected**2}
