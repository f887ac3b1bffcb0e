"""The Hodrick-Prescott filter, from the past alone."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import AbstractFormula, Days
from deephedge.data.transforms.penalised import one_sided

HARDEST = 1e9  # smoothing, beyond which rounding reaches the sixth digit of the trend


@dataclass(frozen=True)
class HodrickPrescott(AbstractFormula):
    r"""Trend and cycle: :math:`\min_\tau\sum(y_t-\tau_t)^2+\lambda\sum(\Delta^2\tau_t)^2`, over the days so far.

    The trend at a day is the last value of the smoother of all days until then, which is the filtered level of a
    Kalman filter with a random slope, and not the two-sided trend that papers plot. Both outputs are in the unit of the
    quote, of its log with ``log``. Half of a swing of :math:`2\pi\lambda^{1/4}` days is trend: ``smoothing``
    :math:`\lambda` is 252 days by default.

    Source: Hodrick and Prescott (1997); Stock and Watson (1999) for one side.

    >>> line = Days(("SPX",), np.arange(4), np.array([[1.0, 2.0, 3.0, 4.0]]))
    >>> HodrickPrescott("SPX").apply(line, {})["SPX.hp.trend"].round(6).tolist()
    [1.0, 2.0, 3.0, 4.0]
    """

    quote: str
    smoothing: float = 2.6e6
    log: bool = False
    name: str | None = None

    def __post_init__(self):
        inside = 0 < self.smoothing <= HARDEST
        require(inside, f"smoothing must be above 0 and at most {HARDEST:g}, was {self.smoothing}", DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``.trend`` and ``.cycle`` after ``"<quote>.hp"`` unless named."""
        values = np.log(days.positive().values[0]) if self.log else days.values[0]
        trend, name = one_sided(values, self.smoothing, order=2)[0], self.name or f"{self.quote}.hp"
        return {f"{name}.trend": trend, f"{name}.cycle": values - trend}
