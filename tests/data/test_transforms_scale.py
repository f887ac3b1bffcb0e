"""Scalers, regimes and lines beside SciPy and pandas."""

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from deephedge.core.errors import DataError
from deephedge.data import History
from deephedge.data import transforms as t

DAYS, TRAIN = 300, 200
RNG = np.random.default_rng(7)
VALUES = np.exp(0.3 * RNG.normal(size=DAYS))
DATES = np.busday_offset("2021-01-01", np.arange(DAYS), roll="forward")
HISTORY = History.of(DATES, {"x": VALUES, "ties": np.round(VALUES, 1)}, source="made up")
LATER = slice(TRAIN, None)


def fitted(transform):
    return transform.fit(HISTORY.between(None, DATES[TRAIN - 1]))


def applied(transform):
    (values,) = fitted(transform)(HISTORY).values()
    return values


def test_z_score():
    np.testing.assert_allclose(applied(t.ZScore("x")), stats.zmap(VALUES, VALUES[:TRAIN]), rtol=1e-12)


def test_robust():
    spread = stats.median_abs_deviation(VALUES[:TRAIN], scale="normal")
    np.testing.assert_allclose(applied(t.Robust("x")), (VALUES - np.median(VALUES[:TRAIN])) / spread, rtol=1e-12)


def test_robust_refuses_what_mostly_stands_still():
    mostly = History.of(DATES, {"x": np.where(np.arange(DAYS) % 3, 1.0, VALUES)}, source="made up")
    with pytest.raises(DataError, match="one value on half of the training days"):
        t.Robust("x").fit(mostly)


@pytest.mark.parametrize("quote", ["x", "ties"])
def test_normal_scores_are_those_of_ranks_and_stay_within_them(quote):
    values = HISTORY.quote(quote)
    score = applied(t.NormalScore(quote))
    ranks = stats.rankdata(values[:TRAIN]) / (TRAIN + 1)
    np.testing.assert_allclose(score[:TRAIN], stats.norm.ppf(ranks), rtol=1e-10, atol=1e-13)
    order = np.argsort(values, kind="stable")
    assert np.all(np.diff(score[order]) >= 0)
    assert score[LATER].min() >= score[:TRAIN].min() and score[LATER].max() <= score[:TRAIN].max()


def test_regimes_are_the_quantile_cut_of_the_training_days():
    edges = np.r_[-np.inf, np.quantile(VALUES[:TRAIN], [1 / 3, 2 / 3]), np.inf]
    expected = pd.cut(VALUES, edges, labels=False, right=False)
    np.testing.assert_array_equal(applied(t.Regime("x")), expected)
    assert np.bincount(expected[:TRAIN]).min() >= TRAIN // 3


@pytest.mark.parametrize("scaler", [t.ZScore("x"), t.Robust("x"), t.NormalScore("x")])
def test_per_regime_is_the_scaler_on_the_days_of_each_label(scaler):
    label = RNG.integers(0, 2, DAYS).astype(float)
    label[-1] = 9.0  # the training days never saw it
    both = History.of(DATES, {"x": VALUES, "label": label}, source="made up")
    (values,) = t.PerRegime(scaler, "label").fit(both.between(None, DATES[TRAIN - 1]))(both).values()
    assert np.isnan(values[-1])
    for one in (0.0, 1.0):
        here = label == one
        part = History.of(DATES[here], {"x": VALUES[here]}, source="part")
        (expected,) = scaler.fit(part.between(None, DATES[TRAIN - 1]))(part).values()
        np.testing.assert_array_equal(values[here], expected)


def test_per_regime_refuses_a_rare_label_by_its_name():
    label = np.where(np.arange(DAYS) < 5, 2.0, 0.0)
    both = History.of(DATES, {"x": VALUES, "label": label}, source="made up")
    with pytest.raises(DataError, match=r"x where label is 2: fitting needs 20 training days .* there are 5"):
        t.PerRegime(t.ZScore("x"), "label").fit(both)


@pytest.mark.parametrize("log", [False, True])
def test_linear_detrend(log):
    values = np.log(VALUES) if log else VALUES
    age = (DATES - DATES[0]).astype(float)
    line = stats.linregress(age[:TRAIN], values[:TRAIN])
    residual = applied(t.LinearDetrend("x", log=log))
    np.testing.assert_allclose(residual, values - line.intercept - line.slope * age, rtol=1e-9, atol=1e-12)


def test_differences():
    series = pd.Series(VALUES)
    np.testing.assert_allclose(applied(t.Difference("x", lag=3)), series.diff(3))
    np.testing.assert_allclose(applied(t.Difference("x", log=True)), np.log(series).diff(), rtol=1e-12, atol=1e-14)
    assert list(fitted(t.Difference("x", lag=3))(HISTORY)) == ["x.diff3"]
    assert np.isnan(applied(t.Difference("x", lag=DAYS + 5))).all()
