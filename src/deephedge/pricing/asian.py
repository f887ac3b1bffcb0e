r"""Options on the average of one lognormal price at several times. Not discounted.

``forwards`` :math:`F_i` (cash) and ``variances`` :math:`v_i=\sigma^2\tau_i` of the price at :math:`n` times, on the
last axis and in the order of the times; a price that is known has itself for a forward and the variance 0. The
covariance of two logarithms is the smaller of their variances. All else broadcasts with the other axes.

A floating strike is a fixed one counted in units of the price at expiry, in which the average is again a sum of
lognormals, with the variance from each time to the expiry (Henderson and Wojakowski 2002).
"""

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import basket, black
from deephedge.pricing.normal import NOTHING, alike, logarithm, root, sign_of

_DEAD = 1e-8  # deviation, as a share of the sum, below which an option is worth its intrinsic value


def geometric(
    forwards: Float[ArrayLike, "... times"],
    variances: Float[ArrayLike, "... times"],
    strike: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a call or put on :math:`G=\prod_iS_i^{1/n}`: Black's, as :math:`G` is lognormal.

    Source: Kemna and Vorst (1990).

    >>> times = jnp.arange(1.0, 13.0) / 12
    >>> round(float(geometric(jnp.full(12, 100.0), 0.04 * times, 100.0)), 4)
    4.719
    """
    ahead, variance = _geometric_law(forwards, variances)
    return black.price(ahead, strike, root(variance), call=call)


def geometric_strike(
    forwards: Float[ArrayLike, "... times"],
    variances: Float[ArrayLike, "... times"],
    forward: ArrayLike,
    variance: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of :math:`(\pm(S-G))^+`, ``forward`` and ``variance`` those of :math:`S` at expiry: Margrabe's formula.

    >>> times = jnp.arange(1.0, 13.0) / 12
    >>> round(float(geometric_strike(jnp.full(12, 100.0), 0.04 * times, 100.0, 0.04)), 4)
    4.4756
    """
    ahead, own = _geometric_law(forwards, variances)
    between = jnp.asarray(variance) + own - 2.0 * jnp.mean(jnp.asarray(variances), axis=-1)
    return black.price(forward, ahead, root(between), call=call)


def arithmetic(
    forwards: Float[ArrayLike, "... times"],
    variances: Float[ArrayLike, "... times"],
    strike: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a call or put on :math:`A=\frac1n\sum_iS_i`, by conditioning on one normal as `basket.basket` does.

    Work grows as :math:`n`: sums over pairs of times are sums over times of squared tail sums, and :math:`e^c-1` is
    :math:`c+c^2/2`. Exact for one time; the documentation has the error measured.

    Source: Curran (1994).

    >>> times = jnp.arange(1.0, 13.0) / 12
    >>> round(float(arithmetic(jnp.full(12, 100.0), 0.04 * times, 100.0)), 4)
    4.8888
    """
    forwards, variances = alike(forwards, variances)
    strike, sign, _ = alike(strike, sign_of(call), forwards[..., 0])
    return _option(forwards / forwards.shape[-1], variances, strike, sign)


def arithmetic_strike(
    forwards: Float[ArrayLike, "... times"],
    variances: Float[ArrayLike, "... times"],
    forward: ArrayLike,
    variance: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of :math:`(\pm(S-A))^+`, `arithmetic` of ratios to :math:`S`, the price at expiry.

    >>> times = jnp.arange(1.0, 13.0) / 12
    >>> round(float(arithmetic_strike(jnp.full(12, 100.0), 0.04 * times, 100.0, 0.04)), 4)
    4.3137
    """
    forwards, variances = alike(forwards, variances)
    forward, variance, sign, _ = alike(forward, variance, sign_of(call), forwards[..., 0])
    ratios = jnp.flip(forwards, -1) / (forwards.shape[-1] * forward[..., None])
    return forward * _option(ratios, variance[..., None] - jnp.flip(variances, -1), jnp.ones_like(forward), -sign)


def _geometric_law(forwards: ArrayLike, variances: ArrayLike) -> tuple[Array, Array]:
    """Forward of the geometric mean and the variance of its logarithm."""
    forwards, variances = alike(forwards, variances)
    count = forwards.shape[-1]
    pairs = jnp.asarray((2.0 * np.arange(count)[::-1] + 1.0) / count**2, variances.dtype)
    variance = variances @ pairs  # each is the smaller of a pair with itself and, twice, with all later ones
    logs = jnp.mean(logarithm(forwards) - 0.5 * variances, axis=-1)
    return jnp.exp(logs + 0.5 * variance), variance


def _option(forwards: Array, variances: Array, strike: Array, sign: Array) -> Array:
    """Price of a call or put on a sum; what is known of it comes off the strike."""
    known = variances <= 0
    strike = strike - jnp.sum(jnp.where(known, forwards, 0.0), axis=-1)
    forwards, variances = jnp.where(known, 0.0, forwards), jnp.where(known, 0.0, variances)
    early = jnp.cumsum(forwards * variances, axis=-1)
    late = jnp.sum(forwards, axis=-1, keepdims=True) - jnp.cumsum(forwards, axis=-1)
    towards = early + variances * late
    spread = root(jnp.sum(forwards * towards, axis=-1))
    live = spread > _DEAD * jnp.maximum(jnp.sum(forwards, axis=-1), NOTHING)
    slopes = towards / jnp.where(live, spread, 1.0)[..., None]

    def excess(shares: Array) -> Array:
        """Relative variance left when the normal is known; the shares have one more axis, before the last."""
        steps = jnp.diff(variances, axis=-1, prepend=0.0)[..., None, :]
        squares = jnp.diff(variances**2, axis=-1, prepend=0.0)[..., None, :]
        slope = slopes[..., None, :]
        tail, bent = _tail(shares), _tail(shares * slope)
        first = jnp.sum(steps * tail**2, axis=-1) - bent[..., 0] ** 2
        second = jnp.sum(squares * tail**2 - 2.0 * steps * bent**2, axis=-1) + jnp.sum(shares * slope**2, axis=-1) ** 2
        return first + 0.5 * second

    value = basket.conditioned(forwards, strike, slopes, excess, sign)
    return jnp.where(live, value, jnp.maximum(sign * (jnp.sum(forwards, axis=-1) - strike), 0.0))


def _tail(values: Array) -> Array:
    """What each and all later ones come to."""
    return jnp.flip(jnp.cumsum(jnp.flip(values, -1), axis=-1), -1)
