"""Where thresholds come from: ranks of a sorted sample, and the root of a decreasing function."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

ROUNDS = 100  # a bisection alone needs some 60 in float64
Weight = Float[Array, " path"] | None  # how much each path counts; all the same where none is given


def average(sample: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
    """The mean of a sample, in which each path counts as much as its weight.

    >>> float(average(jnp.array([1.0, 4.0]), jnp.array([2.0, 1.0])))
    2.0
    """
    return jnp.mean(sample) if weight is None else jnp.sum(weight * sample) / jnp.sum(weight)


def value_at_risk(
    losses: Float[Array, " path"], level: Float[Array, "*unit"], weight: Weight = None
) -> Float[Array, "*unit"]:
    r"""The least loss :math:`w` with :math:`P(L\le w)\ge\alpha` on this sample, one for each level; in cash.

    >>> value_at_risk(jnp.array([3.0, 1.0, 2.0, 4.0]), jnp.array([0.0, 0.5, 0.51])).tolist()
    [1.0, 2.0, 3.0]
    """
    paths = losses.shape[0]
    if weight is not None:
        order = jnp.argsort(losses)
        mass = jnp.cumsum(weight[order])
        least = jnp.finfo(mass.dtype).tiny  # of a mass above 0: a path that counts for nothing is no loss at all
        rank = jnp.searchsorted(mass, jnp.maximum((level - jnp.finfo(level.dtype).eps * 8) * mass[-1], least))
        return losses[order][jnp.clip(rank, 0, paths - 1)]
    # 0.95 x 20 is 19 and a rounding error; without the allowance half of all such ranks would be one too high.
    rank = jnp.ceil((level - jnp.finfo(level.dtype).eps) * paths).astype(int)
    return jnp.sort(losses)[jnp.clip(rank - 1, 0, paths - 1)]


def tail_weights(
    losses: Float[Array, " path"], level: Float[Array, ""], edge: Float[Array, ""], weight: Weight = None
) -> Float[Array, " path"]:
    r"""Weights, summing to 1, that put all mass on the worst :math:`1-\alpha` share of a sample.

    Paths beyond ``edge``, the value at risk, weigh the same; those on it (one, or an atom) share what is left by
    their ``weight``.

    >>> tail_weights(jnp.array([0.0, 2.0, 1.0, 1.0]), jnp.array(0.5), jnp.array(1.0)).tolist()
    [0.0, 0.5, 0.25, 0.25]
    """
    each = jnp.ones_like(losses) if weight is None else weight
    beyond, on = each * (losses > edge), each * (losses == edge)
    left = jnp.maximum((1.0 - level) * jnp.sum(each) - jnp.sum(beyond), 0.0)
    weights = beyond + on * (left / jnp.sum(on))
    return weights / jnp.sum(weights)


def decreasing_root(
    function: Callable[[Float[Array, ""]], Float[Array, ""]], low: Float[Array, ""], high: Float[Array, ""]
) -> Float[Array, ""]:
    """Where a decreasing function crosses 0 in ``[low, high]``, to float precision; an end of it if it does not.

    Newton's steps, and a bisection wherever one leaves the bracket or fails to halve the step before the last.
    Not differentiable in reverse mode: stop gradients before, or use the implicit function theorem.

    >>> round(float(decreasing_root(lambda w: 2.0 - w**2, jnp.array(0.0), jnp.array(9.0))), 5)
    1.41421
    """

    def unsettled(state: tuple[Array, ...]) -> Array:
        low, high, at, step, _, rounds = state
        return (jnp.abs(step) > jnp.finfo(at.dtype).eps * jnp.abs(at)) & (low < high) & (rounds < ROUNDS)

    def improve(state: tuple[Array, ...]) -> tuple[Array, ...]:
        low, high, at, step, before, rounds = state
        value, slope = jax.jvp(function, (at,), (jnp.ones_like(at),))
        low, high = jnp.where(value > 0, at, low), jnp.where(value > 0, high, at)
        newton = at - value / slope
        good = (newton >= low) & (newton <= high) & (2.0 * jnp.abs(newton - at) <= jnp.abs(before))
        new = jnp.where(good, newton, 0.5 * low + 0.5 * high)
        return low, high, new, new - at, step, rounds + 1

    wide = high - low
    start = (low, high, 0.5 * low + 0.5 * high, wide, wide, jnp.zeros((), int))
    return lax.while_loop(unsettled, improve, start)[2]
