"""Specimen of the baselines: policies that are not learnt and stand in the same comparison."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ConfigError, ProblemError, require
from deephedge.core.types import as_float, number
from deephedge.policies.base import AbstractPolicy, Observation, gather, read
from deephedge.pricing import black

OPTION_FEATURES = ("log_moneyness", "time_left", "vol")


class NoHedge(AbstractPolicy):
    """Hold nothing, ever.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> dh.policies.NoHedge()(None, jnp.array([0.3]), None)[0].tolist()
    [0.0]
    """

    instruments: int = eqx.field(static=True, default=1)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> None:
        return None

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return jnp.zeros_like(position), state


class Static(AbstractPolicy):
    """Buy ``positions`` (units of each instrument) at the first decision and hold them.

    They are ordinary numbers of the policy, so training it finds the best static hedge.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> dh.policies.Static((0.5, -1.0))(None, jnp.zeros(2), None)[0].tolist()
    [0.5, -1.0]
    """

    positions: Float[Array, " instrument"] = eqx.field(converter=as_float)

    def __check_init__(self):
        require(self.positions.ndim == 1, f"positions must be one number an instrument, was {self.positions}")

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> None:
        return None

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        require(
            self.positions.shape == position.shape,
            f"{self.positions.size} static positions were given for {position.size} instruments",
            ProblemError,
        )
        return self.positions, state


class Delta(AbstractPolicy):
    r"""``units`` times a delta that the problem offers as a feature, in the first instrument: a hedge of what was sold.

    :math:`\delta_k = u\,\Delta_k`. The feature may be the delta of one option or of a book, seen by its holder; where
    it is the delta of the liability as it stands (signed to us), use ``units=-1``. A feature with one number an
    instrument gives the position in each.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> delta = dh.policies.Delta(units=2.0)
    >>> delta(delta.encode({"delta": jnp.array(0.25)}), jnp.zeros(2), None)[0].tolist()
    [0.5, 0.0]
    """

    feature: str = eqx.field(static=True, default="delta")
    units: Float[Array, ""] = number(default=1.0)

    def init(self) -> None:
        return None

    def encode(self, observation: Observation) -> Float[Array, " column"]:
        return self.units * gather(observation, (self.feature,))

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        require(
            encoded.size in (1, position.size),
            f"the feature {self.feature!r} holds {encoded.size} deltas for {position.size} instruments",
            ProblemError,
        )
        return (encoded if encoded.size > 1 else in_first(encoded[0], position)), state


class AbstractOptionHedge(AbstractPolicy):
    """A hedge of one kind of option in the first instrument, from its log-moneyness, years left and volatility."""

    features: eqx.AbstractVar[tuple[str, ...]]
    kind: eqx.AbstractVar[str]
    units: eqx.AbstractVar[Float[Array, ""]]
    carry: eqx.AbstractVar[Float[Array, ""]]
    dividend: eqx.AbstractVar[Float[Array, ""]]

    def __check_init__(self):
        require(self.kind in ("call", "put"), f"kind must be 'call' or 'put', was {self.kind!r}", ConfigError)
        require(len(self.features) == 3, "features must name log-moneyness, time left and volatility", ConfigError)

    def init(self) -> None:
        return None

    def seen(self, observation: Observation) -> tuple[Array, Array, Array]:
        """(forward over strike, volatility, years left)."""
        moneyness, left, vol = read(observation, *self.features)
        return jnp.exp(moneyness + self.carry * left), vol, left

    def delta(self, forward: Array, vol: Array, left: Array) -> Array:
        """The sensitivity of one option to the spot."""
        return jnp.exp(-self.dividend * left) * black.delta(forward, 1.0, vol, left, call=self.kind == "call")


class BlackScholesDelta(AbstractOptionHedge):
    r"""The Black-Scholes delta of an option sold, in the first instrument: :math:`e^{-q\tau}N(d_1)` units for a call.

    Reads log-moneyness, years left and volatility from the named ``features``. ``kind`` is ``"call"`` or ``"put"``;
    ``units`` is how many options were sold (negative: bought). ``carry`` is the yearly rate minus dividend yield,
    ``dividend`` the yield :math:`q` itself.

    Errors: ``ConfigError`` for another kind; ``MissingFeature`` where the problem lacks a named feature.

    Source: Black and Scholes (1973).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> seen = {"log_moneyness": jnp.array(0.0), "time_left": jnp.array(1.0), "vol": jnp.array(0.2)}
    >>> delta = dh.policies.BlackScholesDelta()
    >>> round(float(delta(delta.encode(seen), jnp.zeros(1), None)[0][0]), 4)
    0.5398
    """

    features: tuple[str, ...] = eqx.field(static=True, converter=tuple, default=OPTION_FEATURES)
    kind: str = eqx.field(static=True, default="call")
    units: Float[Array, ""] = number(default=1.0)
    carry: Float[Array, ""] = number(default=0.0)
    dividend: Float[Array, ""] = number(default=0.0)

    def encode(self, observation: Observation) -> Float[Array, ""]:
        return self.units * self.delta(*self.seen(observation))

    def __call__(
        self, encoded: PyTree, position: Float[Array, " instrument"], state: PyTree
    ) -> tuple[Float[Array, " instrument"], PyTree]:
        return in_first(encoded, position), state


def in_first(amount: Float[Array, ""], position: Float[Array, " instrument"]) -> Float[Array, " instrument"]:
    """``amount`` of the first instrument and nothing of the others."""
    return jnp.where(jnp.arange(position.size) == 0, amount, jnp.zeros_like(position))
