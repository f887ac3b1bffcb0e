"""Bermudan swaptions against European ones, their use along paths, and derivatives of all options on rates."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import deephedge as dh
from deephedge import instruments as i
from deephedge import markets as m

CURVE = ((1.0, 3.0, 10.0), (0.03, 0.035, 0.04))
MARKET = m.HullWhite(CURVE, 0.1, 0.012)
MODEL = i.ModelCurve(MARKET)
HALF, YEARS = dh.Schedule.uniform(0.5, 2.5, periods=4), dh.Schedule.uniform(0.5, 2.5, periods=2)
PAYER = i.Swap(YEARS, HALF, 0.034, MODEL)
GRID = dh.TimeGrid.uniform(maturity=3.0, steps=12)


def paths(count=2, grid=GRID, market=MARKET):
    return dh.sample(market, grid, count, key=jax.random.key(3), method="random")


@eqx.filter_jit
def both(contract, path):
    return contract.cashflows(path), contract.price(path)


def one(batch, n=0):
    return jax.tree.map(lambda x: x[n], batch)


def test_a_bermudan_with_one_date_is_european_and_more_dates_cost_more():
    path = one(paths())
    prices = [np.asarray(both(i.BermudanSwaption(PAYER, dates), path)[1]) for dates in ((0.5,), (0.5, 1.5))]
    european = np.asarray(both(i.Swaption(PAYER, 0.5), path)[1])
    np.testing.assert_allclose(prices[0], european, atol=1e-6)
    assert (prices[1][:2] >= prices[0][:2] - 1e-7).all() and prices[1][0] > prices[0][0] + 1e-4


def test_the_best_use_makes_the_price_a_regression_nearly_and_no_rule_more_than_the_worst_case():
    batch = paths(2**13, dh.TimeGrid.uniform(maturity=1.5, steps=3))
    dates = (0.5, 1.0, 1.5)
    right = i.BermudanSwaption(i.Swap(HALF, HALF, 0.034, MODEL), dates)
    learnt = i.fit_exercise(right, batch)

    @eqx.filter_jit
    def made(right, batch):
        return jax.vmap(lambda path: (jnp.sum(right.cashflows(path) / path.numeraire), i.worst_case(right, path)))(
            batch
        )

    fresh = dh.sample(MARKET, dh.TimeGrid.uniform(maturity=1.5, steps=3), 2**13, key=jax.random.key(9), method="random")
    price = float(both(right, one(fresh))[1][0])
    best, most = made(right, fresh)
    error = float(best.std()) / np.sqrt(2**13)
    assert abs(float(best.mean()) - price) < 3 * error
    assert price - 3 * error - 2e-4 * price < float(made(learnt, fresh)[0].mean()) < price + 3 * error
    never = made(eqx.tree_at(lambda r: r.rule, right, i.Never()), fresh)[0]
    assert (best <= most + 1e-7).all() and float(never.mean()) < price - 3 * error


def test_derivatives_are_finite_and_strikes_may_be_traced():
    path = one(paths())

    @jax.jit
    def slopes(quotes, rate):
        def total(quotes, rate):
            seen, swap = path.with_quotes(quotes), i.Swap(YEARS, HALF, rate, MODEL)
            held = (swap, i.Cap(HALF, rate, MODEL), i.Swaption(swap, 0.5), i.BermudanSwaption(swap, (0.5, 1.5)))
            return sum(jnp.sum(each.price(seen) + each.cashflows(seen)) for each in held)

        return jax.grad(total, argnums=(0, 1))(quotes, rate)

    for each in jax.tree.leaves(slopes({"USD.short": path.quotes["USD.short"]}, jnp.array(0.034))):
        assert np.isfinite(each).all() and np.asarray(each).any()
