"""Paths that do not count the same: every number, error and interval under weights."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError
from deephedge.evaluation import compare, metrics
from deephedge.evaluation.metrics import outcome, standard_errors

RISK = dh.objectives.Entropic(0.7)
MEANS = ("mean", "var", "cvar", "cost", "turnover", "risk", "price")


def ledger(wealth, cost, weight=None) -> dh.Ledger:
    trade = jnp.asarray(cost)[:, None, None]
    each = jnp.asarray(cost)[:, None]
    wealth = jnp.asarray(wealth, jnp.float32)
    return dh.Ledger(
        trade, trade, each, each, wealth, wealth, None if weight is None else jnp.asarray(weight, jnp.float32)
    )


@pytest.fixture(scope="module")
def sample():
    rng = np.random.default_rng(0)
    return rng.normal(size=400).astype(np.float32), rng.random(400).astype(np.float32), rng.integers(0, 4, 400)


def test_whole_weights_are_copies_of_paths(sample):
    wealth, cost, copies = sample
    found = metrics(ledger(wealth, cost, 7.0 * copies), RISK, level=0.9)
    same = metrics(ledger(np.repeat(wealth, copies), np.repeat(cost, copies)), RISK, level=0.9)
    assert {name: found[name] for name in MEANS} == pytest.approx({name: same[name] for name in MEANS}, rel=1e-5)
    assert found["worst"] == same["worst"]
    assert found["std"] == pytest.approx(same["std"], rel=2e-3)  # they disagree on how many paths there are


def test_equal_weights_change_no_number_no_error_and_no_interval(sample):
    wealth, cost, _ = sample
    plain, equal = ledger(wealth, cost), ledger(wealth, cost, np.full(400, 3.0))
    for of in (metrics, standard_errors):
        assert of(equal, RISK) == pytest.approx(of(plain, RISK), rel=1e-5, nan_ok=True)
    one, other = (compare({"delta": x, "b": x}, objective=RISK, resamples=50) for x in (plain, equal))
    for metric, estimate in one.estimates["delta"].items():
        assert other.estimates["delta"][metric].error == pytest.approx(estimate.error, rel=1e-4, nan_ok=True)


def test_weights_give_the_law_that_was_meant_within_their_standard_errors():
    """Normal wealth drawn with mean 1 and weighted back to mean 0: the closed forms of the standard normal law."""
    rng, n = np.random.default_rng(1), 40_000
    wealth = rng.normal(1.0, 1.2, n)
    weight = 1.2 * np.exp(-0.5 * wealth**2 + 0.5 * ((wealth - 1.0) / 1.2) ** 2)
    one = ledger(wealth.astype(np.float32), np.zeros(n, np.float32), weight.astype(np.float32))
    found, error = metrics(one, RISK), standard_errors(one, RISK)
    exact = {"mean": 0.0, "std": 1.0, "var": 1.6449, "cvar": 2.0627, "risk": 0.35}
    for name, value in exact.items():
        assert abs(found[name] - value) < 3.5 * error[name], name
        assert 0.002 < error[name] < 0.05, name
    interval = compare({"delta": one}, objective=RISK, resamples=200).estimates["delta"]
    for name in exact:
        assert interval[name].error == pytest.approx(error[name], rel=0.25), name


def test_standard_errors_are_the_spread_of_repetitions():
    rng, n = np.random.default_rng(2), 2000
    values, errors = [], []
    for _ in range(100):
        wealth = rng.normal(0.5, 1.0, n)
        one = ledger(wealth.astype(np.float32), np.zeros(n, np.float32), np.exp(-0.5 * wealth).astype(np.float32))
        values.append(metrics(one)), errors.append(standard_errors(one))
    for name in ("mean", "std", "var", "cvar"):
        spread, told = np.std([v[name] for v in values], ddof=1), np.mean([e[name] for e in errors])
        assert told == pytest.approx(spread, rel=0.25), name  # a deviation of 100 is known to 7 %


def test_weights_that_make_no_sense_are_refused(sample):
    wealth, cost, _ = sample
    for bad in (np.zeros(400), np.full(400, np.nan), np.r_[-1.0, np.ones(399)]):
        with pytest.raises(DataError, match="path weights must be finite, 0 or more"):
            outcome(ledger(wealth, cost, bad))


def test_the_library_and_the_tables_agree(sample):
    wealth, cost, copies = sample
    one = ledger(wealth, cost, copies)
    error = dh.objectives.standard_error(RISK, jnp.asarray(wealth), weight=jnp.asarray(copies, jnp.float32))
    assert float(error) == pytest.approx(standard_errors(one, RISK)["risk"], rel=2e-3)
    assert outcome(one).effective == pytest.approx(copies.sum() ** 2 / (copies**2).sum())
    assert jax.tree.leaves(one)[-1].shape == (400,)
