import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.objectives.threshold import decreasing_root, tail_weights, value_at_risk

CURVES = {
    "line": (lambda w: 3.0 - w, 0.0, 10.0, 3.0),
    "steep": (lambda w: jnp.exp(-50.0 * (w - 7.0)) - 1.0, 0.0, 10.0, 7.0),
    "flat far away": (lambda w: -jnp.tanh(20.0 * (w - 0.5)), -9.0, 9.0, 0.5),
    "cube root": (lambda w: -jnp.cbrt(w - 2.0), 0.0, 10.0, 2.0),  # Newton alone runs away from it
    "kink": (lambda w: jnp.where(w < 1.0, 5.0 * (1.0 - w), 0.1 * (1.0 - w)), -3.0, 40.0, 1.0),
}


@pytest.mark.parametrize(("curve", "low", "high", "expected"), CURVES.values(), ids=CURVES.keys())
def test_root_is_exact(curve, low, high, expected):
    assert float(decreasing_root(curve, jnp.array(low), jnp.array(high))) == pytest.approx(expected, rel=3e-7)
    with jax.enable_x64(True):
        assert float(decreasing_root(curve, jnp.array(low), jnp.array(high))) == pytest.approx(expected, rel=1e-11)


def test_without_a_crossing_the_nearer_end():
    assert float(decreasing_root(lambda w: 1.0 - 0.0 * w, jnp.array(0.0), jnp.array(4.0))) == pytest.approx(
        4.0, rel=1e-6
    )
    assert float(decreasing_root(lambda w: -1.0 - w, jnp.array(1.0), jnp.array(4.0))) == pytest.approx(1.0, rel=1e-6)
    assert float(decreasing_root(lambda w: -w, jnp.array(2.0), jnp.array(2.0))) == 2.0


def test_root_under_jit_and_vmap():
    solve = jax.jit(jax.vmap(lambda a: decreasing_root(lambda w: a - w**3, jnp.array(0.0), jnp.array(10.0))))
    cubes = jnp.array([0.001, 1.0, 8.0, 729.0])
    assert np.asarray(solve(cubes)) == pytest.approx([0.1, 1.0, 2.0, 9.0], rel=1e-6)


@pytest.mark.parametrize("paths", [1, 7, 20, 1000, 1_000_000])
def test_rank_is_that_of_exact_arithmetic(paths):
    """Losses 1, 2, ..., n: the value at risk is the rank, ceil(level n), found here in whole numbers."""
    losses = jnp.arange(1, paths + 1, dtype=jnp.float32)
    permille = np.array([0, 10, 50, 100, 500, 900, 950, 990, 999])
    expected = np.maximum(-(-permille * paths // 1000), 1)
    assert np.asarray(value_at_risk(losses, jnp.asarray(permille / 1000, jnp.float32))).tolist() == expected.tolist()


def test_a_calls_payoff_is_zero_half_of_the_time():
    losses = jnp.concatenate([jnp.zeros(60), jnp.linspace(0.01, 0.4, 40)])
    assert np.asarray(value_at_risk(losses, jnp.array([0.0, 0.3, 0.6, 0.61]))) == pytest.approx([0, 0, 0, 0.01])
    level = jnp.array(0.3)
    weights = np.asarray(
        tail_weights(losses, level, value_at_risk(losses, level))
    )  # the worst 70: all 40 above, half of the atom
    assert weights[60:] == pytest.approx(1 / 70) and weights[:60] == pytest.approx(30 / 60 / 70)


def test_tail_weights_are_those_of_a_fractional_tail():
    losses, level = jnp.array([1.0, 4.0, 2.0, 3.0]), jnp.array(0.6)  # the worst 1.6 of 4 paths
    weights = np.asarray(tail_weights(losses, level, value_at_risk(losses, level)))
    assert weights == pytest.approx([0.0, 1 / 1.6, 0.0, 0.6 / 1.6], rel=1e-6)
