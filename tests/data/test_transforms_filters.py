"""Filters beside statsmodels, pandas, and loops written out."""

from itertools import pairwise

import numpy as np
import pandas as pd
import pytest
from scipy import special
from statsmodels.tsa.filters.hp_filter import hpfilter
from statsmodels.tsa.statespace.structural import UnobservedComponents
from statsmodels.tsa.stattools import adfuller

from deephedge.core.errors import DataError
from deephedge.data import History
from deephedge.data import transforms as t
from deephedge.data.transforms.fractional import ORDERS

RNG = np.random.default_rng(11)


def history_of(values):
    dates = np.busday_offset("2021-01-01", np.arange(len(values)), roll="forward")
    return History.of(dates, {"x": values}, source="made up")


WALK = history_of(100 + np.cumsum(RNG.normal(size=600)))
NOISY = history_of(WALK.quote("x") + 2 * RNG.normal(size=600))


def applied(transform, history, constants=None):
    return t.Fitted(transform, constants)(history) if constants else transform.fit(history)(history)


@pytest.mark.parametrize("smoothing", [1600.0, 2.6e6])
def test_one_sided_hodrick_prescott_is_the_end_of_the_two_sided_one_on_each_prefix(smoothing):
    history = history_of(WALK.quote("x")[:150])
    values = history.quote("x")
    made = applied(t.HodrickPrescott("x", smoothing), history)
    ends = [hpfilter(values[:n], smoothing)[1][-1] for n in range(3, len(values) + 1)]
    np.testing.assert_allclose(made["x.hp.trend"], [*values[:2], *ends], rtol=1e-8)
    np.testing.assert_allclose(made["x.hp.trend"] + made["x.hp.cycle"], values, rtol=1e-14)


def test_hodrick_prescott_is_the_kalman_filter_of_a_smooth_trend():
    values = WALK.quote("x")
    model = UnobservedComponents(values, "strend", use_exact_diffuse=True)
    filtered = model.filter([1.0, 1 / 1600.0]).filtered_state[0]
    np.testing.assert_allclose(applied(t.HodrickPrescott("x", 1600.0), WALK)["x.hp.trend"][3:], filtered[3:], rtol=1e-9)


def test_a_line_passes_the_hodrick_prescott_filter_and_half_of_the_swing_it_is_set_for():
    line = history_of(5.0 + 0.3 * np.arange(900))
    np.testing.assert_allclose(applied(t.HodrickPrescott("x"), line)["x.hp.trend"], line.quote("x"), rtol=1e-6)
    omega = 2 * np.arcsin(0.5 * 2.6e6**-0.25)  # the two-sided filter's gain 1/(1 + 16 lambda sin^4(w/2)) is a half here
    assert abs(2 * np.pi / omega - 252) < 1


def test_local_level_has_the_variances_and_the_filter_of_statsmodels():
    values = NOISY.quote("x")
    train = NOISY.between(None, NOISY.dates[399])
    made = t.LocalLevel("x").fit(train)
    ours = [made.constants["noise"], made.constants["level"]]
    model = UnobservedComponents(train.quote("x"), "llevel", use_exact_diffuse=True)
    theirs = model.fit(disp=0, method="bfgs", gtol=1e-8)
    np.testing.assert_allclose(ours, theirs.params, rtol=1e-3)
    assert model.loglike(ours) >= theirs.llf - 1e-6
    whole = UnobservedComponents(values, "llevel", use_exact_diffuse=True).filter(ours)
    np.testing.assert_allclose(made(NOISY)["x.level"], whole.filtered_state[0], rtol=1e-11)


def fractional_loop(values, order, cut):
    """Binomial weights of (1 - B)^d, and a sum for each day."""
    weights, k = [1.0], 1
    while abs(weight := (-1) ** k * special.binom(order, k)) >= cut:
        weights, k = [*weights, weight], k + 1
    known = range(len(weights) - 1, len(values))
    sums = [sum(w * values[day - lag] for lag, w in enumerate(weights)) for day in known]
    return np.r_[np.full(len(weights) - 1, np.nan), sums]


@pytest.mark.parametrize("order", [0.3, 0.7, 1.3])
def test_fractional_difference_by_binomials(order):
    made = applied(t.FractionalDifference("x", order=order, cut=1e-3, log=False), WALK)["x.frac"]
    np.testing.assert_allclose(made, fractional_loop(WALK.quote("x"), order, 1e-3), rtol=1e-9, atol=1e-10)


def test_whole_orders_are_the_quote_and_its_difference():
    logs = np.log(WALK.quote("x"))
    np.testing.assert_allclose(applied(t.FractionalDifference("x", order=0.0), WALK)["x.frac"], logs, rtol=1e-14)
    np.testing.assert_allclose(
        applied(t.FractionalDifference("x", order=1.0), WALK)["x.frac"][1:], np.diff(logs), atol=1e-13
    )


def test_the_order_is_the_smallest_that_rejects_a_unit_root():
    def p_value(order):
        values = fractional_loop(np.log(WALK.quote("x")), order, 1e-2)
        return adfuller(values[~np.isnan(values)], maxlag=1, autolag=None, result_object=True).pvalue

    found = t.FractionalDifference("x", cut=1e-2).fit(WALK).constants["order"]
    assert 0 < found <= 1 and p_value(found) <= 0.05
    assert all(p_value(order) > 0.05 for order in ORDERS[: ORDERS.index(found)])
    noise = history_of(100 + RNG.normal(size=600))
    assert t.FractionalDifference("x").fit(noise).constants == {"order": 0.0}


def test_an_order_needs_more_days_than_its_weights():
    with pytest.raises(DataError, match=r"fitting needs \d+ training days"):
        t.FractionalDifference("x", cut=1e-4).fit(WALK.between(None, WALK.dates[200]))


def haar_loop(values, thresholds):
    """Day by day: block means of the last 1, 2, 4, ... days."""
    result = np.full(len(values), np.nan)
    for day in range(2 ** len(thresholds) - 1, len(values)):
        means = [values[day + 1 - 2**j : day + 1].mean() for j in range(len(thresholds) + 1)]
        details = [fine - coarse for fine, coarse in pairwise(means)]
        kept = [np.sign(d) * max(abs(d) - cut, 0) for d, cut in zip(details, thresholds, strict=True)]
        result[day] = means[-1] + sum(kept)
    return result


def test_haar_denoising_by_block_means():
    made = t.HaarDenoise("x", levels=4).fit(NOISY)
    expected = haar_loop(NOISY.quote("x"), made.constants["thresholds"])
    np.testing.assert_allclose(made(NOISY)["x.denoised"], expected, rtol=1e-12)
    assert np.isnan(
        applied(t.HaarDenoise("x", 4), NOISY.between(None, NOISY.dates[9]), made.constants)["x.denoised"]
    ).all()


def test_haar_thresholds_between_nothing_and_everything():
    values = NOISY.quote("x")
    all_kept = applied(t.HaarDenoise("x", 3), NOISY, {"thresholds": [0.0] * 3})["x.denoised"]
    none_kept = applied(t.HaarDenoise("x", 3), NOISY, {"thresholds": [1e9] * 3})["x.denoised"]
    np.testing.assert_allclose(all_kept[7:], values[7:], rtol=1e-13)
    np.testing.assert_allclose(none_kept, pd.Series(values).rolling(8).mean(), rtol=1e-12)


def test_haar_thresholds_are_what_white_noise_hardly_reaches():
    noise = history_of(3.0 * RNG.normal(size=20_000))
    thresholds = np.array(t.HaarDenoise("x", levels=3).fit(noise).constants["thresholds"])
    expected = 3.0 * 2.0 ** (-np.arange(1, 4) / 2) * np.sqrt(2 * np.log(20_000))
    np.testing.assert_allclose(thresholds, expected, rtol=0.04)  # 4 standard errors of a median deviation
    for level, threshold in enumerate(thresholds, 1):
        means = [pd.Series(noise.quote("x")).rolling(2**k).mean() for k in (level - 1, level)]
        detail = (means[0] - means[1]).dropna()
        np.testing.assert_allclose(detail.std(), 3.0 * 2.0 ** (-level / 2), rtol=0.05)
        assert np.mean(np.abs(detail) > threshold) < 1e-3


def test_ewma():
    values = pd.Series(WALK.quote("x"))
    expected = values.ewm(alpha=0.06, adjust=True).mean()
    np.testing.assert_allclose(applied(t.Ewma("x", 0.94), WALK)["x.ewma"], expected, rtol=1e-12)
    squares = np.log(values).diff() ** 2
    expected = np.sqrt(252 * squares.ewm(alpha=0.03, adjust=True).mean())
    np.testing.assert_allclose(applied(t.EwmaVol("x", 0.97), WALK)["x.ewma_vol"], expected, rtol=1e-12)
    shifted = values - 2 * values.max()  # a yield may be negative
    expected = np.sqrt(252 * (shifted.diff() ** 2).ewm(alpha=0.03, adjust=True).mean())
    found = applied(t.EwmaVol("x", 0.97, normal=True), history_of(shifted.to_numpy()))["x.ewma_vol"]
    np.testing.assert_allclose(found, expected, rtol=1e-12)
