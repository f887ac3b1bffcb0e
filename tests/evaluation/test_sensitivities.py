import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ProblemError
from deephedge.evaluation.sensitivities import price_greeks
from deephedge.objectives import AbstractObjective, CVaR, Entropic, Expectation

SPOT, STRIKE, VOL, RATE, TAU = 1.05, 1.0, 0.25, 0.03, 0.25
D1 = (np.log(SPOT / STRIKE) + (RATE + VOL**2 / 2) * TAU) / (VOL * TAU**0.5)
D2 = D1 - VOL * TAU**0.5
BLACK = {  # Black and Scholes (1973)
    "spot": norm.cdf(D1),
    "vol": SPOT * norm.pdf(D1) * TAU**0.5,
    "rate": STRIKE * TAU * np.exp(-RATE * TAU) * norm.cdf(D2),
}
PRICE = SPOT * norm.cdf(D1) - STRIKE * np.exp(-RATE * TAU) * norm.cdf(D2)
MARKET = dh.markets.BlackScholes("SPX", vol=VOL, spot=SPOT, rate=RATE)
KEY = jax.random.key(7)


def short_call(steps, **kwargs):
    features = (f.LogMoneyness("SPX", STRIKE), f.TimeLeft(TAU), f.Quote("SPX.vol", "vol"))
    liability = i.short(i.EuropeanCall("SPX", strike=STRIKE, expiry=TAU))
    grid = dh.TimeGrid.uniform(maturity=TAU, steps=steps)
    return dh.HedgingProblem(grid, liability, (i.Spot("SPX"),), features, **kwargs)


@pytest.mark.parametrize(
    ("policy", "risk"),
    [
        (dh.policies.BlackScholesDelta(carry=RATE), Entropic(0.05)),
        (dh.policies.BlackScholesDelta(carry=RATE), Expectation()),
        (dh.policies.NoHedge(), Expectation()),
    ],
    ids=["delta, entropic", "delta", "no hedge"],
)
def test_without_costs_the_greeks_are_those_of_black_and_scholes(policy, risk):
    greeks = price_greeks(short_call(16), MARKET, policy, risk, paths=16_384, key=KEY, wrt=("spot", "vol", "rate"))
    assert float(greeks.price) == pytest.approx(PRICE, abs=0.01)
    for name, expected in BLACK.items():
        error = float(jnp.squeeze(greeks.standard_error[name]))
        assert abs(float(jnp.squeeze(greeks.value[name])) - expected) < 3.5 * error
        assert error < 0.05 * max(expected, 0.2)


@pytest.mark.parametrize("risk", [Entropic(20.0), CVaR(0.5)], ids=["entropic", "CVaR"])
def test_agrees_with_a_difference_of_prices_under_costs(risk):
    """Bump and revalue on the same random numbers, through simulate_wealth."""
    problem, policy = short_call(8, cost=dh.frictions.ProportionalCost(0.01)), dh.policies.BlackScholesDelta()

    def price(spot):
        market = eqx.tree_at(lambda m: m.spot, MARKET, jnp.array([spot]))
        return float(risk(dh.simulate_wealth(problem, market, policy, paths=8192, key=KEY)))

    greeks = price_greeks(problem, MARKET, policy, risk, paths=8192, key=KEY)
    assert float(greeks.price) == pytest.approx(price(SPOT), abs=1e-6)
    bumped = (price(SPOT + 5e-3) - price(SPOT - 5e-3)) / 1e-2
    assert float(greeks.value["spot"][0]) == pytest.approx(bumped, abs=5e-3)


def test_the_best_price_moves_as_the_price_of_its_policy_does():
    """The envelope theorem: find the best fixed position at three spots, and difference its prices."""
    problem, risk, units = short_call(1), Entropic(30.0), np.linspace(0.4, 1.0, 13)

    def best(spot):
        market = eqx.tree_at(lambda m: m.spot, MARKET, jnp.array([spot]))
        static = map(dh.policies.Static, units[:, None])
        prices = [float(risk(dh.simulate_wealth(problem, market, each, paths=4096, key=KEY))) for each in static]
        fine = np.linspace(0.4, 1.0, 2001)
        curve = np.polyval(np.polyfit(units, prices, 4), fine)
        return fine[curve.argmin()], curve.min()

    optimum, bumped = best(SPOT)[0], (best(SPOT + 0.01)[1] - best(SPOT - 0.01)[1]) / 0.02
    greeks = price_greeks(problem, MARKET, dh.policies.Static((optimum,)), risk, paths=4096, key=KEY)
    assert float(greeks.value["spot"][0]) == pytest.approx(bumped, abs=0.01)


def test_shapes_follow_the_parameters_and_any_objective_will_do():
    class Worst(AbstractObjective):
        def __call__(self, wealth):
            return -jnp.min(wealth)

    market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.3))
    grid, sold = dh.TimeGrid.uniform(maturity=0.1, steps=2), i.short(i.EuropeanCall("B", 1.0, 0.1))
    problem = dh.HedgingProblem(grid, sold, (i.Spot("A"),), (f.TimeLeft(0.1),))
    greeks = price_greeks(problem, market, dh.policies.NoHedge(), Worst(), paths=100, key=KEY, wrt=("vol", "spot"))
    assert {name: x.shape for name, x in greeks.value.items()} == {"vol": (2,), "spot": (1,)}
    assert {name: x.shape for name, x in greeks.standard_error.items()} == {"vol": (2,), "spot": (1,)}
    assert float(greeks.value["vol"][0]) == 0.0 and float(greeks.value["vol"][1]) > 0.0


def test_misuse_is_refused_in_one_sentence():
    arguments = (short_call(2), dh.markets.BlackScholes("SPX", vol=VOL), dh.policies.NoHedge(), Expectation())
    with pytest.raises(ProblemError, match="no number 'rate' set"):
        price_greeks(*arguments, paths=64, key=KEY, wrt=("rate",))
    with pytest.raises(ProblemError, match="did you mean 'spot'"):
        price_greeks(*arguments, paths=64, key=KEY, wrt=("sopt",))
    with pytest.raises(ProblemError, match="needs 64 paths or more, was 10"):
        price_greeks(*arguments, paths=10, key=KEY)
