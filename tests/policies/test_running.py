"""A policy that is told its own wealth: the number it is told, what training makes of it, and what it refuses."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.core.errors import ConfigError, MissingFeature
from deephedge.policies.base import trainable
from deephedge.training.calibrate import measure_units

STEPS, EXPIRY, KEY = 6, 0.5, jax.random.key(0)
SOLD = i.Book((i.EuropeanCall("A", 100.0, EXPIRY), i.EuropeanPut("A", 105.0, 0.25)), (-1.0, -1.0))
HELD = ("A", "B")


class Clock(f.AbstractFeature):
    name: str = "time"

    def __call__(self, path):
        return path.times


def world(**more) -> dh.markets.BlackScholes:
    return dh.markets.BlackScholes(HELD, vol=(0.2, 0.3), spot=(100.0, 50.0), **more)


def problem(cost: c.AbstractCost, total: bool = False) -> dh.HedgingProblem:
    return dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=EXPIRY, steps=STEPS),
        liability=SOLD,
        instruments=tuple(i.Spot(name) for name in HELD),
        features=(
            f.LogMoneyness("A", 100.0), f.Price(SOLD, "mark", total), Clock(),
            *(f.Price(i.Spot(name), name, total) for name in HELD),
        ),
        cost=cost,
        initial=(0.3, -0.2),
    )  # fmt: skip


def told(cost: c.AbstractCost, quotes: tuple[str, ...] = ()) -> p.WithWealth:
    inner = p.MLP(("log_moneyness", "wealth"), key=KEY, instruments=2, width=8, depth=1)
    inner = eqx.tree_at(lambda q: q.layers.weights[-1], inner, replace_fn=lambda w: 10 * w)
    return p.WithWealth(inner, cost, prices=HELD, liability="mark", quotes=quotes)


@pytest.mark.parametrize(
    ("cost", "quotes", "more", "total"),
    [
        (c.BookWalk(buy=1.5, sell=0.7, fade=5.0), ("time",), {}, False),
        (c.ProportionalCost((0.0, 1e-2)), (), {"rate": 0.05, "dividend": (0.04, 0.0)}, True),
    ],
    ids=["a book that fades", "interest and dividends"],
)
def test_it_is_told_what_the_ledger_says(cost, quotes, more, total):
    """Gains less costs so far and the change of the liability's worth, with a leg of the liability paid on the way."""
    hedge, policy = problem(cost, total), told(cost, quotes)
    path = jax.tree.map(lambda x: x[0], dh.sample(world(**more), hedge.grid, 2, key=KEY))
    decide = eqx.filter_jit(lambda desk, now: dh.decide(hedge, policy, desk, now))

    @eqx.filter_jit
    def follow(path):
        paid = f.Price(SOLD, total=True)(path)
        return dh.rollout(hedge, policy, path), dh.snapshots(hedge, path), paid if total else SOLD.price(path)

    ledger, seen, mark = follow(path)
    assert float(jnp.abs(ledger.trade).min()) > 0 and (total or float(ledger.cost.min()) > 0)
    made = np.cumsum(np.asarray(ledger.gain - ledger.cost, float)) + np.diff(np.asarray(mark, float)).cumsum()
    desk, wealth = dh.start(hedge, policy), []
    for point in range(STEPS):
        desk, _, _ = decide(desk, jax.tree.map(lambda x, point=point: x[point], seen))
        wealth.append(float(desk.memory[0].wealth))
    np.testing.assert_allclose(wealth, np.append(0.0, made[:-1]), rtol=1e-5, atol=2e-4)
    observation = jax.tree.map(lambda x: x[:-1], seen.observation)
    again = policy.seen(observation, ledger.position, hedge.initial)["wealth"]
    np.testing.assert_allclose(again, wealth, rtol=1e-5, atol=1e-4)


def test_training_measures_the_wealth_and_leaves_the_cost_alone():
    """The deviation of what no hedge makes is that of the liability's mark; no gradient may lower a cost."""
    cost = c.ProportionalCost(1e-2)
    policy, hedge = told(cost), problem(cost)
    assert not any(jax.tree.leaves(trainable(policy).account)) and any(jax.tree.leaves(trainable(policy)))
    scaler = measure_units(policy, hedge, world(), KEY).policy.scaler
    paths = dh.sample(world(), hedge.grid, 4096, key=KEY)
    mark = np.asarray(jax.jit(jax.vmap(SOLD.price))(paths), float)[:, :-1]
    wealth = mark - mark[:, :1]
    wealth[:, 1:] -= 1e-2 * (0.3 * 100 + 0.2 * 50)  # to hedge nothing is to sell what is there
    np.testing.assert_allclose((scaler.mean[1], scaler.scale[1]), (wealth.mean(), wealth.std()), rtol=0.05, atol=0.1)


def test_what_cannot_be_is_refused():
    cost, blind = c.ProportionalCost(1e-2), p.MLP(("log_moneyness",), key=KEY)
    for inner, prices, match in (
        (blind, ("A",), "add 'wealth'"),
        (told(cost).policy, (), "for each instrument"),
        (told(cost).policy, ("wealth",), "another name"),
    ):
        with pytest.raises(ConfigError, match=match):
            p.WithWealth(inner, cost, prices=prices, liability="mark")
    with pytest.raises(MissingFeature, match="needs the feature 'mark'"):
        told(cost).encode({"log_moneyness": jnp.zeros(()), "A": jnp.ones(()), "B": jnp.ones(()), "mark_": jnp.ones(())})
