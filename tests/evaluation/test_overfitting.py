"""Sharpe ratios against simulation and a plain second implementation."""

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from deephedge.core.errors import DataError, ParameterError
from deephedge.evaluation.overfitting import (
    deflated_sharpe,
    expected_maximum,
    minimum_track_record,
    overfitting_probability,
    probabilistic_sharpe,
    sharpe,
)


def test_the_confidence_is_uniform_where_the_benchmark_is_the_truth():
    """Skewed gains with a Sharpe ratio of 0.5: with the normal law's variance alone this fails (p below 1e-3)."""
    rng = np.random.default_rng(0)
    gains = 0.5 + (1.0 - rng.exponential(size=(500, 1000)))  # mean 0.5, standard deviation 1, skewness -2
    confidence = np.array([probabilistic_sharpe(row, 0.5) for row in gains])
    assert stats.kstest(confidence, "uniform").pvalue > 0.01
    ratio = sharpe(gains.T)
    naive = stats.norm.cdf((ratio - 0.5) * np.sqrt(999))
    assert stats.kstest(naive, "uniform").pvalue < 1e-3


def test_the_formulas_by_hand():
    gains = np.array([0.3, -0.1, 0.5, 0.2, -0.4, 0.6])
    mean, n = sum(gains) / 6, 6
    central = [sum((x - mean) ** k for x in gains) / n for k in range(5)]
    ratio = mean / (central[2] * n / (n - 1)) ** 0.5
    spread = 1 - central[3] / central[2] ** 1.5 * ratio + (central[4] / central[2] ** 2 - 1) / 4 * ratio**2
    assert float(sharpe(gains)) == pytest.approx(ratio, rel=1e-12)
    z = (ratio - 0.1) * (n - 1) ** 0.5 / spread**0.5
    assert probabilistic_sharpe(gains, 0.1) == pytest.approx(stats.norm.cdf(z), rel=1e-12)
    length = minimum_track_record(gains, 0.1, 0.9)
    assert (ratio - 0.1) * (length - 1) ** 0.5 / spread**0.5 == pytest.approx(stats.norm.ppf(0.9), rel=1e-12)
    assert minimum_track_record(gains, 5.0) == np.inf


def test_the_expected_maximum_is_that_of_normal_numbers():
    rng = np.random.default_rng(1)
    for tries in (10, 100, 1000):
        best = rng.normal(size=(20_000_000 // tries // 10, tries)).max(axis=1)
        assert expected_maximum(1.0, tries) == pytest.approx(best.mean(), rel=0.03)  # an approximation: 2 % off at 10
    assert expected_maximum(1.0, 1) == 0.0


def test_the_best_of_many_without_skill_is_deflated_and_one_with_skill_is_not():
    rng = np.random.default_rng(2)
    plain, deflated = [], []
    for _ in range(200):
        gains = rng.normal(size=(250, 50))
        ratios = sharpe(gains)
        best = gains[:, ratios.argmax()]
        plain.append(probabilistic_sharpe(best) > 0.95)
        deflated.append(deflated_sharpe(best, ratios) > 0.95)
    assert np.mean(plain) > 0.8 and np.mean(deflated) < 0.05
    gains[:, 7] += 0.5
    assert deflated_sharpe(gains[:, 7], sharpe(gains)) > 0.95


def test_overfitting_by_a_plain_loop():
    gains = np.random.default_rng(3).normal(size=(47, 5)) + np.array([0, 0, 0.3, 0, 0])  # blocks of 7 and 8
    cut = [n * 47 // 6 for n in range(7)]
    logits = []
    for half in combinations(range(6), 3):
        inside = np.concatenate([gains[cut[n] : cut[n + 1]] for n in half])
        outside = np.concatenate([gains[cut[n] : cut[n + 1]] for n in range(6) if n not in half])
        chosen = np.argmax(inside.mean(axis=0) / inside.std(axis=0, ddof=1))
        rank = stats.rankdata(outside.mean(axis=0) / outside.std(axis=0, ddof=1))[chosen]
        logits.append(np.log(rank / 6 / (1 - rank / 6)))
    found = overfitting_probability(gains, blocks=6)
    np.testing.assert_allclose(found.logits, logits, atol=1e-12)
    assert found.probability == np.mean([(x < 0) + 0.5 * (x == 0) for x in logits])


def test_noise_is_overfitted_half_of_the_time_and_skill_never():
    rng = np.random.default_rng(4)
    found = np.array([overfitting_probability(rng.normal(size=(120, 11)), blocks=6).probability for _ in range(400)])
    assert abs(found.mean() - 0.5) < 3.5 * found.std() / 20
    skill = rng.normal(size=(1000, 30)) + 0.3 * (np.arange(30) == 4)
    best = overfitting_probability(skill, blocks=10)
    assert best.probability < 0.01 and best.loss < 0.01 and set(best.chosen) == {4}


def test_adding_a_constant_or_a_scale_to_large_numbers_loses_no_digits():
    gains = np.random.default_rng(5).normal(size=(96, 4))
    small, large = overfitting_probability(gains, 8), overfitting_probability(1e4 * gains, 8)
    np.testing.assert_allclose(small.outside, large.outside, rtol=1e-9)
    moved = overfitting_probability(gains + 1e6, 8)
    assert np.isfinite(moved.outside).all() and np.unique(moved.chosen).size >= 1


def test_a_try_that_sleeps_through_a_half_has_no_ratio_there():
    gains = np.random.default_rng(6).normal(size=(80, 3))
    gains[:40, 1] = 0.0
    assert np.isfinite(overfitting_probability(gains, 4).logits).all()


def test_misuse_is_refused_in_one_sentence():
    gains = np.random.default_rng(7).normal(size=(20, 3))
    with pytest.raises(DataError, match="1 series of gains never move"):
        overfitting_probability(np.c_[gains, np.ones(20)], 4)
    with pytest.raises(DataError, match="two tries or more"):
        overfitting_probability(gains[:, 0], 4)
    with pytest.raises(DataError, match="not all finite"):
        probabilistic_sharpe(np.array([1.0, np.nan, 2.0]))
    with pytest.raises(DataError, match="two periods or more, found 1"):
        sharpe(np.ones(1))
    for blocks in (3, 0, 16):
        with pytest.raises(ParameterError, match="even number"):
            overfitting_probability(gains, blocks)
    with pytest.raises(DataError, match="finite Sharpe ratios"):
        deflated_sharpe(gains[:, 0], np.array([]))
