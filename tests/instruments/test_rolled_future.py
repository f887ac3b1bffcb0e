"""A rolled future on its index is a strip of futures on its contracts, roll costs and all."""

import jax
import jax.numpy as jnp
import numpy as np

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.evaluation import attribute

GRID = dh.TimeGrid.uniform(maturity=1.0, steps=10)
ENDS = (0.35, 0.75, 1.4)
HELD = np.searchsorted(np.array(ENDS), np.asarray(GRID.times) + 1e-6, side="left")


def both() -> dh.MarketPath:
    """Three contracts, and the index of holding each until its end, with money that earns interest."""
    rng = np.random.default_rng(0)
    marks = 50 * np.exp(np.cumsum(rng.normal(size=(3, 11)) * 0.05, axis=1)) * np.array([[1.0], [1.04], [1.1]])
    points = np.arange(10)
    index = np.cumprod(np.r_[1.0, marks[HELD[:-1], points + 1] / marks[HELD[:-1], points]])
    quotes = dict(zip("ABC", marks, strict=True))
    quotes |= {"R": index, "R.units": marks[HELD, np.arange(11)] / index, "R.rolls": np.diff(HELD, prepend=HELD[0])}
    interest = np.exp(np.cumsum(np.r_[0.0, rng.uniform(0.0, 0.02, 10)]))
    return dh.MarketPath(
        GRID.times, {k: jnp.asarray(v, jnp.float32) for k, v in quotes.items()}, jnp.asarray(interest, jnp.float32)
    )


def test_it_is_the_strip_of_its_contracts():
    path, rolled, strip = both(), i.RolledFuture("R"), i.FuturesStrip(("A", "B", "C"), ENDS)
    np.testing.assert_array_equal(rolled.rolls(path), strip.rolls(path))
    assert int(rolled.rolls(path).sum()) == 2
    for said in ("price", "cashflows", "closing"):
        np.testing.assert_allclose(getattr(rolled, said)(path), getattr(strip, said)(path), rtol=2e-5, atol=1e-4)


def test_a_desk_pays_for_both_trades_of_a_roll():
    """An independent ledger: two contracts sold on the first day, each roll a purchase and a sale."""
    path, rate = both(), 1e-3
    problem = dh.HedgingProblem(
        grid=GRID, liability=i.Nothing(), instruments=(i.RolledFuture("R"),), features=(f.TimeLeft(1.0),),
        cost=dh.frictions.ProportionalCost(rate),
    )  # fmt: skip
    ledger = dh.rollout(problem, dh.policies.Static((-2.0,)), path)
    marks = np.stack([np.asarray(path.quotes[name], float) for name in "ABC"])
    money = np.asarray(path.numeraire, float)
    gain, cost = 0.0, 2 * rate * marks[HELD[0], 0]
    for point in range(1, 11):
        gain -= 2 * (marks[HELD[point - 1], point] - marks[HELD[point - 1], point - 1]) / money[point]
        if point < 10 and HELD[point] != HELD[point - 1]:
            cost += 2 * rate * (marks[HELD[point], point] + marks[HELD[point - 1], point]) / money[point]
    assert abs(float(jnp.sum(ledger.gain)) - gain) < 2e-3
    assert abs(float(jnp.sum(ledger.cost)) - cost) < 1e-5


def test_all_that_it_earns_is_delta_rolls_or_not():
    """The jump from one contract to the next is nobody's gain, and nothing is left unexplained."""
    path, held = both(), HELD[:-1]
    path = jax.tree.map(lambda x: x[None], path.with_quotes({n: path.quotes[n] for n in ("R", "R.units", "R.rolls")}))
    problem = dh.HedgingProblem(GRID, i.Nothing(), (i.RolledFuture("R"),), (f.TimeLeft(1.0),))
    ledger = dh.evaluate(problem, {"it": dh.policies.Static((-2.0,))}, path)["it"]
    found = attribute(problem, ledger, path)
    marks = np.stack([np.asarray(both().quotes[name], float) for name in "ABC"])
    moves = marks[held, np.arange(1, 11)] - marks[held, np.arange(10)]
    money = np.asarray(path.numeraire[0], float)
    np.testing.assert_allclose(found.terms["delta"][0], -2 * moves / money[1:], rtol=1e-4, atol=1e-4)
    assert all(np.abs(found.terms[name]).max() < 1e-4 for name in found.terms if name != "delta")


def test_windows_in_units_of_their_start_keep_its_gains():
    """Index and units divided by their own first values: a contract is one that cost 1 at the start."""
    path = both()
    scaled = path.with_quotes({name: path.quotes[name] / path.quotes[name][0] for name in ("R", "R.units")})
    gain = jnp.diff(i.RolledFuture("R").price(path)) + i.RolledFuture("R").cashflows(path)[1:]
    there = jnp.diff(i.RolledFuture("R").price(scaled)) + i.RolledFuture("R").cashflows(scaled)[1:]
    np.testing.assert_allclose(there * path.quotes["A"][0], gain, rtol=1e-3, atol=1e-3)


def test_a_stack_is_its_features_beside_each_other():
    path = both()
    parts = [f.Window(f.Quote("A", "a"), 3), f.Quote("B", "b"), f.Delta(i.Nothing(), quote="A")]
    found = jax.jit(f.Stack(parts, "all"))(path)
    assert found.shape == (11, 5)
    np.testing.assert_array_equal(found[:, 3], path.quotes["B"])
    np.testing.assert_array_equal(found[:, :3], parts[0](path))
    assert not found[:, 4].any()
