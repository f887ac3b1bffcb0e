"""What stands behind a result: the study at a glance, the account of wealth, calm and crisis, forecasts of risk."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import chi2

from deephedge.hedging import Ledger
from deephedge.studies import Study, behind, explained
from deephedge.studies import evaluation as judge
from deephedge.studies.glance import glance, instruments, liability
from deephedge.studies.training import load_all


def tail(losses: np.ndarray, level: float) -> float:
    worst = np.sort(losses)[::-1]
    share = (1 - level) * losses.size
    whole = int(share)
    return float((worst[:whole].sum() + (share - whole) * worst[whole]) / share)


def test_contracts_are_counted_and_named():
    assert liability(Study.load("fx_treasury")).startswith("100 × FxForward USDEUR, 40 × FxForward GBPEUR, −25 ×")
    assert liability(Study.load("bond_portfolio")) == "100 × FixedBond"  # sold -1 times, ended after a month
    assert liability(Study.load("oil_producer")) == "3 × Forward CL, 3 × Forward NG"  # what was planned is a premium
    assert instruments(Study.load("bond_portfolio")) == ("BondFuture 1", "BondFuture 2")
    assert instruments(Study.load("buehler_heston")) == ("SPX", "VarianceSwap SPX")


def test_a_run_says_what_it_was(real_run):
    study, place = real_run
    said = glance(study, place, load_all(study, place))
    assert said["Liability"] == "−1 × EuropeanCall SPX" and said["Hedged with"] == "SPX"
    first, last = study.data.test
    assert said["Tested"].startswith(f"{first} to {last}, looked at once; no other settings")
    best = load_all(study, place)["band"].curve["best_update"]
    assert f"at update {best} of 2: the least risk on {study.data.validation[0]} to" in said["Chosen"]
    assert study.history.provenance.sha256[:12] in said["Data"] and "near" not in " ".join(said)
    place.note(test_looks=2, tries=3)
    twice = glance(study, place, load_all(study, place))["Tested"]
    place.note(test_looks=1, tries=1)
    assert "looked at 2 times; 3 settings in all" in twice


def test_the_account_adds_up_to_mean_wealth(real_run):
    _, place = real_run
    rows, wealth = place.read_json(explained.MEANS), place.read_frame(judge.BACKTEST_ROWS)
    for name, row in rows.items():
        ours = wealth.filter(wealth["policy"] == name)["wealth"].to_numpy().astype(float)
        terms = [value for term, value in row.items() if term not in ("wealth", "std", "unexplained_std")]
        assert sum(terms) == pytest.approx(ours.mean(), rel=1e-3, abs=1e-7)
        assert row["std"] == pytest.approx(ours.std(ddof=1), rel=1e-5)


def test_calm_and_crisis_are_told_apart_by_what_was_known(real_run):
    study, place = real_run
    ledgers, premium, starts = judge.backtest_ledgers(place)
    found, told = behind.regimes(study, place, ledgers, premium)
    days, level = study.history.dates, study.history.quote("SPX.vol")
    before = level[days < np.datetime64(study.data.test[0])]
    threshold = np.quantile(before[np.isfinite(before)], 0.8)
    vol = dict(zip(study.years("test").dates, study.years("test").quote("SPX.vol"), strict=True))
    crisis = np.array([vol[day] > threshold for day in starts])
    losses = -np.asarray(ledgers["delta"].wealth, float)
    for name, inside in (("calm", ~crisis), ("crisis", crisis)):
        assert f"{inside.sum():,} windows {name}" in told
        assert found[name].estimates["delta"]["cvar"].value == pytest.approx(tail(losses[inside], 0.95), rel=1e-4)


def test_forecasts_are_those_of_simulated_paths(real_run):
    study, place = real_run
    ledgers, _, starts = judge.backtest_ledgers(place)
    found = behind.forecasts(study, place, ledgers, starts)["delta"]
    rows = place.read_frame(judge.SIMULATED_ROWS)
    drawn = -rows.filter(rows["policy"] == "delta")["wealth"].to_numpy().astype(float)
    losses = -np.asarray(ledgers["delta"].wealth, float)[::21]
    x, n, p = int((losses > np.quantile(drawn, 0.95)).sum()), losses.size, 0.05
    assert (found.exceeded, found.windows) == (x, n) and found.expected == pytest.approx(n * p)
    assert found.shortfall == pytest.approx(tail(drawn, 0.95))
    with np.errstate(divide="ignore", invalid="ignore"):
        free = np.nan_to_num(x * np.log(x / n)) + np.nan_to_num((n - x) * np.log(1 - x / n))
    ratio = 2 * (free - x * np.log(p) - (n - x) * np.log(1 - p))
    assert found.frequency == pytest.approx(chi2.sf(ratio, 1), abs=1e-9)
    doubled = {"delta": _lost_twice(ledgers["delta"])}
    assert behind.forecasts(study, place, doubled, starts)["delta"].size < found.size


def _lost_twice(ledger: Ledger) -> Ledger:
    wealth = jnp.where(ledger.wealth < 0, 5 * ledger.wealth, ledger.wealth)
    return Ledger(ledger.position, ledger.trade, ledger.cost, ledger.gain, ledger.liability, wealth)


def test_the_verdict_is_about_the_metric_of_the_study(tiny_file, tiny_run):
    _, place = tiny_run
    study = Study.load(tiny_file, ['test.metric="std"'])
    found = judge.comparison_of(place, judge.SIMULATED)
    first = judge.said(study, found, load_all(tiny_run[0], place)).text.split("\n")[0]
    assert "standard deviation from" in first and "CVaR" not in first
