r"""Notes that are called on dates, pay coupons on dates and lose below a barrier, by integration from date to date.

A coupon that was missed is paid with the next one. Its value is linear in how many are missed, so four numbers are the
whole state of a note that is alive: its principal and the coupons of the dates to come; one unit of missed cash; and
the loss at the end, once the barrier has been touched and as long as it has not.
"""

from functools import partial
from typing import NamedTuple

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.normal import density, root

_WIDTH = 6.5  # standard deviations of the log price within which a date is integrated: all but 1e-10
_STILL = 1e-4  # a volatility below it is taken as this one


class Legs(NamedTuple):
    """What a note of principal 1 that is alive is worth, part by part, in cash today."""

    plain: Float[Array, "..."]  # principal and the coupons to come, without losses
    missed: Float[Array, "..."]  # one unit of cash that is paid with the next coupon
    touched: Float[Array, "..."]  # the loss, below 0, when the barrier has been touched
    fresh: Float[Array, "..."]  # the loss, below 0, when it has not


def legs(
    spot: ArrayLike,
    taus: ArrayLike,
    vol: ArrayLike,
    rate: ArrayLike,
    dividend: ArrayLike,
    call_level: ArrayLike,
    coupon_level: ArrayLike,
    barrier: ArrayLike,
    strike: ArrayLike,
    coupon: ArrayLike,
    memory: bool = True,
    watched: bool = False,
    nodes: int = 24,
) -> Legs:
    r"""The parts of an autocallable note under Black and Scholes; dates are the last axis of ``taus``.

    ``taus`` are the years left to each date, 0 for one that is over; on each the note pays ``coupon`` (a share of the
    principal) at or above ``coupon_level``, and is redeemed at or above ``call_level`` (not below ``coupon_level``). On
    the last it pays the principal, less :math:`1-S/K` of it below ``strike`` :math:`K` if the barrier (not above the
    strike) was touched: on the last date, or, where ``watched``, on any. Levels in cash like ``spot``.

    The last period is a closed form; before it, the value on a date is integrated against the normal law of the log
    price by Gauss and Legendre, ``nodes`` between each two of the levels at which it jumps, within 6.5 deviations; what
    is called is integrated by hand. (The documentation has the error measured.) Memory is ``(3 nodes)**2`` a price.

    >>> note = legs(1.0, jnp.array([0.5, 1.0]), 0.2, 0.03, 0.0, 1.0, 0.8, 0.7, 1.0, 0.04)
    >>> [round(float(x), 4) for x in note]
    [1.0305, 0.9513, -0.0545, -0.0112]
    """
    terms = (spot, taus, vol, rate, dividend, call_level, coupon_level, barrier, strike, coupon)
    dtype = jnp.result_type(*terms, float)
    one = partial(_legs, memory, watched, np.polynomial.legendre.leggauss(nodes))
    broadcasting = jnp.vectorize(one, signature="(),(n),(),(),(),(),(),(),(),()->(k)")
    found = broadcasting(*(jnp.asarray(term, dtype) for term in terms))
    return Legs(*jnp.moveaxis(found, -1, 0))


def _legs(memory, watched, rule, spot, taus, vol, rate, dividend, call, coupon_level, barrier, strike, coupon) -> Array:
    vol = jnp.maximum(vol, _STILL)
    now, drift = jnp.log(spot), rate - dividend - 0.5 * vol**2
    top, paying, touching = jnp.log(call), jnp.log(coupon_level), jnp.log(barrier)
    levels = jnp.sort(jnp.minimum(jnp.stack([paying, touching]), top))
    points, weights = (jnp.asarray(x, spot.dtype) for x in rule)

    def grid(tau: Array) -> tuple[Array, Array]:
        """Log prices ``tau`` years ahead at which the note would not be called, and their weights."""
        reach = _WIDTH * vol * root(tau)
        edges = jnp.concatenate([jnp.full(1, -jnp.inf), levels, top[None]])
        edges = jnp.clip(edges, now + drift * tau - reach, now + drift * tau + reach)
        half = 0.5 * jnp.diff(edges)[:, None]
        return (edges[:-1, None] + half * (1.0 + points)).ravel(), (half * weights).ravel()

    def last(x: Array, years: Array) -> Array:
        """All that the last date pays, seen ``years`` before it at log prices ``x``; closed forms."""
        spread = vol * jnp.maximum(root(years), 1e-6)
        mean = x + drift * years

        def lost(level: Array) -> Array:
            below = (level - mean) / spread
            part = jnp.exp(mean + 0.5 * spread**2 - jnp.log(strike)) * ndtr(below - spread)
            return part - ndtr(below)

        paid, end = ndtr((mean - paying) / spread), jnp.minimum(top, jnp.log(strike))
        parts = [1.0 + coupon * paid, paid if memory else jnp.zeros_like(paid), lost(end)]
        return jnp.exp(-rate * years) * jnp.stack([*parts, lost(jnp.minimum(end, touching))])

    def before(after: Array, x: Array) -> Array:
        """The legs as a date begins, from those as it ends, for a note that it does not call."""
        pays, touches = x >= paying, x < touching
        plain = after[0] + coupon * jnp.where(pays, 1.0, after[1])
        missed = jnp.where(pays, 1.0, after[1]) if memory else after[1]
        return jnp.stack([plain, missed, after[2], jnp.where(touches, after[2], after[3]) if watched else after[3]])

    def back(after: Array, taus: tuple[Array, Array]) -> tuple[Array, None]:
        """From the end of one date to the end of the date before it."""
        sooner, later = taus
        years = jnp.where(later > 0, later - sooner, 1.0)
        (x, _), (y, weight) = grid(sooner), grid(later)
        spread, mean = vol * root(years), x + drift * years
        kernel = density((y - mean[:, None]) / spread) * (weight / spread)
        called = ndtr((mean - top) / spread)
        gains = jnp.stack([1.0 + coupon, jnp.asarray(float(memory), x.dtype), 0.0 * coupon, 0.0 * coupon])
        value = jnp.exp(-rate * years) * (before(after, y) @ kernel.T + gains[:, None] * called)
        return jnp.where(later > 0, value, after), None

    sooner = jnp.concatenate([jnp.zeros(1, taus.dtype), taus[:-1]])
    value = last(grid(sooner[-1])[0], taus[-1] - sooner[-1])
    value, _ = lax.scan(back, value, (sooner[:-1], taus[:-1]), reverse=True)
    return value[:, 0]
