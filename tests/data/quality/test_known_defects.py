"""The known defects of real files are found, by when and how many; what was not known before is told too.

Survivorship is not among them: nothing in a file of those that lived tells of those that did not.
"""

import numpy as np
import polars as pl
import pytest

from data.quality import clean
from deephedge.data import Records
from deephedge.data.layouts import Series
from deephedge.data.layouts.times import days
from deephedge.data.quality import (
    Arbitrage,
    Bars,
    Copies,
    Duplicates,
    Gaps,
    JunkVol,
    OptionUnits,
    Quotes,
    ReleaseLag,
    Rolls,
    Settlement,
    Simultaneity,
    Units,
    Untraded,
    checked,
    raw_times,
)


def told(records: Records, *checks) -> dict[str, tuple]:
    """check -> (severity, thing, rows, days) of each finding."""
    found: dict[str, list] = {}
    for one in checked(records, checks).findings:
        found.setdefault(one.check, []).append(
            (one.severity, one.about, one.rows, {f"{time:%m-%d}" for time in one.when})
        )
    return {check: tuple(each) for check, each in found.items()}


def test_spx_holiday_copy_missing_days_and_empty_quotes(spx):
    part = spx.between("2019-05-22", "2019-05-30").joined(spx.between("2019-06-12", "2019-06-22"))
    found = told(part, Copies(), Quotes(), JunkVol(), Settlement(), OptionUnits(), Duplicates())
    copy = part.frame.filter(pl.col("event_time").dt.date() == pl.date(2019, 5, 27)).height
    assert found["copies"] == (("error", "SPX", copy, {"05-27"}),)
    (ask, bid) = found["quotes"]  # none is crossed
    assert ask[0] == "warning" and ask[3] == {"06-21"} and ask[2] == (part.frame["ask"] == 0).sum()
    assert bid[0] == "note" and 0.05 < bid[2] / len(part) < 0.10
    assert found["junk volatility"][0][0] == "warning"
    assert [one[0] for one in found["settlement"]] == ["note"]  # an expiry with both, no contradiction
    assert "duplicates" not in found and "option units" not in found
    moments = spx.frame.unique("event_time", keep="first", maintain_order=True)
    missing = next(
        one for one in Gaps().findings(Records.of("options", moments, origin=spx.origin)) if not one.index.size
    )
    assert [f"{time:%m-%d}" for time in missing.when] == ["05-10", "05-17", "06-14", "06-17", "06-18"]


@pytest.mark.slow
def test_spx_as_a_whole(spx):
    report = checked(spx)
    assert len(report.refusals) == 1 and report.refusals[0].startswith("copies: 2.29 %")
    (junk,) = report.of("junk volatility")
    assert junk.rows == ((spx.frame["vol"] < 0.02) | (spx.frame["vol"] > 5.0)).sum() and "36.001" in junk.sentence
    assert not report.of("simultaneity")  # parity within 18 bp of spot on every date
    assert sum(one.rows for one in report.of("arbitrage")) < 1e-4 * len(spx)  # bid and ask admit next to none


def test_megacap_holiday_copy_crossed_rows_and_junk(megacap):
    found = told(megacap, Copies(), Quotes(), JunkVol(), Arbitrage())
    assert {one[1] for one in found["copies"]} == {"AAPL", "AMZN", "GOOG", "NVDA", "PLTR"}
    assert all(one[0] == "error" and one[3] == {"11-27"} for one in found["copies"])
    assert sum(rows for severity, _, rows, _ in found["quotes"] if severity == "error") == 55
    assert sum(one[2] for one in found["junk volatility"]) > 0.1 * len(megacap)
    # not on the list of known ones: strikes of before a split, quoted above today's share
    nvda = megacap.about(underlier="NVDA", right="call").frame
    wanted = (nvda["bid"] > 1.002 * nvda["underlier_price"]) & (nvda["bid"] <= nvda["ask"])
    assert [(one[1], one[2]) for one in found["arbitrage"] if one[0] == "error"] == [("NVDA", wanted.sum())]


def test_etf_quotes_of_another_moment_than_their_spot(etf, spx):
    found = told(etf, Simultaneity())["simultaneity"]
    assert {one[1] for one in found} == {"SPY", "QQQ", "IWM"} and {one[0] for one in found} == {"error"}
    assert "simultaneity" not in told(spx.between("2019-04-25", "2019-04-30"), Simultaneity())


def test_percent_against_fraction_and_coin_against_cash(deribit, okx):
    percent = told(deribit, OptionUnits())["option units"]
    assert [(one[0], one[1]) for one in percent] == [("error", "BTC"), ("error", "ETH")]
    assert sum(one[2] for one in percent) == len(deribit)
    assert told(okx, OptionUnits()) == {}
    cash = Records.of("options", okx.frame.with_columns(unit=pl.lit("USD")), origin=okx.origin)
    (btc, eth) = OptionUnits().findings(cash)
    assert "in coin, not in cash" in btc.sentence and "in coin, not in cash" in eth.sentence
    assert told(okx, Duplicates()) == {} and not [one for one in told(okx, Quotes())["quotes"] if one[0] == "error"]


def test_nse_last_prices_of_what_was_not_traded(nse):
    found = told(nse, Untraded())["untraded"]
    assert {one[1] for one in found} == {"NIFTY", "RELIANCE"}
    nifty = nse.about(underlier="NIFTY").frame
    assert 0.25 < next(one[2] for one in found if one[1] == "NIFTY") / nifty.height < 0.36
    # not on the list: on the day of expiry the settlement of an option is that of its underlier
    part = nse.between("2026-01-06", "2026-01-07")
    beyond = [one for one in Arbitrage().findings(part) if one.severity == "error"]
    rows = part.frame[beyond[0].index]
    assert (rows["expiry"] == rows["event_time"].dt.date()).all()


@pytest.mark.parametrize(
    ("name", "column", "said"),
    [
        ("C_fx/eurofxref-hist.csv", "Date", "newest first"),
        ("E_rates_credit/us_treasury_par_yields_1990_2023.csv", "Date", "newest first"),
        ("D_commodities/rtl_futures_curves_2007_2018.parquet", "date", "not in order"),
        ("A_equity/vix_ohlc_1990_2022.csv", "DATE", None),
    ],
)
def test_order_of_rows(market_file, name, column, said):
    found = raw_times(days(market_file(name)[column], name).to_numpy(), name)
    assert found == [] if said is None else (len(found) == 1 and said in found[0])


def test_opens_of_zero_until_1982(market_file):
    name = "A_equity/sp500_ohlcv_yahoo_1975_2022.csv"
    frame = market_file(name).with_columns(pl.all().exclude("date").cast(pl.Float64))
    at = clean.stamped(frame["date"].str.to_date().to_numpy())
    bars = frame.select(
        at.alias("event_time"), at.alias("known_time"), pl.lit("SPX").alias("name"), pl.col("Open").alias("open"),
        pl.col("High").alias("high"), pl.col("Low").alias("low"), pl.col("Price").alias("close"),
    )  # fmt: skip
    (found,) = Bars().findings(Records.of("bars", bars, origin=clean.of(clean.series(0)).origin))
    assert found.rows == 1842 and f"{found.when[-1]:%Y}" == "1982" and found.sentence.startswith("open is 0")


@pytest.mark.parametrize("name", ["CPIAUCSL", "GDPC1", "ICSA"])
def test_macro_figures_without_a_lag(market_file, name):
    file = f"F_macro/fred_{name}.csv"
    frame = market_file(file)
    origin = clean.of(clean.series(0)).origin
    (found,) = ReleaseLag().findings(
        Records.of("values", Series(called=name, lag_days=0).rows(frame, file), origin=origin)
    )
    assert found.severity == "error" and found.share == 1.0
    lagged = Series(called=name, lag_days=45).rows(frame, file)
    assert ReleaseLag().findings(Records.of("values", lagged, origin=origin)) == []


def test_treasury_yields_left_in_percent(market_file):
    name = "E_rates_credit/us_treasury_par_yields_1990_2023.csv"
    frame = market_file(name).select("Date", "2_YR", "5_YR", "10_YR").unpivot(index="Date", variable_name="tenor")
    level = frame["value"].cast(pl.Float64, strict=False)
    at = clean.stamped(days(frame["Date"], name).to_numpy())
    rows = {"event_time": at, "known_time": at, "name": "us.par." + frame["tenor"], "value": level, "unit": "fraction"}
    percent = pl.DataFrame(rows).drop_nulls("value")
    origin = clean.of(clean.series(0)).origin
    assert len(Units().findings(Records.of("values", percent, origin=origin))) == 3
    fraction = percent.with_columns(pl.col("value") / 100)
    assert Units().findings(Records.of("values", fraction, origin=origin)) == []
    one = pl.col("name") == "us.par.5_YR"
    mixed = fraction.with_columns(pl.when(one).then(pl.col("value") * 100).otherwise("value"))
    assert [found.about for found in Units().findings(Records.of("values", mixed, origin=origin))] == ["us.par.5_YR"]


def test_rolls_of_real_nearbys_are_noted(market_file):
    name = "D_commodities/schwartz97_ten_commodity_curves.parquet"
    frame = market_file(name).filter(pl.col("commodity") == "corn").drop_nulls(["price", "last_trade"])
    at = clean.stamped(frame["date"].str.to_date().to_numpy(), "14:30")
    rows = frame.select(
        at.alias("event_time"), at.alias("known_time"), pl.col("commodity").alias("name"),
        pl.col("ticker").alias("contract"), pl.col("last_trade").str.to_date().alias("expiry"), "price",
        pl.col("nearby").cast(pl.Float64),
    )  # fmt: skip
    found = Rolls().findings(Records.of("futures", rows, origin=clean.of(clean.series(0)).origin))
    ordered = rows.sort("nearby", "event_time")
    changes = (np.diff(ordered["nearby"]) == 0) & (np.diff(ordered["expiry"].to_physical()) != 0)
    assert [(one.severity, one.rows) for one in found] == [("note", changes.sum())]


def test_minute_bars_whose_closing_ask_is_below_the_bid(market_file):
    name = "C_fx/usdjpy_1min_bid_ask_2013-02.parquet"  # not on the list
    frame = market_file(name)
    at = frame["timestamp"].cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    rows = {"event_time": at, "known_time": at, "name": "USDJPY", "bid": frame["close_bid"], "ask": frame["close_ask"]}
    report = checked(Records.of("quotes", pl.DataFrame(rows), origin=clean.of(clean.series(0)).origin), (Quotes(),))
    assert not report.accepted
    assert report.findings[0].rows == (frame["close_ask"] < frame["close_bid"]).sum() == 683
