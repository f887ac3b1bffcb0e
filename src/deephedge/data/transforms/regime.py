"""Regimes: labels from thresholds of the training days, and a scaler for each label."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import AbstractTransform, Days
from deephedge.data.transforms.scale import AbstractScaler


@dataclass(frozen=True)
class Regime(AbstractTransform):
    """How many quantiles of the training days the quote reaches: 0 the lowest, terciles by default.

    >>> train = Days(("SPX.vol",), np.arange(21), np.arange(21.0)[None])
    >>> regime = Regime("SPX.vol", chances=(0.5,))
    >>> regime.apply(Days(("SPX.vol",), np.arange(2), np.array([[9.0, 10.0]])), regime.learn(train))
    {'SPX.vol.regime': array([0., 1.])}
    """

    quote: str
    chances: tuple[float, ...] = (1 / 3, 2 / 3)
    name: str | None = None

    def __post_init__(self):
        rising = bool(self.chances) and list(self.chances) == sorted(set(self.chances))
        inside = all(0 < c < 1 for c in self.chances)
        require(rising and inside, f"chances must increase between 0 and 1, were {self.chances}", DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def learn(self, days: Days) -> dict[str, Any]:
        """``thresholds``, in the quote's unit."""
        return {"thresholds": np.quantile(days.enough().varied().values[0], self.chances).tolist()}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.regime"`` unless named: whole numbers from 0."""
        label = np.searchsorted(constants["thresholds"], days.values[0], side="right")
        return {self.name or f"{self.quote}.regime": label.astype(float)}


@dataclass(frozen=True)
class PerRegime(AbstractTransform):
    """``scaler`` with constants of its own for each label of the quote ``regime``, such as `Regime` makes or given.

    A label that the training days did not have gives NaN. Raises ``DataError`` where they have one too rarely.

    >>> from deephedge.data.transforms import ZScore
    >>> train = Days(("x", "label"), np.arange(40), np.stack([np.arange(40.0), np.repeat([0.0, 1.0], 20)]))
    >>> [constants["mean"] for constants in PerRegime(ZScore("x"), "label").learn(train)["constants"]]
    [9.5, 29.5]
    """

    scaler: AbstractScaler
    regime: str
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The scaler's quote, and the labels."""
        return (*self.scaler.inputs, self.regime)

    def learn(self, days: Days) -> dict[str, Any]:
        """``labels``, and the scaler's ``constants`` for each."""
        labels = np.unique(days.enough().values[-1])
        return {"labels": labels.tolist(), "constants": [self._part(days, label) for label in labels]}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The scaler's name and ``".by_regime"`` unless named."""
        result = np.full(days.dates.size, np.nan)
        for label, part in zip(constants["labels"], constants["constants"], strict=True):
            here = days.values[-1] == label
            result[here] = self.scaler.scaled(days.values[0, here], part)
        return {self.name or f"{self.scaler.output}.by_regime": result}

    def _part(self, days: Days, label: float) -> dict[str, Any]:
        own = Days(days.names[:1], days.dates, days.values[:1])
        return self.scaler.learn(own.on(days.values[-1] == label, f" where {self.regime} is {label:g}"))
