r"""Futures on a spot that spikes: :math:`\log S = X + Y`, with jumps that fade, :math:`dY = -\beta Y\,dt + J\,dN`.

The jump part of a futures curve is an affine exponent, an integral of the jumps' moments over their age. ``excess`` is
a function of y that returns :math:`(E e^{yJ}-1)/y` of one jump, finite at 0; ``decay`` :math:`\beta` and ``intensity``
:math:`\lambda` per year, times in years. All arguments broadcast. ``decay`` may be 0.

Source: Cartea and Figueroa (2005), section 3, where :math:`\beta` is the speed of reversion of the diffusion too.
"""

from collections.abc import Callable

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.normal import alike
from deephedge.pricing.schwartz import mean_decay

# Gauss and Legendre on (0, 1): the integrand is analytic, so that 12 points reach rounding for jumps of usual size.
_NODES, _WEIGHTS = (0.5 * (row + shift) for row, shift in zip(np.polynomial.legendre.leggauss(12), (1, 0), strict=True))


def mean_growth(
    excess: Callable[[Array], Array], elapsed: ArrayLike, left: ArrayLike, decay: ArrayLike
) -> Float[Array, "..."]:
    r"""Mean of :math:`\exp(e^{-\beta(l+a)}J)-1` for a jump of age :math:`a` uniform between 0 and ``elapsed``:

    .. math:: \frac1e\int_0^e\big(E\exp(e^{-\beta(l+a)}J)-1\big)\,da,

    with ``left`` :math:`l`. In :math:`y=e^{-\beta(l+a)}` the integrand is ``excess``: fast decay needs no more nodes.

    >>> round(float(mean_growth(lambda y: 0.5 / (1 - 0.5 * y), 1.0, 0.0, 10.0)), 6)
    0.069312
    """
    elapsed, left, decay = alike(elapsed, left, decay)
    span = decay * jnp.maximum(elapsed, 0.0)
    first, reach = jnp.exp(-decay * jnp.maximum(left, 0.0)), -jnp.expm1(-span)
    y = first[..., None] * (1.0 - reach[..., None] * jnp.asarray(_NODES, first.dtype))
    return first * mean_decay(span) * jnp.sum(excess(y) * jnp.asarray(_WEIGHTS, first.dtype), axis=-1)


def exponent(
    excess: Callable[[Array], Array], elapsed: ArrayLike, left: ArrayLike, intensity: ArrayLike, decay: ArrayLike
) -> Float[Array, "..."]:
    r""":math:`\log E\exp(e^{-\beta l}Y_e)` for :math:`Y_0=0`: what jumps over ``elapsed`` add to the log of a future.

    >>> round(float(exponent(lambda y: 0.5 / (1 - 0.5 * y), 1.0, 0.0, 5.0, 10.0)), 6)
    0.346562
    """
    elapsed = jnp.maximum(jnp.asarray(elapsed), 0.0)
    return jnp.asarray(intensity) * elapsed * mean_growth(excess, elapsed, left, decay)


def variance(elapsed: ArrayLike, left: ArrayLike, intensity: ArrayLike, decay: ArrayLike, second: ArrayLike):
    r"""Variance of :math:`e^{-\beta l}Y_e`: :math:`\lambda E J^2 e^{-2\beta l}(1-e^{-2\beta e})/2\beta`; ``second`` is
    :math:`EJ^2`.

    >>> round(float(variance(1.0, 0.0, 5.0, 10.0, 0.5)), 6)
    0.125
    """
    elapsed, left, decay = alike(elapsed, left, decay)
    elapsed = jnp.maximum(elapsed, 0.0)
    faded = jnp.exp(-2.0 * decay * jnp.maximum(left, 0.0))
    return jnp.asarray(intensity) * jnp.asarray(second) * faded * elapsed * mean_decay(2.0 * decay * elapsed)
