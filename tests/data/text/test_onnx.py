import json
from types import SimpleNamespace

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data.text import OnnxTone
from oracles.bert import Hashed


class Session:
    """Logits that say how often the words of a text have an odd number, whatever it is padded with."""

    def __init__(self, names=("input_ids", "attention_mask"), classes=3):
        self.names, self.classes = names, classes

    def get_inputs(self):
        return [SimpleNamespace(name=name) for name in self.names]

    def run(self, _, given):
        assert given.keys() == set(self.names)
        ids, real = given["input_ids"], given["attention_mask"]
        assert ids.dtype == real.dtype == np.int64
        odd = ((ids % 2) * real).sum(axis=1)
        return [
            np.stack([odd, real.sum(axis=1) - odd, np.ones(len(ids))], axis=1)[:, : self.classes].astype(np.float32)
        ]


def test_a_tone_is_the_chance_of_good_less_that_of_bad():
    tone = OnnxTone(Session(), Hashed(), (1.0, -1.0, 0.0))
    texts = ["oil", "oil war debt and more words", *[f"w{k} v{k}" for k in range(70)], "", None]
    wanted = []
    for found in Hashed().encode_batch([text or "" for text in texts]):
        odd = sum(k % 2 for k in found.ids)
        p = np.exp([odd, len(found.ids) - odd, 1.0])
        wanted.append((p[0] - p[1]) / p.sum())
    np.testing.assert_allclose(tone.tone(texts), [*wanted[:-2], 0, 0], rtol=1e-6)
    assert tone.tone([]).shape == (0,)


def test_a_model_that_does_not_fit_says_so(tmp_path):
    with pytest.raises(DataError, match=r"asks for \['pixels'\]"):
        OnnxTone(Session(("pixels",)), Hashed(), (1.0, -1.0, 0.0)).tone(["oil"])
    with pytest.raises(DataError, match="must answer 3 logits"):
        OnnxTone(Session(classes=2), Hashed(), (1.0, -1.0, 0.0)).tone(["oil"])
    with pytest.raises(DataError, match=r"has no model\.onnx"):
        OnnxTone.of(tmp_path)


def test_classes_are_read_by_their_names(tmp_path, monkeypatch):
    for name in ("model.onnx", "tokenizer.json"):
        (tmp_path / name).write_text("{}")
    labels = {"0": "Positive", "1": "negative", "2": "NEUTRAL"}
    (tmp_path / "config.json").write_text(json.dumps({"id2label": labels}))
    runtime = SimpleNamespace(InferenceSession=lambda path, providers: Session())
    monkeypatch.setitem(__import__("sys").modules, "onnxruntime", runtime)
    monkeypatch.setattr("deephedge.data.text.onnx.read_tokenizer", lambda folder, longest: Hashed())
    assert OnnxTone.of(tmp_path).signs == (1, -1, 0)
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "LABEL_0"}}))
    with pytest.raises(DataError, match="name its classes"):
        OnnxTone.of(tmp_path)
