import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge.core.errors import ParameterError, ProblemError

GRID = dh.TimeGrid.uniform(maturity=0.5, steps=10)


@pytest.fixture(scope="module")
def batches():
    market = dh.markets.BlackScholes("A", vol=0.3)
    return [dh.sample(market, GRID, 500, key=jax.random.key(n), method="random") for n in (0, 1)]


def test_training_paths_come_out_with_mean_zero_and_deviation_one(batches):
    scaled = f.Standardised.fit(f.LogMoneyness("A", 1.0), batches[0])
    values = np.asarray(jax.vmap(scaled)(batches[0]), np.float64)
    assert abs(values.mean()) < 1e-5 and abs(values.std() - 1) < 1e-5
    assert scaled.name == "log_moneyness"


def test_other_paths_are_only_divided_by_what_was_measured(batches):
    scaled = f.Standardised.fit(f.LogMoneyness("A", 1.0), batches[0], name="m")
    raw = [np.log(np.asarray(b.quote("A"), np.float64)) for b in batches]
    np.testing.assert_allclose(scaled.mean, raw[0].mean(), atol=1e-6)
    np.testing.assert_allclose(scaled.scale, raw[0].std(), rtol=1e-5)
    expected = (raw[1] - raw[0].mean()) / raw[0].std()
    np.testing.assert_allclose(jax.vmap(scaled)(batches[1]), expected, atol=1e-4)


def test_a_vector_is_scaled_entry_by_entry_and_a_constant_only_centred(batches):
    window = f.Standardised.fit(f.Window(f.LogReturn("A"), 3), batches[0])
    assert window.mean.shape == window.scale.shape == (3,)
    flat = f.Standardised.fit(f.Quote("A.vol", "vol"), batches[0])
    assert float(flat.scale) == 1.0
    np.testing.assert_allclose(jax.vmap(flat)(batches[1]), 0.0, atol=1e-6)


def test_bad_scales_and_single_paths_are_refused(batches):
    with pytest.raises(ParameterError, match="must be positive"):
        f.Standardised(f.Quote("A", "a"), 0.0, 0.0)
    one = jax.tree.map(lambda x: x[0], batches[0])
    with pytest.raises(ProblemError, match="batch of training paths"):
        f.Standardised.fit(f.Quote("A", "a"), one)


def test_a_scale_is_no_weight_of_the_policy(batches):
    """Scales sit in the problem, which nothing trains; the policy holds none of them."""
    scaled = f.Standardised.fit(f.LogMoneyness("A", 1.0), batches[0])
    problem = dh.HedgingProblem(
        GRID, dh.instruments.short(dh.instruments.EuropeanCall("A", 1.0, 0.5)), (dh.instruments.Spot("A"),), (scaled,)
    )
    policy = dh.policies.MLP(problem.feature_names, key=jax.random.key(0), width=4, depth=1)
    assert not any(leaf is scaled.mean for leaf in jax.tree.leaves(policy))
    assert jnp.isfinite(dh.evaluate(problem, {"mlp": policy}, batches[1])["mlp"].wealth).all()
