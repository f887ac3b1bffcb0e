"""Default at a random rate: a square-root intensity that meets today's survival curve (CIR++)."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.cir import areas, foreseen
from deephedge.markets.rates import as_tenors
from deephedge.pricing import cir, hazard

TENORS = (1, 5)
CURVE = "hazards must be a pair: years, increasing and above 0, and as many hazards per year, 0 or more"
CHECKED = 2000  # times at which the shift is looked at


def _as_hazards(value: Any) -> Array:
    return as_float([np.atleast_1d(row) for row in value] if isinstance(value, tuple | list) else value)


class CirIntensity(AbstractMarket):
    r"""An intensity of default :math:`\lambda_t=x_t+\psi(t)` that meets today's survival curve: CIR++.

    .. math:: dx = \kappa(\theta-x)\,dt + \sigma\sqrt x\,dW, \qquad \psi(t) = h(t) - f(t;x_0),

    with :math:`h` the hazard of today's curve, ``hazards`` (years, hazards per year; see `deephedge.pricing.hazard`,
    whose ``bootstrap`` makes them from spreads), and :math:`f` the forward of the square-root process. ``start``
    :math:`x_0`, ``level`` :math:`\theta` and ``vol`` :math:`\sigma` per year, ``mean_reversion`` :math:`\kappa` per
    year, all of the pricing measure. Parameters at which :math:`\psi` would fall below 0 are refused: lower ``start``,
    ``level`` or ``vol``.

    The process :math:`x` takes the step of `CoxIngersollRoss`: mean and variance given the past are exact. A name that
    lives survives the step with probability :math:`E(e^{-\int\lambda}\mid x,x')` as that scheme has it (log-linear in
    the surprise), decided by a normal of that very step: nothing is drawn ahead, so no quote before default can know
    of it. The bond that ends with the step is priced exactly given the past on any grid; longer ones up to the third
    moment of :math:`x'`, an error that falls with the step.

    Quotes ``"<name>.intensity"`` (per year), ``"<name>.compensator"`` (minus the log of the survival probabilities of
    the steps so far), ``"<name>.alive"`` (1 before default, 0 from then on) and, for each of ``tenors`` (years),
    ``"<name>.survival.<tenor>y"``, the probability to live so much longer, and ``"<name>.spread.<tenor>y"``, the
    yield of the zero bond of that time above the riskless one, with ``recovery`` of treasury. After default they go
    on as for a name of the same intensity that lives. ``rate`` per year is constant.

    Raises ``ParameterError`` for a parameter outside its domain. Source: Brigo and Alfonsi (2005).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.CirIntensity("ACME", ((1, 5), (0.02, 0.03)), 0.01, 0.5, 0.015, vol=0.08, tenors=(5,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['ACME.alive', 'ACME.compensator', 'ACME.intensity', 'ACME.spread.5y', 'ACME.survival.5y']
    """

    name: str = eqx.field(static=True)
    hazards: Float[Array, "unit quote"] = eqx.field(converter=_as_hazards)
    start: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    recovery: Float[Array, ""] = number(default=0.4)
    rate: Float[Array, ""] | None = optional_number()
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)

    def __check_init__(self):
        require(self.hazards.ndim == 2 and self.hazards.shape[0] == 2, f"{CURVE}, were of shape {self.hazards.shape}")
        fits = concrete(self.hazards, lambda c: (np.diff(c[0], prepend=0.0) > 0).all() & np.isfinite(c).all())
        require(fits and concrete(self.hazards[1], lambda h: h >= 0), f"{CURVE}, were {self.hazards}")
        must(self, "be positive and finite", "mean_reversion", "level", "vol")
        require(concrete(self.start, lambda x: x >= 0), f"start must be 0 or more a year, was {self.start}")
        check_credit(self.recovery, self.tenors)
        terms = (self.hazards, self.start, self.mean_reversion, self.level, self.vol)
        lowest, when = _lowest_shift(*terms)
        require(
            concrete(lowest, lambda shift: shift >= -1e-6),
            f"the square-root part alone exceeds the hazard, by {-lowest} a year {when} years from now, and the shift "
            "would be negative: lower start or level",
        )

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.array([1.0, 0.0]), f"{self.name}.default": jnp.array([0.0, 1.0])}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        terms, now = (self.mean_reversion, self.level, self.vol), grid.times - grid.times[0]
        shifted = jnp.diff(self._log_factor(self.start, now) - hazard.log_survival(*self.hazards, now))
        shifted = shifted - self._log_factor(jnp.zeros(()), grid.dt)

        def step(x: Array, now: tuple[Any, ...]) -> tuple[Array, tuple[Array, Array]]:
            dt, law, shift, load, shock = now
            after, tilted, _ = foreseen(x, dt, law, *terms, shock)
            return after, (after, jnp.maximum(tilted + load * x + shift, 0.0))

        start = self.start.astype(shocks.dtype)
        laws = areas(grid.dt, *terms)
        _, (after, risk) = lax.scan(
            step, start, (grid.dt, laws, shifted, cir.loading(grid.dt, self.mean_reversion, self.vol), shocks[:, 0])
        )
        x = jnp.concatenate([start[None], after])
        quotes = {
            f"{self.name}.intensity": x + self.shift(now),
            f"{self.name}.compensator": accumulated(risk),
            f"{self.name}.alive": living(risk, shocks[:, 1]),
        }
        years = jnp.asarray(self.tenors, x.dtype)
        odds = jnp.exp(self._log_survival(x[:, None], now[:, None], years))
        return credit_path(self, grid, quotes, odds)

    def shift(self, now: ArrayLike) -> Float[Array, "..."]:
        """The deterministic part of the intensity, per year, ``now`` years after the start."""
        return _shift(self.hazards, now, self.start, self.mean_reversion, self.level, self.vol)

    def survival(self, intensity: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Probability that a name of this intensity, ``now`` years after the start, lives ``left`` years longer."""
        x = jnp.asarray(intensity) - self.shift(now)
        return jnp.exp(self._log_survival(x, jnp.asarray(now), jnp.asarray(left)))

    def bond(self, intensity: ArrayLike, alive: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a promise of one in ``left`` years, of which ``recovery`` is paid then if the name is not alive."""
        odds = jnp.asarray(alive) * self.survival(intensity, now, left)
        rate = 0.0 if self.rate is None else self.rate
        return hazard.zero_bond(jnp.exp(-rate * jnp.asarray(left)), odds, self.recovery)

    def _log_survival(self, x: Array, now: Array, left: Array) -> Array:
        later, sooner = now + left, now
        curve = hazard.log_survival(*self.hazards, later) - hazard.log_survival(*self.hazards, sooner)
        start = self._log_factor(self.start, later) - self._log_factor(self.start, sooner)
        return curve - start + self._log_factor(x, left)

    def _log_factor(self, x: ArrayLike, left: ArrayLike) -> Array:
        length = cir.loading(left, self.mean_reversion, self.vol)
        return cir.log_level(left, self.mean_reversion, self.level, self.vol) - length * x


def _shift(hazards: Array, now: ArrayLike, start: Array, kappa: Array, theta: Array, sigma: Array) -> Array:
    return hazard.hazard(*hazards, now) - cir.forward(start, now, kappa, theta, sigma)


@jax.jit
def _lowest_shift(hazards: Array, start: Array, kappa: Array, theta: Array, sigma: Array) -> tuple[Array, Array]:
    """The smallest shift and when it is, until the forward of the process has come to rest."""
    ends = jnp.concatenate([hazards[0], hazards[0] * (1.0 - 1e-6)])  # both sides of every jump
    times = jnp.concatenate([jnp.linspace(0.0, hazards[0, -1] + 10.0 / kappa, CHECKED), ends])
    shift = _shift(hazards, times, start, kappa, theta, sigma)
    return jnp.min(shift), times[jnp.argmin(shift)]


def living(risk: Float[Array, " step"], shocks: Float[Array, " step"]) -> Float[Array, " points"]:
    """1 until the first step whose normal falls below its quantile of default, 0 from there on.

    ``risk`` is the integrated intensity of each step: a name that lives defaults in it with probability 1 - exp(-risk).
    """
    lived = jnp.cumprod(survives(risk, shocks).astype(risk.dtype))
    return jnp.concatenate([jnp.ones_like(lived[:1]), lived])


def survives(risk: Array, shock: Array) -> Array:
    """Whether a name lives through a step; a larger normal never makes it default. The smaller tail is compared."""
    return jnp.where(risk < 0.5, ndtr(shock) > -jnp.expm1(-risk), ndtr(-shock) < jnp.exp(-risk))


def credit_path(
    market: Any, grid: TimeGrid, quotes: dict[str, Float[Array, " points"]], odds: Float[Array, "points quote"]
) -> MarketPath:
    """The path of one name: survival and zero spread at constant tenors, and the money account of a constant rate."""
    rate = jnp.zeros(()) if market.rate is None else market.rate
    quotes = quotes | ({} if market.rate is None else {"rate": rate * jnp.ones_like(grid.times)})
    for n, tenor in enumerate(market.tenors):
        quotes[f"{market.name}.survival.{tenor:g}y"] = odds[:, n]
        quotes[f"{market.name}.spread.{tenor:g}y"] = hazard.zero_spread(odds[:, n], tenor, market.recovery)
    return MarketPath(grid.times, quotes, jnp.exp(rate * (grid.times - grid.times[0])))


def check_credit(recovery: Array, tenors: tuple[float, ...]) -> None:
    """Refuse a recovery or tenors that no bond has."""
    require(concrete(recovery, lambda r: (r >= 0) & (r < 1)), f"recovery must lie from 0 to below 1, was {recovery}")
    require(all(tenor > 0 for tenor in tenors), f"tenors must be positive years, were {tenors}")
