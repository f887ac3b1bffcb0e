"""Costs that look at the market, tickets and ticks by hand; basis-point limits by closed-form durations."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, ProblemError, UnknownQuote

TRADE, PRICE = jnp.array([-2.0, 0.0, 0.5]), jnp.array([100.0, 50.0, -4.0])
CASH = np.array([200.0, 0.0, 2.0])  # dealt in each
QUOTES = {"A": jnp.array(100.0), "A.vol": jnp.array(0.3), "time": jnp.array(0.36), "hour": jnp.array(10.75)}
DEVIATIONS = np.log(np.array([110.0, 90.0]) / 100.0) / (0.3 * np.sqrt(np.array([0.64, 0.14])))
WIDE = {"underlier": "A", "vol": "A.vol", "strikes": (110.0, np.nan, 90.0), "expiries": (1.0, np.nan, 0.5)}
SHARE = c.ProportionalCost(0.01)


@pytest.mark.parametrize(
    ("cost", "cash"),
    [
        (c.VolatilitySpread(0.01, "A.vol", normal=0.2), 2.02 * 1.5),
        (c.VolatilitySpread([0.01, 1.0, 0.1], "A.vol", normal=0.2, power=2.0), 2.2 * 2.25),
        (c.MoneynessSpread(0.01, 0.0, **WIDE), 2.02),
        (c.MoneynessSpread(0.01, 0.02, **WIDE), 2.02 + 0.02 * CASH[[0, 2]] @ DEVIATIONS**2),
        (c.MoneynessSpread(0.01, 5.0, widest=0.05, **WIDE), 0.05 * CASH.sum()),
        (c.HourlySpread(SHARE, (9.5, 12.0), (3.0, 1.0), hour="hour"), 2.02 * 2.0),
        (c.HourlySpread(SHARE, (9.5, 12.75), (3.0, 1.0), days=100.0, length=6.5), 2.02 * 3.0),  # day 36 begins
        (c.HourlySpread(SHARE, (9.5, 12.75), (3.0, 1.0), days=101.0, length=5.0), 2.02 * (3.0 - 2.0 * 1.8 / 3.25)),
        (c.MinimumFee(0.01, 1.0), 2.0 + 1.0),
        (c.MinimumFee(0.0, [5.0, 7.0, 1.0], tolerance=0.5), 5.0),
    ],
)
def test_the_cash_is_that_of_the_formula_and_the_same_for_buying(cost, cash):
    for sign in (1.0, -1.0):
        np.testing.assert_allclose(cost(sign * TRADE, PRICE, QUOTES), cash, rtol=2e-5)
    assert float(cost(jnp.zeros(3), PRICE, QUOTES)) == 0.0
    slope = jax.grad(lambda trade: cost(trade, PRICE, QUOTES))(TRADE)
    assert np.isfinite(slope).all() and (slope[0] < 0.0 or isinstance(cost, c.MinimumFee))


def test_a_buyer_pays_the_tick_above_and_a_seller_gets_the_one_below():
    cost, price = c.TickSize([0.25, 0.5]), jnp.array([100.1, 7.3])
    np.testing.assert_allclose(cost(jnp.array([2.0, -4.0]), price, {}), 2 * 0.15 + 4 * 0.3, rtol=1e-4)
    np.testing.assert_allclose(cost(jnp.array([-2.0, 4.0]), price, {}), 2 * 0.10 + 4 * 0.2, rtol=1e-4)
    assert float(cost(jnp.array([3.0, 3.0]), jnp.array([100.25, 7.5]), {})) == 0.0


def test_a_ticket_is_large_enough_or_none():
    small = c.MinimumTicket([0.5, 2.0], within=c.Box(upper=3.0, lower=-3.0))
    wanted, held = jnp.array([1.4, 9.0]), jnp.array([1.0, 2.0])
    np.testing.assert_array_equal(small(wanted, held), held)  # 0.4 is less than half, the box leaves 1 of 2
    np.testing.assert_array_equal(small(wanted + 0.2, jnp.array([1.0, 1.0])), np.array([1.6, 3.0], np.float32))
    slope = jax.jacobian(small)(wanted, held)
    np.testing.assert_array_equal(slope, np.diag([1.0, 0.0]))


def test_a_basis_point_of_rates_and_of_credit_is_what_their_durations_say():
    """A zero bond under Hull and White by its loading (1 - exp(-a T)) / a; one that may default by its years."""
    times = jnp.array([0.0, 0.5])
    quotes = {"USD.short": jnp.array([0.03, 0.04]), "A.intensity": jnp.array([0.02, 0.05]), "A.alive": jnp.ones(2)}
    path = dh.MarketPath(times, quotes, jnp.ones(2))
    zero = i.ZeroBond(3.0, i.ModelCurve(dh.markets.HullWhite(((1.0, 9.0), (0.03, 0.03)), 0.1, 0.01)))
    risky = i.RiskyBond("A", 0.0, 2.0, recovery=0.0)
    limits = c.Limits((c.dv01_limit("USD.short", 1e-3), c.cs01_limit("A.intensity", 1e-4, least=-2e-4)))
    held = jnp.array([4.0, -0.5])

    def used(path):
        known = limits.measure(path, (zero, risky), i.Nothing())
        return jax.vmap(lambda each: limits.at(each).usage(held, held))(known), zero.price(path), risky.price(path)

    usage, bond, debt = jax.jit(used)(path)
    left = np.array([3.0, 2.5])
    rates = 1e-4 * 4.0 * (1.0 - np.exp(-0.1 * left)) / 0.1 * bond
    credit = 1e-4 * 0.5 * np.array([2.0, 1.5]) * debt  # short of it: a wider spread earns
    np.testing.assert_allclose(usage[:, 0], rates / 1e-3, rtol=1e-4)
    np.testing.assert_allclose(usage[:, 1], credit / 1e-4, rtol=1e-4)


def test_bad_terms_are_refused():
    with pytest.raises(ParameterError, match="a tick must be positive"):
        c.TickSize(0.0)
    with pytest.raises(ParameterError, match="smallest ticket"):
        c.MinimumTicket(-1.0)
    with pytest.raises(ProblemError, match="one number for each instrument"):
        c.MoneynessSpread(0.0, 0.0, "A", "A.vol", (1.0,), (1.0, 2.0))
    with pytest.raises(UnknownQuote, match=r"A\.vul"):
        c.VolatilitySpread(0.01, "A.vul", normal=0.2)(TRADE, PRICE, QUOTES)
