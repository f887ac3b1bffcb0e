import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import deephedge as dh
from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.pricing import barrier

TIMES = np.linspace(0.0, 1.0, 9)
SPOTS = np.exp(np.cumsum(np.random.default_rng(2).normal(0, 0.12, (40, 9)), axis=1))
DATES = (0.25, 0.625, 0.75)
CALL, PUT = lambda s: max(s - 1.0, 0.0), lambda s: max(1.0 - s, 0.0)


def make(spots):
    quotes = {"A": spots, "A.vol": np.full(9, 0.25), "rate": np.full(9, 0.05), "A.dividend": np.full(9, 0.02)}
    return MarketPath(*jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float)), (TIMES, quotes, np.ones(9))))


PATHS = jax.tree.map(lambda *x: jnp.stack(x), *(make(each) for each in SPOTS))
# The contract, whether a price knocks it, cash at the hit, cash at the end if it is knocked and if not, its expiry.
CONTRACTS = {
    "down and out": (i.Barrier("A", 1.0, 0.9, 0.75, rebate=0.1), lambda s: s <= 0.9, 0.1, lambda s: 0, CALL, 6),
    "up and in": (
        i.Barrier("A", 1.0, 1.1, 0.75, True, False, False, 0.1), lambda s: s >= 1.1, 0, PUT, lambda s: 0.1, 6
    ),
    "on dates": (i.Barrier("A", 1.0, 0.9, 1.0, dates=DATES), lambda s: s <= 0.9, 0, lambda s: 0, CALL, 8),
    "double out": (
        i.DoubleBarrier("A", 1.0, 0.8, 1.2, 1.0), lambda s: not 0.8 < s < 1.2, 0, lambda s: 0, CALL, 8
    ),
    "double in": (
        i.DoubleBarrier("A", 1.0, 0.8, 1.2, 1.0, False, False), lambda s: not 0.8 < s < 1.2, 0, PUT, lambda s: 0, 8
    ),
    "touch": (i.Touch("A", 1.1, 0.5, True, cash=2.0), lambda s: s >= 1.1, 2.0, lambda s: 0, lambda s: 0, 4),
    "touch, later": (i.Touch("A", 0.9, 1.0, at_hit=False), lambda s: s <= 0.9, 0, lambda s: 1, lambda s: 0, 8),
    "no touch": (i.NoTouch("A", 0.9, 1.0), lambda s: s <= 0.9, 0, lambda s: 0, lambda s: 1, 8),
    "double no touch": (
        i.DoubleNoTouch("A", 0.8, 1.2, 1.0, dates=DATES), lambda s: not 0.8 < s < 1.2, 0, lambda s: 0, lambda s: 1, 8
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACTS)
def test_cash_is_that_of_a_walk_along_the_path(name):
    contract, beyond, at_hit, knocked, alive, end = CONTRACTS[name]
    points = range(end + 1) if contract.dates is None else [round(8 * date) for date in DATES]
    expected, hits = np.zeros((40, 9)), np.zeros((40, 9))
    for spots, cash, hit in zip(SPOTS, expected, hits, strict=True):
        first = next((point for point in points if beyond(spots[point])), None)
        if first is not None:
            cash[first] += at_hit
            hit[first:] = 1.0
        cash[end] += (alive if first is None else knocked)(spots[end])
    told = eqx.filter_jit(jax.vmap(lambda path: (contract.cashflows(path), contract.state(path)["knocked"])))(PATHS)
    np.testing.assert_allclose(told[0], expected, atol=3e-7)
    np.testing.assert_array_equal(told[1], hits)
    assert 5 < hits[:, -1].sum() < 40


@eqx.filter_jit
def added(strike, level, spots):
    """What comes to nothing, at every point: knock in and out less the option; touch and no touch less the bond."""
    path = make(spots)
    out, into = (i.Barrier("A", strike, level, 0.75, out=out, monitoring=0.125).price(path) for out in (True, False))
    hit = i.Touch("A", 1.0 / level, 0.75, up=True, at_hit=False).price(path)
    never = i.NoTouch("A", 1.0 / level, 0.75, up=True).price(path)
    bond = jnp.where(path.times < 0.749, jnp.exp(-0.05 * (0.75 - path.times)), 0.0)
    both = (i.DoubleBarrier("A", strike, level, 1.0 / level, 0.75, out).price(path) for out in (True, False))
    plain = i.EuropeanCall("A", strike, 0.75).price(path)
    nearer = jax.vmap(lambda share: i.Barrier("A", strike, share * level, 0.75).price(path))
    return jnp.stack([out + into - plain, sum(both) - plain, hit + never - bond]), nearer(jnp.array([0.9, 0.95, 1.0]))


@settings(max_examples=60, deadline=None)
@given(st.floats(0.5, 1.6), st.floats(0.6, 0.97), st.integers(0, 39))
def test_parts_make_a_whole_and_a_nearer_barrier_is_worth_less(strike, level, row):
    zero, prices = added(jnp.asarray(strike), jnp.asarray(level), jnp.asarray(SPOTS[row]))
    np.testing.assert_allclose(zero, 0.0, atol=1e-6)
    alive = np.minimum.accumulate(SPOTS[row]) > level
    assert (np.diff(prices, axis=0)[:, alive] <= 1e-6).all() and (prices >= 0).all()


def test_on_a_currency_it_knows_both_rates():
    """Its price is the mean of what it pays, which the corrected formula knows to a thousandth of the spot at best."""
    market = dh.markets.GarmanKohlhagen("EURUSD", vol=0.08, spot=1.1, rate=0.05, foreign=0.02)
    grid, terms = dh.TimeGrid.uniform(maturity=0.25, steps=25), ("EURUSD", 1.1, 1.08, 0.25, False)
    paths = dh.sample(market, grid, 2**15, key=jax.random.key(1), method="random")
    out = i.Barrier(*terms, monitoring=0.01)
    cash = np.asarray(jnp.sum(jax.vmap(out.cashflows)(paths) / paths.numeraire, -1), float)
    price = float(out.price(jax.tree.map(lambda x: x[0], paths))[0])
    assert abs(cash.mean() - price) < 3 * cash.std() / 2**7.5 + 1e-4
    # Without the foreign rate it would be off by more than that allows.
    blind = float(barrier.out(1.1, 1.1 * np.exp(0.05 / 4), 1.1, 1.08, 0.08, 0.25, step=0.01) * np.exp(-0.05 / 4))
    assert abs(cash.mean() - blind) > 6 * cash.std() / 2**7.5


def test_after_the_last_look_it_is_a_plain_option():
    path = make(np.r_[np.ones(7), 0.85, 0.95])
    contracts = (i.Barrier("A", 1.0, 0.9, 1.0, dates=DATES), i.EuropeanCall("A", 1.0, 1.0))
    out, plain = eqx.filter_jit(lambda them: [it.price(path) for it in them])(contracts)
    np.testing.assert_allclose(out[6:], plain[6:], rtol=1e-6)
    assert (out[:6] < plain[:6]).all()


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Barrier("A", 1.0, 0.0, 1.0), "barrier must be above 0"),
        (lambda: i.Barrier("A", 1.0, 0.9, 1.0, rebate=np.nan), "rebate must be a finite amount"),
        (
            lambda: i.Barrier("A", 1.0, 0.9, 1.0, dates=(0.5, 1.5)),
            "dates must be increasing years from 0 to the expiry",
        ),
        (lambda: i.Barrier("A", 1.0, 0.9, 1.0, dates=(0.5,)), "dates must be two or more"),
        (lambda: i.Barrier("A", 1.0, 0.9, 1.0, dates=DATES, monitoring=0.1), "give one of the two"),
        (lambda: i.DoubleBarrier("A", 1.0, 1.2, 0.9, 1.0), "lower must be below upper"),
        (lambda: i.Touch("A", 0.9, 0.0), "expiry must be years above 0"),
        (lambda: i.NoTouch("A", 0.9, 1.0, monitoring=-1.0), "monitoring must be years between two looks"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
