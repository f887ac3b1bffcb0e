import numpy as np
import pytest
from scipy.integrate import quad
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from oracles import hodges_neuberger, minimum_variance

SETTING = {"spot": 100.0, "vol": 0.2, "maturity": 30 / 365, "steps": 30, "risk_aversion": 1.0}
COARSE = {"shape": (151, 121), "nodes": 16}
# p_eps of Buehler et al. (2019), section 5.3, as solved by an independent program on a finer grid
EXACT = {0.0: 2.3533, 2**-10: 2.5215, 2**-8: 2.8861, 2**-6: 3.9977}


def call(spot, strike=100.0):
    return np.maximum(spot - strike, 0.0)


def put(spot):
    return np.maximum(100.0 - spot, 0.0)


def spread(spot):
    return call(spot) - call(spot, 101.0)


@pytest.fixture(scope="module")
def costly():
    return hodges_neuberger.solve(call, **SETTING, cost=2**-8, **COARSE)


def entropic(loss, weight, risk_aversion):
    return np.log(np.sum(weight * np.exp(risk_aversion * (loss - loss.max())))) / risk_aversion + loss.max()


def at_maturity(vol, maturity):
    z = np.linspace(-9.0, 9.0, 20_001)
    weight = norm.pdf(z)
    return np.exp(vol * np.sqrt(maturity) * z - 0.5 * vol**2 * maturity), weight / weight.sum()


@pytest.mark.parametrize("cost", [2**-10, 2**-6])
def test_published_prices_on_a_coarse_grid(cost):
    solution = hodges_neuberger.solve(call, **SETTING, cost=cost, **COARSE)
    np.testing.assert_allclose(solution.value(100.0), EXACT[cost], atol=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("cost", EXACT)
def test_published_prices_on_a_fine_grid(cost):
    solution = hodges_neuberger.solve(call, **SETTING, cost=cost)
    np.testing.assert_allclose(solution.value(100.0), EXACT[cost], atol=2e-4)


def test_published_band(costly):
    np.testing.assert_allclose(costly.band(0, np.array(100.0)), (0.437, 0.593), atol=3e-3)


def test_the_no_transaction_band_case():
    # 30 steps, unit spot, risk aversion 1: so close to risk-neutral that half a percent is never worth trading
    setting = SETTING | {"spot": 1.0}
    for cost, exact in ((1e-3, 0.0233689), (5e-3, 0.0234833)):
        solution = hodges_neuberger.solve(lambda s: call(s, 1.0), **setting, cost=cost, **COARSE)
        np.testing.assert_allclose(solution.value(1.0), exact, atol=5e-6)


def test_following_the_band_costs_what_the_solution_says(costly):
    paths, rng = 200_000, np.random.default_rng(7)
    deviation = 0.2 * np.sqrt(1 / 365)
    spot, held, loss = np.full(paths, 100.0), np.zeros(paths), np.zeros(paths)
    for step in range(30):
        target = np.clip(held, *costly.band(step, spot))
        loss += 2**-8 * np.abs(target - held) * spot
        after = spot * np.exp(deviation * rng.standard_normal(paths) - 0.5 * deviation**2)
        held, loss, spot = target, loss - target * (after - spot), after
    weights = np.exp(loss + call(spot) - 2.8)
    standard_error = weights.std() / weights.mean() / np.sqrt(paths)
    np.testing.assert_allclose(np.log(weights.mean()) + 2.8, costly.value(100.0), atol=4 * standard_error + 5e-4)
    assert standard_error < 5e-3


def test_a_put_is_a_call_held_one_unit_lower(costly):
    # (K - S)^+ = (S - K)^+ + K - S, and the forward is hedged by holding one unit more at no cost
    own = hodges_neuberger.solve(put, **SETTING, cost=2**-8, **COARSE)
    assert own.positions[0] < -1.0
    np.testing.assert_allclose(own.value(100.0), costly.value(100.0, 1.0), atol=2e-3)
    np.testing.assert_allclose(own.value(100.0, -1.0), costly.value(100.0, 0.0), atol=2e-3)
    np.testing.assert_allclose(np.add(own.band(0, 100.0), 1.0), costly.band(0, 100.0), atol=5e-3)


def test_a_position_off_the_grid_pays_its_way_back(costly):
    edge = costly.positions[-1]
    expected = costly.value(100.0, edge) + 2**-8 * 100.0 * 0.5
    np.testing.assert_allclose(costly.value(100.0, edge + 0.5), expected, rtol=1e-12)


def test_a_spread_at_low_risk_aversion_costs_its_price_and_half_its_variance():
    setting = SETTING | {"risk_aversion": 0.02}
    solution = hodges_neuberger.solve(spread, **setting, cost=0.0, positions=(-0.5, 1.5), **COARSE)
    del setting["risk_aversion"]
    bound = minimum_variance.solve(spread, **setting)
    np.testing.assert_allclose(solution.value(100.0), bound.value + 0.01 * bound.error, atol=1e-4)


def test_one_step_is_a_search_for_one_number():
    vol, maturity, cost, closing, start, risk_aversion = 0.4, 0.1, 4e-3, 7e-3, 0.2, 0.3
    z = np.sqrt(maturity) * vol

    def certainty(position):
        def integrand(x):
            after = 100.0 * np.exp(z * x - 0.5 * z * z)
            loss = call(after) + closing * abs(position) * after - position * (after - 100.0)
            return np.exp(risk_aversion * (loss - 10.0)) * norm.pdf(x)

        mean = sum(quad(integrand, low, high)[0] for low, high in ((-9.0, 0.5 * z), (0.5 * z, 9.0)))
        return cost * 100.0 * abs(position - start) + np.log(mean) / risk_aversion + 10.0

    best = minimize_scalar(certainty, bounds=(start, 1.2), method="bounded", options={"xatol": 1e-6})
    setting = {"spot": 100.0, "vol": vol, "maturity": maturity, "steps": 1, "risk_aversion": risk_aversion}
    solution = hodges_neuberger.solve(call, **setting, cost=cost, closing_cost=closing, shape=(21, 1201))
    np.testing.assert_allclose(solution.value(100.0, start), best.fun, atol=1e-4)
    np.testing.assert_allclose(solution.band(0, 100.0)[0], best.x, atol=2e-3)


def test_what_is_too_dear_to_trade_is_held_and_closed():
    growth, weight = at_maturity(0.2, 30 / 365)
    after, held = 100.0 * growth, 0.4
    loss = call(after) + 0.01 * held * after - held * (after - 100.0)
    exact = entropic(loss, weight, 0.1)
    setting = SETTING | {"risk_aversion": 0.1}
    solution = hodges_neuberger.solve(call, **setting, cost=0.3, closing_cost=0.01, **COARSE)
    np.testing.assert_allclose(solution.value(100.0, held), exact, atol=5e-4)


def test_scale_of_money(costly):
    # multiply spot and strike by 2 and the risk aversion by 1/2: the price doubles
    setting = SETTING | {"spot": 200.0, "risk_aversion": 0.5}
    large = hodges_neuberger.solve(lambda s: call(s, 200.0), **setting, cost=2**-8, **COARSE).value(200.0)
    np.testing.assert_allclose(large, 2 * costly.value(100.0), rtol=1e-9)
