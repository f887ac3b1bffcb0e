"""Dividends on dates: forwards, parity, calls by Black on what is random, what a holder is paid, refusals."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.stats import norm

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.markets import BlackScholes, Dividends

RATE, YIELD, FEE, VOL = 0.05, 0.01, 0.015, 0.3
INNER = BlackScholes("SPX", vol=VOL, spot=100.0, rate=RATE, dividend=YIELD)
CASH, SHARES = [(0.3, 4.0), (0.5, 3.0), (1.4, 6.0)], [(0.5, 0.02), (0.8, 0.05)]
MARKET = Dividends(INNER, "SPX", CASH, SHARES, FEE, expiries=(0.75, 1.0))
TIMES = np.array([0.0, 0.25, 0.5, 0.75, 1.0])
GRID, PATHS = dh.TimeGrid(TIMES), 2**16


@lru_cache
def batch() -> dh.MarketPath:
    return dh.sample(MARKET, GRID, PATHS, key=jax.random.key(1))


def quote(name: str) -> np.ndarray:
    return np.asarray(batch().quotes[name], float)


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def forward(end: float) -> float:
    """Date by date, in the words of a trader."""
    now, price = 0.0, 100.0
    for date in sorted({t for t, _ in CASH + SHARES if t <= end} | {end}):
        price *= np.exp((RATE - YIELD - FEE) * (date - now))
        price = price * (1.0 - dict(SHARES).get(date, 0.0)) - dict(CASH).get(date, 0.0)
        now = date
    return price


def growth(start: float, end: float) -> float:
    kept = np.prod([1.0 - share for t, share in SHARES if start < t <= end])
    return kept * np.exp((RATE - YIELD - FEE) * (end - start))


def call(strike: float, end: float) -> float:
    """S_T - K is what is random less a strike without the cash still to come: a call by Black, discounted."""
    floor = sum(amount / growth(end, t) for t, amount in CASH if t > end)
    f, k, s = forward(end) - floor, strike - floor, VOL * np.sqrt(end)
    d = np.log(f / k) / s + s / 2
    return np.exp(-RATE * end) * (f * norm.cdf(d) - k * norm.cdf(d - s))


@pytest.mark.parametrize("point", [1, 2, 3, 4])
def test_forwards_calls_and_parity_are_those_of_the_affine_form(point):
    spot, end = quote("SPX")[:, point], TIMES[point]
    discount = np.exp(-RATE * end)
    assert errors(spot, forward(end)) < 3.0
    for strike in (80.0, 95.0, 120.0):
        paid = discount * np.maximum(spot - strike, 0.0)
        assert errors(paid, call(strike, end)) < 3.0
        puts = discount * np.maximum(strike - spot, 0.0)
        assert errors(paid - puts, discount * (forward(end) - strike)) < 3.0


def test_the_spot_jumps_by_what_it_pays_and_stays_above_the_cash_to_come():
    spot, paid = quote("SPX"), quote("SPX.dividend_cash")
    before = (spot[:, 2] + 3.0) / (1.0 - 0.02)  # just before the dividends of half a year
    np.testing.assert_allclose(paid[:, 2], before - spot[:, 2] + 4.0 * np.exp(0.2 * (RATE - YIELD - FEE)), rtol=2e-5)
    np.testing.assert_array_equal(paid[:, 1], 0.0)
    assert (spot[:, 4] > 6.0 / growth(1.0, 1.4)).all()


def test_price_and_cash_are_a_martingale_given_the_past():
    cash = np.asarray(jax.vmap(i.Spot("SPX").cashflows)(batch()), float)
    spot = quote("SPX")
    for point in range(4):
        gain = np.exp(-RATE * 0.25) * (spot[:, point + 1] + cash[:, point + 1]) - spot[:, point]
        for bet in (1.0, spot[:, point] >= np.median(spot[:, point])):
            assert errors(gain * bet, 0.0) < 3.5


def test_quoted_forwards_price_forwards_and_calls():
    path = jax.tree.map(lambda x: x[0], batch())
    prices = jax.jit(lambda *contracts: [contract.price(path)[0] for contract in contracts])
    for end in (0.75, 1.0):
        name, point = f"SPX.forward.{end}", int(end * 4)
        np.testing.assert_allclose(quote(name)[:, 0], forward(end), rtol=1e-5)
        np.testing.assert_allclose(quote(name)[:, point], quote("SPX")[:, point], rtol=1e-5)
        assert errors((quote(name)[:, point] - quote(name)[:, 2]) * (quote(name)[:, 2] > 90.0), 0.0) < 3.5
        ours, option = prices(i.Forward(name, strike=90.0, expiry=end), i.EuropeanCall(name, strike=95.0, expiry=end))
        np.testing.assert_allclose(ours, np.exp(-RATE * end) * (forward(end) - 90.0), rtol=1e-4)
        np.testing.assert_allclose(option, call(95.0, end), rtol=5e-3)  # a displaced lognormal, by its volatility now


def test_with_all_cash_before_expiry_quantlib_agrees():
    market = Dividends(INNER, "SPX", [(0.3, 4.0), (0.5, 3.0)], (), FEE, expiries=(1.0,))
    contract = i.EuropeanCall("SPX.forward.1.0", strike=95.0, expiry=1.0)
    ours = jax.jit(lambda z: contract.price(market.path(GRID, z))[0])(jnp.zeros((4, 1)))
    today = ql.Date(1, 1, 2024)
    ql.Settings.instance().evaluationDate = today
    flat = lambda x: ql.YieldTermStructureHandle(ql.FlatForward(today, x, ql.Thirty360(ql.Thirty360.BondBasis)))  # noqa: E731
    spot = 100.0 - sum(a * np.exp(-(RATE - YIELD - FEE) * t) for t, a in [(0.3, 4.0), (0.5, 3.0)])
    vol = ql.BlackConstantVol(today, ql.NullCalendar(), VOL, ql.Thirty360(ql.Thirty360.BondBasis))
    process = ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(spot)), flat(YIELD + FEE), flat(RATE), ql.BlackVolTermStructureHandle(vol)
    )
    payoff = ql.PlainVanillaPayoff(ql.Option.Call, 95.0)
    option = ql.VanillaOption(payoff, ql.EuropeanExercise(ql.Date(1, 1, 2025)))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    np.testing.assert_allclose(float(ours), option.NPV(), rtol=2e-5)


def test_without_dividends_nothing_changes():
    shocks = jax.random.normal(jax.random.key(0), (4, 1))
    bare, still = jax.jit(lambda z: (INNER.path(GRID, z), Dividends(INNER, "SPX").path(GRID, z)))(shocks)
    assert "SPX.dividend_cash" not in still.quotes
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), bare.quotes, still.quotes)


@pytest.mark.parametrize("kind", [i.Forward, i.EuropeanCall, i.Digital])
def test_a_price_that_would_ignore_dividends_to_come_is_refused(kind):
    path = jax.tree.map(lambda x: x[0], batch())
    contract = kind("SPX", strike=95.0, expiry=1.0)
    assert bool(jnp.isfinite(contract.cashflows(path)).all())
    with pytest.raises(ParameterError, match="dividends on dates"):
        contract.price(path)


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"cash": [(0.5, -1.0)]}, "cash"),
        ({"cash": [(0.0, 1.0)]}, "cash"),
        ({"cash": [(0.5, 110.0)]}, "less than the spot"),
        ({"proportional": [(0.5, 1.0)]}, "proportional"),
        ({"expiries": (0.0,)}, "expiries"),
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        Dividends(INNER, "SPX", **wrong)
