import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

TIMES = np.linspace(0.0, 1.0, 9)
SPOTS = np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.12, (30, 9)), axis=1))


def make(spots):
    quotes = {"A": spots, "A.vol": np.full(9, 0.25), "rate": np.full(9, 0.05), "A.dividend": np.full(9, 0.02)}
    return MarketPath(*jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float)), (TIMES, quotes, np.ones(9))))


# The contract, its payoff from the points that count and the last price, its expiry.
CONTRACTS = {
    "floating call": (i.Lookback("A", 0.75), lambda seen, end: end - min(seen), 6),
    "floating put": (i.Lookback("A", 1.0, call=False), lambda seen, end: max(seen) - end, 8),
    "fixed call": (i.Lookback("A", 0.75, 1.1), lambda seen, end: max(max(seen) - 1.1, 0), 6),
    "fixed put": (
        i.Lookback("A", 1.0, 0.9, False, dates=(0.5, 0.75, 1.0)), lambda seen, end: max(0.9 - min(seen), 0), 8
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACTS)
def test_cash_is_that_of_a_walk_along_the_path(name):
    contract, payoff, end = CONTRACTS[name]
    points = range(end + 1) if contract.dates is None else (4, 6, 8)
    expected = np.zeros((30, 9))
    for spots, cash in zip(SPOTS, expected, strict=True):
        cash[end] = payoff([spots[point] for point in points], spots[end])
    told = eqx.filter_jit(jax.vmap(lambda spots: contract.cashflows(make(spots))))(jnp.asarray(SPOTS))
    np.testing.assert_allclose(told, expected, atol=3e-7)
    assert (expected[:, end] > 0).sum() > 5


@eqx.filter_jit
def priced(strike, spots):
    path = make(spots)
    fixed = jax.vmap(lambda strike: i.Lookback("A", 1.0, strike, monitoring=0.0).price(path))
    call, maximum = fixed(jnp.stack([strike, 0.0 * strike]))
    looks = i.Lookback("A", 1.0, strike, monitoring=1 / 8).price(path)
    put, plain = i.Lookback("A", 1.0, call=False).price(path), i.EuropeanCall("A", strike, 1.0).price(path)
    return jnp.stack([maximum, path.quote("A"), put, call, plain, looks])


@settings(max_examples=40, deadline=None)
@given(st.floats(0.5, 1.6), st.integers(0, 29))
def test_prices_keep_their_order(strike, row):
    """More looks are worth more, one is a plain option on the best so far; a put and a holding make the maximum."""
    maximum, spot, put, call, plain, looks = np.asarray(priced(jnp.asarray(strike), jnp.asarray(SPOTS[row])))[:, :-1]
    assert (call >= looks - 1e-6).all() and (call >= plain - 1e-6).all()
    best, ahead, paid = max(*SPOTS[row, :8], strike), SPOTS[row, 7] * np.exp(0.03 / 8), np.exp(-0.05 / 8)
    one = ql.blackFormula(ql.Option.Call, best, ahead, 0.25 * np.sqrt(1 / 8), paid) + paid * (best - strike)
    np.testing.assert_allclose(looks[-1], one, atol=2e-6)
    held = spot * np.exp(-0.02 * (1.0 - TIMES[:-1]))
    np.testing.assert_allclose(put + held, maximum, rtol=1e-5)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Lookback("A", 0.0), "expiry must be years above 0"),
        (lambda: i.Lookback("A", 1.0, -1.0), "strike must be 0 or more"),
        (lambda: i.Lookback("A", 1.0, dates=(0.5, 0.75)), "dates must end with the expiry"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
