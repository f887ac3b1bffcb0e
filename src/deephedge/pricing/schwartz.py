r"""Schwartz's commodity models: futures curves, volatilities of futures, and European options on futures.

The log spot is a short-term factor that fades and, in the second model, a long-term one that stays:

.. math:: \log S = \chi + \xi, \qquad d\chi = (-\kappa\chi - \lambda)\,dt + \sigma\,dW, \qquad
    d\xi = \mu\,dt + \sigma_\xi\,dB, \qquad d\langle W,B\rangle = \rho\,dt,

all under the pricing measure. Schwartz's one factor (1997, model 1) is :math:`\sigma_\xi=\lambda=\mu=0` with
:math:`\xi=\log` of the level reverted to. Times are in years, volatilities per square root of a year, ``kappa`` per
year; spots, levels, futures and strikes are in one cash unit. All arguments broadcast. ``kappa`` may be 0 or tiny.

A future is the expected spot, so it drifts nowhere, and its variance is known in advance: options follow Black's
formula (1976). Prices are not discounted: multiply by the zero bond of the *option's* expiry.

Source: Schwartz (1997), equations 1 to 7; Schwartz and Smith (2000), equations 9 to 12.
"""

import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.normal import alike

# Below this argument (1 - exp(-x)) / x is 1 - x / 2 to float64 rounding of its square.
_SMALL = 1e-6


def mean_decay(x: ArrayLike) -> Float[Array, "..."]:
    r"""The mean of :math:`e^{-y}` over :math:`0<y<x`: :math:`(1-e^{-x})/x`, 1 at 0.

    >>> [round(float(y), 4) for y in mean_decay(jnp.array([0.0, 1.0]))]
    [1.0, 0.6321]
    """
    (x,) = alike(x)
    small = jnp.abs(x) < _SMALL
    safe = jnp.where(small, 1.0, x)
    return jnp.where(small, 1.0 - 0.5 * x, -jnp.expm1(-safe) / safe)


def future(
    spot: ArrayLike,
    tau: ArrayLike,
    kappa: ArrayLike,
    level: ArrayLike,
    sigma: ArrayLike,
    long_sigma: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
    growth: ArrayLike = 0.0,
    premium: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Price of the future with ``tau`` years left when the spot is ``spot`` and :math:`e^\xi` is ``level``, in cash.

    .. math:: \log F = e^{-\kappa\tau}\log(S/L) + \log L + \mu\tau - \lambda\tfrac{1-e^{-\kappa\tau}}\kappa
        + \tfrac12 V(\tau), \qquad V(\tau) = \mathrm{Var}\log S_\tau.

    ``growth`` is :math:`\mu` per year, ``premium`` :math:`\lambda` per year. It is the spot from expiry on.

    >>> round(float(future(60.0, 0.5, 1.5, 50.0, 0.4)), 4)
    55.6378
    """
    spot, tau, kappa, level, growth, premium = alike(spot, tau, kappa, level, growth, premium)
    tau = jnp.maximum(tau, 0.0)
    carried = growth * tau - premium * tau * mean_decay(kappa * tau)
    spread = 0.5 * integrated_variance(tau, 0.0, kappa, sigma, long_sigma, rho)
    return level * jnp.exp(jnp.exp(-kappa * tau) * jnp.log(spot / level) + carried + spread)


def future_vol(
    tau: ArrayLike, kappa: ArrayLike, sigma: ArrayLike, long_sigma: ArrayLike = 0.0, rho: ArrayLike = 0.0
) -> Float[Array, "..."]:
    r"""Instantaneous volatility of the future with ``tau`` years left: it falls with ``tau`` (Samuelson 1965).

    .. math:: \sqrt{\sigma^2e^{-2\kappa\tau} + 2\rho\sigma\sigma_\xi e^{-\kappa\tau} + \sigma_\xi^2}

    >>> [round(float(v), 4) for v in future_vol(jnp.array([0.0, 0.5, 2.0]), 1.5, 0.4)]
    [0.4, 0.1889, 0.0199]
    """
    tau, kappa, sigma, long_sigma, rho = alike(tau, kappa, sigma, long_sigma, rho)
    short = sigma * jnp.exp(-kappa * jnp.maximum(tau, 0.0))
    return _sqrt(short**2 + 2.0 * rho * short * long_sigma + long_sigma**2)


def integrated_variance(
    elapsed: ArrayLike,
    left: ArrayLike,
    kappa: ArrayLike,
    sigma: ArrayLike,
    long_sigma: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Variance of the log of a future over ``elapsed`` years, after which it has ``left`` more to live, no unit.

    .. math:: V = \sigma^2e^{-2\kappa l}\tfrac{1-e^{-2\kappa e}}{2\kappa}
        + 2\rho\sigma\sigma_\xi e^{-\kappa l}\tfrac{1-e^{-\kappa e}}{\kappa} + \sigma_\xi^2e

    >>> round(float(integrated_variance(0.5, 0.25, 1.5, 0.4)), 6)
    0.019572
    """
    elapsed = jnp.maximum(jnp.asarray(elapsed), 0.0)
    return elapsed * _mean_variance(elapsed, left, kappa, sigma, long_sigma, rho)


def black_vol(
    tau: ArrayLike,
    left: ArrayLike,
    kappa: ArrayLike,
    sigma: ArrayLike,
    long_sigma: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Black volatility :math:`\sqrt{V/\tau}` of an option with ``tau`` years left, whose future lives ``left`` longer.

    At ``tau = 0`` it is the instantaneous volatility.

    >>> round(float(black_vol(0.5, 0.0, 1.5, 0.4)), 4)
    0.2879
    """
    return _sqrt(_mean_variance(jnp.maximum(jnp.asarray(tau), 0.0), left, kappa, sigma, long_sigma, rho))


def option(
    forward: ArrayLike,
    strike: ArrayLike,
    tau: ArrayLike,
    left: ArrayLike,
    kappa: ArrayLike,
    sigma: ArrayLike,
    long_sigma: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Price of a European option on a future at ``forward``, in cash at the option's expiry.

    The option has ``tau`` years left and the future ``tau + left``: Black's price at `black_vol`.

    >>> round(float(option(55.0, 55.0, 0.5, 0.25, 1.5, 0.4)), 4)
    3.0671
    """
    vol = black_vol(tau, left, kappa, sigma, long_sigma, rho)
    return black.price(forward, strike, vol, tau, call)


def future_correlation(
    near: ArrayLike,
    far: ArrayLike,
    kappa: ArrayLike,
    sigma: ArrayLike,
    long_sigma: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
    elapsed: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    """Correlation of the logs of two futures over ``elapsed`` years, ``near`` and ``far`` years before they expire.

    Of their returns at one time with ``elapsed`` 0; 1 with one factor.

    >>> round(float(future_correlation(0.1, 2.0, 1.5, 0.3, 0.15, 0.2)), 4)
    0.6949
    """
    near, far, kappa, sigma, long_sigma, rho, elapsed = alike(near, far, kappa, sigma, long_sigma, rho, elapsed)
    a, b = (sigma * jnp.exp(-kappa * jnp.maximum(tau, 0.0)) for tau in (near, far))
    shared = rho * long_sigma * (a + b) * mean_decay(kappa * elapsed)
    joint = a * b * mean_decay(2.0 * kappa * elapsed) + shared + long_sigma**2
    one, other = (black_vol(elapsed, tau, kappa, sigma, long_sigma, rho) for tau in (near, far))
    scale = one * other
    return joint / jnp.where(scale > 0, scale, 1.0)


def _mean_variance(elapsed, left, kappa, sigma, long_sigma, rho) -> Array:
    elapsed, left, kappa, sigma, long_sigma, rho = alike(elapsed, left, kappa, sigma, long_sigma, rho)
    short = sigma * jnp.exp(-kappa * jnp.maximum(left, 0.0))
    own, shared = short**2 * mean_decay(2.0 * kappa * elapsed), short * long_sigma * mean_decay(kappa * elapsed)
    return own + 2.0 * rho * shared + long_sigma**2


def _sqrt(x: Array) -> Array:
    """A square root that is 0 with derivative 0 at 0 and below."""
    live = x > 0
    return jnp.where(live, jnp.sqrt(jnp.where(live, x, 1.0)), 0.0)
