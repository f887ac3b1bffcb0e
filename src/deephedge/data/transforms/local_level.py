"""A level under noise: Kalman's filter with the variances of the training days."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.data.transforms.base import AbstractTransform, Days
from deephedge.data.transforms.penalised import one_sided

RATIOS = (-16.0, 8.0)  # log of the variance of a move of the level over that of the noise: the range searched


@dataclass(frozen=True)
class LocalLevel(AbstractTransform):
    r"""The level :math:`\mu_t` in :math:`y_t=\mu_t+\varepsilon_t,\ \mu_{t+1}=\mu_t+\eta_t`, given the days so far.

    Both variances are those of greatest likelihood on the training days (normal, the first day explained away); the
    filter starts from knowing nothing. In the unit of the quote.

    Source: Durbin and Koopman (2012), sections 2.2, 2.9 and 2.10.2.

    >>> rng = np.random.default_rng(0)
    >>> values = np.cumsum(rng.normal(size=1000)) + 2 * rng.normal(size=1000)
    >>> constants = LocalLevel("x").learn(Days(("x",), np.arange(1000), values[None]))
    >>> round(constants["noise"]), round(constants["level"])
    (4, 1)
    """

    quote: str
    name: str | None = None

    @property
    def inputs(self) -> tuple[str, ...]:
        """The one quote."""
        return (self.quote,)

    def learn(self, days: Days) -> dict[str, Any]:
        """Variances a day: ``noise`` and ``level``."""
        from scipy import optimize

        values = days.enough().varied().values[0]
        found = optimize.minimize_scalar(lambda x: _misfit(values, np.exp(x))[0], bounds=RATIOS, method="bounded",
                                         options={"xatol": 1e-7})  # fmt: skip
        ratio = float(np.exp(found.x))
        noise = _misfit(values, ratio)[1]
        return {"noise": noise, "level": ratio * noise}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<quote>.level"`` unless named."""
        smoothing = constants["noise"] / constants["level"]
        return {self.name or f"{self.quote}.level": one_sided(days.values[0], smoothing, order=1)[0]}


def _misfit(values: np.ndarray, ratio: float) -> tuple[float, float]:
    """Minus twice the log likelihood a day, less a constant, at the noise variance that is best; and that variance."""
    level, gain = one_sided(values, 1 / ratio, order=1)
    surprise, scale = values[1:] - level[:-1], 1 / (1 - gain[1:])  # the variance of the next surprise over the noise's
    noise = float(np.mean(surprise**2 / scale))
    return float(np.log(noise) + np.mean(np.log(scale))), noise
