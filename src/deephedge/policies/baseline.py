"""Specimen of the baselines: policies that are not learnt and stand in the same comparison."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.core.types import as_float, number
from deephedge.policies.base import AbstractPolicy, Observation, gather
from deephedge.pricing import black


class NoHedge(AbstractPolicy):
    """Hold nothing, ever."""

    instruments: int = eqx.field(static=True, default=1)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> None:
        return None

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return jnp.zeros_like(position), state


class BlackScholesDelta(AbstractPolicy):
    r"""The Black-Scholes delta of an option sold: :math:`N(d_1)` units of the first instrument, nothing of the others.

    Reads log-moneyness, years left and volatility from the named features. ``kind`` is ``"call"`` or ``"put"``;
    ``units`` is how many options were sold (negative: bought). ``carry`` is the yearly rate minus dividend yield.

    Source: Black and Scholes (1973).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"log_moneyness": jnp.array(0.0), "time_left": jnp.array(1.0), "vol": jnp.array(0.2)}
    >>> delta = dh.policies.BlackScholesDelta()
    >>> round(float(delta(delta.encode(seen), jnp.zeros(1), None)[0][0]), 4)
    0.5398
    """

    features: tuple[str, str, str] = eqx.field(static=True, converter=tuple, default=("log_moneyness", "time_left", "vol"))
    kind: str = eqx.field(static=True, default="call")
    units: Float[Array, ""] = number(default=1.0)
    carry: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        require(self.kind in ("call", "put"), f"kind must be 'call' or 'put', was {self.kind!r}", ConfigError)
        require(len(self.features) == 3, "features must name log-moneyness, time left and volatility", ConfigError)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> Float[Array, ""]:
        moneyness, left, vol = gather(observation, self.features)
        delta = black.delta(jnp.exp(moneyness + self.carry * left), as_float(1.0), vol, left, call=self.kind == "call")
        return self.units * delta

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return jnp.zeros_like(position).at[0].set(encoded), state
