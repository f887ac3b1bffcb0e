"""A position inside of limits: the largest usage lowered by an interior-point method until it is below 1."""

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from deephedge.core import linear
from deephedge.frictions.constraints import Box
from deephedge.frictions.sets import AbstractSet, Diamond

ENOUGH = 0.998  # of each limit
ROUNDS = 80
STEPS = (1.0, 0.5, 0.25, 0.12, 0.06, 0.03, 0.015, 0.007, 0.003, 0.001)
PATIENCE = 15  # rounds until it is aimed lower
THIN = 1e-6  # units: a box of no width is given one


def inside(
    sets: tuple[AbstractSet, ...],
    box: Box,
    near: Float[Array, " instrument"],
    before: Float[Array, " instrument"],
) -> Float[Array, " instrument"]:
    r"""A position in the box that keeps every limit, or breaks the worst as little as was found.

    Lowers the largest usage :math:`t` by Newton steps on :math:`\tau t-\sum_j\ln s_j`, where the :math:`s_j` are what
    each limit times :math:`t` leaves, with :math:`\tau` five times their number over the :math:`t` reached, and more
    where that does not do: the scale of the instruments does not matter. No step is taken where ``near`` or the
    position ``before`` will do; in a batch, as many as the hardest member needs.

    Source: Boyd and Vandenberghe (2004), chapter 11: the first phase of a barrier method.
    """
    low, high = (box(jnp.full_like(near, edge), before) for edge in (-jnp.inf, jnp.inf))
    low, high = low - THIN * (high - low < THIN), high + THIN * (high - low < THIN)
    bounded = jnp.isfinite(low) & jnp.isfinite(high)
    count, diamonds = near.shape[0], {n: each for n, each in enumerate(sets) if isinstance(each, Diamond)}

    def slacks(z: Array) -> Array:
        x, most, lifted = z[:count], z[-1], dict(zip(diamonds, z[count:-1].reshape(-1, count), strict=True))
        ends = [jnp.where(jnp.isfinite(edge), gap, 1.0) for edge, gap in ((low, x - low), (high, high - x))]
        left = [each.slacks(x, lifted.get(n, x), most, before) for n, each in enumerate(sets)]
        return jnp.concatenate([*ends, *left])

    def barrier(z: Array, weight: Array) -> Array:
        return weight * z[-1] - jnp.sum(jnp.log(slacks(z)))

    def worst(x: Array) -> Array:
        return jnp.max(jnp.stack([each.usage(box(x, before), before) for each in sets]))

    def unfinished(carried: tuple[Array, Array, Array]) -> Array:
        return (carried[2] > ENOUGH) & (carried[0] < ROUNDS)

    def newton(carried: tuple[Array, Array, Array]) -> tuple[Array, Array, Array]:
        round_, z, _ = carried
        weight = 5.0 * 1.15 ** jnp.maximum(round_ - PATIENCE, 0) * slacks(z).shape[0] / z[-1]
        slope, bend = jax.grad(barrier)(z, weight), jax.hessian(barrier)(z, weight)
        scale = jnp.sqrt(jnp.maximum(jnp.diagonal(bend), 1e-20))
        bend = bend / (scale[:, None] * scale) + 1e-6 * jnp.eye(len(z))
        step = -linear.solve(bend, slope / scale) / scale
        tried = z + jnp.array(STEPS)[:, None] * step
        value = jax.vmap(lambda z: jnp.where(jnp.min(slacks(z)) > 0, barrier(z, weight), jnp.inf))(tried)
        best = jnp.argmin(jnp.where(jnp.isfinite(value), value, jnp.inf))
        z = jnp.where(value[best] < barrier(z, weight), tried[best], z)
        return round_ + 1, z, worst(z[:count])

    starts = jnp.stack([box(near, before), box(before, before)])
    values = jax.vmap(worst)(starts)
    first, found = starts[jnp.argmin(values)], jnp.min(values)
    room = jnp.where(bounded, 0.05 * (high - low), 0.0)
    within = jnp.where(bounded, jnp.clip(first, low + room, high - room), first)
    # A tenth above each size and above what a limit lets one instrument hold; and half more than each limit then needs.
    lifted = [1.1 * jnp.abs(each.away(within, before)) + 0.1 * each.reach() for each in diamonds.values()]
    needed = [each.used(row) for each, row in zip(diamonds.values(), lifted, strict=True)]
    most = 1.5 * jnp.max(jnp.stack([worst(within), *needed])) + 0.1
    begin = jnp.concatenate([within, *lifted, jnp.zeros(1)])
    _, z, reached = lax.while_loop(unfinished, newton, (jnp.zeros((), int), begin.at[-1].set(most), found))
    return jnp.where(reached < found, box(z[:count], before), first)
