r"""Specimen of the objectives: optimised certainty equivalents.

:math:`\rho(X)=\inf_w\{w+E[\ell(-X-w)]\}` for a convex increasing :math:`\ell`.
Source: Ben-Tal and Teboulle (2007); Buehler, Gonon, Teichmann, Wood (2019), section 3.
"""

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import logsumexp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import concrete, number
from deephedge.objectives.base import AbstractPathwiseObjective


class Entropic(AbstractPathwiseObjective):
    r"""Entropic risk :math:`\lambda^{-1}\log E[e^{-\lambda X}]`; ``risk_aversion`` :math:`\lambda` per unit of cash.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.Entropic(risk_aversion=1.0)(jnp.array([-1.0, -1.0]))), 6)
    1.0
    """

    risk_aversion: Float[Array, ""] = number(default=1.0)
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        positive = concrete(self.risk_aversion, lambda a: a > 0)
        require(positive, f"risk_aversion must be above 0 per unit of cash, was {self.risk_aversion}")

    def __call__(self, wealth: Float[Array, " path"]) -> Float[Array, ""]:
        return (logsumexp(-self.risk_aversion * wealth) - jnp.log(wealth.shape[0])) / self.risk_aversion

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return self.threshold + jnp.expm1(-self.risk_aversion * (wealth + self.threshold)) / self.risk_aversion

    def fitted(self, wealth: Float[Array, " path"]) -> "Entropic":
        return eqx.tree_at(lambda o: o.threshold, self, self(wealth))


class CVaR(AbstractPathwiseObjective):
    r"""Conditional value at risk (expected shortfall) of the loss: the mean of the worst :math:`1-\alpha` share.

    ``level`` is :math:`\alpha` in [0, 1). The empirical value is exact, atoms included:
    :math:`\inf_w\{w+E(-X-w)^+/(1-\alpha)\}`, attained at the value at risk.
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

    def __call__(self, wealth: Float[Array, " path"]) -> Float[Array, ""]:
        return jnp.mean(self.fitted(wealth).pathwise(wealth))

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return self.threshold + jnp.maximum(-wealth - self.threshold, 0.0) / (1.0 - self.level)

    def fitted(self, wealth: Float[Array, " path"]) -> "CVaR":
        losses = jnp.sort(-wealth)
        rank = jnp.ceil(self.level * wealth.shape[0] - 1e-3).astype(int) - 1
        return eqx.tree_at(lambda o: o.threshold, self, losses[jnp.clip(rank, 0, wealth.shape[0] - 1)])
