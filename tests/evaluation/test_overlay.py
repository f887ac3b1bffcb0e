"""With and without the hedge: metrics by plain loops, intervals by simulation."""

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.evaluation import Resampling
from deephedge.evaluation.overlay import overlay, series_metrics


def drawdown(gains):
    peak = wealth = worst = 0.0
    for gain in gains:
        wealth += gain
        peak, worst = max(peak, wealth), max(worst, peak - wealth)
    return worst


def test_metrics_by_plain_loops():
    gains = np.random.default_rng(0).normal(size=(5, 43))
    found = series_metrics(gains, 0.9)
    for n, row in enumerate(gains):
        ordered = np.sort(row)
        assert found["drawdown"][n] == pytest.approx(drawdown(row))
        assert found["cvar"][n] == pytest.approx(-(ordered[:4].sum() + 0.3 * ordered[4]) / 4.3, rel=1e-5)
        assert found["std"][n] == pytest.approx(row.std(ddof=1)) and found["mean"][n] == pytest.approx(row.mean())
    up = series_metrics(np.ones(9))
    assert float(up["drawdown"]) == 0.0 and float(up["std"]) == 0.0


def test_a_hedge_is_seen_to_halve_the_risk_and_noise_is_not():
    rng = np.random.default_rng(1)
    market = rng.standard_t(4, size=1000)
    strategy = market + 0.3 * rng.normal(size=1000)
    found = overlay(strategy, -0.7 * market, resamples=300)
    for metric in ("std", "cvar"):
        assert found.difference[metric].high < 0
    assert found.difference["drawdown"].value == pytest.approx(drawdown(strategy - 0.7 * market) - drawdown(strategy))
    idle = overlay(strategy, 0.3 * rng.normal(size=1000), resamples=300)
    assert not idle.difference["mean"].significant
    apart = (found.alone["std"].error ** 2 + found.hedged["std"].error ** 2) ** 0.5
    assert found.difference["mean"].error < (found.alone["mean"].error ** 2 + found.hedged["mean"].error ** 2) ** 0.5
    assert apart > 0


@pytest.mark.slow
def test_the_interval_of_a_mean_covers_under_serial_correlation():
    rng = np.random.default_rng(2)
    shocks = rng.normal(size=(150, 600))
    gains = shocks + 0.8 * np.roll(shocks, 1, axis=1)
    inside = []
    for row in gains:
        mean = overlay(row, 0 * row, block=12, resamples=200).alone["mean"]
        inside.append(mean.low <= 0 <= mean.high)
    assert np.mean(inside) > 0.95 - 3.5 * (0.95 * 0.05 / 150) ** 0.5
    single = [overlay(row, 0 * row, block=1, resamples=200).alone["mean"] for row in gains[:100]]
    assert np.mean([one.low <= 0 <= one.high for one in single]) < 0.9


def test_orders_are_what_counts_count():
    how = Resampling(5, 40, seed=3, circular=False)
    index, counts = np.concatenate(list(how.orders(30))), np.concatenate(list(how.counts(30)))
    assert (np.sort(index, axis=1) == np.array([np.repeat(np.arange(30), row.astype(int)) for row in counts])).all()
    runs = (np.diff(index, axis=1) % 30 == 1).mean()
    assert runs == pytest.approx(1 - (1 / 5) * (1 - 1 / 30), abs=0.06)


def test_misuse_is_refused_in_one_sentence():
    with pytest.raises(DataError, match="same days, found 20 and 21"):
        overlay(np.arange(20.0), np.arange(21.0))
    with pytest.raises(DataError, match="strategy must be finite cash"):
        overlay(np.full(20, np.nan), np.arange(20.0))
