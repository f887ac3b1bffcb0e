"""The distribution function of two correlated standard normals."""

import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.normal import alike, density

# Gauss-Legendre on (0, 1). The integrand is entire and its exponent at most 0: 20 points leave 1e-15.
_NODES, _WEIGHTS = (0.5 * x for x in np.polynomial.legendre.leggauss(20))
_SQUARES = (0.5 + _NODES) ** 2
# Two arguments both nearer to 0 than this are moved there: only the direction from 0 matters, and there is none at 0.
_NEAR = 1e-18
_FAR = 40.0  # standard deviations, beyond which nothing is left in float64


def normal(first: ArrayLike, second: ArrayLike, correlation: ArrayLike) -> Float[Array, "..."]:
    r"""Probability that both of two standard normals lie below: :math:`P(X\le h,\,Y\le k)`.

    .. math:: \Phi_2(h,k;\rho) = \tfrac12[\Phi(h)+\Phi(k)] - T(h,a_h) - T(k,a_k) - \delta,

    with Owen's :math:`T` and :math:`a_h=(k/h-\rho)/\sqrt{1-\rho^2}`; arguments above 1 of :math:`T` are reflected, so
    that one fixed rule serves all correlations, -1 and 1 included: 1e-15 in float64, 2e-7 in float32. Derivatives are
    the closed forms. All arguments broadcast.

    Source: Owen (1956); Plackett (1954) for the derivative to the correlation.

    >>> round(float(normal(0.0, 0.0, 0.5)), 6)
    0.333333
    """
    first, second, correlation = alike(first, second, correlation)
    clipped = (jnp.clip(first, -_FAR, _FAR), jnp.clip(second, -_FAR, _FAR), jnp.clip(correlation, -1.0, 1.0))
    return _normal(*clipped)


def _sine(correlation: Array) -> Array:
    """The root of 1 - rho^2, not below the rounding of the type."""
    least = 4.0 * float(jnp.finfo(correlation.dtype).eps)
    return jnp.sqrt(jnp.maximum((1.0 - correlation) * (1.0 + correlation), least**2))


def _owen(side: Array, other: Array) -> Array:
    """``T(side, other / side)`` for both 0 or more, one of them not 0."""
    swap = other > side
    low, high = jnp.where(swap, side, other), jnp.where(swap, other, side)
    slope, height = low / jnp.maximum(high, _NEAR), 0.5 * high * high
    square = slope * slope
    stretch = 1.0 + jnp.asarray(_SQUARES, square.dtype) * square[..., None]
    total = jnp.exp(-height[..., None] * stretch) / stretch @ jnp.asarray(_WEIGHTS, square.dtype)
    small = float(0.5 / np.pi) * slope * total
    one, two = ndtr(-side), ndtr(-other)
    return jnp.where(swap, 0.5 * (one + two) - one * two - small, small)


@jax.custom_jvp
def _normal(first: Array, second: Array, correlation: Array) -> Array:
    nowhere = (jnp.abs(first) < _NEAR) & (jnp.abs(second) < _NEAR)
    h, k, sine = jnp.where(nowhere, _NEAR, first), jnp.where(nowhere, _NEAR, second), _sine(correlation)
    sign = lambda x: jnp.where(x >= 0, 1.0, -1.0)  # noqa: E731
    across = [(h, (k - correlation * h) / sine), (k, (h - correlation * k) / sine)]
    parts = [sign(side) * sign(other) * _owen(jnp.abs(side), jnp.abs(other)) for side, other in across]
    opposite = jnp.where(sign(h) == sign(k), 0.0, 0.5)
    return jnp.clip(0.5 * (ndtr(first) + ndtr(second)) - parts[0] - parts[1] - opposite, 0.0, 1.0)


@_normal.defjvp
def _normal_jvp(primals, tangents):
    h, k, correlation = primals
    sine = _sine(correlation)
    given_h, given_k = (k - correlation * h) / sine, (h - correlation * k) / sine
    by_correlation = density(h) * density(jnp.clip(given_h, -_FAR, _FAR)) / sine
    slopes = (density(h) * ndtr(given_h), density(k) * ndtr(given_k), by_correlation)
    return _normal(*primals), sum(slope * tangent for slope, tangent in zip(slopes, tangents, strict=True))
