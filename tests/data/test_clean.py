import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deephedge.core.errors import DataError
from deephedge.data import clean
from deephedge.data.clean import Series

DAYS = np.busday_offset("2024-01-02", np.arange(20))
PRICES = 100.0 + np.arange(20.0)
VOLS = 0.2 + 0.001 * np.arange(20.0)


def spot(days=DAYS, values=PRICES):
    return Series("spot.csv", days, np.asarray(values, float))


def vol(days=DAYS, values=VOLS):
    return Series("vol.csv", days, np.asarray(values, float))


def changed(values, row, value):
    return np.where(np.arange(len(values)) == row, value, values)


@settings(deadline=None)
@given(st.data())
def test_any_order_and_any_equal_repeats_give_the_same_series(data):
    rows = np.array(data.draw(st.permutations(range(20))) + data.draw(st.lists(st.integers(0, 19), max_size=5)))
    result = clean.prices(spot(DAYS[rows], PRICES[rows]))
    np.testing.assert_array_equal(result.dates, DAYS)
    np.testing.assert_array_equal(result.values, PRICES)
    told = " ".join(result.repairs)
    assert ("repeated rows" in told) == (rows.size > 20)
    assert ("sorted" in told or "turned round" in told) == bool(np.any(np.diff(DAYS[rows]) < np.timedelta64(0)))


def test_clean_data_needs_no_word():
    assert clean.prices(spot()).repairs == ()


def test_newest_first_is_called_by_its_name():
    assert "newest first" in clean.prices(spot(DAYS[::-1], PRICES[::-1])).repairs[0]


@pytest.mark.parametrize("bad", [np.nan, 0.0, -1.0, np.inf, -np.inf])
@pytest.mark.parametrize("row", [0, 7, 19])
def test_a_bad_price_is_refused_with_its_day(bad, row):
    with pytest.raises(DataError, match=rf"spot\.csv: .* on {DAYS[row]};"):
        clean.prices(spot(values=changed(PRICES, row, bad)))


def test_many_bad_days_are_counted_not_listed():
    with pytest.raises(DataError, match=r"2024-01-02, .*2024-01-08 and 15 more"):
        clean.prices(spot(values=np.full(20, np.nan)))


def test_repeated_days_that_contradict_each_other_are_refused():
    with pytest.raises(DataError, match=r"two different values on 2024-01-03;"):
        clean.prices(spot(np.insert(DAYS, 1, DAYS[1]), np.insert(PRICES, 1, 50.0)))


@pytest.mark.parametrize("gap", range(1, 12))
def test_gaps_up_to_seven_calendar_days_pass(gap):
    days = np.array(["2001-09-10", np.datetime64("2001-09-10") + gap], dtype="datetime64[D]")
    if gap <= 7:
        assert clean.prices(spot(days, [1092.54, 1038.77])).dates.size == 2
    else:
        with pytest.raises(DataError, match=f"a gap from 2001-09-10 to {days[1]};"):
            clean.prices(spot(days, [1092.54, 1038.77]))


@settings(deadline=None)
@given(st.lists(st.floats(5.0, 90.0), min_size=20, max_size=20))
def test_points_become_fractions_and_fractions_stay(points):
    points = np.array(points)
    as_points, as_fractions = clean.vols(vol(values=points)), clean.vols(vol(values=points / 100))
    np.testing.assert_allclose(as_points.values, points / 100, rtol=1e-15)
    np.testing.assert_array_equal(as_fractions.values, points / 100)
    assert "divided by 100" in as_points.repairs[0] and as_fractions.repairs == ()


@pytest.mark.parametrize("bad", [17.0, 0.0, -0.2, np.inf, 0.0017])
def test_a_vol_in_another_unit_than_the_rest_is_refused_with_its_day(bad):
    with pytest.raises(DataError, match=rf"no volatility from .* on {DAYS[3]}; are points and fractions mixed"):
        clean.vols(vol(values=changed(VOLS, 3, bad)))
    with pytest.raises(DataError, match="mixed"):
        clean.vols(vol(values=changed(100 * VOLS, 3, 0.17)))


def test_traded_volume_is_no_volatility():
    with pytest.raises(DataError, match="another column"):
        clean.vols(vol(values=1e9 + PRICES))
    with pytest.raises(DataError, match="no volatility in the column"):
        clean.vols(vol(values=np.full(20, np.nan)))


def test_vol_that_begins_later_is_missing_before_and_recorded():
    result = clean.aligned(spot(), vol(DAYS[8:], VOLS[8:]))
    assert np.isnan(result.values[:8]).all()
    np.testing.assert_array_equal(result.values[8:], VOLS[8:])
    assert result.repairs == (f"vol.csv: no volatility before {DAYS[8]} (8 days)",)


def test_vol_that_ends_earlier_is_missing_after_and_recorded():
    result = clean.aligned(spot(), vol(DAYS[:8], VOLS[:8]))
    assert np.isnan(result.values[8:]).all() and not np.isnan(result.values[:8]).any()
    assert result.repairs == (f"vol.csv: no volatility after {DAYS[7]} (12 days)",)


def test_vol_on_days_without_a_price_is_left_out_but_counts_as_the_day_before():
    kept = np.delete(np.arange(20), [5])
    fridays = spot(DAYS[kept], PRICES[kept])  # the price has no row 5, the vol no row 6
    result = clean.aligned(fridays, vol(np.delete(DAYS, 6), np.delete(VOLS, 6)))
    assert result.values[5] == VOLS[5]
    assert any("stands in on" in told and str(DAYS[6]) in told for told in result.repairs)
    assert any("1 days without a price left out" in told and str(DAYS[5]) in told for told in result.repairs)


@settings(deadline=None)
@given(st.sets(st.integers(1, 18)))
def test_missing_rows_are_carried_forward_never_from_the_future(gone):
    rows = np.array([row for row in range(20) if row not in gone])
    runs = np.diff(rows).max() - 1
    if runs > clean.MAX_CARRIED:
        with pytest.raises(DataError, match="no volatility on"):
            clean.aligned(spot(), vol(DAYS[rows], VOLS[rows]))
        return
    result = clean.aligned(spot(), vol(DAYS[rows], VOLS[rows]))
    expected = [VOLS[rows[rows <= row].max()] for row in range(20)]
    np.testing.assert_array_equal(result.values, expected)
    assert bool(result.repairs) == bool(gone)


def test_a_blank_vol_on_a_traded_day_is_refused_and_on_a_holiday_dropped():
    blank = changed(VOLS, 9, np.nan)
    with pytest.raises(DataError, match=f"no volatility on {DAYS[9]}"):
        clean.aligned(spot(), clean.vols(vol(values=blank)))
    closed = spot(np.delete(DAYS, 9), np.delete(PRICES, 9))
    np.testing.assert_array_equal(clean.aligned(closed, clean.vols(vol(values=blank))).values, np.delete(VOLS, 9))


def test_no_day_in_common_is_refused_with_both_ranges():
    with pytest.raises(DataError, match=r"no day in common: 2024-01-02 to 2024-01-29 and 2025-"):
        clean.aligned(spot(), vol(DAYS + 366))
