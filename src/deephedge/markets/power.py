"""Power and gas: a spot that reverts, with spikes that fade faster."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.compound import MOST, exceedances, poisson
from deephedge.markets.futures import Noise, accounted, check, fading, futures, labelled, today_of
from deephedge.markets.jump_sizes import JumpSizes
from deephedge.markets.seasonality import Seasonality
from deephedge.pricing import schwartz, spikes
from deephedge.pricing.normal import root

CROWD = 16  # slots for each jump expected in a step


class MeanRevertingJumps(AbstractMarket):
    r"""A mean-reverting diffusion and mean-reverting jumps, under the pricing measure:

    .. math:: \log S_t = s(t) + X_t + Y_t,\quad dX = \kappa(\log L - X)\,dt + \sigma\,dW,\quad
        dY = -\beta Y\,dt + J\,dN.

    ``spot`` and ``level`` (:math:`L`) in cash; ``mean_reversion`` (:math:`\kappa`) and ``decay`` (:math:`\beta`) per
    year; ``vol`` (:math:`\sigma`) per root year; ``intensity`` jumps a year of ``sizes`` (`NormalJumps` or
    `DoubleExponentialJumps`); ``spike`` (:math:`Y_0`, in logs) is the part of today's spot that fades at :math:`\beta`.
    ``rate``, ``expiries``, ``tenors``, ``seasonality`` and ``curve`` are those of `Schwartz`.

    Quotes ``"<name>"`` (spot, cash), ``"<name>.vol"`` (:math:`\sigma`), ``"<name>.total_vol"``
    (:math:`\sqrt{\sigma^2+\lambda EJ^2}`, per root year), ``"<name>.spike"`` (:math:`Y`), and futures as `Schwartz`
    does; ``"<future>.vol"`` is the deviation of its log at expiry per root year, jumps included: no exact Black
    volatility.

    Futures that expire on fixed dates are martingales given the past on any grid; the spot is none (see `Schwartz`).
    One normal a step makes the number of jumps (inverse Poisson), and each of ``slots`` jumps has two more, its size
    and its time, uniform within the step, from which it decays: exact in law on any grid but for more than ``slots``
    jumps in one step, which are left out, and out of the compensator of the fixed futures too. At most a sixteenth of
    ``slots`` jumps may be expected in the longest step: at 4 slots more come in fewer than 7 of a million steps.

    Raises ``ParameterError`` for a parameter outside its domain, or a step in which more jumps are expected.

    Source: Cartea and Figueroa (2005) for :math:`\beta=\kappa`.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.MeanRevertingJumps(
    ...     "POWER", dh.markets.NormalJumps(0.5, 0.3), spot=60, mean_reversion=5, level=50, vol=0.8, intensity=10,
    ...     decay=80, expiries=(0.5,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.1, steps=30), 8, key=jax.random.key(0)).quotes)
    ['POWER', 'POWER.future.0.5', 'POWER.future.0.5.vol', 'POWER.spike', 'POWER.total_vol', 'POWER.vol']
    """

    name: str = eqx.field(static=True)
    sizes: JumpSizes
    spot: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    intensity: Float[Array, ""] = number()
    decay: Float[Array, ""] = number()
    spike: Float[Array, ""] = number(default=0.0)
    rate: Float[Array, ""] | None = optional_number()
    expiries: dict[str, Float[Array, ""]] = eqx.field(converter=labelled(""), default=())
    tenors: dict[str, Float[Array, ""]] = eqx.field(converter=labelled("y"), default=())
    seasonality: Seasonality | None = None
    curve: Float[Array, "quote 2"] | None = optional_number()
    slots: int = eqx.field(static=True, default=4)

    def __check_init__(self):
        check(self, positive=("spot", "level"), not_negative=("mean_reversion", "vol", "intensity", "decay"))
        require(1 <= self.slots <= MOST, f"slots must be 1 to {MOST} jumps a step, was {self.slots}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        crowd = CROWD * self.intensity * jnp.max(grid.dt)
        require(concrete(crowd, lambda x: x <= self.slots), f"slots must be {CROWD} times the jumps expected in the "
                f"longest step or more, {crowd}, was {self.slots}; take more, or shorter steps")  # fmt: skip
        return grid.steps, 2 + 2 * self.slots

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(2 + 2 * self.slots, dtype=self.vol.dtype)[0]}

    def tradables(self) -> dict[str, bool]:
        return futures(self)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        name, times, today = self.name, grid.times, today_of(self, grid.times[0], self._curve)
        noise, jumps = Noise(self.mean_reversion, self.vol, jnp.zeros(1, self.vol.dtype)), self._jumps(grid, shocks)
        aged = jnp.exp(-self.decay * (grid.dt[:, None] - jumps[1]))
        rates = jnp.stack([self.mean_reversion, self.decay])
        gains = jnp.stack([noise.moves(grid.dt, shocks)[:, 0], jnp.sum(jumps[0] * aged, axis=1)], axis=1)
        states, elapsed, flat = fading(grid, gains, rates), times - times[0], jnp.ones_like(times)
        quotes = {
            f"{name}.vol": self.vol * flat,
            f"{name}.total_vol": root(self.vol**2 + self.intensity * self.sizes.second) * flat,
            f"{name}.spike": states[:, 1] + self.spike * jnp.exp(-self.decay * elapsed),
        }

        def rolling(tenor: Array) -> tuple[Array, Array]:
            spread = 0.5 * noise.variance(elapsed, tenor)
            spread += spikes.exponent(self.sizes.excess, elapsed, tenor, self.intensity, self.decay)
            log = today(times + tenor) + states @ jnp.exp(-rates * tenor) - spread
            return jnp.exp(log), self._average_vol(tenor) * flat

        def fixed(expiry: Array) -> tuple[Array, Array]:
            gains = self._gains(grid, shocks, noise, jumps, expiry)
            moved = accumulated(gains)
            return jnp.exp(today(expiry) + moved), self._average_vol(jnp.maximum(expiry - times, 0.0))

        labels = [name, *(f"{name}.future.{label}" for label in (*self.tenors, *self.expiries))]
        contracts = {"": jnp.zeros_like(self.spot)} | self.tenors  # the spot is the future of no time left
        priced = [jax.vmap(rolling)(jnp.stack([*contracts.values()]))]
        priced += [jax.vmap(fixed)(jnp.stack([*self.expiries.values()]))] if self.expiries else []
        rows = [row for both in priced for row in zip(*both, strict=True)]
        for label, (price, vol) in zip(labels, rows, strict=True):
            quotes = {label: price, f"{label}.vol": vol} | quotes  # the spot's own, above, stays
        return accounted(self.rate, times, quotes, labels[1:])

    def _jumps(self, grid: TimeGrid, shocks: Array) -> tuple[Float[Array, "step slot"], Float[Array, "step slot"]]:
        """Sizes of the jumps of each step, 0 where there is none, and the years since its start at which they come."""
        count = jnp.minimum(poisson(self.intensity * grid.dt, shocks[:, 1]), self.slots)
        sizes, moments = jnp.split(shocks[:, 2:], 2, axis=1)
        come = jnp.arange(self.slots) < count[:, None]
        return jnp.where(come, self.sizes.draw(sizes), 0.0), grid.dt[:, None] * ndtr(moments)

    def _gains(self, grid: TimeGrid, shocks: Array, noise: Noise, jumps: tuple[Array, Array], expiry: Array) -> Array:
        """What each step adds to the log of the future of ``expiry``; nothing after it."""
        live = jnp.clip(expiry - grid.times[:-1], 0.0, grid.dt)
        left = jnp.maximum(expiry - grid.times[1:], 0.0)
        gauss = noise.moves(live, shocks)[:, 0] * jnp.exp(-self.mean_reversion * left)
        size, at = jumps
        in_time = (at <= live[:, None]) & (live[:, None] > 0)
        age = left[:, None] + jnp.maximum(live[:, None] - at, 0.0)
        jumped = jnp.sum(jnp.where(in_time, size * jnp.exp(-self.decay * age), 0.0), axis=1)
        # E exp of one jump of this step, less 1; a jump after the expiry is one of size 0.
        growth = live / grid.dt * spikes.mean_growth(self.sizes.excess, live, left, self.decay)
        # sum p_k ((1 + g)^k - 1) over the counts, the last one having the whole tail, is g sum P(N > k) (1 + g)^k.
        more = exceedances(self.intensity * grid.dt)[:, : self.slots]
        powers = (1.0 + growth[:, None]) ** jnp.arange(self.slots)
        return gauss + jumped - 0.5 * noise.variance(live, left) - jnp.log1p(growth * jnp.sum(more * powers, axis=1))

    def _average_vol(self, tau: Float[Array, "..."]) -> Float[Array, "..."]:
        """Deviation per root year of the log of the future with ``tau`` years left, up to its expiry."""
        jumps = self.intensity * self.sizes.second * schwartz.mean_decay(2.0 * self.decay * tau)
        return root(schwartz.black_vol(tau, 0.0, self.mean_reversion, self.vol) ** 2 + jumps)

    def _curve(self, spot: Array, tau: Array) -> Array:
        """Today's futures of the model, of a spot without its season."""
        calm = schwartz.future(spot * jnp.exp(-self.spike), tau, self.mean_reversion, self.level, self.vol)
        jumps = spikes.exponent(self.sizes.excess, tau, 0.0, self.intensity, self.decay)
        return calm * jnp.exp(self.spike * jnp.exp(-self.decay * tau) + jumps)
