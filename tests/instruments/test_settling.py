"""What is fixed at the expiry and paid later: its value is a hand's, its delta ends with the expiry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.calendars import business_grid
from deephedge.core.errors import ProblemError

RATE, EXPIRY, PAYS = 0.05, 0.5, 0.75
CALL = i.EuropeanCall("A", 1.0, EXPIRY)
LATE = i.Settling(CALL, PAYS)


@pytest.fixture(scope="module")
def path():
    market = dh.markets.BlackScholes("A", vol=0.3, rate=RATE, drift=0.8)
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=8)
    paths = dh.sample(market, grid, 8, key=jax.random.key(1), method="random")
    paid = jax.vmap(CALL.cashflows)(paths).sum(axis=1)
    return jax.tree.map(lambda x: x[int(np.argmax(paid))], paths)


def test_value_and_cash_are_those_of_a_loan_of_what_was_fixed(path):
    times, payoff = np.asarray(path.times), float(CALL.cashflows(path).sum())
    assert payoff > 0.1
    before, call = times < EXPIRY, np.asarray(CALL.price(path))
    value = np.where(before, call * np.exp(-RATE * (PAYS - EXPIRY)), payoff * np.exp(-RATE * (PAYS - times)))
    value[times >= PAYS] = 0.0
    np.testing.assert_allclose(LATE.price(path), value, rtol=2e-6)
    np.testing.assert_allclose(LATE.cashflows(path), np.where(times == PAYS, payoff, 0.0), rtol=1e-6)
    np.testing.assert_allclose(LATE.state(path)["owed"], np.where(before, 0.0, payoff), rtol=1e-6)
    np.testing.assert_array_equal(LATE.tradable(path), before)


def test_no_delta_is_left_once_the_amount_is_fixed(path):
    delta = np.asarray(f.Delta(LATE, quote="A")(path))
    ahead = np.asarray(f.Delta(CALL)(path)) * np.exp(-RATE * (PAYS - EXPIRY))
    before = np.asarray(path.times) < EXPIRY
    np.testing.assert_allclose(delta, np.where(before, ahead, 0.0), atol=2e-6)
    assert ahead[before].min() > 0.1


def test_a_desk_that_comes_between_both_dates_is_told_or_knows_nothing(path):
    later = jax.tree.map(lambda x: x[5:], path)  # from 0.625 years
    assert np.isnan(LATE.price(later)[0])
    told = i.Settling(CALL, PAYS, owed=0.25)
    np.testing.assert_allclose(told.price(later), [0.25 * np.exp(-RATE * 0.125), 0.0, 0.0, 0.0], rtol=1e-6)
    np.testing.assert_allclose(told.cashflows(later), [0.0, 0.25, 0.0, 0.0])


def test_two_business_days_later_over_a_holiday():
    """What is fixed on Friday 15 January 2027 arrives on Wednesday: on Monday the exchange is closed."""
    grid = business_grid("2027-01-11", "2027-01-20")
    fixed, paid = 4 / 365, 9 / 365
    assert np.flatnonzero(np.isclose(grid.times, paid)) == np.flatnonzero(np.isclose(grid.times, fixed)) + 2
    path = dh.MarketPath(grid.times, {"A": jnp.full(grid.times.shape, 1.5)}, jnp.ones(grid.times.shape))
    late = i.Settling(i.EuropeanCall("A", 1.0, fixed), paid)
    np.testing.assert_allclose(late.cashflows(path)[-1], 0.5)


def test_a_grid_that_ends_before_the_payment_and_a_payment_before_the_expiry_are_refused():
    with pytest.raises(ProblemError, match=r"expires at 0.75 years, after the grid ends at 0.5"):
        dh.HedgingProblem(dh.TimeGrid.uniform(EXPIRY, 4), i.short(LATE), (i.Spot("A"),), ())
    with pytest.raises(ValueError, match="pays must not come before the expiry"):
        i.Settling(CALL, 0.4)
    with pytest.raises(ProblemError, match="no expiry"):
        i.Settling(i.Spot("A"), 0.4)
