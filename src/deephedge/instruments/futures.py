r"""Futures: one contract, the n-th nearby of a strip that rolls, and spreads between them.

Entering a future costs nothing, and its gain of each step is paid at the end of it. Here it is held at its mark, as if
that had been paid in cash, and the interest on the mark is paid back. With the mark :math:`F` and the numeraire
:math:`B`, the cash at point :math:`k+1` is :math:`F_k(B_{k+1}/B_k-1)`, so that price and cash together gain

.. math:: \frac{F_{k+1}}{B_{k+1}} - \frac{F_k}{B_k} + \frac{F_k(B_{k+1}/B_k-1)}{B_{k+1}} = \frac{F_{k+1}-F_k}{B_{k+1}}:

the margin of the day, discounted, whatever the numeraire is. Costs and limits that are shares of a price then act on
the mark, which is what they are quoted on.
"""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, reached, time_left
from deephedge.instruments.book import Book
from deephedge.instruments.equity import check_expiry


class Future(AbstractTradable):
    r"""A future that settles at ``expiry`` (years) at its last mark; ``multiplier`` units of the underlier a contract.

    ``underlier`` is the quote of one fixed contract, such as ``"CL.future.0.5"`` of `markets.Schwartz`, not of one that
    keeps its tenor. The price is the mark and every gain the margin, :math:`m(F_{k+1}-F_k)`, in cash of its day. As a
    liability it is the mark bought at the first point that has to be counted too: hold `sold` of it.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"CL": jnp.array([60.0, 62.0, 59.0])}, jnp.ones(3))
    >>> future = Future("CL", expiry=1.0, multiplier=10)
    >>> future.price(path).tolist(), future.cashflows(path).tolist()
    ([600.0, 620.0, 0.0], [0.0, 0.0, 590.0])
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    expiry: Float[Array, ""] = number()
    multiplier: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        check_expiry(self.expiry)
        _check_multiplier(self.multiplier)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(time_left(path, self.expiry) > 0, self.multiplier * path.quote(self.underlier), 0.0)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        settled = jnp.where(at_expiry(path, self.expiry), self.multiplier * path.quote(self.underlier), 0.0)
        return settled.at[1:].add(_interest(path, self.price(path)))


class FuturesStrip(AbstractTradable):
    r"""The ``nearby``-th of ``contracts`` to expire, held for as long as it is that, then the next one.

    ``contracts`` name the quotes of fixed futures, ``expiries`` their years, increasing. A contract is left ``lag``
    years before it expires, at the first point from then on: there the position is kept, the old contract closed at its
    mark and the new one opened at its own, so that no gain comes from the difference of the two,

    .. math:: \text{gain} = m\,(F^{i_k}_{k+1}-F^{i_k}_k), \qquad i_k\text{ the contract held from point }k.

    `rolls` says where that is; a problem charges the trades of a roll there. The strip ends where it would roll beyond
    its last contract: the position is settled at the mark. Prices, cash and ``multiplier`` are those of a `Future`.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([60.0, 62.0, 62.0, 62.0]), "B": jnp.array([50.0, 51.0, 53.0, 54.0])}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0, 3.0]), quotes, jnp.ones(4))
    >>> strip = FuturesStrip(("A", "B"), expiries=(1.0, 3.0))
    >>> strip.price(path).tolist(), strip.cashflows(path).tolist(), strip.rolls(path).tolist()
    ([60.0, 51.0, 53.0, 0.0], [0.0, 11.0, 0.0, 54.0], [False, True, False, False])
    """

    pointwise: ClassVar[bool] = True
    contracts: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    expiries: Float[Array, " tenor"] = eqx.field(converter=as_float)
    nearby: int = eqx.field(static=True, default=1)
    lag: Float[Array, ""] = number(default=0.0)
    multiplier: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        count, dates = len(self.contracts), self.expiries
        fits = dates.shape[-1:] == (count,) and concrete(dates, lambda t: (np.diff(t) > 0).all() and (t > 0).all())
        require(fits, f"expiries must be increasing years above 0, one for each of {self.contracts}, were {dates}")
        require(0 < self.nearby <= count, f"nearby must be 1 to {count}, the number of contracts, was {self.nearby}")
        sound = concrete(self.lag, lambda lag: lag >= 0) and concrete(dates[..., -1] - self.lag, lambda t: t > 0)
        require(sound, f"lag must be 0 or more years and end before the last expiry, was {self.lag}")
        _check_multiplier(self.multiplier)

    @property
    def expiry(self) -> Float[Array, "..."]:
        """Years at which it ends: when the last contract would have to be left."""
        return self.expiries[..., len(self.contracts) - self.nearby] - self.lag

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        held = self._held(path)
        return self.multiplier * jnp.where(self._alive(held), self._mark(path, held), 0.0)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return margined(path, self.price(path), self.closing(path))

    def closing(self, path: MarketPath) -> Float[Array, " points"]:
        held = self._held(path)
        before = jnp.concatenate([held[:1], held[:-1]])
        return self.multiplier * jnp.where(self._alive(before), self._mark(path, before), 0.0)

    def rolls(self, path: MarketPath) -> Bool[Array, " points"]:
        held = self._held(path)
        moved = jnp.concatenate([jnp.zeros(1, bool), held[1:] != held[:-1]])
        return moved & self._alive(held)

    def _held(self, path: MarketPath) -> Int[Array, " points"]:
        """Which contract is held from each point on."""
        gone = jax.vmap(lambda date: reached(path.times, date))(self.expiries - self.lag)
        return jnp.sum(gone, axis=0) + (self.nearby - 1)

    def _alive(self, held: Int[Array, "*points"]) -> Bool[Array, "*points"]:
        return held < len(self.contracts)

    def _mark(self, path: MarketPath, held: Int[Array, " points"]) -> Float[Array, " points"]:
        marks = jnp.stack([path.quote(name) for name in self.contracts], axis=-1)
        last = jnp.minimum(held, len(self.contracts) - 1)
        return jnp.take_along_axis(marks, last[:, None], axis=1)[:, 0]


def calendar_spread(near: AbstractTradable, far: AbstractTradable) -> Book:
    """Long one future, short another of the same underlier that expires later; or two strips, a spread that rolls.

    A book's price is the difference of the two: charge costs by `frictions.HalfSpread`, not as a share of it.

    >>> spread = calendar_spread(Future("CL.future.0.5", 0.5), Future("CL.future.1", 1.0))
    >>> [units.tolist() for units in spread.units]
    [[1.0], [-1.0]]
    """
    return Book((near, far), (1.0, -1.0))


def crack_spread(
    crude: AbstractTradable,
    gasoline: AbstractTradable,
    distillate: AbstractTradable,
    ratio: tuple[ArrayLike, ArrayLike, ArrayLike] = (3, 2, 1),
) -> Book:
    """What refining one unit of crude earns: short crude, long products, by ``ratio`` (3:2:1) over its first number.

    All three in cash for the same unit (products quoted by the gallon have a multiplier of 42 to the barrel). An option
    on the spread to one product is a `SpreadOption` on the two futures.

    >>> crude, gasoline, heating = Future("CL", 0.5), Future("RB", 0.5, 42), Future("HO", 0.5, 42)
    >>> [[round(x, 3) for x in units.tolist()] for units in crack_spread(crude, gasoline, heating).units]
    [[-1.0], [0.667], [0.333]]
    """
    shares = as_float(ratio)
    sound = shares.shape == (3,) and concrete(shares, lambda x: x > 0)
    require(sound, f"ratio must be three numbers above 0 (crude, gasoline, distillate), was {ratio}")
    return Book((crude, gasoline, distillate), jnp.array([-1.0, 1.0, 1.0]) * shares / shares[0])


def margined(
    path: MarketPath, price: Float[Array, " points"], closing: Float[Array, " points"]
) -> Float[Array, " points"]:
    """Cash at each point of a future that rolls: what was held is closed, what is held next is marked."""
    return jnp.zeros_like(price).at[1:].set((closing - price)[1:] + _interest(path, price))


def _interest(path: MarketPath, mark: Float[Array, " points"]) -> Float[Array, " step"]:
    """What the money that a position is marked at earns over each step, paid at its end."""
    return mark[:-1] * jnp.diff(path.numeraire) / path.numeraire[:-1]


def _check_multiplier(multiplier: Float[Array, ""]) -> None:
    sound = concrete(multiplier, lambda m: (m > 0) & np.isfinite(m))
    require(sound, f"multiplier must be units a contract above 0, was {multiplier}")
