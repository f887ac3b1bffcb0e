import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data.text import novelty

DAY = np.timedelta64(1, "D")


def drawn(count, seed=0):
    rng = np.random.default_rng(seed)
    vectors = rng.normal(size=(count, 6))
    hours = np.sort(rng.integers(0, 24 * 40, count))  # with ties
    known = np.datetime64("2024-01-01", "us") + hours * np.timedelta64(1, "h")
    return vectors / np.linalg.norm(vectors, axis=1, keepdims=True), known


def test_novelty_is_that_of_one_text_at_a_time():
    vectors, known = drawn(700)
    wanted = np.ones(len(known))
    for i, when in enumerate(known):
        near = vectors[(known >= when - 3 * DAY) & (known < when)]
        if len(near):
            wanted[i] = 1 - (near @ vectors[i]).max()
    np.testing.assert_allclose(novelty(vectors, known, days=3.0), wanted, atol=1e-12)


def test_what_comes_later_changes_nothing():
    vectors, known = drawn(300)
    full = novelty(vectors, known)
    np.testing.assert_allclose(novelty(vectors[:150], known[:150]), full[:150], atol=1e-15)
    np.testing.assert_allclose(
        novelty(np.concatenate([vectors[:150], -vectors[150:]]), known)[:150], full[:150], atol=1e-15
    )


def test_edges():
    vectors, known = drawn(3)
    assert novelty(vectors[:0], known[:0]).shape == (0,)
    assert novelty(vectors[:1], known[:1]).tolist() == [1]
    assert novelty(vectors, np.repeat(known[:1], 3)).tolist() == [1, 1, 1]  # at one moment: none is before another
    repeated = novelty(vectors[[0, 0, 0]], known[0] + np.array([0, 1, 9]) * DAY, days=5.0)
    np.testing.assert_allclose(repeated, [1, 0, 1], atol=1e-12)
    with pytest.raises(DataError, match="in order"):
        novelty(vectors, known[0] - np.arange(3) * DAY)
    with pytest.raises(DataError, match="must be positive"):
        novelty(vectors, known, days=0.0)
