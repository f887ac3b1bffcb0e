"""A swap rate counted in annuities: its law, swaptions against Bachelier and Hagan, and QuantLib's formulas."""

from functools import lru_cache

import jax
import numpy as np
import pytest
import QuantLib as ql

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import SwapRate

PATHS, ANNUITY = 2**15, 4.2
NORMAL = dict(name="S", rate=-0.002, vol=0.008, annuity=ANNUITY)
SABR = dict(name="S", rate=0.01, dynamics="sabr", alpha=0.04, vol_of_vol=0.5, correlation=-0.3, beta=0.5, shift=0.03,
            annuity=ANNUITY)  # fmt: skip
MARKETS = {"normal": NORMAL, "sabr": SABR}
STRIKES = {"normal": np.array([-0.01, -0.002, 0.006]), "sabr": np.array([0.0, 0.01, 0.02])}
UNEVEN = dh.TimeGrid([0.0, 0.02, 0.05, 0.1, 0.15, 0.2, 0.25])


@lru_cache
def simulated(name: str) -> dict[str, np.ndarray]:
    batch = dh.sample(SwapRate(**MARKETS[name]), UNEVEN, PATHS, key=jax.random.key(3))
    assert bool((batch.numeraire == 1.0).all())
    return {key: np.asarray(x, float) for key, x in batch.quotes.items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors (of independent paths; Sobol points are nearer)."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("name", MARKETS)
def test_the_rate_is_a_martingale_given_the_past(name):
    rate = simulated(name)["S"]
    gain = rate[:, -1] - rate[:, 3]
    for bet in (1.0, rate[:, 3] > rate[:, 0], simulated(name)["S.normal_vol"][:, 3]):
        assert errors(gain * bet, 0.0) < 3.0


def test_normal_rates_have_their_autocovariance():
    rate = simulated("normal")["S"] - NORMAL["rate"]
    for s, t in ((1, 1), (2, 5), (6, 6)):
        assert errors(rate[:, s] * rate[:, t], 0.008**2 * float(UNEVEN.times[s])) < 3.5


@pytest.mark.parametrize("name", MARKETS)
def test_simulated_swaptions_cost_what_the_formula_says(name):
    market, end = SwapRate(**MARKETS[name]), simulated(name)["S"][:, -1]
    for payer, side in ((True, 1.0), (False, -1.0)):
        prices = np.asarray(market.swaption(STRIKES[name], 0.25, payer), float)
        for strike, price in zip(STRIKES[name], prices, strict=True):
            assert errors(ANNUITY * np.maximum(side * (end - strike), 0.0), price) < 3.0


@pytest.mark.parametrize("name", MARKETS)
def test_formulas_are_those_of_quantlib(name):
    market, tau = SwapRate(**MARKETS[name]), 2.0
    for payer, kind in ((True, ql.Option.Call), (False, ql.Option.Put)):
        for strike in map(float, STRIKES[name]):
            if name == "normal":
                theirs = ql.bachelierBlackFormula(kind, strike, NORMAL["rate"], 0.008 * np.sqrt(tau), ANNUITY)
            else:
                vol = ql.shiftedSabrVolatility(strike, 0.01, tau, 0.04, 0.5, 0.5, -0.3, 0.03)
                theirs = ql.blackFormula(kind, strike, 0.01, vol * np.sqrt(tau), ANNUITY, 0.03)
            np.testing.assert_allclose(float(market.swaption(strike, tau, payer)), theirs, rtol=2e-5)


def test_volatilities_are_those_a_desk_reads():
    path, market = simulated("sabr"), SwapRate(**SABR)
    shifted = path["S"] + 0.03
    np.testing.assert_allclose(path["S.vol"], path["S.alpha"] * shifted**-0.5, rtol=2e-5)
    np.testing.assert_allclose(path["S.normal_vol"], path["S.alpha"] * shifted**0.5, rtol=2e-5)
    moves = np.diff(path["S"], axis=1)[:, 2:], np.diff(np.log(path["S.alpha"]), axis=1)[:, 2:]
    correlation = np.mean(moves[0] * moves[1]) / (moves[0].std() * moves[1].std())
    np.testing.assert_allclose(correlation, -0.3, atol=0.01)
    rows = market.drivers()
    np.testing.assert_allclose(rows["S"] @ rows["S.variance"], -0.3, rtol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [{"dynamics": "black"}, {"beta": 1.5}, {"shift": -0.02}, {"alpha": 0.0}, {"vol": 0.1}, {"correlation": -1.5},
     {"vol_of_vol": None}, {"annuity": 0.0}, {"rate": np.nan}],
)  # fmt: skip
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        SwapRate(**{**SABR, **wrong})
