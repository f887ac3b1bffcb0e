"""The main study on real data, cut down to a policy and a step or two: backtest, bookkeeping, comparison of runs."""

import shutil
from html import escape

import numpy as np
import polars as pl
import pytest

from deephedge.core.errors import ArtefactError
from deephedge.studies import RunFolder, Study, backtest, compare, report, run
from deephedge.studies import evaluation as judge
from deephedge.studies import training as steps


def test_the_main_study_runs_on_real_data(real_run):
    study, place = real_run
    windows = place.read_frame(judge.BACKTEST_ROWS)
    days = windows.filter(pl.col("policy") == "delta")["start"]
    assert len(days) == 733 and str(days[0]) == "2016-01-04"
    assert place.manifest["test_looks"] == 1
    found = judge.comparison_of(place, judge.BACKTEST)
    assert found.window == 21 and set(found.policies) == {"band", "delta"}
    page = (place.path / "report.html").read_text()
    assert escape(study.title) in page and "Through time" in page and "no interest rates" in page


def test_the_backtest_of_delta_is_an_independent_ledger(real_run):
    """Black-Scholes delta on the S&P 500, rebuilt in NumPy from the daily history."""
    from scipy.stats import norm

    study, place = real_run
    years = study.years("test")
    spot, vol = years.quote("SPX"), years.quote("SPX.vol")
    count, steps_, dt = len(spot) - 21, 21, 1 / 252
    wealth = np.empty(count)
    for n in range(count):
        s, v = spot[n : n + 22] / spot[n], vol[n : n + 22]
        left = dt * (steps_ - np.arange(22))
        delta = norm.cdf((np.log(s[:-1]) + 0.5 * v[:-1] ** 2 * left[:-1]) / (v[:-1] * np.sqrt(left[:-1])))
        trade = np.diff(delta, prepend=0.0)
        premium = 2 * norm.cdf(0.5 * v[0] * np.sqrt(left[0])) - 1
        wealth[n] = premium - max(s[-1] - 1, 0) + delta @ np.diff(s) - 5e-4 * np.abs(trade) @ s[:-1]
    kept = place.read_frame(judge.BACKTEST_ROWS).filter(pl.col("policy") == "delta")["wealth"].to_numpy()
    assert np.allclose(kept, wealth, atol=2e-6)


def test_the_test_years_are_looked_at_once(real_run, monkeypatch):
    study, place = real_run
    again = RunFolder.open(place.path)
    monkeypatch.setattr(steps, "fit", lambda *a, **k: pytest.fail("trained again"))
    run(study, folder=place.path, resume=True)
    report(study, again)
    assert RunFolder.open(place.path).manifest["test_looks"] == 1


def test_a_second_look_at_the_test_years_is_counted(real_run, tmp_path):
    study, place = real_run
    shutil.copytree(place.path, tmp_path / "copy")
    copy = RunFolder.open(tmp_path / "copy")
    backtest(study, copy)
    assert RunFolder.open(copy.path).manifest["test_looks"] == 2
    report(study, copy)
    assert "looked at 2 times" in (copy.path / "report.html").read_text()


def test_data_that_have_changed_are_refused(real_run, tmp_path, monkeypatch):
    from deephedge.studies.job import check_data

    study, place = real_run
    fake = Study(study.name, study.config, study.near)
    clean = fake.history
    monkeypatch.setitem(fake.__dict__, "history", clean.between("1999-01-04", "2018-12-28"))
    with pytest.raises(ArtefactError, match="the data have changed"):
        check_data(fake, RunFolder.open(place.path))
    check_data(study, RunFolder.open(place.path))


@pytest.mark.slow
def test_runs_are_compared_pair_by_pair_on_the_same_windows(real_run, tiny_run, tmp_path):
    _, place = real_run
    shutil.copytree(place.path, tmp_path / "twin")
    found, rows = compare([place.path, tmp_path / "twin"])
    names = [name for name in found.policies if name.endswith("band")]
    assert len(names) == 2 and found.reference == "delta" and len(rows) == 8
    gaps = [found.differences[name]["cvar"] for name in names]
    assert gaps[0] == gaps[1]
    alone = judge.comparison_of(place, judge.BACKTEST).differences["band"]["cvar"]
    assert gaps[0].value == pytest.approx(alone.value) and gaps[0].low == pytest.approx(alone.low)
    unpaired, _ = compare([place.path, tiny_run[1].path])
    assert unpaired is None
    with pytest.raises(ArtefactError, match="two run folders"):
        compare([place.path])
