r"""Bachelier's formula (1900): options on a forward that moves normally and may be negative, not discounted.

The total deviation is :math:`s=\sigma\sqrt\tau` in cash and :math:`d=(F-K)/s`, so that

.. math:: C = (F-K) N(d) + s\varphi(d).

The arguments are those of `deephedge.pricing.black`, with ``vol`` in cash per square root of a year; leave ``tau`` out
and it is the total deviation. Where no randomness is left (a total deviation below 1e-10) the price is the intrinsic
value, delta a step (one half at the money), gamma and vega 0, and all derivatives are finite.
"""

import jax.numpy as jnp
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.normal import alike, density, root, sign_of

# Below this total deviation, in cash, nothing random is left.
_DEAD = 1e-10


def price(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Price of a European call or put, in cash at expiry: :math:`\pm(F-K)N(\pm d)+s\varphi(d)`.

    Out of the money both terms are small, so float32 keeps the time value at any volatility.

    Source: Bachelier (1900).

    >>> round(float(price(0.01, 0.02, 0.01, 0.25)), 6)
    4.2e-05
    """
    gain, total, sign = _arguments(forward, strike, vol, tau, call)
    live, d, safe = _distance(gain, total)
    intrinsic = jnp.maximum(sign * gain, 0.0)
    random = sign * gain * ndtr(sign * d) + safe * density(d)
    # Far out of the money the two terms cancel to rounding error, which must not make a price negative.
    return jnp.where(live, jnp.maximum(random, intrinsic), intrinsic)


def delta(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Sensitivity to the forward: :math:`N(d)` of a call, :math:`N(d)-1` of a put.

    >>> round(float(delta(0.01, 0.01, 0.01, 0.25)), 3)
    0.5
    """
    gain, total, sign = _arguments(forward, strike, vol, tau, call)
    live, d, _ = _distance(gain, total)
    step = 0.5 * (1.0 + sign * jnp.sign(gain))
    return sign * jnp.where(live, ndtr(sign * d), step)


def gamma(forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0) -> Float[Array, "..."]:
    r"""Second derivative in the forward, :math:`\varphi(d)/s`, per unit of cash; the same for call and put.

    >>> round(float(gamma(0.01, 0.01, 0.01, 0.25)), 2)
    79.79
    """
    gain, total, _ = _arguments(forward, strike, vol, tau, True)
    live, d, safe = _distance(gain, total)
    return jnp.where(live, density(d) / safe, 0.0)


def vega(forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0) -> Float[Array, "..."]:
    r"""Derivative in the volatility, :math:`\varphi(d)\sqrt\tau`; the same for call and put.

    >>> round(float(vega(0.01, 0.01, 0.01, 0.25)), 4)
    0.1995
    """
    gain, total, _ = _arguments(forward, strike, vol, tau, True)
    live, d, _ = _distance(gain, total)
    return root(tau) * jnp.where(live, density(d), 0.0)


def _arguments(forward, strike, vol, tau, call) -> tuple[Array, ...]:
    gain = jnp.asarray(forward) - jnp.asarray(strike)
    return alike(gain, jnp.asarray(vol) * root(tau), sign_of(call))


def _distance(gain: Array, total: Array) -> tuple[Array, Array, Array]:
    """(is any randomness left, d, s); where none is left the last two are of a total deviation of 1."""
    live = total > _DEAD
    safe = jnp.where(live, total, 1.0)
    return live, gain / safe, safe
