import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.core.errors import ParameterError, ProblemError
from deephedge.frictions import Box, Lots

INF = np.inf


@pytest.mark.parametrize(
    "box, target, position, allowed",
    [
        (Box(), 1e9, 0.0, 1e9),
        (Box(0.0, 1.0), 1.5, 0.0, 1.0),
        (Box(0.0, 1.0), -0.5, 0.7, 0.0),
        (Box(trade=0.1), 1.0, 0.5, 0.6),
        (Box(trade=0.1), 0.0, 0.5, 0.4),
        (Box(-1.0, 1.0, trade=0.25), 5.0, 0.9, 1.0),
        (Box(0.0, 1.0, trade=0.25), 0.5, 3.0, 2.75),  # the trade limit wins over the box
        (Box(0.5, 0.5), 9.0, 0.0, 0.5),
        (Box(trade=0.0), 9.0, 0.3, 0.3),
    ],
)
def test_a_box_gives_the_nearest_allowed_position(box, target, position, allowed):
    np.testing.assert_allclose(box(jnp.array([target]), jnp.array([position])), [allowed], rtol=1e-6)


def test_limits_can_differ_by_instrument():
    box = Box(lower=[0.0, -INF], upper=[1.0, 2.0], trade=[INF, 0.5])
    np.testing.assert_allclose(box(jnp.array([-3.0, 5.0]), jnp.array([0.5, 1.0])), [0.0, 1.5])
    with pytest.raises(ProblemError, match="lower needs one number, or 3"):
        box(jnp.zeros(3), jnp.zeros(3))


def brute_force(target, position, size, lower, upper, trade):
    """All whole numbers of lots, those that may be traded, the one nearest to the box's own answer."""
    inside = np.clip(np.clip(target, lower, upper), position - trade, position + trade)
    low, high = (np.clip(np.clip(t, lower, upper), position - trade, position + trade) for t in (-1e9, 1e9))
    reach = [position + k * size for k in range(-200, 201)]
    allowed = [x for x in reach if low - 1e-4 * size <= x <= high + 1e-4 * size]
    return min(allowed, key=lambda x: abs(x - inside), default=position)


def test_lots_are_the_nearest_whole_number_that_the_box_allows():
    boxes = [(-INF, INF, INF), (0.0, 1.0, INF), (-1.0, 1.0, 0.3), (0.25, 0.45, 0.5), (0.0, 1.5, 1.0)]
    sizes = [0.1, 0.25, 1.0]
    targets, positions = [-2.03, 0.26, 0.74, 1.12, 7.9], [0.0, 0.3, 1.0, 2.0]
    for (lower, upper, trade), size in itertools.product(boxes, sizes):
        pairs = np.array(list(itertools.product(targets, positions)), np.float32)
        got = jax.jit(jax.vmap(Lots(size, Box(lower, upper, trade))))(pairs[:, :1], pairs[:, 1:])
        expected = [brute_force(float(t), float(p), size, lower, upper, trade) for t, p in pairs]
        np.testing.assert_allclose(got[:, 0], expected, atol=1e-5)


def test_trades_are_whole_lots_of_each_instrument():
    lots = Lots([0.5, 2.0], Box(0.0, 10.0))
    position = jnp.array([1.0, 4.0])
    assert lots(jnp.array([3.3, 8.9]), position).tolist() == [3.5, 8.0]
    assert lots(jnp.array([1.2, 4.9]), position).tolist() == [1.0, 4.0]


def test_a_thousand_decisions_stay_on_the_lots_to_the_last_bit():
    """Sizes that binary fractions hold exactly: no trade creeps in where none was wanted."""
    targets = jnp.asarray(np.random.default_rng(0).normal(size=1000) * 5, jnp.float32)

    def step(position, target):
        after = Lots(0.25)(target[None], position)
        return after, after[0]

    _, positions = jax.lax.scan(step, jnp.zeros(1), targets)
    np.testing.assert_array_equal(positions, np.round(np.asarray(targets) / 0.25) * 0.25)


def test_the_gradient_passes_straight_through_inside_the_box_and_stops_at_its_edge():
    lots = Lots(0.25, Box(0.0, 1.0))
    slope = jax.vmap(jax.grad(lambda t: lots(t[None], jnp.array([0.5]))[0]))(jnp.array([0.31, 0.6, 1.7, -0.4]))
    assert slope.tolist() == [1.0, 1.0, 0.0, 0.0]


@pytest.mark.parametrize(
    "make, says",
    [
        (lambda: Box(1.0, 0.0), "lower must not be above upper"),
        (lambda: Box([0.0, 2.0], 1.0), "lower must not be above upper"),
        (lambda: Box(trade=-1.0), "trade must be 0 or more"),
        (lambda: Box(float("nan")), "lower must not be above upper"),
        (lambda: Lots(0.0), "positive number of units"),
        (lambda: Lots([1.0, -1.0]), "positive number of units"),
    ],
)
def test_impossible_limits_are_refused(make, says):
    with pytest.raises(ParameterError, match=says):
        make()
