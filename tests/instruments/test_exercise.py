import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

STEPS, PATHS = 50, 2**13
MARKET = dh.markets.BlackScholes("A", vol=0.2, rate=0.06, spot=36.0)
PUT = i.American("A", 40.0, 1.0, call=False)


@pytest.fixture(scope="module")
def longstaff_schwartz():
    """Their first example, fitted on some paths and used on others: discounted cash, worst case, alive and price."""
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=STEPS)
    learnt, fresh = (dh.sample(MARKET, grid, PATHS, key=jax.random.key(n)) for n in range(2))
    put = i.fit_exercise(PUT, learnt)

    def used(path):
        known = (i.worst_case(put, path), put.state(path)["alive"], put.tradable(path))
        return (jnp.sum(put.cashflows(path) / path.numeraire), *known)

    return put, fresh, tuple(np.asarray(x, float) for x in eqx.filter_jit(jax.vmap(used))(fresh))


def test_a_fitted_rule_makes_nearly_what_the_right_is_worth_and_no_more(longstaff_schwartz):
    """4.478 by finite differences with 50 dates (table 1 of 2001)."""
    _, _, (cash, worst, _, _) = longstaff_schwartz
    error = cash.std() / np.sqrt(PATHS)
    assert 0.99 * 4.478 - error <= cash.mean() <= 4.478 + 3 * error
    assert (worst >= cash - 1e-5).all() and worst.mean() > 1.05 * 4.478


def test_what_was_used_is_over(longstaff_schwartz):
    put, fresh, (_, _, alive, tradable) = longstaff_schwartz
    np.testing.assert_array_equal(alive, tradable)
    assert (np.diff(alive, axis=1) <= 0).all() and not alive[:, -1].any()
    path = jax.tree.map(lambda x: x[int(np.argmin(alive.sum(axis=1)))], fresh)
    price, cash = eqx.filter_jit(lambda p: (put.price(p), put.cashflows(p)))(path)
    used = int(np.argmax(cash))
    assert used < STEPS and not price[used:].any() and (price[:used] > 0).all() and np.count_nonzero(cash) == 1


@pytest.mark.parametrize("call", [True, False])
def test_a_right_is_used_once_where_its_critical_price_is_reached(call):
    rng, times = np.random.default_rng(3), np.linspace(0.0, 1.5, 16)
    levels = (1.0, 1.2) if call else (1.0, 0.8)
    right = i.American("A", 1.0, 1.2, call, rule=i.CriticalPrices((0.0, 1.2), levels))
    cash = jax.jit(jax.vmap(lambda spot: right.cashflows(dh.MarketPath(jnp.asarray(times), {"A": spot}, jnp.ones(16)))))
    spots = np.exp(np.cumsum(rng.normal(0.0, 0.08, (200, 16)), axis=1)).astype(np.float32)
    expected = np.zeros_like(spots)
    for row, spot in zip(expected, spots, strict=True):
        for k, t in enumerate(times):
            level = np.interp(1.2 - t, (0.0, 1.2), levels)
            payoff, reached = (spot[k] - 1, spot[k] >= level) if call else (1 - spot[k], spot[k] <= level)
            if t < 1.2 + 1e-9 and payoff > 0 and (reached or abs(t - 1.2) < 1e-9):
                row[k] = payoff
                break
    np.testing.assert_allclose(cash(jnp.asarray(spots)), expected, atol=1e-6)


def test_quotes_are_terms_of_a_regression():
    paths = dh.sample(MARKET, dh.TimeGrid.uniform(maturity=1.0, steps=3), 64, key=jax.random.key(1))
    rule = i.fit_exercise(PUT, paths, degree=1, quotes="A.vol").rule
    assert rule.coefficients.shape == (4, 5) and rule.quotes == ("A.vol",)
    assert (rule.coefficients[-1, 0] == 1e12) and np.isfinite(rule.coefficients).all()


def test_a_path_of_weight_two_counts_as_often_as_two():
    paths = dh.sample(MARKET, dh.TimeGrid.uniform(maturity=1.0, steps=4), 256, key=jax.random.key(2))
    twice = jax.tree.map(lambda x: jnp.concatenate([x, x[:128]]), paths)
    weighed = eqx.tree_at(lambda p: p.weight, paths, 1.0 + (jnp.arange(256) < 128), is_leaf=lambda x: x is None)
    one, two, plain = (i.fit_exercise(PUT, each, degree=2) for each in (twice, weighed, paths))
    y = jnp.linspace(-0.2, 0.0, 5)
    expected = [
        sum(right.rule.coefficients[2, n] * (y / right.rule.width) ** n for n in range(3))
        for right in (one, two, plain)
    ]
    np.testing.assert_allclose(expected[0], expected[1], rtol=2e-3)
    assert np.abs(expected[2] - expected[1]).max() > 5e-3


def test_parameters_outside_their_domain_are_refused():
    with pytest.raises(ParameterError, match="formula must be one of"):
        i.American("A", 1.0, 1.0, formula="tree")
    with pytest.raises(ParameterError, match="formula must be one of"):
        i.Boundary("tree")
    with pytest.raises(ParameterError, match="strike must be 0 or more"):
        i.American("A", -1.0, 1.0)
    with pytest.raises(ParameterError, match="left must be increasing"):
        i.CriticalPrices((1.0, 0.5), (1.0, 1.0))
    with pytest.raises(ParameterError, match="coefficients must be 4 for each of 2 dates"):
        i.Regression((0.5, 1.0), jnp.zeros((2, 3)), 0.1)
