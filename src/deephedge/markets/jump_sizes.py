"""Sizes of jumps of a logarithm: drawn from one normal, and their exponential moments, which futures need."""

from typing import Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jax.scipy.special import log_ndtr, ndtr
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.types import concrete, number
from deephedge.pricing.schwartz import mean_decay


@runtime_checkable
class JumpSizes(Protocol):
    """A law of jump sizes."""

    @property
    def mean(self) -> Array:
        """The mean size, in logs."""
        ...

    @property
    def second(self) -> Array:
        """The mean square, in squared logs."""
        ...

    def draw(self, shock: Array) -> Array:
        """The size at the same quantile as the normal ``shock``."""
        ...

    def excess(self, y: Array) -> Array:
        """(E exp(y J) - 1) / y for y from 0 to 1, the mean at 0."""
        ...


class NormalJumps(eqx.Module):
    r"""Normal jumps of the logarithm, :math:`J\sim N(m,\delta^2)`: ``centre`` :math:`m` and ``vol`` :math:`\delta`.

    >>> round(float(NormalJumps(0.3, 0.2).excess(jnp.array(1.0))), 4)
    0.3771
    """

    centre: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()

    def __check_init__(self):
        require(concrete(self.vol, lambda x: x >= 0), f"vol must be 0 or more (of one log jump), was {self.vol}")

    @property
    def mean(self) -> Array:
        return self.centre

    @property
    def second(self) -> Array:
        return self.centre**2 + self.vol**2

    def draw(self, shock: Float[Array, "..."]) -> Float[Array, "..."]:
        return self.centre + self.vol * shock

    def excess(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        slope = self.centre + 0.5 * self.vol**2 * y
        return slope * mean_decay(-slope * y)


class DoubleExponentialJumps(eqx.Module):
    r"""Exponential jumps of the logarithm (Kou 2002): upwards with mean :math:`a`, or downwards with mean :math:`b`.

    ``probability_up`` :math:`p`, ``up_mean`` :math:`a<1` and ``down_mean`` :math:`b`, both positive, in logs.

    >>> round(float(DoubleExponentialJumps(0.5, 0.5, 0.2).excess(jnp.array(1.0))), 4)
    0.4167
    """

    probability_up: Float[Array, ""] = number()
    up_mean: Float[Array, ""] = number()
    down_mean: Float[Array, ""] = number()

    def __check_init__(self):
        p, up, down = self.probability_up, self.up_mean, self.down_mean
        require(concrete(p, lambda x: (x >= 0) & (x <= 1)), f"probability_up must lie between 0 and 1, was {p}")
        require(concrete(up, lambda x: (x > 0) & (x < 1)), f"up_mean must lie between 0 and 1 (a log jump; from 1 on "
                f"the spot has no mean), was {up}")  # fmt: skip
        require(concrete(down, lambda x: x > 0), f"down_mean must be a positive log jump, was {down}")

    @property
    def mean(self) -> Array:
        return self.probability_up * self.up_mean - (1.0 - self.probability_up) * self.down_mean

    @property
    def second(self) -> Array:
        return 2.0 * (self.probability_up * self.up_mean**2 + (1.0 - self.probability_up) * self.down_mean**2)

    def draw(self, shock: Float[Array, "..."]) -> Float[Array, "..."]:
        # Each side from its own tail, which float32 knows to its last digit.
        down = self.down_mean * (log_ndtr(shock) - jnp.log(jnp.maximum(1.0 - self.probability_up, 1e-30)))
        up = self.up_mean * (jnp.log(jnp.maximum(self.probability_up, 1e-30)) - log_ndtr(-shock))
        return jnp.where(ndtr(-shock) > self.probability_up, jnp.minimum(down, 0.0), jnp.maximum(up, 0.0))

    def excess(self, y: Float[Array, "..."]) -> Float[Array, "..."]:
        up, down, p = self.up_mean, self.down_mean, self.probability_up
        return p * up / (1.0 - up * y) - (1.0 - p) * down / (1.0 + down * y)
