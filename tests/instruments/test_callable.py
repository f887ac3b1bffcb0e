"""Options on bonds against closed forms and swaptions; callable bonds along paths."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge import markets as m
from deephedge.core.errors import ParameterError
from deephedge.pricing import hullwhite

MARKET = m.HullWhite(((1.0, 3.0, 10.0), (0.03, 0.035, 0.04)), 0.1, 0.012)
MODEL = i.ModelCurve(MARKET)
YEARS = dh.Schedule.uniform(0.0, 5.0, periods=5)
BOND = i.FixedBond(YEARS, 0.04, MODEL)
DATES = (1.0, 2.0, 3.0)
GRID = dh.TimeGrid.uniform(maturity=5.0, steps=5)
PATHS = 2**12


@pytest.fixture(scope="module")
def paths():
    return dh.sample(MARKET, GRID, PATHS, key=jax.random.key(5), method="random")


@eqx.filter_jit
def both(contract, path):
    return contract.cashflows(path), contract.price(path)


@eqx.filter_jit
def made(contract, paths):
    """Each path's cash in today's money."""
    return jax.vmap(lambda path: jnp.sum(contract.cashflows(path) / path.numeraire))(paths)


def one(batch, n=0):
    return jax.tree.map(lambda x: x[n], batch)


def right(prices=1.0, buys=True, dates=DATES, bond=BOND):
    return i.BermudanBondOption(bond, dates, prices, buys, i.Never())


@pytest.mark.parametrize("buys", [True, False])
def test_with_one_date_it_is_jamshidians_option(buys, paths):
    price = both(right(1.01, buys, (2.0,)), one(paths))[1][0]
    near, *far = (float(MARKET.bond(paths.quotes["USD.short"][0, 0], 0.0, t)) for t in (2.0, 3.0, 4.0, 5.0))
    cash, lengths = jnp.array([0.04, 0.04, 1.04]), jnp.array([1.0, 2.0, 3.0])
    closed = hullwhite.coupon_bond_option(jnp.array(near), jnp.array(far), cash, 1.01, 2.0, lengths, 0.1, 0.012, buys)
    assert float(price) == pytest.approx(float(closed), abs=2e-6)


def test_a_call_at_par_is_a_receiver_swaption(paths):
    path = one(paths)
    swap = i.Swap(YEARS, YEARS, 0.04, MODEL, payer=False, fixing=0.03)
    swaption = i.BermudanSwaption(swap, DATES, i.Never())
    for ours, theirs in zip(both(right(), path), both(swaption, path), strict=True):
        np.testing.assert_allclose(ours, theirs, atol=2e-6)


def test_used_by_its_rule_a_callable_bond_makes_its_price(paths):
    for buys in (True, False):
        loan = i.CallableBond(i.at_critical_rates(right((1.01, 1.005, 1.0), buys)))
        cash, price = made(loan, paths), float(both(loan, one(paths))[1][0])
        error = float(cash.std()) / np.sqrt(PATHS)
        plain = float(both(BOND, one(paths))[1][0])
        assert abs(float(cash.mean()) - price) < 3 * error
        assert (price < plain - 10 * error) if buys else (price > plain + 10 * error)


def test_a_price_out_of_reach_leaves_the_bond_and_one_of_nothing_takes_it(paths):
    path = one(paths)
    for got, plain in zip(both(i.CallableBond(right(9.0)), path), both(BOND, path), strict=True):
        np.testing.assert_allclose(got, plain, atol=1e-6)
    loan = i.CallableBond(eqx.tree_at(lambda r: r.rule, right(0.5), i.CriticalPrices((0.0,), (9.0,))))
    cash, price = both(loan, path)
    np.testing.assert_allclose(cash, [0.0, 0.54, 0.0, 0.0, 0.0, 0.0], atol=1e-6)
    first = 0.54 * float(MARKET.bond(path.quotes["USD.short"][0], 0.0, 1.0))
    np.testing.assert_allclose(price, [first, 0.0, 0.0, 0.0, 0.0, 0.0], atol=2e-6)


def test_called_between_coupons_it_pays_what_has_accrued(paths):
    grid = dh.TimeGrid(jnp.array([0.0, 1.0, 1.25, 2.0]))
    path = one(dh.sample(MARKET, grid, 2, key=jax.random.key(0)))
    used = eqx.tree_at(lambda r: r.rule, right(0.9, dates=(1.25,)), i.CriticalPrices((0.0,), (9.0,)))
    np.testing.assert_allclose(both(i.CallableBond(used), path)[0], [0.0, 0.04, 0.91, 0.0], atol=1e-6)


def test_derivatives_are_finite_and_terms_may_be_traced(paths):
    path = one(paths)

    @jax.jit
    def slopes(short, coupon, prices):
        def total(short, coupon, prices):
            loan = i.CallableBond(right(prices, bond=i.FixedBond(YEARS, coupon, MODEL)))
            return jnp.sum(loan.price(path.with_quotes({"USD.short": short})))

        return jax.grad(total, argnums=(0, 1, 2))(short, coupon, prices)

    found = slopes(path.quotes["USD.short"], jnp.array(0.04), jnp.array([1.0, 1.0, 1.0]))
    for each in found:
        assert np.isfinite(each).all() and np.asarray(each).any()
    assert float(found[0][0]) < 0 < float(found[1])


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: right(dates=(2.0, 1.0)), "increasing"),
        (lambda: right(dates=(1.0, 5.0)), "must end before the bond"),
        (lambda: right(prices=(1.0, 1.0)), "one for each of 3 dates"),
        (lambda: right(prices=0.0), "cash above 0"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
