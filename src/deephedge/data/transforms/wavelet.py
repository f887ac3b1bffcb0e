"""Denoising by wavelets that look back only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import FLAT, AbstractTransform, Days, whole
from deephedge.data.transforms.scale import NORMAL


@dataclass(frozen=True)
class HaarDenoise(AbstractTransform):
    r"""The quote with the small details of its last :math:`2^J` days shrunk to nothing, in its unit.

    Averages :math:`s_0=x,\ s_j(t)=\tfrac12(s_{j-1}(t)+s_{j-1}(t-2^{j-1}))` over the last :math:`2^j` days leave details
    :math:`d_j=s_{j-1}-s_j` (the Haar transform "with holes"), and :math:`x=s_J+\sum d_j`. Each is moved towards 0 by

    .. math:: \theta_j=\sigma\,2^{-j/2}\sqrt{2\log n},

    the size that white noise of deviation :math:`\sigma` all but never has in :math:`n` days; :math:`\sigma` is
    :math:`\sqrt2\cdot1.4826` times the median of :math:`|d_1|` on the training days. On the first :math:`2^J-1` days it
    is not known.

    Source: Murtagh, Starck and Renaud (2004); Donoho and Johnstone (1994).

    >>> step = Days(("x",), np.arange(6), np.array([[0.0, 0.1, 0.0, 0.1, 5.0, 5.1]]))
    >>> HaarDenoise("x", levels=1).apply(step, {"thresholds": [0.1]})["x.denoised"].round(3).tolist()
    [0.05, 0.05, 0.05, 4.9, 5.05]
    """

    quote: str
    levels: int = 3
    name: str | None = None

    def __post_init__(self):
        whole(self.levels, 1, "levels")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def learn(self, days: Days) -> dict[str, Any]:
        """``thresholds``, one a level, in the quote's unit."""
        values = days.enough(max(20, 2**self.levels)).varied().values[0]
        noise = np.sqrt(2) * NORMAL * np.median(np.abs(np.diff(values) / 2))
        moves = bool(noise > FLAT * np.abs(values).max())
        require(
            moves, f"{self.quote} stands still on half of the training days; there is no noise to measure", DataError
        )
        level = np.arange(1, self.levels + 1)
        return {"thresholds": (noise * 2.0 ** (-level / 2) * np.sqrt(2 * np.log(values.size))).tolist()}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.denoised"`` unless named."""
        average, known = days.values[0], max(0, days.dates.size - 2**self.levels + 1)
        kept = np.zeros(known)
        for level, threshold in enumerate(constants["thresholds"]):
            hole = 2**level
            smoother = (average[hole:] + average[:-hole]) / 2
            detail = average[hole:] - smoother
            kept += (np.sign(detail) * np.maximum(np.abs(detail) - threshold, 0.0))[detail.size - known :]
            average = smoother
        return {self.name or f"{self.quote}.denoised": kept + average[average.size - known :]}
