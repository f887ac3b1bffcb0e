"""Price plus cash, discounted, is a martingale under the pricing measure: nobody earns by holding any tradable."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i

GRID = dh.TimeGrid.uniform(maturity=1.0, steps=12)
PATHS = 20_000
HESTON = {"mean_reversion": 1.5, "long_variance": 0.05, "vol_of_vol": 0.5, "correlation": -0.6}

BLACK_SCHOLES = {
    "spot": i.Spot("A"),
    "forward": i.Forward("A", 1.1, 1.0),
    "call ending on the way": i.EuropeanCall("A", 1.0, 0.5),
    "call": i.EuropeanCall("A", 0.9, 1.0),
    "put that outlives the path": i.EuropeanPut("A", 1.1, 2.5),
    "digital call": i.Digital("A", 1.05, 1.0),
    "digital put ending on the way": i.Digital("A", 0.9, 0.75, call=False, cash=2.0),
    "variance swap on a quote": i.QuotedVarianceSwap("A", 1.0),
    "book": i.Book((i.EuropeanCall("A", 1.0, 1.0), i.EuropeanCall("B", 1.0, 0.5), i.Spot("B")), (1.0, -1.0, 0.5)),
}
IN_HESTON = {
    "spot": i.Spot("A"),
    "forward": i.Forward("A", 1.1, 1.0),
    "idealised variance swap": i.VarianceSwap("A", 1.0, 1.5, 0.05),
    "idealised variance swap that outlives the path": i.VarianceSwap("A", 2.0, 1.5, 0.05, notional=3.0),
    "Heston call": i.HestonCall("A", 1.0, 1.0, **HESTON),
    "Heston call that outlives the path": i.HestonCall("A", 1.1, 1.5, **HESTON),
}


@eqx.filter_jit
def value_and_gains(contract, paths, spot):
    def one(path):
        price, cash = contract.price(path) / path.numeraire, contract.cashflows(path) / path.numeraire
        gain = jnp.diff(price) + cash[1:]
        return price[0], jnp.stack([jnp.sum(gain[:6]), jnp.sum(gain), jnp.sum(gain * (path.quote(spot)[:-1] > 1.0))])

    return jax.vmap(one)(paths)


def check(contract, paths):
    price, gains = (np.asarray(x, np.float64) for x in value_and_gains(contract, paths, "A"))
    assert np.ptp(price) == 0 and abs(price[0]) > 1e-3
    error = gains.std(axis=0) / np.sqrt(PATHS)
    assert (error > 1e-5).all() and (error < 0.02).all(), "the test would not see a mistake"
    assert (np.abs(gains.mean(axis=0)) < 3 * error).all(), gains.mean(axis=0) / error


@pytest.fixture(scope="module")
def black_scholes():
    market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.35), rate=0.05, dividend=(0.02, 0.0))
    return dh.sample(market, GRID, PATHS, key=jax.random.key(11), method="random")


@pytest.fixture(scope="module")
def heston():
    market = dh.markets.Heston("A", spot=1.0, variance=0.04, rate=0.05, dividend=0.02, **HESTON)
    return dh.sample(market, GRID, PATHS, key=jax.random.key(12), method="random")


@pytest.mark.parametrize("name", BLACK_SCHOLES)
def test_under_black_scholes_with_rate_and_dividend(name, black_scholes):
    check(BLACK_SCHOLES[name], black_scholes)


@pytest.mark.parametrize("name", IN_HESTON)
def test_under_heston_with_rate_and_dividend(name, heston):
    check(IN_HESTON[name], heston)


def test_a_spot_without_its_dividend_would_be_caught(black_scholes):
    class ExDividend(i.AbstractTradable):
        def price(self, path):
            return path.quote("A")

        def cashflows(self, path):
            return jnp.zeros_like(path.times)

    with pytest.raises(AssertionError):
        check(ExDividend(), black_scholes)
