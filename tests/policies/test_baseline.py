"""No hedge, static, delta and Black-Scholes delta against SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.core.errors import ConfigError, ParameterError, ProblemError


def hold(policy, seen, position=(0.0,)):
    position = jnp.asarray(position, "f")
    return policy(policy.encode({name: jnp.asarray(x, "f") for name, x in seen.items()}), position, policy.init())[0]


def test_no_hedge_holds_nothing():
    assert hold(p.NoHedge(), {}, (0.3, -0.2)).tolist() == [0.0, 0.0]


def test_static_holds_the_same_whatever_is_seen():
    assert hold(p.Static((0.5, -1.0)), {}, (0.3, -0.2)).tolist() == [0.5, -1.0]
    with pytest.raises(ProblemError, match="2 static positions were given for 1 instruments"):
        hold(p.Static((0.5, -1.0)), {})
    with pytest.raises(ParameterError, match="one number an instrument"):
        p.Static(1.0)


def test_training_a_static_hedge_finds_the_best_one():
    """Least squares of the liability on the gain of one unit, a closed form."""
    market, grid = dh.markets.BlackScholes("SPX", vol=0.2), dh.TimeGrid.uniform(maturity=0.25, steps=2)
    call = i.EuropeanCall("SPX", strike=1.0, expiry=0.25)
    problem = dh.HedgingProblem(grid, i.short(call), (i.Spot("SPX"),), (f.TimeLeft(0.25),))
    paths = dh.sample(market, grid, 2000, key=jax.random.key(0))
    move = np.asarray(paths.quotes["SPX"][:, -1] - 1, float)
    best = np.cov(move, np.maximum(move, 0))[0, 1] / np.var(move, ddof=1)

    def risk(policy):
        return jnp.var(jax.vmap(lambda path: dh.rollout(problem, policy, path).wealth)(paths))

    slope = jax.jit(jax.grad(lambda units: risk(p.Static((units,)))))(best)
    assert abs(slope) < 1e-3 * np.var(move)


def test_delta_takes_what_the_feature_says():
    assert hold(p.Delta("seen", units=2.0), {"seen": 0.25}, (0.0, 0.0)).tolist() == [0.5, 0.0]
    assert hold(p.Delta(units=-1.0), {"delta": (0.25, -0.5)}, (0.0, 0.0)).tolist() == [-0.25, 0.5]
    with pytest.raises(ProblemError, match="'delta' holds 3 deltas for 2 instruments"):
        hold(p.Delta(), {"delta": (0.1, 0.2, 0.3)}, (0.0, 0.0))


def test_delta_of_a_book_hedges_the_book():
    """A call spread sold: the sum of the two deltas, signed; also where the feature looks at the liability itself."""
    calls = i.EuropeanCall("SPX", 1.0, 0.5), i.EuropeanCall("SPX", 1.1, 0.5)
    spread, sold = i.Book(calls, (1.0, -1.0)), i.Book(calls, (-1.0, 1.0))
    quotes = {"SPX": jnp.array([1.02, 1.0]), "SPX.vol": jnp.array([0.2, 0.2])}
    path = dh.MarketPath(jnp.array([0.0, 0.5]), quotes, jnp.ones(2))
    look = jax.jit(lambda book: f.Delta(book, quote="SPX")(path)[0])
    seen, liability = look(spread), look(sold)
    total = 0.2 * np.sqrt(0.5)
    deltas = [norm.cdf(np.log(1.02 / strike) / total + total / 2) for strike in (1.0, 1.1)]
    np.testing.assert_allclose(hold(p.Delta(), {"delta": seen}), [deltas[0] - deltas[1]], rtol=1e-5)
    np.testing.assert_allclose(
        hold(p.Delta(units=-1.0), {"delta": liability}), hold(p.Delta(), {"delta": seen}), rtol=1e-6
    )


@pytest.mark.parametrize(("kind", "units"), [("call", 1.0), ("call", -2.0), ("put", 3.0)])
def test_black_scholes_delta(kind, units):
    moneyness, left, vol, rate, dividend = 0.03, 0.4, 0.25, 0.05, 0.02
    policy = p.BlackScholesDelta(kind=kind, units=units, carry=rate - dividend, dividend=dividend)
    total = vol * np.sqrt(left)
    probability = norm.cdf((moneyness + (rate - dividend) * left) / total + total / 2) - (kind == "put")
    seen = {"log_moneyness": moneyness, "time_left": left, "vol": vol}
    expected = units * np.exp(-dividend * left) * probability
    np.testing.assert_allclose(hold(policy, seen, (0.0, 0.0)), [expected, 0.0], rtol=1e-5)


def test_black_scholes_delta_replicates():
    """Daily hedging at no cost: the spread of wealth is that of Derman and Kamal (1999), its mean minus the price."""
    maturity, steps, vol = 30 / 365, 30, 0.2
    market, grid = dh.markets.BlackScholes("SPX", vol=vol), dh.TimeGrid.uniform(maturity=maturity, steps=steps)
    problem = dh.HedgingProblem(
        grid,
        i.short(i.EuropeanCall("SPX", strike=1.0, expiry=maturity)),
        (i.Spot("SPX"),),
        (f.LogMoneyness("SPX", 1.0), f.TimeLeft(maturity), f.Quote("SPX.vol", "vol")),
    )
    policy = p.BlackScholesDelta()
    wealth = dh.simulate_wealth(problem, market, policy, paths=20_000, key=jax.random.key(1), method="random")
    total = vol * np.sqrt(maturity)
    price, vega = 2 * norm.cdf(total / 2) - 1, np.sqrt(maturity) * norm.pdf(total / 2)
    assert abs(wealth.mean() + price) < 3 * wealth.std() / np.sqrt(wealth.size)
    np.testing.assert_allclose(wealth.std(), np.sqrt(np.pi / 4 / steps) * vol * vega, rtol=0.1)


def test_what_an_option_hedge_refuses():
    with pytest.raises(ConfigError, match="kind must be 'call' or 'put', was 'straddle'"):
        p.BlackScholesDelta(kind="straddle")
    with pytest.raises(ConfigError, match="must name log-moneyness, time left and volatility"):
        p.Leland(0.01, 0.1, features=("vol",))
