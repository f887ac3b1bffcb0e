"""Tone by a sentiment network that the user brings, such as FinBERT, as an ONNX folder."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.text.base import AbstractTone, Texts, plain
from deephedge.data.text.vectors import LETTERS, read_tokenizer

LONGEST = 256  # tokens
BATCH = 32
SIGNS = {"positive": 1.0, "negative": -1.0, "neutral": 0.0, "bullish": 1.0, "bearish": -1.0}


@dataclass(frozen=True, eq=False)
class OnnxTone(AbstractTone):
    r"""The probability of good less that of bad: :math:`\sum_k s_k\,p_k`, :math:`p` the softmax of the logits.

    ``session``: what ``onnxruntime.InferenceSession`` offers (``get_inputs``, ``run``); its first output are the
    logits, one a class. ``signs``: of each class 1 (good), -1 (bad) or 0.
    """

    session: Any
    tokenizer: Any
    signs: tuple[float, ...]

    @classmethod
    def of(cls, folder: str | Path) -> "OnnxTone":
        """From a folder with ``model.onnx``, ``tokenizer.json`` and ``config.json``, whose ``id2label`` names classes.

        Needs the package ``onnxruntime``; raises ``DataError`` where it, a file or a class that is known is missing.
        """
        folder = Path(folder)
        for name in ("model.onnx", "tokenizer.json", "config.json"):
            told = f"{folder} has no {name}; a sentiment model needs model.onnx, tokenizer.json and config.json"
            require((folder / name).is_file(), told, DataError)
        try:
            import onnxruntime  # pyright: ignore
        except ImportError:
            raise DataError("sentiment models need the package onnxruntime: pip install onnxruntime") from None
        names = json.loads((folder / "config.json").read_text(encoding="utf-8")).get("id2label", {})
        labels = [names[key].lower() for key in sorted(names, key=int)]
        told = f"{folder}/config.json must name its classes in id2label as {', '.join(SIGNS)}, was {labels or 'none'}"
        require(bool(labels) and all(label in SIGNS for label in labels), told, DataError)
        session = onnxruntime.InferenceSession(str(folder / "model.onnx"), providers=["CPUExecutionProvider"])
        return cls(session, read_tokenizer(folder, LONGEST), tuple(SIGNS[label] for label in labels))

    def tone(self, texts: Texts) -> np.ndarray:
        """One call for texts of like length."""
        told = plain(texts).str.slice(0, LETTERS).to_list()
        tokens = [found.ids for found in self.tokenizer.encode_batch(told)]
        order = np.argsort([len(one) for one in tokens], kind="stable")
        result = np.zeros(len(tokens))
        for rows in np.split(order, np.arange(BATCH, len(order), BATCH)):
            if rows.size:
                result[rows] = self._tones([tokens[row] for row in rows])
        return np.where(np.array(told, dtype=object) == "", 0.0, result)

    def _tones(self, tokens: list[list[int]]) -> np.ndarray:
        sizes = np.array([len(one) for one in tokens])
        real = np.arange(max(1, sizes.max())) < sizes[:, None]
        ids = np.zeros(real.shape, np.int64)
        ids[real] = np.concatenate(tokens)
        real[:, 0] = True  # one token at least
        offered = {"input_ids": ids, "attention_mask": real.astype(np.int64), "token_type_ids": np.zeros_like(ids)}
        wanted = {asked.name: offered.get(asked.name) for asked in self.session.get_inputs()}
        unknown = [name for name, value in wanted.items() if value is None]
        require(not unknown, f"the model asks for {unknown}; it may ask for {', '.join(offered)}", DataError)
        logits = np.asarray(self.session.run(None, wanted)[0], np.float64)
        told = f"the model must answer {len(self.signs)} logits a text, was {logits.shape}"
        require(logits.shape == (len(tokens), len(self.signs)), told, DataError)
        chances = np.exp(logits - logits.max(axis=1, keepdims=True))
        return chances @ np.array(self.signs) / chances.sum(axis=1)
