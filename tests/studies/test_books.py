"""Books from files: what is read is what was written, errors name their row, thousands of positions are one program."""

import json
import time

import jax
import numpy as np
import polars as pl
import pytest

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import DataError, ProblemError
from deephedge.evaluation import valued
from deephedge.studies import read_book, read_positions

ROWS = [
    {"kind": "EuropeanCall", "units": -2, "underlier": "A", "strike": 1.0, "expiry": "2027-07-01", "id": "x"},
    {"kind": "EuropeanCall", "units": 1, "underlier": "A", "strike": 1.1, "expiry": 0.5},
    {"kind": "EuropeanPut", "units": 3, "underlier": "B", "strike": 0.9, "expiry": 0.75},
    {"kind": "Digital", "units": 5, "underlier": "A", "strike": 1.0, "expiry": 0.5, "call": False, "cash": 2.0},
    {"kind": "BestOf", "units": 1, "underliers": ["A", "B"], "strike": 1.0, "expiry": 1.0, "correlation": 0.4},
    {"kind": "EuropeanCall", "units": 4, "underlier": "B", "strike": 1.0, "expiry": 1.0, "start": 0.5},
    {"kind": "EuropeanCall", "units": 4, "underlier": "B", "strike": 1.2, "expiry": 1.0, "start": 0.25, "premium": 0.1},
    {"kind": "Forward", "units": -1, "underlier": "A", "strike": 1.0, "expiry": 1.0, "counterparty": "bank"},
    {"kind": "EuropeanPut", "units": 2, "underlier": "B", "strike": 1.0, "expiry": 0.5, "pays": "2027-07-09"},
    {"kind": "Spot", "units": 0.5, "underlier": "B"},
]
TODAY = "2026-12-31"


def by_hand():
    return i.Book(
        (
            i.EuropeanCall("A", 1.0, 182 / 365), i.EuropeanCall("A", 1.1, 0.5), i.EuropeanPut("B", 0.9, 0.75),
            i.Digital("A", 1.0, 0.5, call=False, cash=2.0), i.BestOf(("A", "B"), 1.0, 1.0, correlation=0.4),
            i.Starting(i.EuropeanCall("B", 1.0, 1.0), 0.5), i.Starting(i.EuropeanCall("B", 1.2, 1.0), 0.25, 0.1),
            i.Defaulting(i.Forward("A", 1.0, 1.0), "bank"), i.Settling(i.EuropeanPut("B", 1.0, 0.5), 190 / 365),
            i.Spot("B"),
        ),
        [row["units"] for row in ROWS],
    )  # fmt: skip


def market():
    return dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.3), rate=0.03)


@pytest.fixture(scope="module")
def paths():
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=12)
    paths = dh.sample(market(), grid, 64, key=jax.random.key(0), method="random")
    alive = (np.arange(13) < np.arange(64)[:, None]).astype(np.float32)
    return paths.with_quotes({"bank.alive": jax.numpy.asarray(alive)})


def written(folder, ending, rows=ROWS):
    file = folder / f"book.{ending}"
    if ending == "json":
        file.write_text(json.dumps(rows))
    else:
        flat = [{key: ";".join(v) if isinstance(v, list) else v for key, v in row.items()} for row in rows]
        columns = list(dict.fromkeys(key for row in flat for key in row))
        frame = pl.DataFrame({key: [None if key not in r else str(r[key]) for r in flat] for key in columns})
        frame.write_csv(file) if ending == "csv" else frame.write_parquet(file)
    return file


@pytest.mark.parametrize("ending", ["csv", "parquet", "json"])
def test_a_book_read_is_the_book_written(ending, tmp_path, paths):
    book = read_book(written(tmp_path, ending), today=TODAY)
    assert sum(units.size for units in book.units) == len(ROWS)
    assert len(book.kinds) == 9  # the calls on A are one kind, the two that start later are not: one has a premium
    if ending == "json":  # the other two are the same book, leaf by leaf
        for one, two in zip(valued(book, paths), valued(by_hand(), paths), strict=True):
            np.testing.assert_allclose(one, two, rtol=1e-5, atol=1e-5)
    again = read_book(written(tmp_path, "json"), today=TODAY)
    assert [type(k) for k in book.kinds] == [type(k) for k in again.kinds]
    for one, two in zip(jax.tree.leaves(book), jax.tree.leaves(again), strict=True):
        np.testing.assert_array_equal(one, two)


@pytest.mark.parametrize("row, message", [
    ({"kind": "EuropeanCal"}, r"row 3: no contract is called 'EuropeanCal', did you mean 'EuropeanCall'\?"),
    ({"expiry": "2027-13-01"}, r"row 3: expiry is no date: '2027-13-01'"),
    ({"strike": "high"}, r"row 3\.strike: expected a number"),
    ({"strike": -1.0}, r"row 3: strike must be"),
    ({"units": "many"}, r"row 3: units must be a number, was 'many'"),
    ({"strik": 1.0}, r"row 3: EuropeanCall has no 'strik', did you mean 'strike'\?"),
    ({"recovery": 0.4}, r"row 3: recovery goes with counterparty"),
    ({"expiry": ""}, r"row 3: .*expiry"),
])  # fmt: skip
def test_a_bad_row_is_named(row, message, tmp_path):
    rows = [ROWS[1], ROWS[1], ROWS[1] | row, ROWS[1]]
    with pytest.raises(DataError, match=message):
        read_book(written(tmp_path, "csv", rows), today=TODAY)


def test_bad_files_and_missing_days_are_refused(tmp_path):
    with pytest.raises(DataError, match="say since when years count"):
        read_book(written(tmp_path, "csv"))
    for name, text, message in (
        ("book.xls", "", "a book is a file ending in .csv"), ("none.csv", None, "there is no file"),
        ("book.json", "{", "is no json file"), ("two.json", '{"kind": 1}', "expected a list of objects"),
        ("empty.json", "[]", "holds no positions"), ("book.parquet", "abc", "is no parquet file"),
    ):  # fmt: skip
        if text is not None:
            (tmp_path / name).write_text(text)
        with pytest.raises(DataError, match=message):
            read_book(tmp_path / name)


def test_a_desk_starts_with_what_it_holds(tmp_path):
    file = tmp_path / "held.csv"
    file.write_text("id,units\nfuture,2\ncall,-1.5\nfuture,1\n")
    np.testing.assert_array_equal(read_positions(file, ("spot", "call", "future")), [0.0, -1.5, 3.0])
    with pytest.raises(DataError, match=r"row 2: 'call' is none of the hedging instruments"):
        read_positions(file, ("spot", "future"))


def test_netting_adds_what_is_alike_and_leaves_out_what_cancels(paths):
    call, put = i.EuropeanCall("A", 1.0, 0.5), i.EuropeanPut("A", 1.0, 0.5)
    book = i.Book((call, put, call, i.EuropeanCall("A", 1.1, 0.5), i.Spot("B"), put), (1.0, 2.0, -3.0, 1.0, 0.5, -2.0))
    net = book.netted()
    assert [units.tolist() for units in net.units] == [[-2.0, 1.0], [0.5]]
    for one, two in zip(valued(book, paths), valued(net, paths), strict=True):
        np.testing.assert_allclose(one, two, atol=2e-6)
    with pytest.raises(ProblemError, match="cancel each other"):
        i.Book((call, call), (1.0, -1.0)).netted()


def test_a_large_book_is_valued_by_the_block_as_by_the_piece(paths):
    """A hundred and one calls, more than a block, against Black's formula one by one; time and size in `make bench`."""
    rng = np.random.default_rng(0)
    strikes, units = rng.uniform(0.8, 1.2, 101), rng.normal(0, 1, 101)
    book = i.Book([i.EuropeanCall("A", k, 0.9) for k in strikes], units)
    some = jax.tree.map(lambda x: x[:4], paths)
    begin = time.perf_counter()
    price, cash = valued(book, some)
    assert time.perf_counter() - begin < 60
    left, spot = np.maximum(0.9 - np.asarray(some.times), 1e-12)[..., None], np.asarray(some.quotes["A"])[..., None]
    from scipy.stats import norm

    d1 = (np.log(spot / strikes) + (0.03 + 0.02) * left) / (0.2 * np.sqrt(left))
    value = spot * norm.cdf(d1) - strikes * np.exp(-0.03 * left) * norm.cdf(d1 - 0.2 * np.sqrt(left))
    alive = np.asarray(some.times) < 0.9 - 1e-6
    np.testing.assert_allclose(price, np.where(alive, value @ units, 0.0), atol=3e-5)
    end = int(np.argmax(~alive[0]))
    np.testing.assert_allclose(cash[:, end], np.maximum(spot[:, end] - strikes, 0) @ units, atol=3e-5)
