from itertools import pairwise

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data import RELEASE_LAGS, Origin, Records, days_to_next, fomc_calendar, lagged, surprises, vintages

pl = pytest.importorskip("polars")
HAND = Origin("by hand")
MONTHS = np.arange("2010-01", "2015-01", dtype="datetime64[M]").astype("datetime64[D]")


def figures(*, count=60, revised=True, scale=1.0, seed=0, name="us.own"):
    """A growing figure: each month told some days after it, the two months before revised on the same day."""
    rng = np.random.default_rng(seed)
    growth = np.zeros(count)
    for k in range(1, count):
        growth[k] = 0.1 + 0.5 * growth[k - 1] + rng.normal()
    level = scale * 100 * np.exp(np.cumsum(growth) / 100)
    rows = []
    for k in range(count):
        known = MONTHS[k] + 45
        for back in range(min(3, k + 1) if revised else 1):
            rows.append((MONTHS[k - back] + 27, known, level[k - back] * (1 + 0.001 * rng.normal())))
    event, known, value = zip(*rows, strict=True)
    columns = {"event_time": pl.Series(np.array(event)), "known_time": pl.Series(np.array(known)), "value": value}
    return Records.of("values", {**columns, "name": [name] * len(rows)}, origin=HAND)


def naive(column):
    return column.dt.replace_time_zone(None).to_numpy()


def test_a_vintage_is_what_the_records_were_as_of_then():
    records = figures()
    held = vintages(records, "us.own")
    at = np.concatenate(
        [held.known[::7], held.known[::9] - np.timedelta64(1, "us"), held.known[-1:] + np.timedelta64(90, "D")]
    )
    for when, row in zip(at, held.at(at), strict=True):
        known = records.as_of(when).frame.sort("event_time")
        assert np.array_equal(held.periods[np.isfinite(row)], naive(known["event_time"]))
        assert np.array_equal(row[np.isfinite(row)], known["value"].to_numpy())
    assert not np.isfinite(held.at(held.known[:1] - np.timedelta64(1, "us"))).any()


def expected(records, order, least, window, change):
    """One release after the other: what was known before it, an autoregression by statsmodels, one step ahead."""
    from statsmodels.tsa.ar_model import AutoReg

    moved = {"growth": lambda x: np.diff(np.log(x)), "difference": np.diff, "level": lambda x: x}[change]
    past, result = [], []
    moments = np.unique(naive(records.frame["known_time"]))
    for before, now in pairwise(moments):
        old, new = (records.as_of(when).frame.sort("event_time") for when in (before, now))
        z, told = moved(old["value"].to_numpy())[-window - order :], moved(new["value"].to_numpy())
        if new["event_time"][-1] <= old["event_time"][-1] or len(z) - order < least:
            continue
        raw = told[-1] - AutoReg(z, order, trend="c").fit().forecast(1)[0]
        if len(past) >= least:
            result.append((now, naive(new["event_time"])[-1], raw / np.sqrt(np.mean(np.square(past)))))
        past.append(raw)
    return result


@pytest.mark.parametrize(("order", "window", "change"), [(1, 120, "growth"), (2, 20, "difference"), (1, 30, "level")])
def test_a_surprise_is_the_error_of_a_forecast_by_statsmodels(order, window, change):
    pytest.importorskip("statsmodels")
    records = figures()
    found = surprises(records, "us.own", order=order, window=window, least=12, change=change).frame
    wanted = expected(records, order, 12, window, change)
    assert found["name"].unique().to_list() == ["us.own.surprise"] and len(wanted) > 25
    for column, values in zip(("known_time", "event_time"), zip(*wanted, strict=True), strict=False):
        assert np.array_equal(naive(found[column]), values)
    np.testing.assert_allclose(found["value"].to_numpy(), [row[2] for row in wanted], rtol=1e-7, atol=1e-9)


def test_what_becomes_known_later_changes_no_surprise():
    records = figures()
    full = surprises(records, "us.own", least=10)
    for cut in ("2012-06-20", "2013-01-01", "2014-05-16"):
        assert surprises(records.known_by(cut), "us.own", least=10).frame.equals(full.known_by(cut).frame)
    at = pl.lit("2013-01-01").str.to_datetime(time_zone="UTC", time_unit="us")
    later = pl.when(pl.col("known_time") > at).then(pl.col("value") * 3 + 7).otherwise(pl.col("value")).alias("value")
    changed = Records.of("values", records.frame.with_columns(later), origin=HAND)
    assert surprises(changed, "us.own", least=10).known_by("2013-01-01").frame.equals(full.known_by("2013-01-01").frame)


def test_another_base_year_is_no_surprise():
    records = figures(revised=False)
    rebased = records.known_by(
        "2013-06-01"
    ).frame  # all that was told, told again at 7 times its size on the next release
    moment = naive(records.frame.filter(pl.col("known_time") > rebased["known_time"].max())["known_time"])[0]
    stamp = pl.lit(moment).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    again = rebased.with_columns(stamp.alias("known_time"), pl.col("value") * 7)
    scaled = pl.when(pl.col("known_time") >= stamp).then(pl.col("value") * 7).otherwise(pl.col("value")).alias("value")
    moved = Records.of("values", pl.concat([records.frame.with_columns(scaled), again]), origin=HAND)
    plain = surprises(records, "us.own", least=10).frame["value"].to_numpy()
    np.testing.assert_allclose(surprises(moved, "us.own", least=10).frame["value"].to_numpy(), plain, rtol=1e-6)


def test_edges():
    with pytest.raises(DataError, match=r"no value called 'us\.cpi'"):
        vintages(figures(), "us.cpi")
    with pytest.raises(DataError, match="growth needs positive"):
        surprises(figures(scale=-1.0), "us.own")
    with pytest.raises(DataError, match="change must be one of"):
        surprises(figures(), "us.own", change="log")
    with pytest.raises(DataError, match="at least 5 changes"):
        surprises(figures(), "us.own", least=2)
    assert len(surprises(figures(count=1), "us.own")) == 0
    assert len(surprises(figures(count=12), "us.own")) == 0
    still = lagged(MONTHS, np.full(60, 2.0), "UNRATE", origin=HAND)
    assert len(surprises(still, "us.unemployment", change="level")) == 0  # no spread to measure by


def test_a_figure_stamped_with_its_own_period_is_refused():
    stamps = pl.Series(MONTHS)
    first = {"event_time": stamps, "known_time": stamps, "name": ["us.cpi"] * 60, "value": np.arange(60.0)}
    with pytest.raises(DataError, match=r"60 of 60 values of us\.cpi .* read vintages"):
        vintages(Records.of("values", first, origin=HAND), "us.cpi")
    # within the month that it is about, known some days "later" than its first day
    within = first | {"known_time": pl.Series(MONTHS + 20)}
    with pytest.raises(DataError, match="before their period was over"):
        surprises(Records.of("values", within, origin=HAND), "us.cpi")
    with pytest.raises(DataError, match=r"us\.unknown are stamped"):
        vintages(Records.of("values", first | {"name": ["us.unknown"] * 60}, origin=HAND), "us.unknown")


@pytest.fixture
def macro(shared):
    return shared("F_macro")


def test_every_series_of_the_shared_data_has_a_lag_and_surprises(macro):
    files = sorted(macro.glob("fred_*.csv"))
    assert {file.stem.removeprefix("fred_") for file in files} | {"USEPU"} == set(RELEASE_LAGS)
    for file in files:
        days, values = pl.read_csv(file, try_parse_dates=True).drop_nulls().get_columns()
        release = RELEASE_LAGS[file.stem.removeprefix("fred_")]
        recent = slice(-400, None)
        records = lagged(
            days.to_numpy()[recent], values.cast(pl.Float64).to_numpy()[recent], release, origin=Origin(file.name)
        )
        found = surprises(records, release.name, change="difference").frame["value"].to_numpy()
        assert len(found) > 50 and np.isfinite(found).all()


def test_the_pandemic_was_the_surprise_of_its_decades(macro):
    days, values = pl.read_csv(macro / "fred_UNRATE.csv", try_parse_dates=True).drop_nulls().get_columns()
    records = lagged(days.to_numpy(), values.to_numpy(), "UNRATE", origin=Origin("FRED"))
    found = surprises(records, "us.unemployment", change="difference").frame
    worst = found.row(found["value"].arg_max(), named=True)
    assert str(worst["event_time"])[:7] == "2020-04" and str(worst["known_time"])[:10] == "2020-05-10"


def test_uncertainty_counted_in_newspapers_peaks_when_it_should(macro):
    frame = pl.read_csv(macro / "us_epu_monthly_1985_2018.csv", try_parse_dates=True)
    records = lagged(
        frame["date"].to_numpy(), frame["index"].to_numpy(), "USEPU", origin=Origin("us_epu", "Baker, Bloom, Davis")
    )
    held = vintages(records, "us.epu")
    row = held.at(
        np.array(["2011-09-05", "2011-09-11"], "datetime64[us]")
    )  # August 2011, the debt ceiling: known on the 10th
    assert np.isnan(row[0]).sum() == np.isnan(row[1]).sum() + 1
    assert str(held.periods[np.nanargmax(row[1])])[:7] in ("2001-09", "2011-08")


def test_days_to_the_committee_s_meetings(macro):
    frame = pl.read_csv(macro / "fomc_dates.csv").with_columns(pl.col("Date").str.to_date("%m/%d/%Y"))
    events = fomc_calendar(frame["Date"].to_numpy(), frame["Unscheduled"].to_numpy(), origin=Origin("fomc_dates.csv"))
    at = np.arange("1995-01-02", "2019-12-01", dtype="datetime64[D]").astype("datetime64[us]")
    found = days_to_next(events, at)
    assert np.nanmin(found) >= 0 and np.nanmax(found) < 60 and not np.isnan(found).any()
