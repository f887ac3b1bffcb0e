"""What must hold for prices in any setting: monotone in cost, bounded, additive, covariant with the unit of cash."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from oracles import hodges_neuberger

T = 30 / 365
NAMES = ("log_moneyness", "time_left", "vol")


def problem(spot=1.0, cost=1e-3, steps=10, **more):
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=T, steps=steps),
        liability=i.short(i.EuropeanCall("SPX", strike=spot, expiry=T)),
        instruments=(i.Spot("SPX"),),
        features=(f.LogMoneyness("SPX", spot), f.TimeLeft(T), f.Quote("SPX.vol", "vol")),
        cost=dh.frictions.ProportionalCost(cost),
        **more,
    )


def learn(told, spot=1.0, risk_aversion=100.0, updates=60, paths=512):
    market, key = dh.markets.BlackScholes("SPX", vol=0.2, spot=spot), jax.random.key(2)
    policy = dh.policies.NoTransactionBand(NAMES, key=key, width=16)
    risk = dh.objectives.Entropic(risk_aversion)
    fit = dh.fit(told, market, policy, risk, optax.adam(1e-2), updates=updates, paths=paths, key=key, validation=0)
    return fit.policy, risk, dh.sample(market, told.grid, 4096, key=jax.random.key(3), method="random")


def test_the_exact_price_rises_with_the_cost_up_to_that_of_never_trading():
    def call(spot):
        return np.maximum(spot - 100.0, 0.0)

    setting = {"spot": 100.0, "vol": 0.2, "maturity": T, "steps": 10, "risk_aversion": 0.1, "shape": (101, 81)}
    prices = [hodges_neuberger.solve(call, **setting, cost=c).value(100.0) for c in (0, 2**-10, 2**-8, 2**-6, 0.3)]
    assert np.all(np.diff(prices) > 0)
    z = np.linspace(-9, 9, 40_001)
    weight, end = np.exp(-0.5 * z * z), 100.0 * np.exp(0.2 * np.sqrt(T) * z - 0.02 * T)
    never = np.log(np.sum(weight * np.exp(0.1 * call(end))) / weight.sum()) / 0.1
    np.testing.assert_allclose(prices[-1], never, atol=2e-3)


@pytest.mark.slow
@pytest.mark.parametrize("scale", [100.0, 4000.0])
def test_another_unit_of_cash_is_another_number_for_the_same_hedge(scale):
    policy, risk, paths = learn(problem())
    other, other_risk, other_paths = learn(problem(scale), scale, 100.0 / scale)
    one = dh.evaluate(problem(), {"x": policy}, paths)["x"]
    two = dh.evaluate(problem(scale), {"x": other}, other_paths)["x"]
    np.testing.assert_allclose(float(other_risk(two.wealth)), scale * float(risk(one.wealth)), rtol=1e-3)
    np.testing.assert_allclose(two.position, one.position, atol=0.02)


@pytest.mark.slow
def test_what_is_too_dear_to_trade_is_held():
    told = problem(cost=0.3, initial=0.4)
    policy, risk, paths = learn(told)
    learnt = dh.evaluate(told, {"learnt": policy, "held": dh.policies.Static((0.4,))}, paths)
    assert float(jnp.abs(learnt["learnt"].trade).mean()) < 1e-3
    np.testing.assert_allclose(float(risk(learnt["learnt"].wealth)), float(risk(learnt["held"].wealth)), rtol=1e-3)


def test_a_learnt_price_lies_between_no_arbitrage_bounds_and_below_never_trading():
    policy, risk, paths = learn(problem())
    wealth = {n: x.wealth for n, x in dh.evaluate(problem(), {"x": policy, "0": dh.policies.NoHedge()}, paths).items()}
    price = float(risk(wealth["x"]))
    assert 0.0 < price < 1.0  # intrinsic value, and the spot that covers the call whatever happens
    assert price < float(risk(wealth["0"]))


def test_independent_legs_add_up_under_the_entropic_risk():
    names, halves = ("A", "B"), (0.6, 0.4)
    market = dh.markets.BlackScholes(names, vol=(0.2, 0.3))
    grid = dh.TimeGrid.uniform(maturity=T, steps=4)
    legs = {name: i.EuropeanCall(name, strike=1.0, expiry=T) for name in names}

    def risk_of(held, position):
        told = dh.HedgingProblem(
            grid=grid, liability=i.Book(tuple(legs[n] for n in held), (-1.0,) * len(held)),
            instruments=tuple(i.Spot(n) for n in held), features=(f.LogMoneyness(held[0], 1.0),),
        )  # fmt: skip
        paths = dh.sample(market, grid, 100_000, key=jax.random.key(5))
        wealth = dh.evaluate(told, {"x": dh.policies.Static(position)}, paths)["x"].wealth
        return float(dh.objectives.Entropic(10.0)(wealth))

    apart = sum(risk_of((name,), (half,)) for name, half in zip(names, halves, strict=True))
    np.testing.assert_allclose(risk_of(names, halves), apart, rtol=5e-3)
