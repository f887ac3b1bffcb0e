"""The hedges of the book on real chains: what desks do, and a band that learns around the best of them."""

from collections.abc import Iterable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from bench.chain_books import CHOSEN, FEATURES, INDEX
from deephedge import policies as p
from deephedge.policies.base import Scaler
from deephedge.policies.network import Layers

FIRST = 0.02  # width of a band before training, in the units of the scaler
MOST, RIDGE, TINY = 10.0, 1e-6, 1e-9  # of an option for each book; of sensitivities scaled to size 1; none


class GammaBand(p.AbstractPolicy):
    """Whalley and Wilmott's band around delta, of the gamma of the whole book; the option is not used."""

    risk_aversion: Float[Array, ""] = eqx.field(converter=jnp.asarray)

    def init(self) -> None:
        return None

    def encode(self, observation):
        half = jnp.cbrt(1.5 * INDEX * 100.0 * observation["gamma"] ** 2 / self.risk_aversion)
        return observation["delta"] - half, observation["delta"] + half

    def __call__(self, encoded, position, state):
        low, high = encoded
        return jnp.zeros_like(position).at[0].set(jnp.clip(position[0], low, high)), state


class Neutral(p.AbstractPolicy):
    """As many of the listed options as sensitivities, none of which the whole has; the index takes what delta is left.

    A small ridge and at most ``MOST`` of each option: where two are alike, or none has any, the ratio explodes.
    """

    greeks: tuple[str, ...] = eqx.field(static=True)
    options: tuple[str, ...] = eqx.field(static=True)

    def init(self) -> None:
        return None

    def encode(self, observation) -> Float[Array, " instrument"]:
        table = jnp.stack(
            [self._row(observation, [f"{name}_{greek}" for name in self.options]) for greek in self.greeks]
        )
        owed = self._row(observation, self.greeks)
        size = jnp.linalg.norm(table, axis=1) + TINY  # one size for all sensitivities
        buckets = jnp.stack([-owed, *table.T]) / size
        found = jnp.clip(p.BucketHedge(ridge=RIDGE).encode({"buckets": buckets}), -MOST, MOST)
        held = dict(zip(self.options, found, strict=True))
        options = jnp.stack([held.get(name, jnp.zeros(())) for name in CHOSEN])
        return jnp.concatenate([left(observation, options)[None], options])

    @staticmethod
    def _row(observation: dict[str, Array], names: Iterable[str]) -> Float[Array, " option"]:
        return jnp.stack([observation[name] for name in names])

    def __call__(self, encoded, position, state):
        return encoded, state


def left(observation: dict[str, Array], options: Float[Array, " option"]) -> Float[Array, ""]:
    """Delta of the book less that of the options held."""
    return observation["delta"] - sum(n * observation[f"{name}_delta"] for n, name in zip(options, CHOSEN, strict=True))


class Rebalanced(p.AbstractPolicy):
    """How far each option may stand from a hedge before it is traded back to that edge; the index takes what is left.

    Only widths are learnt. With a centre of its own a network holds options for what they earn in the simulated world.
    Inside the bands the index hedges what is really held, not what the centre would.
    """

    layers: Layers
    scaler: Scaler
    centre: Neutral
    features: tuple[str, ...] = eqx.field(static=True, default=FEATURES)

    @classmethod
    def make(cls, centre: Neutral, *, key: PRNGKeyArray) -> "Rebalanced":
        layers = Layers.make((len(FEATURES), 32, 32, len(CHOSEN)), key=key, last=0.1)
        narrow = jnp.full(len(CHOSEN), np.log(np.expm1(FIRST)))
        layers = eqx.tree_at(lambda x: x.biases[-1], layers, narrow)
        return cls(layers, Scaler.identity(len(FEATURES), 1 + len(CHOSEN)), centre)

    def init(self) -> None:
        return None

    def encode(self, observation):
        seen = self.scaler(jnp.stack([observation[name] for name in self.features]))
        half = self.scaler.unit[1:] * jax.nn.softplus(self.layers(seen))
        wanted = self.centre.encode(observation)[1:]
        return wanted - half, wanted + half, observation

    def __call__(self, encoded, position, state):
        low, high, observation = encoded
        options = jnp.clip(position[1:], low, high)
        return jnp.concatenate([left(observation, options)[None], options]), state


BASELINES = {
    "none": lambda: p.NoHedge(2),
    "delta": lambda: p.Delta(),
    "Whalley-Wilmott": lambda: GammaBand(1.0),
    "delta-gamma": lambda: Neutral(("gamma",), ("hedge",)),
    "delta-vega": lambda: Neutral(("vega",), ("hedge",)),
    "delta-vega-vanna": lambda: Neutral(("vega", "vanna"), ("put", "wing")),
}
