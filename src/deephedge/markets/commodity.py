"""Commodities whose log spot reverts: Schwartz's one factor, and Schwartz and Smith's short and long term."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.futures import Noise, check, check_spreads, futures, futures_path, labelled, pairs
from deephedge.markets.seasonality import Seasonality
from deephedge.pricing import schwartz
from deephedge.pricing.normal import root


class Schwartz(AbstractMarket):
    r"""One mean-reverting factor (Schwartz 1997, model 1), under the pricing measure:

    .. math:: \log S_t = s(t) + X_t, \qquad dX = \kappa(\log L - X)\,dt + \sigma\,dW.

    ``spot`` and ``level`` (:math:`L`) in cash, ``mean_reversion`` (:math:`\kappa`) per year, ``vol`` per root year,
    ``rate`` continuous per year. ``seasonality`` is :math:`s`. ``curve``, rows of (years, price), is today's futures
    curve: the model's is multiplied by a factor, log-linear between the rows and flat outside, that reproduces it.
    With ``real_level`` (cash) the spot reverts there and paths follow the real world; futures are priced as before.

    Quotes ``"<name>"`` (spot, cash), ``"<name>.vol"`` (per root year), and a future ``"<name>.future.<label>"`` for
    each of ``expiries`` (years, fixed contracts, label ``0.5``) and of ``tenors`` (years ahead, rolling, label
    ``0.5y``), or the labels of a mapping. ``"<future>.vol"`` is the Black volatility of the option that expires with
    it. For each of ``spreads``, pairs (near, far) of labels of ``expiries``, there is what an option on the two that
    expires with the near one is priced on: ``"<far>.until.<near label>.vol"`` and ``"<near>.<far>.correlation"``, over
    what is left to then. With ``rate``: ``"rate"``, and ``"<future>.dividend"`` equal to it, so that
    ``Spot("<future>")`` earns what a futures position earns and ``EuropeanCall("<future>", ...)`` is Black's option on
    it.

    Fixed contracts are martingales given the past on any grid; they keep the price they settle at. An expiry between
    two points settles at the next one, at a spot with its exact law. The spot itself is not a martingale: it cannot be
    stored without a convenience yield, so hedge with futures. The simulation is exact.

    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Schwartz (1997), equations 1 to 7.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Schwartz("CL", 60, mean_reversion=1.5, level=50, vol=0.4, expiries=(0.5,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.25, steps=3), 8, key=jax.random.key(0)).quotes)
    ['CL', 'CL.future.0.5', 'CL.future.0.5.vol', 'CL.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    level: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    rate: Float[Array, ""] | None = optional_number()
    expiries: dict[str, Float[Array, ""]] = eqx.field(converter=labelled(""), default=())
    tenors: dict[str, Float[Array, ""]] = eqx.field(converter=labelled("y"), default=())
    seasonality: Seasonality | None = None
    curve: Float[Array, "quote 2"] | None = optional_number()
    real_level: Float[Array, ""] | None = optional_number()
    spreads: tuple[tuple[str, ...], ...] = eqx.field(static=True, converter=pairs, default=())

    def __check_init__(self):
        check(self, positive=("spot", "level", "real_level"), not_negative=("mean_reversion", "vol"))
        check_spreads(self.spreads, self.expiries)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 1

    @property
    def martingale(self) -> bool:
        return self.real_level is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.ones(1, self.vol.dtype)}

    def tradables(self) -> dict[str, bool]:
        return futures(self)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        pull = 0.0 if self.real_level is None else self.mean_reversion * jnp.log(self.real_level / self.level)
        noise = Noise(self.mean_reversion, self.vol, jnp.stack([as_float(pull)]))

        def model(spot: Array, tau: Array) -> Array:
            return schwartz.future(spot, tau, self.mean_reversion, self.level, self.vol)

        return futures_path(self, grid, shocks, noise, model, self.spreads)


class SchwartzSmith(AbstractMarket):
    r"""Short-term variation and long-term dynamics (Schwartz and Smith 2000), under the pricing measure:

    .. math:: \log S_t = s(t) + \chi_t + \xi_t,\quad d\chi = (-\kappa\chi-\lambda)\,dt + \sigma_\chi\,dW,\quad
        d\xi = \mu\,dt + \sigma_\xi\,dB,\quad d\langle W,B\rangle = \rho\,dt.

    ``spot`` in cash, of which ``short`` (:math:`\chi_0`, no unit) is the deviation that fades; ``mean_reversion`` per
    year; ``short_vol`` and ``long_vol`` per root year; ``growth`` (:math:`\mu`, the paper's :math:`\mu_\xi^*`) and
    ``premium`` (:math:`\lambda`, its :math:`\lambda_\chi`) per year shape the curve. With ``real_growth`` (per year)
    paths follow the real world: :math:`\chi` reverts to 0 and :math:`\xi` grows at that rate; futures are priced as
    before.

    Quotes, ``expiries``, ``tenors``, ``seasonality``, ``curve``, ``spreads``, ``rate`` and errors are those of
    `Schwartz`; ``"<name>.vol"`` is the volatility of both factors together. The simulation is exact on any grid.

    Source: Schwartz and Smith (2000), equations 1 to 9.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.SchwartzSmith("CL", 60, 1.5, short_vol=0.3, long_vol=0.15, correlation=0.2, tenors=(1,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.25, steps=3), 8, key=jax.random.key(0)).quotes)
    ['CL', 'CL.future.1y', 'CL.future.1y.vol', 'CL.vol']
    """

    name: str = eqx.field(static=True)
    spot: Float[Array, ""] = number()
    mean_reversion: Float[Array, ""] = number()
    short_vol: Float[Array, ""] = number()
    long_vol: Float[Array, ""] = number()
    correlation: Float[Array, ""] = number()
    short: Float[Array, ""] = number(default=0.0)
    growth: Float[Array, ""] = number(default=0.0)
    premium: Float[Array, ""] = number(default=0.0)
    rate: Float[Array, ""] | None = optional_number()
    expiries: dict[str, Float[Array, ""]] = eqx.field(converter=labelled(""), default=())
    tenors: dict[str, Float[Array, ""]] = eqx.field(converter=labelled("y"), default=())
    seasonality: Seasonality | None = None
    curve: Float[Array, "quote 2"] | None = optional_number()
    real_growth: Float[Array, ""] | None = optional_number()
    spreads: tuple[tuple[str, ...], ...] = eqx.field(static=True, converter=pairs, default=())

    def __check_init__(self):
        check(self, positive=("spot",), not_negative=("mean_reversion", "short_vol", "long_vol"))
        check_spreads(self.spreads, self.expiries)
        must(self, "lie between -1 and 1", "correlation")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return self.real_growth is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """``"<name>.short"``, ``"<name>.long"``, and ``"<name>"``, the sum of both that moves the spot."""
        rho, zero = self.correlation, jnp.zeros_like(self.correlation)
        short, long = jnp.stack([zero + 1.0, zero]), jnp.stack([rho, root(1.0 - rho**2)])
        spot = self.short_vol * short + self.long_vol * long
        size = jnp.linalg.norm(spot)
        spot = jnp.where(size > 0, spot / jnp.where(size > 0, size, 1.0), short)
        return {self.name: spot, f"{self.name}.short": short, f"{self.name}.long": long}

    def tradables(self) -> dict[str, bool]:
        return futures(self)

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        still = jnp.zeros_like(self.premium)
        pull = (still, still) if self.real_growth is None else (self.premium, self.real_growth - self.growth)
        noise = Noise(self.mean_reversion, self.short_vol, jnp.stack(pull), self.long_vol, self.correlation)

        def model(spot: Array, tau: Array) -> Array:
            long = spot * jnp.exp(-self.short)
            return schwartz.future(spot, tau, noise.kappa, long, *noise.vols, self.growth, self.premium)

        return futures_path(self, grid, shocks, noise, model, self.spreads)
