"""A forward swap rate in its own measure: everything is counted in annuities, so the rate is a martingale."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.sabr import Sabr
from deephedge.pricing import bachelier, sabr


class SwapRate(AbstractMarket):
    r"""The forward swap rate :math:`S` under the measure of its annuity, normal (Bachelier 1900) or shifted SABR.

    .. math:: dS = \sigma\,dW \qquad\text{or}\qquad dS = \alpha (S+s)^\beta\,dW,\quad d\alpha = \nu\alpha\,dB,
        \quad d\langle W,B\rangle = \rho\,dt.

    The unit of account is the annuity of the swap, the value at any time of one a year over its accrual periods: the
    numeraire is 1 throughout, quotes are in annuities, and no model of the annuity itself is needed. The swap entered
    at rate :math:`K` is worth :math:`S-K` annuities, so holding the quote ``"<name>"`` is holding a payer swap, and a
    swaption is a call (payer) or put (receiver) on it: its cash payoff is annuity times :math:`(S-K)^+`. ``annuity`` is
    the annuity today in cash; it turns prices into cash (`swaption`).

    ``rate`` :math:`S_0` per year. ``dynamics``: ``"normal"`` with ``vol`` :math:`\sigma` per year and root year, or
    ``"sabr"`` with ``alpha`` (per year to the power :math:`1-\beta`, per root year), ``vol_of_vol`` :math:`\nu` per
    root year, ``correlation`` :math:`\rho`, ``beta`` in [0, 1] and ``shift`` :math:`s` per year; the rate stays above
    :math:`-s`, where it is absorbed for :math:`\beta<1`. Normal dynamics are exact on any grid; SABR takes the scheme
    of `Sabr` (weak order 2 for :math:`\beta=1`, 1 below), a martingale given the past on any grid.

    Quotes ``"<name>"`` (per year), ``"<name>.vol"`` and ``"<name>.normal_vol"``. The last is what a Bachelier desk
    reads, :math:`\sigma` or :math:`\alpha(S+s)^\beta`, per year and root year. With normal dynamics ``"<name>.vol"`` is
    the same number; with SABR it is what a Black desk reads for :math:`S+s`, :math:`\alpha(S+s)^{\beta-1}`, per root
    year, and ``"<name>.alpha"`` is quoted too.

    Raises ``ParameterError`` for a parameter outside its domain, missing, or of the other dynamics.

    Source: Jamshidian (1997) for the measure; Hagan, Kumar, Lesniewski and Woodward (2002) for SABR.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.SwapRate("USD.5y5y", 0.03, vol=0.009, annuity=4.2)
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> sorted(path.quotes), round(float(market.swaption(0.03, 1.0)), 5)
    (['USD.5y5y', 'USD.5y5y.normal_vol', 'USD.5y5y.vol'], 0.01508)
    """

    name: str = eqx.field(static=True)
    rate: Float[Array, ""] = number()
    vol: Float[Array, ""] | None = optional_number()
    alpha: Float[Array, ""] | None = optional_number()
    vol_of_vol: Float[Array, ""] | None = optional_number()
    correlation: Float[Array, ""] | None = optional_number()
    beta: float | None = eqx.field(static=True, converter=lambda b: None if b is None else float(b), default=None)
    shift: Float[Array, ""] = eqx.field(converter=as_float, default=0.0)
    annuity: Float[Array, ""] = eqx.field(converter=as_float, default=1.0)
    dynamics: str = eqx.field(static=True, default="normal")

    def __check_init__(self):
        known = {"normal": ("vol",), "sabr": ("alpha", "vol_of_vol", "correlation", "beta")}
        require(self.dynamics in known, f"dynamics must be one of {sorted(known)}, was {self.dynamics!r}")
        for dynamics, fields in known.items():
            for field in fields:
                given, wanted = getattr(self, field) is not None, dynamics == self.dynamics
                require(given == wanted, f"{field} must be {'given' if wanted else 'left out'} with {self.dynamics}")
        require(concrete(self.rate, np.isfinite), f"rate must be finite per year, was {self.rate}")
        require(concrete(self.annuity, lambda a: a > 0), f"annuity must be positive cash, was {self.annuity}")
        if self.vol is not None:
            require(concrete(self.vol, lambda v: v >= 0), f"vol must be 0 or more, was {self.vol}")
            require(concrete(self.shift, lambda s: s == 0), f"shift must be left out with normal, was {self.shift}")
            return
        inside = self.beta is not None and 0 <= self.beta <= 1
        require(inside, f"beta must lie in [0, 1], was {self.beta}")
        above = concrete(self.rate + self.shift, lambda x: x > 0)
        require(above, f"shift must exceed minus the rate, was {self.shift} with a rate of {self.rate}")
        self._shifted()  # refuses alpha, vol_of_vol and correlation outside their domain

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 1 if self.dynamics == "normal" else 2

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        if self.dynamics == "normal":
            return {self.name: jnp.ones(1)}
        rho = self._shifted().correlation
        own = jnp.sqrt(jnp.maximum(1.0 - rho**2, 0.0))
        return {self.name: jnp.stack([rho, own]), f"{self.name}.variance": jnp.array([1.0, 0.0])}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        name, one = self.name, jnp.ones_like(grid.times)
        if self.vol is not None:
            moves = self.vol * jnp.sqrt(grid.dt) * shocks[:, 0]
            rate = self.rate + accumulated(moves)
            flat = self.vol * one
            return MarketPath(grid.times, {name: rate, f"{name}.vol": flat, f"{name}.normal_vol": flat}, one)
        above = self._shifted().path(grid, shocks).quotes
        whole, vol = above[name], above[f"{name}.vol"]
        quotes = {
            name: whole - self.shift,
            f"{name}.vol": vol,
            f"{name}.normal_vol": vol * whole,
            f"{name}.alpha": above[f"{name}.alpha"],
        }
        return MarketPath(grid.times, quotes, one)

    def swaption(self, strike: ArrayLike, expiry: ArrayLike, payer: ArrayLike = True) -> Float[Array, "..."]:
        """Cash now for the option to enter the swap at ``strike``, ``expiry`` years ahead: Bachelier's or Hagan's."""
        if self.vol is not None:
            return self.annuity * bachelier.price(self.rate, strike, self.vol, expiry, payer)
        of = self._shifted()
        law = (of.alpha, expiry, 1.0 if of.beta is None else of.beta, of.vol_of_vol, of.correlation)
        return self.annuity * sabr.price(of.spot, jnp.asarray(strike) + self.shift, *law, payer)

    def _shifted(self) -> Sabr:
        """The rate above its lower bound, as a spot without carry."""
        law: dict[str, Any] = {field: getattr(self, field) for field in ("alpha", "vol_of_vol", "correlation", "beta")}
        return Sabr(self.name, self.rate + self.shift, **law)
