"""The volatility that a GARCH(1,1) model expects."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import TRADING_YEAR, AbstractTransform, Days, whole

LEAST = 250  # training days, below which such a fit is noise


@dataclass(frozen=True)
class GarchForecast(AbstractTransform):
    r"""Volatility expected over the next ``horizon`` days at each close, per root year of 252.

    .. math:: h_{t+1}=\omega+\alpha(r_t-\mu)^2+\beta h_t,\qquad
        \tfrac1H\sum_{j\le H}E_t h_{t+j}=v+(h_{t+1}-v)\frac{1-\phi^H}{H(1-\phi)},

    with :math:`\phi=\alpha+\beta` and :math:`v=\omega/(1-\phi)`. Parameters are of greatest normal likelihood on the
    training days (package ``arch``); the recursion starts on the first day that is known, with the variance the fit
    started from, and forgets it in a few months. Raises ``DataError`` where the fitted variance does not revert.

    Source: Bollerslev (1986); Baillie and Bollerslev (1992) for the days ahead.

    >>> calm = Days(("SPX",), np.arange(3), np.ones((1, 3)))
    >>> constants = {"mean": 0.0, "omega": 1e-6, "alpha": 0.1, "beta": 0.8, "first": 1e-5}
    >>> GarchForecast("SPX", 1).apply(calm, constants)["SPX.garch1"].round(6).tolist()
    [0.047624, 0.045458]
    """

    underlier: str
    horizon: int = 21
    name: str | None = None

    def __post_init__(self):
        whole(self.horizon, 1, "horizon")

    @property
    def inputs(self) -> tuple[str, ...]:
        """The price."""
        return (self.underlier,)

    def learn(self, days: Days) -> dict[str, Any]:
        """``mean`` a day; ``omega``, ``alpha``, ``beta``; ``first``, the variance of the first return."""
        from arch import arch_model  # takes a second to import, and only fitting needs it

        returns = np.diff(np.log(days.enough(LEAST).varied().positive().values[0]))
        model = arch_model(100.0 * returns, mean="Constant", vol="GARCH", p=1, q=1)  # pyright: ignore
        result = model.fit(disp="off", show_warning=False)
        mean, omega, alpha, beta = (float(x) for x in np.asarray(result.params))
        said = f"{self.underlier}: the fitted variance does not revert (alpha + beta = {alpha + beta:.4f})"
        require(alpha + beta < 1 and omega > 0, f"{said}; take more training days", DataError)
        first = float(np.asarray(result.conditional_volatility)[0]) ** 2
        return {"mean": mean / 1e2, "omega": omega / 1e4, "alpha": alpha, "beta": beta, "first": first / 1e4}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """``"<underlier>.garch<horizon>"`` unless named."""
        from scipy import signal

        omega, alpha, beta = (constants[name] for name in ("omega", "alpha", "beta"))
        moves = np.diff(np.log(days.positive().values[0])) - constants["mean"]
        start = [beta * constants["first"]]
        ahead = signal.lfilter([1.0], [1.0, -beta], omega + alpha * moves**2, zi=start)[0] if moves.size else moves
        memory, size = alpha + beta, self.horizon
        level = omega / (1 - memory)
        expected = level + (ahead - level) * (1 - memory**size) / (size * (1 - memory))
        return {self.name or f"{self.underlier}.garch{size}": np.sqrt(TRADING_YEAR * expected)}
