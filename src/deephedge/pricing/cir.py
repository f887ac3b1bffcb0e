r"""The square-root short rate of Cox, Ingersoll and Ross (1985): zero bonds and options on them.

.. math:: dr = \kappa(\theta-r)\,dt + \sigma\sqrt r\,dW.

``kappa``, ``sigma`` and the rates ``theta`` and ``short`` are per year, all positive (``short`` may be 0), times in
years. All arguments broadcast.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.hullwhite import tanh_ratios
from deephedge.pricing.normal import alike

_NODES = 64
_REACH = 5.5  # of the path of integration, in units in which its integrand is about exp(-sinh(v)^2 / 2)


def loading(tau: ArrayLike, kappa: ArrayLike, sigma: ArrayLike) -> Float[Array, "..."]:
    r"""What the log price of a zero bond loses per unit of short rate, in years.

    .. math:: B(\tau) = \frac{2\tanh(\gamma\tau/2)}{\gamma+\kappa\tanh(\gamma\tau/2)}, \qquad
        \gamma = \sqrt{\kappa^2+2\sigma^2}.

    >>> round(float(loading(2.0, 0.5, 0.1)), 5)
    1.25911
    """
    tau, kappa, sigma = alike(tau, kappa, sigma)
    half = 0.5 * tau
    ratio, _ = tanh_ratios(_gamma(kappa, sigma) * half)
    return tau * ratio / (1.0 + kappa * half * ratio)


def log_level(tau: ArrayLike, kappa: ArrayLike, theta: ArrayLike, sigma: ArrayLike) -> Float[Array, "..."]:
    r"""Log price of the zero bond at a short rate of 0.

    Their :math:`\log A(\tau)`, with the two large terms that cancel for a small ``sigma`` taken together by hand:

    .. math:: -2\kappa\theta\left[\frac{\tau}{\gamma+\kappa}
        + \frac1{\sigma^2}\log\left(1-\frac{\sigma^2(1-e^{-\gamma\tau})}{\gamma(\gamma+\kappa)}\right)\right].

    >>> round(float(log_level(2.0, 0.5, 0.04, 0.1)), 5)
    -0.02937
    """
    tau, kappa, theta, sigma = alike(tau, kappa, theta, sigma)
    gamma = _gamma(kappa, sigma)
    faded = -jnp.expm1(-gamma * tau) / (gamma * (gamma + kappa))
    return -2.0 * kappa * theta * (tau / (gamma + kappa) + jnp.log1p(-(sigma**2) * faded) / sigma**2)


def discount(
    short: ArrayLike, tau: ArrayLike, kappa: ArrayLike, theta: ArrayLike, sigma: ArrayLike
) -> Float[Array, "..."]:
    r"""Zero bond, :math:`P=A(\tau)e^{-B(\tau)r}`: cash now for one unit ``tau`` years ahead; their equation (23).

    >>> round(float(discount(0.03, 2.0, 0.5, 0.04, 0.1)), 5)
    0.93506
    """
    return jnp.exp(log_level(tau, kappa, theta, sigma) - loading(tau, kappa, sigma) * short)


def forward(
    short: ArrayLike, tau: ArrayLike, kappa: ArrayLike, theta: ArrayLike, sigma: ArrayLike
) -> Float[Array, "..."]:
    r"""Instantaneous forward rate for ``tau`` years ahead, per year, :math:`-\partial_\tau\log P`.

    .. math:: f = \kappa\theta B + r\left(1-\kappa B-\tfrac12\sigma^2B^2\right).

    >>> round(float(forward(0.03, 2.0, 0.5, 0.04, 0.1)), 5)
    0.03606
    """
    short, tau, kappa, theta, sigma = alike(short, tau, kappa, theta, sigma)
    load = loading(tau, kappa, sigma)
    return kappa * theta * load + short * (1.0 - load * (kappa + 0.5 * sigma**2 * load))


def bond_option(
    short: ArrayLike,
    strike: ArrayLike,
    expiry: ArrayLike,
    length: ArrayLike,
    kappa: ArrayLike,
    theta: ArrayLike,
    sigma: ArrayLike,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Option, ``expiry`` (positive) years ahead, on a zero bond with ``length`` years left then; in cash now.

    A call ends in the money where the rate is below :math:`\bar r=\log(A(\mathrm{length})/K)/B(\mathrm{length})`. Under
    the measures of the two bonds the rate is a multiple of a noncentral chi-square variable, so

    .. math:: C = P(S)\,\chi^2(2\bar r(\phi+\psi+B);\,d,\,\lambda_S)
        - K P(T)\,\chi^2(2\bar r(\phi+\psi);\,d,\,\lambda_T)

    with :math:`d=4\kappa\theta/\sigma^2`; their equation (32). A put takes the other tails.

    >>> round(float(bond_option(0.03, 0.9, 1.0, 3.0, 0.5, 0.04, 0.1)), 5)
    0.00567
    """
    values = alike(short, strike, expiry, length, kappa, theta, sigma)
    short, strike, expiry, length, kappa, theta, sigma = values
    gamma, load = _gamma(kappa, sigma), loading(length, kappa, sigma)
    edge = (log_level(length, kappa, theta, sigma) - jnp.log(strike)) / load
    phi = 2.0 * gamma / (sigma**2 * jnp.expm1(gamma * expiry))
    psi = (kappa + gamma) / sigma**2
    degrees = 4.0 * kappa * theta / sigma**2

    def tails(scale: Array) -> tuple[Array, Array]:
        noncentral = 2.0 * phi**2 * short * jnp.exp(gamma * expiry) / scale
        return chi_square_tails(2.0 * edge * scale, degrees, noncentral)

    (low_bond, high_bond), (low_cash, high_cash) = tails(phi + psi + load), tails(phi + psi)
    farther = discount(short, expiry + length, kappa, theta, sigma)
    owed = strike * discount(short, expiry, kappa, theta, sigma)
    return jnp.where(jnp.asarray(call), farther * low_bond - owed * low_cash, owed * high_cash - farther * high_bond)


def chi_square_tails(x: ArrayLike, degrees: ArrayLike, noncentral: ArrayLike) -> tuple[Array, Array]:
    r"""Probabilities that a noncentral chi-square variable is below and above ``x``.

    The moment generating function is inverted: with :math:`w = 1+2s`,

    .. math:: F(x) = \frac1{2\pi i}\int \exp\left(\frac{w-1}2\left(x-\frac\lambda w\right)\right) w^{-d/2}\,
        \frac{dw}{w-1},

    along the parabola :math:`w=c(1+it)^2`, through the saddle point where that is not near the pole, and about a
    standard deviation away from the pole where it is; to its left the integral is :math:`F-1`. With 64 points in the
    variable :math:`v` of :math:`t\propto\sinh v` the absolute error is below 1e-10 in float64 and 3e-5 in float32, for
    degrees from 0.05 and noncentralities to 8000.

    >>> low, high = chi_square_tails(3.0, 2.0, 0.0)  # exponential with mean 2
    >>> round(float(low), 5), round(float(high), 5)
    (0.77687, 0.22313)
    """
    x, d, lam = alike(x, degrees, noncentral)
    live = x > 0
    x = jnp.where(live, x, 1.0)
    below = x < d + lam
    away = 2.0 / jnp.sqrt(2.0 * (d + 2.0 * lam))
    saddle = (d + jnp.sqrt(d * d + 4.0 * lam * x)) / (2.0 * x)
    c = jnp.where(below, jnp.maximum(saddle, 1.0 + away), jnp.minimum(saddle, 1.0 / (1.0 + away)))
    unit = jnp.minimum(1.0 / jnp.sqrt(x * c + 3.0 * lam / c + d), 1.0)
    c, unit = (lax.stop_gradient(value)[..., None] for value in (c, unit))
    v = jnp.asarray((np.arange(_NODES) + 0.5) * (_REACH / _NODES), x.dtype)
    turn = lax.complex(jnp.ones_like(c * v), unit * jnp.sinh(v))
    gap = (c - 1.0) + c * (turn * turn - 1.0)
    w = c * turn * turn
    power = 0.5 * gap * (x[..., None] - lam[..., None] / w) - d[..., None] * (0.5 * jnp.log(c) + jnp.log(turn))
    terms = jnp.exp(power) * 2.0 * c * turn / gap * unit * jnp.cosh(v)
    integral = jnp.sum(jnp.real(terms), axis=-1) * (_REACH / _NODES / np.pi)
    low = jnp.where(live, jnp.where(below, integral, 1.0 + integral), 0.0)
    return low, jnp.where(live, jnp.where(below, 1.0 - integral, -integral), 1.0)


def _gamma(kappa: Array, sigma: Array) -> Array:
    return jnp.sqrt(kappa * kappa + 2.0 * sigma * sigma)
