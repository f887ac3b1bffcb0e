r"""Options on several lognormal prices: exchange, spread, the better and the worse of two, and baskets. Not discounted.

Forwards :math:`F_i` in cash, volatilities :math:`\sigma_i` per square root of a year, ``tau`` in years (leave it out
and they are total), ``correlation`` that of the logarithms. Everything broadcasts; names of a basket are the last axis.
Where no randomness is left the price is the intrinsic value.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.bivariate import normal
from deephedge.pricing.normal import alike, density, logarithm, root, sign_of

_DEAD = 1e-8  # total volatility below which an option is worth its intrinsic value
_FAR = 12.0  # standard deviations within which the exercise point of a basket is sought
_HALF, _HALF_WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(16))
# Both half lines, by x = t / (1 - t).
_RAY = np.concatenate([-(0.5 + _HALF) / (0.5 - _HALF), (0.5 + _HALF) / (0.5 - _HALF)])
_RAY_WEIGHTS = np.tile(_HALF_WEIGHTS / (0.5 - _HALF) ** 2, 2)
_STEPS = 8  # Newton steps to it: the function is convex and nearly straight, five reach the last bit


def exchange(
    first: ArrayLike,
    second: ArrayLike,
    first_vol: ArrayLike,
    second_vol: ArrayLike,
    correlation: ArrayLike,
    tau: ArrayLike = 1.0,
) -> Float[Array, "..."]:
    r"""Price of the right to get the first for the second: :math:`E(S_1-S_2)^+`, by Black on their ratio.

    Source: Margrabe (1978).

    >>> round(float(exchange(100.0, 100.0, 0.3, 0.2, 0.5)), 4)
    10.5243
    """
    return black.price(first, second, between(first_vol, second_vol, correlation), tau)


def between(first_vol: ArrayLike, second_vol: ArrayLike, correlation: ArrayLike) -> Float[Array, "..."]:
    r"""Volatility of the ratio of two prices, :math:`\sqrt{\sigma_1^2-2\rho\sigma_1\sigma_2+\sigma_2^2}`.

    >>> round(float(between(0.3, 0.4, 0.0)), 4)
    0.5
    """
    one, two, like = alike(first_vol, second_vol, correlation)
    return root((one - two) ** 2 + 2.0 * (1.0 - like) * one * two)


def kirk(
    first: ArrayLike,
    second: ArrayLike,
    strike: ArrayLike,
    first_vol: ArrayLike,
    second_vol: ArrayLike,
    correlation: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a spread option as if :math:`S_2+K` were lognormal, with the volatility :math:`\sigma_2F_2/(F_2+K)`.

    Source: Kirk (1995). Exact for a strike of 0; see `spread` for one that errs less.

    >>> round(float(kirk(110.0, 100.0, 5.0, 0.3, 0.2, 0.5)), 4)
    13.9187
    """
    first, second, strike, two = alike(first, second, strike, second_vol)
    share = _over(second, second + strike)
    return black.price(first, second + strike, between(first_vol, share * two, correlation), tau, call)


def spread(
    first: ArrayLike,
    second: ArrayLike,
    strike: ArrayLike,
    first_vol: ArrayLike,
    second_vol: ArrayLike,
    correlation: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a spread option, :math:`E(S_1-S_2-K)^+`, exercised where :math:`S_1 > c\,S_2^b`, :math:`b=F_2/(F_2+K)`.

    .. math:: F_1N(d_1) - F_2N(d_2) - KN(d_3),

    a lower bound, since it is what one rule of exercise earns; a put follows by parity. Exact for a strike of 0. The
    documentation has the error measured. ``strike`` 0 or more.

    Source: Bjerksund and Stensland (2014).

    >>> round(float(spread(110.0, 100.0, 5.0, 0.3, 0.2, 0.5)), 4)
    13.9187
    """
    one, two = jnp.asarray(first_vol) * root(tau), jnp.asarray(second_vol) * root(tau)
    first, second, strike, one, two, like, sign = alike(first, second, strike, one, two, correlation, sign_of(call))
    share = _over(second, second + strike)
    total = between(one, share * two, like)
    live = total > _DEAD
    safe = jnp.where(live, total, 1.0)
    ratio, bent = black.log_moneyness(first, second + strike), 0.5 * (share * two) ** 2
    d1 = (ratio + 0.5 * one**2 - like * share * one * two + bent) / safe
    d2 = (ratio - 0.5 * one**2 + like * one * two + bent - share * two**2) / safe
    d3 = (ratio - 0.5 * one**2 + bent) / safe
    value = sign * (first * ndtr(sign * d1) - second * ndtr(sign * d2) - strike * ndtr(sign * d3))
    return jnp.where(live, value, jnp.maximum(sign * (first - second - strike), 0.0))


def worst_of(
    first: ArrayLike,
    second: ArrayLike,
    strike: ArrayLike,
    first_vol: ArrayLike,
    second_vol: ArrayLike,
    correlation: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a call or put on the smaller of two: :math:`E(\pm(\min(S_1,S_2)-K))^+`.

    .. math:: F_1\Phi_2(y_1,-d;-\rho_1) + F_2\Phi_2(y_2,d-s;-\rho_2) - K\Phi_2(y_1-s_1,y_2-s_2;\rho)

    for a call, with :math:`s` the total volatility of the ratio, :math:`y_i=\log(F_i/K)/s_i+s_i/2`,
    :math:`d=\log(F_1/F_2)/s+s/2` and :math:`\rho_i=(s_i-\rho s_j)/s`; the put follows by parity.

    Source: Stulz (1982).

    >>> round(float(worst_of(100.0, 100.0, 100.0, 0.3, 0.2, 0.5)), 4)
    4.2707
    """
    one, two = jnp.asarray(first_vol) * root(tau), jnp.asarray(second_vol) * root(tau)
    first, second, strike, one, two, like, sign = alike(first, second, strike, one, two, correlation, sign_of(call))
    total = jnp.maximum(between(one, two, like), _DEAD)
    low_one, low_two = jnp.maximum(one, _DEAD), jnp.maximum(two, _DEAD)
    ahead = black.log_moneyness(first, second) / total + 0.5 * total
    y1 = black.log_moneyness(first, strike) / low_one + 0.5 * low_one
    y2 = black.log_moneyness(second, strike) / low_two + 0.5 * low_two
    # One call for three probabilities: a third of the time to compile.
    below = jnp.stack([y1, y2, y1 - low_one]), jnp.stack([-ahead, ahead - total, y2 - low_two])
    chance = normal(*below, jnp.stack([-(one - like * two) / total, -(two - like * one) / total, like]))
    call_price = first * chance[0] + second * chance[1] - strike * chance[2]
    smaller = first - black.price(first, second, total)
    value = jnp.where(sign > 0, call_price, jnp.maximum(call_price + strike - smaller, 0.0))
    ended = jnp.maximum(sign * (jnp.minimum(first, second) - strike), 0.0)
    return jnp.where(jnp.maximum(one, two) > _DEAD, value, ended)


def best_of(
    first: ArrayLike,
    second: ArrayLike,
    strike: ArrayLike,
    first_vol: ArrayLike,
    second_vol: ArrayLike,
    correlation: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a call or put on the larger of two: with the one on the smaller it makes the options on both.

    Source: Stulz (1982).

    >>> round(float(best_of(100.0, 100.0, 100.0, 0.3, 0.2, 0.5)), 4)
    15.6184
    """
    one, two, low, first_total, second_total, side = alike(first, second, strike, first_vol, second_vol, sign_of(call))
    each = black.price(jnp.stack([one, two]), low, jnp.stack([first_total, second_total]), tau, side > 0)
    return each[0] + each[1] - worst_of(first, second, strike, first_vol, second_vol, correlation, tau, call)


def basket(
    forwards: ArrayLike,
    strike: ArrayLike,
    vols: ArrayLike,
    correlation: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a call or put on a sum of lognormals (forwards times weights): :math:`E(\pm(\sum_iS_i-K))^+`.

    .. math:: \sum_iF_iN(\nu_i-z_0) - KN(-z_0) + \int\varphi(z)\,[C(m(z),K,s(z)) - (m(z)-K)^+]\,dz

    with :math:`z` the unit normal along :math:`\sum_iF_i\log S_i` and :math:`\nu_i` its covariance with
    :math:`\log S_i`. Given :math:`z` the mean is :math:`m(z)=\sum_iF_ie^{\nu_iz-\nu_i^2/2}`, equal to :math:`K` at
    :math:`z_0`, and the sum is taken as lognormal with its own second moment, which gives :math:`s(z)`; :math:`C` is
    Black's call. Exact for one name and for correlations of 1; the documentation has the error measured. Forwards
    positive, names on the last axis.

    Source: Curran (1994), for averages.

    >>> round(float(basket(jnp.array([50.0, 50.0]), 100.0, jnp.array([0.3, 0.2]), jnp.eye(2))), 4)
    7.2168
    """
    forwards, vols, correlation = jnp.asarray(forwards), jnp.asarray(vols), jnp.asarray(correlation)
    strike, years, sign, _ = alike(strike, root(tau), sign_of(call), forwards[..., 0])
    totals = vols * years[..., None]
    towards = jnp.einsum("...i,...ij->...j", forwards * totals, correlation)
    spread_ = root(jnp.sum(towards * forwards * totals, axis=-1))
    live = spread_ > _DEAD * jnp.sum(forwards, axis=-1)
    slopes = totals * towards / jnp.where(live, spread_, 1.0)[..., None]
    shared = jnp.expm1(
        correlation * totals[..., None] * totals[..., None, :] - slopes[..., None] * slopes[..., None, :]
    )
    value = conditioned(forwards, strike, slopes, lambda w: jnp.einsum("...qi,...ij,...qj->...q", w, shared, w), sign)
    return jnp.where(live, value, jnp.maximum(sign * (jnp.sum(forwards, axis=-1) - strike), 0.0))


def conditioned(
    forwards: Float[Array, "... names"],
    strike: Float[Array, "..."],
    slopes: Float[Array, "... names"],
    excess: Callable[[Array], Array],
    sign: Float[Array, "..."],
) -> Float[Array, "..."]:
    r"""Price of a call (``sign`` 1) or put (-1) on a sum of lognormals by way of one normal: what `basket` is made of.

    ``slopes`` are :math:`\nu_i`; ``excess`` takes the shares :math:`w_i` that the names have of the sum, known the
    normal, on a last axis after that of its values, and gives the relative variance that is left,
    :math:`\sum_{ij}w_iw_j(e^{c_{ij}}-1)` with :math:`c_{ij}` the covariance of the logarithms less :math:`\nu_i\nu_j`.
    """
    level = logarithm(forwards) - 0.5 * slopes**2
    point = _exercise(level, slopes, logarithm(strike))
    paid = jnp.sum(forwards * ndtr(sign[..., None] * (slopes - point[..., None])), axis=-1)
    return sign * (paid - strike * ndtr(-sign * point)) + _left_over(forwards, strike, slopes, excess, point)


def _exercise(level: Array, slopes: Array, target: Array) -> Array:
    """Where the sum of exponentials of ``level + slopes z`` is ``exp(target)``; its derivatives are right twice.

    The price does not move with the point to first order; one differentiable step makes gamma right too.
    """

    def step(point: Array, level: Array, slopes: Array, target: Array) -> Array:
        terms = level + slopes * point[..., None]
        top = jnp.max(terms, axis=-1, keepdims=True)
        parts = jnp.exp(terms - lax.stop_gradient(top))
        total = jnp.sum(parts, axis=-1)
        slope = jnp.sum(parts * slopes, axis=-1) / total
        gap = jnp.log(total) + lax.stop_gradient(top[..., 0]) - target
        return jnp.clip(point - gap / jnp.maximum(slope, 1e-6), -_FAR, _FAR)

    still = lax.stop_gradient((level, slopes, target))
    shape = jnp.broadcast_shapes(level.shape[:-1], target.shape)
    point = lax.fori_loop(0, _STEPS, lambda _, point: step(point, *still), jnp.full(shape, 0.0, level.dtype))
    return step(point, level, slopes, target)


def _left_over(forwards: Array, strike: Array, slopes: Array, excess: Callable, point: Array) -> Array:
    """Time value that the sum keeps when the normal is known, on both sides of ``point``, where it is largest."""

    def given(normals: Array) -> tuple[Array, Array, Array]:
        """Mean of the sum, whether it is random, and its total volatility, where the normal is ``normals``."""
        slope = slopes[..., None, :]
        means = forwards[..., None, :] * jnp.exp(slope * normals[..., None] - 0.5 * slope**2)
        mean = jnp.sum(means, axis=-1)
        left = excess(means / mean[..., None])
        live = left > _DEAD
        return mean, live, jnp.sqrt(jnp.log1p(jnp.where(live, left, 1.0)))

    # The time value falls off over the distance in which the mean moves by the volatility that is left.
    _, live, total = given(lax.stop_gradient(point)[..., None])
    slope = jnp.sum(forwards * slopes, axis=-1) / jnp.sum(forwards, axis=-1)
    width = lax.stop_gradient(jnp.clip(4.0 * jnp.where(live, total, 0.0)[..., 0] / jnp.maximum(slope, 1e-6), 0.1, 2.0))
    normals = jnp.clip(point[..., None] + width[..., None] * jnp.asarray(_RAY, point.dtype), -_FAR, _FAR)
    mean, live, total = given(normals)
    kept = black.price(mean, strike[..., None], total) - jnp.maximum(mean - strike[..., None], 0.0)
    weight = width[..., None] * jnp.asarray(_RAY_WEIGHTS, point.dtype)
    return jnp.sum(jnp.where(live, kept, 0.0) * density(normals) * weight, axis=-1)


def _over(part: Array, whole: Array) -> Array:
    positive = whole > 0
    return jnp.where(positive, part / jnp.where(positive, whole, 1.0), 1.0)
