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
from deephedge.core.errors import ProblemError, UnknownQuote

MONTH = 30 / 365
CALL = i.EuropeanCall("A", 1.0, MONTH)
SPOT = (i.Spot("A"),)
SEEN = (f.LogMoneyness("A", 1.0), f.TimeLeft(MONTH), f.Quote("A.vol", "vol"))
GRID = dh.TimeGrid.uniform(maturity=MONTH, steps=6)


@eqx.filter_jit
@eqx.filter_value_and_grad
def mean_wealth(policy_and_market, problem, shocks):
    policy, market = policy_and_market
    return jnp.mean(jax.vmap(lambda z: dh.rollout(problem, policy, market.path(problem.grid, z)).wealth)(shocks))


def paths_of(grid, count=3, **market):
    return dh.sample(
        dh.markets.BlackScholes("A", **({"vol": 0.2} | market)), grid, count, key=jax.random.key(0), method="random"
    )


def test_thirty_steps_are_thirty_decisions():
    grid = dh.TimeGrid.uniform(maturity=MONTH, steps=30)
    problem = dh.HedgingProblem(grid, i.short(CALL), SPOT, SEEN)
    ledger = dh.evaluate(problem, {"delta": p.BlackScholesDelta()}, paths_of(grid))["delta"]
    assert ledger.trade.shape == ledger.position.shape == (3, 30, 1)
    assert ledger.cost.shape == ledger.gain.shape == (3, 30)
    assert problem.feature_names == ("log_moneyness", "time_left", "vol")


def test_closing_out_costs_once_more_and_marking_does_not():
    paths, policies = paths_of(GRID), {"half": p.Static((0.5,))}
    marked, closed = (
        dh.evaluate(
            dh.HedgingProblem(GRID, i.short(CALL), SPOT, SEEN, c.ProportionalCost(0.01), close_out=close_out),
            policies,
            paths,
        )["half"]
        for close_out in (False, True)
    )
    final = 0.5 * 0.01 * paths.quote("A")[:, -1]
    np.testing.assert_allclose(marked.wealth - closed.wealth, final, rtol=1e-3)
    np.testing.assert_allclose(closed.cost[:, -1] - marked.cost[:, -1], final, rtol=1e-5)
    np.testing.assert_array_equal(closed.trade, marked.trade)


def test_the_first_trade_starts_from_the_initial_position():
    paths, policies = paths_of(GRID), {"half": p.Static((0.5,))}
    for initial, first in ((0.0, 0.5), (0.5, 0.0), (2.0, -1.5)):
        problem = dh.HedgingProblem(GRID, i.short(CALL), SPOT, SEEN, c.ProportionalCost(0.01), initial=initial)
        ledger = dh.evaluate(problem, policies, paths)["half"]
        np.testing.assert_allclose(ledger.trade[:, 0, 0], first)
        np.testing.assert_allclose(ledger.cost.sum(axis=1), 0.01 * abs(first), rtol=1e-5)


def test_every_policy_meets_the_same_paths_and_one_path_is_for_rollout():
    problem = dh.HedgingProblem(GRID, i.short(CALL), SPOT, SEEN)
    paths = paths_of(GRID)
    both = dh.evaluate(problem, {"delta": p.BlackScholesDelta(), "none": p.NoHedge()}, paths)
    np.testing.assert_array_equal(both["delta"].liability, both["none"].liability)
    one = jax.tree.map(lambda x: x[1], paths)
    alone = eqx.filter_jit(dh.rollout)(problem, p.BlackScholesDelta(), one)
    np.testing.assert_allclose(alone.wealth, both["delta"].wealth[1], atol=1e-6)
    with pytest.raises(ProblemError, match="batch of paths"):
        dh.evaluate(problem, {"none": p.NoHedge()}, one)


@pytest.mark.parametrize(
    "vol, cost, steps, count",
    [
        (1e-6, 0.0, 30, 2),
        *(
            pytest.param(*case, marks=pytest.mark.slow)
            for case in ((1e-6, 1.0, 30, 2), (5.0, 0.0, 30, 2), (5.0, 1.0, 30, 2), (0.2, 0.01, 1, 1))
        ),
        (0.2, 0.01, 1000, 1),
    ],
)
def test_ill_behaved_settings_stay_finite(vol, cost, steps, count):
    """Values and gradients, to the weights and to the market; the grid goes on after everything has expired."""
    grid = dh.TimeGrid.uniform(maturity=1.5 * MONTH, steps=steps)
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.sold(CALL),
        instruments=(i.Spot("A"), i.EuropeanPut("A", 1.0, MONTH), i.QuotedVarianceSwap("A", MONTH)),
        features=(
            *SEEN, f.Delta(CALL), f.Vega(CALL), f.RealisedVol("A", 5),
            f.Window(f.LogReturn("A"), 3), f.RollingZScore(f.Quote("A.vol", "v"), 5),
        ),
        cost=c.Costs((c.ProportionalCost(cost), c.QuadraticCost(cost), c.FixedCost(cost))),
        constraint=c.Box(-2.0, 2.0),
        close_out=True,
    )  # fmt: skip
    policy = p.MLP(problem.feature_names, key=jax.random.key(1), instruments=3, width=4, depth=1, inputs=10)
    market = dh.markets.BlackScholes("A", vol=vol, rate=0.03, dividend=0.01)
    shocks = jax.random.normal(jax.random.key(2), (count, *market.shocks(grid)))
    value, slopes = mean_wealth((policy, market), problem, shocks)
    assert jnp.isfinite(value)
    assert all(jnp.isfinite(x).all() for x in jax.tree.leaves(eqx.filter(slopes, eqx.is_array)))


def test_the_same_problem_in_float64():
    def wealth():
        paths = paths_of(GRID, rate=0.03)
        problem = dh.HedgingProblem(
            GRID, i.sold(i.EuropeanCall("A", 1.0, MONTH)), SPOT, SEEN, c.ProportionalCost(1e-3), close_out=True
        )
        return np.asarray(dh.evaluate(problem, {"delta": p.BlackScholesDelta()}, paths)["delta"].wealth)

    with jax.enable_x64(True):
        double = wealth()
    assert double.dtype == np.float64 and wealth().dtype == np.float32


def problem_with(**changes):
    return dh.HedgingProblem(
        **({"grid": GRID, "liability": i.short(CALL), "instruments": SPOT, "features": SEEN} | changes)
    )


LATE = i.EuropeanCall("A", 1.0, 0.5)


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"instruments": ()}, "at least one instrument"),
        ({"instruments": (f.Quote("A", "a"),)}, r"must be AbstractTradable objects, found \['Quote'\]"),
        ({"instruments": (i.Premium(CALL),)}, r"must be AbstractTradable objects, found \['Premium'\]"),
        ({"features": (*SEEN, f.TimeLeft(1.0))}, r"two features are called \['time_left'\]"),
        ({"liability": LATE}, "liability expires at 0.5 years, after the grid ends at 0.0821918"),
        ({"liability": i.short(LATE)}, "lengthen the grid"),
        ({"liability": i.Book((CALL, i.EuropeanPut("A", 1.0, 0.05), LATE), (1.0, 1.0, 1.0))}, "expires at 0.5"),
        ({"liability": i.short(i.short(i.short(LATE)))}, "expires at 0.5"),
        ({"liability": i.Book((CALL, i.short(LATE)), (1.0, 1.0))}, "expires at 0.5"),
        ({"liability": i.sold(LATE)}, "expires at 0.5"),
        ({"liability": i.QuotedVarianceSwap("A", 0.1)}, "expires at 0.1"),
        ({"liability": i.sold(i.Bermudan("A", 1.0, dates=(0.05, 0.1)))}, "expires at 0.1"),
    ],
)
def test_a_problem_that_does_not_fit_together_is_refused(changes, says):
    with pytest.raises(ProblemError, match=says):
        problem_with(**changes)


def test_hedges_may_outlive_the_grid_and_liabilities_may_end_on_its_last_day():
    problem_with(instruments=(i.Spot("A"), LATE, i.short(LATE)))
    problem_with(liability=i.Book((CALL, i.EuropeanPut("A", 1.0, 0.01), i.Spot("A")), (1.0, 1.0, 1.0)))
    for steps in (7, 252, 1000):
        problem_with(grid=dh.TimeGrid.uniform(maturity=MONTH, steps=steps))
    problem_with(grid=dh.TimeGrid(jnp.linspace(0.0, jnp.float32(30) / jnp.float32(365), 31)))


def test_what_a_liability_is_written_on_may_outlive_the_grid():
    bond = i.FixedBond(dh.Schedule.uniform(0.0, 2.0, periods=2), 0.04, i.FlatCurve())
    problem_with(liability=i.sold(i.BondFuture((bond,), (1.0,), MONTH)))
    problem_with(liability=i.sold(i.CdsIndexOption(i.CdsIndex(("A", "B"), 0.01, 5.0), MONTH, vol=0.5)))
    with pytest.raises(ProblemError, match="expires at 2 years"):
        problem_with(liability=i.short(bond))


def test_a_problem_can_be_made_inside_a_transformation():
    path = jax.tree.map(lambda x: x[0], paths_of(GRID))

    @jax.jit
    @jax.value_and_grad
    def owed(strike):
        problem = problem_with(liability=i.short(i.EuropeanCall("A", strike, MONTH)))
        return problem.liability.cashflows(path)[-1]

    value, slope = owed(0.5)
    np.testing.assert_allclose(value, 0.5 - path.quote("A")[-1], rtol=1e-6)
    assert float(slope) == 1.0


@pytest.mark.parametrize(
    "changes, says",
    [
        ({"features": (f.Quote("A.vl", "vol"),)}, r"no quote 'A\.vl': did you mean 'A\.vol'"),
        ({"instruments": (i.Spot("B"),)}, r"no quote 'B'"),
        ({"instruments": (i.EuropeanCall("A", 1.0, 0.5, vol="A.vol.3m"),)}, r"'A\.vol\.3m': did you mean 'A\.vol'"),
        ({"liability": i.short(i.EuropeanCall("AA", 1.0, MONTH))}, r"no quote 'AA': did you mean 'A'"),
        ({"cost": c.HalfSpread("A.spread")}, r"spread needs the quote 'A\.spread'"),
    ],
)
def test_an_unknown_quote_is_named_before_anything_runs(changes, says):
    path = jax.tree.map(lambda x: x[0], paths_of(GRID))
    with pytest.raises(UnknownQuote, match=says):
        eqx.filter_eval_shape(dh.rollout, problem_with(**changes), p.Static((1.0,)), path)


def test_an_expired_instrument_is_held_and_not_traded_and_no_cost_is_charged_for_it():
    early = i.EuropeanCall("A", 1.0, MONTH / 2)  # over from point 3 of 6 on
    cost, paths = c.Costs((c.FixedCost(0.01), c.ProportionalCost(0.01))), paths_of(GRID)
    problem = dh.HedgingProblem(GRID, i.short(CALL), (*SPOT, early), SEEN, cost, close_out=True)

    class Counting(p.AbstractPolicy):
        """Wants one more unit of everything at each decision."""

        def init(self):
            return None

        def encode(self, observation):
            return None

        def __call__(self, encoded, position, state):
            return position + 1.0, state

    ledger = dh.evaluate(problem, {"counting": Counting()}, paths)["counting"]
    np.testing.assert_array_equal(ledger.trade[..., 0], 1.0)
    np.testing.assert_array_equal(ledger.trade[..., 1], np.broadcast_to([1.0, 1.0, 1.0, 0.0, 0.0, 0.0], (3, 6)))
    np.testing.assert_array_equal(ledger.position[:, -1], np.broadcast_to([6.0, 3.0], (3, 2)))
    spot = np.asarray(paths.quote("A"))
    np.testing.assert_allclose(ledger.cost[:, 3:5], 0.01 + 0.01 * spot[:, 3:5], rtol=1e-5)
    closing = 0.01 + 0.01 * spot[:, 5] + 0.01 + 0.06 * spot[:, 6]  # the last trade, then the sale of the spot alone
    np.testing.assert_allclose(ledger.cost[:, 5], closing, rtol=1e-5)
