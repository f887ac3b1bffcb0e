"""Resampling: what a row of counts must be, and how much of the variance blocks keep."""

import numpy as np
import pytest

from deephedge.core.errors import ParameterError
from deephedge.evaluation import Resampling
from deephedge.evaluation.bootstrap import block_length, politis_white


def rows(how, paths):
    return np.concatenate(list(how.counts(paths)))


@pytest.mark.parametrize("how", [Resampling(1), Resampling(5), Resampling(5, circular=False)], ids=str)
def test_each_row_is_a_sample_of_the_paths(how):
    counts = rows(how, 60)
    assert counts.shape == (2000, 60)
    assert (counts.sum(axis=1) == 60).all() and (counts >= 0).all()
    error = counts.std(axis=0) / np.sqrt(len(counts))
    assert (np.abs(counts.mean(axis=0) - 1) < 5 * error).all()  # no path is favoured, the ends neither


def test_same_seed_same_rows_whatever_the_chunks(monkeypatch):
    first = rows(Resampling(7, 50, seed=3), 100)
    assert (first == rows(Resampling(7, 50, seed=3), 100)).all()
    assert (first != rows(Resampling(7, 50, seed=4), 100)).any()
    monkeypatch.setattr("deephedge.evaluation.bootstrap.CHUNK", 1000)
    assert rows(Resampling(7, 50, seed=3), 100).shape == first.shape


@pytest.mark.parametrize("circular", [True, False])
def test_variance_of_the_mean_is_that_of_the_block_formula(circular):
    """Against the exact variance: weights (1 - k/b) or (1 - 1/b)^k on circular autocovariances."""
    n, b = 120, 6
    x = np.convolve(np.random.default_rng(0).normal(size=n + 4), np.ones(5), "valid")
    x -= x.mean()
    lags = np.array([np.mean(x * np.roll(x, -k)) for k in range(n)])
    k = np.arange(1, n)
    if circular:
        weight = np.maximum(1 - k / b, 0) * (k < b)
        exact = (lags[0] + 2 * np.sum(weight * lags[1:])) / n
    else:
        weight = (1 - k / n) * (1 - 1 / b) ** k
        exact = (lags[0] + 2 * np.sum(weight * lags[1:])) / n
    means = rows(Resampling(b, 20_000, circular=circular), n) @ x / n
    assert means.var() == pytest.approx(exact, rel=4 * np.sqrt(2 / 20_000))


@pytest.mark.parametrize("circular", [True, False])
@pytest.mark.parametrize("block", [7, 20, 40, 200])
def test_kept_share_is_the_sum_of_its_definition(block, circular):
    window = 20
    k = np.arange(-window * 400, window * 400 + 1) / 400
    overlap = np.maximum(1 - np.abs(k) / window, 0)
    weight = np.maximum(1 - np.abs(k) / block, 0) if circular else np.exp(-np.abs(k) / block)
    share = np.sum(overlap * weight) / np.sum(overlap)
    assert Resampling(block, circular=circular).kept(window) == pytest.approx(share, abs=2e-3)
    assert Resampling(block, circular=circular).kept(None) == 1.0


def test_block_length():
    x = np.random.default_rng(0).normal(size=900)
    assert block_length(900, None, None, [x]) == 1
    assert block_length(900, None, 21, [x]) == 42
    assert block_length(900, 30, 21, [x]) == 30
    assert block_length(60, None, 21, [x]) == 15  # never more than a quarter of the paths
    assert block_length(900, "auto", 21, [x]) == 21
    persistent = np.convolve(np.random.default_rng(1).normal(size=2000), 0.98 ** np.arange(300), "valid")
    assert block_length(persistent.size, "auto", 5, [persistent]) > 20
    assert politis_white(np.zeros(50)) == 1


def test_bad_settings_are_named():
    with pytest.raises(ParameterError, match="block must be a whole number"):
        Resampling(0)
    with pytest.raises(ParameterError, match="does not fit into 10 paths"):
        next(Resampling(20).counts(10))
    with pytest.raises(ParameterError, match="auto"):
        block_length(10, "long", None, [])
