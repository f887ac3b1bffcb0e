"""Metrics against theory, against a slow reading of their definitions, and against SciPy."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import deephedge as dh
from deephedge.core.errors import DataError, ParameterError
from deephedge.evaluation import METRICS, metrics, standard_errors, table
from deephedge.objectives import CVaR, Entropic, QuadraticError


def ledger(wealth, cost=0.0, trade=0.0, steps=2):
    paths = len(wealth)
    trades = np.broadcast_to(np.asarray(trade, float), (paths, steps, 1))
    costs = np.broadcast_to(np.asarray(cost, float), (paths, steps))
    return dh.Ledger(*map(jnp.asarray, (trades, trades, costs, np.zeros((paths, steps)), wealth, wealth)))


def test_normal_sample_meets_theory_within_its_standard_errors():
    n, mean, std = 200_000, 0.3, 2.0
    seen = ledger(np.random.default_rng(0).normal(mean, std, n))
    found, error = metrics(seen, level=0.95), standard_errors(seen, level=0.95)
    z = stats.norm.ppf(0.95)
    theory = {"mean": mean, "std": std, "var": std * z - mean, "cvar": std * stats.norm.pdf(z) / 0.05 - mean}
    for name, value in theory.items():
        assert abs(found[name] - value) < 4 * error[name], name
        assert 0 < error[name] < 0.05, name


@pytest.mark.slow
def test_standard_errors_are_the_spread_over_many_samples():
    samples = np.random.default_rng(1).normal(size=(400, 2000))
    many = [metrics(ledger(one), Entropic(1.0)) for one in samples]
    error = [standard_errors(ledger(one), Entropic(1.0)) for one in samples[:40]]
    for name in ("mean", "std", "var", "cvar", "risk", "price"):
        spread = np.std([one[name] for one in many])
        assert np.mean([one[name] for one in error]) == pytest.approx(spread, rel=0.15), name


@pytest.mark.parametrize("paths", [1, 7, 20, 33, 100, 101])
@pytest.mark.parametrize("level", [0.0, 0.5, 0.95, 0.99])
def test_tail_by_its_definition_and_as_the_objective(paths, level):
    wealth = np.round(np.random.default_rng(paths).normal(size=paths) * 8) / 8  # with atoms, exact in float32
    found = metrics(ledger(wealth), CVaR(level), level=level)
    best = min(w + np.maximum(-wealth - w, 0).mean() / (1 - level) for w in -wealth)
    assert found["cvar"] == pytest.approx(best, abs=1e-12)
    assert found["risk"] == pytest.approx(best, abs=2e-6)
    exceeding = np.mean(-wealth > found["var"])
    assert exceeding <= 1 - level + 1e-9
    assert found["var"] in -wealth


def test_cost_turnover_and_worst():
    found = metrics(ledger([1.0, -3.0], cost=[[0.1, 0.2], [0.3, 0.4]], trade=[[[1.0], [-0.5]], [[-2.0], [0.0]]]))
    assert found["cost"] == pytest.approx(0.5)
    assert found["turnover"] == pytest.approx((1.5 + 2.0) / 2)
    assert found["worst"] == 3.0
    assert "risk" not in found


@pytest.mark.parametrize("included", [False, True])
def test_price_is_the_premium_at_which_the_risk_is_zero(included):
    rng = np.random.default_rng(2)
    bare, premium, objective = rng.normal(size=500), rng.uniform(0, 1, 500), Entropic(0.7)
    seen = ledger(bare + premium if included else bare)
    found = metrics(seen, objective, premium=premium, included=included)
    assert float(objective(jnp.asarray(bare + found["price"]))) == pytest.approx(0.0, abs=1e-5)
    assert found["risk"] == pytest.approx(float(objective(jnp.asarray(bare + premium))), abs=1e-5)
    assert found["mean"] == pytest.approx(np.mean(bare + premium))


def test_no_price_under_an_objective_that_cash_does_not_move():
    seen = ledger(np.random.default_rng(3).normal(1.0, 1.0, 400))
    found, error = metrics(seen, QuadraticError(price=0.0)), standard_errors(seen, QuadraticError(price=0.0))
    assert found["risk"] == pytest.approx(float(jnp.mean(seen.wealth**2)), rel=1e-5) and error["risk"] > 0
    assert np.isnan(found["price"]) and np.isnan(error["price"])


def test_no_standard_error_of_a_risk_that_is_no_mean():
    class Range(dh.objectives.AbstractObjective):
        def __call__(self, wealth):
            return wealth.max() - wealth.min()

    assert np.isnan(standard_errors(ledger([1.0, 2.0, 4.0]), Range())["risk"])


def test_table_rows_are_the_metrics():
    seen = {"a": ledger([1.0, -1.0, 0.5]), "b": ledger([0.0, 2.0, 1.0])}
    rows = table(seen, Entropic(1.0), premium=0.5)
    assert [row["policy"] for row in rows] == ["a", "b"]
    for row in rows:
        expected = metrics(seen[row["policy"]], Entropic(1.0), premium=0.5)
        assert {name: row[name] for name in METRICS} == expected
        assert all(f"{name}_se" in row for name in METRICS)


def test_bad_input_is_named():
    with pytest.raises(DataError, match="1 of 3 paths"):
        metrics(ledger([1.0, np.nan, 0.0]))
    with pytest.raises(ParameterError, match=r"level must be .*1\.0"):
        metrics(ledger([1.0, 0.0]), level=1.0)
    with pytest.raises(ParameterError, match="many paths"):
        metrics(dh.Ledger(*(jnp.zeros(s) for s in ((2, 1), (2, 1), (2,), (2,), (), ()))))


def test_ledgers_of_evaluate_are_understood():
    import jax

    from deephedge import features as f
    from deephedge import instruments as i

    problem = dh.HedgingProblem(
        dh.TimeGrid.uniform(maturity=0.1, steps=5),
        i.short(i.EuropeanCall("SPX", strike=1.0, expiry=0.1)),
        (i.Spot("SPX"),),
        (f.LogMoneyness("SPX", 1.0), f.TimeLeft(0.1), f.Quote("SPX.vol", "vol")),
        dh.frictions.ProportionalCost(1e-3),
    )
    market = dh.markets.BlackScholes("SPX", vol=0.2)
    paths = dh.sample(market, problem.grid, 512, key=jax.random.key(0))
    ledgers = dh.evaluate(problem, {"delta": dh.policies.BlackScholesDelta(), "none": dh.policies.NoHedge()}, paths)
    found = {name: metrics(one, CVaR(0.95)) for name, one in ledgers.items()}
    assert found["delta"]["cvar"] < found["none"]["cvar"]
    assert found["none"]["turnover"] == 0 < found["delta"]["turnover"]
    gains, costs = np.asarray(ledgers["delta"].gain).sum(1), np.asarray(ledgers["delta"].cost).sum(1)
    wealth = np.asarray(ledgers["delta"].liability) + gains - costs
    assert found["delta"]["mean"] == pytest.approx(wealth.mean(), abs=1e-6)
