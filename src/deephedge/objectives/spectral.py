r"""Spectral risk: mixtures of CVaR, and through them every spectrum of risk aversion over quantiles."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete
from deephedge.objectives.base import AbstractPathwiseObjective
from deephedge.objectives.threshold import Weight, tail_weights, value_at_risk


class Spectral(AbstractPathwiseObjective):
    r"""A finite mixture :math:`\sum_i m_i\,\mathrm{CVaR}_{\alpha_i}(X)` with one threshold for each level.

    ``levels`` :math:`\alpha_i` in [0, 1), ``weights`` :math:`m_i\ge0` that sum to 1. A level of 0 is the mean.
    Source: Acerbi (2002); Kusuoka (2001).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> risk = dh.objectives.Spectral(levels=(0.0, 0.5), weights=(0.5, 0.5))
    >>> round(float(risk(jnp.array([0.0, -1.0, -2.0, 3.0]))), 6)
    0.75
    """

    levels: Float[Array, " unit"]
    weights: Float[Array, " unit"]
    threshold: Float[Array, " unit"]

    def __init__(
        self,
        levels: ArrayLike | Sequence[float],
        weights: ArrayLike | Sequence[float],
        threshold: ArrayLike | Sequence[float] = 0.0,
    ):
        self.levels, self.weights = as_float(levels), as_float(weights)
        self.threshold = jnp.broadcast_to(as_float(threshold), self.levels.shape)

    def __check_init__(self):
        fits = self.levels.ndim == 1 and self.levels.size > 0 and self.levels.shape == self.weights.shape
        require(fits, f"levels and weights must be rows as long as each other, were {self.levels} and {self.weights}")
        inside = concrete(self.levels, lambda a: (a >= 0) & (a < 1))
        require(inside, f"levels must be from 0 to below 1, were {self.levels}")
        whole = concrete(self.weights, lambda m: np.all(m >= 0) and abs(m.sum(dtype=float) - 1.0) < 1e-5)
        require(whole, f"weights must be 0 or more and sum to 1, were {self.weights}; divide them by their sum")

    @classmethod
    def exponential(cls, steepness: float, count: int = 50) -> "Spectral":
        r"""The spectrum :math:`\phi(u)=k e^{-k(1-u)}/(1-e^{-k})` over the loss quantile, on ``count`` equal steps.

        ``steepness`` :math:`k>0` has no unit: the worst quantile weighs :math:`e^k` times the best.
        Each step carries the mean of the spectrum over it, so the weights sum to 1 exactly.
        Source: Cotter and Dowd (2006).

        >>> Spectral.exponential(steepness=10.0, count=4).levels.tolist()
        [0.0, 0.25, 0.5, 0.75]
        """
        require(0 < steepness < np.inf, f"steepness must be above 0, such as 10, was {steepness}")
        require(int(count) == count and count >= 1, f"count must be a whole number from 1, was {count}")
        edges = np.arange(count + 1) / count
        spectrum = count * np.diff(np.exp(-steepness * (1 - edges))) / -np.expm1(-steepness)
        return cls(edges[:-1], (1 - edges[:-1]) * np.diff(spectrum, prepend=0.0))

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        return -jnp.sum(self._density(-wealth, weight) * wealth)

    @eqx.filter_jit
    def _density(self, losses: Float[Array, " path"], weight: Weight) -> Float[Array, " path"]:
        """What each path weighs in the mixture; one level after the other, so that memory does not grow with them."""

        def add(total: Array, part: tuple[Array, Array, Array]) -> tuple[Array, None]:
            share, level, edge = part
            return total + share * tail_weights(losses, level, edge, weight), None

        parts = (self.weights, self.levels, value_at_risk(losses, self.levels, weight))
        return lax.scan(add, jnp.zeros_like(losses), parts)[0]

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        excess = jnp.maximum(-wealth[..., None] - self.threshold, 0.0)
        return jnp.sum(self.weights * (self.threshold + excess / (1.0 - self.levels)), axis=-1)

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "Spectral":
        return eqx.tree_at(lambda o: o.threshold, self, value_at_risk(-wealth, self.levels, weight))
