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
OIL = "D_commodities/rtl_futures_curves_2007_2018.parquet"
FILES = {
    "fx_treasury": "C_fx/eurofxref-hist.csv",
    "bond_portfolio": "E_rates_credit/gsw_usd_zero_coupon_1y_30y_1985_2015.parquet",
    "oil_producer": OIL,
    "products_refiner": OIL,
    "credit_book": "E_rates_credit/fred_BAMLH0A0HYM2_1996_2025.csv",
}


@pytest.fixture
def bars(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from bench import asset_bars

    return asset_bars


@pytest.fixture(scope="module")
def shipped():
    folder = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))
    patch, made = pytest.MonkeyPatch(), {}
    patch.setenv("DEEPHEDGE_DATA", str(folder))

    def load(name: str) -> Study:
        if not (folder / FILES[name]).is_file():
            pytest.skip(f"no market data at {folder / FILES[name]}; set DEEPHEDGE_DATA to the folder that holds it")
        return made.setdefault(name, Study.load(ROOT / "studies" / f"{name}.toml"))

    yield load
    patch.undo()


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


def test_a_static_hedge_is_linear_in_its_size(bars, ledgers):
    whole, third = (bars.Outcome.of(ledgers[name]) for name in ("all", "third"))
    np.testing.assert_allclose(whole.share(1 / 3), third.wealth, atol=1e-6)


def test_intervals_are_those_of_compare(bars, ledgers):
    known = compare(ledgers, "all", window=5, resamples=300, seed=3).estimates["third"]
    grid = SimpleNamespace(grid=SimpleNamespace(steps=5))
    study = SimpleNamespace(problem=grid, test=SimpleNamespace(confidence=0.95, resamples=300), seed=3)
    wealth = bars.Outcome.of(ledgers["third"]).wealth
    for metric, measure in (("std", bars.deviation), ("cvar", lambda w, c: bars.cvar(w, c, 0.95))):
        found = bars.interval(lambda counts, m=measure: m(wealth, counts), 400, study)
        wanted = [getattr(known[metric], part) for part in ("value", "low", "high", "error")]
        np.testing.assert_allclose([found[part] for part in ("value", "low", "high", "error")], wanted, rtol=2e-3)


@pytest.mark.parametrize(("budget", "line"), [(1.0, 100.0), (0.01, 100.0), (1.0, 8.0)])
def test_least_variance_is_the_best_of_a_grid(bars, budget, line):
    rates = np.exp(np.cumsum(np.random.default_rng(0).standard_normal((2, 900)) * [[0.005], [0.01]], axis=1))
    table = {"liability": {"units": [10.0, -4.0]}, "cost": {"spread": [1e-3, 4e-3]},
             "constraint": {"limits": [{"most": line}]}}  # fmt: skip
    study = SimpleNamespace(
        years=lambda part: SimpleNamespace(quote=lambda name: rates["AB".index(name)]),
        problem=SimpleNamespace(grid=SimpleNamespace(steps=10), instruments=(i.Spot("A"), i.Spot("B"))),
        config={"problem": table},
    )
    found = bars.least_variance(study, budget)
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


def test_profit_per_cvar_is_plan_and_mean_over_the_worst(bars):
    wealth = np.random.default_rng(0).normal(0.1, 0.5, 200)
    counts = np.random.default_rng(1).integers(0, 4, 200).astype(float)
    found = bars.per_cvar(wealth, 0.9, margin=0.3)(counts)
    sample = np.sort(np.repeat(wealth, counts.astype(int)))
    tail, share = 0.0, 0.1 * sample.size
    for n, value in enumerate(sample):  # the worst tenth, the last of them in part
        tail -= value * min(1.0, max(0.0, share - n))
    assert found == pytest.approx((6 * 0.3 + sample.mean()) / (tail / share), rel=1e-9)


def test_the_best_ratio_is_that_of_most_profit(bars):
    risk = np.random.default_rng(2).normal(size=500)
    outcomes = {str(scale): SimpleNamespace(wealth=0.01 + scale * risk) for scale in (0.5, 0.2, 0.9)}
    assert bars.best(outcomes, 0.95, 0.2) == "0.2"


@pytest.mark.parametrize("name", FILES)
def test_the_study_fits_together(shipped, name):
    study = shipped(name)
    study.check_features()
    spans = [study.years(part) for part in ("train", "validation", "test")]
    assert all(a.dates[-1] < b.dates[0] for a, b in pairwise(spans)) and all(len(span) > 400 for span in spans)
    assert study.config["test"]["reference"] in study.baselines
    study.windows("validation")


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


COSTS = {
    "oil_producer": {"CL": [3e-4, 4e-4, 5e-4, 6e-4], "NG": [6e-4, 8e-4, 10e-4, 12e-4]},
    "products_refiner": {"HO": [4e-4, 5e-4, 6e-4, 7e-4], "RB": [4e-4, 5e-4, 6e-4, 7e-4]},
}


@pytest.mark.parametrize("name", COSTS)
@pytest.mark.parametrize("hedge", ["first_100", "matched_100"])
def test_the_producer_is_an_independent_ledger(shipped, name, hedge):
    """Everything sold forward, from the files alone: contracts by name, bought back as months are sold."""
    import polars as pl

    study = shipped(name)
    folder = Path(os.environ["DEEPHEDGE_DATA"])
    paths, starts = study.windows("validation")
    some = np.arange(5, len(starts), 90)
    few = jax.tree.map(lambda x: x[some], paths)
    found = dh.evaluate(study.problem, {"it": study.baselines[hedge]}, few)["it"]
    table = pl.read_parquet(folder / OIL).sort("date").drop_nulls([f"{code}01" for code in COSTS[name]])
    ends = pl.read_csv(folder / "D_commodities" / "rtl_expiry_table.csv", infer_schema=False)
    dates = table["date"].to_numpy().astype("datetime64[D]")
    months, wealth = np.array([21, 42, 63]), np.zeros(len(some))
    for code, rates in COSTS[name].items():
        last = np.unique(ends.filter(pl.col("tick.prefix") == code)["Last.Trade"].to_numpy().astype("datetime64[D]"))
        nearbys = table.select(f"{code}0{n}" for n in range(1, 6)).to_numpy()
        front = np.searchsorted(last, dates)
        for row, start in enumerate(starts[some]):
            day = np.searchsorted(dates, start) + np.arange(64)
            unit = nearbys[day[0], 0]  # a barrel sold is a barrel hedged
            wealth[row] += (nearbys[day[months], 0] - nearbys[day[0], 1:4]).sum() / unit
            held = np.searchsorted(last, dates[day] + 5, side="right")  # trades for more than five days still
            due = np.arange(63)[:, None] < months
            ahead = np.clip(front[day[months]] - held[:63, None], 0, 3) if hedge == "matched_100" else 0
            for place, rate in enumerate(rates):
                contract = held + place
                price = nearbys[day, contract - front[day]]
                closing = nearbys[day[1:], contract[:-1] - front[day[1:]]]
                sold = -np.sum(due & (ahead == place), axis=1) / unit
                traded = np.abs(np.diff(sold, prepend=0.0)) * price[:-1]
                rolled = np.flatnonzero(np.diff(contract[:-1])) + 1
                traded[rolled] = np.abs(sold[rolled - 1]) * closing[rolled - 1] + np.abs(sold[rolled]) * price[rolled]
                wealth[row] += sold @ (closing - price[:-1]) - rate * traded.sum()
    np.testing.assert_allclose(found.wealth, wealth, atol=3e-4)


def test_the_credit_book_is_an_independent_ledger(shipped):
    """The rate hedge: a month of par bonds bought anew each day, from yields and spreads."""
    study = shipped("credit_book")
    paths, starts = study.windows("validation")
    found = dh.evaluate(study.problem, {"it": study.baselines["rate_hedge"]}, jax.tree.map(lambda x: x[:64], paths))[
        "it"
    ]
    years = study.years("validation")
    treasury, spread, bill = (years.quote(name) for name in ("us.5y", "oas", "us.3m"))

    def month(level: np.ndarray, start: int) -> np.ndarray:
        value, values = 1.0, [1.0]
        for n in range(start, start + 21):
            k, y = level[n], level[n + 1]
            flows = [(k / 2 + (half == 10)) / (1 + y / 2) ** (half - 2 / 252) for half in range(1, 11)]
            value *= sum(flows) - bill[n] / 252
            values.append(value)
        return np.array(values)

    assert str(starts[0]) == str(years.dates[0])
    for n in range(0, 64, 9):
        hedge = month(treasury, n)
        expected = month(treasury + spread, n)[-1] - 1 - 0.9 * (hedge[-1] - 1) - 0.9e-4
        assert float(found.wealth[n]) == pytest.approx(expected, abs=2e-6)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["fx", "bonds", "oil", "products", "credit"])
def test_each_bar_runs(bars, shipped, name, capsys):
    from bench import assets

    shipped(assets.ASSETS[name].study)
    found = assets.main(["--quick", "--only", name])[name]
    assert {"bar", "needed", "met", "significant", "harder"} <= found.keys() and found["looks"] == 1
    assert found["bar"]["low"] <= found["bar"]["value"] <= found["bar"]["high"]
    better = "above" if name in ("oil", "products") else "below"
    assert f"{found['policy']} {better} the bar's" in capsys.readouterr().out


@pytest.mark.slow
def test_a_walk_is_judged_as_one_record(bars, shipped, capsys):
    from bench import assets

    shipped("oil_producer")
    found = assets.main(["--quick", "--walk", "--only", "oil"])["oil"]
    assert found["windows"] == 189 and len(found["chosen"]) == 2  # 252 sessions of 2013 hold that many quarters
    assert found["bar"]["low"] <= found["bar"]["value"] <= found["bar"]["high"]
    ours, fixed = (found["table"][role]["profit per CVaR"] for role in ("ours", "fixed"))
    assert found["bar"]["value"] == pytest.approx(ours / fixed - 1)
    assert "the one chosen above the bar's" in capsys.readouterr().out
    for wrong in (["--walk", "--only", "fx"], ["--walk", "--run", "x"], ["--seeds", "2", "--run", "x"]):
        with pytest.raises(SystemExit) as stop:
            assets.main(wrong)
        assert stop.value.code == 2


@pytest.mark.slow
def test_every_seed_is_told(bars, shipped, capsys):
    from bench import assets

    shipped("credit_book")
    found = assets.main(["--quick", "--seeds", "2", "--only", "credit"])["credit"]
    assert list(found) == ["0", "1"] and found["0"]["bar"] != found["1"]["bar"]
    assert "credit_book, seed 1: " in capsys.readouterr().out
