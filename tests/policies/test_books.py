"""Policies for whole books: buckets left neutral, and networks that do not mind the order of the positions."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.core.errors import MissingFeature, ProblemError

GRID = dh.TimeGrid.uniform(maturity=0.5, steps=6)
BOOK = i.Book(
    [i.EuropeanCall("A", k, 0.5) for k in (0.9, 1.0, 1.1)] + [i.EuropeanPut("A", 0.95, 0.5)], [-1.0, 2.0, -3.0, -1.0]
)
HEDGE = (i.Spot("A"), i.EuropeanCall("A", 1.05, 1.0))
MARKET = dh.markets.BlackScholes("A", vol=0.25)


def problem(*features, **more):
    return dh.HedgingProblem(GRID, BOOK, HEDGE, features, **more)


@pytest.mark.slow
def test_as_many_instruments_as_buckets_leave_none():
    told = problem(f.Buckets((BOOK, *HEDGE), ("A", "A.vol")))
    path = jax.tree.map(lambda x: x[0], dh.sample(MARKET, GRID, 1, key=jax.random.key(0), method="random"))
    ledger = dh.rollout(told, p.BucketHedge(ridge=0.0), path)
    table = np.asarray(told.features[0](path))[:-1]
    left = table[:, 0] + np.einsum("ti,tib->tb", ledger.position, table[:, 1:])
    assert np.abs(left).max() < 2e-4 and np.abs(table[:, 0]).min() > 1e-3
    delta, vega = (
        np.asarray(feature(BOOK, quote="A" if feature is f.Delta else "A.vol")(path)) for feature in (f.Delta, f.Vega)
    )
    np.testing.assert_allclose(table[:, 0], np.stack([delta, vega], -1)[:-1], atol=1e-5)


def test_fewer_instruments_leave_least_squares_and_weights_say_of_what():
    table = np.random.default_rng(0).normal(size=(3, 4))
    weights = np.array([1.0, 2.0, 0.5, 1.0])
    policy = p.BucketHedge(weights=weights, ridge=0.0)
    found = policy(policy.encode({"buckets": jnp.asarray(table, jnp.float32)}), jnp.zeros(2), None)[0]
    expected = np.linalg.lstsq((table[1:] * weights).T, -(table[0] * weights), rcond=None)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4)
    dead = jnp.asarray(table).at[2].set(0.0)
    assert jnp.isfinite(policy.encode({"buckets": dead})).all()
    with pytest.raises(MissingFeature, match="buckets"):
        policy.encode({"other": dead})
    root = np.random.default_rng(1).normal(size=(3, 4))  # three directions in which the buckets move together
    together = p.BucketHedge(weights=root, ridge=0.0).encode({"buckets": jnp.asarray(table, jnp.float32)})
    expected = np.linalg.lstsq(root @ table[1:].T, -(root @ table[0]), rcond=None)[0]
    np.testing.assert_allclose(together, expected, rtol=1e-4)
    with pytest.raises(ProblemError, match="a row of them for each direction, had shape"):
        p.BucketHedge(weights=root[:, :3]).encode({"buckets": dead})
    with pytest.raises(ProblemError, match="one for each of 4 buckets"):
        p.BucketHedge(weights=(1.0, 2.0)).encode({"buckets": dead})


def test_the_order_of_a_book_does_not_matter_and_its_rows_are_its_positions():
    path = jax.tree.map(lambda x: x[0], dh.sample(MARKET, GRID, 1, key=jax.random.key(0), method="random"))
    rows = np.asarray(f.Positions(BOOK, ("A",))(path))
    assert rows.shape == (7, 4, 3)
    np.testing.assert_allclose(rows[..., 0].sum(-1), -3.0)
    np.testing.assert_allclose(rows[..., 1].sum(-1), BOOK.price(path), atol=1e-6)
    np.testing.assert_allclose(rows[..., 2].sum(-1), f.Delta(BOOK, quote="A")(path), atol=1e-5)
    policy = p.DeepSet(("left",), columns=3, key=jax.random.key(1), instruments=2, width=8)

    def wanted(rows):
        return policy(policy.encode({"positions": jnp.asarray(rows), "left": jnp.array(0.3)}), jnp.ones(2), None)[0]

    np.testing.assert_allclose(wanted(rows[0]), wanted(rows[0][[2, 0, 3, 1]]), atol=1e-5)
    longer = np.concatenate([rows[0], np.zeros((2, 3), np.float32)])
    np.testing.assert_allclose(wanted(rows[0]), wanted(longer), atol=1e-5)
    assert np.abs(np.asarray(wanted(rows[0]) - wanted(2 * rows[0]))).max() > 1e-4


@pytest.mark.slow
def test_a_deep_set_learns_to_hedge_a_book():
    told = problem(
        f.Positions(BOOK, ("A", "A.vol"), scale=(1.0, 0.1, 1.0, 0.3)), f.TimeLeft(0.5), f.LogMoneyness("A", 1.0)
    )
    policy = p.DeepSet(("time_left", "log_moneyness"), columns=4, key=jax.random.key(1), instruments=2)
    risk = dh.objectives.Entropic(10.0)
    fit = dh.fit(told, MARKET, policy, risk, optax.adam(3e-3), updates=300, paths=1024, key=jax.random.key(2))
    paths = dh.sample(MARKET, GRID, 4096, key=jax.random.key(3), method="random")
    found = dh.evaluate(told, {"set": fit.policy, "none": p.NoHedge()}, paths)
    assert np.std(found["set"].wealth) < 0.25 * np.std(found["none"].wealth)


@pytest.mark.slow
def test_marginal_prices_are_those_of_the_formula_where_hedging_is_nearly_perfect():
    """Entropic, a small trade of what the desk already holds much of: the price rises with size and risk aversion."""
    from deephedge.pricing import black
    from deephedge.training import marginal_prices

    call, grid = i.EuropeanCall("A", 1.0, 0.1), dh.TimeGrid.uniform(maturity=0.1, steps=6)
    told = dh.HedgingProblem(
        grid, i.short(call, 2.0), (i.Spot("A"),), (f.LogMoneyness("A", 1.0), f.TimeLeft(0.1), f.Delta(call)),
    )  # fmt: skip
    policy = p.MLP(("log_moneyness", "time_left", "delta"), key=jax.random.key(0), width=16)
    objectives = {"calm": dh.objectives.Entropic(5.0), "averse": dh.objectives.Entropic(20.0)}
    found = marginal_prices(
        told, MARKET, policy, objectives, optax.adam(5e-3), call, sizes=(0.5, 2.0), updates=150, paths=512, fresh=8192,
        key=jax.random.key(4), validation=0,
    )  # fmt: skip
    price = {(x.objective, x.side, x.size): x for x in found}
    assert len(price) == 8
    fair = float(black.price(1.0, 1.0, 0.25, 0.1))
    for (name, _, size), x in price.items():
        bid, ask = price[name, "bid", size], price[name, "ask", size]
        assert bid.price - 3 * bid.error < ask.price + 3 * ask.error and 0 < x.error < 0.01
        assert abs(x.price - fair) < 0.35 * fair
    # What one is short of already costs more and more; who buys it back pays up to lose the risk.
    assert price["averse", "ask", 2.0].price > price["averse", "ask", 0.5].price > fair
    assert price["averse", "ask", 2.0].price > price["calm", "ask", 2.0].price
