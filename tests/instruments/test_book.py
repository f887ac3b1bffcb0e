import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ProblemError

GRID = dh.TimeGrid.uniform(maturity=1.0, steps=8)


@pytest.fixture(scope="module")
def path():
    market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.4), rate=0.03, dividend=(0.01, 0.0))
    return jax.tree.map(lambda x: x[0], dh.sample(market, GRID, 1, key=jax.random.key(3), method="random"))


@eqx.filter_jit
def both(contract, path):
    return contract.price(path), contract.cashflows(path)


class Coupon(i.AbstractContract):
    """Cash without a price."""

    amount: float = 2.0

    def cashflows(self, path):
        return jnp.zeros_like(path.times).at[-1].set(self.amount)


def mixed():
    strikes = np.linspace(0.7, 1.3, 7)
    calls = [i.EuropeanCall("A", k, 0.5 + 0.1 * n) for n, k in enumerate(strikes)]
    others = [i.EuropeanPut("B", 1.0, 1.0), i.Spot("A"), i.EuropeanCall("B", 1.1, 0.6), i.Forward("A", 1.0, 1.0)]
    return [calls[0], others[0], *calls[1:4], *others[1:], *calls[4:], i.Digital("A", 1.0, 1.0, call=False)]


def test_a_book_is_the_signed_sum_of_its_members(path):
    contracts = mixed()
    units = np.random.default_rng(0).normal(size=len(contracts))
    book = i.Book(contracts, units)
    members = [[np.asarray(x, np.float64) for x in both(contract, path)] for contract in contracts]
    for n, ours in enumerate(both(book, path)):
        expected = sum(u * member[n] for u, member in zip(units, members, strict=True))
        np.testing.assert_allclose(ours, expected, atol=2e-6)
    assert len(book.kinds) == 6  # calls on A, calls on B, put, spot, forward, digital


def test_books_nest(path):
    inner = i.Book(mixed()[:3], [1.0, -2.0, 0.5])
    outer = i.Book((inner, inner, i.Spot("A")), (2.0, 1.0, -1.0))
    price, cash = both(outer, path)
    inside = both(inner, path)
    np.testing.assert_allclose(price, 3.0 * inside[0] - path.quote("A"), atol=1e-6)
    np.testing.assert_allclose(cash, 3.0 * inside[1] - i.Spot("A").cashflows(path), atol=1e-6)


def test_a_thousand_contracts_compile_like_two(path):
    def program(count):
        book = i.Book([i.EuropeanCall("A", 0.5 + n / count, 1.0) for n in range(count)], np.ones(count))
        return len(jax.make_jaxpr(lambda p, b: b.price(p))(path, book).eqns), len(jax.tree.leaves(book))

    assert program(1000) == program(100)  # more than one block of them


def test_sensitivities_to_units_and_strikes_pass_through(path):
    def total(units, strike):
        return i.Book((i.EuropeanCall("A", strike, 1.0), i.EuropeanCall("A", 1.0, 1.0)), units).price(path)[0]

    by_units, by_strike = jax.jit(jax.grad(total, argnums=(0, 1)))(jnp.array([2.0, -1.0]), 0.9)
    np.testing.assert_allclose(by_units[0], i.EuropeanCall("A", 0.9, 1.0).price(path)[0], rtol=1e-6)
    digital = i.Digital("A", 0.9, 1.0).price(path)[0]
    np.testing.assert_allclose(by_strike, -2.0 * digital, rtol=1e-5)


def test_a_book_is_tradable_while_a_member_is(path):
    book = i.Book((i.EuropeanCall("A", 1.0, 0.5), i.EuropeanPut("A", 1.0, 0.75)), (1.0, 1.0))
    np.testing.assert_array_equal(book.tradable(path), np.asarray(path.times) < 0.75)


def test_short_and_long_are_the_two_sides(path):
    call = i.EuropeanCall("A", 1.0, 1.0)
    price, cash = both(call, path)
    for book, units in ((i.short(call), -1.0), (i.short(call, 2), -2.0), (i.long(call, 3.0), 3.0)):
        np.testing.assert_array_equal(both(book, path)[0], units * price)
        np.testing.assert_array_equal(both(book, path)[1], units * cash)


def test_what_is_sold_brings_its_premium(path):
    call = i.EuropeanCall("A", 1.0, 1.0)
    price, cash = (np.asarray(x) for x in both(call, path))
    expected = -2.0 * cash
    expected[0] += 2.0 * price[0]
    np.testing.assert_allclose(eqx.filter_jit(i.sold(call, 2.0).cashflows)(path), expected, rtol=1e-6)


def test_what_has_no_price_can_be_owed_and_not_traded(path):
    book = i.short(Coupon())
    assert float(book.cashflows(path)[-1]) == -2.0
    with pytest.raises(ProblemError, match="Coupon has no price"):
        book.price(path)
    with pytest.raises((ProblemError, TypeError)):  # a TypeError where shapes and types are checked on every call
        i.sold(Coupon())


def test_members_whose_numbers_are_not_arrays_keep_them(path):
    book = i.Book((Coupon(1.0), Coupon(5.0), Coupon(1.0)), (1.0, 1.0, 1.0))
    assert float(book.cashflows(path)[-1]) == 7.0


@pytest.mark.parametrize("contracts, units", [((), ()), (("call",), (1.0, 2.0)), (("call", "call"), (1.0,))])
def test_units_must_match(contracts, units):
    contracts = tuple(i.EuropeanCall("A", 1.0, 1.0) for _ in contracts)
    with pytest.raises(ProblemError, match="a book"):
        i.Book(contracts, units)
