"""Two instruments against two sensitivities: an option takes the vega or the gamma, the spot what delta is left."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, ProblemError, require
from deephedge.core.types import concrete, number
from deephedge.policies.base import AbstractPolicy, Observation, read

# A sensitivity of the hedging option below this is none: the option is dead and cannot hedge anything.
_DEAD = 1e-12


class AbstractNeutral(AbstractPolicy):
    """Options against the second sensitivity of ``liability`` and ``hedge``, the spot against what delta is left."""

    liability: eqx.AbstractVar[tuple[str, ...]]
    hedge: eqx.AbstractVar[tuple[str, ...]]
    units: eqx.AbstractVar[Float[Array, ""]]
    limit: eqx.AbstractVar[Float[Array, ""]]

    def __check_init__(self):
        for role, names in (("liability", self.liability), ("hedge", self.hedge)):
            require(len(names) == 2, f"{role} must name two features, delta and one other, was {names}", ConfigError)
        held = concrete(self.limit, lambda x: x >= 0)
        require(held, f"limit must be options held at most, from 0 up, was {self.limit}")

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> Float[Array, " instrument"]:
        delta, greek, hedge_delta, hedge_greek = read(observation, *self.liability, *self.hedge)
        live = jnp.abs(hedge_greek) > _DEAD
        options = jnp.where(live, greek / jnp.where(live, hedge_greek, 1.0), 0.0)
        options = jnp.clip(options, -self.limit, self.limit)
        return self.units * jnp.stack([delta - options * hedge_delta, options])

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        wanted = f"a spot and an option, in this order; the problem has {position.size} instruments"
        require(position.size == 2, f"this hedge needs {wanted}", ProblemError)
        return encoded, state


class DeltaVega(AbstractNeutral):
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


class DeltaGamma(AbstractNeutral):
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
