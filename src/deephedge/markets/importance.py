"""Any market drawn more often where it matters, with weights that give its own law back."""

import jax.numpy as jnp
import numpy as np
from jax.scipy.special import logsumexp, ndtr
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.tilt import weighted


class ImportanceSampled(AbstractMarket):
    r"""The paths of ``market`` made from shocks of a mixture of normal laws :math:`q=\sum_j p_j N(m_j, s_j^2)`.

    ``shift`` :math:`m_j` (unit, step, factor) and ``scale`` :math:`s_j` (unit, factor) in standard deviations
    of a shock, ``share`` :math:`p_j` sums to 1. The weight of a path is :math:`\varphi(z)/q(z)`, so that every
    expectation is that under ``market``; a component with shift 0 and scale 1 bounds it by one over its share (a
    defensive mixture). One more normal a path picks the component. ``evaluation.tail_sampling`` finds a good mixture.

    Source: Hesterberg (1995) for defensive mixtures; Glasserman, Heidelberger, Shahabuddin (1999).

    Raises ``ParameterError`` for shares that do not sum to 1, scales of 0, or shapes that do not fit.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2)
    >>> shift = jnp.zeros((2, 4, 1)).at[0].set(-1.0)  # half of the paths fall: two deviations at the end
    >>> falling = dh.markets.ImportanceSampled(market, shift, jnp.ones((2, 1)), (0.5, 0.5))
    >>> path = dh.sample(falling, dh.TimeGrid.uniform(maturity=1.0, steps=4), 4096, key=jax.random.key(0))
    >>> bool(abs(path.weight.mean() - 1) < 0.05), bool(path.weight.max() <= 2.0)
    (True, True)
    """

    market: AbstractMarket
    shift: Float[Array, "unit step factor"] = number()
    scale: Float[Array, "unit factor"] = number()
    share: Float[Array, " unit"] = number()

    def __check_init__(self):
        count, _, factors = self.shift.shape
        fits = self.scale.shape == (count, factors) and self.share.shape == (count,)
        require(
            fits,
            f"scale needs shape {(count, factors)} and share {(count,)}, got {self.scale.shape} and {self.share.shape}",
        )
        require(concrete(self.scale, lambda s: s > 0), f"scale must be positive, was {self.scale}")
        whole = concrete(self.share, lambda p: np.all(p > 0) and abs(p.sum(dtype=float) - 1.0) < 1e-5)
        require(whole, f"share must be positive and sum to 1, was {self.share}; divide it by its sum")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        step, factor = self.market.shocks(grid)
        require(
            self.shift.shape[1:] == (step, factor),
            f"shift was made for {self.shift.shape[1:]} shocks a path, this grid needs {(step, factor)}; fit it again",
        )
        return step, factor + 1

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        edges = jnp.cumsum(self.share)[:-1]
        pick = jnp.searchsorted(edges, ndtr(shocks[0, -1]), side="right")
        z = self.shift[pick] + self.scale[pick] * shocks[:, :-1]
        away = (z - self.shift) / self.scale[:, None, :]
        log = 0.5 * jnp.sum(z**2 - away**2, axis=(1, 2)) - z.shape[0] * jnp.sum(jnp.log(self.scale), axis=1)
        weight = jnp.exp(-logsumexp(log + jnp.log(self.share)))
        return weighted(self.market.path(grid, z), weight)
