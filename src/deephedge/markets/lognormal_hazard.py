"""Default at a lognormal rate: an intensity whose logarithm reverts, with survival from a lattice."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.credit import TENORS, check_credit, credit_path, living
from deephedge.markets.rates import as_tenors
from deephedge.pricing import hazard, hullwhite

NODES = 192  # of the lattice in the log intensity
REACH = 6.0  # deviations of the log intensity that it holds
STEP = 1.0 / 16.0  # years
LEVELS = (1e-6, 20.0)  # among which a level is looked for, per year
_LEAST = 1e-30  # of a survival probability, so that it has a logarithm


class LognormalHazard(AbstractMarket):
    r"""An intensity of default :math:`\lambda=e^y` whose logarithm is an Ornstein-Uhlenbeck process:

    .. math:: dy = \kappa(\log\ell-y)\,dt + \sigma\,dW.

    ``intensity`` :math:`\lambda_0` and ``level`` :math:`\ell` per year, ``mean_reversion`` :math:`\kappa` per year (0
    or more), ``vol`` :math:`\sigma` per root year, all of the pricing measure; `fitted` finds the level that meets a
    survival probability. The intensity is positive and exact on any grid. A name that lives defaults in a step with
    probability :math:`1-e^{-\Delta(\lambda+\lambda')/2}`, by a normal of that step: of order 2 in the step.

    Survival has no closed form. It is carried backward on a lattice of 192 values of :math:`y` in steps of a
    sixteenth of a year, with the exact transition density and half of the intensity before and after each, and read
    off by cubics in both directions: right to 1e-4 of itself to ten years, at :math:`\sigma\le1` and intensities up to
    0.5 a year (2e-3 at 2.5 a year). The lattice is made once for all paths; it reaches the longest of ``tenors`` and 6
    deviations of :math:`y`, where an intensity beyond counts as one at the edge.

    Quotes, ``recovery`` and ``rate`` are those of `CirIntensity`. Raises ``ParameterError`` for a parameter outside
    its domain. Source: Black and Karasinski (1991), for the process, there a short rate.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.LognormalHazard("ACME", 0.02, mean_reversion=0.3, level=0.03, vol=0.8, tenors=(5,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['ACME.alive', 'ACME.compensator', 'ACME.intensity', 'ACME.spread.5y', 'ACME.survival.5y']
    """

    name: str = eqx.field(static=True)
    intensity: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    recovery: Float[Array, ""] = number(default=0.4)
    rate: Float[Array, ""] | None = optional_number()
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        for field, unit in (("intensity", "a year"), ("level", "a year"), ("vol", "per root year")):
            value = getattr(self, field)
            fits = concrete(value, lambda x: np.isfinite(x) & (x > 0))
            require(fits, f"{field} must be positive and finite, {unit}, was {value}")
        speed = self.mean_reversion
        require(concrete(speed, lambda a: a >= 0), f"mean_reversion must be 0 or more a year, was {speed}")
        require(len(self.tenors) > 0, "tenors needs at least one time in years: the lattice reaches the longest")
        check_credit(self.recovery, self.tenors)

    @classmethod
    def fitted(
        cls, name: str, intensity: float, mean_reversion: float, vol: float, survival: tuple[float, float], **more: Any
    ) -> "LognormalHazard":
        """The market at whose ``level`` a name of ``intensity`` lives (years, probability) of ``survival``.

        By bisection. Raises ``ParameterError`` where no level does; ``more`` are the other fields.

        >>> market = LognormalHazard.fitted("ACME", 0.02, 0.3, 0.8, (5.0, 0.87), tenors=(5,))
        >>> round(float(market.survival(0.02, 0.0, 5.0)), 4)
        0.87
        """
        years, wanted = survival
        more = {"tenors": (years,)} | more
        odds = eqx.filter_jit(lambda level: cls(name, intensity, mean_reversion, level, vol, **more).survival(
            intensity, 0.0, years))  # fmt: skip
        low, high = np.log(LEVELS)
        met = float(odds(jnp.exp(high))) < wanted < float(odds(jnp.exp(low)))
        require(met, f"survival of {wanted} in {years} years is out of reach of any level from this intensity")
        for _ in range(30):
            middle = 0.5 * (low + high)
            low, high = (middle, high) if float(odds(jnp.exp(middle))) > wanted else (low, middle)
        return cls(name, intensity, mean_reversion, float(np.exp(0.5 * (low + high))), vol, **more)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.array([1.0, 0.0]), f"{self.name}.default": jnp.array([0.0, 1.0])}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        centre, decay = jnp.log(self.level), jnp.exp(-self.mean_reversion * grid.dt)
        moves = jnp.sqrt(hullwhite.short_variance(grid.dt, self.mean_reversion, self.vol)) * shocks[:, 0]

        def step(away: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            after = now[0] * away + now[1]
            return after, after

        start = (jnp.log(self.intensity) - centre).astype(shocks.dtype)
        _, after = lax.scan(step, start, (decay, moves))
        y = centre + jnp.concatenate([start[None], after])
        rate = jnp.exp(jnp.minimum(y, 60.0))
        risk = jnp.minimum(0.5 * grid.dt * (rate[1:] + rate[:-1]), 1e30)
        quotes = {
            f"{self.name}.intensity": rate,
            f"{self.name}.compensator": accumulated(risk),
            f"{self.name}.alive": living(risk, shocks[:, 1]),
        }
        years = jnp.asarray(self.tenors, y.dtype)
        return credit_path(self, grid, quotes, self.survival(rate[:, None], 0.0, years))

    def survival(self, intensity: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Probability that a name of this intensity lives ``left`` years longer, up to the longest of ``tenors``."""
        del now  # the law does not change with time
        longest = max(self.tenors)
        fits = concrete(jnp.asarray(left), lambda t: t <= longest * (1.0 + 1e-6))
        require(fits, f"left must not exceed the longest of tenors, {longest} years: the lattice ends there")
        y, left = jnp.broadcast_arrays(jnp.log(jnp.asarray(intensity)), jnp.asarray(left, float))
        low, width, table = self._lattice()
        count = table.shape[0] - 1
        first, ahead = _weights(left * (count / longest), count)
        node, across = _weights((y - low) / width, NODES - 1)
        logs = table[(first[..., None] + np.arange(4))[..., None], (node[..., None] + np.arange(4))[..., None, :]]
        return jnp.exp(jnp.minimum(jnp.einsum("...t,...y,...ty->...", ahead, across, logs), 0.0))

    def bond(self, intensity: ArrayLike, alive: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a promise of one in ``left`` years, of which ``recovery`` is paid then if the name is not alive."""
        odds = jnp.asarray(alive) * self.survival(intensity, now, left)
        rate = 0.0 if self.rate is None else self.rate
        return hazard.zero_bond(jnp.exp(-rate * jnp.asarray(left)), odds, self.recovery)

    def _lattice(self) -> tuple[Array, Array, Array]:
        """The lowest log intensity, the distance of two, and the log of survival (time left by log intensity)."""
        longest = max(self.tenors)
        count = max(int(np.ceil(longest / STEP - 1e-9)), 4)
        dt, centre, start = longest / count, jnp.log(self.level), jnp.log(self.intensity)
        reach = REACH * jnp.sqrt(hullwhite.short_variance(2.0 * longest, self.mean_reversion, self.vol))
        low, high = jnp.minimum(start, centre) - reach, jnp.maximum(start, centre) + reach
        width = (high - low) / (NODES - 1)
        y = low + width * np.arange(NODES)
        mean = centre + (y - centre) * jnp.exp(-self.mean_reversion * dt)
        spread = hullwhite.short_variance(dt, self.mean_reversion, self.vol)
        kernel = jax.nn.softmax(-0.5 * (y - mean[:, None]) ** 2 / spread, axis=-1)
        half = jnp.exp(-0.5 * dt * jnp.exp(jnp.minimum(y, 60.0)))

        def step(odds: Array, _: None) -> tuple[Array, Array]:
            after = half * (kernel @ (half * odds))
            return after, after

        _, odds = lax.scan(step, jnp.ones_like(y), length=count)
        table = jnp.concatenate([jnp.zeros((1, NODES), y.dtype), jnp.log(jnp.maximum(odds, _LEAST))])
        return low, width, table


def _weights(place: Array, last: int) -> tuple[Array, Array]:
    """The first of four neighbours of a place on a lattice 0, 1, ... ``last``, and Lagrange's weights of the four."""
    place = jnp.clip(place, 0.0, last)
    first = jnp.clip(jnp.floor(place).astype(int) - 1, 0, last - 3)
    u = place - first
    zero, one, two, three = u, u - 1.0, u - 2.0, u - 3.0
    weights = (-one * two * three / 6.0, zero * two * three / 2.0, -zero * one * three / 2.0, zero * one * two / 6.0)
    return first, jnp.stack(weights, axis=-1)
