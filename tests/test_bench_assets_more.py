"""The bars of commodities and credit: their arithmetic twice, and the studies on the data, if there."""

import os
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace

import jax
import numpy as np
import pytest

import deephedge as dh
from deephedge.studies import Study

ROOT = Path(__file__).parents[1]
OIL = "D_commodities/rtl_futures_curves_2007_2018.parquet"
FILES = {"oil_producer": OIL, "credit_book": "E_rates_credit/fred_BAMLH0A0HYM2_1996_2025.csv"}


@pytest.fixture
def bench(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    from bench import assets_more

    return assets_more


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


def test_profit_per_cvar_is_plan_and_mean_over_the_worst(bench):
    wealth = np.random.default_rng(0).normal(0.1, 0.5, 200)
    counts = np.random.default_rng(1).integers(0, 4, 200).astype(float)
    found = bench.per_cvar(wealth, 0.9, margin=0.3)(counts)
    sample = np.sort(np.repeat(wealth, counts.astype(int)))
    tail, share = 0.0, 0.1 * sample.size
    for n, value in enumerate(sample):  # the worst tenth, the last of them in part
        tail -= value * min(1.0, max(0.0, share - n))
    assert found == pytest.approx((6 * 0.3 + sample.mean()) / (tail / share), rel=1e-9)


def test_the_best_ratio_is_that_of_most_profit(bench):
    risk = np.random.default_rng(2).normal(size=500)
    outcomes = {str(scale): SimpleNamespace(wealth=0.01 + scale * risk) for scale in (0.5, 0.2, 0.9)}
    assert bench.best(outcomes, 0.95, 0.2) == "0.2"


@pytest.mark.parametrize("name", FILES)
def test_the_study_fits_together(shipped, name):
    study = shipped(name)
    study.check_features()
    spans = [study.years(part) for part in ("train", "validation", "test")]
    assert all(a.dates[-1] < b.dates[0] for a, b in pairwise(spans)) and all(len(span) > 400 for span in spans)
    assert study.config["test"]["reference"] in study.baselines
    study.windows("validation")


def test_the_producer_is_an_independent_ledger(shipped):
    """Everything sold in the first nearby, from the files alone: contracts by name, bought back as months are sold."""
    import polars as pl

    study = shipped("oil_producer")
    folder = Path(os.environ["DEEPHEDGE_DATA"])
    paths, starts = study.windows("validation")
    some = np.arange(5, len(starts), 90)
    found = dh.evaluate(study.problem, {"it": study.baselines["first_100"]}, jax.tree.map(lambda x: x[some], paths))[
        "it"
    ]
    table = pl.read_parquet(folder / OIL).sort("date").drop_nulls(["CL01", "NG01"])
    ends = pl.read_csv(folder / "D_commodities" / "rtl_expiry_table.csv", infer_schema=False)
    dates = table["date"].to_numpy().astype("datetime64[D]")
    months, wealth = np.array([21, 42, 63]), np.zeros(len(some))
    for code, rate in (("CL", 3e-4), ("NG", 6e-4)):
        last = np.unique(ends.filter(pl.col("tick.prefix") == code)["Last.Trade"].to_numpy().astype("datetime64[D]"))
        nearbys = table.select(f"{code}0{n}" for n in range(1, 5)).to_numpy()
        front = np.searchsorted(last, dates)
        for row, start in enumerate(starts[some]):
            day = np.searchsorted(dates, start) + np.arange(64)
            contract = np.searchsorted(last, dates[day] + 5, side="right")  # trades for more than five days still
            price = nearbys[day, contract - front[day]]
            closing = nearbys[day[1:], contract[:-1] - front[day[1:]]]
            spot, unit = nearbys[day, 0] / nearbys[day[0], 0], price[0]
            held = -np.sum(np.arange(63)[:, None] < months, axis=1) / unit
            traded = np.abs(np.diff(held, prepend=0.0)) * price[:-1]
            rolled = np.flatnonzero(np.diff(contract[:-1])) + 1
            traded[rolled] = np.abs(held[rolled - 1]) * closing[rolled - 1] + np.abs(held[rolled]) * price[rolled]
            plan = nearbys[day[0], 1:4].sum() / nearbys[day[0], 0]
            wealth[row] += spot[months].sum() - plan + held @ (closing - price[:-1]) - rate * traded.sum()
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
@pytest.mark.parametrize("name", ["oil", "credit"])
def test_each_bar_runs(bench, shipped, name):
    shipped(bench.MORE[name].study)
    found = bench.main(["--quick", "--only", name])[name]
    assert {"bar", "needed", "met", "significant", "harder"} <= found.keys() and found["looks"] == 1
    assert found["bar"]["low"] <= found["bar"]["value"] <= found["bar"]["high"]
