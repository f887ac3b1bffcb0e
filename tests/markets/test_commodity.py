"""Commodity markets against the exact joint law of their factors, their curves and the prices of options."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.instruments import EuropeanCall, Spot
from deephedge.markets import Schwartz, SchwartzSmith, Seasonality
from deephedge.pricing import schwartz

ONE = dict(spot=60.0, mean_reversion=1.5, level=50.0, vol=0.4, rate=0.05)
TWO = dict(
    spot=60.0, mean_reversion=1.49, short_vol=0.286, long_vol=0.145, correlation=0.3, short=0.15, growth=0.02,
    premium=0.157,
)  # fmt: skip
GRID = dh.TimeGrid([0.0, 0.05, 0.1, 0.25, 0.3, 0.5])  # unequal steps on purpose
EXPIRIES = (0.27, 0.5, 0.75, 2.0)  # one between two points
PATHS = 2**16


@lru_cache
def simulated(case: str) -> tuple[dict[str, np.ndarray], np.ndarray]:
    make = {"one": lambda: Schwartz("CL", **ONE, expiries=EXPIRIES, tenors=(0.25,)),
            "two": lambda: SchwartzSmith("CL", **TWO, expiries=EXPIRIES, tenors=(0.25,)),
            "real": lambda: SchwartzSmith("CL", **TWO, expiries=EXPIRIES, real_growth=0.1)}[case]  # fmt: skip
    batch = dh.sample(make(), GRID, PATHS, key=jax.random.key(4), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}, np.asarray(batch.numeraire, float)


@eqx.filter_jit
def follow(market, shocks):
    return market.path(GRID, shocks)


def vols(case: str) -> tuple[float, float, float, float]:
    return (1.5, 0.4, 0.0, 0.0) if case == "one" else (1.49, 0.286, 0.145, 0.3)


def covariance(case: str, s: float, t: float) -> float:
    """Cov(log S_s, log S_t) for s <= t, from the definition of the factors."""
    k, short, long, rho = vols(case)
    lag = np.exp(-k * (t - s))
    own = lag * short**2 * (1 - np.exp(-2 * k * s)) / (2 * k)
    return own + rho * short * long * (1 - np.exp(-k * s)) / k * (1 + lag) + long**2 * s


def errors(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("case", ["one", "two", "real"])
def test_the_log_spot_has_its_mean_and_autocovariance(case):
    log, times = np.log(simulated(case)[0]["CL"]), np.asarray(GRID.times, float)

    def mean(t):
        if case == "one":
            return np.log(50.0) + np.exp(-1.5 * t) * np.log(60.0 / 50.0)
        fade = np.exp(-1.49 * t)
        premium, growth = (0.157, 0.02) if case == "two" else (0.0, 0.1)
        return np.log(60.0) - 0.15 * (1 - fade) - premium / 1.49 * (1 - fade) + growth * t

    for s, t in ((1, 1), (1, 3), (2, 5), (5, 5)):
        a, b = (log[:, n] - mean(times[n]) for n in (s, t))
        assert errors(a, 0.0) < 3.5 and errors(a * b, covariance(case, times[s], times[t])) < 3.5


@pytest.mark.parametrize("case", ["one", "two"])
def test_near_futures_move_more_than_far_ones_and_not_quite_together(case):
    """Samuelson's effect and the term structure of correlation, over the first and the fourth step."""
    quotes, _ = simulated(case)
    k, short, long, rho = vols(case)
    for n in (0, 3):
        now, then = float(GRID.times[n]), float(GRID.times[n + 1])
        moves = {T: np.diff(np.log(quotes[f"CL.future.{T:g}"]), axis=1)[:, n] for T in (0.5, 0.75, 2.0)}
        u = np.linspace(now, then, 2001)
        load = {T: (short * np.exp(-k * (T - u)), long + 0 * u) for T in moves}
        spread = {}
        for a in moves:
            for b in moves:
                (x, y), (v, w) = load[a], load[b]
                spread[a, b] = np.trapezoid(x * v + rho * (x * w + y * v) + y * w, u)
                product = (moves[a] + 0.5 * spread[a, a]) if a == b else moves[a] - moves[a].mean()
                other = product if a == b else moves[b] - moves[b].mean()
                assert errors(product * other, spread[a, b]) < 3.5
        deviation = [moves[T].std() for T in (0.5, 0.75, 2.0)]
        assert deviation == sorted(deviation, reverse=True) and deviation[0] > 1.2 * deviation[2]
        seen = np.corrcoef(moves[0.5], moves[2.0])[0, 1]
        expected = spread[0.5, 2.0] / np.sqrt(spread[0.5, 0.5] * spread[2.0, 2.0])
        assert abs(seen - expected) < 3.5 * (1 - expected**2) / np.sqrt(PATHS) + 1e-4


@pytest.mark.parametrize("expiry", EXPIRIES)
def test_one_factor_futures_are_the_closed_form_at_every_point(expiry):
    quotes, _ = simulated("one")
    left = expiry - np.asarray(GRID.times, float)
    before = left >= 0
    expected = schwartz.future(quotes["CL"], left, 1.5, 50.0, 0.4)
    np.testing.assert_allclose(quotes[f"CL.future.{expiry:g}"][:, before], expected[:, before], rtol=1e-5)
    rolling = schwartz.future(quotes["CL"], 0.25, 1.5, 50.0, 0.4)
    np.testing.assert_allclose(quotes["CL.future.0.25y"], rolling, rtol=1e-5)


def test_two_factor_futures_span_the_curve():
    """The spot and one future give both factors, and the factors every other future."""
    quotes, _ = simulated("two")
    k, times = vols("two")[0], np.asarray(GRID.times, float)
    log = {name: np.log(quote) for name, quote in quotes.items() if "vol" not in name}

    def fixed(tau):  # what does not depend on the factors: Schwartz and Smith (2000), equation 9
        spread = covariance("two", tau, tau)
        return 0.02 * tau - (1 - np.exp(-k * tau)) * 0.157 / k + 0.5 * spread

    far = 2.0 - times
    fading = (log["CL"] - (log["CL.future.2"] - fixed(far))) / (1 - np.exp(-k * far))
    for name, tau in (("CL.future.0.75", 0.75 - times), ("CL.future.0.25y", 0.25 + 0 * times)):
        expected = log["CL"] - fading * (1 - np.exp(-k * tau)) + fixed(tau)
        np.testing.assert_allclose(log[name], expected, atol=2e-5)


@pytest.mark.parametrize("case", ["one", "two"])
@pytest.mark.parametrize("expiry", EXPIRIES)
def test_options_on_futures_cost_what_the_formula_says(case, expiry):
    """Options that expire with the future, before it, and on a future that settles between two points."""
    quotes, numeraire = simulated(case)
    end, today = min(expiry, 0.5), quotes[f"CL.future.{expiry:g}"][0, 0]
    discount = np.exp(-0.05 * 0.5) if case == "one" else 1.0
    spread = np.sqrt(float(schwartz.integrated_variance(end, expiry - end, *vols(case))))
    for strike in today * np.exp(spread * np.array([-1.0, 0.0, 1.0])):
        payoff = np.maximum(quotes[f"CL.future.{expiry:g}"][:, -1] - strike, 0.0) / numeraire[:, -1]
        expected = schwartz.option(today, strike, end, expiry - end, *vols(case))
        assert errors(payoff, discount * float(expected)) < 3.0


def test_what_settles_between_two_points_stays_settled():
    quotes, _ = simulated("one")
    settled = quotes["CL.future.0.27"]
    np.testing.assert_array_equal(settled[:, 4], settled[:, 5])
    assert errors(np.log(settled[:, 5]) - np.log(settled[:, 0]), -0.5 * covariance("one", 0.27, 0.27)) < 3.5


def test_existing_instruments_work_on_futures():
    quotes, _ = simulated("one")
    market = Schwartz("CL", **ONE, expiries=(0.5,))
    path = follow(market, jax.random.normal(jax.random.key(1), (5, 1)))
    call, position = EuropeanCall("CL.future.0.5", 55.0, expiry=0.5), Spot("CL.future.0.5")
    price, future = np.asarray(call.price(path), float), np.asarray(path.quotes["CL.future.0.5"], float)
    left = 0.5 - np.asarray(GRID.times, float)
    expected = np.exp(-0.05 * left) * schwartz.option(future, 55.0, left, 0.0, 1.5, 0.4)
    np.testing.assert_allclose(price[:-1], expected[:-1], rtol=1e-4)
    # A futures position is settled every day: what it earns over a step is the change of the quote, at its start.
    money = np.asarray(path.numeraire, float)
    gain = np.diff(future / money) + np.asarray(position.cashflows(path), float)[1:] / money[1:]
    np.testing.assert_allclose(gain, np.diff(future) / money[:-1], rtol=1e-3, atol=1e-5)
    assert set(quotes) > {"CL.vol", "CL.future.0.5.vol", "CL.future.0.25y"}


@pytest.mark.parametrize("make", [lambda **k: Schwartz("CL", **ONE, **k), lambda **k: SchwartzSmith("CL", **TWO, **k)])
def test_todays_curve_is_reproduced_and_the_season_multiplies_it(make):
    curve = [(0.0, 61.0), (0.25, 58.0), (0.5, 59.5), (1.0, 55.0)]
    years, prices = zip(*curve, strict=True)
    season = Seasonality(cosines=(0.1, -0.03), sines=(0.05,), start=0.2)
    shocks = jax.random.normal(jax.random.key(1), make().shocks(GRID))
    plain, seasonal = (follow(make(tenors=years, seasonality=s), shocks).quotes for s in (None, season))
    fitted = follow(make(tenors=years, seasonality=season, curve=curve), shocks).quotes
    labels = [f"CL.future.{x:g}y" for x in years]
    np.testing.assert_allclose([fitted[label][0] for label in labels], prices, rtol=2e-6)
    assert float(fitted["CL"][0]) == pytest.approx(61.0, rel=1e-6)
    t, fade = np.asarray(GRID.times, float), np.asarray(make().mean_reversion, float)

    def wave(x):
        return 0.1 * np.cos(2 * np.pi * (x + 0.2)) - 0.03 * np.cos(4 * np.pi * (x + 0.2)) \
            + 0.05 * np.sin(2 * np.pi * (x + 0.2))  # fmt: skip

    for label, tenor in zip(labels, years, strict=True):
        ratio = np.log(np.asarray(seasonal[label]) / np.asarray(plain[label]))
        # The spot today is the same, so that the model without the season starts from a lower, fading factor.
        start = wave(0.0) * (np.exp(-fade * (t + tenor)) if "level" in make().__dict__ else 1.0)
        np.testing.assert_allclose(ratio, wave(t + tenor) - start, atol=5e-6)


def test_the_real_world_reverts_elsewhere_and_is_priced_the_same():
    """With normals of 0 the log spot is its mean; futures stay the closed form of the spot."""
    real = Schwartz("CL", **ONE, real_level=80.0, expiries=(2.0,))
    assert not real.martingale and Schwartz("CL", **ONE).martingale
    quotes, t = follow(real, jnp.zeros((5, 1))).quotes, np.asarray(GRID.times, float)
    expected = np.log(80.0) + np.exp(-1.5 * t) * np.log(60.0 / 80.0)
    np.testing.assert_allclose(np.log(quotes["CL"]), expected, atol=2e-6)
    future = schwartz.future(quotes["CL"], 2.0 - t, 1.5, 50.0, 0.4)
    np.testing.assert_allclose(quotes["CL.future.2"], future, rtol=1e-5)


def test_months_are_told_apart_on_their_first_day():
    season = Seasonality(months=np.arange(12) / 100, start=11 / 12)
    np.testing.assert_allclose(season(jnp.arange(15) / 12), ((np.arange(15) + 11) % 12) / 100, atol=1e-7)


def test_without_a_long_term_factor_the_second_model_is_the_first():
    shocks = jax.random.normal(jax.random.key(2), (5, 2))
    short = np.log(60.0 / 50.0)
    two = SchwartzSmith("CL", 60.0, 1.5, short_vol=0.4, long_vol=0.0, correlation=0.0, short=short, expiries=(0.5, 2))
    one = Schwartz("CL", 60.0, 1.5, 50.0, 0.4, expiries={"0.5": 0.5, "2": 2.0})
    a, b = follow(two, shocks).quotes, follow(one, shocks[:, :1]).quotes
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, rtol=5e-6), a, b)


def test_without_reversion_it_is_black_scholes():
    shocks = jax.random.normal(jax.random.key(2), (5, 1))
    still = follow(Schwartz("CL", 60.0, 0.0, 50.0, 0.4, expiries=(0.5,)), shocks).quotes["CL.future.0.5"]
    black = follow(dh.markets.BlackScholes("CL", 0.4, spot=60.0), shocks).quotes["CL"]
    np.testing.assert_allclose(still / still[0], black / black[0], rtol=1e-5)


@pytest.mark.parametrize(
    "wrong", [{"spot": 0.0}, {"level": -1.0}, {"vol": -0.1}, {"mean_reversion": -1.0}, {"expiries": (-0.5,)},
              {"real_level": 0.0}, {"curve": [(0.5, 50.0), (0.25, 60.0)]}, {"curve": [(0.5, 0.0)]}]
)  # fmt: skip
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Schwartz("CL", **{**ONE, **wrong})


def test_parameters_of_two_factors_and_seasons_are_refused():
    with pytest.raises(ParameterError, match="correlation"):
        SchwartzSmith("CL", **{**TWO, "correlation": 1.5})
    with pytest.raises(ParameterError, match="tenors share"):
        SchwartzSmith("CL", **TWO, expiries={"a": 1.0}, tenors={"a": 0.5})
    with pytest.raises(ParameterError, match="months"):
        Seasonality(months=(0.1, 0.2))
    with pytest.raises(ParameterError, match="start"):
        Seasonality(cosines=(0.1,), start=2.0)
