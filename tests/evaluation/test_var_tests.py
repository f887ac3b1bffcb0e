"""Tests of forecasts: closed forms, exact sizes, and power by simulation."""

from itertools import pairwise

import numpy as np
import pytest
from scipy import stats

from deephedge.core.errors import DataError, ParameterError
from deephedge.evaluation.var_tests import (
    Zone,
    conditional_coverage,
    exceeded,
    independence,
    kupiec,
    shortfall,
    shortfall_given_exceedance,
    traffic_light,
)

LEVEL = 0.975
VAR = stats.norm.ppf(LEVEL)
ES = stats.norm.pdf(VAR) / (1 - LEVEL)


def test_the_zones_of_the_committee():
    """Basel committee (1996), table 2: 250 days at 99 %."""
    zones = [traffic_light(np.arange(250) < hits) for hits in range(12)]
    assert zones == [Zone.GREEN] * 5 + [Zone.YELLOW] * 5 + [Zone.RED] * 2


def test_kupiec_accepts_what_the_table_of_its_paper_does():
    """Kupiec (1995), 5 % tests at 99 %: fewer than 7 of 255 days, 2 to 10 of 510, 5 to 16 of 1000 are accepted."""
    for days, few, many in ((255, 1, 6), (510, 2, 10), (1000, 5, 16)):
        accepted = [hits for hits in range(30) if not kupiec(np.arange(days) < hits, 0.99).rejected]
        assert (accepted[0], accepted[-1]) == (few, many)


def test_kupiec_rejects_as_often_as_the_binomial_law_says():
    counts = np.arange(60)
    rejected = np.array([kupiec(np.arange(500) < hits, 0.95).rejected for hits in counts])
    exact = stats.binom.pmf(counts, 500, 0.05)[rejected].sum() + stats.binom.sf(59, 500, 0.05)
    hits = np.random.default_rng(0).random((1000, 500)) < 0.05
    found = np.mean([kupiec(row, 0.95).rejected for row in hits])
    assert abs(found - exact) < 3.5 * (exact * (1 - exact) / 1000) ** 0.5
    assert 0.03 < exact < 0.07


def test_coverage_tests_hold_their_size_and_see_clusters():
    rng = np.random.default_rng(1)
    hits = rng.random((500, 1000)) < 0.1
    error = (0.05 * 0.95 / 500) ** 0.5
    assert abs(np.mean([independence(row).rejected for row in hits]) - 0.05) < 3.5 * error
    assert abs(np.mean([conditional_coverage(row, 0.9).rejected for row in hits]) - 0.05) < 3.5 * error
    clustered = np.repeat(rng.random((100, 500)) < 0.1, 2, axis=1)  # each exceedance is followed by one
    assert np.mean([independence(row).rejected for row in clustered]) > 0.99
    assert np.mean([kupiec(row, 0.9).rejected for row in clustered]) < 0.5


def test_independence_by_its_transitions():
    hits = np.random.default_rng(2).random(300) < 0.2
    counts = np.zeros((2, 2))
    for was, now in pairwise(hits):
        counts[int(was), int(now)] += 1
    rate = counts / counts.sum(axis=1, keepdims=True)
    pooled = counts.sum(axis=0) / counts.sum()
    ratio = 2 * np.sum(counts * (np.log(rate) - np.log(pooled)))
    assert independence(hits).statistic == pytest.approx(ratio, rel=1e-9)
    assert independence(hits).p == pytest.approx(stats.chi2.sf(ratio, 1), rel=1e-9)
    both = conditional_coverage(hits, 0.8)
    assert both.p == pytest.approx(stats.chi2.sf(ratio + kupiec(hits, 0.8).statistic, 2), rel=1e-9)


@pytest.mark.parametrize(
    "hits", [np.zeros(250, bool), np.ones(250, bool), np.arange(250) == 249], ids=["none", "all", "last"]
)
def test_degenerate_records_have_finite_answers(hits):
    for found in (kupiec(hits, 0.99), independence(hits), conditional_coverage(hits, 0.99)):
        assert np.isfinite(found.statistic) and 0 <= found.p <= 1


def test_shortfall_holds_its_size_and_sees_fatter_tails():
    """Forecast normal; true normal, or Student's t with 3 degrees scaled to the same VaR: as many exceed, further."""
    rng = np.random.default_rng(3)
    days, runs = 250, 150
    scenarios, var, es = rng.normal(size=(500, days)), np.full(days, VAR), np.full(days, ES)
    fat = VAR / stats.t.ppf(LEVEL, 3)
    size, power = {"z1": [], "z2": []}, {"z1": [], "z2": []}
    for _ in range(runs):
        for losses, found in ((rng.normal(size=days), size), (fat * rng.standard_t(3, size=days), power)):
            found["z1"].append(shortfall_given_exceedance(losses, var, es, scenarios).p < 0.05)
            found["z2"].append(shortfall(losses, var, es, LEVEL, scenarios).p < 0.05)
    error = (0.05 * 0.95 * (1 / runs + 1 / 500)) ** 0.5
    assert all(abs(np.mean(each) - 0.05) < 3 * error for each in size.values())
    assert np.mean(power["z1"]) > 0.4 and np.mean(power["z2"]) > 0.15


def test_shortfall_by_hand_and_its_mean():
    losses, var, es = np.array([1.0, 3.0, 5.0, 0.0]), np.full(4, 2.0), np.array([2.5, 4.0, 4.0, 2.5])
    draws = np.array([[0.0, 0.0, 0.0, 0.0], [3.0, 3.0, 3.0, 3.0], [2.0, 2.0, 9.0, 2.0]])
    first, second = shortfall_given_exceedance(losses, var, es, draws), shortfall(losses, var, es, 0.5, draws)
    assert first.statistic == pytest.approx(1 - (3 / 4 + 5 / 4) / 2)
    assert second.statistic == pytest.approx(1 - (3 / 4 + 5 / 4) / (4 * 0.5))
    assert first.p == 2 / 3  # of two draws with an exceedance one is worse: 1 - 9/4
    assert second.p == 3 / 4  # of three 1, 1 - 3.9 / 2 and 1 - 2.25 / 2, two are worse
    rng = np.random.default_rng(4)
    many = rng.normal(size=(4000, 100))
    ratio = np.where(many > VAR, many / ES, 0.0)
    z2 = 1 - ratio.sum(axis=1) / (100 * (1 - LEVEL))
    assert abs(z2.mean()) < 3.5 * z2.std() / 4000**0.5
    none = shortfall_given_exceedance(np.zeros(4), var, es, draws)
    assert np.isnan(none.p) and not none.rejected


def test_misuse_is_refused_in_one_sentence():
    with pytest.raises(DataError, match=r"take them from exceeded\(losses, var\)"):
        kupiec(np.array([0.1, 0.2]), 0.99)
    with pytest.raises(ParameterError, match="level must be between 0 and 1"):
        kupiec(np.zeros(5, bool), 99.0)
    with pytest.raises(DataError, match="one loss and one forecast a day"):
        exceeded(np.ones(3), np.ones(4))
    with pytest.raises(DataError, match="must be finite"):
        exceeded(np.array([1.0, np.nan]), np.ones(2))
    with pytest.raises(DataError, match="at least the value at risk"):
        shortfall(np.ones(3), np.ones(3), np.zeros(3), 0.99, np.ones((5, 3)))
    with pytest.raises(DataError, match=r"\(draw, 3 days\), shape was \(5, 2\)"):
        shortfall(np.ones(3), np.ones(3), np.ones(3), 0.99, np.ones((5, 2)))
