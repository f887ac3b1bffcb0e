"""Laws of frictions: an independent desk in NumPy, order by order and step by step, ends with the same wealth.

Late and partial fills, a halt, impact that fades, fees for stock and cash, margin, tax, and instruments that roll.
"""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge import policies as p

STEPS = 10
RATE, DIVIDEND = 0.06, 0.04


def grid():
    """Made when asked for, as all numbers here: one written in float32 is another in float64."""
    return dh.TimeGrid.uniform(maturity=1.0, steps=STEPS)


def call():
    return i.EuropeanCall("A", 1.0, 1.0)


def put():
    return i.EuropeanPut("A", 1.1, 0.65)


class Wishes(p.AbstractPolicy):
    """Wants what the path says it wants, whatever it holds."""

    def init(self):
        return None

    def encode(self, observation):
        return jnp.stack([observation["first"], observation["second"]])

    def __call__(self, encoded, position, state):
        return encoded, state


class Rolled(i.AbstractTradable):
    """A forward of a quarter of a year at today's forward, closed and opened again every third point."""

    def _strike(self, path):
        point = jnp.arange(path.times.shape[0]) // 3 * 3
        return path.quote("A")[point] * jnp.exp((RATE - DIVIDEND) * 0.3), path.times[point] + 0.3

    def _value(self, path, strike, end):
        left = end - path.times
        return path.quote("A") * jnp.exp(-DIVIDEND * left) - strike * jnp.exp(-RATE * left)

    def price(self, path):
        # From a tenth of the spot upwards: a forward that has just been opened is worth nothing.
        return 0.1 + self._value(path, *self._strike(path))

    def rolls(self, path):
        points = jnp.arange(path.times.shape[0])
        return (points % 3 == 0) & (points > 0)

    def closing(self, path):
        before = jax.tree.map(lambda x: jnp.concatenate([x[:1], x[:-1]]), self._strike(path))
        return jnp.where(self.rolls(path), 0.1 + self._value(path, *before), self.price(path))

    def cashflows(self, path):
        return self.closing(path) - self.price(path)


def paths_of(seed):
    market = dh.markets.BlackScholes("A", vol=0.4, rate=RATE, dividend=DIVIDEND)
    path = jax.tree.map(lambda x: x[0], dh.sample(market, grid(), 1, key=jax.random.key(seed), method="random"))
    rng = np.random.default_rng(seed)
    halted = np.zeros(STEPS + 1)
    halted[4] = 1.0
    more = {
        "wish.1": rng.normal(0, 3, STEPS + 1), "wish.2": rng.normal(0, 2, STEPS + 1), "A.halted": halted,
        "A.fill": rng.uniform(0, 1, STEPS + 1), "A.borrow": rng.uniform(0, 0.1, STEPS + 1),
    }  # fmt: skip
    return path.with_quotes({name: jnp.asarray(x, jnp.result_type(float)) for name, x in more.items()})


def problem_of(execution, second, close_out=True):
    return dh.HedgingProblem(
        grid=grid(), liability=i.sold(call(), 2.0), instruments=(i.Spot("A"), second),
        features=(f.Quote("wish.1", "first"), f.Quote("wish.2", "second")),
        cost=c.Costs((
            c.ProportionalCost((0.01, 0.02)), c.FixedCost(0.03),
            c.Impact(temporary=0.01, permanent=(0.02, 0.0), transient=(0.05, 0.03), fade=2.0),
        )),
        initial=(1.0, -0.5), close_out=close_out, execution=execution,
        funding=c.Charges((
            c.BorrowFee(("A.borrow", None)), c.FundingSpread(0.03, 0.01), c.InitialMargin((0.1, 0.3), 0.05),
            c.VariationMargin(i.short(call(), 2.0), 0.04, 0.1), c.Withholding((0.25, 0.0)),
        )),
    )  # fmt: skip


def by_hand(problem, path, latency, fill, cap, cancel):
    """A desk with a blotter, a cash account and a price it has moved. All in cash; at the end in units of account."""
    get = jax.tree.map(lambda x: np.asarray(x, np.float64), path)
    time, quote, unit = get.times, get.quotes, get.numeraire
    price, cash, tradable, rolls, closing = (
        np.stack([np.asarray(getattr(each, what)(path)) for each in problem.instruments], -1)
        for what in ("price", "cashflows", "tradable", "rolls", "closing")
    )
    owed, mark = np.asarray(problem.liability.cashflows(path), float), -2 * np.asarray(call().price(path), float)
    held = np.array([1.0, -0.5])
    account, orders, moved, fading = -held @ price[0], [], np.zeros(2), np.zeros(2)

    def deal(units, at, point):
        nonlocal account, moved, fading
        for n in range(2):
            fixed = 0.03 * (abs(units[n]) > 1e-6)
            slope = 0.01 + 0.5 * ((0.02, 0.0)[n] + (0.05, 0.03)[n])
            impact = units[n] * (moved[n] + fading[n]) + slope * units[n] ** 2
            account -= (0.01, 0.02)[n] * abs(units[n] * at[n]) + fixed + impact
        moved, fading = moved + np.array([0.02, 0.0]) * units, fading + np.array([0.05, 0.03]) * units

    for k in range(STEPS):
        if k > 0:
            account, fading = account + held @ cash[k], fading * np.exp(-2.0 * (time[k] - time[k - 1]))
        account += owed[k]
        waiting = sum((o["units"] for o in orders), np.zeros(2))
        order = np.where(tradable[k], np.array([quote["wish.1"][k], quote["wish.2"][k]]) - held - waiting, 0.0)
        orders.append({"due": k + latency, "units": order})
        due = sum((o["units"] for o in orders if o["due"] <= k), np.zeros(2))
        dealt = np.clip(due * (quote["A.fill"][k] if fill else 1.0), -cap, cap)
        orders = [o for o in orders if o["due"] > k] + ([] if cancel else [{"due": k, "units": due - dealt}])
        for o in orders:
            o["units"] = np.where(tradable[k], o["units"], 0.0)
        dealt = np.where(tradable[k], dealt, 0.0)
        account -= dealt @ price[k]
        if rolls[k].any():
            closed = np.where(rolls[k], -held, 0.0)
            deal(closed, closing[k], k)
            deal(dealt - closed, price[k], k)
        else:
            deal(dealt, price[k], k)
        held, years = held + dealt, time[k + 1] - time[k]
        charge = years * (
            quote["A.borrow"][k] * max(-held[0], 0) * price[k, 0]
            + 0.03 * max(-account, 0) + 0.01 * max(account, 0)
            + 0.05 * (0.1 * abs(held[0] * price[k, 0]) + 0.3 * abs(held[1] * price[k, 1]))
            + 0.04 * max(-mark[k] - 0.1, 0)
        ) + 0.25 * max(held[0] * cash[k + 1, 0], 0)  # fmt: skip
        account = account * unit[k + 1] / unit[k] - charge
    fading = fading * np.exp(-2.0 * (time[-1] - time[-2]))
    account += held @ cash[-1] + owed[-1] + held @ price[-1]
    deal(np.where(tradable[-1], -held, 0.0), price[-1], STEPS)
    return account / unit[-1]


@pytest.mark.parametrize("latency, fill, cap, cancel, second", [
    (0, False, np.inf, False, put), (2, True, 1.5, False, Rolled), (0, True, 2.0, True, put),
])  # fmt: skip
def test_an_independent_desk_ends_with_the_same_wealth(latency, fill, cap, cancel, second):
    with jax.enable_x64(True):
        capped = np.isfinite(cap)
        execution = c.Execution(
            latency,
            ("A.fill", "A.fill") if fill else None,
            0.5 if capped else None,
            2 * cap if capped else None,
            cancel,
        )
        problem, path = problem_of(execution, second()), paths_of(3)
        ledger = eqx.filter_jit(dh.rollout)(problem, Wishes(), path)
        expected = by_hand(problem, path, latency, fill, cap, cancel)
        assert abs(float(ledger.wealth) - expected) < 1e-9 * max(1.0, abs(expected))
        assert not ledger.tradable[4, 0] and not ledger.trade[4, 0]
        assert (ledger.charge > 0).all() and float(jnp.abs(ledger.trade).sum()) > 5
        total = float(ledger.liability) + float(jnp.sum(ledger.gain) - jnp.sum(ledger.cost))
        assert abs(float(ledger.wealth) - total) < 1e-12


def test_a_late_desk_is_served_live_as_it_was_trained():
    problem, path = problem_of(c.Execution(1, 0.7), Rolled()), paths_of(5)
    ledger = eqx.filter_jit(dh.rollout)(problem, Wishes(), path)

    @eqx.filter_jit
    def decide(desk, known):
        return dh.decide(problem, Wishes(), desk, jax.tree.map(lambda x: x[-1], dh.snapshots(problem, known)))

    desk, rows = dh.start(problem, Wishes()), []
    for point in range(4):
        desk, trade, _ = decide(desk, path.until(point))
        rows.append(trade)
    np.testing.assert_allclose(np.stack(rows), ledger.trade[:4], atol=1e-5)


@pytest.mark.parametrize("spread", [0.0, 0.5])
def test_no_round_trip_earns_from_its_own_impact(spread):
    """Buying up and selling into the price that one moved: whatever the pace, what is left is a loss."""
    impact = c.Impact(temporary=0.05 * spread, permanent=0.3, transient=0.4, fade=3.0)
    rng, step = np.random.default_rng(1), eqx.filter_jit(impact.step)
    for _ in range(20):
        trades, times = rng.normal(0, 1, 6), np.sort(rng.uniform(0, 1, 6))
        trades[-1] -= trades.sum()
        state, paid = impact.init(1), 0.0
        for units, time in zip(trades, times, strict=True):
            state, cash = step(state, jnp.array([units]), jnp.ones(1), {"time": jnp.asarray(time, jnp.float32)})
            paid += float(cash)
        assert paid > -1e-5


@pytest.mark.slow
def test_training_through_the_relaxation_learns_to_trade_seldom():
    """A fee for each ticket: with its derivative smeared a desk trades less often, at less risk and cost together."""
    fee = 0.0015
    risk, market = dh.objectives.Entropic(30.0), dh.markets.BlackScholes("A", vol=0.2)
    grid = dh.TimeGrid.uniform(maturity=0.1, steps=12)

    def learnt(width):
        told = dh.HedgingProblem(
            grid, i.short(i.EuropeanCall("A", 1.0, 0.1)), (i.Spot("A"),),
            (f.LogMoneyness("A", 1.0), f.TimeLeft(0.1), f.Quote("A.vol", "vol")), c.FixedCost(fee, width=width),
        )  # fmt: skip
        policy = p.NoTransactionBand(("log_moneyness", "time_left", "vol"), key=jax.random.key(0), width=16)
        fit = dh.fit(
            told, market, policy, risk, optax.adam(1e-2), updates=120, paths=1024, key=jax.random.key(1), validation=0
        )
        paths = dh.sample(market, grid, 4096, key=jax.random.key(2), method="random")
        ledger = dh.evaluate(told, {"x": fit.policy}, paths)["x"]
        return float(risk(ledger.wealth)), float((jnp.abs(ledger.trade) > 1e-6).mean())

    (blind, often), (aware, seldom) = learnt(0.0), learnt(0.1)
    assert seldom < 0.8 * often and aware < blind
