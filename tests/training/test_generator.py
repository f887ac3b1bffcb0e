"""Training a market: it comes nearer to the law it sees, in the loop that trains policies."""

import itertools
from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import deephedge as dh
from deephedge import markets as m
from deephedge.core.errors import ArtefactError, ConfigError, TrainingError
from deephedge.training import Discrepancy, discrepancy, fit_generator, loop
from deephedge.training.checkpoint import load_arrays, save_arrays

GRID = dh.TimeGrid.uniform(maturity=10 / 252, steps=10)
KEYS = jax.random.split(jax.random.key(2), 5)
HESTON = m.Heston("SPX", 1.0, 0.09, 8.0, 0.09, 2.0, -0.8)


@lru_cache
def windows(n: int) -> dh.MarketPath:
    return dh.sample(HESTON, GRID, 2048, key=KEYS[n], method="random")


@lru_cache
def features() -> m.SignatureFeatures:
    return m.SignatureFeatures.of(windows(0), depth=2)


def neural(key=KEYS[2]):
    return m.NeuralSde("SPX", 0.2, key=key, width=4)


def recurrent():
    return m.WindowGenerator("SPX", 0.08, key=KEYS[2], hidden=4, width=4, noise=1)


def train(market, **kwargs):
    settings = {"updates": 40, "paths": 128, "key": KEYS[3], "validation": 256, "validate_every": 10}
    return fit_generator(market, features(), optax.adam(3e-2), **(settings | kwargs))


def returns(path: dh.MarketPath) -> np.ndarray:
    return np.diff(np.log(np.asarray(path.quotes["SPX"], float)), axis=1)


def far(market) -> float:
    return discrepancy(market, features().centred_on(windows(1)), paths=2048, key=KEYS[4])


@lru_cache
def whole():
    return train(neural())


def test_a_neural_sde_comes_near_the_law_it_was_shown():
    fit = whole()
    before, after = far(neural()), far(fit.market)
    flat = m.BlackScholes("SPX", float(returns(windows(0)).std() * 252**0.5))
    assert after < 0.1 * before and after < 0.5 * far(flat)
    assert fit.best_update > 0 and fit.risk[-1] < fit.risk[0]
    assert fit.market.martingale
    drawn, law = (returns(x) for x in (dh.sample(fit.market, GRID, 2048, key=KEYS[4], method="random"), windows(1)))
    assert abs(drawn.std() / law.std() - 1) < 0.15
    for r in (drawn, law):
        assert np.mean((r - r.mean()) ** 4) / r.var() ** 2 > 3.5  # fat tails, as Heston's here
        assert np.corrcoef(r[:, :-1].ravel(), r[:, 1:].ravel() ** 2)[0, 1] < -0.02  # and its leverage


def test_a_window_generator_learns_in_the_same_loop():
    fit = train(recurrent(), validation=0)
    assert fit.loss[-5:].mean() < 0.3 * fit.loss[0]


def test_the_distance_has_no_bias_from_the_noise_of_few_paths():
    rng = np.random.default_rng(0)
    mean = np.array([0.3, 0.0, -0.1])
    batch = jnp.asarray(mean + rng.normal(0, [1.0, 2.0, 0.5], (4000, 5, 3)), jnp.float32)
    found = np.asarray(jax.jit(jax.vmap(Discrepancy()))(batch), float)
    assert abs(found.mean() - np.mean(mean**2)) < 4 * found.std() / len(found) ** 0.5
    weight = jnp.asarray([2.0, 1.0, 0.0, 1.0, 1.0])
    one = Discrepancy()(batch[0], weight)
    np.testing.assert_allclose(one, Discrepancy()(batch[0], 3 * weight), rtol=1e-5)


def test_the_gradient_is_that_of_the_distance_itself():
    """Accumulated over chunks in two passes, as for an objective that is no mean over paths."""
    from deephedge.training.generator import Imitation
    from deephedge.training.pathwise import risk_gradient

    market = neural()
    simulation = Imitation.of(m.SignatureFeatures.of(windows(0), depth=1), market, 32, "random", chunk=8)
    moved, fixed = eqx.partition(market, m.learnable(market))
    value, gradient, _ = eqx.filter_jit(risk_gradient)(simulation, Discrepancy(), moved, fixed, KEYS[3])

    @eqx.filter_jit
    def plain(moved):
        one = eqx.combine(moved, fixed)
        rows = jax.vmap(lambda n: simulation.outcome(one, KEYS[3], n)[0])(jnp.arange(32))
        return jnp.sum(rows.mean(0) ** 2 - rows.var(0, ddof=1) / 32) / rows.shape[1]

    expected, slope = eqx.filter_value_and_grad(plain)(moved)
    np.testing.assert_allclose(value, expected, rtol=1e-3)
    for a, b in zip(jax.tree.leaves(gradient), jax.tree.leaves(slope), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)


def test_it_compiles_once_resumes_to_the_bit_and_keeps_what_is_given(tmp_path):
    class Stop(Exception):
        pass

    told = []

    def stop(progress):
        told.append(progress.update)
        if progress.update >= 5:
            raise Stop

    fit, before = whole(), loop.compilations()
    file = tmp_path / "state.safetensors"
    with pytest.raises(Stop):
        train(neural(), checkpoint=file, progress=stop)
    assert loop.compilations() == before
    again = train(neural(), checkpoint=file, resume=True)
    assert told == sorted(told) and len(fit.loss) == 40 and len(fit.risk) == 4
    for a, b in itertools.zip_longest(jax.tree.leaves(fit.market), jax.tree.leaves(again.market)):
        np.testing.assert_array_equal(a, b)
    np.testing.assert_array_equal(fit.market.spot, neural().spot)
    with pytest.raises(ArtefactError, match="another configuration"):
        train(neural(KEYS[0]), checkpoint=file, resume=True)
    weights = tmp_path / "market.safetensors"
    save_arrays(weights, fit.market, {})
    loaded, _ = load_arrays(weights, neural())
    for a, b in itertools.zip_longest(jax.tree.leaves(fit.market), jax.tree.leaves(loaded)):
        np.testing.assert_array_equal(a, b)


def test_a_distance_that_is_not_finite_is_told():
    broken = eqx.tree_at(lambda x: x.log_vol, neural(), jnp.array(jnp.nan))
    with pytest.raises(TrainingError, match="not on 128 of 128"):
        train(broken)


@pytest.mark.parametrize(("setting", "message"), [({"updates": 0}, "updates must"), ({"paths": 1}, "paths must"),
                                                  ({"average": 1.0}, "average must"),
                                                  ({"validate_every": 0}, "validate_every must")])  # fmt: skip
def test_settings_are_checked(setting, message):
    with pytest.raises(ConfigError, match=message):
        train(neural(), **setting)
