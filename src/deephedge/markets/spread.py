"""Laws of a number that is not known: increasing functions of one standard normal."""

from abc import abstractmethod

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.scipy.special import ndtr
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import as_float, concrete, number


def _sorted(values) -> Float[Array, " value"]:
    return jnp.sort(jnp.ravel(as_float(values)))


class AbstractSpread(eqx.Module):
    """The law of one parameter."""

    @abstractmethod
    def __call__(self, normal: Float[Array, ""]) -> Float[Array, ""]:
        """Its value where a standard normal is ``normal``; a larger one never gives a smaller value."""


class Normal(AbstractSpread):
    """``mean`` and ``deviation`` in the parameter's unit; of no use where the parameter has a bound near.

    >>> float(Normal(0.5, 0.25)(jnp.array(2.0)))
    1.0
    """

    mean: Float[Array, ""] = number()
    deviation: Float[Array, ""] = number()

    def __check_init__(self):
        require(concrete(self.mean, np.isfinite), f"mean must be finite, was {self.mean}")
        _check_deviation(self.deviation)

    def __call__(self, normal: Float[Array, ""]) -> Float[Array, ""]:
        return self.mean + self.deviation * normal


class LogNormal(AbstractSpread):
    r"""Positive: :math:`m e^{sZ}` with ``median`` :math:`m` and ``deviation`` :math:`s` of its logarithm.

    >>> round(float(LogNormal(0.2, 0.5)(jnp.array(1.0))), 4)
    0.3297
    """

    median: Float[Array, ""] = number()
    deviation: Float[Array, ""] = number()

    def __check_init__(self):
        require(concrete(self.median, lambda m: m > 0), f"median must be positive, was {self.median}")
        _check_deviation(self.deviation)

    def __call__(self, normal: Float[Array, ""]) -> Float[Array, ""]:
        return self.median * jnp.exp(self.deviation * normal)


class Uniform(AbstractSpread):
    """Anything from ``lower`` to ``upper``, equally likely.

    >>> float(Uniform(1.0, 3.0)(jnp.array(0.0)))
    2.0
    """

    lower: Float[Array, ""] = number()
    upper: Float[Array, ""] = number()

    def __check_init__(self):
        _check_order(self.lower, self.upper)

    def __call__(self, normal: Float[Array, ""]) -> Float[Array, ""]:
        return self.lower + (self.upper - self.lower) * ndtr(normal)


class LogitNormal(AbstractSpread):
    r"""Between two bounds :math:`a, b`, such as a correlation: :math:`a + (b-a)/(1+e^{-(x+sZ)})`.

    ``median`` between ``lower`` and ``upper`` says :math:`x`; ``deviation`` :math:`s` is that of the logit.

    >>> round(float(LogitNormal(-0.7, 0.5, lower=-1.0, upper=1.0)(jnp.array(-2.0))), 4)
    -0.8781
    """

    median: Float[Array, ""] = number()
    deviation: Float[Array, ""] = number()
    lower: Float[Array, ""] = number(default=0.0)
    upper: Float[Array, ""] = number(default=1.0)

    def __check_init__(self):
        _check_order(self.lower, self.upper)
        above = concrete(self.median - self.lower, lambda gap: gap > 0)
        inside = above and concrete(self.upper - self.median, lambda gap: gap > 0)
        require(inside, f"median must lie between {self.lower} and {self.upper}, was {self.median}")
        _check_deviation(self.deviation)

    def __call__(self, normal: Float[Array, ""]) -> Float[Array, ""]:
        centre = jnp.log(self.median - self.lower) - jnp.log(self.upper - self.median)
        return self.lower + (self.upper - self.lower) * jax.nn.sigmoid(centre + self.deviation * normal)


class Empirical(AbstractSpread):
    """One of ``values``, all equally likely: what a history of calibrations, or a bootstrap of them, found.

    >>> [float(Empirical((3, 1, 2))(jnp.array(z))) for z in (-2.0, 0.0, 2.0)]
    [1.0, 2.0, 3.0]
    """

    values: Float[Array, " value"] = eqx.field(converter=_sorted)

    def __check_init__(self):
        require(self.values.size > 0, "values must be one or more, were none")
        require(concrete(self.values, np.isfinite), "values must all be finite")

    def __call__(self, normal: Float[Array, ""]) -> Float[Array, ""]:
        place = jnp.floor(ndtr(normal) * self.values.size).astype(int)
        return self.values[jnp.clip(place, 0, self.values.size - 1)]


def _check_deviation(deviation: Array) -> None:
    require(concrete(deviation, lambda s: np.isfinite(s) & (s >= 0)), f"deviation must be 0 or more, was {deviation}")


def _check_order(lower: Array, upper: Array) -> None:
    ordered = concrete(upper - lower, lambda gap: np.isfinite(gap) & (gap > 0))
    require(ordered, f"lower must be a finite number below upper, were {lower} and {upper}")
