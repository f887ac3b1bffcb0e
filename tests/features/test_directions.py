"""Exposures to joint moves of a curve, beside the sums they are by hand."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ProblemError

TENORS, YIELDS = (1, 2, 3), np.array([0.02, 0.03, 0.04])
NAMES = tuple(f"USD.zero.{t}y" for t in TENORS)
CURVE = i.QuotedCurve(TENORS)
BOND = i.FixedBond(dh.Schedule.uniform(0.0, 3.0, 3), 0.05, CURVE)  # pays at the tenors, where the curve is its quotes
PAYMENTS = np.array([0.05, 0.05, 1.05]) * np.exp(-YIELDS * TENORS)
WEIGHTS = np.array([[1.0, 1.0, 1.0], [1.0, 0.5, 0.0]])


def path(*moves):
    """Points with the curve moved by each of ``moves``, all at time 0."""
    rows = np.array([YIELDS + move for move in moves])
    quotes = {name: jnp.asarray(rows[:, n]) for n, name in enumerate(NAMES)}
    return dh.MarketPath(jnp.zeros(len(moves)), quotes, jnp.ones(len(moves)))


def seen(contracts, weights, path):
    return eqx.filter_jit(f.Directions(contracts, NAMES, weights))(path)


def test_they_are_durations_and_key_rates():
    table = seen((i.short(BOND), i.ZeroBond(2.0, CURVE)), WEIGHTS, path(0.0))[0]
    np.testing.assert_allclose(table[0], WEIGHTS @ (np.array(TENORS) * PAYMENTS), rtol=1e-5)
    np.testing.assert_allclose(table[1], WEIGHTS[:, 1] * -2 * np.exp(-0.06), rtol=1e-5)


def test_a_future_moves_with_the_forward_of_its_bond():
    bond = i.FixedBond(dh.Schedule.uniform(1.0, 3.0, 2), 0.06, CURVE)
    future = i.BondFuture((bond,), (1.0,), expiry=1.0)
    table = seen((i.Nothing(), future), [[1.0, 1.0, 1.0], [1.0, 0.0, 0.0]], path(0.0))[0]
    due = np.array([0.06, 1.06]) * np.exp(-YIELDS[1:] * TENORS[1:] + YIELDS[0])
    np.testing.assert_allclose(table[1], [-due @ [1, 2], due.sum()], rtol=1e-5)
    np.testing.assert_array_equal(table[0], 0.0)


def test_one_direction_a_quote_is_buckets():
    each = (i.short(i.EuropeanCall("A", 1.0, 1.0)), i.Spot("A"))
    points = dh.MarketPath(jnp.zeros(2), {"A": jnp.array([1.0, 1.1]), "A.vol": jnp.full(2, 0.2)}, jnp.ones(2))
    np.testing.assert_allclose(
        f.Directions(each, ("A", "A.vol"), np.eye(2))(points), f.Buckets(each, ("A", "A.vol"))(points), rtol=1e-6
    )


def test_a_quote_named_twice_moves_by_both_weights():
    named, once = ("A", "A.vol", "A"), ("A", "A.vol")
    each = (i.EuropeanCall("A", 1.0, 1.0), i.Spot("A"))
    points = dh.MarketPath(jnp.zeros(1), {"A": jnp.ones(1), "A.vol": jnp.full(1, 0.2)}, jnp.ones(1))
    both, sums = f.Directions(each, named, [[1.0, 2.0, 3.0]]), f.Directions(each, once, [[4.0, 2.0]])
    np.testing.assert_allclose(both(points), sums(points), rtol=1e-6)
    buckets = np.asarray(f.Buckets(each, named)(points))
    np.testing.assert_array_equal(buckets[..., 2], buckets[..., 0])


@pytest.mark.parametrize("geometric", [False, True])
def test_an_average_has_a_gamma_once_a_price_of_it_is_known(geometric):
    asian = i.Asian("A", (0.0, 0.5, 1.0), 1.0, 1.0, geometric=geometric)
    gamma = f.Buckets((asian, i.Spot("A")), ("A",), (2,))

    def found():
        quotes = {"A": jnp.array([1.0, 1.1]), "A.vol": jnp.full(2, 0.2)}
        points = dh.MarketPath(jnp.array([0.0, 0.25]), quotes, jnp.ones(2))
        return np.asarray(eqx.filter_jit(gamma)(points), float)[:, 0, 0]

    single = found()
    with jax.enable_x64(True):
        np.testing.assert_allclose(single, found(), rtol=1e-4)


def test_it_knows_nothing_of_later_points():
    feature = eqx.filter_jit(f.Directions((i.long(BOND), i.ZeroBond(2.0, CURVE)), NAMES, WEIGHTS))
    one, other = feature(path(0.0, 0.01, 0.02)), feature(path(0.0, 0.01, -0.5))
    np.testing.assert_array_equal(one[:2], other[:2])
    assert not np.allclose(one[2], other[2])


def test_duration_matching_leaves_the_square_of_a_shift():
    hedge = dh.policies.BucketHedge(ridge=0.0)
    zero = i.ZeroBond(2.0, CURVE)
    table = seen((i.long(BOND), zero, i.Nothing()), [[1.0] * 3], path(0.0))[0]
    held = np.asarray(hedge(hedge.encode({"buckets": table}), jnp.zeros(2), None)[0], float)
    assert held[1] == 0.0 and held[0] == pytest.approx(-(np.array(TENORS) @ PAYMENTS) / (2 * np.exp(-0.06)), rel=1e-4)
    moved = path(0.0, 0.01, 0.02)
    value = np.asarray(eqx.filter_jit(lambda p: BOND.price(p) + held[0] * zero.price(p))(moved), float)
    first, second = value[1:] - value[0]
    assert second == pytest.approx(4 * first, rel=0.05) and abs(first) < 1e-3


@pytest.mark.parametrize("weights", [[[1.0, 1.0]], [1.0, 1.0, 1.0], np.ones((0, 3))])
def test_weights_are_a_row_a_direction(weights):
    with pytest.raises(ProblemError, match="a row for each direction of 3 numbers"):
        f.Directions((BOND, BOND), NAMES, weights)


def test_what_looks_back_is_moved_at_each_point_alone():
    """An average remembers: its sensitivity at a point is to the quote there, what came before held fixed."""
    asian = i.Asian("A", (0.0, 0.5, 1.0), 1.0, 1.0)
    times, spots, vols = np.array([0.0, 0.5, 0.75]), np.array([1.0, 1.1, 0.95]), np.full(3, 0.3)

    def path(spots, vols):
        return dh.MarketPath(jnp.asarray(times), {"A": jnp.asarray(spots), "A.vol": jnp.asarray(vols)}, jnp.ones(3))

    with jax.enable_x64(True):
        table = np.asarray(eqx.filter_jit(f.Buckets((asian, i.Spot("A")), ("A", "A.vol")))(path(spots, vols)))
        price = eqx.filter_jit(asian.price)
        for point in range(3):
            bump = 1e-5 * (np.arange(3) == point)
            up = np.asarray([price(path(spots + bump, vols)), price(path(spots, vols + bump))])
            down = np.asarray([price(path(spots - bump, vols)), price(path(spots, vols - bump))])
            np.testing.assert_allclose(table[point, 0], (up - down)[:, point] / 2e-5, rtol=1e-4, atol=1e-7)
    np.testing.assert_array_equal(table[:, 1], [[1.0, 0.0]] * 3)
