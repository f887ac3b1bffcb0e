"""Training: it learns, it compiles once, it resumes to the bit, and it says what went wrong."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ArtefactError, ConfigError, MissingFeature, TrainingError, UnknownQuote
from deephedge.training import loop

T = 20 / 250
NAMES = ("log_moneyness", "time_left", "vol")
KEY = jax.random.key(7)


def make_problem(**kwargs):
    settings = {
        "grid": dh.TimeGrid.uniform(maturity=T, steps=5),
        "liability": i.short(i.EuropeanCall("SPX", strike=1.0, expiry=T)),
        "instruments": (i.Spot("SPX"),),
        "features": (f.LogMoneyness("SPX", 1.0), f.TimeLeft(T), f.Quote("SPX.vol", "vol")),
        "cost": dh.frictions.ProportionalCost(1e-3),
    }
    return dh.HedgingProblem(**(settings | kwargs))


def make_policy(key=KEY, **kwargs):
    return dh.policies.NoTransactionBand(NAMES, key=key, width=8, depth=1, **kwargs)


def train(problem=None, policy=None, **kwargs):
    settings = {"updates": 12, "paths": 64, "key": KEY, "validation": 128, "validate_every": 4, "checks": False}
    return dh.fit(
        problem or make_problem(),
        dh.markets.BlackScholes("SPX", vol=0.2),
        policy or make_policy(),
        dh.objectives.Entropic(risk_aversion=10.0),
        optax.adam(1e-2),
        **(settings | kwargs),
    )


def leaves(fit):
    return [np.asarray(x) for x in jax.tree.leaves(fit.policy)]


def same(one, two):
    return all(np.array_equal(a, b) for a, b in zip(leaves(one), leaves(two), strict=True))


def test_training_lowers_the_risk_below_no_hedge():
    fit = train(updates=60, paths=256)
    paths = dh.sample(dh.markets.BlackScholes("SPX", vol=0.2), make_problem().grid, 4096, key=jax.random.key(1))
    result = dh.evaluate(make_problem(), {"learnt": fit.policy, "none": dh.policies.NoHedge()}, paths)
    risk = dh.objectives.Entropic(risk_aversion=10.0)
    assert float(risk(result["learnt"].wealth)) < 0.95 * float(risk(result["none"].wealth))


def test_the_same_key_gives_the_same_bits_and_another_key_does_not():
    assert same(train(), train())
    assert not same(train(), train(key=jax.random.key(8)))


def test_however_many_updates_the_loop_is_compiled_once():
    market, problem = dh.markets.BlackScholes("SPX", vol=0.2), make_problem()
    before = loop.compilations()
    for updates, vol in ((7, 0.2), (7, 0.3), (7, 0.25)):
        market = dh.markets.BlackScholes("SPX", vol=vol)
        dh.fit(problem, market, make_policy(), dh.objectives.Entropic(float(updates)), optax.adam(1e-2),
               updates=updates, paths=32, key=KEY, validation=0, checks=False)  # fmt: skip
    assert loop.compilations() - before == 1


@pytest.mark.parametrize("many", [False, True])
def test_a_resumed_training_ends_with_the_same_bits(tmp_path, many):
    class Stop(Exception):
        pass

    def stop(progress):
        if progress.update >= 5:
            raise Stop

    optimiser, market = optax.adam(1e-2), dh.markets.BlackScholes("SPX", vol=0.2)
    risk = dh.objectives.CVaR(level=0.9)
    policies = [make_policy(k) for k in jax.random.split(KEY, 2)]

    def run(**kwargs):
        settings = {"updates": 16, "paths": 64, "key": KEY, "validation": 64, "validate_every": 4, "checks": False}
        if many:
            return dh.fit_seeds(make_problem(), market, policies, risk, optimiser, **(settings | kwargs))[1]
        return dh.fit(make_problem(), market, policies[0], risk, optimiser, **(settings | kwargs))

    whole = run()
    file = tmp_path / "state.safetensors"
    with pytest.raises(Stop):
        run(checkpoint=file, progress=stop)
    assert same(whole, run(checkpoint=file, resume=True))
    assert np.array_equal(whole.loss, run(checkpoint=file, resume=True).loss)


def test_a_checkpoint_of_another_configuration_is_refused(tmp_path):
    file = tmp_path / "state.safetensors"
    train(checkpoint=file)
    with pytest.raises(ArtefactError, match="another configuration"):
        train(checkpoint=file, resume=True, paths=65)


@pytest.mark.parametrize("damage", ["cut", "flip"])
def test_a_damaged_checkpoint_is_refused(tmp_path, damage):
    file = tmp_path / "state.safetensors"
    train(checkpoint=file)
    content = bytearray(file.read_bytes())
    if damage == "cut":
        content = content[:-40]
    else:
        content[-20] ^= 1
    file.write_bytes(bytes(content))
    with pytest.raises(ArtefactError):
        train(checkpoint=file, resume=True)


def test_seeds_at_once_learn_what_they_learn_alone():
    policies = [make_policy(k) for k in jax.random.split(KEY, 3)]
    market, risk = dh.markets.BlackScholes("SPX", vol=0.2), dh.objectives.Entropic(risk_aversion=10.0)
    together = dh.fit_seeds(make_problem(), market, policies, risk, optax.adam(1e-2), updates=12, paths=64, key=KEY,
                            validation=128, validate_every=4, checks=False)  # fmt: skip
    keys = jax.random.split(KEY, 3)
    alone = train(policy=policies[0], key=keys[0])
    for a, b in zip(leaves(together[0]), leaves(alone), strict=True):
        np.testing.assert_allclose(a, b, rtol=2e-3, atol=2e-4)
    assert not same(together[0], together[1])


def test_the_trained_threshold_is_the_value_at_risk():
    market, risk = dh.markets.BlackScholes("SPX", vol=0.2), dh.objectives.CVaR(level=0.9)
    fit = dh.fit(make_problem(), market, make_policy(), risk, optax.adam(1e-3), updates=150, paths=1024, key=KEY,
                 checks=False)  # fmt: skip
    wealth = dh.simulate_wealth(make_problem(), market, fit.policy, paths=50_000, key=jax.random.key(3))
    losses = -np.asarray(wealth, float)
    quantile = np.quantile(losses, 0.9)
    density = np.mean(np.abs(losses - quantile) < 5e-4) / 1e-3
    error = np.sqrt(0.9 * 0.1 / (10 * 1024)) / density  # the threshold averages about ten batches
    assert abs(float(fit.objective.threshold) - quantile) < 4 * error


def test_the_best_policy_on_the_validation_bank_is_kept():
    fit = train(updates=40, validate_every=5)
    assert fit.risk.shape == (8,)
    assert fit.best_update == 5 * (1 + int(np.argmin(np.asarray(fit.risk))))


def test_patience_ends_a_training_that_no_longer_improves():
    optimiser = optax.sgd(0.0)
    market, risk = dh.markets.BlackScholes("SPX", vol=0.2), dh.objectives.Entropic(risk_aversion=10.0)
    fit = dh.fit(make_problem(), market, make_policy(), risk, optimiser, updates=500, paths=16, key=KEY, validation=16,
                 validate_every=2, patience=3, checks=False)  # fmt: skip
    assert fit.loss.shape[0] < 50


def test_nan_is_traced_to_the_feature_it_came_from():
    class Sick(f.AbstractFeature):
        name: str = "sick"

        def __call__(self, path):
            return jnp.where(path.quote("SPX") > 1.02, jnp.nan, path.quote("SPX"))

    problem = make_problem(features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(T), Sick()))
    policy = dh.policies.MLP(("log_moneyness", "sick"), key=KEY, width=8, depth=1)
    with pytest.raises(TrainingError, match=r"feature 'sick' is not finite on \d+ of 64 paths"):
        train(problem, policy)


def test_mistakes_are_told_in_one_sentence():
    with pytest.raises(MissingFeature, match="did you mean 'log_moneyness'"):
        train(policy=dh.policies.MLP(("log_moneynes",), key=KEY))
    with pytest.raises(UnknownQuote, match=r"did you mean 'SPX.vol'"):
        train(make_problem(features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(T), f.Quote("SPX.vl", "vol"))))
    with pytest.raises(ConfigError, match="updates"):
        train(updates=0)


def test_an_objective_without_pathwise_terms_trains_through_two_passes():
    class MeanPlusWorst(dh.objectives.AbstractObjective):
        def __call__(self, wealth):
            return -wealth.mean() - wealth.min()

    market = dh.markets.BlackScholes("SPX", vol=0.2)
    fit = dh.fit(make_problem(), market, make_policy(), MeanPlusWorst(), optax.adam(1e-2), updates=30, paths=300,
                 key=KEY, checks=False, validation=0)  # fmt: skip
    assert float(fit.loss[-5:].mean()) < float(fit.loss[:3].mean())


def test_chunked_gradients_equal_the_gradient_of_the_whole_batch():
    import equinox as eqx

    from deephedge.policies.base import trainable
    from deephedge.training.pathwise import Simulation, risk_gradient

    policy, risk = make_policy(), dh.objectives.Entropic(risk_aversion=10.0)
    parameters, fixed = eqx.partition(policy, trainable(policy))
    market = dh.markets.BlackScholes("SPX", vol=0.2)
    answers = []
    for chunk in (16, 50, 1000):
        simulation = Simulation.of(make_problem(), market, 333, "sobol", chunk)
        run = eqx.filter_jit(risk_gradient)
        answers.append(run(simulation, risk.fitted(jnp.zeros(3)), parameters, fixed, KEY))
    for other in answers[1:]:
        np.testing.assert_allclose(other[0], answers[0][0], rtol=1e-5)
        np.testing.assert_allclose(other[2][0], answers[0][2][0], rtol=1e-5, atol=1e-6)
        for a, b in zip(jax.tree.leaves(other[1]), jax.tree.leaves(answers[0][1]), strict=True):
            np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)
