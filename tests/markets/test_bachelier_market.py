"""Prices of any sign against the exact joint law of their normals, Bachelier's formula, and oil in April 2020."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.instruments import Spot
from deephedge.markets import Bachelier, NormalOrnsteinUhlenbeck, Seasonality
from deephedge.pricing import bachelier

GRID = dh.TimeGrid([0.0, 0.05, 0.1, 0.25, 0.3, 0.5])  # unequal steps on purpose
KAPPA, LEVEL, VOL, SPOT, RATE = 4.0, 30.0, 40.0, -5.0, 0.05
EXPIRIES = (0.27, 0.5, 2.0)  # one between two points
PATHS = 2**15
TIMES = np.asarray(GRID.times, float)
price = jax.jit(bachelier.price)


@lru_cache
def batch(case: str) -> dh.MarketPath:
    market = {
        "walk": lambda: Bachelier("CL", SPOT, VOL, rate=RATE),
        "reverting": lambda: NormalOrnsteinUhlenbeck("CL", SPOT, KAPPA, LEVEL, VOL, RATE, EXPIRIES, (0.25,)),
    }[case]()
    return dh.sample(market, GRID, PATHS, key=jax.random.key(4), method="random")


def simulated(case: str) -> dict[str, np.ndarray]:
    return {name: np.asarray(quote, float) for name, quote in batch(case).quotes.items()}


def errors(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("case", ["walk", "reverting"])
def test_the_price_has_its_mean_and_autocovariance_and_is_often_negative(case):
    path = simulated(case)["CL"]
    k = KAPPA if case == "reverting" else 1e-9
    for s, t in ((1, 1), (1, 3), (2, 5), (5, 5)):
        a, b = (path[:, n] - (LEVEL + (SPOT - LEVEL) * np.exp(-k * TIMES[n])) for n in (s, t))
        fade = np.exp(-k * (TIMES[t] - TIMES[s])) * VOL**2 * -np.expm1(-2 * k * TIMES[s]) / (2 * k)
        assert errors(a, 0.0) < 3.5 and errors(a * b, fade) < 3.5
    assert 0.02 < (path[:, -1] < 0).mean() < 0.7


def test_options_cost_what_bachelier_says_at_negative_strikes_too():
    walk, reverting = simulated("walk"), simulated("reverting")
    for strike in (-40.0, -5.0, 10.0):
        paid = np.maximum(walk["CL"][:, 3] - strike, 0.0)
        assert errors(paid, float(price(SPOT, strike, VOL, TIMES[3], True))) < 3.0
    for expiry, n in ((0.27, 4), (0.5, 5), (2.0, 3)):
        future = reverting[f"CL.future.{expiry:g}"]
        forward = LEVEL + (SPOT - LEVEL) * np.exp(-KAPPA * expiry)
        np.testing.assert_allclose(future[:, 0], forward, rtol=1e-5)
        end = min(expiry, TIMES[n])
        left = np.exp(-2 * KAPPA * (expiry - end))
        vol = VOL * np.sqrt(left * -np.expm1(-2 * KAPPA * end) / (2 * KAPPA * end))
        for strike in forward + vol * np.sqrt(end) * np.array([-0.7, 0.4]):
            paid = np.maximum(strike - future[:, n], 0.0)
            assert errors(paid, float(price(forward, strike, vol, end, False))) < 3.0
    vol = VOL * np.sqrt(-np.expm1(-2 * KAPPA * 0.5) / (2 * KAPPA * 0.5))
    np.testing.assert_allclose(reverting["CL.future.0.5.normal_vol"][:, 0], vol, rtol=1e-5)
    np.testing.assert_allclose(reverting["CL.future.0.5.normal_vol"][:, -1], VOL, rtol=1e-5)


def test_a_future_settles_at_the_spot_and_rolls_along_the_curve():
    quotes = simulated("reverting")
    np.testing.assert_allclose(quotes["CL.future.0.5"][:, -1], quotes["CL"][:, -1], atol=1e-4)
    along = LEVEL + (quotes["CL"] - LEVEL) * np.exp(-KAPPA * 0.25)
    np.testing.assert_allclose(quotes["CL.future.0.25y"], along, atol=1e-4)


def test_holding_the_future_earns_its_change_and_no_quote_is_called_a_black_volatility():
    path = jax.tree.map(lambda x: x[:8], batch("walk"))
    assert not any(name.endswith(".vol") for name in path.quotes)
    paid = np.asarray(jax.vmap(Spot("CL").cashflows)(path), float)
    quote, account = np.asarray(path.quotes["CL"], float), np.asarray(path.numeraire, float)
    value = np.diff(quote / account, axis=1) + paid[:, 1:] / account[:, 1:]
    np.testing.assert_allclose(value, np.diff(quote, axis=1) / account[:, :-1], atol=2e-5)


def test_season_and_curve_are_added_and_signed():
    winter = Seasonality(cosines=(3.0,))
    settings = dict(seasonality=winter, curve=((0.25, -10.0), (1.0, 20.0)), expiries=(0.25, 1.0, 1.5))
    market = NormalOrnsteinUhlenbeck("CL", SPOT, KAPPA, LEVEL, VOL, **settings)
    start = eqx.filter_jit(lambda market: market.path(GRID, jnp.zeros((GRID.steps, 1))).quotes)(market)
    plain = lambda t: 3 * np.cos(2 * np.pi * t) + LEVEL + (SPOT - 3 - LEVEL) * np.exp(-KAPPA * t)  # noqa: E731
    assert [round(float(start[f"CL.future.{t}"][0]), 4) for t in ("0.25", "1")] == [-10.0, 20.0]
    np.testing.assert_allclose(start["CL.future.1.5"][0], plain(1.5) + 20.0 - plain(1.0), rtol=1e-5)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: Bachelier("CL", 0.0, -1.0), "vol must be 0 or more cash"),
        (lambda: Bachelier("CL", np.nan, 1.0), "spot must be finite"),
        (lambda: NormalOrnsteinUhlenbeck("CL", 0.0, -1.0, 0.0, 1.0), "mean_reversion must be 0 or more"),
        (lambda: NormalOrnsteinUhlenbeck("CL", 0.0, 1.0, np.inf, 1.0), "level must be finite"),
        (lambda: NormalOrnsteinUhlenbeck("CL", 0.0, 1.0, 0.0, 1.0, expiries=(-1,)), "expiries must be 0 years"),
    ],
)
def test_bad_parameters_are_refused(make, words):
    with pytest.raises(ParameterError, match=words):
        make()
