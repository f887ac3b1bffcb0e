"""Laws of the cash account: wealth is what an independent ledger finds, a claim hedged with itself costs its price,
live decisions are those of the rollout, and what cannot be earned is not earned.
"""

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
from oracles.ledger import terminal_wealth

PATHS = 6
ENDED_BY_THE_LAST_POINT = np.array([0, 0, 1, 0, 1])  # of the five instruments below: the put and the forward
COSTS = ("none", "proportional", "everything at its rate", "fixed", "spread", "quoted", "impact", "all")
CONSTRAINTS = {"free": c.Box(), "box": c.Box(-1.0, [1.0, 0.5, 2.0, 0.3, 1.0], trade=0.4), "lots": c.Lots(0.25)}


def cost_of(name):
    """Made when asked for: a rate written in float32 is another rate in float64."""
    return {
        "none": lambda: c.ProportionalCost(0.0),
        "proportional": lambda: c.ProportionalCost(0.01),
        "everything at its rate": lambda: c.ProportionalCost(1.0),
        "fixed": lambda: c.FixedCost([0.01, 0.02, 0.0, 0.05, 0.001]),
        "spread": lambda: c.HalfSpread(("spread", None, "spread", "spread", None)),
        "quoted": lambda: c.QuotedSpread((None, "B", None, "B", None), default=[0.01, 1.0, 0.0, 1.0, 0.02]),
        "impact": lambda: c.QuadraticCost([0.1, 0.2, 0.0, 0.3, 0.1], per_price=True),
        "all": lambda: c.Costs(
            (
                c.ProportionalCost([0.01, 0, 0.02, 0.1, 0.05]),
                c.FixedCost(0.01),
                c.HalfSpread(0.02),
                c.QuadraticCost(0.05),
            )
        ),
    }[name]()


def cash_cost(name, trade, price, spread):
    """The same costs, a second time, in NumPy."""
    n, cash = np.abs(trade), np.abs(price)
    return {
        "none": 0.0,
        "proportional": 0.01 * n @ cash,
        "everything at its rate": n @ cash,
        "fixed": np.array([0.01, 0.02, 0.0, 0.05, 0.001]) @ (n > 1e-6),
        "spread": 0.5 * spread * n @ np.array([1.0, 0.0, 1.0, 1.0, 0.0]),
        "quoted": 0.5 * spread * n @ np.array([0.0, 1.0, 0.0, 1.0, 0.0]) + n @ (np.array([0.01, 0, 0, 0, 0.02]) * cash),
        "impact": n**2 @ (np.array([0.1, 0.2, 0.0, 0.3, 0.1]) * cash),
        "all": n @ (np.array([0.01, 0.0, 0.02, 0.1, 0.05]) * cash)
        + 0.01 * np.sum(n > 1e-6) + 0.01 * n.sum() + 0.05 * np.sum(n**2),
    }[name]  # fmt: skip


class Erratic(p.AbstractPolicy):
    """A policy with a memory that wants random things, depending on all that it may see."""

    weights: jax.Array

    def init(self):
        return jnp.zeros(2)

    def encode(self, observation):
        return jnp.concatenate([jnp.ravel(observation[name]) for name in sorted(observation)])

    def __call__(self, encoded, position, state):
        seen = jnp.concatenate([encoded, position, state])
        out = 2.0 * jnp.tanh(self.weights[:, : seen.shape[0]] @ seen)
        return out[2:], out[:2]


class Quoting(dh.markets.AbstractMarket):
    """A market, with a bid-ask spread quoted along the path."""

    market: dh.markets.AbstractMarket

    def shocks(self, grid):
        return self.market.shocks(grid)

    def path(self, grid, shocks):
        path = self.market.path(grid, shocks)
        spread, second = 0.01 * path.quote("A"), path.quote("B")
        sides = {"B.bid": second - 0.5 * spread, "B.ask": second + 0.5 * spread}
        return path.with_quotes({"spread": spread, **sides})


def market_and_problem(cost, constraint, close_out, steps=12):
    """Two underliers with rate and dividends; five instruments: one ends on the way, one outlives the path."""
    market = dh.markets.BlackScholes(
        ("A", "B"), vol=(0.3, 0.5), spot=(1.0, 2.0), rate=0.06, dividend=(0.03, 0.0), correlation=[[1, 0.4], [0.4, 1]]
    )
    problem = dh.HedgingProblem(
        grid=dh.TimeGrid.uniform(maturity=1.0, steps=steps),
        liability=i.Book(
            (i.EuropeanCall("A", 1.0, 1.0), i.Digital("B", 2.0, 0.5), i.Premium(i.EuropeanCall("A", 1.0, 1.0))),
            (-2.0, -0.5, 2.0),
        ),
        instruments=(
            i.Spot("A"),
            i.Spot("B"),
            i.EuropeanPut("B", 1.9, 0.5),
            i.EuropeanCall("A", 1.1, 2.0),
            i.Forward("A", 1.0, 1.0),
        ),
        features=(f.LogMoneyness("A", 1.0), f.TimeLeft(1.0), f.Window(f.Quote("B", "b"), 3)),
        cost=cost,
        constraint=constraint,
        initial=(0.5, -0.25, 0.0, 1.0, -0.5),
        close_out=close_out,
    )
    return Quoting(market), problem


def follow(cost, constraint, close_out, seed):
    weights, paths = jax.random.split(jax.random.key(seed))
    market, problem = market_and_problem(cost_of(cost), CONSTRAINTS[constraint], close_out)
    policy = Erratic(jax.random.normal(weights, (7, 32)))
    paths = dh.sample(market, problem.grid, PATHS, key=paths, method="random")
    ledgers = dh.evaluate(problem, {"erratic": policy}, paths)["erratic"]
    return problem, jax.tree.map(
        np.asarray, (paths, ledgers, *prices_and_cash(problem.instruments, problem.liability, paths))
    )


@eqx.filter_jit
def prices_and_cash(instruments, liability, paths):
    def one(path):
        rows = [(each.price(path), each.cashflows(path)) for each in instruments]
        return (*(jnp.stack(column, axis=-1) for column in zip(*rows, strict=True)), liability.cashflows(path))

    return jax.vmap(one)(paths)


def by_hand(problem, path, positions, price, cash, owed, cost):
    """Terminal wealth of one path from its positions; costs trade by trade, the last one for closing out."""
    price, cash, owed, numeraire, spread = (
        np.asarray(x, np.float64) for x in (price, cash, owed, path.numeraire, path.quotes["spread"])
    )
    held = np.concatenate([[np.asarray(problem.initial)], positions, np.zeros((1, positions.shape[1]))])
    trades = np.diff(held.astype(np.float64), axis=0)
    trades[-1] *= ENDED_BY_THE_LAST_POINT == 0  # what has expired is settled, not sold
    costs = np.array([cash_cost(cost, trade, price[k], spread[k]) for k, trade in enumerate(trades)])
    return terminal_wealth(
        prices=price, positions=positions.astype(np.float64), cashflows=cash, numeraire=numeraire, liability=owed,
        cost=costs, initial=np.asarray(problem.initial, np.float64), close_out=problem.close_out,
    )  # fmt: skip


def check_ledger(cost, constraint, close_out, seed, tolerance):
    problem, (paths, ledgers, price, cash, owed) = follow(cost, constraint, close_out, seed)
    put = problem.grid.times[:-1] >= 0.5
    assert put.any() and not ledgers.trade[:, np.asarray(put), 2].any()
    assert np.abs(ledgers.trade).sum() > 1 and np.ptp(ledgers.wealth) > 1e-3
    for n in range(PATHS):
        path = jax.tree.map(lambda x: x[n], paths)  # noqa: B023
        expected = by_hand(problem, path, ledgers.position[n], price[n], cash[n], owed[n], cost)
        assert abs(ledgers.wealth[n] - expected) <= tolerance * max(1.0, abs(expected))


@pytest.mark.parametrize(
    "cost, close_out", [*((cost, True) for cost in COSTS), ("proportional", False), ("all", False)]
)
def test_an_independent_ledger_finds_the_same_wealth(cost, close_out):
    check_ledger(cost, "free", close_out, seed=1, tolerance=1e-5)


@pytest.mark.parametrize("constraint", ["box", "lots"])
def test_also_under_constraints(constraint):
    check_ledger("all", constraint, True, seed=2, tolerance=1e-5)


def test_to_the_last_digits_in_float64():
    with jax.enable_x64(True):
        check_ledger("all", "box", True, seed=3, tolerance=1e-9)
    assert jnp.zeros(1).dtype == jnp.float32


def test_wealth_is_liability_plus_gains_less_costs_of_its_own_path():
    _, (_, ledgers, *_) = follow("all", "free", True, seed=4)
    total = ledgers.liability + ledgers.gain.sum(axis=-1) - ledgers.cost.sum(axis=-1)
    np.testing.assert_allclose(ledgers.wealth, total, rtol=1e-5)
    assert ledgers.wealth.shape == ledgers.liability.shape == (PATHS,)
    assert (ledgers.cost >= 0).all()
    held = np.concatenate([np.broadcast_to([0.5, -0.25, 0.0, 1.0, -0.5], (PATHS, 1, 5)), ledgers.position], axis=1)
    np.testing.assert_allclose(ledgers.trade, np.diff(held, axis=1), atol=1e-6)


@pytest.fixture(scope="module")
def heston():
    market = dh.markets.Heston("A", 1.0, 0.04, 1.5, 0.05, 0.5, -0.6, rate=0.05, dividend=0.02)
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=8)
    return grid, dh.sample(market, grid, 20, key=jax.random.key(6), method="random")


CLAIMS = {
    "spot": i.Spot("A"),
    "forward": i.Forward("A", 1.1, 1.0),
    "call": i.EuropeanCall("A", 1.0, 1.0),
    "put that ends on the way": i.EuropeanPut("A", 1.1, 0.5),
    "digital": i.Digital("A", 1.0, 1.0, cash=2.0),
    "quoted variance swap": i.QuotedVarianceSwap("A", 1.0),
    "idealised variance swap": i.VarianceSwap("A", 1.0, 1.5, 0.05),
    "Heston call": i.HestonCall("A", 1.0, 1.0, 1.5, 0.05, 0.5, -0.6),
    "book": i.Book((i.EuropeanCall("A", 1.0, 1.0), i.EuropeanPut("A", 0.9, 0.75)), (1.0, -2.0)),
}


@pytest.mark.parametrize("name, initial", [*((name, 0.0) for name in CLAIMS), ("call", 1.0)])
def test_a_claim_hedged_with_itself_costs_its_price_on_every_path(name, initial, heston):
    """And where the premium was paid and the hedge is there from the start, nothing at all is left."""
    grid, paths = heston
    claim = CLAIMS[name]
    owed = i.short(claim) if initial == 0 else i.sold(claim)
    if name == "spot":  # a spot never ends: what is owed is its dividends, and the spot at the end
        owed = i.Book((claim, i.Forward("A", 0.0, 1.0)), (-1.0, -1.0))
    hedged = dh.HedgingProblem(grid, owed, (claim,), (f.TimeLeft(1.0),), initial=initial)
    ledger, price = held_still(hedged, paths)
    assert np.ptp(price) == 0 and abs(price[0]) > 1e-3
    np.testing.assert_allclose(ledger.wealth, -price if initial == 0 else 0.0 * price, atol=2e-6)
    assert ledger.trade.any() == (initial == 0)


@eqx.filter_jit
def held_still(problem, paths):
    policy = p.Static((1.0,))
    price = jax.vmap(lambda path: problem.instruments[0].price(path)[0])(paths)
    return jax.vmap(lambda path: dh.rollout(problem, policy, path))(paths), price


def test_live_decisions_are_those_of_the_rollout():
    """A loop that is handed the path until now and nothing else, against the scan; and bit for bit against itself."""
    market, problem = market_and_problem(cost_of("all"), CONSTRAINTS["lots"], True, steps=4)
    problem = eqx.tree_at(
        lambda q: q.features,
        problem,
        (
            f.RealisedVol("A", 4), f.RollingZScore(f.Quote("B", "b"), 3), f.Delta(i.EuropeanCall("A", 1.0, 1.0)),
            f.Window(f.LogReturn("A"), 3), f.RunningMax("B", name="max"), f.TimeLeft(1.0),
        ),
    )  # fmt: skip
    policy = Erratic(jax.random.normal(jax.random.key(8), (7, 32)))
    path = jax.tree.map(lambda x: x[0], dh.sample(market, problem.grid, 1, key=jax.random.key(9), method="random"))

    @eqx.filter_jit
    def decide(desk, known):
        return dh.decide(problem, policy, desk, jax.tree.map(lambda x: x[-1], dh.snapshots(problem, known)))

    def live():
        desk, rows = dh.start(problem, policy), []
        for point in range(problem.grid.steps):
            desk, trade, cost = decide(desk, path.until(point))
            rows.append((desk.position, trade, cost / path.numeraire[point]))
        return [np.stack(column) for column in zip(*rows, strict=True)]

    ledger = eqx.filter_jit(dh.rollout)(problem, policy, path)
    first, second = live(), live()
    np.testing.assert_allclose(first[0], ledger.position, atol=1e-5)
    np.testing.assert_allclose(first[1], ledger.trade, atol=1e-5)
    last = eqx.filter_jit(dh.snapshots)(problem, path)
    left = -ledger.position[-1] * last.tradable[-1]
    closing = problem.cost(left, last.price[-1], {name: x[-1] for name, x in last.quotes.items()})
    costs = np.asarray(ledger.cost) - np.eye(problem.grid.steps)[-1] * float(closing / path.numeraire[-1])
    np.testing.assert_allclose(first[2], costs, atol=1e-5)
    assert all((a == b).all() for a, b in zip(first, second, strict=True))


@pytest.mark.parametrize("rate, dividend", [(0.0, 0.0), (0.05, 0.0), (0.0, 0.05), (0.07, 0.03)])
def test_funding_and_dividends_are_in_the_account(rate, dividend):
    """A share at a price that stands still: borrowing to hold it costs interest and earns the dividend."""
    years = 2.0
    market = dh.markets.BlackScholes("A", vol=0.0, spot=3.0, rate=rate, dividend=dividend, drift=0.0)
    grid = dh.TimeGrid.uniform(maturity=years, steps=8)
    paths = dh.sample(market, grid, 2, key=jax.random.key(0), method="random")
    problem = dh.HedgingProblem(
        grid, i.short(i.EuropeanCall("A", 9.0, years)), (i.Spot("A"),), (f.Quote("A", "spot"),), close_out=True
    )
    ledger = dh.evaluate(problem, {"one share": p.Static((1.0,))}, paths)["one share"]
    # The dividend of a step is paid at its end; in today's money the steps are a geometric sum.
    discount, step = np.exp(-rate * years / 8), np.expm1(dividend * years / 8)
    paid = 3.0 * step * sum(discount**k for k in range(1, 9))
    np.testing.assert_allclose(ledger.wealth, 3.0 * np.expm1(-rate * years) + paid, atol=2e-6)


def test_in_a_martingale_world_nothing_is_earned_on_average():
    """Whatever an erratic desk does at no cost, its mean wealth is what it was paid for the claim less its price: 0."""
    market, problem = market_and_problem(cost_of("none"), CONSTRAINTS["box"], False)
    owed = i.Book((i.EuropeanCall("A", 1.0, 1.0), i.Premium(i.EuropeanCall("A", 1.0, 1.0))), (-1.0, 1.0))
    problem = eqx.tree_at(lambda q: q.liability, problem, owed)
    paths = dh.sample(market, problem.grid, 20_000, key=jax.random.key(4), method="random")
    for seed in (1, 2):
        policy = Erratic(jax.random.normal(jax.random.key(seed), (7, 32)))
        wealth = np.asarray(dh.evaluate(problem, {"erratic": policy}, paths)["erratic"].wealth, np.float64)
        assert abs(wealth.mean()) < 3 * wealth.std() / np.sqrt(wealth.size)
        assert wealth.std() > 0.05


def test_the_past_is_booked_and_stays_booked():
    """Gains and costs until a point are those of the path cut there: wealth is marked to market all along."""
    problem = dh.HedgingProblem(
        dh.TimeGrid.uniform(maturity=1.0, steps=12), i.Premium(i.Spot("A")), (i.Spot("A"),), (f.Quote("A", "a"),),
        c.ProportionalCost(0.01),
    )  # fmt: skip
    policy = Erratic(jax.random.normal(jax.random.key(8), (3, 32)))
    market = dh.markets.BlackScholes("A", vol=0.3, rate=0.06, dividend=0.03)
    path = jax.tree.map(lambda x: x[0], dh.sample(market, problem.grid, 1, key=jax.random.key(9), method="random"))
    whole, part = (eqx.filter_jit(dh.rollout)(problem, policy, each) for each in (path, path.until(5)))
    np.testing.assert_allclose(part.gain, whole.gain[:5], atol=1e-6)
    np.testing.assert_allclose(part.cost, whole.cost[:5], atol=1e-6)
    assert float(part.liability) == float(whole.liability) == 1.0
