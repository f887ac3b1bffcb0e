"""Two instruments against two sensitivities: an option takes the vega or the gamma, the spot what delta is left."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, ProblemError, require
from deephedge.core.types import concrete, number
from deephedge.policies.base import AbstractPolicy, Observation, read

# A sensitivity of the hedging option below this is none: the option is dead and cannot hedge anything.
_DEAD = 1e-12


class DeltaVega(AbstractPolicy):
    r"""Neutral in delta and vega: :math:`n_2 = u\,\nu/\nu_H` options, :math:`n_1 = u\,\delta - n_2\,\delta_H` spot.

    ``liability`` names the features with delta and vega of what was sold, seen by its holder, ``hedge`` those of the
    second instrument; ``units`` is how many were sold. No more than ``limit`` options are held for each one sold,
    for where the hedging option has no vega left the ratio explodes; the spot then takes the delta that remains.

    Errors: ``ProblemError`` unless there are two instruments, ``MissingFeature`` where a feature is lacking.

    Source: Hull, Options, Futures, and Other Derivatives, chapter on the Greek letters.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"delta": 0.5, "vega": 0.2, "hedge_delta": 0.4, "hedge_vega": 0.1}
    >>> policy = dh.policies.DeltaVega()
    >>> encoded = policy.encode({name: jnp.array(value) for name, value in seen.items()})
    >>> [round(x, 2) for x in policy(encoded, jnp.zeros(2), None)[0].tolist()]
    [-0.3, 2.0]
    """

    liability: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=("delta", "vega"))
    hedge: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=("hedge_delta", "hedge_vega"))
    units: Float[Array, ""] = number(default=1.0)
    limit: Float[Array, ""] = number(default=10.0)

    def __check_init__(self):
        _check(self.liability, self.hedge, self.limit)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> Float[Array, " instrument"]:
        return self.units * _neutral(*read(observation, *self.liability, *self.hedge), self.limit)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return _two(encoded, position), state


class DeltaGamma(AbstractPolicy):
    r"""Neutral in delta and gamma: :math:`n_2 = u\,\Gamma/\Gamma_H` options, :math:`n_1 = u\,\delta - n_2\,\delta_H`.

    As ``DeltaVega``, with gamma in the place of vega.

    Source: Hull, Options, Futures, and Other Derivatives, chapter on the Greek letters.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"delta": 0.5, "gamma": 0.2, "hedge_delta": 0.4, "hedge_gamma": 0.1}
    >>> policy = dh.policies.DeltaGamma()
    >>> encoded = policy.encode({name: jnp.array(value) for name, value in seen.items()})
    >>> [round(x, 2) for x in policy(encoded, jnp.zeros(2), None)[0].tolist()]
    [-0.3, 2.0]
    """

    liability: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=("delta", "gamma"))
    hedge: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=("hedge_delta", "hedge_gamma"))
    units: Float[Array, ""] = number(default=1.0)
    limit: Float[Array, ""] = number(default=10.0)

    def __check_init__(self):
        _check(self.liability, self.hedge, self.limit)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> Float[Array, " instrument"]:
        return self.units * _neutral(*read(observation, *self.liability, *self.hedge), self.limit)

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return _two(encoded, position), state


def _neutral(delta: Array, greek: Array, hedge_delta: Array, hedge_greek: Array, limit: Array) -> Array:
    """(spot, option) for one unit sold."""
    live = jnp.abs(hedge_greek) > _DEAD
    options = jnp.clip(jnp.where(live, greek / jnp.where(live, hedge_greek, 1.0), 0.0), -limit, limit)
    return jnp.stack([delta - options * hedge_delta, options])


def _two(encoded: Array, position: Array) -> Array:
    wanted = "a spot and an option, in this order"
    require(position.size == 2, f"this hedge needs {wanted}; the problem has {position.size} instruments", ProblemError)
    return encoded


def _check(liability: tuple[str, ...], hedge: tuple[str, ...], limit: Array) -> None:
    for role, names in (("liability", liability), ("hedge", hedge)):
        require(len(names) == 2, f"{role} must name two features, delta and one other, was {names}", ConfigError)
    require(concrete(limit, lambda x: x >= 0), f"limit must be options held at most, from 0 up, was {limit}")
