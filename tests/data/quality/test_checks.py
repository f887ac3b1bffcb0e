"""Each check on rows made by hand, where what it must say is plain."""

import numpy as np
import polars as pl
import pytest

from data.quality import clean
from deephedge.core.errors import DataError
from deephedge.data import KINDS, Origin, Records
from deephedge.data.quality import (
    ALL,
    Adjusted,
    Arbitrage,
    Bars,
    Clock,
    Duplicates,
    Gaps,
    OtherVol,
    Outliers,
    Quotes,
    Rolls,
    Settlement,
    Signs,
    Stale,
    Tolerance,
    Units,
    Untraded,
    checked,
    raw_times,
    require_accepted,
    text,
)
from deephedge.reports import quality_page

BY_HAND = Origin("by hand")


def values(level, unit: str | None = "USD", name: str = "A", days: np.ndarray | None = None) -> Records:
    days = np.busday_offset("2024-01-02", np.arange(len(level))) if days is None else days
    at = clean.stamped(days)
    frame = {"event_time": at, "known_time": at, "name": name, "value": level, "unit": unit}
    return Records.of("values", pl.DataFrame(frame), origin=BY_HAND)


@pytest.mark.parametrize("kind", KINDS)
def test_no_rows_and_one_row_are_judged(kind):
    empty = Records.of(kind, [], origin=BY_HAND)
    times = {"event_time": "2024-01-02", "known_time": "2024-01-03"}
    keys = {key: {"expiry": "2024-03-15", "strike": 100.0}.get(key, "x") for key in KINDS[kind].keys}
    for records in (empty, Records.of(kind, [times | keys], origin=BY_HAND)):
        report = checked(records, [check for check in ALL if not isinstance(check, OtherVol)])
        assert report.accepted or kind == "options", text(report)


def test_a_constant_series_and_one_of_nothing_but_nulls():
    for level in (np.full(50, 3.0), [None] * 50, np.zeros(50)):
        report = checked(values(level, unit=None))
        assert report.accepted, text(report)


def test_a_spike_in_a_series_that_stands_still_is_seen():
    level = np.full(60, 1.95583)
    level[30] = 3.0
    assert Outliers().findings(values(level))[0].index.tolist() == [30]


def test_a_crash_is_no_spike():
    level = 100.0 + np.cumsum(np.random.default_rng(1).standard_normal(100)) * 0.3
    level[50:] -= 22.0
    (found,) = Outliers().findings(values(level))
    assert found.severity == "warning" and found.index.tolist() == [50]


def test_gaps_are_the_exchanges():
    days = np.array(
        ["2024-07-01", "2024-07-02", "2024-07-03", "2024-07-05", "2024-07-08", "2024-07-10"], "datetime64[D]"
    )
    (found,) = Gaps("XNYS").findings(values(np.arange(6.0), days=days))
    assert found.rows == 1 and f"{found.when[0]:%Y-%m-%d}" == "2024-07-09" and found.index.size == 0
    extra = np.append(days, np.datetime64("2024-07-13"))
    seen = {one.severity: one for one in Gaps("XNYS").findings(values(np.arange(7.0), days=extra))}
    assert seen["note"].index.tolist() == [6]
    with pytest.raises(ValueError, match="exchange 'XNYZ' is unknown"):
        Gaps("XNYZ").findings(values(np.arange(6.0), days=days))


@pytest.mark.parametrize("year", ["0001", "2300"])
def test_years_without_a_calendar_are_judged_by_their_rhythm(year):
    days = np.datetime64(f"{year}-03-01") + np.arange(30)
    days = np.delete(days, np.arange(10, 20))
    (found,) = Gaps("XNYS").findings(values(np.arange(20.0), days=days))
    assert found.rows == 1 and "rhythm" in found.sentence


def test_holes_within_a_day_are_noted():
    minutes = np.datetime64("2024-03-04T10:00") + np.delete(np.arange(300), np.arange(100, 150)) * np.timedelta64(
        1, "m"
    )
    frame = {"event_time": pl.Series(minutes.astype("datetime64[us]")), "name": "A", "value": np.arange(250.0)}
    frame = pl.DataFrame(frame).with_columns(known_time="event_time")
    found = Gaps().findings(Records.of("values", frame, origin=BY_HAND))
    assert [one.index.tolist() for one in found if "hole" in one.sentence] == [[100]]


def test_runs_as_long_as_chance_makes_them_are_no_stale_ones():
    rng = np.random.default_rng(0)
    level = np.cumsum(rng.integers(-1, 2, 400)).astype(float)  # stands still a third of the time
    assert Stale().findings(values(level)) == []
    level[200:230] = level[200]
    assert set(range(201, 230)) <= set(Stale().findings(values(level))[0].index.tolist())


def test_policy_rates_are_not_stale():
    assert Stale().findings(values(np.repeat([0.01, 0.0125, 0.015], 40), unit="fraction")) == []


def test_ticks_of_one_moment_are_a_note():
    days = np.repeat(np.busday_offset("2024-01-02", np.arange(10)), 3)
    (found,) = Duplicates().findings(values(np.arange(30.0), days=days))
    assert found.severity == "note" and found.rows == 30


def test_what_only_quotes_can_have_wrong():
    rows = [
        {"event_time": f"2024-01-0{n}", "known_time": f"2024-01-0{n}", "name": "A", "bid": bid, "ask": ask}
        for n, (bid, ask) in enumerate([(9, 8), (-1, 2), (9, -1), (9, 0), (9, 9), (0, 1), (9, None), (9, 10)], 1)
    ]
    found = Quotes().findings(Records.of("quotes", rows, origin=BY_HAND))
    seen = {one.sentence.split(" ", 1)[1].split(":")[0]: (one.severity, one.index.tolist()) for one in found}
    assert seen == {
        "quote with an ask below the bid": ("error", [0]), "quote with a negative bid": ("error", [1]),
        "quote with a negative ask": ("error", [2]), "quote with an ask of 0": ("warning", [3]),
        "quote with an ask equal to the bid": ("warning", [4]), "quote without a bid": ("note", [5]),
        "quote without an ask": ("note", [6]),
    }  # fmt: skip


def test_bars_that_contradict_themselves():
    prices = ("open", "high", "low", "close")
    rows = [
        {"event_time": f"2024-01-0{n}", "known_time": "2024-02-01", "name": "A", **dict(zip(prices, bar, strict=True))}
        for n, bar in enumerate([(1, 2, 1, 2), (0, 2, 1, 2), (1, 1, 2, 1), (1, 2, 1, 3)], 1)
    ]  # fmt: skip
    found = Bars().findings(Records.of("bars", rows, origin=BY_HAND))
    assert [(one.severity, one.index.tolist()) for one in found] == [("error", [2, 3]), ("warning", [1])]


def test_oil_may_be_negative_in_april_2020_and_rates_always():
    rows = [
        {"event_time": day, "known_time": day, "name": name, "contract": "K20", "expiry": "2020-04-21", "price": -37.63}
        for day, name in (("2020-04-20", "CL"), ("2020-04-17", "CL"), ("2020-04-20", "BRN"))
    ]
    found = Signs().findings(Records.of("futures", rows, origin=BY_HAND))
    assert {one.about: one.rows for one in found} == {"CL": 1, "BRN": 1}
    assert next(one for one in found if one.about == "CL").repair is None
    assert Signs(allowed=()).findings(values([-0.005, 0.0], unit="fraction")) == []
    assert Signs().findings(values([1.0, -1.0], unit="USD/bbl"))[0].index.tolist() == [1]


def test_percent_among_fractions_and_siblings():
    rates = [
        values(np.full(20, level), unit="fraction", name=f"us.par.{n}y")
        for n, level in ((1, 0.02), (2, 0.03), (5, 0.04))
    ]
    assert Units().findings(rates[0].joined(*rates[1:])) == []
    wrong = values(np.full(20, 3.5), unit="fraction", name="us.par.10y")
    (found,) = Units().findings(rates[0].joined(*rates[1:], wrong))
    assert found.about == "us.par.10y" and found.repair is not None and found.repair.factor == 0.01
    low = values(np.full(20, 0.0003), unit="fraction", name="us.par.10y")
    assert Units().findings(rates[0].joined(*rates[1:], low))[0].about == "us.par.10y"


def test_expired_contracts_orders_and_rolls():
    def row(day, contract, expiry, nearby, price):
        own = {"name": "CL", "contract": contract, "expiry": expiry, "nearby": nearby, "price": price}
        return {"event_time": day, "known_time": day, **own}

    good = [
        row("2024-01-18", "G", "2024-01-22", 1.0, 70.0), row("2024-01-18", "H", "2024-02-20", 2.0, 71.0),
        row("2024-01-23", "H", "2024-02-20", 1.0, 72.0), row("2024-01-23", "J", "2024-03-20", 2.0, 73.0),
    ]  # fmt: skip
    (note,) = Rolls().findings(Records.of("futures", good, origin=BY_HAND))
    assert note.severity == "note" and note.rows == 2
    dead = [*good, row("2024-01-24", "G", "2024-01-22", 1.0, 70.0)]
    wrong = {
        one.sentence for one in Rolls().findings(Records.of("futures", dead, origin=BY_HAND)) if one.severity == "error"
    }
    assert any("later than the expiry" in one for one in wrong) and any("earlier expiry" in one for one in wrong)
    swapped = [good[0] | {"nearby": 2.0}, good[1] | {"nearby": 1.0}]
    assert "not in the order" in Rolls().findings(Records.of("futures", swapped, origin=BY_HAND))[0].sentence


def test_mornings_are_third_fridays():
    def option(root, settlement, expiry):
        own = {"underlier": "SPX", "root": root, "settlement": settlement, "expiry": expiry, "strike": 100.0}
        return {"event_time": "2024-01-02", "known_time": "2024-01-02", "right": "call", **own}

    good = [option("SPX", "am", "2024-01-19"), option("SPX", "am", "2014-04-17"), option("SPXW", "pm", "2024-01-19")]
    found = Settlement().findings(Records.of("options", good, origin=BY_HAND))
    assert [(one.severity, one.rows) for one in found] == [("note", 2)]  # both kinds on 2024-01-19
    wrong = [option("SPX", "pm", "2024-01-19"), option("SPXW", "am", "2024-02-16"), option("SPX", None, "2024-03-15"),
             option("SPX", "am", "2024-03-22")]  # fmt: skip
    found = Settlement().findings(Records.of("options", wrong, origin=BY_HAND))
    assert [(one.severity, one.rows) for one in found] == [("error", 1), ("error", 2), ("warning", 1)]


def test_clocks_that_forgot_daylight_saving():
    days = np.busday_offset("2024-01-02", np.arange(120))
    right = values(np.arange(120.0), days=days)
    assert Clock().findings(right) == [] and Clock("America/New_York").findings(right) == []
    fixed = pl.Series((days + np.timedelta64(21, "h")).astype("datetime64[us]"))
    wrong = Records.of("values", right.frame.with_columns(event_time=fixed, known_time=fixed), origin=BY_HAND)
    (found,) = Clock("America/New_York").findings(wrong)
    summer = int((days >= np.datetime64("2024-03-11")).sum())
    assert found.rows == min(summer, 120 - summer)
    assert Clock().findings(wrong) == []  # it may be UTC's: only who names the zone can tell


def test_times_that_no_clock_shows():
    local = np.array(["2024-03-10T01:30", "2024-03-10T02:30", "2024-03-10T03:30"], "datetime64[m]")
    (said,) = raw_times(local, "a.csv", "America/New_York")
    assert "1 times do not exist" in said and "2024-03-10T02:30" in said
    assert raw_times(local, "a.csv", "Europe/London") == []
    assert raw_times(np.array([], "datetime64[us]"), "a.csv") == []


def test_adjusted_prices_are_a_staircase():
    rng = np.random.default_rng(3)
    raw = np.round(100.0 * np.exp(np.cumsum(0.01 * rng.standard_normal(100))), 2)
    factor = np.where(np.arange(100) < 40, 0.49, np.where(np.arange(100) < 70, 0.5, 1.0))  # a dividend, then a split
    pair = values(raw).joined(values(np.round(raw * factor, 2), name="A.adjusted"))
    assert Adjusted().findings(pair) == []
    odd = np.where(np.arange(100) == 50, 0.55, factor)  # adjusted the wrong way on one day
    (found,) = Adjusted().findings(values(raw).joined(values(np.round(raw * odd, 2), name="A.adjusted")))
    assert found.about == "A.adjusted" and f"{found.when[-1]:%Y-%m-%d}" == str(np.busday_offset("2024-01-02", 51))


def test_one_wrong_quote_is_arbitrage_of_the_right_kind():
    frame = clean.chain(0, snapshots=1)
    at = (pl.col("strike") == 100.0) & (pl.col("right") == "call") & (pl.col("expiry") == frame["expiry"].max())
    dear = frame.with_columns(pl.when(at).then(pl.col(side) + 1.2).otherwise(pl.col(side)) for side in ("bid", "ask"))
    said = " ".join(one.sentence for one in Arbitrage().findings(clean.of(dear)))
    assert "butterfly" in said and "conversion" in said
    cheap = frame.with_columns(pl.when(at).then(pl.col(side) * 0.3).otherwise(pl.col(side)) for side in ("bid", "ask"))
    said = " ".join(one.sentence for one in Arbitrage().findings(clean.of(cheap)))
    assert "vertical" in said and "calendar" in said
    beyond = frame.with_columns(bid=pl.when(at).then(105.0 * pl.col("underlier_price") / 100), ask=pl.col("ask") + 200)
    assert "more than the underlier" in Arbitrage().findings(clean.of(beyond.drop_nulls("bid")))[0].sentence


def test_old_last_prices():
    own = {"event_time": "2024-01-02", "known_time": "2024-01-02", "underlier": "N", "expiry": "2024-01-19"}
    lasts = [(5.0, 9.0), (4.0, 0.0), (4.0, 9.0), (5.1, 0.0), (None, 0.0)]
    rows = [
        own | {"right": "put", "strike": 90.0 + n, "last": last, "settle": 5.0, "volume": volume}
        for n, (last, volume) in enumerate(lasts)
    ]
    assert Untraded().findings(Records.of("options", rows, origin=BY_HAND))[0].index.tolist() == [1]


@pytest.mark.slow
def test_published_volatility_beside_the_one_of_the_mid():
    frame = clean.chain(5)
    assert OtherVol().findings(clean.of(frame)) == []
    wrong = frame.with_columns(pl.col("vol") + 0.05)
    (found,) = OtherVol().findings(clean.of(wrong))
    assert found.severity == "warning" and found.share == 1.0


def test_the_tolerance_decides():
    level = 100.0 + np.cumsum(np.random.default_rng(2).standard_normal(300))
    level[[100, 200]] = 900.0
    records = values(level)
    strict, lax = (
        checked(records, tolerance=Tolerance(0.0)),
        checked(records, tolerance=Tolerance(0.0, {"outliers": 0.01})),
    )
    assert not strict.accepted and lax.accepted
    with pytest.raises(DataError, match=r"by hand is refused: outliers: 0.667 % of rows have errors, 0 % are allowed"):
        require_accepted(strict)
    require_accepted(lax)
    with pytest.raises(DataError, match="did you mean 'outliers'"):
        checked(records, tolerance=Tolerance(0.0, {"outlier": 1.0}))
    with pytest.raises(DataError, match="did you mean 'outliers'"):
        strict.of("outlier")


def test_screen_and_page_say_the_same():
    level = 100.0 + np.cumsum(np.random.default_rng(2).standard_normal(300))
    level[100] = 900.0
    records = values(level, name="<b>A</b>").told("rows came newest first")
    report = checked(records)
    screen, page = text(report), quality_page(report)
    assert "error   outliers" in screen and "repair: winsorise value where name == <b>A</b>" in screen
    assert "done already: rows came newest first" in screen
    assert "&lt;b&gt;A&lt;/b&gt;" in page and "<b>A</b>" not in page
    for said in ("<h2>Errors</h2>", "usual moves or more, and back", "rows came newest first", "winsorise value"):
        assert said in page
    assert quality_page(report) == page and "http://" not in page


def test_many_findings_of_one_check_are_cut_short():
    spiked = [values(np.where(np.arange(60) == 30, 9.0, np.linspace(1, 2, 60)), name=f"N{n}") for n in range(8)]
    report = checked(spiked[0].joined(*spiked[1:]), (Outliers(),))
    assert len(report.findings) == 8 and "and 3 more like these" in text(report)
