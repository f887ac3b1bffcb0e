r"""Sums of squared log returns from date to date: their expectation, that of their root, and those inside a corridor.

Under Black and Scholes a log return is normal with mean :math:`m_j` and variance :math:`w_j`; under Heston the
parameters are those of `deephedge.pricing.heston`. Nothing is annualised or discounted.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black, cir, heston
from deephedge.pricing.normal import alike

_NODES, _WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(8))
# Where the integral for a root is summed, in the logarithm of its variable times the mean: to 1e-8 of the root.
_LOG = np.arange(-12.0, 18.5, 0.5)


def expected_root(mean: ArrayLike, log_laplace: Callable[[Array], Array]) -> Float[Array, "..."]:
    r"""Expectation of the root of a positive variable from its mean :math:`m` and Laplace transform :math:`L`.

    .. math:: E\sqrt X = \sqrt m - \frac1{2\sqrt\pi}\int_0^\infty \frac{L(s)-e^{-sm}}{s^{3/2}}\,ds

    by 61 equal steps in :math:`\log s`. ``log_laplace(s)`` is :math:`\log L`, for ``s`` with one more axis than
    ``mean``. The error is below 1e-8 of :math:`\sqrt m` in float64 and 1e-6 in float32 if :math:`L` falls at least as
    fast as :math:`s^{-1/2}`, the square of one normal.

    Source: Schürger (2002); the constant :math:`m` as control variate is ours.

    >>> squared_normal = lambda s: -0.5 * jnp.log1p(2.0 * s)
    >>> round(float(expected_root(1.0, squared_normal)), 5)  # the root of 2 / pi
    0.79788
    """
    mean = jnp.asarray(mean, jnp.result_type(mean, float))
    live = mean > 0
    safe = jnp.where(live, mean, 1.0)
    product = jnp.exp(jnp.asarray(_LOG, safe.dtype))
    logarithm = log_laplace(product / safe[..., None])
    # Near 0 both are 1 and the difference is of second order.
    near = product < 1.0
    close = jnp.exp(-product) * jnp.expm1(jnp.where(near, logarithm + product, 0.0))
    gap = jnp.where(near, close, jnp.exp(logarithm) - jnp.exp(-product))
    lost = jnp.sum(gap / jnp.sqrt(product), axis=-1) * float((_LOG[1] - _LOG[0]) / (2.0 * np.sqrt(np.pi)))
    return jnp.where(live, jnp.sqrt(safe) * (1.0 - lost), 0.0)


def normal_root(means: ArrayLike, variances: ArrayLike) -> Float[Array, "..."]:
    r"""Expectation of :math:`\sqrt{\sum_j(m_j+\sqrt{w_j}Z_j)^2}`; returns on the last axis, no variance if known.

    .. math:: \log L(s) = -\sum_j\Big[\tfrac12\log(1+2sw_j) + \frac{s\,m_j^2}{1+2sw_j}\Big]

    >>> round(float(normal_root(jnp.zeros(3), jnp.ones(3))), 5)  # of chi with 3 degrees of freedom
    1.59577
    """
    squares, spread = alike(jnp.asarray(means) ** 2, variances)

    def log_laplace(s: Array) -> Array:
        wide = 2.0 * s[..., None] * spread[..., None, :]
        terms = 0.5 * jnp.log1p(wide) + s[..., None] * squares[..., None, :] / (1.0 + wide)
        return -jnp.sum(terms, axis=-1)

    return expected_root(jnp.sum(squares + spread, axis=-1), log_laplace)


def heston_root(
    known: ArrayLike,
    variance: ArrayLike,
    begin: ArrayLike,
    length: ArrayLike,
    kappa: ArrayLike,
    theta: ArrayLike,
    sigma: ArrayLike,
) -> Float[Array, "..."]:
    r"""Expectation of :math:`\sqrt{A+\int_b^{b+l}v\,dt}` with what is ``known`` :math:`A`; times in years from now.

    The transform of the integral from :math:`b` on is that of a zero bond in the model of Cox, Ingersoll and Ross,
    exponential in :math:`v_b`, whose own transform is that of a noncentral chi-square variable.

    >>> round(float(heston_root(0.0, 0.04, 0.0, 1.0, 1.5, 0.04, 0.5)), 5)
    0.18437
    """
    known, variance, begin, length, kappa, theta, sigma = alike(known, variance, begin, length, kappa, theta, sigma)
    faded = begin * (1.0 - heston.lag(kappa * begin))
    expected = mean_integral(variance, begin, length, kappa, theta)

    def log_laplace(s: Array) -> Array:
        v, b, run, k, t, c, f = (x[..., None] for x in (variance, begin, length, kappa, theta, sigma, faded))
        by_variance = s * cir.loading(run, k, c * jnp.sqrt(s))
        wide = 0.5 * c**2 * f * by_variance
        moved = by_variance * v * jnp.exp(-k * b) / (1.0 + wide) + 2.0 * k * t / c**2 * jnp.log1p(wide)
        return -s * known[..., None] + cir.log_level(run, k, s * t, c * jnp.sqrt(s)) - moved

    return expected_root(known + expected, log_laplace)


def heston_return(
    variance: ArrayLike,
    begin: ArrayLike,
    length: ArrayLike,
    growth: ArrayLike,
    kappa: ArrayLike,
    theta: ArrayLike,
    sigma: ArrayLike,
    rho: ArrayLike,
) -> tuple[Float[Array, "..."], Float[Array, "..."]]:
    r"""Expectation, and that of the square, of the log return over ``length`` years that ``begin`` years from now.

    With :math:`X=gl-\frac12I+M`, :math:`I=\int v\,dt` and :math:`M=\int\sqrt v\,dW`,

    .. math:: E X^2 = (EX)^2 + \tfrac14\mathrm{Var}\,I - \mathrm{Cov}(I,M) + E I,

    all three integrals over the period of moments of :math:`v_t`, by 8 points of Gauss and Legendre: to 1e-9 for a
    length up to 1 / ``kappa``, at any ``kappa`` from 0. ``growth`` :math:`g` of the forward, per year.

    Source: Broadie and Jain (2008) for the discretely sampled variance.

    >>> [round(float(x), 6) for x in heston_return(0.04, 0.5, 0.25, 0.0, 1.5, 0.06, 0.5, -0.7)]
    [-0.006515, 0.013619]
    """
    variance, begin, length, growth, kappa, theta, sigma, rho = alike(
        variance, begin, length, growth, kappa, theta, sigma, rho
    )
    v, b, run, k, t = (x[..., None] for x in (variance, begin, length, kappa, theta))
    share = jnp.asarray(0.5 + _NODES, variance.dtype)
    at, still = b + run * share, run * (1.0 - share)
    weight = run * jnp.asarray(_WEIGHTS, variance.dtype)
    faded, ahead = at * (1.0 - heston.lag(k * at)), still * (1.0 - heston.lag(k * still))
    spread = sigma[..., None] ** 2 * faded * (v * jnp.exp(-k * at) + 0.5 * t * k * faded)  # variance of v
    expected = heston.expected_variance(v, at, k, t)
    total = jnp.sum(expected * weight, axis=-1)
    by_variance = 0.5 * jnp.sum(spread * ahead * weight, axis=-1)
    by_leverage = rho * sigma * jnp.sum(expected * ahead * weight, axis=-1)
    mean = growth * length - 0.5 * total
    return mean, mean**2 + by_variance - by_leverage + total


def inside(
    forward: ArrayLike, vol: ArrayLike, tau: ArrayLike, low: ArrayLike | None, high: ArrayLike | None
) -> Float[Array, "..."]:
    """Chance that a lognormal price is from ``low`` to ``high`` (None: no bound) ``tau`` years ahead.

    >>> round(float(inside(1.0, 0.2, 1.0, 0.8, 1.2)), 4)
    0.6893
    """
    above = 1.0 if low is None else black.digital(forward, low, vol, tau)
    return above - (0.0 if high is None else black.digital(forward, high, vol, tau)) + jnp.zeros_like(tau)


def mean_integral(
    variance: ArrayLike, begin: ArrayLike, length: ArrayLike, kappa: ArrayLike, theta: ArrayLike
) -> Float[Array, "..."]:
    r"""Expectation of :math:`\int_b^{b+l}v\,dt` under Heston.

    >>> round(float(mean_integral(0.09, 0.25, 0.5, 2.0, 0.04)), 6)
    0.029585
    """
    later = heston.expected_variance(variance, begin, kappa, theta)
    return heston.expected_integrated_variance(later, length, kappa, theta)
