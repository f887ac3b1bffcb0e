r"""Risks with a root of a second moment in them, made means over paths by :math:`\sqrt m=\inf_s\{s/2+m/(2s)\}`."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import concrete, number
from deephedge.objectives.base import AbstractPathwiseObjective
from deephedge.objectives.threshold import Weight, average, decreasing_root


class MeanStd(AbstractPathwiseObjective):
    r"""Mean and standard deviation: :math:`-E[X]+c\,\sigma[X]`; ``multiple`` :math:`c` has no unit.

    The threshold is the pair (mean, deviation). Not monotone, but cash-invariant and convex.
    Source: Cao, Chen, Hull, Poulos (2021), with c = 1.5.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.MeanStd(multiple=1.5)(jnp.array([1.0, -1.0]))), 6)
    1.5
    """

    monotone: ClassVar[bool] = False
    multiple: Float[Array, ""] = number(default=1.5)
    threshold: Float[Array, " 2"] = number(default=(0.0, 1.0))

    def __check_init__(self):
        require(concrete(self.multiple, lambda c: c >= 0), f"multiple must be 0 or more, was {self.multiple}")

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        mean, scale = lax.stop_gradient(self.fitted(wealth, weight).threshold)
        slope = (wealth - mean) / scale
        # Slopes have mean 0; where wealth hardly varies the rounding of its mean would give them another.
        slope = lax.stop_gradient(slope - average(slope, weight))
        return -average(wealth, weight) + self.multiple * average(slope * (wealth - mean), weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        mean, scale = self.threshold
        return -wealth + self.multiple * _root_terms(wealth - mean, scale)

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "MeanStd":
        mean = average(wealth, weight)
        return eqx.tree_at(
            lambda o: o.threshold, self, jnp.stack([mean, _root_mean_square(wealth - mean, wealth, weight)])
        )


class QuadraticCVaR(AbstractPathwiseObjective):
    r"""The second-moment coherent risk measure :math:`\inf_w\{w+\lVert(-X-w)^+\rVert_2/(1-\alpha)\}`.

    ``level`` is :math:`\alpha` in (0, 1). Heavier on the far tail than ``CVaR`` of the same level, which it is never
    below. The threshold is the pair :math:`(w,\lVert(-X-w)^+\rVert_2)`. A sample of no more than
    :math:`(1-\alpha)^{-2}` paths is too short for its level: the risk is then the worst loss.
    Source: Krokhmal (2007), with p = 2.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.QuadraticCVaR(level=0.5)(jnp.array([0.0, -1.0]))), 5)
    1.0
    """

    level: Float[Array, ""] = number(default=0.95)
    threshold: Float[Array, " 2"] = number(default=(0.0, 1.0))

    def __check_init__(self):
        inside = concrete(self.level, lambda a: (a > 0) & (a < 1))
        require(inside, f"level must be between 0 and 1, such as 0.95, was {self.level}; at 0 use Expectation")

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        w, scale = lax.stop_gradient(self.fitted(wealth, weight).threshold)
        slope = jnp.maximum(-wealth - w, 0.0) / (scale * (1.0 - self.level))
        # The slopes have mean 1, unless the worst loss is the best threshold: then its paths take what is missing.
        counted = wealth if weight is None else jnp.where(weight > 0, wealth, jnp.inf)
        worst = (counted == jnp.min(counted)).astype(wealth.dtype)
        slope = slope + worst * (1.0 - average(slope, weight)) / average(worst, weight)
        return -average(lax.stop_gradient(slope) * wealth, weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        w, scale = self.threshold
        return w + _root_terms(jnp.maximum(-wealth - w, 0.0), scale) / (1.0 - self.level)

    @eqx.filter_jit
    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "QuadraticCVaR":
        share, losses = lax.stop_gradient((1.0 - self.level, -wealth))

        def spare(w: Float[Array, ""]) -> Float[Array, ""]:
            excess = jnp.maximum(losses - w, 0.0)
            return average(excess, weight) / _root_mean_square(excess, losses, weight) - share

        lower = average(losses, weight) - share / jnp.sqrt(1.0 - share**2) * jnp.sqrt(
            average((losses - average(losses, weight)) ** 2, weight)
        )
        w = decreasing_root(spare, jnp.minimum(lower, jnp.min(losses)), jnp.max(losses))
        scale = _root_mean_square(jnp.maximum(losses - w, 0.0), losses, weight)
        return eqx.tree_at(lambda o: o.threshold, self, jnp.stack([w, scale]))


def _root_terms(deviation: Array, scale: Array) -> Array:
    return 0.5 * scale + 0.5 * deviation * (deviation / scale)


def _root_mean_square(deviation: Array, sample: Array, weight: Weight) -> Array:
    """Never 0: no less than the rounding of the sample, so that one can divide by it."""
    rounding = jnp.finfo(sample.dtype).eps * jnp.max(jnp.abs(sample))
    return jnp.maximum(jnp.sqrt(average(deviation**2, weight)), jnp.maximum(rounding, 1e-12))
