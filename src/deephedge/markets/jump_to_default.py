"""A stock that falls to next to nothing at default, at a hazard that rises as it falls."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, optional_number
from deephedge.markets.credit import survives

_HUGE = 60.0  # of an exponent: what exp takes in float32


class JumpToDefault(AbstractMarket):
    r"""A lognormal stock with a jump to a fraction :math:`R` of itself at default, whose hazard follows the stock:

    .. math:: dS/S_- = (\mu + (1-R)h)\,dt + \sigma\,dW - (1-R)\,dN, \qquad h = \min(h_0 (S/S_0)^{-p}, c),

    :math:`N` jumping once, at rate :math:`h`. ``vol`` (:math:`\sigma`) per root year is that of the diffusion,
    ``intensity`` (:math:`h_0`) per year at the spot of the start, ``power`` (:math:`p`, 0 or more) without unit,
    ``cap`` (:math:`c`) per year, ``recovery`` (:math:`R`) the share of the stock that is left, above 0: a spot of 0
    has no logarithm, which features and instruments take; the default of 1e-4 is nothing to an option. After
    default the stock diffuses on from there with the same volatility, and no hazard. Without ``drift`` (:math:`\mu`,
    per year) it is rate minus dividend: the pricing measure.

    The hazard is held over each step at its value at the start. The jump and what pays for it are then exact given
    the past, so the discounted stock is a martingale on any grid; for a power of 0 the law is exact (with R to first
    order in the step), else survival and prices are of order 1 in the step.

    Quotes ``"<name>"`` (cash), ``"<name>.vol"`` (:math:`\sigma`; a Black desk on the live stock adds the hazard to the
    rate), ``"<name>.intensity"`` (:math:`h` per year, 0 after default), ``"<name>.alive"`` (1 before default, 0 from
    then on) and, where given, ``"rate"`` and ``"<name>.dividend"``.

    Raises ``ParameterError`` for a parameter outside its domain. Source: Merton (1976) for a constant hazard, where
    options cost `deephedge.pricing.jumps.default_price`; Davis and Lischka (2002) and Carr and Linetsky (2006) for a
    hazard that is a power of the stock.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.JumpToDefault("ACME", 100, vol=0.3, intensity=0.03, power=1.5)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['ACME', 'ACME.alive', 'ACME.intensity', 'ACME.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    intensity: Float[Array, ""] = number()
    power: Float[Array, ""] = number(default=0.0)
    recovery: Float[Array, ""] = number(default=1e-4)
    cap: Float[Array, ""] = number(default=10.0)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        require(concrete(self.spot, lambda x: x > 0), f"spot must be positive cash, was {self.spot}")
        for field, unit in (("vol", "per root year"), ("intensity", "per year"), ("power", "without unit")):
            value = getattr(self, field)
            fits = concrete(value, lambda x: np.isfinite(x) & (x >= 0))
            require(fits, f"{field} must be 0 or more and finite, {unit}, was {value}")
        share, cap = self.recovery, self.cap
        require(concrete(share, lambda x: (x >= 1e-9) & (x < 1)), "recovery must lie from 1e-9 to below 1 (a spot of 0 "
                f"has no logarithm), was {share}")  # fmt: skip
        require(concrete(cap, lambda x: np.isfinite(x) & (x > 0)), f"cap must be a positive hazard a year, was {cap}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.array([1.0, 0.0]), f"{self.name}.default": jnp.array([0.0, 1.0])}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        rate = 0.0 if self.rate is None else self.rate
        growth = rate - (0.0 if self.dividend is None else self.dividend) if self.drift is None else self.drift
        diffusion = self.vol * jnp.sqrt(grid.dt) * shocks[:, 0] - 0.5 * self.vol**2 * grid.dt

        def step(state: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], tuple[Array, ...]]:
            (place, alive), (dt, moved, shock) = state, now
            hit = self.hazard(place, alive) * dt
            lives = survives(hit, shock)
            # What pays for the jump: 1 = (1 - q) e^paid + q R, with q = 1 - exp(-hit).
            paid = hit + jnp.log1p(self.recovery * jnp.expm1(-hit))
            move = moved + jnp.where((alive > 0) & ~lives, jnp.log(self.recovery), paid)
            after = place + growth * dt + move, alive * lives
            return after, (move, *after)

        start = jnp.zeros((), shocks.dtype), jnp.ones((), shocks.dtype)
        _, (moves, places, lived) = lax.scan(step, start, (grid.dt, diffusion, shocks[:, 1]))
        place, alive = (jnp.concatenate([x[None], later]) for x, later in zip(start, (places, lived), strict=True))
        quotes = {
            f"{self.name}.vol": self.vol * jnp.ones_like(grid.times),
            f"{self.name}.intensity": self.hazard(place, alive),
            f"{self.name}.alive": alive,
        }
        return carried_path(self, grid, moves, quotes)

    def hazard(self, place: Array, alive: Array) -> Array:
        """Hazard per year where the log of spot over starting spot is ``place``; 0 where nothing is alive."""
        return alive * jnp.minimum(self.intensity * jnp.exp(jnp.minimum(-self.power * place, _HUGE)), self.cap)
