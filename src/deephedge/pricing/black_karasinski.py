r"""Black and Karasinski's lognormal short rate (1991) on a lattice: today's curve, zero bonds, options.

.. math:: r_t = e^{m(t)+x_t}, \qquad dx = -a\,x\,dt + \sigma\,dW, \qquad x_0 = 0.

There is no formula for a bond. The lattice has ``cells`` of equal length :math:`\delta` and equally spaced values of
:math:`x`, over 5.5 standard deviations of the last cell. Within a cell :math:`x` moves for half of it, the account
earns :math:`e^{m+x}\delta`, and :math:`x` moves for the other half: second order in :math:`\delta`. The half moves take
the exact Gaussian density at the lattice's values, normalised: beyond all orders in the spacing, as long as that is at
most about a deviation of half a cell. Forward induction of the prices of states (Arrow and Debreu) gives the level
:math:`m` of each cell by Newton's method, so that the lattice pays today's discount factors exactly; backward
induction gives all its bonds.

Source: Black and Karasinski (1991); forward induction: Jamshidian (1991); the lattice is our own.
"""

from typing import NamedTuple

import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.pricing.hullwhite import short_variance

_REACH = 5.5
_NEWTON = 8


class Lattice(NamedTuple):
    """What a fit found: cell length, values of x, levels m in the middle of cells, state prices, and log bonds.

    ``states[n, j]`` is today's price of one unit at the start of cell n in state j; ``log_bonds[n, k, j]`` the log
    price there of a bond with k cells left, and 0 where that ends after the last cell.
    """

    width: Float[Array, ""]
    x: Float[Array, " factor"]
    level: Float[Array, " step"]
    states: Float[Array, "points factor"]
    log_bonds: Float[Array, "points unit factor"]


def spacing(a: ArrayLike, sigma: ArrayLike, horizon: ArrayLike, cells: int, nodes: int) -> Float[Array, ""]:
    """Distance of two values of x, in standard deviations of half a cell's move: above 1.4 the lattice is too coarse.

    >>> round(float(spacing(0.1, 0.2, 10.0, 120, 161)), 2)
    0.7
    """
    half = short_variance(jnp.asarray(horizon) / (2 * cells), a, sigma)
    return 2.0 * _REACH / (nodes - 1) * jnp.sqrt(short_variance(horizon, a, sigma) / half)


def fit(discounts: Float[Array, " points"], width: ArrayLike, a: ArrayLike, sigma: ArrayLike, nodes: int) -> Lattice:
    """The lattice that pays ``discounts``, today's factors to the ends of its cells (the first is 1, at no time).

    ``nodes`` must be odd, so that there is a state of 0; ``sigma`` must be positive.
    """
    width, cells = jnp.asarray(width, discounts.dtype), len(discounts) - 1
    reach = _REACH * jnp.sqrt(short_variance(cells * width, a, sigma))
    x = reach * jnp.linspace(-1.0, 1.0, nodes, dtype=discounts.dtype)
    move = _kernel(x, 0.5 * width, a, sigma)
    start = (jnp.arange(nodes) == nodes // 2).astype(discounts.dtype)

    def cell(state: Array, now: tuple[Array, Array]) -> tuple[Array, tuple[Array, Array]]:
        due, forward = now
        middle = state @ move
        level = jnp.log(forward)
        for _ in range(_NEWTON):  # in the level; the sum is convex and falls from the mass to 0
            paid = middle * jnp.exp(-width * jnp.exp(level + x))
            level = level + (jnp.sum(paid) - due) / jnp.sum(paid * width * jnp.exp(level + x))
        after = (middle * jnp.exp(-width * jnp.exp(level + x))) @ move
        return after, (level, after)

    forwards = jnp.log(discounts[:-1] / discounts[1:]) / width
    _, (level, states) = lax.scan(cell, start, (discounts[1:], forwards))

    def back(bonds: Array, level: Array) -> tuple[Array, Array]:
        earlier = (bonds @ move.T * jnp.exp(-width * jnp.exp(level + x))) @ move.T
        earlier = jnp.concatenate([jnp.ones_like(earlier[:1]), earlier[:-1]])
        return earlier, earlier

    last = jnp.ones((cells + 1, nodes), discounts.dtype)
    _, bonds = lax.scan(back, last, level, reverse=True)
    bonds = jnp.log(jnp.concatenate([bonds, last[None]]))
    inside = jnp.arange(cells + 1)[:, None] + jnp.arange(cells + 1) <= cells
    return Lattice(width, x, level, jnp.concatenate([start[None], states]), jnp.where(inside[..., None], bonds, 0.0))


def european(lattice: Lattice, cell: int, payoff: Float[Array, " factor"]) -> Float[Array, ""]:
    """Cash now for ``payoff``, one value for each x, at the start of ``cell``: its sum over state prices."""
    return jnp.sum(lattice.states[cell] * payoff)


def coupon_bond_option(
    lattice: Lattice, cell: int, lengths: tuple[int, ...], cash: ArrayLike, strike: ArrayLike, call: ArrayLike = True
) -> Float[Array, ""]:
    """Option at the start of ``cell`` on a bond that then pays ``cash`` after ``lengths`` cells; in cash now.

    A payer swaption is the put struck at one on the bond that pays the fixed rate and the notional.
    """
    bonds = jnp.exp(lattice.log_bonds[cell, jnp.asarray(lengths)])
    worth = jnp.sum(jnp.asarray(cash)[:, None] * bonds, axis=0) - strike
    return european(lattice, cell, jnp.maximum(jnp.where(jnp.asarray(call), worth, -worth), 0.0))


def _kernel(x: Array, time: Array, a: ArrayLike, sigma: ArrayLike) -> Float[Array, "factor factor"]:
    """Probabilities to go from one x (row) to another in ``time``: the Gaussian density, normalised."""
    away = x - jnp.exp(-jnp.asarray(a) * time) * x[:, None]
    density = jnp.exp(-0.5 * away**2 / short_variance(time, a, sigma))
    return density / jnp.sum(density, axis=1, keepdims=True)
