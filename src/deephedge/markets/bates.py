"""Bates's market: Heston's stochastic variance, and a spot that also jumps."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.compound import poisson, require_room
from deephedge.markets.heston import Heston
from deephedge.markets.jumps import check_lognormal, mean_jump


class Bates(AbstractMarket):
    r"""Bates's model (1996): Heston's variance, and lognormal jumps of the spot independent of it,

    .. math:: dS/S_- = (\mu-\lambda k)\,dt + \sqrt V\,dW + (e^J-1)\,dN, \quad dV = \kappa(\theta-V)\,dt +
              \xi\sqrt V\,dB, \quad J\sim N(m,\delta^2), \quad k = e^{m+\delta^2/2}-1.

    The parameters of the variance are those of ``Heston``, per year; ``intensity`` (:math:`\lambda`) is in jumps per
    year, ``jump_mean`` (:math:`m`) and ``jump_vol`` (:math:`\delta`) are of one log jump. Quotes ``"<name>"`` (cash),
    ``"<name>.variance"`` (:math:`V`), ``"<name>.vol"`` (:math:`\sqrt V`), ``"<name>.total_vol"``
    (:math:`\sqrt{V+\lambda(m^2+\delta^2)}` per root year), ``"<name>.realised_variance"`` (:math:`\int_0^tV\,ds`, that
    of the diffusion without the squares of jumps) and, where given, ``"rate"`` and ``"<name>.dividend"``. Without
    ``drift`` (:math:`\mu`, per year) the spot drifts at rate minus dividend and is a martingale when discounted.

    Four normals a step: two for Heston's quadratic-exponential scheme, whose order is that of ``Heston``; one for the
    number of jumps, by the inverse Poisson distribution up to 32, and one for their sum, both exact.

    Raises ``ParameterError`` for a parameter outside its domain, a step in which more than 8 jumps are expected, or a
    positive correlation on a grid too coarse for it. Source: Bates (1996), section 1; Andersen (2008). The price of a
    call is `deephedge.pricing.jumps.bates_price`.

    >>> import deephedge as dh, jax
    >>> variance = dict(variance=0.04, mean_reversion=1, long_variance=0.04, vol_of_vol=2, correlation=-0.7)
    >>> market = dh.markets.Bates("SPX", 100, **variance, intensity=1, jump_mean=-0.1, jump_vol=0.15)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=30 / 365, steps=30), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.realised_variance', 'SPX.total_vol', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    variance: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    long_variance: Float[Array, ""] = number()
    vol_of_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()
    intensity: Float[Array, ""] = number()
    jump_mean: Float[Array, ""] = number()
    jump_vol: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        self.without_jumps()  # which checks what it is made of
        check_lognormal(self.intensity, self.jump_vol)

    def without_jumps(self) -> Heston:
        """The same market with an intensity of 0."""
        return Heston(
            self.name, self.spot, self.variance, self.mean_reversion, self.long_variance, self.vol_of_vol,
            self.correlation, self.rate, self.dividend, self.drift,
        )  # fmt: skip

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_room(self.intensity * jnp.maximum(1.0, 1.0 + mean_jump(self.jump_mean, self.jump_vol)), grid)
        steps, factors = self.without_jumps().shocks(grid)
        return steps, factors + 2

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {name: jnp.pad(row, (0, 2)) for name, row in self.without_jumps().drivers().items()}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        still = self.without_jumps().path(grid, shocks[:, :2])
        count = poisson(self.intensity * grid.dt, shocks[:, 3])
        paid = self.intensity * mean_jump(self.jump_mean, self.jump_vol) * grid.dt
        moves = count * self.jump_mean + jnp.sqrt(count) * self.jump_vol * shocks[:, 2] - paid
        jumped = jnp.exp(accumulated(moves))
        second = self.intensity * (self.jump_mean**2 + self.jump_vol**2)
        total = jnp.sqrt(still.quotes[f"{self.name}.vol"] ** 2 + second)
        quotes = {self.name: still.quotes[self.name] * jumped, f"{self.name}.total_vol": total}
        return still.with_quotes(quotes)
