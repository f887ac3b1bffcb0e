r"""Options on the returns of one lognormal price between dates: forward starts and cliquets. Not discounted.

``forward`` is that of the quotient :math:`G` of the price at the end of a period and at its start (1 without carry),
``vol`` per square root of a year, ``tau`` the years of the period (leave it out and ``vol`` is total). A period that
has run in part has the quotient so far in its forward, and the years left.
"""

import jax.numpy as jnp
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing import black
from deephedge.pricing.normal import alike, root

_DEAD = 1e-8  # total volatility below which a return is known
_LEAST = 1e-30  # the price that a floor of -1 stands for, of one unit


def capped_return(
    forward: ArrayLike, vol: ArrayLike, floor: ArrayLike, cap: ArrayLike | None = None, tau: ArrayLike = 1.0
) -> Float[Array, "..."]:
    r"""Expectation of the return :math:`G-1` held between ``floor`` (-1 or more) and ``cap``; None is no cap.

    .. math:: f + C(1+f) - C(1+c),

    with :math:`C` Black's call on :math:`G`. Source: a call spread; Rubinstein (1990) for the forward start.

    >>> round(float(capped_return(1.0, 0.2, 0.0, 0.08, 0.25)), 5)
    0.02671
    """
    floor = jnp.asarray(floor)
    value = floor + black.price(forward, 1.0 + floor, vol, tau)
    return value if cap is None else value - black.price(forward, 1.0 + jnp.asarray(cap), vol, tau)


def cliquet(
    forwards: ArrayLike,
    vols: ArrayLike,
    floor: ArrayLike,
    cap: ArrayLike,
    least: ArrayLike,
    most: ArrayLike,
    taus: ArrayLike = 1.0,
    points: int = 64,
) -> Float[Array, "..."]:
    r"""Expectation of the sum of capped returns, itself held between ``least`` and ``most``; periods on the last axis.

    The law of one capped return is put on a lattice of ``points`` steps from floor to cap by second differences of
    Black's calls: the mean and both atoms stay exact, and so is the law of the sum, a product of discrete Fourier
    transforms, on a lattice that the sums of atoms lie on. What is left is the interpolation of a payoff between two
    nodes: the error falls as the square of the step (the documentation has it measured). A known return (no time left)
    is added as it is. ``floor`` below ``cap``, both finite.

    >>> round(float(cliquet(jnp.ones(4), 0.2, -0.02, 0.05, 0.0, 0.12, 0.25)), 5)
    0.04557
    """
    forwards, totals = alike(forwards, jnp.asarray(vols) * root(taus))
    floor, cap = jnp.asarray(floor, forwards.dtype), jnp.asarray(cap, forwards.dtype)
    known, step = totals <= _DEAD, (cap - floor) / points
    strikes = 1.0 + floor + step * jnp.arange(points + 1, dtype=forwards.dtype)
    ahead, total = forwards[..., None], jnp.where(known, 1.0, totals)[..., None]
    upper = (jnp.log(ahead) - jnp.log(jnp.maximum(strikes, _LEAST))) / total + 0.5 * total
    # As the textbook has it: differences of calls on one lattice need no relative precision, and there are many.
    calls = ahead * ndtr(upper) - strikes * ndtr(upper - total)
    above = jnp.diff(calls) / -step  # averages of the chance to end above, cell by cell
    ends = jnp.ones_like(above[..., :1]), jnp.zeros_like(above[..., :1])
    masses = -jnp.diff(jnp.concatenate([ends[0], above, ends[1]], axis=-1))
    masses = jnp.where(known[..., None], jnp.arange(points + 1) == 0, masses)
    size = forwards.shape[-1] * points + 1
    length = 1 << (size - 1).bit_length()
    law = jnp.fft.irfft(jnp.prod(jnp.fft.rfft(masses, length), axis=-2), length)[..., :size]
    start = jnp.sum(jnp.where(known, jnp.clip(forwards - 1.0, floor, cap), floor), axis=-1)
    sums = start[..., None] + step * jnp.arange(size, dtype=forwards.dtype)
    return jnp.sum(law * jnp.clip(sums, least, most), axis=-1)
