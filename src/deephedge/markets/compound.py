"""Jump counts and sums of jumps from standard normals, by inverse distribution functions: what jump markets share."""

import functools

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float
from scipy import special

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.types import concrete

MOST = 32  # jumps of one kind in one step: a fixed shape, whatever the intensity
CROWD = 8.0  # expected jumps of one kind in one step: the probability of more than MOST is below 4e-11
TAIL = 24  # counts beyond MOST that are added up for the probability of more than MOST; the rest is below 1e-28
EDGE, PER_UNIT = 9.0, 16  # the table of Erlang quantiles: normals from -EDGE to EDGE, nodes in a unit


def require_room(intensity: Array, grid: TimeGrid) -> None:
    """Raise ``ParameterError`` where the longest step expects more jumps of one kind than the counts have room for."""
    crowd = intensity * jnp.max(grid.dt)
    require(
        concrete(crowd, lambda x: x <= CROWD),
        f"intensity x the longest step must be at most {CROWD} jumps, under the spot's own measure too (intensity x "
        f"mean jump factor), was {crowd}; take shorter steps",
    )


def poisson(mean: Float[Array, "..."], shock: Float[Array, "..."]) -> Float[Array, "..."]:
    """The Poisson count at the same quantile as the normal ``shock``, at most ``MOST``.

    Tails are compared from above, so that float32 keeps its relative precision where jumps are rare: a count is above
    k where P(Z > shock) < P(N > k). A larger normal never gives fewer jumps.

    >>> poisson(jnp.array(0.5), jnp.array([0.0, 1.0, 2.0, 8.0])).tolist()
    [0.0, 1.0, 2.0, 13.0]
    """
    return jnp.sum(ndtr(-shock)[..., None] < exceedances(mean), axis=-1).astype(shock.dtype)


def exceedances(mean: Float[Array, "..."]) -> Float[Array, "... count"]:
    """P(N > k) of a Poisson count, for k from 0 to ``MOST`` - 1, to the relative precision of the float type.

    >>> [round(x, 4) for x in exceedances(jnp.array(0.5))[:3].tolist()]
    [0.3935, 0.0902, 0.0144]
    """
    shares = jnp.asarray(mean)[..., None] / np.arange(1, MOST + TAIL + 1)
    beyond_zero = jnp.exp(-jnp.asarray(mean))[..., None] * jnp.cumprod(shares, axis=-1)
    return jnp.flip(jnp.cumsum(jnp.flip(beyond_zero, -1), -1), -1)[..., :MOST]


def erlang(count: Float[Array, "..."], shock: Float[Array, "..."]) -> Float[Array, "..."]:
    """The sum of ``count`` exponentials of mean 1 at the same quantile as the normal ``shock``; 0 for a count of 0.

    Cubic interpolation of the cube root of the quantile, which is almost a line in the normal (Wilson and Hilferty
    1931): right to 3e-9 (1 + itself) for normals up to 9 deviations, beyond which it stays flat.

    >>> [round(x, 4) for x in erlang(jnp.array([0.0, 1.0, 5.0]), jnp.zeros(3)).tolist()]
    [0.0, 0.6931, 4.6709]
    """
    table = jnp.asarray(_erlang_table(), shock.dtype)
    at = (jnp.clip(shock, -EDGE, EDGE) + EDGE) * PER_UNIT
    left = jnp.minimum(at.astype(int), table.shape[1] - 2)
    row, t = count.astype(int), at - left
    (low, low_slope), (high, high_slope) = (jnp.moveaxis(table[row, left + side], -1, 0) for side in (0, 1))
    rise = high - low
    bend = t * (1.0 - t) * ((1.0 - t) * (low_slope - rise) - t * (high_slope - rise))
    return (low + t * rise + bend) ** 3


@functools.cache
def _erlang_table() -> np.ndarray:
    """(count, node, 2): the cube root of the Erlang quantile and its slope per node, by SciPy's inverse gamma."""
    z = np.arange(-EDGE * PER_UNIT, EDGE * PER_UNIT + 1) / PER_UNIT
    count = np.arange(1, MOST + 1)[:, None]
    lower = special.gammaincinv(count, special.ndtr(np.minimum(z, 0.0)))
    quantile = np.where(z < 0, lower, special.gammainccinv(count, special.ndtr(-np.maximum(z, 0.0))))
    log_density = (count - 1) * np.log(quantile) - quantile - special.gammaln(count)
    slope = np.exp(-0.5 * z**2 - 0.5 * np.log(2 * np.pi) - log_density) / (3.0 * np.cbrt(quantile) ** 2)
    rows = np.stack([np.cbrt(quantile), slope / PER_UNIT], axis=-1)
    return np.concatenate([np.zeros_like(rows[:1]), rows])
