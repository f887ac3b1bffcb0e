"""Trades that move the price they are dealt at: temporarily, for good, and fading in between."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import UnknownQuote, require
from deephedge.core.types import as_float, concrete
from deephedge.frictions.base import AbstractCost, checked_rate, per_instrument


class Displaced(eqx.Module):
    """What earlier trades did to each price: ``lasting``, and ``fading`` as it was at ``time`` (years)."""

    lasting: Float[Array, " instrument"]
    fading: Float[Array, " instrument"]
    time: Float[Array, ""]


class Impact(AbstractCost):
    r"""Linear impact on the price: temporary, permanent, and transient, which fades.

    A trade of :math:`n` units is dealt at :math:`P + D + \tfrac12(\gamma+\kappa)n + \eta n` on average, and leaves
    the displacement :math:`D + (\gamma+\kappa)n` behind, of which the part from :math:`\kappa` fades at the rate
    :math:`\rho` a year; the cost is what that adds to :math:`nP`. Positions stay marked at the price that nobody
    moved, so that impact is all in the cost. ``permanent`` :math:`\gamma`, ``transient`` :math:`\kappa` and
    ``temporary`` :math:`\eta` are cash per unit squared, one number or one for each instrument; no round trip earns.
    A single trade back may: the price it moved is still up. Reads the quote ``"time"``, which rollouts provide.

    Source: Almgren and Chriss (2001), temporary and permanent; Obizhaeva and Wang (2013), transient.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> impact = dh.frictions.Impact(permanent=1.0)
    >>> state, there = impact.step(impact.init(1), jnp.array([2.0]), jnp.array([100.0]), {"time": jnp.array(0.0)})
    >>> state, back = impact.step(state, jnp.array([-2.0]), jnp.array([100.0]), {"time": jnp.array(0.5)})
    >>> float(there), float(back)
    (2.0, -2.0)
    """

    temporary: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)
    permanent: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)
    transient: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)
    fade: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)

    def __check_init__(self):
        for name in ("temporary", "permanent", "transient"):
            checked_rate(name, getattr(self, name), "cash per unit squared")
        checked_rate("fade", self.fade, "a year")
        fades = concrete(self.transient, lambda x: x == 0) or concrete(self.fade, lambda x: x > 0)
        require(
            fades, "transient impact needs the rate a year at which it fades (fade > 0); without it it is permanent"
        )

    def init(self, instruments: int) -> Displaced:
        zero = as_float(np.zeros(instruments))
        return Displaced(zero, zero, as_float(0.0))

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        return self.step(self.init(trade.shape[-1]), trade, price, {"time": as_float(0.0)} | quotes)[1]

    def step(
        self,
        state: Displaced,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> tuple[Displaced, Float[Array, ""]]:
        lasts, fades = (per_instrument(name, getattr(self, name), trade) for name in ("permanent", "transient"))
        elapsed = jnp.maximum(_time(quotes) - state.time, 0.0)
        fading = state.fading * jnp.exp(-per_instrument("fade", self.fade, trade) * elapsed)
        slope = per_instrument("temporary", self.temporary, trade) + 0.5 * (lasts + fades)
        cash = jnp.sum(trade * (state.lasting + fading) + slope * trade**2)
        return Displaced(state.lasting + lasts * trade, fading + fades * trade, quotes["time"]), cash


class BookWalk(AbstractCost):
    r"""A trade that eats into the order book: buying :math:`x` costs :math:`P\,[(1+A+x)^\alpha-(1+A)^\alpha]`.

    Selling :math:`x` brings :math:`P\,[(1+B+x)^\beta-(1+B)^\beta]`; the cost is what either differs from :math:`xP`.
    :math:`A` and :math:`B` are what earlier purchases and sales ate and the book has not filled up again: they fade at
    ``fade`` a year, at once where it is infinite. The exponents are ``buy`` :math:`\alpha\ge1` and ``sell``
    :math:`\beta\in(0,1]`; units are counted in ``depth``, the depth of the book.

    Source: Neagu, Godin, Simard, Kosseim (2024).

    >>> import jax.numpy as jnp, deephedge as dh
    >>> walk = dh.frictions.BookWalk(buy=2.0, sell=1.0)
    >>> float(walk(jnp.array([0.5]), jnp.array([100.0]), {}))
    75.0
    """

    buy: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    sell: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    fade: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=np.inf)
    depth: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=1.0)

    def __check_init__(self):
        require(concrete(self.buy, lambda x: x >= 1), f"buy is an exponent of 1 or more, was {self.buy}")
        require(concrete(self.sell, lambda x: (x > 0) & (x <= 1)), f"sell is an exponent in (0, 1], was {self.sell}")
        require(concrete(self.fade, lambda x: x >= 0), f"fade is a rate a year, 0 or more, was {self.fade}")
        require(concrete(self.depth, lambda x: x > 0), f"depth must be a positive number of units, was {self.depth}")

    def init(self, instruments: int) -> tuple[Array, Array, Array]:
        zero = as_float(np.zeros(instruments))
        return zero, zero, as_float(0.0)

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        return self.step(self.init(trade.shape[-1]), trade, price, {"time": as_float(0.0)} | quotes)[1]

    def step(
        self,
        state: tuple[Array, Array, Array],
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> tuple[tuple[Array, Array, Array], Float[Array, ""]]:
        buy, sell, fade, depth = (
            per_instrument(name, getattr(self, name), trade) for name in ("buy", "sell", "fade", "depth")
        )
        asks, bids, before = state
        elapsed = jnp.maximum(_time(quotes) - before, 0.0)
        kept = jnp.where(elapsed > 0, jnp.exp(-fade * jnp.where(elapsed > 0, elapsed, 1.0)), 1.0)
        asks, bids = asks * kept, bids * kept
        bought, sold = jnp.maximum(trade, 0.0) / depth, jnp.maximum(-trade, 0.0) / depth
        paid = (1 + asks + bought) ** buy - (1 + asks) ** buy - bought
        missed = sold - ((1 + bids + sold) ** sell - (1 + bids) ** sell)
        cash = jnp.sum(depth * jnp.abs(price) * (paid + missed))
        return (asks + bought, bids + sold, quotes["time"]), cash


def _time(quotes: dict[str, Float[Array, ""]]) -> Float[Array, ""]:
    if "time" not in quotes:
        raise UnknownQuote("impact that fades needs the quote 'time' (years), which the snapshots of a path carry")
    return quotes["time"]
