r"""SABR (Hagan, Kumar, Lesniewski and Woodward 2002): implied volatilities, prices and deltas, not discounted.

.. math:: dF = \alpha F^\beta\,dW,\quad d\alpha = \nu\alpha\,dB,\quad d\langle W,B\rangle=\rho\,dt.

``forward`` and ``strike`` are positive, in the same cash unit; ``alpha`` in cash to the power ``1 - beta`` per root
year; ``tau`` in years; ``beta`` in [0, 1]; ``nu`` per root year, 0 or more; ``rho`` above -1 and below 1. All arguments
broadcast. The formulas are the first two orders of an expansion in :math:`\nu^2\tau` and :math:`\alpha^2\tau`:
good to a few basis points of volatility where both are small, and arbitrageable at low strikes where they are not.
"""

from fractions import Fraction

import jax
import jax.numpy as jnp
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.normal import alike

# A forward or strike of 0 is read as this, a Black volatility of 0 as this per root year, a correlation of 1 as below.
_TINY = 1e-10
_STILL = 1e-6
_FULL = 1.0 - 1e-6


def volatility(
    forward: ArrayLike,
    strike: ArrayLike,
    alpha: ArrayLike,
    tau: ArrayLike,
    beta: ArrayLike = 1.0,
    nu: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Black volatility per root year, with :math:`x=\log(F/K),\ b=1-\beta,\ m=(FK)^{b/2},\ z=\nu mx/\alpha`:

    .. math:: \sigma = \frac{\alpha}{m(1+\frac{b^2x^2}{24}+\frac{b^4x^4}{1920})}\,\frac z{\chi(z)}
        \left(1+\tau\left[\frac{b^2\alpha^2}{24m^2}+\frac{\rho\beta\nu\alpha}{4m}+\frac{2-3\rho^2}{24}\nu^2\right]\right),
        \qquad \chi(z)=\log\frac{\sqrt{1-2\rho z+z^2}+z-\rho}{1-\rho}.

    The quotient :math:`z/\chi(z)` keeps full precision, and so do its derivatives, at and near the money.

    Source: Hagan, Kumar, Lesniewski and Woodward (2002), equation (2.17).

    >>> round(float(volatility(100.0, 90.0, 0.2, 1.0, 1.0, 0.6, -0.5)), 5)
    0.21828
    """
    forward, strike, alpha, tau, beta, nu, rho = _arguments(forward, strike, alpha, tau, beta, nu, rho)
    x, m, tilt = _smile(forward, strike, alpha, beta, nu, rho)
    square = ((1.0 - beta) * x) ** 2
    width = m * (1.0 + square / 24.0 + square**2 / 1920.0)
    level = (1.0 - beta) ** 2 / 24.0 * (alpha / m) ** 2
    return jnp.maximum(alpha / width * tilt * (1.0 + tau * (level + _drift(m, alpha, beta, nu, rho))), 0.0)


def normal_volatility(
    forward: ArrayLike,
    strike: ArrayLike,
    alpha: ArrayLike,
    tau: ArrayLike,
    beta: ArrayLike = 0.0,
    nu: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
) -> Float[Array, "..."]:
    r"""Bachelier volatility, in cash per root year, in the notation of `volatility`:

    .. math:: \sigma_N = \alpha(FK)^{\beta/2}\,\frac{1+\frac{x^2}{24}+\frac{x^4}{1920}}
        {1+\frac{b^2x^2}{24}+\frac{b^4x^4}{1920}}\,\frac z{\chi(z)}
        \left(1+\tau\left[-\frac{\beta(2-\beta)\alpha^2}{24m^2}+\frac{\rho\beta\nu\alpha}{4m}
        +\frac{2-3\rho^2}{24}\nu^2\right]\right).

    Source: Hagan, Kumar, Lesniewski and Woodward (2002), equation (A.59).

    >>> round(float(normal_volatility(0.03, 0.04, 0.035, 1.0, 0.5, 0.4, -0.2)), 6)
    0.006596
    """
    forward, strike, alpha, tau, beta, nu, rho = _arguments(forward, strike, alpha, tau, beta, nu, rho)
    x, m, tilt = _smile(forward, strike, alpha, beta, nu, rho)
    square, narrow = x**2, ((1.0 - beta) * x) ** 2
    shape = (1.0 + square / 24.0 + square**2 / 1920.0) / (1.0 + narrow / 24.0 + narrow**2 / 1920.0)
    level = -beta * (2.0 - beta) / 24.0 * (alpha / m) ** 2
    size = alpha * jnp.exp(0.5 * beta * (jnp.log(forward) + jnp.log(strike)))
    return jnp.maximum(size * shape * tilt * (1.0 + tau * (level + _drift(m, alpha, beta, nu, rho))), 0.0)


def price(
    forward: ArrayLike,
    strike: ArrayLike,
    alpha: ArrayLike,
    tau: ArrayLike,
    beta: ArrayLike = 1.0,
    nu: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    """Black's price of a European call or put at `volatility`, in cash at expiry.

    >>> round(float(price(100.0, 90.0, 0.2, 1.0, 1.0, 0.6, -0.5)), 4)
    14.1951
    """
    return black.price(forward, strike, volatility(forward, strike, alpha, tau, beta, nu, rho), tau, call)


def delta(
    forward: ArrayLike,
    strike: ArrayLike,
    alpha: ArrayLike,
    tau: ArrayLike,
    beta: ArrayLike = 1.0,
    nu: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Sensitivity of `price` to the forward with :math:`\alpha` held still.

    Source: Hagan, Kumar, Lesniewski and Woodward (2002), section 3.1.

    >>> round(float(delta(100.0, 90.0, 0.2, 1.0, 1.0, 0.6, -0.5)), 4)
    0.7828
    """
    return _moved(forward, strike, alpha, tau, beta, nu, rho, call, 0.0)


def bartlett_delta(
    forward: ArrayLike,
    strike: ArrayLike,
    alpha: ArrayLike,
    tau: ArrayLike,
    beta: ArrayLike = 1.0,
    nu: ArrayLike = 0.0,
    rho: ArrayLike = 0.0,
    call: ArrayLike = True,
) -> Float[Array, "..."]:
    r"""Sensitivity of `price` to the forward when :math:`\alpha` moves along as it does on average.

    .. math:: \frac{\partial C}{\partial F} + \frac{\partial C}{\partial\sigma}
        \left(\frac{\partial\sigma}{\partial F}+\frac{\partial\sigma}{\partial\alpha}\frac{\rho\nu}{F^\beta}\right)

    It is the position in the forward of least variance over a short time, and it depends little on ``beta``.

    Source: Bartlett (2006), equation (14).

    >>> round(float(bartlett_delta(100.0, 90.0, 0.2, 1.0, 1.0, 0.6, -0.5)), 4)
    0.6843
    """
    return _moved(forward, strike, alpha, tau, beta, nu, rho, call, 1.0)


def _moved(forward, strike, alpha, tau, beta, nu, rho, call, share: float) -> Array:
    forward, strike, alpha, tau, beta, nu, rho = _arguments(forward, strike, alpha, tau, beta, nu, rho)
    along = share * rho * nu * jnp.exp(-beta * jnp.log(forward))
    sigma, slope = jax.jvp(
        lambda f, a: volatility(f, strike, a, tau, beta, nu, rho), (forward, alpha), (jnp.ones_like(forward), along)
    )
    return black.delta(forward, strike, sigma, tau, call) + black.vega(forward, strike, sigma, tau) * slope


def _arguments(forward, strike, alpha, tau, beta, nu, rho) -> tuple[Array, ...]:
    forward, strike, alpha, tau, beta, nu, rho = alike(forward, strike, alpha, tau, beta, nu, rho)
    forward, strike = jnp.maximum(forward, _TINY), jnp.maximum(strike, _TINY)
    alpha = jnp.maximum(alpha, _STILL * jnp.exp((1.0 - beta) * jnp.log(forward)))
    return forward, strike, alpha, jnp.maximum(tau, 0.0), beta, nu, jnp.clip(rho, -_FULL, _FULL)


def _smile(forward: Array, strike: Array, alpha: Array, beta: Array, nu: Array, rho: Array) -> tuple[Array, ...]:
    """(log-moneyness, (FK)^((1 - beta) / 2), z / chi(z))."""
    x = black.log_moneyness(forward, strike)
    m = jnp.exp(0.5 * (1.0 - beta) * (jnp.log(forward) + jnp.log(strike)))
    return x, m, _tilt(nu / alpha * m * x, rho)


def _drift(m: Array, alpha: Array, beta: Array, nu: Array, rho: Array) -> Array:
    return 0.25 * rho * beta * nu * alpha / m + (2.0 - 3.0 * rho**2) / 24.0 * nu**2


def _gregory(count: int) -> list[float]:
    """The series of u / log(1 + u) = 1 + u/2 - u^2/12 + ...: its product with that of log(1 + u) / u is 1."""
    found = [Fraction(1)]
    for n in range(1, count):
        found.append(-sum(g * Fraction((-1) ** (n - k), n - k + 1) for k, g in enumerate(found)))
    return [float(g) for g in found]


_SERIES = _gregory(17)


def _tilt(z: Array, rho: Array) -> Array:
    # chi(z; rho) = -chi(-z; -rho), and for z >= 0 nothing cancels in exp(chi) - 1 = z g.
    side = jnp.where(z >= 0.0, 1.0, -1.0)
    z, rho = side * z, side * rho
    g = (1.0 + (z - 2.0 * rho) / (jnp.sqrt(1.0 + z * (z - 2.0 * rho)) + 1.0)) / (1.0 - rho)
    u = z * g
    near = u < 0.1
    small, large = jnp.where(near, u, 0.0), jnp.where(near, 1.0, u)
    series = jnp.zeros_like(u)
    for coefficient in reversed(_SERIES):
        series = series * small + coefficient
    return jnp.where(near, series, large / jnp.log1p(large)) / g
