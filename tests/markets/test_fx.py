"""Exchange rates against triangulation, Garman and Kohlhagen's formula and the martingales of money accounts."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.instruments import EuropeanCall
from deephedge.markets import GarmanKohlhagen
from deephedge.pricing import black

RATE, FOREIGN = 0.05, (0.03, 0.045, 0.001)
VOLS, SPOTS = (0.08, 0.11, 0.12), (1.1, 1.25, 0.0067)
CORRELATION = np.array([[1, 0.6, 0.3], [0.6, 1, 0.2], [0.3, 0.2, 1]])
PAIRS, CROSSES = ("EURUSD", "GBPUSD", "JPYUSD"), ("EURGBP", "USDJPY", "EURJPY")
GRID = dh.TimeGrid([0.0, 0.1, 0.15, 0.5, 1.0])
PATHS = 2**17
MARKET = dict(pairs=PAIRS, vol=VOLS, spot=SPOTS, rate=RATE, foreign=FOREIGN, correlation=CORRELATION, crosses=CROSSES)


@lru_cache
def batch() -> dh.MarketPath:
    return dh.sample(GarmanKohlhagen(**MARKET), GRID, PATHS, key=jax.random.key(8))


def quote(name: str) -> np.ndarray:
    return np.asarray(batch().quotes[name], float)


def errors(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def closed_form(spot: float, strike: float, domestic: float, foreign: float, vol: float) -> float:
    """Garman and Kohlhagen's price of a one-year call, by QuantLib's engine."""
    today = ql.Date(1, 1, 2023)  # a year of 365 days follows
    ql.Settings.instance().evaluationDate = today
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, ql.Actual365Fixed())) for r in (foreign, domestic)]
    flat = ql.BlackVolTermStructureHandle(ql.BlackConstantVol(today, ql.NullCalendar(), vol, ql.Actual365Fixed()))
    process = ql.GarmanKohlagenProcess(ql.QuoteHandle(ql.SimpleQuote(spot)), *curves, flat)
    option = ql.EuropeanOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + 365))
    option.setPricingEngine(ql.AnalyticEuropeanEngine(process))
    return option.NPV()


def test_cross_rates_are_quotients_to_the_last_bit():
    quotes = {name: np.asarray(value) for name, value in batch().quotes.items()}
    assert quotes["EURGBP"].dtype == np.float32
    np.testing.assert_array_equal(quotes["EURGBP"], quotes["EURUSD"] / quotes["GBPUSD"])
    np.testing.assert_array_equal(quotes["EURJPY"], quotes["EURUSD"] / quotes["JPYUSD"])
    np.testing.assert_array_equal(quotes["USDJPY"], np.float32(1.0) / quotes["JPYUSD"])


@pytest.mark.parametrize("n", range(3))
def test_foreign_money_is_a_martingale_in_home_cash(n):
    """Also between points and seen from a past in which the rate rose."""
    times, home = np.asarray(GRID.times, float), np.asarray(batch().numeraire, float)
    account = quote(PAIRS[n]) * np.exp(FOREIGN[n] * times) / home
    rose = account[:, 2] > account[:, 0]
    for gain in (account[:, -1] - account[:, 0], (account[:, -1] - account[:, 2]) * rose):
        assert errors(gain, 0.0) < 3.5


@pytest.mark.parametrize("cross, i, j", [("EURGBP", 0, 1), ("EURJPY", 0, 2), ("USDJPY", None, 2)])
def test_the_volatility_of_a_cross_is_that_of_the_triangle(cross, i, j):
    first = 0.0 if i is None else VOLS[i]
    rho = 0.0 if i is None else CORRELATION[i, j]
    variance = first**2 + VOLS[j] ** 2 - 2 * rho * first * VOLS[j]
    np.testing.assert_allclose(quote(f"{cross}.vol"), np.sqrt(variance), rtol=1e-6)
    moves = np.diff(np.log(quote(cross)), axis=1)
    for n, dt in enumerate(np.diff(np.asarray(GRID.times, float))):
        surprise = moves[:, n] - moves[:, n].mean()
        assert errors(surprise**2, variance * dt) < 3.5
    joint = (moves[:, 0] - moves[:, 0].mean()) * (moves[:, 2] - moves[:, 2].mean())
    assert errors(joint, 0.0) < 3.5


def test_rates_move_together_as_told():
    moves = [np.diff(np.log(quote(pair)), axis=1)[:, 2] for pair in PAIRS]
    expected = CORRELATION[np.triu_indices(3, 1)]
    seen = np.corrcoef(moves)[np.triu_indices(3, 1)]
    assert np.all(np.abs(seen - expected) < 3.5 * (1 - expected**2) / np.sqrt(PATHS))


@pytest.mark.parametrize("n", range(3))
@pytest.mark.parametrize("ratio", [0.95, 1.0, 1.05])
def test_options_cost_what_garman_and_kohlhagen_say(n, ratio):
    spot, strike = SPOTS[n], SPOTS[n] * ratio
    expected = closed_form(spot, strike, RATE, FOREIGN[n], VOLS[n])
    forward = spot * np.exp(RATE - FOREIGN[n])
    formula = np.exp(-RATE) * float(black.price(forward / spot, ratio, VOLS[n])) * spot
    assert formula == pytest.approx(expected, rel=2e-5)
    payoff = np.maximum(quote(PAIRS[n])[:, -1] - strike, 0.0) * np.exp(-RATE)
    assert errors(payoff, expected) < 3.0


@pytest.mark.parametrize("ratio", [0.95, 1.0, 1.05])
def test_an_option_on_a_cross_costs_the_formula_at_the_rates_of_its_currencies(ratio):
    """Priced in dollars and converted: only right if the covariance of the pairs is."""
    spot = SPOTS[0] / SPOTS[1]
    vol = np.sqrt(VOLS[0] ** 2 + VOLS[1] ** 2 - 2 * 0.6 * VOLS[0] * VOLS[1])
    payoff = np.maximum(quote("EURGBP")[:, -1] - ratio * spot, 0.0) * quote("GBPUSD")[:, -1]
    value = payoff * np.exp(-RATE) / SPOTS[1]
    assert errors(value, closed_form(spot, ratio * spot, FOREIGN[1], FOREIGN[0], vol)) < 3.0


def test_existing_instruments_read_the_foreign_rate():
    path = jax.tree.map(lambda x: x[0], batch())
    price = EuropeanCall("EURUSD", 1.1, expiry=1.0).price(path)
    assert float(price[0]) == pytest.approx(closed_form(1.1, 1.1, RATE, 0.03, 0.08), rel=2e-5)


def test_cross_rates_have_derivatives():
    """EURGBP is EURUSD / GBPUSD, so its derivative in the spot of GBPUSD is minus itself over that spot."""

    @jax.jit
    @jax.value_and_grad
    def end(spots):
        return GarmanKohlhagen(**{**MARKET, "spot": spots}).path(GRID, jnp.ones((4, 3))).quotes["EURGBP"][-1]

    value, slope = end(jnp.array(SPOTS))
    np.testing.assert_allclose(slope, [value / SPOTS[0], -value / SPOTS[1], 0.0], rtol=1e-5)


WRONG = [
    ({"pairs": ("EURUSD", "USDJPY", "GBPUSD")}, "home"),
    ({"pairs": ("EURUSD", "GBP", "JPYUSD")}, "GBP"),
    ({"crosses": ("EURCHF",)}, "CHF"),
    ({"crosses": ("EURUSD",)}, "differ"),
    ({"vol": -0.1}, "vol"),
    ({"spot": 0.0}, "spot"),
    ({"foreign": (0.1, 0.2)}, "foreign"),
    ({"correlation": 2 * CORRELATION}, "correlation"),
]


@pytest.mark.parametrize("wrong, word", WRONG)
def test_parameters_outside_their_domain_are_refused(wrong, word):
    with pytest.raises(ParameterError, match=word):
        GarmanKohlhagen(**{**MARKET, **wrong})
