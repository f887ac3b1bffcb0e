r"""Rights used on dates, under one Gaussian factor: backwards from date to date, by quadrature.

At each date the factor has a grid of equal steps and two smooth functions on it: what using the right makes, and what
waiting is worth, zero bonds to the next date being the numeraire in between. Waiting is an expectation of the better of
both at the next date. It is taken by the trapezoidal rule in a standard normal, on Lagrange's cubics through both
functions, with the error that their crossing makes taken out; so it is smooth in where it starts from and right from a
step of 0 on. Places on a grid are counted in its steps from its first point.
"""

import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, Int

from deephedge.pricing.normal import density

_REACH, _NODES = 6.4, 65
_AT = np.linspace(-_REACH, _REACH, _NODES)
_WIDTH = 2.0 * _REACH / (_NODES - 1)


def cubic(place: Array, count: int) -> tuple[Array, tuple[Array, ...]]:
    """The first of four neighbours of ``place`` among ``count`` whole numbers, and the weights of Lagrange's cubic.

    >>> first, weights = cubic(jnp.array(2.5), 6)
    >>> int(first), [float(w) for w in weights]
    (1, [-0.0625, 0.5625, 0.5625, -0.0625])
    """
    first = jnp.clip(jnp.floor(place).astype(int) - 1, 0, count - 4)
    u = place - first
    a, b, c, d = u, u - 1.0, u - 2.0, u - 3.0
    return first, (-b * c * d / 6.0, a * c * d / 2.0, -a * b * d / 2.0, a * b * c / 6.0)


def expected(
    place: Float[Array, "*points"],
    spread: Float[Array, "*points"],
    row: Int[Array, "*points"],
    use: Float[Array, "tenor quote"],
    wait: Float[Array, "tenor quote"],
) -> Float[Array, "*points"]:
    r"""Mean of the larger of ``use`` and ``wait`` at the date ``row``, at a normal place with this mean and ``spread``.

    Where the two cross, at the share :math:`\theta` of the distance :math:`h` of two nodes, the rule is off by

    .. math:: -\tfrac12h^2B_2(\theta)[f'] + \tfrac16h^3B_3(\theta)[f''],

    with Bernoulli's polynomials and the jumps of the integrand's derivatives, which are taken from differences.

    >>> line = 0.1 * jnp.arange(200.0)[None]
    >>> round(float(expected(jnp.array(99.3), jnp.array(10.0), jnp.array(0), line, jnp.full((1, 200), 9.93))), 4)
    10.3289
    """
    at = jnp.asarray(_AT, place.dtype)
    count = use.shape[-1]
    # Flat indices: where many paths share one table it stays one.
    first, shares = cubic(jnp.clip(place[..., None] + spread[..., None] * at, -1.0, count), count)
    first = first + count * row[..., None]
    one, other = (sum(share * table.reshape(-1)[first + n] for n, share in enumerate(shares)) for table in (use, wait))
    mean = jnp.sum(jnp.maximum(one, other) * density(at), axis=-1)
    return _WIDTH * (mean - jnp.sum(_excess(one - other, at), axis=-1))


def _excess(gap: Float[Array, "... point"], at: Float[Array, " point"]) -> Float[Array, "... step"]:
    """By how much each crossing of two functions puts the sum of the larger one off, whose difference is ``gap``."""
    left, right = gap[..., 1:-2], gap[..., 2:-1]
    crossed = left * right < 0.0
    rise = jnp.where(crossed, right - left, 1.0)
    bend = jnp.where(crossed, 0.5 * (gap[..., 3:] - right - left + gap[..., :-3]), 0.0)
    share = jnp.where(crossed, -left / rise, 0.0)
    share = jnp.clip(share + 0.5 * share * (1.0 - share) * bend / rise, 0.0, 1.0)
    place, sign = at[1:-2] + share * _WIDTH, jnp.sign(rise)
    slope = sign * (rise + (share - 0.5) * bend)
    turn = sign * bend - 2.0 * _WIDTH * place * slope
    second = 0.5 * share * (1.0 - share) - 1.0 / 12.0
    third = share * (share - 0.5) * (share - 1.0) / 6.0
    return jnp.where(crossed, (second * slope + third * turn) * density(place), 0.0)


def waiting(
    use: Float[Array, "tenor quote"],
    bonds: Float[Array, "tenor quote"],
    places: Float[Array, "tenor quote"],
    spreads: Float[Array, " tenor"],
    paid: Float[Array, "tenor quote"],
    last: Float[Array, " quote"],
) -> Float[Array, "tenor quote"]:
    """What it is worth at each date not to use a right then, on the grid of that date.

    ``use`` is what using makes; ``bonds`` those to the next date, ``places`` and ``spreads`` the mean and deviation of
    the next place under its measure; ``paid`` the value of what is paid in between to who waits. ``last`` is
    waiting at the last date, whose ``bonds``, ``places``, ``spreads`` and ``paid`` are not read.
    """

    def step(later: tuple[Array, Array], now: tuple[Array, ...]) -> tuple[tuple[Array, Array], Array]:
        use, bond, place, spread, paid = now
        row = jnp.zeros(place.shape, int)
        ahead = expected(place, jnp.broadcast_to(spread, place.shape), row, later[0][None], later[1][None])
        wait = paid + bond * ahead
        return (use, wait), wait

    before = (use[:-1], bonds[:-1], places[:-1], spreads[:-1], paid[:-1])
    _, earlier = lax.scan(step, (use[-1], last), before, reverse=True)
    return jnp.concatenate([earlier, last[None]])
