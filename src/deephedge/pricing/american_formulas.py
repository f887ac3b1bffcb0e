r"""American options in closed form, approximately: Barone-Adesi and Whaley (1987), Bjerksund and Stensland (1993).

Arguments, units and limits are those of `american`, which is exact and some ten times the work.
"""

import jax
import jax.numpy as jnp
from jax import lax
from jax.scipy.special import log_ndtr, ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.normal import alike, density, root, sign_of

_DEAD = 1e-5  # total volatility below which the price is that of a spot that only drifts
_NEWTON = 20
_STILL = 1e-4  # a volatility per root year below which a trigger is what it is there
_TINY = 1e-9


def barone_adesi_whaley(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of an American option as the European one plus :math:`A\,(S/S^*)^\gamma`, up to the critical :math:`S^*`.

    .. math:: \gamma = \tfrac12\left[1-n\pm\sqrt{(n-1)^2+4m/(1-e^{-r\tau})}\right],\quad n=\frac{2(r-q)}{\sigma^2},
        \quad m=\frac{2r}{\sigma^2}, \qquad A=\pm\frac{S^*}{\gamma}\left[1-e^{-q\tau}N(\pm d_1(S^*))\right].

    Off by up to 5 % of the price for three years and out of the money. In cash now.

    Source: Barone-Adesi and Whaley (1987).

    >>> round(float(barone_adesi_whaley(36.0, 40.0, 0.2, 1.0, 0.06, call=False)), 3)
    4.46
    """
    spot, strike, vol, tau, rate, dividend = alike(spot, strike, vol, tau, rate, dividend)
    sign = sign_of(call) + jnp.zeros_like(spot)
    early, live = _early(vol, tau, rate, dividend, sign)
    sound = live & early & (spot > 0) & (strike > 0)
    plain = _either(spot, strike, vol, tau, rate, dividend, sign)
    x = jnp.where(sound, spot / jnp.where(strike > 0, strike, 1.0), 1.0)
    terms = tuple(
        jnp.where(sound, a, b) for a, b in zip((vol, tau, rate, dividend), (0.2, 1.0, 0.05, 0.05), strict=True)
    )
    critical, power = _whaley(*terms, sign)
    gain, _ = _contact(critical, power, *terms, sign)
    beyond = sign * (x - critical) >= 0
    premium = gain * jnp.exp(power * jnp.log(jnp.where(beyond, 1.0, x / critical)))
    intrinsic = sign * (spot - strike)
    value = jnp.where(beyond, intrinsic, plain + strike * premium)
    return jnp.where(sound, value, _still(spot, strike, tau, rate, dividend, sign, plain))


def bjerksund_stensland(
    spot: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike,
    rate: ArrayLike = 0.0,
    dividend: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Value of exercising at one constant critical price, so a lower bound of the American price. In cash now.

    With :math:`b=r-q` and the trigger :math:`I` of `flat_boundary`, a call is worth

    .. math:: \alpha S^\beta - \alpha\varphi(\beta,I,I) + \varphi(1,I,I) - \varphi(1,K,I) - K\varphi(0,I,I) +
        K\varphi(0,K,I), \qquad \alpha=(I-K)I^{-\beta},

    and a put is the call with spot and strike, rate and yield exchanged.

    Not below the European price, which out of the money may be the greater of the two.

    Source: Bjerksund and Stensland (1993).

    >>> round(float(bjerksund_stensland(36.0, 40.0, 0.2, 1.0, 0.06, call=False)), 3)
    4.453
    """
    # As a call: the put with everything exchanged, exchanged once more.
    strike, spot, vol, tau, dividend, rate, _ = put_terms(spot, strike, vol, tau, rate, dividend, call)
    one = jnp.ones_like(spot)
    early, live = _early(vol, tau, rate, dividend, one)
    sound = live & early & (spot > 0) & (strike > 0)
    plain = _either(spot, strike, vol, tau, rate, dividend, one)
    x = jnp.where(sound, spot / jnp.where(strike > 0, strike, 1.0), 1.0)
    vol, tau_, rate_, dividend_ = (
        jnp.where(sound, a, b) for a, b in zip((vol, tau, rate, dividend), (0.2, 1.0, 0.05, 0.05), strict=True)
    )
    top = flat_boundary(vol, tau_, rate_, dividend_)
    beyond = x >= top
    x = jnp.where(beyond, 1.0, x)
    value = strike * _flat_value(x, top, vol, tau_, rate_, dividend_)
    value = jnp.maximum(jnp.where(beyond, spot - strike, value), jnp.maximum(plain, spot - strike))
    return jnp.where(sound, value, _still(spot, strike, tau, rate, dividend, one, plain))


def perpetual(vol: ArrayLike, rate: ArrayLike, dividend: ArrayLike) -> Float[Array, "..."]:
    r"""Critical price of a call without expiry over its strike, :math:`\beta/(\beta-1)`; dividends above 0.

    >>> round(float(perpetual(0.2, 0.05, 0.05)), 4)
    1.8633
    """
    beta = _power(*alike(vol, rate, dividend))
    return beta / jnp.maximum(beta - 1.0, _TINY)


def flat_boundary(vol: ArrayLike, tau: ArrayLike, rate: ArrayLike, dividend: ArrayLike) -> Float[Array, "..."]:
    r"""Bjerksund and Stensland's critical price of a call over its strike.

    .. math:: I = B_0 + (B_\infty-B_0)(1-e^{h}),\quad h=-\left(b\tau+2\sigma\sqrt\tau\right)\frac{B_0}{B_\infty-B_0},
        \quad B_0=\max(1,r/q),\quad B_\infty=\frac{\beta}{\beta-1}.

    Infinite without dividends.

    >>> round(float(flat_boundary(0.2, 1.0, 0.05, 0.06)), 4)
    1.2953
    """
    vol, tau, rate, dividend = alike(vol, tau, rate, dividend)
    vol, early = jnp.maximum(vol, _STILL), dividend > _TINY
    dividend = jnp.where(early, dividend, 0.05)
    ever = perpetual(vol, rate, dividend)
    late = jnp.maximum(1.0, rate / dividend)
    room = jnp.maximum(ever - late, _TINY)
    fall = jnp.maximum((rate - dividend) * tau + 2.0 * vol * root(tau), 0.0) * late / room
    return jnp.where(early, late - room * jnp.expm1(-fall), jnp.inf)


def put_terms(spot, strike, vol, tau, rate, dividend, call) -> tuple[Array, ...]:
    """The put that has the option's price, with calls turned by exchanging spot and strike, rate and yield."""
    spot, strike, vol, tau, rate, dividend = alike(spot, strike, vol, tau, rate, dividend)
    call = jnp.asarray(call) & jnp.ones_like(spot, bool)
    first, second = jnp.where(call, strike, spot), jnp.where(call, spot, strike)
    return first, second, vol, tau, jnp.where(call, dividend, rate), jnp.where(call, rate, dividend), call


def european(spot, strike, vol, tau, rate, dividend) -> Array:
    """The European put, in cash now."""
    return _either(spot, strike, vol, tau, rate, dividend, -jnp.ones_like(spot))


@jax.jit
def stopped_at(spot, strike, tau, rate, dividend) -> Array:
    """A put on a spot that only drifts, exercised when that is best."""
    above = (dividend > rate) & (rate > 0) & (spot > 0) & (strike > 0)
    ratio = jnp.where(above, dividend * spot, 1.0) / jnp.where(above, rate * strike, 1.0)
    best = jnp.clip(jnp.log(ratio) / jnp.where(above, dividend - rate, 1.0), 0.0, tau)
    worth = [strike * jnp.exp(-rate * t) - spot * jnp.exp(-dividend * t) for t in (0.0 * tau, best, tau)]
    return jnp.maximum(jnp.maximum(worth[0], worth[1]), jnp.maximum(worth[2], 0.0))


def _either(spot, strike, vol, tau, rate, dividend, sign) -> Array:
    tau = jnp.maximum(tau, 0.0)
    forward = spot * jnp.exp((rate - dividend) * tau)
    return jnp.exp(-rate * tau) * black.price(forward, strike, vol, tau, sign > 0)


def _still(spot, strike, tau, rate, dividend, sign, plain) -> Array:
    """Where no boundary is looked for: the best of the European price and of a spot that only drifts."""
    tau, call = jnp.maximum(tau, 0.0), sign > 0
    swapped = stopped_at(strike, spot, tau, dividend, rate)
    return jnp.maximum(plain, jnp.where(call, swapped, stopped_at(spot, strike, tau, rate, dividend)))


def _early(vol, tau, rate, dividend, sign) -> tuple[Array, Array]:
    """(whether exercising early can pay, whether there is enough randomness to look for where)."""
    return jnp.where(sign > 0, dividend, rate) > _TINY, (vol * root(tau) > _DEAD)


def _power(vol, rate, dividend) -> Array:
    drift = (rate - dividend) / vol**2 - 0.5
    return -drift + jnp.sqrt(jnp.maximum(drift**2 + 2.0 * rate / vol**2, 0.0))


@jax.jit
def _flat_value(x, top, vol, tau, rate, dividend) -> Array:
    """Value, on a strike of one, of exercising a call at ``top`` for the first time."""
    variance, carry, total = vol**2, rate - dividend, vol * root(tau)
    beta, log_top = _power(vol, rate, dividend), jnp.log(top)

    def phi(gamma, level):
        growth = (-rate + gamma * carry + 0.5 * gamma * (gamma - 1.0) * variance) * tau
        drift = (carry + (gamma - 0.5) * variance) * tau
        mirror = 2.0 * carry / variance + 2.0 * gamma - 1.0
        d = -(jnp.log(x) - jnp.log(level) + drift) / total
        far = -(2.0 * log_top - jnp.log(x) - jnp.log(level) + drift) / total
        # In logarithms: far from the trigger a huge power meets a tiny probability.
        image = growth + mirror * (log_top - jnp.log(x)) + log_ndtr(far)
        return jnp.exp(growth + log_ndtr(d)) - jnp.exp(image)

    one = jnp.ones_like(x)
    # Powers of x over the trigger, not of each alone: beta may be large.
    ratio = jnp.exp(beta * (jnp.log(x) - log_top))
    touch = (top - 1.0) * ratio * (1.0 - phi(beta, top))
    return touch + x * (phi(one, top) - phi(one, one)) - phi(0.0 * one, top) + phi(0.0 * one, one)


@jax.jit
def _whaley(vol, tau, rate, dividend, sign) -> tuple[Array, Array]:
    """(critical price over the strike, power): Newton's method from the authors' guess."""
    n, variance = 2.0 * (rate - dividend) / vol**2, vol**2 * tau
    small = jnp.abs(rate * tau) < 1e-7
    share = jnp.where(small, 1.0, rate * tau / -jnp.expm1(jnp.where(small, -1.0, -rate * tau)))
    power = 0.5 * (1.0 - n + sign * jnp.sqrt((n - 1.0) ** 2 + 8.0 * share / variance))
    ever = 0.5 * (1.0 - n + sign * jnp.sqrt((n - 1.0) ** 2 + 8.0 * jnp.maximum(rate, 0.0) / vol**2))
    perpetual = 1.0 / (1.0 - 1.0 / jnp.where(jnp.abs(ever - 1.0) < _TINY, 1.0 + _TINY, ever))
    room = jnp.maximum(jnp.abs(perpetual - 1.0), _TINY)
    fall = -(sign * (rate - dividend) * tau + 2.0 * vol * root(tau)) / room
    start = perpetual - (perpetual - 1.0) * jnp.exp(jnp.minimum(fall, 0.0))

    def closer(x: Array) -> Array:
        gain, slope = _contact(x, power, vol, tau, rate, dividend, sign)
        value = _either(x, jnp.ones_like(x), vol, tau, rate, dividend, sign)
        return jnp.clip(x - (sign * (x - 1.0) - value - gain) / slope, 0.5 * x, 2.0 * x)

    start = lax.stop_gradient(lax.fori_loop(0, _NEWTON, lambda _, x: closer(x), jnp.clip(start, 1e-3, 1e3)))
    return closer(closer(start)), power


def _contact(x, power, vol, tau, rate, dividend, sign) -> tuple[Array, Array]:
    """(the premium at the critical price, the slope of what Newton brings to 0)."""
    total, paid = vol * root(tau), jnp.exp(-dividend * tau)
    d = (jnp.log(x) + (rate - dividend) * tau) / total + 0.5 * total
    held = paid * ndtr(sign * d)
    gain = sign * x / power * (1.0 - held)
    slope = sign * (1.0 - held) * (1.0 - 1.0 / power) + paid * density(d) / (power * total)
    return gain, slope
