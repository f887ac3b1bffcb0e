"""Factors of an implied volatility surface: level, skew and term."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import AbstractFormula, Days


@dataclass(frozen=True)
class SurfaceFactors(AbstractFormula):
    r"""Level, skew and term structure of implied volatilities by least squares, day by day:

    .. math:: \sigma_i=\text{level}+\text{skew}\,k_i/\sqrt{\tau_i}+\text{term}\,\log(\tau_i/\tau_0).

    ``quotes`` are the volatilities at log-moneyness :math:`k_i=\log(K/F)` (``moneyness``) and :math:`\tau_i` years
    (``tenors``); ``reference`` is :math:`\tau_0`. So ``"<name>.level"`` is the at-the-money volatility of the reference
    tenor, ``".skew"`` its slope in :math:`k/\sqrt\tau` and ``".term"`` that in the log of the tenor. Raises
    ``DataError`` where the points cannot tell the three apart.

    Source: after Goncalves and Guidolin (2006), without their curvature and cross term.

    >>> points = SurfaceFactors(("a", "b", "c"), (0.0, -0.1, 0.0), (0.25, 0.25, 1.0), "SPX", reference=0.25)
    >>> found = points.apply(Days(points.quotes, np.arange(1), np.array([[0.2], [0.24], [0.25]])), {})
    >>> {name: value.round(4).tolist() for name, value in found.items()}
    {'SPX.level': [0.2], 'SPX.skew': [-0.2], 'SPX.term': [0.0361]}
    """

    quotes: tuple[str, ...]
    moneyness: tuple[float, ...]
    tenors: tuple[float, ...]
    name: str
    reference: float = 30 / 365

    def __post_init__(self):
        sizes = (len(self.quotes), len(self.moneyness), len(self.tenors))
        require(len(set(sizes)) == 1, f"each quote needs a moneyness and a tenor, there were {sizes}", DataError)
        require(min((*self.tenors, self.reference)) > 0, "tenors and reference must be years above 0", DataError)
        apart = np.linalg.matrix_rank(self._design()) == 3
        require(
            bool(apart), "level, skew and term need two moneynesses and two tenors that are not one line", DataError
        )

    @property
    def inputs(self) -> tuple[str, ...]:
        """The implied volatilities."""
        return self.quotes

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``.level``, ``.skew`` and ``.term``."""
        factors = np.einsum("kq,qd->kd", np.linalg.pinv(self._design()), days.values)
        return {f"{self.name}.{word}": row for word, row in zip(("level", "skew", "term"), factors, strict=True)}

    def _design(self) -> np.ndarray:
        moneyness, tenors = np.array(self.moneyness, float), np.array(self.tenors, float)
        return np.stack([np.ones(tenors.size), moneyness / np.sqrt(tenors), np.log(tenors / self.reference)], axis=1)
