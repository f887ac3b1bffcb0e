r"""The price of the swaption of Ahmadi and Godin (2025): as it is, and as their published code has it.

Under the measure of the bond to expiry the factors, :math:`n` months ahead, drift by

.. math:: -\sum_{j<n} Q^j\Sigma B_j,\qquad Q = I - K,

less than priced with cash. Their closed form of that sum (their repository, commit 8895d4e) is right for the level. In
what is summed for slope and curvature, the share of the slope's shocks lacks a division by :math:`\lambda`, part of
the curvature's has :math:`1+\lambda` for :math:`1-\lambda`; and what curvature passes on to slope is summed with
level's correlations for curvature's. Factors end higher, and the swaption is sold for 0.0628 where it is worth 0.0585.
"""

from functools import cache

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from bench.swaps import LENGTH, MONTH, MONTHS, bonds, struck, world
from deephedge.pricing import nelson_siegel as formulas

BUMP = 0.01  # of a factor, either way: what the paper's sensitivities are taken over


@cache
def slip() -> np.ndarray:
    """How much higher slope and curvature end by their drift than by the right one, by months left."""
    with jax.ensure_compile_time_eval():
        loads = np.asarray(formulas.loadings(np.arange(MONTHS), world().decay, MONTH), float)
        sigma, correlation = (np.asarray(each, float) for each in (world().covariance, world().correlation))
    decay, month = float(world().decay), np.arange(MONTHS)
    keep = 1.0 - decay
    share = (
        MONTH * (month - 1) * keep ** (month - 1.0) * (month > 0)
    )  # curvature's load: slope's a month before less this
    missed = np.stack([0.0 * share, (1.0 - decay) * loads[:, 1], share * 2.0 * decay / keep], axis=-1)
    level_for_curvature = np.array([1.0, correlation[0, 1] / correlation[1, 2], correlation[0, 2]])
    own = keep ** month[:, None] * (missed @ sigma[1:].T)
    own[:, 0] += decay * month * keep ** (month - 1.0) * (loads @ (sigma[2] * (1.0 - level_for_curvature)))
    return np.concatenate([np.zeros((1, 2)), np.cumsum(own, axis=0)])


def swaption(state: Float[Array, " factor"], left: Array, published: bool = False, nodes: int = 1) -> Float[Array, ""]:
    """Cash for the swaption with ``left`` months to go, by the right drift or by the ``published`` one."""
    found = bonds(state, left + np.arange(LENGTH + 1))
    cash = jnp.full(LENGTH, struck() * MONTH).at[-1].add(1.0)
    loads = formulas.loadings(np.arange(1, LENGTH + 1), world().decay, MONTH)
    spread = formulas.spreads(MONTHS, world().decay, world().covariance)[left]
    forwards = found[1:] * (jnp.exp(-loads[:, 1:] @ jnp.asarray(slip())[left]) if published else 1.0)
    return formulas.coupon_option(found[0], forwards, cash, loads, spread, nodes)


def sensitivities(state: Float[Array, " factor"], left: Array, factors: tuple[int, ...]) -> Float[Array, " moved"]:
    """Of the published price to each of ``factors``, by central differences as wide as theirs."""
    moves = BUMP * np.eye(3)[list(factors)]
    up, down = jnp.split(
        jax.vmap(lambda x: swaption(x, left, published=True))(state + np.stack([moves, -moves]).reshape(-1, 3)), 2
    )
    return (up - down) / (2.0 * BUMP)
