r"""Implied volatility: the formulas of `deephedge.pricing.black` and `deephedge.pricing.bachelier` inverted.

Both solve for the total volatility with a fixed number of Newton steps kept inside a bracket, for any shape of arrays,
inside ``jit`` and ``vmap``. Derivatives come from the equation solved, not from the iteration. A price below intrinsic
value or at or above the largest one possible has no volatility and gives NaN; intrinsic value itself (to rounding)
gives 0, and so does an option with no time left.
"""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr, ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import bachelier, black
from deephedge.pricing.normal import alike, density, root, sign_of

_ITERATIONS = 10


def implied_volatility(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Black's implied volatility, per square root of a year, of an option price that is not discounted.

    Newton's method on :math:`\log\frac{p}{m-p}`, with :math:`p` the time value and :math:`m=\min(F,K)` its largest
    value, from a point known to lie below the root. What is left of the time value in the price's own rounding
    bounds the accuracy: far in the money pass the price of the other option, by parity.

    >>> from deephedge.pricing import black
    >>> price = black.price(100.0, jnp.array([100.0, 110.0]), 0.3, 0.5)
    >>> [round(x, 4) for x in implied_volatility(price, 100.0, jnp.array([100.0, 110.0]), 0.5).tolist()]
    [0.3, 0.3]
    """
    price, forward, strike, tau, sign = alike(price, forward, strike, tau, sign_of(call))
    return _per_root_year(_black(price, forward, strike, sign), tau)


def implied_normal_volatility(
    price: ArrayLike, forward: ArrayLike, strike: ArrayLike, tau: ArrayLike = 1.0, call: ArrayLike = True
) -> Float[Array, "..."]:
    r"""Bachelier's implied volatility, in cash per square root of a year, of a price that is not discounted.

    >>> from deephedge.pricing import bachelier
    >>> round(float(implied_normal_volatility(bachelier.price(-0.01, 0.01, 0.02, 2.0), -0.01, 0.01, 2.0)), 5)
    0.02
    """
    price, forward, strike, tau, sign = alike(price, forward, strike, tau, sign_of(call))
    return _per_root_year(_normal(price, forward, strike, sign), tau)


def _per_root_year(total: Array, tau: Array) -> Array:
    live = tau > 0
    return jnp.where(live, total / jnp.where(live, root(tau), 1.0), 0.0)


def _time_value(price: Array, forward: Array, strike: Array, sign: Array) -> tuple[Array, Array]:
    """The time value and the rounding error that an honest price may carry in it."""
    intrinsic = jnp.maximum(sign * (forward - strike), 0.0)
    return price - intrinsic, 4.0 * jnp.finfo(price.dtype).eps * intrinsic


def _newton(excess: Callable[[Array], tuple[Array, Array]], lower: Array, upper: Array) -> Array:
    """Root of an increasing function of a positive number, given with its logarithmic slope, started at ``lower``."""

    def step(_, carry):
        at, low, high = carry
        value, slope = excess(jnp.exp(at))
        low, high = jnp.where(value < 0.0, at, low), jnp.where(value < 0.0, high, at)
        new = at - value / slope
        return jnp.where((new >= low) & (new <= high), new, 0.5 * (low + high)), low, high

    start = jnp.log(lower)
    # Rounding may put the bound itself on the wrong side of the root.
    return jnp.exp(lax.fori_loop(0, _ITERATIONS, step, (start, start - 1.0, jnp.log(upper)))[0])


@jax.custom_jvp
def _black(price: Array, forward: Array, strike: Array, sign: Array) -> Array:
    excess, rounding = _time_value(price, forward, strike, sign)
    small, large = jnp.minimum(forward, strike), jnp.maximum(forward, strike)
    solvable = (excess > rounding) & (excess < small)
    small, large = jnp.where(solvable, small, 1.0), jnp.where(solvable, large, 1.0)
    share = jnp.where(solvable, excess / small, 0.5)
    away = jnp.abs(black.log_moneyness(small, large))
    total = _newton(lambda s: _logit_excess(s, share, small, large, away), _black_bound(share, away), 50.0 + 0.0 * away)
    return jnp.where(solvable, total, jnp.where(jnp.abs(excess) <= rounding, 0.0, jnp.nan))


def _logit_excess(total: Array, share: Array, small: Array, large: Array, away: Array) -> tuple[Array, Array]:
    tiny = jnp.finfo(share.dtype).tiny
    d1, d2 = -away / total + 0.5 * total, -away / total - 0.5 * total
    value = jnp.maximum(black.price(small, large, total) / small, tiny)
    rest = jnp.maximum(ndtr(-d1) + large / small * ndtr(d2), tiny)
    slope = total * density(d1) / (value * rest)
    return jnp.log(value / rest) - jnp.log(share / (1.0 - share)), jnp.maximum(slope, tiny)


def _black_bound(share: Array, away: Array) -> Array:
    """A total volatility below the one sought: exact at the money, and close to it far out of the money."""
    centre = jnp.maximum(np.sqrt(2.0 * np.pi) * share, -2.0 * ndtri(0.5 * (1.0 - share)))
    # As long as s^2 < 2|x| the price is at most half of sqrt(FK) exp(-x^2 / 2s^2).
    depth = jnp.maximum(-2.0 * (jnp.log(2.0 * share) - 0.5 * away), 1e-6)
    wing = jnp.where(away > 0.0, jnp.minimum(jnp.sqrt(2.0 * away), away / jnp.sqrt(depth)), 0.0)
    return jnp.maximum(centre, wing)


@_black.defjvp
def _black_jvp(primals, tangents):
    _, forward, strike, sign = primals
    total, call = _black(*primals), sign > 0
    by_forward = black.delta(forward, strike, total, call=call)
    by_strike = -sign * black.digital(forward, strike, total, call=call)
    unexplained = tangents[0] - by_forward * tangents[1] - by_strike * tangents[2]
    return total, _divide(unexplained, black.vega(forward, strike, total))


@jax.custom_jvp
def _normal(price: Array, forward: Array, strike: Array, sign: Array) -> Array:
    excess, rounding = _time_value(price, forward, strike, sign)
    solvable = excess > rounding
    value, away = jnp.where(solvable, excess, 1.0), jnp.where(solvable, jnp.abs(forward - strike), 0.0)
    flat = np.sqrt(2.0 * np.pi)
    # The time value is at most s exp(-d^2 / 2) / sqrt(2 pi) / d^3 for d > 1, and at least s / sqrt(2 pi) - |F - K| / 2.
    far = jnp.sqrt(jnp.maximum(-2.0 * jnp.log(flat * value / jnp.where(away > 0.0, away, value)), 1.0))
    lower = jnp.maximum(flat * value, away / far)
    total = _newton(lambda s: _log_excess(s, value, away), lower, 1.01 * flat * (value + 0.5 * away))
    return jnp.where(solvable, total, jnp.where(jnp.abs(excess) <= rounding, 0.0, jnp.nan))


def _log_excess(total: Array, value: Array, away: Array) -> tuple[Array, Array]:
    tiny = jnp.finfo(value.dtype).tiny
    found = jnp.maximum(bachelier.price(0.0, away, total), tiny)
    return jnp.log(found / value), jnp.maximum(total * density(away / total) / found, tiny)


@_normal.defjvp
def _normal_jvp(primals, tangents):
    _, forward, strike, sign = primals
    total = _normal(*primals)
    by_forward = bachelier.delta(forward, strike, total, call=sign > 0)
    unexplained = tangents[0] - by_forward * (tangents[1] - tangents[2])
    return total, _divide(unexplained, bachelier.vega(forward, strike, total))


def _divide(change: Array, slope: Array) -> Array:
    usable = slope > 1e-30
    return jnp.where(usable, change / jnp.where(usable, slope, 1.0), 0.0)
