import numpy as np
import pytest

from deephedge import data
from deephedge.core.errors import DataError
from deephedge.data import transforms as t

YEARS = ("2014-01-03", "2016-12-31")


@pytest.fixture(scope="module")
def history():
    return data.load("arch").between("2014-01-03", "2018-12-31")


def test_transforms_are_applied_in_order_and_told(history):
    made = data.transforms.transformed(history, [t.CloseVol("SPX", 21), t.ZScore("SPX.close_vol21", "calm")], YEARS)
    assert made.names == ("SPX", "SPX.vol", "SPX.close_vol21", "calm")
    for name in history.names:
        np.testing.assert_array_equal(made.quote(name), history.quote(name))
    before, after = history.provenance, made.provenance
    assert after.repairs == (
        *before.repairs,
        "SPX.close_vol21: CloseVol of SPX",
        "calm: ZScore of SPX.close_vol21, fitted on 2014-01-03 to 2016-12-31",
    )
    assert (after.source, after.licence, after.publisher) == (before.source, before.licence, before.publisher)
    train = made.between(*YEARS).quote("calm")[21:]
    assert np.isnan(made.quote("calm")[:21]).all()
    np.testing.assert_allclose([train.mean(), train.std()], [0, 1], atol=1e-12)
    assert abs(made.between("2017-01-01").quote("calm").mean()) > 0.1  # other years are only divided


def test_windows_of_a_transformed_history_are_paths(history):
    made = t.transformed(history, [t.HodrickPrescott("SPX", log=True), t.Momentum("SPX", (21,))], YEARS)
    paths, _ = data.windows(made.between("2015-01-01"), 5)
    np.testing.assert_allclose(
        paths.quotes["SPX.momentum21"][0], made.between("2015-01-01").quote("SPX.momentum21")[:6], rtol=1e-5
    )


def test_no_transform_leaves_the_history(history):
    assert t.transformed(history, [], YEARS) is history


@pytest.mark.parametrize("twice", [[t.ZScore("SPX"), t.Robust("SPX", "SPX.z")], [t.ZScore("SPX", "SPX.vol")]])
def test_a_name_that_is_taken_is_refused(history, twice):
    with pytest.raises(DataError, match="there is a quote of this name already; give the transform another"):
        t.transformed(history, twice, YEARS)


def test_a_constant_that_is_no_number_is_refused():
    with pytest.raises(ValueError, match="JSON"):
        t.Fitted(t.ZScore("SPX"), {"mean": float("nan"), "scale": 1.0})


def test_a_price_below_zero_is_refused_with_its_day():
    days = np.array(["2020-04-17", "2020-04-20", "2020-04-21"], dtype="datetime64[D]")
    oil = data.History.of(days, {"CL1": [18.27, -37.63, 10.01]}, source="crude oil")
    for transform in (t.CloseVol("CL1"), t.Momentum("CL1"), t.Difference("CL1", log=True), t.PathSignature("CL1")):
        with pytest.raises(DataError, match="values above 0 are needed, were not on 2020-04-20"):
            t.Fitted(transform, {})(oil)


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        (lambda: t.CloseVol("SPX", 0), "window must be whole, from 1, was 0"),
        (lambda: t.YangZhang("SPX", 1), "window must be whole, from 2"),
        (lambda: t.Difference("SPX", lag=0), "lag must be whole"),
        (lambda: t.Momentum("SPX", lookbacks=(0,)), "lookbacks must be whole"),
        (lambda: t.Ewma("SPX", 1.0), "decay must lie between 0 and 1"),
        (lambda: t.EwmaVol("SPX", 0.0), "decay must lie between 0 and 1"),
        (lambda: t.HodrickPrescott("SPX", 0.0), "smoothing must be above 0"),
        (lambda: t.FractionalDifference("SPX", order=3.0), "order must be from 0 to 2"),
        (lambda: t.FractionalDifference("SPX", cut=0.0), "cut and level must lie between 0 and 1"),
        (lambda: t.HaarDenoise("SPX", levels=0), "levels must be whole"),
        (lambda: t.Components(("a", "a"), "x", count=1), "need as many quotes"),
        (lambda: t.Components(("a", "b"), "x", count=3), "3 components need as many quotes or more, had 2"),
        (lambda: t.SurfaceFactors(("a", "b"), (0.0, 0.1), (1.0,), "x"), "each quote needs a moneyness and a tenor"),
        (lambda: t.SurfaceFactors(("a", "b", "c"), (0.0,) * 3, (1.0, 2.0, 3.0), "x"), "need two moneynesses"),
        (lambda: t.SurfaceFactors(("a", "b", "c"), (0.0, 0.0, 0.1), (0.0, 2.0, 3.0), "x"), "must be years above 0"),
        (lambda: t.Carry("CL1", "CL2", years=0.0), "years must be above 0"),
        (lambda: t.GarchForecast("SPX", 0), "horizon must be whole"),
        (lambda: t.PathSignature("SPX", level=4), "level must be 2 or 3, was 4"),
        (lambda: t.Regime("SPX", chances=(0.6, 0.4)), "chances must increase between 0 and 1"),
        (lambda: t.DaysToEvent((), "x"), "needs at least one date"),
        (lambda: t.EventFlag(("2024-01-31",), "x", before=-1), "before must be whole, from 0, was -1"),
    ],
)
def test_a_wrong_setting_is_refused_when_it_is_made(wrong, message):
    with pytest.raises(DataError, match=message):
        wrong()
