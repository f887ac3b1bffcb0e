"""Law: folds never train on what overlaps a test, and test every window as often as they say."""

from dataclasses import fields, replace
from math import comb

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge.core.errors import DataError, ParameterError
from deephedge.evaluation.folds import CombinatorialPurged, PurgedKFold, WalkForward, backtest_paths

TIMES = st.lists(st.tuples(st.integers(0, 60), st.integers(0, 8)), min_size=25, max_size=50)
FAMILY = {
    "walk forward": WalkForward(first=15, test=4),
    "walk forward, rolling": WalkForward(first=15, test=4, train=6, gap=2),
    "k-fold": PurgedKFold(4),
    "k-fold, embargo": PurgedKFold(4, embargo=5),
    "combinatorial": CombinatorialPurged(5, 2, embargo=3),
}


def windows(times):
    starts, lengths = np.array(times).T
    return starts, starts + lengths


def in_days(how):
    lengths = {each.name: getattr(how, each.name) for each in fields(how) if each.name in ("gap", "embargo")}
    return replace(how, **{name: np.timedelta64(length, "D") for name, length in lengths.items()})


def split(how, starts, ends):
    """None where the windows drawn leave nothing to train on."""
    try:
        return how.split(starts, ends)
    except DataError as error:
        assert "nothing is left" in str(error) or "no outcome is known" in str(error)
        return None


@pytest.mark.parametrize("name", FAMILY)
@settings(max_examples=40, deadline=None)
@given(times=TIMES, days=st.booleans())
def test_no_training_window_overlaps_a_test_window(name, times, days):
    """Every pair is looked at in a plain loop, closed intervals, whatever the order of the windows."""
    how, (starts, ends) = FAMILY[name], windows(times)
    if days:
        how, day = in_days(how), np.datetime64("2024-01-01", "ns")
        starts, ends = day + starts.astype("timedelta64[D]"), day + ends.astype("timedelta64[D]")
    for fold in split(how, starts, ends) or []:
        assert not set(fold.train) & set(fold.test)
        assert len(set(fold.train)) == fold.train.size > 0 and len(set(fold.test)) == fold.test.size > 0
        for train in fold.train:
            for test in fold.test:
                assert ends[train] < starts[test] or ends[test] < starts[train]


@settings(max_examples=40, deadline=None)
@given(times=TIMES, embargo=st.integers(0, 10))
def test_the_embargo_is_kept_after_each_block_and_no_more_is_left_out(times, embargo):
    starts, ends = windows(times)
    for fold in split(PurgedKFold(4, embargo), starts, ends) or []:
        begins, last = starts[fold.test].min(), ends[fold.test].max()
        kept = set(fold.train)
        for n in set(range(starts.size)) - set(fold.test):
            assert (n in kept) == (ends[n] < begins or starts[n] > last + embargo)


@settings(max_examples=40, deadline=None)
@given(times=TIMES, gap=st.integers(0, 3), train=st.one_of(st.none(), st.integers(1, 10)))
def test_walk_forward_trains_on_known_outcomes_only_and_tests_each_later_window_once(times, gap, train):
    starts, ends = windows(times)
    folds = split(WalkForward(first=15, test=4, train=train, gap=gap), starts, ends) or []
    for fold in folds:
        assert (ends[fold.train] + gap < starts[fold.test].min()).all()
        assert train is None or fold.train.size <= train
        assert train is not None or fold.train.size == np.sum(ends + gap < starts[fold.test].min())
    if folds:
        tested = np.concatenate([fold.test for fold in folds])
        assert sorted(tested) == sorted(np.argsort(starts, kind="stable")[15:])
        assert (np.diff(starts[tested]) >= 0).all()


@settings(max_examples=30, deadline=None)
@given(times=TIMES, groups=st.integers(3, 7), data=st.data())
def test_combinations_test_each_window_as_often_as_theory_says_and_make_whole_histories(times, groups, data):
    starts, ends = windows(times)
    tested = data.draw(st.integers(1, groups - 1))
    folds = split(CombinatorialPurged(groups, tested), starts, ends)
    if folds is None:
        return
    assert len(folds) == comb(groups, tested)
    often = np.bincount(np.concatenate([fold.test for fold in folds]), minlength=starts.size)
    assert (often == comb(groups - 1, tested - 1)).all()
    paths = backtest_paths(folds, [starts[fold.test] for fold in folds])
    assert paths.shape == (comb(groups - 1, tested - 1), starts.size) and (paths == starts).all()


def test_a_later_outcome_changes_no_earlier_fold():
    starts = np.arange(40)
    ends = starts + 3
    late = np.where(starts > 29, ends + 50, ends)
    first, second = (WalkForward(first=10, test=5).split(starts, each) for each in (ends, late))
    for a, b in zip(first[:4], second[:4], strict=True):
        assert (a.train == b.train).all() and (a.test == b.test).all()


def test_misuse_is_refused_in_one_sentence():
    days = np.arange(10)
    with pytest.raises(DataError, match="2 windows end before they start"):
        PurgedKFold(2).split(days, np.where(days < 2, -1, days))
    with pytest.raises(DataError, match="lack a time"):
        PurgedKFold(2).split(np.array([np.nan, 1.0, 2.0]), np.array([1.0, 1.0, 2.0]))
    with pytest.raises(DataError, match="6 windows or more are needed, found 3"):
        CombinatorialPurged().split(days[:3], days[:3])
    with pytest.raises(DataError, match="raise first, or lower gap"):
        WalkForward(first=2, test=2).split(days, days + 5)
    with pytest.raises(DataError, match="nothing is left to train on"):
        PurgedKFold(2).split(days, days + 9)
    dates = np.datetime64("2024-01-01") + days
    for how, times in ((PurgedKFold(2, embargo=1), dates), (WalkForward(3, 2, gap=np.timedelta64(1, "D")), days)):
        with pytest.raises(DataError, match="does not fit the times: for dates give"):
            how.split(times, times)
    with pytest.raises(DataError, match="0 to 1 times"):
        backtest_paths(WalkForward(first=2, test=4).split(days, days), [days[:4], days[:4]])
    for bad in (lambda: PurgedKFold(1), lambda: CombinatorialPurged(3, 3), lambda: WalkForward(3, 1, gap=-1)):
        with pytest.raises(ParameterError):
            bad()
