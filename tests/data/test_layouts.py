"""Layouts on files written by hand: what becomes of each column, when it was known, and what is refused."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from deephedge.core.errors import DataError
from deephedge.data.layouts import (
    LAYOUTS,
    Bars,
    BidAskBars,
    FomcSurprises,
    HistoricalOptionData,
    Nearbys,
    Series,
    Trades,
    Wide,
    recognised,
)
from deephedge.data.layouts.cells import BLANK, RIGHTS, numbers, replaced
from deephedge.data.layouts.times import at, days, moments
from deephedge.data.records import moment
from deephedge.data.sources import File

pl = pytest.importorskip("polars")


@pytest.fixture
def put(tmp_path):
    """put("name.csv", "a,b", "1,2") -> path of a file of these lines."""

    def put_lines(name: str, *lines: str):
        (tmp_path / name).write_text("\n".join(lines) + "\n")
        return tmp_path / name

    return put_lines


def read(path, layout=None):
    (records,) = File(path, layout).read()
    return records


# times


def test_days_of_all_ways_of_writing_are_the_same():
    ways = [["2024-02-09", "2024-12-31"], ["02/09/2024", "12/31/2024"], ["20240209", "20241231"]]
    ways += [["09-Feb-2024", "31-Dec-2024"], ["2024-02-09 00:00:00", "2024-12-31 00:00:00"]]
    ways += [["2024-02-09T00:00:00-05:00", "2024-12-31T00:00:00-05:00"], [" 2024-02-09 ", "2024-12-31"]]
    assert {tuple(map(str, days(pl.Series("day", way), "x.csv"))) for way in ways} == {("2024-02-09", "2024-12-31")}


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["2024-01-02", "31/12/2024"], r"1 days of day not understood \('31/12/2024'\)"),  # month first or day first?
        (["2024-01-02", None], r"1 days of day not understood \(''\)"),
        (["0001-01-01"], "not understood"),
        (["2024-01-02 junk"], "not understood"),
        (["2024-01-02 10:00", "2024-01-02 10:01"], "has times of day, which days would lose"),
    ],
)
def test_days_that_are_not_clear_are_refused(cells, said):
    with pytest.raises(DataError, match=said):
        days(pl.Series("day", cells), "x.csv")


def test_clocks_of_a_zone_heed_daylight_saving():
    day = pl.Series(["2024-03-08", "2024-03-11", "2024-07-01", "2024-11-04"]).str.to_date()
    expected = [datetime(one.year, one.month, one.day, 16, tzinfo=ZoneInfo("America/New_York")) for one in day]
    assert at(day, "16:00", "America/New_York").to_list() == [one.astimezone(UTC) for one in expected]
    assert at(day, "16:00", "UTC", lag_days=3)[0] == datetime(2024, 3, 11, 16, tzinfo=UTC)
    with pytest.raises(DataError, match="unknown time zone 'Europe/Berlim'"):
        at(day, "16:00", "Europe/Berlim")


def test_moments_with_an_offset_need_no_zone_and_others_do():
    stamped = ["2024-07-01T16:00:00-04:00", "2024-07-01 20:00:00+00:00", "2024-07-01T20:00:00Z"]
    assert set(moments(pl.Series("t", stamped), "x.csv", None)) == {datetime(2024, 7, 1, 20, tzinfo=UTC)}
    naive = ["2024-07-01 16:00", "2024-07-01 16:00:00.000"]
    with pytest.raises(DataError, match="no stated time zone"):
        moments(pl.Series("t", naive[:1]), "x.csv", None)
    mixed = pl.Series("t", [stamped[0], naive[0]])
    assert set(moments(mixed, "x.csv", "America/New_York")) == {datetime(2024, 7, 1, 20, tzinfo=UTC)}


def test_an_hour_shown_twice_is_the_later_and_one_never_shown_is_refused():
    twice = moments(pl.Series("t", ["2024-11-03 01:30:00"]), "x.csv", "America/New_York")
    assert twice[0] == datetime(2024, 11, 3, 1, 30, fold=1, tzinfo=ZoneInfo("America/New_York")).astimezone(UTC)
    with pytest.raises(DataError, match=r"1 times of t not understood \('2024-03-10 02:30:00'\)"):
        moments(pl.Series("t", ["2024-03-10 02:30:00"]), "x.csv", "America/New_York")


# cells


def test_numbers_are_those_of_python_and_blanks_are_null():
    cells = ["1", "-2.5", "1e-3", " 7 ", "+4", ".5", *BLANK, "NaN", None]
    expected = [1.0, -2.5, 0.001, 7.0, 4.0, 0.5, *[None] * (len(BLANK) + 2)]
    assert numbers(pl.Series("x", cells), "x.csv").to_list() == expected
    assert numbers(pl.Series("x", [1.0, float("nan"), None]), "x.csv").to_list() == [1.0, None, None]


@pytest.mark.parametrize("cell", ["about 5", "1,000", "0x1F", "1_000", "inf", "1e999", "5%", "true"])
def test_text_among_numbers_is_refused(cell):
    with pytest.raises(DataError, match="x holds 1 values that are not numbers"):
        numbers(pl.Series("x", ["1", cell]), "x.csv")
    with pytest.raises(DataError, match="not numbers"):
        numbers(pl.Series("x", [True, False]), "x.csv")


def test_a_right_that_is_neither_call_nor_put_is_refused():
    with pytest.raises(DataError, match=r"type is 'straddle'; expected call"):
        replaced(pl.Series("type", ["C", "straddle"]), "x.csv", RIGHTS)


# option chains whose files are sold


def test_a_row_of_optionsdx_is_a_call_and_a_put(put):
    path = put(
        "spx_eod_202301.txt",
        "[QUOTE_UNIXTIME], [QUOTE_READTIME], [QUOTE_DATE], [QUOTE_TIME_HOURS], [UNDERLYING_LAST], [EXPIRE_DATE], "
        "[EXPIRE_UNIX], [DTE], [C_DELTA], [C_IV], [C_VOLUME], [C_LAST], [C_SIZE], [C_BID], [C_ASK], [STRIKE], [P_BID], "
        "[P_ASK], [P_SIZE], [P_LAST], [P_DELTA], [P_IV], [P_VOLUME], [STRIKE_DISTANCE]",
        "1672779600, 2023-01-03 16:00, 2023-01-03, 16.0, 3824.05, 2023-02-17, 1676667600, 45.0, 0.55, 0.21, , 101.5, "
        "10 x 12, 100.0, 102.0, 3850.0, 99.5, 101.0, 5 x 6, 98.0, -0.45, 0.22, 17.0, 25.95",
    )
    records = read(path)
    call, put_ = (records.about(right=right).frame.row(0, named=True) for right in ("call", "put"))
    # the file's own seconds since 1970 say the same moment
    assert call["event_time"] == call["known_time"] == datetime.fromtimestamp(1672779600, UTC)
    assert (call["bid"], call["ask"], call["last"], call["vol"], call["volume"]) == (100.0, 102.0, 101.5, 0.21, None)
    assert (put_["bid"], put_["ask"], put_["last"], put_["vol"], put_["volume"]) == (99.5, 101.0, 98.0, 0.22, 17.0)
    assert (call["underlier"], call["strike"], call["underlier_price"]) == ("SPX", 3850.0, 3824.05)
    assert (call["style"], call["settlement"], str(call["expiry"])) == ("european", None, "2023-02-17")


def test_historicaloptiondata_new_and_old(put):
    new = put(
        "L3_options_20210401.csv",
        "UnderlyingSymbol,UnderlyingPrice,Exchange,OptionSymbol,OptionExt,Type,Expiration,DataDate,Strike,Last,Bid,Ask,"
        "Volume,OpenInterest,IV,Delta,Gamma,Theta,Vega,AKA",
        "LUV,61.3,*,LUV210416C00030000,,call,04/16/2021,04/01/2021,30,0,30.6,32.2,0,3,0.3,1,0,0,0,LUV210416C00030000",
    )
    old = put(
        "L3_options_20190401.csv",
        "underlying,underlying_last,exchange,optionroot,optionext,type,expiration,quotedate,strike,last,bid,ask,volume,"
        "openinterest,impliedvol,delta,gamma,theta,vega,optionalias",
        "LUV,61.3,*,LUV210416C00030000,,call,04/16/2021,04/01/2021,30,0,30.6,32.2,0,3,0.3,1,0,0,0,LUV210416C00030000",
    )
    assert isinstance(recognised(new.read_text().splitlines()[0].split(","), new.name), HistoricalOptionData)
    row = read(new).frame.row(0, named=True)
    assert (row["event_time"], row["bid"], row["open_interest"]) == (moment("2021-04-01 20:15"), 30.6, 3.0)
    assert (row["root"], row["style"], row["settlement"], row["vol"]) == ("LUV", "american", "pm", 0.3)
    assert read(old).digest == read(new).digest


def test_a_row_of_datashop_is_two_snapshots(put):
    path = put(
        "UnderlyingOptionsEODCalcs_2023-01-03.csv",
        "underlying_symbol,quote_date,root,expiration,strike,option_type,open,high,low,close,trade_volume,bid_size_1545,"
        "bid_1545,ask_size_1545,ask_1545,underlying_bid_1545,underlying_ask_1545,implied_underlying_price_1545,"
        "active_underlying_price_1545,implied_volatility_1545,delta_1545,bid_size_eod,bid_eod,ask_size_eod,ask_eod,"
        "underlying_bid_eod,underlying_ask_eod,vwap,open_interest,delivery_code",
        "^SPX,2023-01-03,SPX,2023-01-20,3800.000,C,50,60,45,58.5,120,5,57.0,6,58.0,0,0,3825.1,3820.5,0.2105,0.51,7,59.0,"
        "8,60.0,3824,3825,55.5,900,",
    )
    early, late = read(path).frame.sort("event_time").rows(named=True)
    assert (early["event_time"], late["event_time"]) == (moment("2023-01-03 20:45"), moment("2023-01-03 21:15"))
    assert (early["bid"], early["ask"], early["vol"], early["underlier_price"]) == (57.0, 58.0, 0.2105, 3820.5)
    assert (late["bid"], late["ask"], late["underlier_price"]) == (59.0, 60.0, 3824.5)
    assert (early["last"], early["volume"], early["open_interest"]) == (
        None,
        None,
        None,
    )  # of the whole day: not known yet
    assert (late["last"], late["volume"], late["open_interest"], late["vol"]) == (58.5, 120.0, 900.0, None)
    assert (early["underlier"], early["root"], early["settlement"], early["right"]) == ("SPX", "SPX", "am", "call")


def test_quotes_of_another_exchange_are_refused(put):
    path = put(
        "coins.csv",
        "snapshot_utc,exchange,underlying,instrument,expiry,strike,type,mark_price,bid,ask,mark_iv,underlying_price",
        "2026-07-04 12:24:07,bybit,BTC,X,2026-08-28,105000,call,0.0003,0.0002,0.0005,49.63,62800.2",
    )
    with pytest.raises(DataError, match="quotes of deribit are expected, there are some of bybit; units differ"):
        read(path)


# bars and trades


def test_no_bar_is_known_before_it_ended(put):
    stamps = ["2024-07-01 09:30", "2024-07-01 09:35", "2024-07-01 09:40"]
    path = put("bars.csv", "datetime,open,high,low,close", *(f"{one},1,2,0.5,1.5" for one in stamps))
    begun = [moment(f"{one}-04:00") for one in stamps]
    known = read(path, Bars(zone="America/New_York")).frame["known_time"].to_list()
    assert known[:-1] == begun[1:]
    assert read(path, Bars(zone="America/New_York", ends_after=0)).frame["known_time"].to_list() == begun
    with pytest.raises(DataError, match="no stated time zone"):
        read(path)
    with pytest.raises(DataError, match="one time does not tell how long its bar is"):
        read(put("one.csv", "datetime,open,high,low,close", f"{stamps[0]},1,2,0.5,1.5"), Bars(zone="UTC"))


def test_adjusted_bars_keep_their_shape(put):
    path = put(
        "x.csv", "Date,Open,High,Low,Close,Adj Close,Volume", "1/2/2024,10,12,8,10,5,100", "1/3/2024,10,12,8,11,11,100"
    )
    plain, adjusted = read(path).frame, read(path, Bars(adjusted=True)).frame
    assert plain.row(0, named=True)["close"] == 10.0
    assert adjusted.select("open", "high", "low", "close").row(0) == (5.0, 6.0, 4.0, 5.0)
    assert adjusted.select("open", "high", "low", "close").row(1) == (10.0, 12.0, 8.0, 11.0)


def test_bid_and_ask_are_those_of_the_end_of_a_bar(put):
    lines = ("2024-01-02 10:00Z,1.1,1.2", "2024-01-02 10:01Z,1.3,1.4")
    path = put("eurusd_m1.csv", "timestamp,close_bid,close_ask", *lines)
    row = read(path).frame.row(0, named=True)
    assert (row["name"], row["unit"], row["ask"]) == ("EURUSD", "USD", 1.2)
    assert row["event_time"] == row["known_time"] == moment("2024-01-02 10:01")
    assert read(path, BidAskBars(ends_after=0)).frame["event_time"][0] == moment("2024-01-02 10:00")


def test_trades_of_one_moment_keep_their_order(put):
    lines = [f"2024-01-02 10:00:00.083,{price},{price}0" for price in (5, 3, 4)]
    records = read(put("es.csv", "DateTime,Price,Volume", *lines), Trades(called="ES", zone="America/Chicago"))
    assert records.about(name="ES").frame["value"].to_list() == [5.0, 3.0, 4.0]
    assert records.about(name="ES.size").frame["value"].to_list() == [50.0, 30.0, 40.0]
    assert records.frame["event_time"][0] == moment("2024-01-02 16:00:00.083")


# series


def test_a_monthly_figure_is_known_two_steps_later_and_a_daily_one_at_once(put):
    months = put("CPI.csv", "date,CPI", "2024-01-01,300", "2024-02-01,301", "2024-03-01,302", "2024-04-01,303")
    assert read(months).frame["known_time"][0] == moment("2024-03-03 21:00")  # 62 days
    assert read(months, Series(lag_days=45)).frame["known_time"][0] == moment("2024-02-15 21:00")
    daily = read(
        put("DGS10.csv", "date,DGS10", "2024-01-02,3.95", "2024-01-03,3.91", "2024-01-04,."), Series(unit="percent")
    )
    assert (daily.frame["known_time"] == daily.frame["event_time"]).all()
    assert daily.frame["value"].to_list() == pytest.approx([0.0395, 0.0391], rel=1e-15)
    assert daily.frame["unit"].unique().to_list() == ["fraction"]
    with pytest.raises(DataError, match="one date does not tell how often there is a figure; give lag_days"):
        read(put("one.csv", "date,CPI", "2024-01-01,300"))


def test_names_of_columns_by_a_template(put):
    path = put("vols.csv", "Date,AAPL,MSFT", "2024-01-02,0.2,0.3", "2024-01-03,0.21,")
    assert read(path, Wide("{}.vol")).frame["name"].to_list() == ["AAPL.vol", "MSFT.vol", "AAPL.vol"]


def test_a_table_of_something_else_is_not_taken_for_series(put):
    with pytest.raises(DataError, match="columns not recognised"):
        read(put("x.csv", "date,strike,bid,ask", "2024-01-02,1,2,3"))


def test_surprises_of_meetings_are_values_known_after_them_and_no_part_of_the_calendar(put):
    path = put("fomc.csv", "Date,MP1,Unscheduled", "9/18/2007,-0.2,0", "1/22/2008,0.1,1", "9/16/2020,1.00E+10,0")
    calendar, surprises = read(path), read(path, FomcSurprises())
    assert calendar.frame["value"].null_count() == 3
    assert len(calendar.known_by("2007-06-01")) == 1 and len(calendar.known_by("2008-01-22 12:00")) == 1
    assert surprises.frame["value"].to_list() == [-0.002, 0.001]
    assert surprises.frame["known_time"][0] == moment("2007-09-18 22:00")


def test_nearbys_by_hand(put):
    prices = put("curve.csv", "date,CL01,CL02", "2024-01-22,74,73", "2024-01-23,73.5,72.5")
    table = put(
        "last.csv", "tick.prefix,Last.Trade,Year,Month.Letter",
        "CL,2024-01-22,2024,G", "CL,2023-12-19,2024.0,F", "CL,2024-02-20,2024,H", "CL,2024-03-20,2024,J",
    )  # fmt: skip
    frame = read(prices, Nearbys(str(table))).frame.sort("event_time", "nearby")
    assert frame["contract"].to_list() == ["CLG24", "CLH24", "CLH24", "CLJ24"]
    assert frame["price"].to_list() == [74.0, 73.0, 73.5, 72.5]
    late = put("late.csv", "tick.prefix,Last.Trade,Year,Month.Letter", "CL,2024-02-20,2024,H", "CL,2024-03-20,2024,J")
    with pytest.raises(
        DataError, match="does not reach all days of CL01"
    ):  # is it the first? that of January is not there
        read(prices, Nearbys(str(late)))
    with pytest.raises(DataError, match="nearbys need expiries"):
        read(prices, Nearbys())


# which layout


TITLES = {
    "series": "date,x", "wide": "date,x,y", "bars": "date,open,high,low,close", "trades": "datetime,price,volume",
    "us-treasury": "Date,1 Mo,10 Yr", "us-treasury-real": "Date,5 YR,10 YR",
}  # fmt: skip


@pytest.mark.parametrize("name", [name for name, layout in LAYOUTS.items() if not layout.asked and name != "yahoo"])
def test_each_layout_is_recognised_by_what_it_needs(name):
    columns = TITLES[name].split(",") if name in TITLES else list(LAYOUTS[name].needs)
    for spelt in (columns, [column.upper() for column in columns], [f" {column} " for column in columns]):
        assert recognised(spelt, "x.csv").name == name


def test_what_fits_nothing_or_not_the_layout_asked_for_is_said():
    with pytest.raises(DataError, match=r"columns not recognised \(a, b\)"):
        recognised(["a", "b"], "x.csv")
    with pytest.raises(DataError, match="unknown layout 'cbeo': did you mean 'cboe'"):
        recognised(["a", "b"], "x.csv", "cbeo")
    with pytest.raises(DataError, match="not laid out as fixings: it lacks reference, value"):
        recognised(["date", "b"], "x.csv", "fixings")
    assert recognised(["Date", "MP1", "Unscheduled"], "x.csv").name == "fomc-dates"
    assert recognised(["Date", "MP1", "Unscheduled"], "x.csv", "fomc-surprises").name == "fomc-surprises"


def test_a_column_twice_is_refused(put):
    for header in ("date,DGS10,DGS10", "Date,Open,High,Low,Close,close"):
        with pytest.raises(DataError, match="more than one column"):
            read(put("x.csv", header, ",".join(["2024-01-02"] + ["1"] * header.count(","))))


def test_rows_swallowed_by_a_quotation_mark_are_refused(put):
    lines = ['A,2024-01-02,"x,1,1,1,1', 'B,2024-01-03,y",2,2,2,2', "C,2024-01-04,z,3,3,3,3"]
    path = put("x.csv", "symbol,date,note,open,high,low,close", *lines)  # a table of two rows, to a CSV reader
    with pytest.raises(DataError, match="1 cells of 'note' hold line breaks"):
        read(path)


# no layout looks ahead


@pytest.mark.parametrize(
    ("header", "row", "layout"),
    [
        ("date,DGS10", "{d},{n}", None),
        ("symbol,date,open,high,low,close", "A,{d},{n},{n},{n},{n}", None),
        ("Date,USD,JPY,GBP,CHF,SEK,NOK", "{d},{n},{n},1,1,1,1", None),
        ("reference,date,value", "L,{d},{n}", None),
        ("timestamp_utc,open,high,low,close", "{d} 10:00:01,{n},{n},{n},{n}", None),
        ("date,headline,source", "{d},h{n},s", None),
    ],
)
def test_what_is_known_by_a_day_does_not_change_with_the_days_after_it(put, header, row, layout):
    dates = [f"2024-01-{day:02d}" for day in range(2, 22)]
    lines = [row.format(d=date, n=n + 1) for n, date in enumerate(dates)]
    changed = [*lines[:12], *(row.format(d=date, n=900 + n) for n, date in enumerate(dates[12:]))]
    cutoff = "2024-01-14"  # the end of 2024-01-13, the twelfth row's day
    seen = [
        read(put(f"x_{n}.csv", header, *some), layout).known_by(cutoff)
        for n, some in enumerate((lines, changed, lines[:12]))
    ]
    renamed = [one.frame.with_columns(name=pl.col("name").str.replace(r"^x_\d$", "x")) for one in seen]
    assert len(seen[0]) > 0 and renamed[0].equals(renamed[1]) and renamed[0].equals(renamed[2])
