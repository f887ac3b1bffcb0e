r"""Options that start or end where a lognormal price reaches a barrier, and cash paid for reaching it.

The price stands at ``spot`` and has the forward ``forward`` (both in cash) for ``tau`` years, ``vol`` per root year;
the total volatility is :math:`s=\sigma\sqrt\tau`. A barrier reflects paths (Reiner and Rubinstein 1991): with it at a
distance :math:`y/2` in the logarithm,

.. math:: V_{out}(F) = V(F) - e^{cy/2}\,V(Fe^y), \qquad c = 2\log(F/S)/s^2 - 1,

where :math:`V` pays what the option pays on the near side of the barrier. All arguments broadcast, prices are not
discounted, and what knocks in is the option without a barrier less what knocks out.

A barrier is watched all the time, or every ``step`` years: paths are then reflected at one moved away by `shift`, but
end at the barrier itself (Broadie, Glasserman and Kou 1997; Horfelt 2003); with one look left only the end counts.

Below a total volatility of 1e-5 the price runs straight to its forward. In float32, where :math:`cy/2` is past 78 (a
volatility below some 1 %, with a drift to the barrier), it counts as reached only if the forward is beyond it.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import log_ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.normal import alike, root, sign_of

# -zeta(1/2) / sqrt(2 pi): by how many deviations of a step a walk overshoots what it is watched for.
OVERSHOOT = 0.5825971579390107
_DEAD = 1e-5
_TURNS = np.arange(-6, 7)  # what is left out is below 1e-8 in a corridor wider than _NARROW
_NARROW = 0.5  # total volatilities between two barriers below which fewer than 1e-8 of the paths stay inside


def shift(vol: ArrayLike, step: ArrayLike) -> Float[Array, "..."]:
    r"""Factor by which a barrier watched every ``step`` years moves away: :math:`e^{0.5826\,\sigma\sqrt{step}}`.

    Source: Broadie, Glasserman and Kou (1997).

    >>> round(float(shift(0.2, 1 / 12)), 4)
    1.0342
    """
    return jnp.exp(OVERSHOOT * jnp.asarray(vol) * root(step))


def out(
    spot: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    barrier: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    up: ArrayLike = False,
    step: ArrayLike | None = None,
) -> Float[Array, "..."]:
    r"""Price of a call or put that ends without pay when the price reaches ``barrier`` from below (``up``) or above.

    On the near side it pays :math:`\phi(S-K)` between strike and barrier: options and a digital, all of the type that
    the reflected price is out of the money for, so that float32 keeps it. 0 where the spot is beyond.

    Source: Reiner and Rubinstein (1991).

    >>> [round(float(out(100.0, 100.0, 100.0, 90.0 + 30.0 * up, 0.2, up=up)), 3) for up in (False, True)]
    [6.467, 1.105]
    """
    total, side = jnp.asarray(vol) * root(tau), -sign_of(up)
    mirror = _moved(barrier, vol, step, -side)
    arguments = alike(spot, forward, strike, barrier, mirror, total, side, sign_of(call))
    spot, forward, strike, barrier, mirror, total, side, sign = arguments

    def near(forward: Array, total: Array) -> Array:
        return _near_side(forward, strike, barrier, total, side, sign)

    plain, reflected = _reflected(near, spot, forward, mirror, total, side)
    alive = jnp.where(side * (spot - mirror) > 0, jnp.maximum(plain - reflected, 0.0), 0.0)
    return jnp.where(_last(tau, step), plain, alive)


def touch(
    spot: ArrayLike,
    forward: ArrayLike,
    barrier: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    rate: ArrayLike = 0.0,
    up: ArrayLike = False,
    step: ArrayLike | None = None,
) -> Float[Array, "..."]:
    r"""Price of one unit of cash paid when ``barrier`` is reached: :math:`E[e^{-r\theta};\theta\le\tau]`.

    At a ``rate`` of 0 it is the probability, the price not discounted of cash at ``tau``. With :math:`h=\log(B/S)/s`,
    :math:`m=\log(F/S)/s-s/2` and :math:`l=\sqrt{m^2+2r\tau}`, for a barrier below

    .. math:: e^{h(m+l)}N(h+l) + e^{h(m-l)}N(h-l).

    It is even in :math:`l`, and continued to first order in :math:`l^2` for rates so far below 0 that this is negative.
    1 where the spot is beyond.

    Source: Rubinstein and Reiner (1991).

    >>> round(float(touch(100.0, 100.0, 90.0, 0.2)), 4), round(float(touch(100.0, 100.0, 90.0, 0.2, rate=0.05)), 4)
    (0.6296, 0.6193)
    """
    total, side = jnp.asarray(vol) * root(tau), -sign_of(up)
    mirror, owed = _moved(barrier, vol, step, -side), jnp.asarray(rate) * jnp.maximum(jnp.asarray(tau), 0.0)
    arguments = alike(spot, forward, barrier, mirror, total, owed, side)
    spot, forward, barrier, mirror, total, owed, side = arguments
    reached = jnp.where(side * (spot - mirror) > 0, _first_passage(spot, forward, mirror, total, owed, side), 1.0)
    if step is None:
        return reached

    def between(forward: Array, total: Array) -> Array:
        """The chance of ending between the barrier and where it was moved."""
        return black.digital(forward, mirror, total, call=side > 0) - black.digital(
            forward, barrier, total, call=side > 0
        )

    plain, reflected = _reflected(between, spot, forward, mirror, total, side)
    late = jnp.exp(-owed) * jnp.where(side * (spot - mirror) > 0, jnp.maximum(plain - reflected, 0.0), 0.0)
    ends = jnp.exp(-owed) * black.digital(forward, barrier, total, call=side < 0)
    return jnp.where(_last(tau, step), ends, reached + late)


def double_out(
    spot: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    step: ArrayLike | None = None,
) -> Float[Array, "..."]:
    r"""Price of a call or put that ends without pay when the price reaches ``lower`` or ``upper``; 0 where it has.

    The sum over the images of the price in two mirrors, 13 turns of them.

    Source: Ikeda and Kunitomo (1992).

    >>> round(float(double_out(100.0, 100.0, 100.0, 80.0, 130.0, 0.2)), 4)
    2.887
    """
    low, high, sign, strike = alike(lower, upper, sign_of(call), strike)
    edge = jnp.clip(strike, low, high)
    ends = jnp.where(sign > 0, edge, low), jnp.where(sign > 0, high, edge)
    paid = _between(spot, forward, low, high, vol, tau, ends, step)
    return jnp.maximum(sign * (paid[0] - strike * paid[1]), 0.0)


def double_no_touch(
    spot: ArrayLike,
    forward: ArrayLike,
    lower: ArrayLike,
    upper: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    step: ArrayLike | None = None,
) -> Float[Array, "..."]:
    """Probability that the price reaches neither ``lower`` nor ``upper``: that of one unit of cash, not discounted.

    >>> round(float(double_no_touch(100.0, 100.0, 80.0, 130.0, 0.2)), 4)
    0.5398
    """
    low, high = alike(lower, upper)
    return jnp.clip(_between(spot, forward, low, high, vol, tau, (low, high), step)[1], 0.0, 1.0)


def _moved(barrier: ArrayLike, vol: ArrayLike, step: ArrayLike | None, sign: Array) -> Array:
    """Where paths are reflected: above the barrier (``sign`` 1) or below it."""
    return jnp.asarray(barrier) if step is None else jnp.asarray(barrier) * shift(vol, step) ** sign


def _last(tau: ArrayLike, step: ArrayLike | None) -> Array:
    """Whether the end is the only look left."""
    return jnp.zeros((), bool) if step is None else jnp.asarray(tau) <= 1.001 * jnp.asarray(step)


def _reflected(
    price: Callable, spot: Array, forward: Array, mirror: Array, total: Array, side: Array
) -> tuple[Array, Array]:
    """What is paid at the end, ``price(forward, total)``, and what the mirror takes of it."""
    live = total > _DEAD
    safe, away = jnp.where(live, total, 1.0), black.log_moneyness(mirror, spot)
    weight = (2.0 * black.log_moneyness(forward, spot) / safe**2 - 1.0) * away
    far = jnp.where(live, weight, jnp.inf) > _most(total)
    plain, image = price(forward, total), price(forward * jnp.exp(2.0 * away), jnp.where(far, 1.0, safe))
    crossed = jnp.where(side * (forward - mirror) <= 0, plain, 0.0)
    return plain, jnp.where(far, crossed, jnp.exp(jnp.where(far, 0.0, weight)) * image)


def _first_passage(spot: Array, forward: Array, barrier: Array, total: Array, owed: Array, side: Array) -> Array:
    live = total > _DEAD
    safe = jnp.where(live, total, 1.0)
    height = black.log_moneyness(barrier, spot) / safe
    drift = black.log_moneyness(forward, spot) / safe - 0.5 * safe
    square = drift**2 + 2.0 * owed
    length, most = root(jnp.abs(square)), jnp.maximum(-owed, 0.0)

    def part(length: Array | float) -> Array:
        return jnp.exp(jnp.minimum(height * (drift + length) + log_ndtr(side * (height + length)), most))

    real = part(length) + part(-length)
    paid = jnp.where(square >= 0, real, 4.0 * part(0.0) - real)
    return jnp.where(live, paid, jnp.where(side * (forward - barrier) <= 0, 1.0, 0.0))


def _most(total: Array) -> float:
    """The largest logarithm of a weight that its factor, as small, still answers."""
    return -0.9 * float(np.log(jnp.finfo(total.dtype).tiny))


def _near_side(forward: Array, strike: Array, barrier: Array, total: Array, side: Array, sign: Array) -> Array:
    """Price of a call or put that pays only if it ends above the barrier (``side`` 1) or below it (-1)."""
    far = side * jnp.maximum(side * strike, side * barrier)
    at_far, at_barrier = (black.price(forward, level, total, call=side > 0) for level in (far, barrier))
    cash = black.digital(forward, barrier, total, call=side > 0)
    # Of the barrier's own type, struck no nearer than it; or else what is left below the strike.
    return jnp.where(
        sign == side,
        at_far + side * (far - strike) * cash,
        side * (far - barrier) * cash - at_barrier + at_far,
    )


def _between(
    spot: ArrayLike,
    forward: ArrayLike,
    low: Array,
    high: Array,
    vol: ArrayLike,
    tau: ArrayLike,
    ends: tuple[Array, Array],
    step: ArrayLike | None,
) -> tuple[Array, Array]:
    """Expected price, and the chance, of ending between ``ends`` without having reached ``low`` or ``high``."""
    low, high = _moved(low, vol, step, -jnp.ones(())), _moved(high, vol, step, jnp.ones(()))
    total, last = jnp.asarray(vol) * root(tau), _last(tau, step)
    spot, forward, low, high, total, first, end = alike(spot, forward, low, high, total, *ends)
    inside = last | ((spot > low) & (spot < high))
    live = (total > _DEAD) & inside
    safe = jnp.where(live, total, 1.0)[..., None]
    growth = black.log_moneyness(forward, spot)[..., None]
    width = black.log_moneyness(high, low)
    turns = 2.0 * width[..., None] * jnp.asarray(_TURNS, total.dtype)
    mirrored = 2.0 * black.log_moneyness(low, spot)[..., None] + turns
    moves, signs = jnp.concatenate([turns, mirrored], -1), np.repeat([1.0, -1.0], len(_TURNS)).astype(total.dtype)
    signs = jnp.where(last[..., None], np.append(_TURNS == 0, np.zeros(len(_TURNS), bool)), signs)
    weight = (growth / safe**2 - 0.5) * moves
    d1, d2 = ((black.log_moneyness(forward, end)[..., None] + moves) / safe + 0.5 * safe for end in (first, end))

    def image(exponent: Array, log_chance: Array) -> Array:
        return jnp.sum(signs * jnp.exp(jnp.minimum(exponent + log_chance, _most(total))), axis=-1)

    wide = jnp.where(last | (width > _NARROW * total), 1.0, 0.0)
    price = wide * forward * image(weight + moves, _log_chance(d1, d2))
    chance = wide * image(weight, _log_chance(d1 - safe, d2 - safe))
    sure = jnp.where(inside & (forward >= first) & (forward <= end), 1.0, 0.0)
    return jnp.where(live, price, forward * sure), jnp.where(live, chance, sure)


def _log_chance(above: Array, below: Array) -> Array:
    """``log(N(above) - N(below))`` from the tail in which both are small: in float32 a weight may be too large."""
    flip = above + below > 0
    high, low = log_ndtr(jnp.where(flip, -below, above)), log_ndtr(jnp.where(flip, -above, below))
    apart = low < high
    return jnp.where(apart, high + jnp.log(-jnp.expm1(jnp.where(apart, low - high, -1.0))), -jnp.inf)
