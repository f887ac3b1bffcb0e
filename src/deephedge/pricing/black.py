r"""Black's formula on a forward (1976): prices and sensitivities of calls, puts and digitals, not discounted.

The total volatility is :math:`s=\sigma\sqrt\tau`, the log-moneyness :math:`x=\log(F/K)`, and

.. math:: d_{1,2} = x/s \pm s/2, \qquad C = F N(d_1) - K N(d_2).

All functions take arrays that broadcast, in any shape. Forward, strike and price are in the same cash unit, ``vol``
is per square root of a year, ``tau`` in years; leave ``tau`` out and ``vol`` is the total volatility. ``call`` is a
flag or an array of flags; a put is ``call=False``. To discount, multiply by the price of the zero bond.

Where no randomness is left (``tau <= 0`` or a total volatility below 1e-8) the price is the intrinsic value, delta is
a step (one half at the money), gamma and vega are 0. Everything is finite there, and so are all derivatives.
"""

from collections.abc import Sequence
from functools import reduce
from math import factorial

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.normal import alike, cumulative, density, root, sign_of

# Below this total volatility an option is worth its intrinsic value to within 4e-9 of the forward.
_DEAD = 1e-8
# A forward or strike from here down is nothing: a call is then worthless or a forward, its intrinsic value both times.
_FLOOR = 1e-10
# The integral of cosh(a v) exp(-u v^2 / 2) for v from 0 to 1 in powers of u (rows, up to 1 / 4) and a^2 (up to 1).
_SHORT, _LONG = (
    [
        [(-0.5) ** k / (factorial(2 * j) * factorial(k) * (2 * j + 2 * k + 1)) for j in range(terms)]
        for k in range(terms)
    ]
    for terms in (5, 9)
)


def price(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Price of a European call or put, in cash at expiry: :math:`E(\pm(F_\tau-K))^+`.

    Computed as intrinsic value plus time value :math:`m[N(d_1)-N(d_2)] - |F-K|N(d_2)`, where :math:`m=\min(F,K)`,
    :math:`d_{1,2}=-|x|/s\pm s/2`, and the bracket is integrated, not subtracted. So float32 keeps the time value at
    any volatility: its relative error is 2e-7 at the money and 1e-4 five standard deviations out (the textbook form
    has lost it all at a total volatility of 1e-7). Derivatives are the closed forms, to any order.

    Source: Black (1976).

    >>> round(float(price(100.0, 100.0, 0.2, 30 / 365)), 4)
    2.2872
    >>> price(100.0, jnp.array([90.0, 110.0]), 0.2, 0.0, call=False).tolist()
    [0.0, 10.0]
    """
    forward, strike, total, sign = _arguments(forward, strike, vol, tau, call)
    return _price(forward, strike, total, sign)


def delta(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Sensitivity to the forward: :math:`N(d_1)` of a call, :math:`N(d_1)-1` of a put.

    With no rate and no dividend it is the sensitivity to spot; else see `spot_delta`.

    >>> round(float(delta(100.0, 100.0, 0.2, 30 / 365)), 4)
    0.5114
    """
    forward, strike, total, sign = _arguments(forward, strike, vol, tau, call)
    return sign * _upper_probability(forward, strike, total, sign)


def spot_delta(
    spot: ArrayLike,
    forward: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    discount: ArrayLike = 1.0,
) -> Float[Array, "..."]:
    r"""Sensitivity of the discounted price to spot, :math:`D\,(F/S)\,\partial C/\partial F`, for :math:`F\propto S`.

    ``discount`` is the price today of one unit of cash at expiry. At rate :math:`r` and dividend yield :math:`q` it
    is :math:`e^{-q\tau}N(d_1)` for a call.

    >>> import math
    >>> round(float(spot_delta(100.0, 100.0 * math.exp(0.03), 100.0, 0.2, 1.0, discount=math.exp(-0.05))), 4)
    0.5869
    """
    growth = jnp.asarray(forward) / jnp.asarray(spot)
    return jnp.asarray(discount) * growth * delta(forward, strike, vol, tau, call)


def gamma(forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0) -> Float[Array, "..."]:
    r"""Second derivative in the forward, :math:`\varphi(d_1)/(Fs)`, per unit of cash; the same for call and put.

    >>> round(float(gamma(100.0, 100.0, 0.2, 30 / 365)), 4)
    0.0695
    """
    forward, strike, total, _ = _arguments(forward, strike, vol, tau, True)
    live, centre, half = _moneyness(forward, strike, total)
    return jnp.where(live, density(centre + half) / (jnp.maximum(forward, _FLOOR) * 2.0 * half), 0.0)


def vega(forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0) -> Float[Array, "..."]:
    r"""Derivative in the volatility, :math:`F\varphi(d_1)\sqrt\tau`; the same for call and put.

    >>> round(float(vega(100.0, 100.0, 0.2, 30 / 365)), 3)
    11.433
    """
    forward, strike, total, _ = _arguments(forward, strike, vol, tau, True)
    return root(tau) * _total_vega(forward, strike, total)


def digital(
    forward: ArrayLike, strike: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Price of one unit of cash paid if the call (put) ends in the money: :math:`N(\pm d_2)`; a half on the strike.

    >>> round(float(digital(100.0, 100.0, 0.2, 30 / 365)), 4)
    0.4886
    """
    forward, strike, total, sign = _arguments(forward, strike, vol, tau, call)
    return _lower_probability(forward, strike, total, sign)


def _arguments(forward, strike, vol, tau, call) -> tuple[Array, ...]:
    return alike(forward, strike, jnp.asarray(vol) * root(tau), sign_of(call))


def log_moneyness(forward: ArrayLike, strike: ArrayLike) -> Float[Array, "..."]:
    """:math:`\\log(F/K)`, accurate near 0; finite for a forward or strike of 0.

    >>> round(float(log_moneyness(101.0, 100.0)), 5)
    0.00995
    """
    forward, strike = alike(forward, strike)
    forward, strike = jnp.maximum(forward, _FLOOR), jnp.maximum(strike, _FLOOR)
    near = jnp.abs(forward - strike) < 0.5 * strike
    # The difference of near numbers is exact in floating point, their quotient is not.
    close = jnp.log1p(jnp.where(near, forward - strike, 0.0) / strike)
    return jnp.where(near, close, jnp.log(forward) - jnp.log(strike))


def _moneyness(forward: Array, strike: Array, total: Array) -> tuple[Array, Array, Array]:
    """(is any randomness left, x / s, s / 2): the sum of the last two is d1, their difference d2."""
    live = (total > _DEAD) & (forward > _FLOOR) & (strike > _FLOOR)
    safe = jnp.where(live, total, 1.0)
    return live, log_moneyness(forward, strike) / safe, 0.5 * safe


def _upper_probability(forward: Array, strike: Array, total: Array, sign: Array) -> Array:
    live, centre, half = _moneyness(forward, strike, total)
    return jnp.where(live, cumulative(sign * (centre + half)), _step(forward, strike, sign))


def _lower_probability(forward: Array, strike: Array, total: Array, sign: Array) -> Array:
    live, centre, half = _moneyness(forward, strike, total)
    return jnp.where(live, cumulative(sign * (centre - half)), _step(forward, strike, sign))


def _step(forward: Array, strike: Array, sign: Array) -> Array:
    return 0.5 * (1.0 + sign * jnp.sign(forward - strike))


def _total_vega(forward: Array, strike: Array, total: Array) -> Array:
    live, centre, half = _moneyness(forward, strike, total)
    return jnp.where(live, jnp.maximum(forward, 0.0) * density(centre + half), 0.0)


def _spread(centre: Array, half: Array) -> Array:
    """``N(centre + half) - N(centre - half)``, to relative precision also for a small ``half``; ``centre <= 0``."""
    slope = centre * half
    narrow = (half < 0.5) & (slope > -1.0)
    series = _SHORT if half.dtype == jnp.float32 else _LONG  # beyond what rounding hides more terms only cost time
    squares = jnp.where(narrow, half * half, 0.0), jnp.where(narrow, slope * slope, 0.0)
    mean = _polynomial([_polynomial(row, squares[1]) for row in series], squares[0])
    wide = cumulative(centre + half) - cumulative(centre - half)
    return jnp.where(narrow, 2.0 * half * density(centre) * mean, wide)


def _polynomial(coefficients: Sequence, x: Array) -> Array:
    """By Horner's rule, from the constant on."""
    return reduce(lambda value, coefficient: value * x + coefficient, reversed(coefficients))


@jax.custom_jvp
def _price(forward: Array, strike: Array, total: Array, sign: Array) -> Array:
    # No time value where no randomness is left. One use of that mask, or XLA keeps it and takes twice as long.
    smaller, safe = jnp.minimum(forward, strike), jnp.maximum(total, _DEAD)
    small = jnp.where((total > _DEAD) & (smaller > _FLOOR), smaller, 0.0)
    centre, half = -jnp.abs(log_moneyness(forward, strike)) / safe, 0.5 * safe
    # The option out of the money; by parity it is the time value of the other one too.
    time_value = small * _spread(centre, half) - jnp.abs(forward - strike) * cumulative(centre - half)
    return jnp.maximum(sign * (forward - strike), 0.0) + jnp.maximum(time_value, 0.0)


@_price.defjvp
def _price_jvp(primals, tangents):
    forward, strike, total, sign = primals
    by_forward = sign * _upper_probability(forward, strike, total, sign)
    by_strike = -sign * _lower_probability(forward, strike, total, sign)
    by_total = _total_vega(forward, strike, total)
    return _price(*primals), by_forward * tangents[0] + by_strike * tangents[1] + by_total * tangents[2]
