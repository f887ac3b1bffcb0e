r"""Specimen of the objectives: optimised certainty equivalents.

:math:`\rho(X)=\inf_w\{w+E[\ell(-X-w)]\}` for a convex :math:`\ell` with :math:`\ell(0)=0` and :math:`\ell'(0)=1`.
The best threshold solves :math:`E[\ell'(-X-w)]=1`.
Source: Ben-Tal and Teboulle (2007); Buehler, Gonon, Teichmann, Wood (2019), section 3.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import concrete, number
from deephedge.objectives.base import AbstractPathwiseObjective, at_best_threshold
from deephedge.objectives.threshold import Weight, average, decreasing_root, tail_weights, value_at_risk

# Slopes of exponential and power losses grow up to e^30 and are held from there on, so that float32 never overflows.
# At the best threshold their mean is 1, so none of fewer than e^30 paths is steeper, and the least value is unchanged.
STEEPEST = 30.0
HIGHEST = 85.0  # exponents that float32 holds; only paths that count for next to nothing reach it


class Expectation(AbstractPathwiseObjective):
    r"""Risk-neutral: :math:`-E[X]`, the mean loss in cash; there is no threshold to fit.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> float(dh.objectives.Expectation()(jnp.array([1.0, -3.0])))
    1.0
    """

    threshold: Float[Array, " 0"] = number(default=())

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        return -average(wealth, weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return -wealth

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "Expectation":
        return self


class Entropic(AbstractPathwiseObjective):
    r"""Entropic risk :math:`\lambda^{-1}\log E[e^{-\lambda X}]`; ``risk_aversion`` :math:`\lambda` per unit of cash.

    The indifference price of exponential utility; :math:`\ell(x)=(e^{\lambda x}-1)/\lambda`.
    Source: Foellmer and Schied (2002).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.Entropic(risk_aversion=1.0)(jnp.array([-1.0, -1.0]))), 6)
    1.0
    """

    risk_aversion: Float[Array, ""] = number(default=1.0)
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        _require_aversion(self.risk_aversion)

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        # The base changes nothing but rounding: near the mean a small risk aversion loses no digits to log(paths), and
        # close enough to the worst path a large one does not overflow.
        share = 0.0 if weight is None else jnp.log(weight / jnp.mean(weight))
        highest = jnp.max(share - self.risk_aversion * wealth)
        base = jnp.maximum(average(-wealth, weight), (highest - STEEPEST) / self.risk_aversion)
        base = lax.stop_gradient(base)
        exponent = jnp.minimum(-self.risk_aversion * (wealth + base), HIGHEST)
        growth = average(jnp.expm1(exponent), weight)
        return base + jnp.log1p(growth) / self.risk_aversion

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        exponent = -self.risk_aversion * (wealth + self.threshold)
        bent = jnp.minimum(exponent, STEEPEST)
        return self.threshold + (jnp.expm1(bent) + jnp.exp(bent) * (exponent - bent)) / self.risk_aversion

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "Entropic":
        return eqx.tree_at(lambda o: o.threshold, self, self(wealth, weight))


class MeanVariance(AbstractPathwiseObjective):
    r"""Mean and variance, :math:`-E[X]+\tfrac\lambda2\mathrm{Var}[X]`; ``risk_aversion`` :math:`\lambda` per cash.

    The quadratic loss :math:`\ell(x)=x+\lambda x^2/2`, with the mean as threshold. Not monotone: it can prefer less
    wealth on a path that does better than the mean by over :math:`1/\lambda`; ``Power(power=2)`` mends that.
    Source: Markowitz (1952).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.MeanVariance(risk_aversion=2.0)(jnp.array([1.0, -1.0]))), 6)
    1.0
    """

    monotone: ClassVar[bool] = False
    risk_aversion: Float[Array, ""] = number(default=1.0)
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        _require_aversion(self.risk_aversion)

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        return at_best_threshold(self, wealth, weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return -wealth + 0.5 * self.risk_aversion * (wealth + self.threshold) ** 2

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "MeanVariance":
        return eqx.tree_at(lambda o: o.threshold, self, -average(wealth, weight))


class Power(AbstractPathwiseObjective):
    r"""Power risk: the OCE of :math:`\ell(x)=\frac{p-1}{p\lambda}[(1+\frac{\lambda x}{p-1})_+^p-1]`.

    ``risk_aversion`` :math:`\lambda=\ell''(0)` per unit of cash, ``power`` :math:`p>1`. With :math:`p=2` this is the
    monotone mean-variance risk, equal to ``MeanVariance`` where no wealth exceeds the mean by :math:`1/\lambda`; as
    :math:`p\to\infty` it becomes ``Entropic``.
    Source: Maccheroni, Marinacci, Rustichini, Taboga (2009) for p = 2; Ben-Tal and Teboulle (2007).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.Power(risk_aversion=0.5, power=2.0)(jnp.array([1.0, -1.0]))), 6)
    0.25
    """

    risk_aversion: Float[Array, ""] = number(default=1.0)
    power: Float[Array, ""] = number(default=2.0)
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        _require_aversion(self.risk_aversion)
        require(concrete(self.power, lambda p: p > 1), f"power must be above 1, such as 2, was {self.power}")

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        return at_best_threshold(self, wealth, weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        alive, growth, beyond = self._growth(wealth, self.threshold)
        curve = jnp.where(alive, jnp.expm1(self.power * growth), -1.0) / self.power
        line = jnp.exp((self.power - 1.0) * growth) * beyond
        return self.threshold + (curve + line) * (self.power - 1.0) / self.risk_aversion

    @eqx.filter_jit
    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "Power":
        fixed, wealth = lax.stop_gradient((self, wealth))

        def log_mean_slope(w: Float[Array, ""]) -> Float[Array, ""]:
            alive, growth, _ = fixed._growth(wealth, w)
            return jnp.log1p(average(jnp.where(alive, jnp.expm1((fixed.power - 1.0) * growth), -1.0), weight))

        best = decreasing_root(log_mean_slope, -jnp.max(wealth), -jnp.min(wealth))
        return eqx.tree_at(lambda o: o.threshold, self, best)

    def _growth(self, wealth: Array, threshold: Array) -> tuple[Array, Array, Array]:
        """(is the loss above its floor, log of 1 + lambda x / (p - 1), how far that lies beyond the steepest slope)."""
        inner = -self.risk_aversion * (wealth + threshold) / (self.power - 1.0)
        bent = jnp.minimum(inner, jnp.expm1(jnp.minimum(STEEPEST / (self.power - 1.0), 80.0)))
        alive = inner > -1.0
        return alive, jnp.log1p(jnp.where(alive, bent, 0.0)), inner - bent


class CVaR(AbstractPathwiseObjective):
    r"""Conditional value at risk (expected shortfall) of the loss: the mean of the worst :math:`1-\alpha` share.

    ``level`` is :math:`\alpha` in [0, 1). The empirical value is exact, atoms included:
    :math:`\inf_w\{w+E(-X-w)^+/(1-\alpha)\}`, attained at the value at risk. Its derivative in each wealth is minus
    the weight of that path in the tail.
    Source: Rockafellar and Uryasev (2000).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.CVaR(level=0.5)(jnp.array([0.0, -1.0, -2.0, 3.0]))), 6)
    1.5
    """

    level: Float[Array, ""] = number(default=0.95)
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        inside = concrete(self.level, lambda a: (a >= 0) & (a < 1))
        require(inside, f"level must be from 0 to below 1, such as 0.95, was {self.level}")

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        weights = tail_weights(-wealth, self.level, value_at_risk(-wealth, self.level, weight), weight)
        return -jnp.sum(weights * wealth)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return self.threshold + jnp.maximum(-wealth - self.threshold, 0.0) / (1.0 - self.level)

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "CVaR":
        return eqx.tree_at(lambda o: o.threshold, self, value_at_risk(-wealth, self.level, weight))


def _require_aversion(risk_aversion: Float[Array, ""]) -> None:
    positive = concrete(risk_aversion, lambda a: (a > 0) & np.isfinite(a))
    require(positive, f"risk_aversion must be above 0 per unit of cash, was {risk_aversion}")
