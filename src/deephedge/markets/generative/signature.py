"""Truncated signatures of paths by Chen's identity, and the rescaling that keeps them bounded."""

import itertools

import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import require

TINY = 1e-12
NEWTON = 12  # steps to the dilation; the polynomial is convex and increasing, so they come from above and never miss

Levels = tuple[Array, ...]  # level k: an array with k axes of channels


def signature(path: Float[Array, "points channel"], depth: int) -> Float[Array, " feature"]:
    r"""Levels 1 to ``depth`` of the signature of the piecewise linear path through the points, one after the other.

    .. math:: S^{i_1\dots i_k} = \int_{0<t_1<\dots<t_k<T} dX^{i_1}_{t_1}\cdots dX^{i_k}_{t_k}.

    A straight piece has the signature :math:`e^{\otimes\Delta X}`, and by Chen's identity each piece multiplies what
    was before it in the tensor algebra (here by Horner's scheme, in one scan). ``words`` names the numbers. With ``d``
    channels there are :math:`d + d^2 + \dots + d^{depth}`. Exact for such a path; it does not depend on where it
    starts, or on how fast it is run through.

    Source: Chen (1957); Lyons (1998).

    >>> import jax.numpy as jnp
    >>> signature(jnp.array([[0.0, 0.0], [1.0, 0.0], [1.0, 2.0]]), 2).tolist()  # right, then up
    [1.0, 2.0, 0.5, 2.0, 0.0, 2.0]
    """
    require(int(depth) == depth and depth >= 1, f"depth must be a whole number from 1, was {depth}")
    channels = path.shape[1]
    zero = tuple(jnp.zeros((channels,) * k, path.dtype) for k in range(1, depth + 1))
    levels, _ = lax.scan(lambda before, move: (_moved(before, move), None), zero, jnp.diff(path, axis=0))
    return jnp.concatenate([level.ravel() for level in levels])


def _moved(before: Levels, move: Float[Array, " channel"]) -> Levels:
    """The signature after one more straight piece: ``before`` times the exponential of ``move``."""
    after = []
    for k in range(1, len(before) + 1):
        term = move / k
        for i in range(1, k):
            term = jnp.multiply.outer(before[i - 1] + term, move / (k - i))
        after.append(before[k - 1] + term)
    return tuple(after)


def words(channels: int, depth: int) -> tuple[tuple[int, ...], ...]:
    """The words of ``signature``'s numbers, in order.

    >>> words(2, 2)
    ((0,), (1,), (0, 0), (0, 1), (1, 0), (1, 1))
    """
    return tuple(word for k in range(1, depth + 1) for word in itertools.product(range(channels), repeat=k))


def bounded(
    features: Float[Array, " feature"], channels: int, depth: int, bound: Float[Array, ""]
) -> Float[Array, " feature"]:
    r"""The signature with level :math:`k` times :math:`\lambda^k`, so that its squared norm stays below ``2 bound``.

    The squared norm :math:`x` (1 for level 0 included) becomes :math:`x` up to ``bound``, and
    :math:`2\,bound - bound^2/x` beyond: few paths change, none dominates a mean, and paths that differ stay different.
    Expected signatures rescaled like this determine a law also where its moments do not exist.

    Source: Chevyrev and Oberhauser (2018), tensor normalisation with a = 1.

    >>> import jax.numpy as jnp
    >>> float(jnp.sum(bounded(jnp.array([3.0, 4.5]), 1, 2, jnp.array(2.0)) ** 2) + 1.0) < 4.0
    True
    """
    ends = [0]
    for k in range(1, depth + 1):
        ends.append(ends[-1] + channels**k)
    parts = [features[a:b] for a, b in itertools.pairwise(ends)]
    squares = jnp.stack([jnp.sum(part**2) for part in parts])
    norm = 1.0 + jnp.sum(squares)
    target = jnp.where(norm <= bound, norm, 2.0 * bound - bound**2 / jnp.maximum(norm, bound))
    power = jnp.arange(1, depth + 1)

    def nearer(u: Array, squares: Array, target: Array) -> Array:
        slope = jnp.sum(power * squares * u ** (power - 1)) + TINY
        return u - (1.0 + jnp.sum(squares * u**power) - target) / slope

    fixed = lax.stop_gradient((squares, target))
    root = lax.fori_loop(0, NEWTON, lambda _, u: nearer(u, *fixed), jnp.ones_like(norm))
    u = nearer(lax.stop_gradient(root), squares, target)  # one more step carries the derivative of the root
    dilation = jnp.where(norm <= bound, 1.0, jnp.sqrt(jnp.maximum(jnp.where(norm <= bound, 1.0, u), TINY)))
    return jnp.concatenate([part * dilation**k for k, part in enumerate(parts, 1)])
