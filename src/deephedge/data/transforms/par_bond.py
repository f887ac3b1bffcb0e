"""Bonds from yields: what a position that is always in a par bond of one maturity has earned."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import TRADING_YEAR, AbstractFormula, Days


@dataclass(frozen=True)
class ParBond(AbstractFormula):
    r"""An index of a bond of ``maturity`` years :math:`M` that is bought at par each day and sold on the next,

    .. math:: \frac{I_{t+1}}{I_t} = \bigl(1+\tfrac{y'}2\bigr)^{2\Delta}
        \Bigl(\frac y{y'}\bigl(1-(1+\tfrac{y'}2)^{-2M}\bigr) + (1+\tfrac{y'}2)^{-2M}\Bigr) - r_t\Delta,

    with the yields :math:`y=y_t` and :math:`y'=y_{t+1}`: half-yearly coupons at the yield of the day it is bought, and
    the price with what has accrued after a day :math:`\Delta`, 1/252 year. ``quote`` is the par yield (a fraction,
    bond-equivalent); ``spread``, where given, is a quote added to it: a corporate index by its spread. ``funding`` is
    the quote of a yearly rate :math:`r` that the position is financed at (nothing unless given): the index is then of
    excess returns, as of a future on the bond. Nothing defaults.

    Raises ``DataError`` where a yield is -100 % or less, or the position is wiped out in a day.

    Source: Swinkels (2019), returns of Treasury bonds from par yields, there with duration and convexity.

    >>> days = Days(("y",), np.arange(2), np.array([[0.04, 0.05]]))
    >>> ParBond("y", 5.0, "UST").apply(days, {})["UST"].round(5).tolist()
    [1.0, 0.95643]
    """

    quote: str
    maturity: float
    name: str
    spread: str | None = None
    funding: str | None = None

    def __post_init__(self):
        halves = 2 * self.maturity
        told = f"maturity must be whole half years above 0, was {self.maturity}"
        require(halves > 0 and halves == round(halves), told, DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The yield, the spread, the funding rate."""
        return tuple(name for name in (self.quote, self.spread, self.funding) if name is not None)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The index under ``name``, 1 on the first day."""
        rows = dict(zip(days.names, days.values, strict=True))
        level = rows[self.quote] + (0.0 if self.spread is None else rows[self.spread])
        require(
            bool((level > -1).all()),
            f"{self.name}: yields must be fractions above -1, were {level[level <= -1][:3]}",
            DataError,
        )
        rate = np.zeros_like(level) if self.funding is None else rows[self.funding]
        growth = _after_a_day(level[:-1], level[1:], self.maturity) - rate[:-1] / TRADING_YEAR
        sound = bool((growth > 0).all())
        require(
            sound, f"{self.name} loses all in a day; are {', '.join(self.inputs)} fractions, not percent?", DataError
        )
        return {self.name: np.cumprod(np.r_[np.ones(min(1, level.size)), growth])}


def _after_a_day(coupon: np.ndarray, level: np.ndarray, years: float) -> np.ndarray:
    left = np.power(1 + level / 2, -2 * years)
    flat = np.abs(level) < 1e-12
    annuity = np.where(flat, years, (1 - left) / np.where(flat, 1.0, level))
    return (coupon * annuity + left) * np.power(1 + level / 2, 2 / TRADING_YEAR)
