"""Corrupted files: each is refused in one sentence, or gives records whose numbers and times are what the file says."""

import csv
import gzip
import io
import math
import tempfile
from datetime import date, timedelta
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from deephedge.core.errors import DataError
from deephedge.data.kinds import NUMBER
from deephedge.data.sources import File

pl = pytest.importorskip("polars")
START = date(2024, 1, 2)
CHAIN = (
    "underlying,underlying_last,exchange,optionroot,type,expiration,quotedate,strike,last,bid,ask,volume,openinterest,"
    "impliedvol"
)
COINS = (
    "snapshot_utc,exchange,underlying,instrument,expiry,strike,type,mark_price,bid,ask,mark_iv,open_interest,"
    "volume_24h,underlying_price"
)
SIDES = (
    "[QUOTE_READTIME], [UNDERLYING_LAST], [EXPIRE_DATE], [C_IV], [C_VOLUME], [C_LAST], [C_BID], [C_ASK], [STRIKE], "
    "[P_BID], [P_ASK], [P_LAST], [P_IV], [P_VOLUME]"
)
SHOP = (
    "underlying_symbol,quote_date,root,expiration,strike,option_type,close,trade_volume,bid_1545,ask_1545,"
    "underlying_bid_1545,underlying_ask_1545,bid_eod,ask_eod,underlying_bid_eod,underlying_ask_eod,open_interest"
)
INDIA = (
    "TradDt,FinInstrmTp,TckrSymb,FininstrmActlXpryDt,StrkPric,OptnTp,FinInstrmNm,ClsPric,LastPric,UndrlygPric,SttlmPric,"
    "OpnIntrst,TtlTradgVol,NewBrdLotQty"
)
# header, a row by its day and number, the columns whose numbers are read (all but the first where it says "*")
LAYOUTS = {
    "series": ("date,DGS10", lambda d, n: f"{d},{4 + n / 100}", "*"),
    "wide": ("Date,AAPL,MSFT,IBM", lambda d, n: f"{d:%m/%d/%Y},{100 + n},{200 + n}.5,", "*"),
    "bars": (
        "symbol,date,open,high,low,close,volume",
        lambda d, n: f"A,{d},1.5,{2 + n},1,{1 + n / 2},{n}00", "open high low close volume",
    ),
    "minutes": (
        "timestamp_utc,open,high,low,close,volume",
        lambda d, n: f"{d} 10:{n:02d}:00,1,2,0.5,{1 + n / 50},3", "open high low close volume",
    ),
    "cboe": (
        CHAIN,
        lambda d, n: f"SPX,4700.5,CBOE,SPXW240119C{4600 + n}0000,call,2024-01-19,{d},{4600 + n},1,{n},{n + 1},5,6,0.2",
        "underlying_last strike last bid ask volume openinterest impliedvol",
    ),
    "deribit": (
        COINS,
        lambda d, n: f"{d} 00:15:0{n % 6},deribit,BTC,BTC-{n},2024-03-29,{40000 + n},put,0.01,,0.02,55.5,1,0,42000.1",
        "strike mark_price bid ask mark_iv open_interest volume_24h underlying_price",
    ),
    "optionsdx": (
        SIDES,
        lambda d, n: f"{d} 16:00, 470.4, 2024-02-16, 0.2, , 1.1, 1, 1.2, {460 + n}.00, 2.0, 2.2, 0.1, 0.3, 7", "",
    ),
    "datashop": (SHOP, lambda d, n: f"^SPX,{d},SPXW,2024-02-16,{4600 + n},P,1,2,3,4,0,0,5,6,4700,4701,8", ""),
    "nse": (
        INDIA,
        lambda d, n: f"{d},IDO,NIFTY,2024-02-29,{21000 + n},CE,NIFTY{n},10,11,21500,12,100,200,75",
        "StrkPric ClsPric LastPric UndrlygPric SttlmPric OpnIntrst TtlTradgVol NewBrdLotQty",
    ),
    "ecb": ("Date,USD,JPY,GBP,CHF,SEK,NOK,", lambda d, n: f"{d},1.1,15{n},0.86,0.93,N/A,11.{n},", "*"),
    "treasury": ("Date,1_MO,10_YR,30_YR", lambda d, n: f"{d:%m/%d/%Y},5.5,4.{n:02d},", "*"),
    "fixings": ("Reference,Date,Value", lambda d, n: f"USD-LIBOR-3M,{d},0.0{n + 1}", "Value"),
    "headlines": ("date,headline,source", lambda d, n: f"{d},Oil falls {n} per cent,reuters", ""),
}  # fmt: skip
BLANK = {"", ".", "nan", "na", "n/a", "#n/a", "null", "none", "-"}
TEXTS = st.sampled_from(
    ["about 5", "1,5", "12abc", "0x1F", "1_000", "five", "--", "1 000", "$5", "5%", "inf", "-Infinity", "1e999"]
)
ODD_DATES = st.sampled_from(
    ["0001-01-01", "9999-12-31", "2024-02-30", "yesterday", "", "13/13/2024", "1700-01-01", "24-01-05"]
)


def content(name: str) -> list[list[str]]:
    header, row, _ = LAYOUTS[name]
    lines = [header, *(row(START + timedelta(days=n), n) for n in range(12))]
    return [line.split(",") for line in lines]


def written(cells: list[list[str]], separator: str = ",") -> bytes:
    return "\n".join(separator.join(row) for row in cells).encode() + b"\n"


@st.composite
def corrupted(draw) -> tuple[str, str, bytes, bool]:
    """A layout's name, the ending of a file, its bytes, and whether they must be refused."""
    name = draw(st.sampled_from(sorted(LAYOUTS)))
    cells, how = content(name), draw(st.sampled_from(["cells", "bytes", "packed", "table"]))
    refused = False
    if how == "cells":
        cells, refused = _spoilt(draw, name, cells)
        return name, ".csv", written(cells), refused
    plain = written(cells)
    if how == "bytes":
        return name, ".csv", _bytes(draw, plain), False
    if how == "packed":
        return name, ".csv.gz", _damaged(draw, gzip.compress(plain, mtime=0)), False
    table = io.BytesIO()
    pl.read_csv(io.BytesIO(plain)).write_parquet(table)
    return name, ".parquet", _damaged(draw, table.getvalue()), False


def _spoilt(draw, name: str, cells: list[list[str]]) -> tuple[list[list[str]], bool]:
    row, column = draw(st.integers(1, len(cells) - 1)), draw(st.integers(0, len(cells[0]) - 1))
    how = draw(
        st.sampled_from(["text", "date", "huge", "shuffle", "twice", "case", "long", "short", "blank", "none", "rows"])
    )
    if how == "text":
        wanted = LAYOUTS[name][2]
        read = range(1, len(cells[0])) if wanted == "*" else [cells[0].index(one) for one in wanted.split()]
        if not read:
            return cells, False
        column = draw(st.sampled_from([one for one in read if cells[0][one]]))
        cells[row][column] = draw(TEXTS)
        return cells, True
    if how == "date":
        cells[row][_day(cells[0])] = draw(ODD_DATES)
        return cells, True
    if how == "huge":
        cells[row][column] = draw(
            st.sampled_from(["1e308", "-1e308", "9" * 400, "1e-400", "0" * 300, "99999999999999999999"])
        )
    elif how == "shuffle":
        order = draw(st.permutations(range(len(cells[0]))))
        cells = [[line[one] for one in order] for line in cells]
    elif how == "twice":
        column = draw(st.sampled_from([one for one, title in enumerate(cells[0]) if title]))
        return [[*line, line[column]] for line in cells], True
    elif how == "case":
        cells[0] = [f" {title.upper()} " for title in cells[0]]
    elif how == "long":
        cells[row].append("1")
    elif how == "short":
        cells[row] = cells[row][:column]
    elif how == "blank":
        cells[row][column] = draw(st.sampled_from(["", " ", "N/A", "\x00", '"', "é", "\u0661"]))
    elif how == "none":
        return cells[:1], True
    else:
        cells = [cells[0], *draw(st.permutations(cells[1:]))]
    return cells, False


def _day(header: list[str]) -> int:
    plain = [title.strip(" []").lower() for title in header]
    known = ("date", "timestamp_utc", "quotedate", "snapshot_utc", "quote_readtime", "quote_date", "traddt")
    return next(plain.index(one) for one in known if one in plain)


def _bytes(draw, plain: bytes) -> bytes:
    how = draw(
        st.sampled_from(["cut", "flip", "utf-16", "latin-1", "cp500", "bom", "crlf", "semicolon", "empty", "zeros"])
    )
    if how in ("cut", "flip"):
        return _damaged(draw, plain)
    return {
        "utf-16": plain.decode().encode("utf-16"), "latin-1": plain.decode().replace("a", "ä", 3).encode("latin-1"),
        "cp500": plain.decode().encode("cp500"), "bom": b"\xef\xbb\xbf" + plain, "crlf": plain.replace(b"\n", b"\r\n"),
        "semicolon": plain.replace(b",", b";"), "empty": b"", "zeros": b"\x00" * len(plain),
    }[how]  # fmt: skip


def _damaged(draw, whole: bytes) -> bytes:
    if draw(st.booleans()):
        return whole[: draw(st.integers(0, len(whole) - 1))]
    spoilt = bytearray(whole)
    for position, bits in draw(
        st.lists(st.tuples(st.integers(0, len(whole) - 1), st.integers(1, 255)), min_size=1, max_size=3)
    ):
        spoilt[position] ^= bits
    return bytes(spoilt)


def judged(name: str, ending: str, whole: bytes, refused: bool) -> None:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"spy{ending}"
        path.write_bytes(whole)
        try:
            pieces = File(path).read()
        except DataError as error:
            assert "\n" not in str(error) and path.name in str(error)
            return
    assert not refused, f"{name}: read as {pieces}"
    for records in pieces:
        for column, of in records.kind.columns.items():
            if of == NUMBER:
                assert all(math.isfinite(one) for one in records.frame[column].drop_nulls())
        years = [one.year for moment in ("event_time", "known_time") for one in records.frame[moment]]
        assert all(1799 <= year <= 2201 for year in years)
    if ending == ".csv":
        _every_number_is_there(name, whole, pieces)


def _every_number_is_there(name: str, whole: bytes, pieces: list) -> None:
    """As many numbers come out as cells that are not blank went in, by the reader of the standard library."""
    wanted = LAYOUTS[name][2]
    header, *rows = csv.reader(io.StringIO(whole.decode("utf-8-sig")))
    header = [title.strip() for title in header]
    lower = {title.lower(): place for place, title in enumerate(header)}
    if not wanted or any(one.lower() not in lower for one in wanted.split() if one != "*"):
        return  # a title was spoilt and the file was taken for another layout, or lost an optional column
    places = [place for place, title in enumerate(header) if title and title.lower() != "date"]
    places = places if wanted == "*" else [lower[one.lower()] for one in wanted.split()]
    cells = [row[place].strip().lower() if place < len(row) else "" for row in rows if any(row) for place in places]
    given = sum(cell not in BLANK for cell in cells)
    numbers = [column for column, of in pieces[0].kind.columns.items() if of == NUMBER and column != "multiplier"]
    numbers += ["multiplier"] if name == "nse" else []
    found = sum(records.frame[column].count() for records in pieces for column in numbers)
    assert found == given, f"{name}: {given} numbers in the file, {found} in the records"


@settings(max_examples=60, deadline=None, derandomize=True, suppress_health_check=list(HealthCheck))
@given(corrupted())
def test_some_corrupted_files_are_refused_or_read_honestly(file):
    judged(*file)


@pytest.mark.slow
@settings(max_examples=1_000, deadline=None, suppress_health_check=list(HealthCheck))
@given(corrupted())
def test_a_thousand_corrupted_files_are_refused_or_read_honestly(file):
    judged(*file)


@pytest.mark.parametrize("name", LAYOUTS)
def test_the_files_are_sound_before_they_are_corrupted(name, tmp_path):
    path = tmp_path / "spy.csv"
    path.write_bytes(written(content(name)))
    pieces = File(path).read()
    assert sum(map(len, pieces)) >= 12
    _every_number_is_there(name, path.read_bytes(), pieces)


def test_a_changed_digit_in_a_packed_file_is_refused(tmp_path):
    packed = gzip.compress(written(content("series")), compresslevel=0, mtime=0)  # stored: its digits stand there
    path = tmp_path / "spy.csv.gz"
    path.write_bytes(packed.replace(b"4.05", b"4.95"))
    with pytest.raises(DataError, match=r"spy\.csv\.gz"):
        File(path).read()
