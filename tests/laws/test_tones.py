"""Every tone: a number in [-1, 1] for every text there is, the same each time, and of one text alone."""

from types import SimpleNamespace

import numpy as np
import pytest

from deephedge.data.text import AnchorTone, Lexicon, OnnxTone, RidgeTone
from oracles.bert import Hashed, tiny_vectors

DIRTY = [
    "Profit warning, shares crash", "", None, " \n\t ", "🚀🚀🚀 to the moon", "Нефть дорожает", "原油価格が上昇",
    "\ud800 half",
    "<div onload='x'>Loss <b>of</b> &pound;5m</div>", "<<<>>><", "no " * 200, "a" * 100_000,
    "gain loss " * 10_000, "\x00\x07",
    "1234 5678 %$#@!", "e\u0301te\u0301 \u200b\u202e", "&#x1F680; &amp;&amp;;", "NULL", "nan",
]  # fmt: skip


class Sizes:
    """Stands for a session: logits of the number of tokens."""

    def get_inputs(self):
        return [SimpleNamespace(name="input_ids"), SimpleNamespace(name="attention_mask")]

    def run(self, _, given):
        size = given["attention_mask"].sum(axis=1)
        return [np.stack([size % 2, size % 3], axis=1).astype(np.float32)]


@pytest.fixture(scope="module")
def vectors(tmp_path_factory):
    return tiny_vectors(tmp_path_factory.mktemp("tiny"))


def members(vectors):
    weights = np.linspace(-1, 1, 8)
    return {
        "lexicon": Lexicon(frozenset({"gain"}), frozenset({"loss", "warning"})),
        "anchors": AnchorTone(vectors),
        "ridge": RidgeTone(vectors, weights, 0.1, 0.5),
        "onnx": OnnxTone(Sizes(), Hashed(), (1.0, -1.0)),
    }


@pytest.mark.parametrize("name", ["lexicon", "anchors", "ridge", "onnx"])
def test_any_text_has_a_tone_of_its_own(name, vectors):
    member = members(vectors)[name]
    tone = member.tone(DIRTY)
    assert tone.shape == (len(DIRTY),) and tone.dtype == np.float64
    assert np.isfinite(tone).all() and (np.abs(tone) <= 1).all()
    assert np.array_equal(member.tone(DIRTY), tone)
    np.testing.assert_allclose(member.tone(DIRTY[::-1])[::-1], tone, atol=1e-5)
    np.testing.assert_allclose(member.tone([DIRTY[0]]), tone[:1], atol=1e-5)
    assert (tone[1:4] == 0).all()
    assert member.tone([]).shape == (0,)
