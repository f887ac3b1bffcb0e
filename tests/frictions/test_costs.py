import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import frictions as c
from deephedge.core.errors import ParameterError, ProblemError, UnknownQuote

TRADE, PRICE = jnp.array([-2.0, 0.0, 0.5]), jnp.array([100.0, 50.0, -4.0])
QUOTES = {"A.spread": jnp.array(0.02), "B.spread": jnp.array(0.5), "A": jnp.array(100.0)}


@pytest.mark.parametrize(
    "cost, cash",
    [
        (c.ProportionalCost(), 0.0),
        (c.ProportionalCost(0.01), 2.02),  # a price below zero (a forward) costs as well
        (c.ProportionalCost([0.01, 0.5, 0.1]), 2.0 + 0.2),
        (c.ProportionalCost(1.0), 202.0),
        (c.FixedCost(3.0), 6.0),
        (c.FixedCost([1.0, 10.0, 100.0]), 101.0),
        (c.FixedCost(3.0, tolerance=0.5), 3.0),
        (c.HalfSpread(0.1), 0.5 * 0.1 * 2.5),
        (c.HalfSpread([0.1, 0.2, 0.4]), 0.5 * (0.2 + 0.2)),
        (c.HalfSpread("A.spread"), 0.5 * 0.02 * 2.5),
        (c.HalfSpread(("A.spread", None, "B.spread")), 0.5 * (0.04 + 0.25)),
        (c.QuadraticCost(2.0), 2.0 * 4.25),
        (c.QuadraticCost([1.0, 1.0, 8.0]), 4.0 + 2.0),
        (c.QuadraticCost(0.01, per_price=True), 0.01 * (400.0 + 1.0)),
        (c.Costs((c.ProportionalCost(0.01), c.FixedCost(3.0), c.HalfSpread("A.spread"))), 2.02 + 6.0 + 0.025),
        (c.Costs([c.Costs((c.FixedCost(1.0),)), c.QuadraticCost(2.0)]), 2.0 + 8.5),
    ],
)
def test_the_cash_is_that_of_the_formula_and_the_same_for_buying(cost, cash):
    np.testing.assert_allclose(cost(TRADE, PRICE, QUOTES), cash, rtol=1e-6)
    np.testing.assert_allclose(cost(-TRADE, PRICE, QUOTES), cash, rtol=1e-6)
    assert float(cost(jnp.zeros(3), PRICE, QUOTES)) == 0.0
    assert cost(TRADE, PRICE, QUOTES).shape == ()


def test_rounding_is_no_trade():
    assert float(c.FixedCost(1.0)(jnp.array([1e-7, -1e-7]), jnp.ones(2), {})) == 0.0
    assert float(c.FixedCost(1.0)(jnp.array([1e-5, -1e-5]), jnp.ones(2), {})) == 2.0


@pytest.mark.parametrize(
    "cost",
    [
        c.ProportionalCost(1.0),
        c.FixedCost(1.0),
        c.HalfSpread("A.spread"),
        c.QuadraticCost(1.0, per_price=True),
        c.Costs((c.ProportionalCost(0.01), c.QuadraticCost(1.0))),
    ],
)
def test_gradients_are_finite_and_zero_for_no_trade(cost):
    slope = jax.grad(lambda trade: cost(trade, PRICE, QUOTES))
    assert not slope(jnp.zeros(3)).any()
    assert jnp.isfinite(slope(TRADE)).all()


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda bad: c.ProportionalCost(bad), "rate must be 0 or more"),
        (lambda bad: c.FixedCost(bad), "amount must be 0 or more"),
        (lambda bad: c.FixedCost(1.0, bad), "tolerance must be 0 or more"),
        (lambda bad: c.HalfSpread([0.1, bad]), "spread must be 0 or more"),
        (lambda bad: c.QuadraticCost(bad), "coefficient must be 0 or more"),
    ],
)
@pytest.mark.parametrize("bad", [-1e-4, float("nan"), float("inf")])
def test_a_cost_that_pays_is_refused(make, says, bad):
    with pytest.raises(ParameterError, match=says):
        make(bad)


def test_quotes_and_counts_are_checked():
    with pytest.raises(UnknownQuote, match=r"needs the quote 'A\.sprad'.*did you mean 'A\.spread'"):
        c.HalfSpread("A.sprad")(TRADE, PRICE, QUOTES)
    for cost in (c.HalfSpread(("A.spread", "B.spread")), c.ProportionalCost([0.1, 0.2]), c.QuadraticCost(np.ones(4))):
        with pytest.raises(ProblemError, match="needs one number, or 3"):
            cost(TRADE, PRICE, QUOTES)
    for wrong in ((), (0.1,)):
        with pytest.raises(ProblemError, match="needs cost objects"):
            c.Costs(wrong)


def test_float64_is_kept():
    with jax.enable_x64(True):
        cash = c.Costs((c.ProportionalCost(0.1), c.FixedCost(0.1)))(jnp.array([1.0]), jnp.array([1.0]), {})
        assert cash.dtype == jnp.float64 and float(cash) == 0.2
