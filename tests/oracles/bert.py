"""BERT's forward pass in plain NumPy, float64, one head and one token at a time; a tiny one with random weights; and a
tokenizer that needs no package."""

import json
import math
import zlib
from pathlib import Path
from types import SimpleNamespace

import numpy as np
from safetensors.numpy import load_file, save_file

from deephedge.data.text import SentenceVectors
from deephedge.data.text.bert import read_encoder


def sentence_vector(folder: Path, ids: list[int]) -> np.ndarray:
    w = {name: np.asarray(array, np.float64) for name, array in load_file(Path(folder) / "model.safetensors").items()}
    config = json.loads((Path(folder) / "config.json").read_text())
    embed = "embeddings.{}_embeddings.weight".format
    rows = [w[embed("word")][k] + w[embed("position")][n] + w[embed("token_type")][0] for n, k in enumerate(ids)]
    states = _norm(w, "embeddings.LayerNorm", np.array(rows))
    for number in range(config["num_hidden_layers"]):
        layer = f"encoder.layer.{number}."
        query, key, value = (_dense(w, f"{layer}attention.self.{part}", states) for part in ("query", "key", "value"))
        heads = []
        for q, k, v in zip(
            *(np.split(x, config["num_attention_heads"], axis=1) for x in (query, key, value)), strict=True
        ):
            weight = np.exp(q @ k.T / math.sqrt(q.shape[1]))
            heads.append(weight / weight.sum(axis=1, keepdims=True) @ v)
        mixed = _dense(w, f"{layer}attention.output.dense", np.hstack(heads))
        states = _norm(w, f"{layer}attention.output.LayerNorm", states + mixed)
        wide = _dense(w, f"{layer}intermediate.dense", states)
        wide = wide * np.vectorize(lambda x: 0.5 * (1 + math.erf(x / math.sqrt(2))))(wide)
        states = _norm(w, f"{layer}output.LayerNorm", states + _dense(w, f"{layer}output.dense", wide))
    mean = states.mean(axis=0)
    return mean / np.sqrt(mean @ mean)


def _dense(w, name, x):
    return x @ w[f"{name}.weight"].T + w[f"{name}.bias"]


def _norm(w, name, x):
    x = (x - x.mean(axis=1, keepdims=True)) / np.sqrt(x.var(axis=1, keepdims=True) + 1e-12)
    return x * w[f"{name}.weight"] + w[f"{name}.bias"]


class Hashed:
    """Each word a number of its own (nearly), between a first and a last token."""

    def encode_batch(self, texts):
        cut = [[1, *(3 + zlib.crc32(word.encode()) % 97 for word in text.lower().split()[:126]), 2] for text in texts]
        return [SimpleNamespace(ids=ids) for ids in cut]


def write_tiny(folder: Path) -> Path:
    """Two layers, two heads, eight numbers a token, a hundred words."""
    rng = np.random.default_rng(5)
    width, wide = 8, 16
    w = {
        "embeddings.word_embeddings.weight": rng.normal(size=(100, width)),
        "embeddings.position_embeddings.weight": rng.normal(size=(128, width)) / 3,
        "embeddings.token_type_embeddings.weight": rng.normal(size=(2, width)) / 3,
    }
    for name in (
        "embeddings",
        *(f"encoder.layer.{k}.{part}" for k in (0, 1) for part in ("attention.output", "output")),
    ):
        w |= {
            f"{name}.LayerNorm.weight": rng.uniform(0.5, 1.5, width),
            f"{name}.LayerNorm.bias": rng.normal(size=width) / 10,
        }
    for k in (0, 1):
        shapes = {"attention.self.query": (width, width), "attention.self.key": (width, width)}
        shapes |= {"attention.self.value": (width, width), "attention.output.dense": (width, width)}
        shapes |= {"intermediate.dense": (wide, width), "output.dense": (width, wide)}
        for part, shape in shapes.items():
            w |= {f"encoder.layer.{k}.{part}.weight": rng.normal(size=shape) / 2}
            w |= {f"encoder.layer.{k}.{part}.bias": rng.normal(size=shape[0]) / 10}
    save_file({name: array.astype(np.float32) for name, array in w.items()}, folder / "model.safetensors")
    config = {"model_type": "bert", "hidden_act": "gelu", "num_hidden_layers": 2, "num_attention_heads": 2}
    (folder / "config.json").write_text(json.dumps(config | {"layer_norm_eps": 1e-12}))
    return folder


def tiny_vectors(folder: Path) -> SentenceVectors:
    return SentenceVectors(read_encoder(write_tiny(folder)), Hashed())
