"""Contracts on returns from dates to come: forward starts and cliquets."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number, optional
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, growth
from deephedge.instruments.equity import check_terms
from deephedge.instruments.fixings import Fixings, check_dates, fixings, schedule
from deephedge.pricing import black, cliquet


class ForwardStart(AbstractTradable):
    r"""A call (or put) whose strike is ``ratio`` times the spot at ``start``: pays :math:`(\pm(S_T-kS_s))^+` at expiry.

    ``start`` and ``expiry`` in years. Before the start it is worth :math:`e^{-qs}S` times an option on the quotient of
    the two prices (Rubinstein 1990), afterwards it is the option with the recorded strike; reads what a `EuropeanCall`
    reads. The state ``"strike"`` is ``ratio`` times the spot of the point until it is fixed.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 2.0, 2.5])}, jnp.ones(3))
    >>> ForwardStart("A", ratio=1.0, start=0.5, expiry=1.0).cashflows(path).tolist()
    [0.0, 0.0, 0.5]
    """

    underlier: str = eqx.field(static=True)
    ratio: Float[Array, ""] = number()
    start: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_terms(self.ratio, self.expiry)
        check_dates(self.start[None], self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.underlier) - self.state(path)["strike"]
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        fixed, grows = self._fixings(path).held(), growth(path, self.underlier)
        begun = fixed.spot[:, 0] * jnp.exp(grows * fixed.left[:, 0])
        left, ahead = fixed.ahead[:, 0], fixed.moved[:, 0]
        vol = path.quote(self.vol or f"{self.underlier}.vol")
        value = begun * black.price(ahead * jnp.exp(grows * left), self.ratio, vol, left, self.call)
        return jnp.where(fixed.known[:, 1], 0.0, discount(path, fixed.left[:, 1]) * value)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"strike": self.ratio * self._fixings(path).spot[:, 0]}

    def _fixings(self, path: MarketPath) -> Fixings:
        return fixings(path, self.underlier, schedule(self.start[None], self.expiry))


class Cliquet(AbstractTradable):
    r"""The sum of returns from date to date, each held between ``floor`` and ``cap``, the sum between ``least`` and
    ``most``: pays ``notional`` (cash) times it at ``expiry``.

    .. math:: \min\Big(\max\Big(\sum_i\min\big(\max(S_{t_i}/S_{t_{i-1}}-1,\,f),\,c\big),\,l\Big),\,m\Big)

    ``dates`` (years) are all fixings before the one at ``expiry``, the first one included. Bounds are returns (0.05),
    None where there is none; a path is taken to begin by the first date. Under a flat quoted volatility (`EuropeanCall`
    has the quotes) the price is a sum of forward-start call spreads where the sum is free, and otherwise
    `deephedge.pricing.cliquet.cliquet`, exact to 1e-5 of the notional, for which ``floor`` and ``cap`` must be given.

    The states are ``"accrued"``, the capped returns of the periods that are over, and ``"fixing"``, the last (cash).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 2.0, 1.5])}, jnp.ones(3))
    >>> Cliquet("A", dates=(0.0, 0.5), expiry=1.0, floor=0.0, cap=0.125).cashflows(path).tolist()
    [0.0, 0.0, 0.125]
    """

    underlier: str = eqx.field(static=True)
    dates: Float[Array, " date"] = number()
    expiry: Float[Array, ""] = number()
    floor: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    cap: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    least: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    most: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    notional: Float[Array, ""] = number(default=1.0)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_dates(self.dates, self.expiry)
        _check_bounds(self.floor, self.cap, "floor and cap")
        _check_bounds(self.least, self.most, "least and most")
        above = self.floor is None or concrete(self.floor, lambda f: f >= -1.0)
        require(above, f"floor must be -1 or more, was {self.floor}")
        free = self.least is None and self.most is None
        require(
            free or (self.floor is not None and self.cap is not None),
            "a cliquet with least or most needs a floor and a cap for its price: give wide ones",
        )

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        total = jnp.sum(self._kept(self._fixings(path).moved - 1.0), axis=1)
        return jnp.where(at_expiry(path, self.expiry), self.notional * jnp.clip(total, self.least, self.most), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        fixed, vol = self._fixings(path).held(), path.quote(self.vol or f"{self.underlier}.vol")[:, None]
        forwards = fixed.moved * jnp.exp(growth(path, self.underlier)[:, None] * fixed.ahead)
        if self.least is None and self.most is None:
            floor = -1.0 if self.floor is None else self.floor
            value = jnp.sum(cliquet.capped_return(forwards, vol, floor, self.cap, fixed.ahead), axis=1)
        else:
            least, most = -jnp.inf if self.least is None else self.least, jnp.inf if self.most is None else self.most
            value = cliquet.cliquet(forwards, vol, self.floor, self.cap, least, most, fixed.ahead)
        return jnp.where(fixed.known[:, -1], 0.0, self.notional * discount(path, fixed.left[:, -1]) * value)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        fixed = self._fixings(path)
        over = jnp.where(fixed.known[:, 1:], self._kept(fixed.moved - 1.0), 0.0)
        last = jnp.maximum(jnp.sum(fixed.known, axis=1) - 1, 0)
        fixing = jnp.take_along_axis(fixed.spot, last[:, None], axis=1)[:, 0]
        return {"accrued": jnp.sum(over, axis=1), "fixing": fixing}

    def _fixings(self, path: MarketPath) -> Fixings:
        return fixings(path, self.underlier, schedule(self.dates, self.expiry))

    def _kept(self, returns: Float[Array, "points period"]) -> Float[Array, "points period"]:
        return jnp.clip(returns, self.floor, self.cap)


def _check_bounds(low: Float[Array, ""] | None, high: Float[Array, ""] | None, names: str) -> None:
    finite = all(bound is None or concrete(bound, np.isfinite) for bound in (low, high))
    require(finite, f"{names} must be finite returns, were {low} and {high}; leave out what there is not")
    rises = low is None or high is None or concrete(low, lambda a: concrete(high, lambda b: a < b))
    require(rises, f"{names} must rise, were {low} and {high}")
