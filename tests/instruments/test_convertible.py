"""Convertible bonds: the two equations of Tsiveriotis and Fernandes by finite differences, limits, and use on paths."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import solve_banded

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

RATE, DIVIDEND, VOL, SPREAD = 0.05, 0.03, 0.3, 0.04
BOND = i.FixedBond(dh.Schedule.uniform(0.0, 3.0, periods=3), 0.02, i.FlatCurve(), 100.0)


def loan(ratio=1.0, spread=SPREAD, call=np.inf, call_from=0.0, put=(), dates=(), steps=200):
    return i.ConvertibleBond(BOND, "A", ratio, spread, call, call_from, dates, put, steps=steps)


def path(spots, times=(0.0,), dividend=DIVIDEND, rate=RATE):
    one = jnp.ones(len(spots))
    quotes = {"A": jnp.asarray(spots) * one, "A.vol": VOL * one, "rate": rate * one, "A.dividend": dividend * one}
    return dh.MarketPath(jnp.asarray(times) * one, quotes, one)


@eqx.filter_jit
def parts(contract, path):
    return contract.parts(path)


@eqx.filter_jit
def both(contract, path):
    return contract.cashflows(path), contract.price(path), contract.state(path)["alive"]


@eqx.filter_jit
def priced(contract, path):
    """Price if held, and its derivative by the spot."""
    spot = path.quote("A")
    return jax.jvp(lambda x: sum(contract.parts(path.with_quotes({"A": x}))), (spot,), (jnp.ones_like(spot),))


def by_finite_differences(spot, put):
    """Held today: implicit steps in the logarithm of the spot, decisions after each; the put is at 2 years."""
    count, steps = 1201, 1500
    x, h, dt = np.linspace(-3.5, 3.5, count), 7.0 / (count - 1), 3.0 / steps
    shares = 100.0 * np.exp(x)
    up, down = (0.5 * VOL**2 / h**2 + sign * (RATE - DIVIDEND - 0.5 * VOL**2) / (2 * h) for sign in (1, -1))

    def implicit(values, rate, edges):
        rows = np.zeros((3, count))
        rows[0, 2:], rows[2, :-2] = -dt * up, -dt * down
        rows[1] = 1 + dt * (rate + VOL**2 / h**2)
        rows[1, [0, -1]] = 1 + dt * np.array(edges)
        return solve_banded((1, 1), rows, values)

    equity, debt = np.where(shares > 102.0, shares, 0.0), np.where(shares > 102.0, 0.0, 102.0)
    for n in range(steps - 1, -1, -1):
        equity = implicit(equity, RATE, (RATE, DIVIDEND))
        debt = implicit(debt, RATE + SPREAD, (RATE + SPREAD, RATE + SPREAD))
        time = n * dt
        if n == 0:
            break
        converted = shares > equity + debt
        equity, debt = np.where(converted, shares, equity), np.where(converted, 0.0, debt)
        if put and abs(time - 2.0) < 1e-9:
            sold = equity + debt < put
            equity, debt = np.where(sold, 0.0, equity), np.where(sold, put, debt)
        if n % (steps // 3) == 0:
            debt = debt + 2.0
    return np.interp(np.log(spot / 100.0), x, equity), np.interp(np.log(spot / 100.0), x, debt)


@pytest.mark.parametrize("put, within", [((), 3e-4), ((99.0,), 8e-4)])
def test_equity_and_debt_solve_their_two_equations(put, within):
    spots = (60.0, 90.0, 110.0)
    ours = parts(loan(put=put, dates=(2.0,) * len(put)), path(spots))
    theirs = np.array([by_finite_differences(spot, *(put or (0.0,))) for spot in spots]).T
    np.testing.assert_allclose(sum(ours), theirs.sum(axis=0), rtol=within)
    np.testing.assert_allclose(ours[0], theirs[0], atol=0.2)


def up_to_the_call(spots, spread, first, call, count=400, steps=400):
    """Equity and debt of ``loan`` today: as above, on a grid that ends where shares are worth the call price and moves
    with it, its last node a share; before ``first``, a year, on one that does not end."""

    def values(log, edge, whole):
        inside = log < edge[-1]
        equity, debt = (np.interp(log, edge, each) for each in whole)
        return np.where(inside, equity, np.exp(log)), np.where(inside, debt, 0.0)

    low, h, dt = np.log(call) - 3.0, 3.0 / count, 1.0 / steps
    edge, whole = np.log([1.0, 102.0]), (np.zeros(2), np.full(2, 102.0))
    for year in (2, 1, 0):
        free = year < first
        x = low + h * np.arange(2 * count + 1 if free else count + 1)  # the logarithm of shares, at the accrued price
        after, full = x + (0.0 if free else np.log1p(2.0 / call)), call + 2.0
        equity, debt = values(after, edge, whole)
        debt = debt + (2.0 if year < 2 else 0.0)
        if not free:
            equity, debt = np.where(equity + debt > full, 0.0, equity), np.where(equity + debt > full, full, debt)
            equity[-1], debt[-1] = full, 0.0
        for n in range(steps - 1, -1, -1):
            cap = call + 2.0 * n * dt
            drift = RATE - DIVIDEND - 0.5 * VOL**2 - (0.0 if free else 2.0 / cap)
            up, down = (0.5 * VOL**2 / h**2 + sign * drift / (2 * h) for sign in (1, -1))
            shares = np.exp(x) if free else np.exp(x) * cap / call
            for each, rate in ((equity, RATE), (debt, RATE + spread)):
                rows = np.zeros((3, len(x)))
                rows[0, 2:], rows[2, :-2], rows[1] = -dt * up, -dt * down, 1 + dt * (rate + VOL**2 / h**2)
                rows[1, 0], rows[1, -1] = 1 + dt * rate, 1.0
                each[-1] = shares[-1] if each is equity else 0.0
                each[:] = solve_banded((1, 1), rows, each)
            ends = shares >= equity + debt
            equity, debt = np.where(ends, shares, equity), np.where(ends, 0.0, debt)
        edge, whole = x, (equity, debt)
    return [np.interp(np.log(spots), edge, each) for each in whole]


@pytest.mark.parametrize("spread, first, call", [(0.0, 1.0, 115.0), (SPREAD, 1.0, 115.0), (SPREAD, 0.0, 125.0)])
def test_called_it_is_worth_shares_where_cash_is_worth_the_same(spread, first, call):
    spots = np.linspace(81.0, 114.0, 12)
    contract = loan(spread=spread, call=call, call_from=first, steps=100)
    prices, slopes = priced(contract, path(spots, np.zeros(12)))
    theirs = np.sum(up_to_the_call(spots, spread, first, call), axis=0)
    np.testing.assert_allclose(prices, theirs, atol=0.05)
    around = [np.sum(up_to_the_call(spots + bump, spread, first, call), axis=0) for bump in (1.0, -1.0)]
    np.testing.assert_allclose(slopes, (around[0] - around[1]) / 2, atol=0.04)


def test_a_call_that_begins_between_two_steps_is_worth_what_lies_between():
    spots = np.linspace(85.0, 125.0, 81)  # 100 steps in three years: the first year ends a third into one
    for first in (0.75, 0.76, 1.0):
        contract = loan(call=115.0, call_from=first, steps=100)
        prices, slopes = priced(contract, path(spots, np.zeros(81)))
        np.testing.assert_allclose(slopes[1:-1], (prices[2:] - prices[:-2]), atol=0.02)  # each half a unit apart


def test_without_conversion_it_is_a_bond_at_the_rate_and_the_spread():
    times = (0.0, 0.4, 1.0, 2.7, 3.0)
    cash, price, _ = both(loan(ratio=0.0), path((100.0,) * 5, times))
    risky = path((100.0,) * 5, times, rate=RATE + SPREAD)
    np.testing.assert_allclose(price, BOND.price(risky), rtol=1e-5)
    np.testing.assert_allclose(cash, BOND.cashflows(risky), atol=1e-5)


def test_far_in_the_money_it_is_its_shares_and_what_they_pay_less_than_it():
    held = sum(parts(loan(), path((1000.0, 2000.0), (0.0, 0.0), dividend=0.0)))
    coupons = 2 * (np.exp(-0.09) + np.exp(-0.18))  # it waits to the end and forgoes the last
    np.testing.assert_allclose(held, np.array([1000.0, 2000.0]) + coupons, rtol=1e-5)
    cash, price, alive = both(loan(), path((1000.0,) * 5, (0.0, 0.4, 1.0, 2.7, 3.0)))
    assert cash.tolist() == [1000.0, 0, 0, 0, 0] and not price.any() and not alive.any()


@pytest.mark.parametrize(
    "spots, paid, terms",
    [
        ((100.0, 130.0, 90.0), [0, 2 + 130.0, 0, 0], {"call": 115.0, "call_from": 1.0}),  # called, converted
        ((80.0, 60.0, 90.0), [0, 2 + 95.0, 0, 0], {"call": 95.0, "call_from": 1.0}),  # called, repaid
        ((100.0, 50.0, 90.0), [0, 2 + 104.0, 0, 0], {"put": (104.0,), "dates": (1.0,)}),
        ((100.0, 90.0, 90.0, 150.0), [0, 2, 0, 150.0], {}),  # converted instead of redeemed
        ((100.0, 90.0, 90.0, 90.0), [0, 2, 0, 102.0], {}),
    ],
)  # fmt: skip
def test_what_it_pays_on_a_path(spots, paid, terms):
    times = (0.0, 1.0, 1.5, 3.0)
    contract = loan(spread=0.0, **terms)
    cash, price, alive = both(contract, path((*spots, 90.0)[:4], times, dividend=0.0, rate=0.01))
    paid = [*paid[:3], paid[3] + (2.0 if not terms else 0.0)]  # the coupon of year two, at the point after it
    np.testing.assert_allclose(cash, paid, rtol=1e-6)
    assert (np.asarray(price) > 0).tolist() == (np.asarray(alive) > 0).tolist()
    assert alive.tolist() == ([1, 1, 1, 0] if not terms else [1, 0, 0, 0])


def test_derivatives_are_finite_and_delta_is_that_of_differences():
    spots = (100.0, 80.0, 90.0, 95.0)
    one = path(spots, (0.0, 1.0, 1.5, 3.0))

    @jax.jit
    def total(quotes, ratio):
        contract = loan(ratio, call=140.0, call_from=1.0, put=(90.0,), dates=(2.0,))
        return jnp.sum(contract.price(one.with_quotes(quotes)))

    for each in jax.tree.leaves(jax.jit(jax.grad(total, argnums=(0, 1)))(one.quotes, jnp.array(1.0))):
        assert np.isfinite(each).all() and np.asarray(each).any()
    prices = sum(parts(loan(), path((99.0, 100.0, 101.0))))
    slope = jax.jit(jax.grad(lambda s: sum(loan().parts(path((s,))))[0]))(100.0)
    assert float(slope) == pytest.approx(float(prices[2] - prices[0]) / 2, rel=1.5e-2)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.ConvertibleBond(i.FixedBond(BOND.schedule, 0.02, i.QuotedCurve((1,))), "A", 1.0), "FlatCurve"),
        (lambda: loan(ratio=-1.0), "ratio must be 0 or more"),
        (lambda: loan(call=0.0), "call_price must be cash above 0"),
        (lambda: loan(put=(99.0,)), "must be as many"),
        (lambda: i.ConvertibleBond(BOND, "A", 1.0, steps=1), "steps must be 2 or more"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
