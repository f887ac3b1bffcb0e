"""Attention against a plain loop in NumPy, and what it may and may not depend on."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import policies as p
from deephedge.core.errors import ConfigError, ProblemError
from deephedge.policies.attention import Pooling

KEY = jax.random.key(0)


def filled(pooling: Pooling) -> Pooling:
    """Places that differ, as after training."""
    places = jnp.asarray(np.random.default_rng(2).normal(size=pooling.places.shape), "f")
    return eqx.tree_at(lambda one: one.places, pooling, places)


def plain(pooling: Pooling, windows: np.ndarray, others: np.ndarray) -> np.ndarray:
    """Head by head and lag by lag."""
    w = {
        name: np.asarray(getattr(pooling, name), float) for name in ("embed", "places", "query", "key", "value", "out")
    }
    tokens = [w["embed"] @ windows[:, t] + w["places"][:, t] for t in range(windows.shape[1])]
    query, size = w["query"] @ np.concatenate([tokens[-1], others]), len(tokens[0]) // pooling.heads
    found = []
    for head in range(pooling.heads):
        own = slice(head * size, (head + 1) * size)
        scores = np.array([query[own] @ (w["key"] @ token)[own] / size**0.5 for token in tokens])
        shares = np.exp(scores - scores.max())
        shares /= shares.sum()
        found.append(sum(share * (w["value"] @ token)[own] for share, token in zip(shares, tokens, strict=True)))
    return tokens[-1] + w["out"] @ np.concatenate(found)


@pytest.mark.parametrize(("windows", "others", "length", "heads"), [(2, 3, 16, 2), (1, 0, 5, 1), (3, 1, 1, 4)])
def test_pooling_is_the_plain_loop(windows, others, length, heads):
    pooling = filled(Pooling.make(windows, others, length, 8, heads, key=KEY))
    rng = np.random.default_rng(0)
    past, rest = rng.normal(size=(windows, length)), rng.normal(size=others)
    found = eqx.filter_jit(pooling)(jnp.asarray(past, "f"), jnp.asarray(rest, "f"))
    np.testing.assert_allclose(found, plain(pooling, past, rest), rtol=1e-5, atol=1e-5)


def test_without_places_the_order_of_older_values_says_nothing_and_with_them_it_does():
    pooling, past = Pooling.make(1, 0, 6, 8, 2, key=KEY), jnp.asarray(np.random.default_rng(1).normal(size=(1, 6)), "f")
    turned = jnp.concatenate([past[:, :-1][:, ::-1], past[:, -1:]], axis=1)
    nothing = jnp.zeros(0)
    np.testing.assert_allclose(pooling(past, nothing), pooling(turned, nothing), atol=1e-6)
    assert np.abs(filled(pooling)(past, nothing) - filled(pooling)(turned, nothing)).max() > 1e-2


def test_every_value_of_the_window_and_every_other_input_is_read():
    pooling = filled(Pooling.make(2, 3, 7, 8, 2, key=KEY))
    rng = np.random.default_rng(3)
    at = jnp.asarray(rng.normal(size=(2, 7)), "f"), jnp.asarray(rng.normal(size=3), "f")
    slopes = jax.jit(jax.grad(lambda past, rest: jnp.sum(pooling(past, rest) ** 2), argnums=(0, 1)))(*at)
    assert all(np.all(np.abs(slope) > 0) for slope in slopes)


def test_mistakes_are_one_sentence():
    with pytest.raises(ProblemError, match="say length=5"):
        p.Attention(("w",), key=KEY).encode({"w": jnp.ones(5)})
    cases = [
        ({"channels": 6, "heads": 4}, "a multiple of heads, were 6 and 4"),
        ({"windows": ()}, "at least one window"),
        ({"heads": 0}, "heads must be 1 or more"),
        ({"length": 0}, "length must be 1 or more"),
    ]
    for settings, told in cases:
        with pytest.raises(ConfigError, match=told):
            p.Attention(**({"windows": ("w",), "key": KEY} | settings))
