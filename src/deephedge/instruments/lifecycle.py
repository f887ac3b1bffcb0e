"""What may happen to positions on the way: they start later, end sooner or by a default, arrive with clients."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number, optional
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, reached, time_left
from deephedge.pricing import black


class Starting(AbstractTradable):
    """A position in ``contract`` that is taken at ``start`` (years): bought there at its price, or for ``premium``.

    Until then it is nothing; the payments of the first point from ``start`` on belong to who held it before. A path
    that begins later has it, bought and paid.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), {"A": jnp.array([1.0, 1.5, 2.0])}, jnp.ones(3))
    >>> later = Starting(dh.instruments.Spot("A"), start=1.0)
    >>> later.price(path).tolist(), later.cashflows(path).tolist()
    ([0.0, 1.5, 2.0], [0.0, -1.5, 0.0])
    """

    contract: AbstractTradable
    start: Float[Array, ""] = number()
    premium: Float[Array, ""] | None = eqx.field(converter=optional, default=None)

    def __check_init__(self):
        name = type(self.contract).__name__
        require(isinstance(self.contract, AbstractTradable), f"{name} has no price to start at", ProblemError)
        require(concrete(self.start, np.isfinite), f"start must be years, was {self.start}")

    @property
    def pointwise(self) -> bool:  # pyright: ignore
        return self.contract.pointwise

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(reached(path.times, self.start), self.contract.price(path), 0.0)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        begun, now = reached(path.times, self.start), at_expiry(path, self.start)
        cost = self.contract.price(path) if self.premium is None else self.premium
        return jnp.where(now, -cost, jnp.where(begun, self.contract.cashflows(path), 0.0))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        return reached(path.times, self.start) & self.contract.tradable(path)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return self.contract.state(path)


class Ending(AbstractTradable):
    """A position in what it ``delivers`` that is closed at ``expiry`` (years), at its price there.

    So a part of a contract's life can be looked at: what would be paid later is in that price. A path that ends before
    does not close it, and on one that begins later it is nothing.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), {"A": jnp.array([1.0, 1.5, 2.0])}, jnp.ones(3))
    >>> month = Ending(dh.instruments.Spot("A"), expiry=1.0)
    >>> month.price(path).tolist(), month.cashflows(path).tolist()
    ([1.0, 0.0, 0.0], [0.0, 1.5, 0.0])
    """

    delivers: AbstractTradable
    expiry: Float[Array, ""] = number()

    def __check_init__(self):
        name = type(self.delivers).__name__
        require(isinstance(self.delivers, AbstractTradable), f"{name} has no price to be closed at", ProblemError)
        require(concrete(self.expiry, np.isfinite), f"expiry must be years, was {self.expiry}")

    @property
    def pointwise(self) -> bool:  # pyright: ignore
        return self.delivers.pointwise

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(reached(path.times, self.expiry), 0.0, self.delivers.price(path))

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        now, over = at_expiry(path, self.expiry), reached(path.times, self.expiry)
        paid = self.delivers.cashflows(path)
        return jnp.where(now, paid + self.delivers.price(path), jnp.where(over, 0.0, paid))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        return ~reached(path.times, self.expiry) & self.delivers.tradable(path)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return self.delivers.state(path)


class Defaulting(AbstractTradable):
    r"""``contract`` with a counterparty that may default: then what it is worth to us is paid in part, and it ends.

    ``name`` is a name whose survival the path quotes as ``"<name>.alive"`` (1, and 0 from its default on), as the
    markets of credit do. At default :math:`R V^+ - V^-` is exchanged for the value :math:`V` of the contract, the
    claim that was lost not being counted before: the price is that of a contract without default, so holding it loses
    what a credit valuation adjustment is for.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 1.5, 2.0]), "bank.alive": jnp.array([1.0, 0.0, 0.0])}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), quotes, jnp.ones(3))
    >>> claim = Defaulting(dh.instruments.Spot("A"), "bank", recovery=0.4)
    >>> [round(x, 4) for x in claim.price(path).tolist()], [round(x, 4) for x in claim.cashflows(path).tolist()]
    ([1.0, 0.0, 0.0], [0.0, 0.6, 0.0])
    """

    contract: AbstractTradable
    name: str = eqx.field(static=True)
    recovery: Float[Array, ""] = number(default=0.4)

    def __check_init__(self):
        name = type(self.contract).__name__
        require(isinstance(self.contract, AbstractTradable), f"{name} has no value to close out at", ProblemError)
        share = concrete(self.recovery, lambda r: (r >= 0) & (r <= 1))
        require(share, f"recovery is a share from 0 to 1, was {self.recovery}")

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(self._alive(path), self.contract.price(path), 0.0)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        alive = self._alive(path)
        before = jnp.concatenate([alive[:1], alive[:-1]])
        due = self.contract.price(path) + self.contract.cashflows(path)
        closed = self.recovery * jnp.maximum(due, 0.0) + jnp.minimum(due, 0.0)
        return jnp.where(alive, self.contract.cashflows(path), jnp.where(before, closed, 0.0))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        return self._alive(path) & self.contract.tradable(path)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"defaulted": jnp.where(self._alive(path), 0.0, 1.0), **self.contract.state(path)}

    def _alive(self, path: MarketPath) -> Bool[Array, " points"]:
        return path.quote(f"{self.name}.alive") > 0


class ClientFlow(AbstractTradable):
    r"""Positions that arrive: at each point clients sell us and buy from us so many of the contract of the day.

    The contract of the day is an option of ``tenor`` years at ``moneyness`` times the spot. The quote ``arrivals``
    counts at each point how many more we bought than sold (`markets.ClientArrivals` draws such counts), ``units`` is
    the size of each, and a client pays ``margin``, a share of the price, on top of it or gets it less. Everything that
    has arrived is held to its end, or closed at its price at ``expiry`` (years), from which on nobody comes; prices are
    Black's on the quote ``vol`` (``"<underlier>.vol"`` unless named). Nothing of what is to come is in the price.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 1.0, 1.2]), "A.vol": jnp.full(3, 0.2), "n": jnp.array([0.0, -2.0, 0.0])}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> flow = ClientFlow("A", "n", tenor=0.5, expiry=1.0)
    >>> [round(x, 4) for x in flow.cashflows(path).tolist()]
    [0.0, 0.1127, -0.4]
    """

    underlier: str = eqx.field(static=True)
    arrivals: str = eqx.field(static=True)
    tenor: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    moneyness: Float[Array, ""] = number(default=1.0)
    call: bool = eqx.field(static=True, default=True)
    units: Float[Array, ""] = number(default=1.0)
    margin: Float[Array, ""] = number(default=0.0)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        for name in ("tenor", "expiry", "moneyness"):
            sound = concrete(getattr(self, name), lambda x: (x > 0) & np.isfinite(x))
            require(sound, f"{name} must be above 0, was {getattr(self, name)}")
        require(
            concrete(self.margin, lambda m: m >= 0), f"margin is a share of the price, 0 or more, was {self.margin}"
        )

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self.held(path).price(path)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        held = self.held(path)
        values, over = held.values(path), reached(path.times, self.expiry)
        opened = jnp.where(over, 0.0, jnp.diagonal(values))
        now = at_expiry(path, self.expiry)
        closed = jnp.where(now, jnp.sum(values, axis=0) - jnp.diagonal(values), 0.0)
        payoff = jnp.where(now | ~over, self._due(path, held), 0.0)
        return payoff - opened + self.margin * jnp.abs(opened) + closed

    def _due(self, path: MarketPath, held: "_Vintages") -> Float[Array, " points"]:
        """What the options pay that end at each point."""
        ends = jax.vmap(lambda end: at_expiry(path, end))(held.end)
        above = path.quote(self.underlier) - held.strike[:, None]
        return jnp.sum(jnp.where(ends, held.count[:, None] * jnp.maximum(above if self.call else -above, 0.0), 0.0), 0)

    def held(self, path: MarketPath) -> "_Vintages":
        spot = path.quote(self.underlier)
        return _Vintages(self, self.units * path.quote(self.arrivals), self.moneyness * spot, path.times + self.tenor)


class _Vintages(AbstractTradable):
    """What has arrived at each point, its terms fixed: one row a point of arrival."""

    pointwise: ClassVar[bool] = True
    flow: ClientFlow
    count: Float[Array, " points"]
    strike: Float[Array, " points"]
    end: Float[Array, " points"]

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(reached(path.times, self.flow.expiry), 0.0, jnp.sum(self.values(path), axis=0))

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)

    def values(self, path: MarketPath) -> Float[Array, "arrival points"]:
        """What those of each arrival are worth at each point, from it on."""
        flow, points = self.flow, jnp.arange(path.times.shape[0])
        vol = path.quote(flow.vol or f"{flow.underlier}.vol")

        def one(born: Array, count: Array, strike: Array, end: Array) -> Array:
            left = time_left(path, end)
            value = black.price(forward(path, flow.underlier, left), strike, vol, left, flow.call)
            return jnp.where((points >= born) & (left > 0), count * discount(path, left) * value, 0.0)

        return jax.vmap(one)(points, self.count, self.strike, self.end)
