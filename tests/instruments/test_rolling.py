import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

RATE, YIELD = 0.04, 0.01
TIMES = np.arange(26) / 25
RNG = np.random.default_rng(8)
SPOT = 100 * np.exp(np.cumsum(RNG.normal(0, 0.04, 26)))
VOL = RNG.uniform(0.15, 0.3, 26)


def make(**more):
    quotes = {"A": SPOT, "A.vol": VOL, "rate": np.full(26, RATE), "A.dividend": np.full(26, YIELD)} | more
    quotes = {name: jnp.asarray(x, jnp.result_type(float)) for name, x in quotes.items()}
    return dh.MarketPath(jnp.asarray(TIMES, jnp.result_type(float)), quotes, jnp.ones(26))


def black_scholes(k, strike, end, sign):
    """(price, delta) at point k."""
    left = max(end - TIMES[k], 0.0)
    if left < 1e-6:
        return max(sign * (SPOT[k] - strike), 0.0), 0.0
    ahead, total = SPOT[k] * np.exp((RATE - YIELD) * left), VOL[k] * np.sqrt(left)
    d1 = np.log(ahead / strike) / total + total / 2
    value = sign * np.exp(-RATE * left) * (ahead * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - total)))
    return value, sign * np.exp(-YIELD * left) * norm.cdf(sign * d1)


@eqx.filter_jit
def said(option, path):
    price, cash = option.price(path), option.cashflows(path)
    return price, jnp.diff(price) + cash[1:], option.rolls(path), dh.features.Delta(option)(path)


@pytest.mark.parametrize(
    "tenor, every, moneyness",
    [(0.25, 0.2, 1.0), (0.2, 0.2, 0.9), (1 / 12, 1 / 12, 1.0), (0.3, 0.04, 1.1), (1.5, 1.5, 1.0)],
    ids=["early", "to its end", "between points", "daily", "never"],
)
def test_each_step_earns_what_the_option_held_over_it_does(tenor, every, moneyness):
    price, gain, rolls, delta = said(i.RollingOption("A", tenor, every, moneyness, call=False), make())
    opened = 0
    for k in range(26):
        if k > 0:
            old = black_scholes(k, strike, end, -1)[0]
            np.testing.assert_allclose(gain[k - 1], old - paid, atol=2e-4)
            due = np.floor(TIMES[k] / every + 1e-9) > np.floor(TIMES[k - 1] / every + 1e-9)
            assert bool(rolls[k]) == due
            opened = k if due else opened
        strike, end = moneyness * SPOT[opened], TIMES[opened] + tenor
        paid, slope = black_scholes(k, strike, end, -1)
        np.testing.assert_allclose(price[k], paid, rtol=3e-5, atol=2e-5)
        np.testing.assert_allclose(delta[k], slope, atol=2e-5)


@eqx.filter_jit
def listed_price(option, path):
    return option.price(path)


def test_on_a_surface_it_is_the_listed_option_of_the_last_roll():
    surface = {"theta.0.25": 0.012, "theta.1": 0.05, "rho": -0.6, "eta": 0.9, "gamma": 0.4}
    path = make(**{f"A.ssvi.{name}": np.full(26, value) for name, value in surface.items()})
    price, rolls = eqx.filter_jit(lambda option: (option.price(path), option.rolls(path)))(
        i.RollingOption("A", 0.5, 0.4)
    )
    assert np.flatnonzero(rolls).tolist() == [10, 20]
    for opened, until in ((0, 10), (10, 20), (20, 26)):
        listed = i.ListedOption("A", float(SPOT[opened]), float(TIMES[opened]) + 0.5)
        np.testing.assert_allclose(price[opened:until], listed_price(listed, path)[opened:until], rtol=2e-5)
    flat = said(i.RollingOption("A", 0.5, 0.4, vol="A.vol"), path)[0]
    np.testing.assert_allclose(flat[0], black_scholes(0, SPOT[0], 0.5, 1)[0], rtol=3e-5)


def test_a_derivative_of_its_gains_passes_through_the_strikes_and_is_finite():
    """What a roll earns is of degree one in the path, so Euler's sum over it gives it back."""
    option, path = i.RollingOption("A", 0.2, 0.2), make()
    gain, slope = jax.value_and_grad(lambda spot: jnp.sum(said(option, path.with_quotes({"A": spot}))[1]))(
        path.quote("A")
    )
    assert np.isfinite(slope).all()
    np.testing.assert_allclose(jnp.sum(slope * path.quote("A")), gain, rtol=1e-3)


def test_a_book_of_them_has_the_delta_of_the_options_held():
    option = i.RollingOption("A", 0.3, 0.04, 1.1, call=False)
    book = dh.features.Delta(i.Book((option, i.Spot("A")), (2.0, 0.5)), quote="A")
    np.testing.assert_allclose(eqx.filter_jit(book)(make()), 2 * said(option, make())[3] + 0.5, atol=1e-5)


@pytest.mark.parametrize(
    "terms, says",
    [((0.0, 0.1), "tenor and every must be years above 0"), ((0.1, 0.2), "every must be at most the tenor"),
     ((0.2, 0.1, 0.0), "moneyness must be a share")],
)  # fmt: skip
def test_bad_terms_are_refused(terms, says):
    with pytest.raises(ParameterError, match=says):
        i.RollingOption("A", *terms)
