r"""Options on exchange rates as their desks quote them: deltas, the strikes they name, strangles, vanna-volga.

A call on the foreign currency with forward :math:`F`, strike :math:`K` and total volatility :math:`s=\sigma\sqrt\tau`
has the delta, with :math:`\phi=1` (a put: :math:`-1`) and :math:`d_{1,2}=\log(F/K)/s\pm s/2`,

.. math:: \Delta = \phi D_f N(\phi d_1), \qquad \Delta^{adj} = \phi D_f\tfrac KF N(\phi d_2).

``foreign_discount`` :math:`D_f` is the price of a foreign zero bond at the option's expiry, in foreign cash: give it
for spot deltas, leave it out for forward deltas. The second is premium-adjusted: the premium is paid in foreign cash,
which hedges a part. Everything is in units of the foreign notional; forwards and strikes in home cash for one foreign
unit, ``vol`` per root year, ``tau`` in years. All arguments broadcast.

Source: Reiswich and Wystup (2010), sections 1 and 2.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import log_ndtr, ndtri
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.pricing import black
from deephedge.pricing.normal import alike, density, root, sign_of

_HALVINGS = 60  # a bracket of 80 deviations ends below float64's rounding
_WIDE = 40.0  # deviations: no d2 lies beyond
_PIVOTS = 3


def delta(
    forward: ArrayLike,
    strike: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    foreign_discount: ArrayLike = 1.0,
    adjusted: bool = False,
) -> Float[Array, "..."]:
    """Delta of a call or put in foreign units, premium-adjusted or not; negative for a put.

    >>> [round(float(delta(1.1, 1.15, 0.1, 0.5, adjusted=a)), 4) for a in (False, True)]
    [0.2765, 0.2649]
    """
    if not adjusted:
        return jnp.asarray(foreign_discount) * black.delta(forward, strike, vol, tau, call)
    cash = sign_of(call) * black.digital(forward, strike, vol, tau, call)
    return jnp.asarray(foreign_discount) * jnp.asarray(strike) / jnp.asarray(forward) * cash


def strike_of(
    delta: ArrayLike,
    forward: ArrayLike,
    vol: ArrayLike,
    tau: ArrayLike = 1.0,
    call: ArrayLike = True,
    foreign_discount: ArrayLike = 1.0,
    adjusted: bool = False,
) -> Float[Array, "..."]:
    r"""The strike at which an option of volatility ``vol`` has ``delta``, which is negative for a put.

    Closed form :math:`K=Fe^{s^2/2-\phi sN^{-1}(\phi\Delta/D_f)}` without adjustment. With it, bisection in :math:`d_2`
    of a monotone function and one Newton step, which also carries the derivatives. The adjusted delta of a call rises,
    then falls with its strike: of the two strikes the higher one is meant, beyond the greatest delta. A delta that no
    strike has gives NaN.

    >>> round(float(strike_of(0.25, 1.1, 0.1, 0.5)), 4)
    1.1566
    """
    size, forward, total, sign, discount = alike(
        delta, forward, jnp.asarray(vol) * root(tau), sign_of(call), foreign_discount
    )
    size = sign * size / discount
    if not adjusted:
        return forward * jnp.exp(0.5 * total**2 - sign * total * ndtri(size))
    # In d = phi d2 the log of the delta is log N(d) - phi s d - s^2 / 2: it rises up to d = top (a put: everywhere).
    top = jnp.where(sign > 0, _greatest(total), _WIDE)
    wanted = jnp.log(jnp.maximum(size, 1e-300 if size.dtype == jnp.float64 else 1e-37))

    def excess(d: Array, total: Array, wanted: Array) -> Array:
        return log_ndtr(d) - sign * total * d - 0.5 * total**2 - wanted

    d = lax.stop_gradient(_bisected(lambda d: excess(d, total, wanted) < 0, -_WIDE * jnp.ones_like(top), top))
    slope = lax.stop_gradient(density(d) * jnp.exp(-log_ndtr(d)) - sign * total)
    flat = jnp.abs(slope) < 1e-6
    d = d - jnp.where(flat, 0.0, excess(d, total, wanted) / jnp.where(flat, 1.0, slope))
    known = (size > 0) & (excess(top, total, wanted) > -1e-6)
    return jnp.where(known, forward * jnp.exp(-sign * total * d - 0.5 * total**2), jnp.nan)


def at_the_money(
    forward: ArrayLike, vol: ArrayLike, tau: ArrayLike = 1.0, adjusted: bool = False, straddle: bool = True
) -> Float[Array, "..."]:
    r"""The strike called at the money: where a straddle has no delta, :math:`Fe^{\pm s^2/2}`, or the forward.

    The sign is minus where deltas are premium-adjusted.

    >>> [round(float(at_the_money(1.1, 0.1, 0.5, adjusted=a)), 5) for a in (False, True)]
    [1.10275, 1.09725]
    """
    forward, vol, tau = alike(forward, vol, tau)
    half = (-0.5 if adjusted else 0.5) * vol**2 * jnp.maximum(tau, 0.0)
    return forward * jnp.exp(half) if straddle else forward


def strangle(
    forward: ArrayLike,
    low: ArrayLike,
    high: ArrayLike,
    low_vol: ArrayLike,
    high_vol: ArrayLike,
    tau: ArrayLike = 1.0,
) -> Float[Array, "..."]:
    """A put struck at ``low`` and a call at ``high``, in home cash at expiry, not discounted.

    >>> round(float(strangle(1.1, 1.05, 1.16, 0.1, 0.1, 0.5)), 5)
    0.0221
    """
    return black.price(forward, low, low_vol, tau, call=False) + black.price(forward, high, high_vol, tau)


def vanna_volga(
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    strikes: Float[Array, "... pivot"],
    vols: Float[Array, "... pivot"],
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price from those of three options, in cash at expiry, not discounted.

    .. math:: C(K) = C^{BS}(K) + \sum_i x_i(K)\,(C(K_i)-C^{BS}(K_i)),\qquad x_1 = \frac{\nu(K)}{\nu(K_1)}
        \frac{\log(K_2/K)\log(K_3/K)}{\log(K_2/K_1)\log(K_3/K_1)}

    and likewise for the other two: the portfolio of the three that has the vega, vanna and volga of the option, all at
    the middle volatility. ``strikes`` (rising) and ``vols`` have the three pivots as last axis; they are priced as
    quoted. It is no smile without arbitrage: far from the pivots the density may be negative.

    Source: Castagna and Mercurio (2007), section 2.

    >>> pivots = jnp.array([1.05, 1.1, 1.16]), jnp.array([0.11, 0.1, 0.105])
    >>> round(float(vanna_volga(1.1, 1.13, 0.5, *pivots)), 5)
    0.0188
    """
    strikes, vols = jnp.asarray(strikes), jnp.asarray(vols)
    pivots = strikes.shape[-1:] == vols.shape[-1:] == (_PIVOTS,)
    require(pivots, f"strikes and vols need three pivots as last axis, were {strikes.shape} and {vols.shape}")
    middle = vols[..., 1]
    price = black.price(forward, strike, middle, tau, call)
    x = jnp.log(strikes) - jnp.log(jnp.asarray(strike))[..., None]
    own, gaps = np.eye(_PIVOTS, dtype=bool), jnp.log(strikes[..., None, :] / strikes[..., None])
    weights = jnp.prod(jnp.where(own, 1.0, x[..., None, :] / jnp.where(own, 1.0, gaps)), axis=-1)
    ahead, level, years = (jnp.asarray(each)[..., None] for each in (forward, middle, tau))
    share = black.vega(forward, strike, middle, tau)[..., None] / black.vega(ahead, strikes, level, years) * weights
    # The smile's cost of a pivot is its time value's, the same for call and put.
    cost = black.price(ahead, strikes, vols, years) - black.price(ahead, strikes, level, years)
    return price + jnp.sum(share * cost, axis=-1)


def _greatest(total: Array) -> Array:
    """The d2 at which an adjusted call delta is greatest: where s N(d) = n(d)."""
    wide = _WIDE * jnp.ones_like(total)
    log_total = jnp.log(jnp.maximum(total, 1e-30))
    centre = jnp.log(density(jnp.zeros_like(total)))
    return lax.stop_gradient(_bisected(lambda d: log_total + log_ndtr(d) < centre - 0.5 * d * d, -wide, wide))


def _bisected(below, low: Array, high: Array) -> Array:
    """Where ``below`` turns from true to false."""

    def halve(_, ends: tuple[Array, Array]) -> tuple[Array, Array]:
        middle = 0.5 * (ends[0] + ends[1])
        under = below(middle)
        return jnp.where(under, middle, ends[0]), jnp.where(under, ends[1], middle)

    low, high = lax.fori_loop(0, _HALVINGS, halve, (low, high))
    return 0.5 * (low + high)
