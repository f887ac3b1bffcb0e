"""Squared hedging errors, in cash squared: how far wealth and the price received end from zero. Not cash-invariant."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete, number
from deephedge.objectives.base import AbstractPathwiseObjective, at_best_threshold
from deephedge.objectives.threshold import Weight, average


class QuadraticError(AbstractPathwiseObjective):
    r"""Mean squared hedging error :math:`E[(X+p)^2]`, in cash squared.

    ``price`` :math:`p` is what was received for the liability, in units of the numeraire. Left out, it is fitted: the
    threshold becomes :math:`-E[X]`, the variance-optimal price, and the risk is the variance.
    Source: Schweizer (1995).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> wealth = jnp.array([0.0, -2.0])
    >>> float(dh.objectives.QuadraticError(price=2.0)(wealth)), float(dh.objectives.QuadraticError()(wealth))
    (2.0, 1.0)
    """

    cash_invariant: ClassVar[bool] = False
    monotone: ClassVar[bool] = False
    price: Float[Array, ""] | None = eqx.field(converter=lambda x: None if x is None else as_float(x), default=None)
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        _require_price(self.price)

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        return at_best_threshold(self, wealth, weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return (wealth + (self.threshold if self.price is None else self.price)) ** 2

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "QuadraticError":
        best = -average(wealth, weight) if self.price is None else self.price
        return eqx.tree_at(lambda o: o.threshold, self, best)


class SemiQuadraticError(AbstractPathwiseObjective):
    r"""Mean squared shortfall :math:`E[(X+p)^2 1_{X+p<0}]`, in cash squared: only losses count.

    ``price`` :math:`p` is what was received for the liability, in units of the numeraire; there is no threshold.
    Source: Carbonneau (2021), as the semi-mean-squared-error penalty.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> float(dh.objectives.SemiQuadraticError(price=1.0)(jnp.array([4.0, -3.0])))
    2.0
    """

    cash_invariant: ClassVar[bool] = False
    price: Float[Array, ""] = number(default=0.0)
    threshold: Float[Array, " 0"] = number(default=())

    def __check_init__(self):
        _require_price(self.price)

    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        return average(self.pathwise(wealth), weight)

    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        return jnp.minimum(wealth + self.price, 0.0) ** 2

    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "SemiQuadraticError":
        return self


def _require_price(price: Float[Array, ""] | None) -> None:
    require(price is None or concrete(price, np.isfinite), f"price must be a finite amount of cash, was {price}")
