"""The bars of the asset studies: their arithmetic beside a second one; the studies themselves on the data, if there."""

import os
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.evaluation import compare
from deephedge.studies import Study
from deephedge.studies.ledgers import hedged

ROOT = Path(__file__).parents[1]
FILES = {"fx_treasury": "C_fx/eurofxref-hist.csv",
         "bond_portfolio": "E_rates_credit/gsw_usd_zero_coupon_1y_30y_1985_2015.parquet"}  # fmt: skip


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from bench import assets

    return assets


@pytest.fixture
def shipped(monkeypatch):
    folder = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))
    monkeypatch.setenv("DEEPHEDGE_DATA", str(folder))

    def load(name: str) -> Study:
        if not (folder / FILES[name]).is_file():
            pytest.skip(
                f"no market data at {folder / FILES[name]}; set DEEPHEDGE_DATA to the folder that holds A_equity"
            )
        return Study.load(ROOT / "studies" / f"{name}.toml")

    return load


@pytest.fixture(scope="module")
def ledgers():
    grid = dh.TimeGrid.uniform(maturity=5 / 252, steps=5)
    problem = dh.HedgingProblem(
        grid=grid,
        liability=i.Forward("A", 1.0, 5 / 252),
        instruments=(i.Spot("A"),),
        features=(f.TimeLeft(5 / 252),),
        cost=dh.frictions.HalfSpread(0.02),
    )
    paths = dh.sample(dh.markets.BlackScholes("A", vol=0.3), grid, 400, key=jax.random.key(0), method="random")
    return dh.evaluate(problem, {"all": dh.policies.Static((-1.0,)), "third": dh.policies.Static((-1 / 3,))}, paths)


def test_a_static_hedge_is_linear_in_its_size(bench, ledgers):
    whole, third = (bench.Outcome.of(ledgers[name]) for name in ("all", "third"))
    np.testing.assert_allclose(whole.share(1 / 3), third.wealth, atol=1e-6)


def test_intervals_are_those_of_compare(bench, ledgers):
    known = compare(ledgers, "all", window=5, resamples=300, seed=3).estimates["third"]
    grid = SimpleNamespace(grid=SimpleNamespace(steps=5))
    study = SimpleNamespace(problem=grid, test=SimpleNamespace(confidence=0.95, resamples=300), seed=3)
    wealth = bench.Outcome.of(ledgers["third"]).wealth
    for metric, measure in (("std", bench.deviation), ("cvar", lambda w, c: bench.cvar(w, c, 0.95))):
        found = bench.interval(lambda counts, m=measure: m(wealth, counts), 400, study)
        wanted = [getattr(known[metric], part) for part in ("value", "low", "high", "error")]
        np.testing.assert_allclose([found[part] for part in ("value", "low", "high", "error")], wanted, rtol=2e-3)


@pytest.mark.parametrize(("budget", "line"), [(1.0, 100.0), (0.01, 100.0), (1.0, 8.0)])
def test_least_variance_is_the_best_of_a_grid(bench, budget, line):
    rates = np.exp(np.cumsum(np.random.default_rng(0).standard_normal((2, 900)) * [[0.005], [0.01]], axis=1))
    table = {"liability": {"units": [10.0, -4.0]}, "cost": {"spread": [1e-3, 4e-3]},
             "constraint": {"limits": [{"most": line}]}}  # fmt: skip
    study = SimpleNamespace(
        years=lambda part: SimpleNamespace(quote=lambda name: rates["AB".index(name)]),
        problem=SimpleNamespace(grid=SimpleNamespace(steps=10), instruments=(i.Spot("A"), i.Spot("B"))),
        config={"problem": table},
    )
    found = bench.least_variance(study, budget)
    covariance, owed = np.cov(rates[:, 10:] / rates[:, :-10] - 1), np.array([10.0, -4.0])
    held = np.stack(np.meshgrid(np.linspace(-12, 12, 481), np.linspace(-12, 12, 481)), -1).reshape(-1, 2)
    allowed = (np.abs(held) @ [5e-4, 2e-3] <= budget) & (np.abs(held).sum(1) <= line)
    left = np.einsum("ni,ij,nj->n", held + owed, covariance, held + owed)
    best = np.where(allowed, left, np.inf).min()
    assert np.abs(found) @ [5e-4, 2e-3] <= budget + 1e-9 and np.abs(found).sum() <= line + 1e-6
    at = found + owed
    assert at @ covariance @ at == pytest.approx(best, rel=0.02, abs=1e-9)
    if budget == 1.0 and line == 100.0:
        np.testing.assert_allclose(found, [-10, 4], atol=1e-2)


@pytest.mark.parametrize("name", FILES)
def test_the_study_fits_together(shipped, name):
    study = shipped(name)
    study.check_features()
    spans = [study.years(part) for part in ("train", "validation", "test")]
    assert all(a.dates[-1] < b.dates[0] for a, b in pairwise(spans))
    assert all(len(span) > 700 for span in spans)
    assert study.config["test"]["reference"] in study.baselines


@pytest.mark.slow
def test_the_treasury_is_an_independent_ledger(shipped):
    """Half of everything sold forward on the first day, from the publisher's file alone."""
    import polars as pl

    study = shipped("fx_treasury")
    codes = [each.underlier[:3] for each in study.problem.instruments]
    paths, starts = study.windows("validation")
    few = jax.tree.map(lambda x: x[:16], paths)
    found = hedged(study.problem, {"static": study.baselines["static"]}, few)["static"]
    table = pl.read_csv(Path(os.environ["DEEPHEDGE_DATA"]) / FILES["fx_treasury"], null_values=["N/A"]).sort("Date")
    days = table["Date"].to_numpy().astype("datetime64[D]")
    rates = 1 / table.select(codes).to_numpy()
    first = np.searchsorted(days, starts[:16])
    moves = rates[first + 63] / rates[first] - 1  # no session of these differs from the publisher's days
    units = np.array([100.0, 40, -25, -30, 20, -35, -20, 25])
    spread = np.array([1, 1.5, 1.5, 1.5, 2.5, 5, 7, 12]) * 1e-4
    np.testing.assert_allclose(found.liability, moves @ units, atol=2e-4)
    np.testing.assert_allclose(found.wealth, 0.5 * moves @ units - 0.5 * spread @ np.abs(units), atol=2e-4)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fx", "bonds"])
def test_each_bar_runs(bench, shipped, name):
    shipped(bench.ASSETS[name].study)
    found = bench.main(["--quick", "--only", name])[name]
    assert {"bar", "needed", "met", "significant", "harder"} <= found.keys() and found["looks"] == 1
    assert found["bar"]["low"] <= found["bar"]["value"] <= found["bar"]["high"]
