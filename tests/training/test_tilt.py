"""The change of measure that takes a drift out, against quadrature, and what it leaves to be earned."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy.optimize import brentq

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, TrainingError
from deephedge.markets import CashDensity, Tilted
from deephedge.objectives import CVaR, Entropic
from deephedge.training import learn_tilt, minimal_entropy_tilt

STEPS, VOL, DRIFT = 6, 0.2, 0.25
GRID = dh.TimeGrid.uniform(maturity=0.5, steps=STEPS)
MARKET = dh.markets.BlackScholes("SPX", vol=VOL, drift=DRIFT, rate=0.05)
DT = 0.5 / STEPS


def density_of_a_log_return(theta: float, x: np.ndarray) -> np.ndarray:
    """Of the discounted log return of one step under Esscher's measure for simple returns, on a fine grid."""
    mean, deviation = (DRIFT - 0.05 - 0.5 * VOL**2) * DT, VOL * DT**0.5
    p = np.exp(-0.5 * ((x - mean) / deviation) ** 2 + theta * np.expm1(x))
    return p / p.sum()


def exact_theta() -> float:
    x = np.linspace(-0.6, 0.6, 20_001)
    return float(brentq(lambda theta: density_of_a_log_return(theta, x) @ np.expm1(x), -100.0, 0.0))


def exact_call(strike: float) -> float:
    """Discounted call after six such steps, by convolution."""
    x = np.linspace(-0.6, 0.6, 4001)
    one = density_of_a_log_return(exact_theta(), x)
    total = one
    for _ in range(STEPS - 1):
        total = np.convolve(total, one)
    ends = np.linspace(-0.6 * STEPS, 0.6 * STEPS, total.size)
    return float(total @ np.maximum(np.exp(ends) - strike * np.exp(-0.05 * 0.5), 0.0))


@pytest.fixture(scope="module")
def tilt():
    return minimal_entropy_tilt(MARKET, GRID, "SPX", key=jax.random.key(1))


@pytest.fixture(scope="module")
def fresh(tilt):
    return dh.sample(tilt.market, GRID, 60_000, key=jax.random.key(2), method="random")


def z(sample: np.ndarray, weight: np.ndarray) -> float:
    """A weighted mean in its standard errors; the weights' mean is 1 by construction."""
    each = weight * (sample - (weight @ sample) / weight.sum())
    return float((weight @ sample) / np.sqrt(np.sum(each**2)))


def test_the_weights_are_esschers(tilt):
    theta = exact_theta()
    assert np.asarray(tilt.market.density.theta) == pytest.approx(theta, rel=0.03)  # a deviation of 65 536 paths is 1 %
    x = np.linspace(-0.6, 0.6, 20_001)
    mean, deviation = (DRIFT - 0.05 - 0.5 * VOL**2) * DT, VOL * DT**0.5
    p = np.exp(-0.5 * ((x - mean) / deviation) ** 2)
    log_mean = np.log(p @ np.exp(theta * np.expm1(x)) / p.sum())
    assert float(tilt.market.density.constant) == pytest.approx(STEPS * log_mean, rel=0.02)
    assert tilt.earned == pytest.approx(-STEPS * log_mean, rel=0.02)


def test_no_step_drifts_and_calls_cost_what_the_measure_says(fresh):
    weight = np.asarray(fresh.weight, float)
    assert abs(weight.mean() - 1) < 4 * weight.std() / weight.size**0.5
    spot = np.asarray(fresh.quotes["SPX"] / fresh.numeraire, float)
    assert np.mean(spot[:, -1]) > 1.08  # the market itself drifts
    for k in range(STEPS):  # with and without a bet on what was seen before
        assert abs(z(spot[:, k + 1] - spot[:, k], weight)) < 3.5
        assert abs(z((spot[:, k + 1] - spot[:, k]) * (spot[:, k] >= spot[:, 0]), weight)) < 3.5
    payoff = np.maximum(spot[:, -1] - np.exp(-0.05 * 0.5), 0.0)
    assert abs(z(payoff - exact_call(1.0), weight)) < 3.0


def test_dividends_on_dates_belong_to_the_return():
    """Under the pricing measure a stock that pays on dates has no drift to take out; its fall on the date is none."""
    inner = dh.markets.BlackScholes("SPX", vol=VOL, spot=100.0, rate=0.05, dividend=0.02)
    market = dh.markets.Dividends(inner, "SPX", cash=[(0.2, 6.0)], proportional=[(0.4, 0.05)], expiries=())
    assert minimal_entropy_tilt(market, GRID, "SPX", key=jax.random.key(1), paths=16_384).effective > 0.99


def problem(**more) -> dh.HedgingProblem:
    return dh.HedgingProblem(
        GRID, i.short(i.EuropeanCall("SPX", strike=1.0, expiry=0.5)), (i.Spot("SPX"),),
        (f.LogMoneyness("SPX", 1.0), f.TimeLeft(0.5)), **more,
    )  # fmt: skip


def policy(seed: int):
    return dh.policies.MLP(("log_moneyness", "time_left"), key=jax.random.key(seed), width=8, depth=1)


@pytest.fixture(scope="module")
def learnt():
    return learn_tilt(
        problem(),
        MARKET,
        policy(0),
        optax.adam(2e-2),
        risk_aversion=3.0,
        updates=150,
        paths=1024,
        key=jax.random.key(3),
    )


def test_a_learnt_tilt_finds_what_there_was_to_earn(learnt, tilt):
    # exponential utility of the best trader: log mean exponential of least entropy, over the risk aversion
    assert learnt.earned == pytest.approx(tilt.earned / 3.0, rel=0.03)
    assert learnt.effective == pytest.approx(tilt.effective, rel=0.1)


@pytest.mark.slow
def test_after_a_learnt_tilt_no_policy_earns_on_a_zero_liability(learnt):
    paths = dh.sample(learnt.market, GRID, 60_000, key=jax.random.key(5), method="random")
    assert abs(float(paths.weight.mean()) - 1) < 0.02
    free = problem()
    again = learn_tilt(
        free, learnt.market, policy(7), optax.adam(2e-2), risk_aversion=3.0, updates=100, paths=1024,
        key=jax.random.key(8),
    )  # fmt: skip
    assert abs(again.earned) < 0.02 * learnt.earned
    empty = dh.HedgingProblem(GRID, i.Nothing(), free.instruments, free.features)
    traders = {"fresh": again.policy, "drift": learnt.policy}
    weight = np.asarray(paths.weight, float)
    for name in ("fresh", "drift"):
        ledger = dh.evaluate(empty, {name: traders[name]}, paths)[name]
        assert z(np.asarray(ledger.wealth, float), weight) < 3.5, name


@pytest.mark.slow
def test_weights_flow_through_training(learnt):
    """Under the tilt a short call is hedged; in the drifting market the stock is a bargain, and more of it is held."""
    fits = {
        name: dh.fit(problem(), market, policy(0), Entropic(20.0), optax.adam(2e-2), updates=150, paths=1024,
                     key=jax.random.key(9), validation=0, checks=False)
        for name, market in {"drift": MARKET, "tilted": learnt.market}.items()
    }  # fmt: skip
    wealth, weight = dh.simulate_weighted(
        problem(), learnt.market, fits["tilted"].policy, paths=50_000, key=jax.random.key(4)
    )
    price = Entropic(20.0)(wealth, weight)
    exact = exact_call(1.0)
    assert 0 < float(price) - exact < 0.15 * exact  # a premium for what six trades cannot hedge
    biased, other = dh.simulate_weighted(
        problem(), learnt.market, fits["drift"].policy, paths=50_000, key=jax.random.key(4)
    )
    assert float(Entropic(20.0)(biased, other)) > float(price) * 1.02
    assert fits["tilted"].loss[-1] == pytest.approx(float(price), rel=0.1)
    with pytest.raises(dh.core.errors.ProblemError, match="take simulate_weighted"):
        dh.simulate_wealth(problem(), learnt.market, fits["tilted"].policy, paths=64, key=jax.random.key(4))


@pytest.mark.slow
def test_both_ways_of_differentiating_weigh_alike(learnt):
    """An objective with its pathwise terms hidden trains through two passes: the same gradient up to the constant."""

    class Hidden(dh.objectives.AbstractObjective):
        risk: CVaR = CVaR(0.8)

        def __call__(self, wealth, weight=None):
            return self.risk(wealth, weight)

    losses = []
    for objective in (Hidden(), CVaR(0.8)):
        found = dh.fit(problem(), learnt.market, policy(1), objective, optax.sgd(0.0), updates=1, paths=512,
                       key=jax.random.key(0), checks=False, validation=2048)  # fmt: skip
        losses.append(float(found.loss[0]))
        wealth, weight = dh.simulate_weighted(problem(), learnt.market, found.policy, paths=8192, key=jax.random.key(1))
        assert float(found.risk[0]) == pytest.approx(float(CVaR(0.8)(wealth, weight)), rel=0.1)
    assert losses[0] == pytest.approx(losses[1], rel=1e-4)


def test_gains_in_cash_are_taken_out_as_returns_are():
    """Of the stock over all steps at once: under the weights they are 0 on fresh paths."""

    def gain(path):
        held = path.quote("SPX") / path.numeraire
        return held[-1:] - held[:1]

    tilt = minimal_entropy_tilt(MARKET, GRID, gain, key=jax.random.key(1))
    fresh = dh.sample(tilt.market, GRID, 65_536, key=jax.random.key(2), method="random")
    weight, gains = np.asarray(fresh.weight, float), np.asarray(jax.vmap(gain)(fresh), float)[:, 0]
    error = float(np.std(weight * gains) / 256) * 2**0.5  # of the paths tested, and of those that found the weights
    assert abs(float(np.mean(weight * gains))) < 3.5 * error and float(np.mean(gains)) > 20 * error
    assert float(np.mean(weight)) == pytest.approx(1.0, abs=0.02) and tilt.effective < 1


def test_bad_input_is_one_sentence():
    with pytest.raises(TrainingError, match="gain 0 is no number on 256 of 256 paths"):
        minimal_entropy_tilt(MARKET, GRID, lambda x: 0 / (0 * x.quote("SPX")[:1]), key=jax.random.key(0), paths=256)
    up = dh.markets.BlackScholes("SPX", vol=0.01, drift=5.0)
    with pytest.raises(TrainingError, match="return of 'SPX' over step 0 has one sign"):
        minimal_entropy_tilt(up, GRID, "SPX", key=jax.random.key(0), paths=256)
    with pytest.raises(ParameterError, match="risk_aversion must be above 0"):
        learn_tilt(problem(), MARKET, policy(0), optax.adam(1e-2), risk_aversion=0.0, updates=1, paths=8,
                   key=jax.random.key(0))  # fmt: skip
    with pytest.raises(ParameterError, match="made for 3 steps, the path has 6"):
        dh.sample(Tilted(MARKET, CashDensity((0.0,) * 3, 0.0, ("SPX",))), GRID, 2, key=jax.random.key(0))
    assert jnp.shape(dh.sample(Tilted(MARKET, CashDensity((0.0,) * 6, 0.0, ("SPX",))), GRID, 2,
                               key=jax.random.key(0)).weight) == (2,)  # fmt: skip
