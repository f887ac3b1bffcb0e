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


@pytest.mark.slow
def test_a_model_in_onnxruntime_adds_up_what_its_table_says(tmp_path):
    onnx = pytest.importorskip("onnx")
    pytest.importorskip("onnxruntime")
    tokenizers = pytest.importorskip("tokenizers")
    words = {"[UNK]": 0, "profit": 1, "warning": 2, "oil": 3}
    tokenizer = tokenizers.Tokenizer(tokenizers.models.WordLevel(words, unk_token="[UNK]"))
    tokenizer.pre_tokenizer = tokenizers.pre_tokenizers.Whitespace()
    tokenizer.save(str(tmp_path / "tokenizer.json"))
    (tmp_path / "config.json").write_text(json.dumps({"id2label": {"0": "positive", "1": "negative", "2": "neutral"}}))
    table = np.random.default_rng(0).normal(size=(4, 3)).astype(np.float32)
    onnx.save(summing_model(onnx, table), str(tmp_path / "model.onnx"))
    texts = ["profit warning", "oil", "oil oil profit up up up", "", "warning " * 500]
    logits = [table[[words.get(word, 0) for word in text.split()[:256]]].sum(axis=0, dtype=float) for text in texts]
    chances = [np.exp(one - one.max()) / np.exp(one - one.max()).sum() for one in logits]
    wanted = [p[0] - p[1] if text else 0.0 for p, text in zip(chances, texts, strict=True)]
    np.testing.assert_allclose(OnnxTone.of(tmp_path).tone(texts), wanted, atol=1e-4)


def summing_model(onnx, table):
    """Logits that are the sum of a table's rows over the tokens that are real."""
    node, kind = onnx.helper.make_node, onnx.TensorProto
    nodes = [
        node("Gather", ["table", "input_ids"], ["rows"]),
        node("Cast", ["attention_mask"], ["real"], to=kind.FLOAT),
        node("Unsqueeze", ["real", "last"], ["column"]),
        node("Mul", ["rows", "column"], ["kept"]),
        node("ReduceSum", ["kept", "tokens"], ["logits"], keepdims=0),
    ]
    inputs = [
        onnx.helper.make_tensor_value_info(name, kind.INT64, ["text", "token"])
        for name in ("input_ids", "attention_mask")
    ]
    output = onnx.helper.make_tensor_value_info("logits", kind.FLOAT, ["text", 3])
    held = {"table": table, "last": np.array([2]), "tokens": np.array([1])}
    constants = [onnx.numpy_helper.from_array(array, name) for name, array in held.items()]
    graph = onnx.helper.make_graph(nodes, "sums", inputs, [output], constants)
    model = onnx.helper.make_model(graph, opset_imports=[onnx.helper.make_opsetid("", 17)])
    model.ir_version = 9
    return model
