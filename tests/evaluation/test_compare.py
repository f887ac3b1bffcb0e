"""Intervals: against a slow bootstrap written another way, by coverage in simulation, and at their limits."""

import json

import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.evaluation import Comparison, Resampling, compare, holm, metrics
from deephedge.evaluation import compare as _compare
from deephedge.objectives import CVaR, Entropic, QuadraticError


def ledger(wealth, cost=None, trade=None):
    n = len(wealth)
    cost = np.zeros((n, 1)) if cost is None else np.asarray(cost)[:, None]
    trade = np.zeros((n, 1, 1)) if trade is None else np.asarray(trade)[:, None, None]
    return dh.Ledger(*map(jnp.asarray, (trade, trade, cost, np.zeros((n, 1)), wealth, wealth)))


def windows(rng, n, window):
    """Overlapping sums of independent steps, with variance 1."""
    steps = np.concatenate([[0.0], rng.normal(size=n + window - 1)])
    total = np.cumsum(steps)
    return (total[window:] - total[:-window]) / np.sqrt(window)


@pytest.mark.slow
@pytest.mark.parametrize("exact", [True, False])
def test_errors_are_those_of_a_loop_over_resamples(monkeypatch, exact):
    """The second implementation: draw indices from the same counts, call ``metrics`` on each resample."""
    import sys

    monkeypatch.setattr(sys.modules[_compare.__module__], "EXACT_RISK", 10_000 if exact else 10)
    rng = np.random.default_rng(0)
    n, window, objective = 240, 6, Entropic(0.5) if exact else CVaR(0.9)
    cost, trade = rng.uniform(size=(2, n))
    premium = rng.uniform(size=n)
    seen = {"delta": ledger(windows(rng, n, window)), "deep": ledger(windows(rng, n, window), cost, trade)}
    found = compare(seen, objective=objective, premium=premium, level=0.9, window=window, resamples=150, seed=5)
    how = Resampling(found.block, 150, 5)
    loop = {name: [] for name in seen}
    for row in np.concatenate(list(how.counts(n))).astype(int):
        index = np.repeat(np.arange(n), row)
        for name, one in seen.items():
            again = ledger(one.wealth[index], one.cost[index, 0], one.trade[index, 0, 0])
            loop[name].append(metrics(again, objective, level=0.9, premium=premium[index]))
    widen = 1 / np.sqrt(how.kept(window))
    for metric in ("mean", "std", "var", "cvar", "cost", "turnover", "risk", "price"):
        draws = {name: np.array([one[metric] for one in loop[name]]) for name in seen}
        close = {"abs": 1e-6, "rel": 1e-3 if exact else 0.15}
        error = found.estimates["deep"][metric].error
        assert error == pytest.approx(np.std(draws["deep"], ddof=1) * widen, **close), metric
        gap = np.std(draws["deep"] - draws["delta"], ddof=1) * widen
        assert found.differences["deep"][metric].error == pytest.approx(gap, **close), metric


def test_values_are_the_metrics_and_differences_their_differences():
    rng = np.random.default_rng(1)
    seen = {name: ledger(rng.normal(size=300)) for name in ("delta", "a", "b")}
    found = compare(seen, objective=Entropic(1.0), premium=0.2, window=10, resamples=50)
    base = metrics(seen["delta"], Entropic(1.0), premium=0.2)
    for name in seen:
        expected = metrics(seen[name], Entropic(1.0), premium=0.2)
        assert {m: e.value for m, e in found.estimates[name].items()} == expected
        if name != "delta":
            assert {m: e.value for m, e in found.differences[name].items()} == {m: expected[m] - base[m] for m in base}
    assert "delta" not in found.differences


def test_identical_series_differ_by_nothing():
    wealth = np.random.default_rng(2).normal(size=200)
    found = compare({"delta": ledger(wealth), "same": ledger(wealth)}, objective=CVaR(0.95), window=5, resamples=100)
    for metric, gap in found.differences["same"].items():
        if metric != "worst":
            assert (gap.value, gap.low, gap.high, gap.p) == (0.0, 0.0, 0.0, 1.0), metric
            assert not gap.significant


def test_a_constant_gift_is_found_to_be_exactly_that():
    wealth = np.random.default_rng(3).normal(size=200)
    found = compare({"delta": ledger(wealth), "gift": ledger(wealth + 0.25)}, window=5, resamples=100)
    for metric, value in {"mean": 0.25, "cvar": -0.25, "var": -0.25, "std": 0.0}.items():
        gap = found.differences["gift"][metric]
        assert [gap.low, gap.high] == pytest.approx([value, value], abs=1e-6), metric


@pytest.mark.slow
@pytest.mark.parametrize("window, paths", [(20, 800), (None, 300)])
def test_coverage(window, paths):
    """Windows that overlap: the intervals cover; taken for independent, they would cover a third of the time."""
    rng, repeats = np.random.default_rng(4), 120
    hits, naive, paired = 0, 0, 0
    for seed in range(repeats):
        draw = (lambda: windows(rng, paths, window)) if window else (lambda: rng.normal(size=paths))
        wealth, other = draw(), draw()
        seen = {"delta": ledger(wealth), "other": ledger(wealth + 0.1 * other)}
        found = compare(seen, window=window, resamples=150, seed=seed)
        mean, gap = found.estimates["delta"]["mean"], found.differences["other"]["mean"]
        hits += mean.low <= 0 <= mean.high
        paired += gap.low <= 0 <= gap.high
        if window:
            wrong = compare(seen, resamples=100, seed=seed).estimates["delta"]["mean"]
            naive += wrong.low <= 0 <= wrong.high
    error = np.sqrt(0.95 * 0.05 / repeats)
    assert hits / repeats > 0.93 - 3 * error and paired / repeats > 0.93 - 3 * error
    assert hits / repeats < 0.999 or window
    assert not window or naive / repeats < 0.6


def test_independent_paths_agree_with_the_textbook():
    wealth = np.random.default_rng(5).normal(size=4000)
    found = compare({"delta": ledger(wealth)}, resamples=2000)
    mean = found.estimates["delta"]["mean"]
    textbook = wealth.std(ddof=1) / np.sqrt(4000)
    assert mean.error == pytest.approx(textbook, rel=0.06)
    assert mean.high - mean.value == pytest.approx(1.96 * textbook, rel=0.06)
    assert found.block == 1 and found.independent == 4000


def test_long_samples_keep_the_tail_and_the_risk(monkeypatch):
    """The shortcuts for long samples (part of the order statistics, fixed threshold) give the long way's errors."""
    import sys

    wealth = np.random.default_rng(6).standard_t(4, size=6000)
    seen, objective = {"delta": ledger(wealth)}, CVaR(0.95)
    short = compare(seen, objective=objective, resamples=200).estimates["delta"]
    assert short["risk"].error == pytest.approx(short["cvar"].error, rel=0.05)
    monkeypatch.setattr(sys.modules[_compare.__module__], "EXACT_RISK", 10_000)
    long = compare(seen, objective=objective, resamples=200).estimates["delta"]
    assert long["risk"].error == pytest.approx(long["cvar"].error, rel=1e-3)
    assert short["cvar"].error == long["cvar"].error


def test_worst_has_no_interval_and_squares_no_price():
    rng = np.random.default_rng(7)
    seen = {"delta": ledger(rng.normal(size=50)), "deep": ledger(rng.normal(size=50))}
    found = compare(seen, objective=QuadraticError(price=0.0), resamples=50)
    assert np.isfinite(found.estimates["deep"]["worst"].value) and np.isnan(found.estimates["deep"]["worst"].low)
    assert np.isnan(found.estimates["deep"]["price"].value) and found.estimates["deep"]["risk"].error > 0
    assert not found.risk_in_cash


def test_holm_by_hand():
    assert holm({"a": 0.01, "b": 0.04, "c": 0.03, "d": 0.005}) == pytest.approx(
        {"a": 0.03, "b": 0.06, "c": 0.06, "d": 0.02}
    )
    assert holm({"a": 0.9, "b": 0.8}) == {"a": 1.0, "b": 1.0}


def test_survives_json():
    rng = np.random.default_rng(8)
    seen = {"delta": ledger(rng.normal(size=60)), "deep": ledger(rng.normal(size=60))}
    found = compare(seen, objective=Entropic(1.0), window=4, resamples=20)
    again = Comparison.from_dict(json.loads(json.dumps(found.to_dict())))
    assert repr(again) == repr(found)


def test_bad_input_is_named():
    seen = {"delta": ledger([1.0, 2.0]), "deep": ledger([1.0, 2.0, 3.0])}
    with pytest.raises(ParameterError, match="'delta': 2, 'deep': 3"):
        compare(seen)
    with pytest.raises(ParameterError, match="did you mean 'delta'"):
        compare(seen, "dela")
