"""A small BERT encoder, forward only: token numbers in, one unit vector out."""

import json
from pathlib import Path

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float, Int

from deephedge.core.errors import DataError, require

PARTS = {
    "query": "attention.self.query",
    "key": "attention.self.key",
    "value": "attention.self.value",
    "mix": "attention.output.dense",
    "mixed": "attention.output.LayerNorm",
    "up": "intermediate.dense",
    "down": "output.dense",
    "out": "output.LayerNorm",
}
Linear = tuple[Float[Array, "..."], Float[Array, "..."]]  # weight, bias; of a norm: scale, shift


class SentenceEncoder(eqx.Module):
    """BERT (Devlin et al., 2019) with mean pooling and a unit norm (Reimers and Gurevych, 2019), for one sentence.

    ``words``, ``places``: embeddings of tokens (that of the first segment is added in) and of positions. ``layers``: of
    each part of a layer its weight and bias, stacked over the layers, which one scan runs through.
    """

    words: Float[Array, "vocabulary width"]
    places: Float[Array, "longest width"]
    norm: Linear
    layers: dict[str, Linear]
    heads: int = eqx.field(static=True)
    epsilon: float = eqx.field(static=True)

    def __call__(self, tokens: Int[Array, " token"], real: Bool[Array, " token"]) -> Float[Array, " width"]:
        """The vector of one sentence; ``real`` is false where it is padded."""
        states = _normed(self.words[tokens] + self.places[: tokens.shape[0]], self.norm, self.epsilon)
        states, _ = jax.lax.scan(lambda held, layer: (self._layer(held, layer, real), None), states, self.layers)
        mean = jnp.sum(jnp.where(real[:, None], states, 0.0), axis=0)
        return mean / jnp.linalg.norm(mean)

    def _layer(self, states, layer, real):
        query, key, value = (self._split(_linear(states, layer[part])) for part in ("query", "key", "value"))
        scores = jnp.einsum("qhd,khd->hqk", query, key, precision="highest") / query.shape[-1] ** 0.5
        weights = jax.nn.softmax(jnp.where(real, scores, -jnp.inf), axis=-1)
        seen = jnp.einsum("hqk,khd->qhd", weights, value, precision="highest").reshape(states.shape)
        states = _normed(states + _linear(seen, layer["mix"]), layer["mixed"], self.epsilon)
        wide = jax.nn.gelu(_linear(states, layer["up"]), approximate=False)
        return _normed(states + _linear(wide, layer["down"]), layer["out"], self.epsilon)

    def _split(self, states):
        return states.reshape(states.shape[0], self.heads, -1)


def read_encoder(folder: Path) -> SentenceEncoder:
    """The encoder of a folder with ``config.json`` and ``model.safetensors``; pickled weights are not read.

    Raises ``DataError`` for a file that is missing, or another kind of network.
    """
    from safetensors.numpy import load_file

    for name in ("config.json", "model.safetensors"):
        told = f"{folder} has no {name}; the folder of a sentence model holds config.json and model.safetensors"
        require((folder / name).is_file(), told, DataError)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    kind = (config.get("model_type"), config.get("hidden_act"))
    require(kind == ("bert", "gelu"), f"{folder} must hold a BERT with gelu, was {kind}", DataError)
    weights = {name: jnp.asarray(array) for name, array in load_file(folder / "model.safetensors").items()}
    embeddings = "embeddings.{}.weight".format
    layers = {
        part: tuple(
            jnp.stack([weights[f"encoder.layer.{k}.{path}.{kind}"] for k in range(config["num_hidden_layers"])])
            for kind in ("weight", "bias")
        )
        for part, path in PARTS.items()
    }
    return SentenceEncoder(
        words=weights[embeddings("word_embeddings")] + weights[embeddings("token_type_embeddings")][0],
        places=weights[embeddings("position_embeddings")],
        norm=(weights[embeddings("LayerNorm")], weights["embeddings.LayerNorm.bias"]),
        layers=layers,
        heads=config["num_attention_heads"],
        epsilon=config["layer_norm_eps"],
    )


def _linear(states, part: Linear):
    weight, bias = part
    return jnp.einsum("ti,oi->to", states, weight, precision="highest") + bias


def _normed(states, part: Linear, epsilon: float):
    scale, shift = part
    centred = states - jnp.mean(states, axis=-1, keepdims=True)
    return centred * jax.lax.rsqrt(jnp.mean(centred**2, axis=-1, keepdims=True) + epsilon) * scale + shift
