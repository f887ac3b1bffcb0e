"""Other frictions and other sizes: against wealth recomputed by hand, and a size known in closed form."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.evaluation.capacity import capacity
from deephedge.evaluation.robustness import cost_and_latency
from deephedge.policies.base import AbstractPolicy

GRID = dh.TimeGrid.uniform(maturity=0.25, steps=4)
PATHS = dh.sample(dh.markets.BlackScholes("A", vol=0.2), GRID, 200, key=jax.random.key(0), method="random")


class Turn(AbstractPolicy):
    """Flat, long, flat, long ...: a trade of one unit at every point."""

    def init(self):
        return None

    def encode(self, observation):
        return None

    def __call__(self, encoded, position, state):
        return 1.0 - position, state


def problem(cost, **more):
    return dh.HedgingProblem(GRID, i.Nothing(), (i.Spot("A"),), (dh.features.TimeLeft(0.25),), cost, **more)


def test_the_grid_of_costs_and_delays_by_hand():
    rows = cost_and_latency(problem(c.ProportionalCost(0.01)), {"turn": Turn()}, PATHS, scales=(0, 3), latencies=(0, 1))
    spot = np.asarray(PATHS.quotes["A"], float)
    orders = np.array([1.0, 0.0, 1.0, 0.0])
    position = {0: orders, 1: np.array([0.0, 1.0, 0.0, 1.0])}
    assert [(row["latency"], row["scale"]) for row in rows] == [(0, 0.0), (0, 3.0), (1, 0.0), (1, 3.0)]
    for row in rows:
        held = position[row["latency"]]
        gain = np.diff(spot) @ held
        cost = row["scale"] * 0.01 * spot[:, :-1] @ np.abs(np.diff(held, prepend=0.0))
        assert row["mean"] == pytest.approx((gain - cost).mean(), abs=1e-6)
        assert row["std"] == pytest.approx((gain - cost).std(ddof=1), abs=1e-6)
        assert row["cost"] == pytest.approx(cost.mean(), abs=1e-6)


def test_fills_stay_and_impact_remembers_through_the_scale():
    impact, execution = c.Impact(permanent=0.5), c.Execution(fill=0.5)
    plain = problem(impact, execution=execution)
    (row,) = cost_and_latency(plain, {"turn": Turn()}, PATHS, scales=(2,), latencies=(0,))
    ledger = dh.evaluate(plain, {"turn": Turn()}, PATHS)["turn"]
    assert row["cost"] == pytest.approx(2 * float(ledger.cost.sum(axis=1).mean()), rel=1e-5)
    assert row["turnover"] == pytest.approx(float(jnp.abs(ledger.trade).sum(axis=(1, 2)).mean()), rel=1e-5)


def test_the_edge_is_gone_where_linear_impact_has_eaten_it():
    """Four trades of s units at a temporary impact of eta cost 4 eta s a unit: nothing is left at premium / (4 eta)."""
    market, eta, premium = problem(c.Impact(temporary=0.001)), 0.001, 0.1
    flat = jax.tree.map(lambda x: jnp.ones_like(x), PATHS.quotes)
    paths = PATHS.with_quotes({"A": flat["A"]})
    found = capacity(market, {"turn": Turn()}, paths, sizes=(1, 4, 10, 100), premium=premium)["turn"]
    sizes = np.array([1, 4, 10, 100])
    np.testing.assert_allclose(found.unit, premium - 4 * eta * sizes, atol=1e-6)
    np.testing.assert_allclose(found.total, sizes * (premium - 4 * eta * sizes), atol=1e-4)
    np.testing.assert_allclose(found.cost, 4 * eta * sizes, rtol=1e-5)
    assert found.gone == pytest.approx(premium / (4 * eta), rel=1e-4) and found.best == 10
    rich = capacity(market, {"turn": Turn()}, paths, sizes=(1, 4), premium=9.0)["turn"]
    poor = capacity(market, {"turn": Turn()}, paths, sizes=(1, 4), premium=0.0)["turn"]
    assert rich.gone == np.inf and poor.gone == 0.0


def test_proportional_costs_leave_the_unit_as_it_is():
    sold = dh.HedgingProblem(
        GRID, i.sold(i.Forward("A", 1.0, 0.25)), (i.Spot("A"),), (dh.features.TimeLeft(0.25),),
        c.ProportionalCost(0.01), initial=1.0,
    )  # fmt: skip
    found = capacity(sold, {"turn": Turn()}, PATHS, sizes=(1, 50))["turn"]
    assert found.unit[1] == pytest.approx(found.unit[0], abs=1e-6)
    wealth = np.asarray(dh.evaluate(sold, {"turn": Turn()}, PATHS)["turn"].wealth)
    assert found.error == pytest.approx(np.full(2, wealth.std(ddof=1) / 200**0.5), rel=1e-4)


def test_misuse_is_refused_in_one_sentence():
    with pytest.raises(ParameterError, match="scales must be 0 or more"):
        cost_and_latency(problem(c.ProportionalCost(0.01)), {"turn": Turn()}, PATHS, scales=(-1,))
    with pytest.raises(ParameterError, match="at least one scale"):
        cost_and_latency(problem(c.ProportionalCost(0.01)), {"turn": Turn()}, PATHS, scales=())
    with pytest.raises(ParameterError, match="sizes must increase from above 0"):
        capacity(problem(c.ProportionalCost(0.01)), {"turn": Turn()}, PATHS, sizes=(2, 1))
