import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

TIMES = np.linspace(0.0, 1.0, 9)
SPOTS = np.exp(np.cumsum(np.random.default_rng(4).normal(0, 0.12, (20, 9)), axis=1))
DATES, POINTS, PAST = (0.0, 0.24, 0.5, 0.7501), (0, 2, 4, 7), (0.9, 1.2)


def make(spots):
    quotes = {"A": spots, "A.vol": np.full(9, 0.25), "rate": np.full(9, 0.05), "A.dividend": np.full(9, 0.02)}
    return MarketPath(*jax.tree.map(lambda x: jnp.asarray(x, jnp.result_type(float)), (TIMES, quotes, np.ones(9))))


def geometric(prices):
    return np.exp(np.mean(np.log(prices)))


CONTRACTS = {
    "call": (i.Asian("A", DATES, 1.0, 1.1), np.mean, lambda average, end: max(average - 1.1, 0)),
    "put, begun": (
        i.Asian("A", DATES, 1.0, 1.1, False, True, PAST), geometric, lambda average, end: max(1.1 - average, 0)
    ),
    "average strike": (i.Asian("A", DATES, 1.0, past=PAST), np.mean, lambda average, end: max(end - average, 0)),
}  # fmt: skip


@pytest.mark.parametrize("name", CONTRACTS)
def test_cash_and_average_are_those_of_the_fixings(name):
    contract, mean, payoff = CONTRACTS[name]
    past = list(contract.past)
    expected, averages = np.zeros((20, 9)), np.zeros((20, 9))
    for spots, cash, average in zip(SPOTS, expected, averages, strict=True):
        for point in range(9):
            average[point] = mean([*past, *(spots[at] for at in POINTS if at <= point)])
        cash[8] = payoff(average[8], spots[8])
    told = eqx.filter_jit(
        jax.vmap(lambda spots: (contract.cashflows(make(spots)), contract.state(make(spots))["average"]))
    )(jnp.asarray(SPOTS))
    np.testing.assert_allclose(told[0], expected, atol=3e-7)
    np.testing.assert_allclose(told[1], averages, rtol=1e-6)
    assert (expected[:, 8] > 0).sum() > 3


def test_what_is_fixed_enters_exactly():
    """After the last fixing but one it is an option on one price, with the strike that is left; Black's then."""
    path = make(SPOTS[0])
    contracts = i.Asian("A", DATES, 1.0, 1.0), i.Asian("A", DATES, 1.0)
    call, swap = eqx.filter_jit(lambda them: [it.price(path) for it in them])(contracts)
    fixed, discount = SPOTS[0, [0, 2, 4]], np.exp(-0.05 * (1.0 - TIMES))
    for point in (4, 5, 6):
        left = 0.7501 - TIMES[point]
        ahead, total = SPOTS[0, point] * np.exp(0.03 * left), 0.25 * np.sqrt(left)
        one = ql.blackFormula(ql.Option.Call, 4.0 - fixed.sum(), ahead, total, discount[point]) / 4
        np.testing.assert_allclose(call[point], one, atol=2e-6)
    average = (fixed.sum() + SPOTS[0, 7]) / 4
    np.testing.assert_allclose(call[7], discount[7] * max(average - 1.0, 0), rtol=1e-5, atol=1e-7)
    later = ql.blackFormula(ql.Option.Call, average, SPOTS[0, 7] * np.exp(0.03 / 8), 0.25 * np.sqrt(1 / 8), discount[7])
    np.testing.assert_allclose(swap[7], later, atol=1e-6)
    assert call[8] == swap[8] == 0.0


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Asian("A", DATES, 0.0), "expiry must be years above 0"),
        (lambda: i.Asian("A", DATES, 0.5), "dates must be increasing years from 0 to the expiry"),
        (lambda: i.Asian("A", DATES, 1.0, -1.0), "strike must be 0 or more"),
        (lambda: i.Asian("A", DATES, 1.0, past=(0.0,)), "past must be prices above 0"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
