r"""Nelson and Siegel's curve without arbitrage in discrete time: bonds, and options on coupon bonds.

Level, slope and curvature :math:`X` move once a step of :math:`\Delta` years; under the pricing measure

.. math:: X' = X + K(\theta - X) + \epsilon,\quad \epsilon\sim N(0,\Sigma),\quad
    K = \begin{pmatrix}0&0&0\\0&\lambda&-\lambda\\0&0&\lambda\end{pmatrix},\quad r = X_1 + X_2,

and cash earns :math:`r` over the step that follows.
"""

from itertools import product
from math import prod

import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core import linear

NEWTON = 5  # the log of the sum is almost straight: three steps reach rounding where bonds are near par
TINY = 1e-14  # under roots, so that derivatives stay finite where nothing is random


def reversion(decay: Float[Array, ""]) -> Float[Array, "factor factor"]:
    """K of the pricing measure, per step."""
    return decay * jnp.array([[0.0, 0.0, 0.0], [0.0, 1.0, -1.0], [0.0, 0.0, 1.0]])


def loadings(steps: ArrayLike, decay: Float[Array, ""], step: float) -> Float[Array, "... factor"]:
    r"""What the log of a bond with ``steps`` to go loses for each unit of the factors; the last axis.

    .. math:: B_n = \Delta\,\Big(n,\ \frac{1-q^n}{\lambda},\ \frac{1-q^n}{\lambda}-n\,q^{n-1}\Big),\qquad q = 1-\lambda.

    >>> loadings(2, jnp.float32(0.5), 1.0).tolist()
    [2.0, 1.5, 0.5]
    """
    n = jnp.asarray(steps, decay.dtype)
    slope = -jnp.expm1(n * jnp.log1p(-decay)) / decay
    return step * jnp.stack([n, slope, slope - n * jnp.exp((n - 1.0) * jnp.log1p(-decay))], axis=-1)


def constants(
    count: int,
    decay: Float[Array, ""],
    level: Float[Array, " factor"],
    covariance: Float[Array, "factor factor"],
    step: float,
) -> Float[Array, " quote"]:
    r"""Log of bonds with 0 ... ``count`` steps to go at factors of 0; ``covariance`` :math:`\Sigma` is that of a step.

    .. math:: A_{n+1} = A_n - B_n^\top K\theta + \tfrac12 B_n^\top\Sigma B_n.
    """
    load = loadings(np.arange(count), decay, step)
    gain = 0.5 * jnp.einsum("ni,ij,nj->n", load, covariance, load) - load @ (reversion(decay) @ level)
    return jnp.concatenate([jnp.zeros_like(gain[:1]), jnp.cumsum(gain)])


def spreads(count: int, decay: Float[Array, ""], covariance: Float[Array, "factor factor"]) -> Array:
    """Covariance of the factors 0 ... ``count`` steps ahead, given those now."""
    keep = jnp.eye(3, dtype=decay.dtype) - reversion(decay)

    def later(now: Array, _: None) -> tuple[Array, Array]:
        now = keep @ now @ keep.T + covariance
        return now, now

    start = jnp.zeros_like(covariance)
    return jnp.concatenate([start[None], lax.scan(later, start, None, count)[1]])


def coupon_option(
    near: Float[Array, ""],
    bonds: Float[Array, " tenor"],
    cash: Float[Array, " tenor"],
    loads: Float[Array, "tenor factor"],
    covariance: Float[Array, "factor factor"],
    nodes: int = 1,
) -> Float[Array, ""]:
    r"""Cash for the right to pay one at expiry less ``cash`` at the dates of ``bonds``: :math:`(1-\sum c_iP_i)^+` then.

    ``near`` is the bond to expiry; at expiry :math:`\log P_i` is normal with ``loads`` :math:`b_i` on factors of that
    ``covariance``. It is a payer swaption with fixed coupons :math:`c_i`, and the last one plus one. Given what moves
    across the direction in which the sum moves, the payoff is positive beyond one value :math:`x` of what moves along
    it, and the rest is Black's formula (Jamshidian 1989; Brigo and Mercurio 2006, section 4.2.3, for two factors).
    Across it the payoff hardly moves: with ``nodes`` 1 it is held still (the worth of exercising on one side of a
    plane, from below; as Singleton and Umantsev 2002), with 3 or more it is integrated by Gauss and Hermite.

    >>> flat = jnp.exp(-0.03 * jnp.arange(2.0, 4.0))
    >>> loads = jnp.array([[1.0, 1.0, 0.0], [2.0, 2.0, 0.0]])
    >>> put = coupon_option(jnp.exp(-0.03), flat, jnp.array([0.03, 1.03]), loads, 1e-4 * jnp.eye(3), nodes=3)
    >>> round(float(put), 5)
    0.01121
    """
    root = linear.cholesky(covariance + TINY * jnp.eye(len(covariance), dtype=near.dtype))
    moved, owed = loads @ root, cash * bonds / near  # what each normal does to each bond, and today's forwards
    axis = lax.stop_gradient(owed @ moved)
    axis = axis / jnp.sqrt(jnp.sum(axis**2) + TINY)
    along, across = moved @ axis, moved - (moved @ axis)[:, None] * axis
    points, weights = _plane(nodes, axis)
    given = jnp.exp(-points @ across.T - 0.5 * jnp.sum(across**2, -1))
    owed = owed * given / (weights @ given)  # forwards given what moves across, their mean today's
    x = lax.stop_gradient(_root(owed, along))
    value = ndtr(-x) - jnp.sum(owed * ndtr(-x[:, None] - along), -1)
    return near * jnp.sum(weights * value)


def _plane(nodes: int, axis: Float[Array, " factor"]) -> tuple[Float[Array, "point factor"], Float[Array, " point"]]:
    """Nodes and weights of a standard normal across ``axis``."""
    at, weight = np.polynomial.hermite_e.hermegauss(nodes)
    count = axis.shape[0] - 1
    grid = np.array(list(product(at, repeat=count)))
    weights = np.array([prod(each) for each in product(weight / weight.sum(), repeat=count)])
    mirror = axis.at[0].add(jnp.where(axis[0] < 0, -1.0, 1.0))  # Householder's, which takes the first axis to this one
    frame = jnp.eye(count + 1, dtype=axis.dtype) - 2.0 * jnp.outer(mirror, mirror) / jnp.sum(mirror**2)
    return jnp.asarray(grid, axis.dtype) @ frame[1:], jnp.asarray(weights, axis.dtype)


def _root(owed: Float[Array, "point tenor"], along: Float[Array, " tenor"]) -> Float[Array, " point"]:
    """Where the sum of what is owed is one."""
    x = jnp.zeros_like(owed[:, 0])
    for _ in range(NEWTON):
        each = owed * jnp.exp(-along * x[:, None] - 0.5 * along**2)
        x = x + jnp.clip(jnp.log(jnp.sum(each, -1)) * jnp.sum(each, -1) / jnp.sum(each * along, -1), -8.0, 8.0)
    return x
