import gzip

import numpy as np
import pytest

from deephedge import data
from deephedge.core.errors import DataError

pl = pytest.importorskip("polars")
PRICES = 100.0 + np.arange(20.0)
VOLS = 15.0 + np.arange(20.0)


def american(days):
    return [f"{day.item().month}/{day.item().day}/{day.item().year}" for day in days]


@pytest.mark.parametrize("date", ["date", "Date", "DATE", " Date "])
@pytest.mark.parametrize("close", ["Close", "close", "CLOSE", "Adj Close", "SP500", "Price", "spot"])
def test_layouts_are_known_by_their_column_names(write, days, date, close):
    history = data.load(write("any.csv", [(date, days), ("Volume", PRICES), (close, PRICES), ("VIX", VOLS)]))
    np.testing.assert_array_equal(history.quote("SPX"), PRICES)
    np.testing.assert_allclose(history.quote("SPX.vol"), VOLS / 100)


def test_every_format_of_the_same_days_has_the_same_hash(write, days, tmp_path):
    iso = write("iso.csv", [("Date", days), ("Close", PRICES), ("VIX", VOLS)])
    us = write("us.csv", [("Date", american(days)), ("Close", PRICES), ("VIX", VOLS)])
    stamped = write("stamped.csv", [("Date", [f"{d} 00:00:00" for d in days]), ("Close", PRICES), ("VIX", VOLS)])
    packed = tmp_path / "packed.csv.gz"
    packed.write_bytes(gzip.compress(iso.read_bytes()))
    frame = pl.DataFrame({"Date": days, "Close": PRICES, "VIX": VOLS})
    frame.write_parquet(tmp_path / "dates.parquet")
    frame.with_columns(pl.col("Date").cast(pl.Datetime("us"))).write_parquet(tmp_path / "times.parquet")
    frame.with_columns(pl.col("Date").cast(pl.String)).write_parquet(tmp_path / "text.parquet")
    paths = [iso, us, stamped, packed, *sorted(tmp_path.glob("*.parquet"))]
    assert len(paths) == 7
    assert len({data.load(path).provenance.sha256 for path in paths}) == 1


def test_marks_and_line_ends_of_other_systems_do_not_matter(write, days):
    plain = write("plain.csv", [("Date", days), ("Close", PRICES)])
    other = plain.with_name("other.csv")
    other.write_bytes(b"\xef\xbb\xbf" + plain.read_bytes().replace(b"\n", b"\r\n"))
    assert data.load(other).provenance.sha256 == data.load(plain).provenance.sha256


def test_a_pair_of_files_is_the_same_as_one(write, days):
    both = write("both.csv", [("Date", days), ("Close", PRICES), ("VIX", VOLS)])
    spot = write("spot.csv", [("Date", days), ("Close", PRICES)])
    vol = write("vol.csv", [("DATE", american(days)), ("OPEN", PRICES), ("CLOSE", VOLS)])
    pair = data.load({"spot": spot, "vol": vol})
    assert pair.provenance.sha256 == data.load(both).provenance.sha256
    assert pair.provenance.source == "spot.csv with vol.csv"


def test_columns_say_which_is_which_where_names_are_not_known(write, days):
    path = write("foreign.csv", [("Tag", days), ("Schluss", PRICES), ("VDAX", VOLS)])
    history = data.load(path, columns={"date": "Tag", "spot": "Schluss", "vol": "VDAX"}, name="DAX")
    assert history.names == ("DAX", "DAX.vol")
    with pytest.raises(DataError, match=r"no column 'Schlus': did you mean 'Schluss'\?"):
        data.load(path, columns={"date": "Tag", "spot": "Schlus"})
    with pytest.raises(DataError, match=r"unknown role 'close'"):
        data.load(path, columns={"date": "Tag", "close": "Schluss"})


def test_unknown_columns_are_listed_with_what_was_expected(write, days):
    path = write("foreign.csv", [("Tag", days), ("Schluss", PRICES)])
    with pytest.raises(DataError, match=r"found the columns Tag, Schluss; expected .*date: date.*spot: .*close"):
        data.load(path)


def test_a_price_without_volatility_is_a_history_of_one_quote(write, days):
    assert data.load(write("spot.csv", [("Date", days), ("Close", PRICES)])).names == ("SPX",)


def test_a_volatility_alone_is_no_price(write, days):
    with pytest.raises(DataError, match=r"no price column"):
        data.load(write("one.csv", [("Date", days), ("vol", VOLS)]))
    with pytest.raises(DataError, match=r"looks like a volatility"):
        data.load(write("vix.csv", [("Date", days), ("Close", VOLS)]))


@pytest.mark.parametrize("word", ["", "NaN", ".", "N/A", "null"])
def test_blanks_of_all_kinds_are_missing_prices(write, days, word):
    prices = [word if row == 4 else price for row, price in enumerate(PRICES)]
    with pytest.raises(DataError, match=f"no price on {days[4]}"):
        data.load(write("spot.csv", [("Date", days), ("Close", prices)]))


def test_text_among_numbers_is_refused_with_the_day(write, days):
    prices = ["about 100" if row == 4 else price for row, price in enumerate(PRICES)]
    with pytest.raises(DataError, match=rf"Close holds 1 values that are not numbers \({days[4]} 'about 100'\)"):
        data.load(write("spot.csv", [("Date", days), ("Close", prices)]))


def test_dates_of_another_order_are_refused(write, days):
    european = [f"{day.item().day}/{day.item().month}/{day.item().year}" for day in days]
    with pytest.raises(DataError, match=r"days of Date not understood \('15/1/2024'"):
        data.load(write("spot.csv", [("Date", european), ("Close", PRICES)]))


@pytest.mark.parametrize("word", ["", "soon", "2024-02-30", "0024-01-09"])
def test_a_broken_date_is_refused_with_its_row(write, days, word):
    dates = [word if row == 4 else day for row, day in enumerate(days)]
    with pytest.raises(DataError, match=rf"1 days of Date not understood \('{word}'\)"):
        data.load(write("spot.csv", [("Date", dates), ("Close", PRICES)]))


@pytest.mark.parametrize("content", [b"", b"\n", b"Date,Close\n", b"\x00\xff\xfe\x80", b"Date,Close\n2024-01-02,1,2\n"])
@pytest.mark.parametrize("suffix", [".csv", ".csv.gz", ".parquet"])
def test_empty_and_broken_files_are_one_sentence(tmp_path, content, suffix):
    path = tmp_path / f"broken{suffix}"
    path.write_bytes(content)
    with pytest.raises(DataError, match=r"broken\.(csv|csv\.gz|parquet)") as caught:
        data.load(path)
    assert "\n" not in str(caught.value)
    if suffix == ".csv.gz":
        path.write_bytes(gzip.compress(content))
        with pytest.raises(DataError, match=r"broken\.csv\.gz"):
            data.load(path)


def test_truncated_files_are_refused_wherever_they_end(tmp_path, days):
    frame = pl.DataFrame({"Date": days, "Close": PRICES, "VIX": VOLS})
    frame.write_parquet(tmp_path / "whole.parquet")
    whole = {
        ".parquet": (tmp_path / "whole.parquet").read_bytes(),
        ".csv.gz": gzip.compress(frame.write_csv().encode()),
    }
    for suffix, content in whole.items():
        path = tmp_path / f"cut{suffix}"
        for length in range(0, len(content), max(1, len(content) // 40)):
            path.write_bytes(content[:length])
            with pytest.raises(DataError, match=r"cut\..*(truncated|no rows)"):
                data.load(path)


def test_damaged_parquet_never_escapes_as_another_error(tmp_path, days):
    pl.DataFrame({"Date": days, "Close": PRICES, "VIX": VOLS}).write_parquet(tmp_path / "whole.parquet")
    content = (tmp_path / "whole.parquet").read_bytes()
    path, rng = tmp_path / "damaged.parquet", np.random.default_rng(0)
    for position in rng.choice(len(content), size=60, replace=False):
        damaged = bytearray(content)
        damaged[position] ^= 0xFF
        path.write_bytes(damaged)
        try:
            data.load(path)
        except DataError:
            continue


def test_what_is_not_there_or_not_data_is_said(tmp_path, days):
    with pytest.raises(DataError, match="expected 'arch', a file or a folder"):
        data.load(tmp_path / "nowhere.csv")
    with pytest.raises(DataError, match="no such data file"):
        data.load({"spot": tmp_path / "nowhere.csv"})
    (tmp_path / "prices.xlsx").write_bytes(b"PK")
    with pytest.raises(DataError, match=r"expected a file ending in \.csv"):
        data.load(tmp_path / "prices.xlsx")
    with pytest.raises(DataError, match=r"a pair of files is"):
        data.load({"price": tmp_path / "a.csv"})
    with pytest.raises(DataError, match=r"at least \{'spot': file\}"):
        data.load({"vol": tmp_path / "a.csv"})
