"""Frames that other backtesters leave: each layout says the same positions, in pandas and in polars."""

from datetime import datetime
from types import SimpleNamespace

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.evaluation.positions import read_positions_frame

pd = pytest.importorskip("pandas")
pl = pytest.importorskip("polars")
DAYS = ["2024-01-02", "2024-01-03", "2024-01-05"]
HELD = np.array([[5.0, 0.0], [5.0, -2.0], [1.0, -2.0]])
FILLS = {
    "date": [DAYS[0], DAYS[1], DAYS[2]],
    "amount": [5, -2, -4],
    "price": [10.0, 20.0, 11.0],
    "symbol": ["A", "B", "A"],
}
ORDERS = {"Order Id": [0, 1, 2], "Timestamp": DAYS, "Column": ["A", "B", "A"], "Size": [5.0, 2.0, 4.0]}
ORDERS |= {"Price": FILLS["price"], "Side": ["Buy", "Sell", "Sell"]}
WIDE = {"A": HELD[:, 0], "B": HELD[:, 1]}


def zipline():
    asset = {name: SimpleNamespace(symbol=name) for name in "AB"}
    days = [[{"sid": asset[n], "amount": HELD[d, k]} for k, n in enumerate("AB") if HELD[d, k]] for d in range(3)]
    return pd.DataFrame({"positions": days, "pnl": 0.0}, index=pd.DatetimeIndex(DAYS, tz="UTC"))


FRAMES = {
    "units": (lambda: pd.DataFrame(WIDE, index=pd.DatetimeIndex(DAYS)), "units"),
    "units, polars": (lambda: pl.DataFrame({"date": DAYS} | WIDE).with_columns(pl.col("date").str.to_date()), "units"),
    "zipline": (zipline, "zipline"),
    "zipline, polars": (
        lambda: pl.DataFrame(
            {"date": DAYS, "positions": [[{"sid": "A", "amount": 5}], [{"sid": "A", "amount": 5},
             {"sid": "B", "amount": -2}], [{"sid": "A", "amount": 1}, {"sid": "B", "amount": -2}]]}
        ),
        "zipline",
    ),
    "transactions": (lambda: pd.DataFrame(FILLS), "transactions"),
    "transactions, polars": (lambda: pl.DataFrame(FILLS), "transactions"),
    "orders": (lambda: pd.DataFrame(ORDERS), "orders"),
    "orders, polars": (lambda: pl.DataFrame(ORDERS), "orders"),
    "backtrader transactions": (
        lambda: {
            datetime.fromisoformat(day): [[amount, price, 0, name, -amount * price]]
            for day, amount, price, name in zip(DAYS, FILLS["amount"], FILLS["price"], FILLS["symbol"], strict=True)
        },
        "transactions",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", FRAMES)
def test_every_layout_says_the_same(name):
    make, layout = FRAMES[name]
    found = read_positions_frame(make())
    assert found.layout == layout and found.names == ("A", "B") and not found.cash
    np.testing.assert_array_equal(found.units(), HELD)
    assert (found.dates == np.array(DAYS, "datetime64[ns]")).all()


def test_values_need_prices_and_leave_cash_out():
    prices = np.array([[10.0, np.nan], [10.0, 20.0], [11.0, 21.0]])
    cash = np.nan_to_num(HELD * prices)
    pyfolio = pd.DataFrame({"A": cash[:, 0], "B": cash[:, 1], "cash": 100.0}, index=pd.DatetimeIndex(DAYS))
    backtrader = {"Datetime": ["A", "B", "cash"]} | {
        datetime.fromisoformat(day): [*cash[n], 100.0] for n, day in enumerate(DAYS)
    }
    for frame in (pyfolio, backtrader):
        found = read_positions_frame(frame)
        assert found.cash and found.layout == "values" and found.names == ("A", "B")
        np.testing.assert_allclose(found.units(prices), HELD)
        with pytest.raises(DataError, match="their prices are needed"):
            found.units()
    assert read_positions_frame(pyfolio.drop(columns="cash"), "values").cash


def test_several_fills_of_a_moment_add_up_and_zones_become_instants():
    frame = pd.DataFrame({"amount": [1, 2, -3], "price": 1.0, "symbol": "A"})
    frame.index = pd.DatetimeIndex(["2024-07-01 09:30", "2024-07-01 09:30", "2024-07-01 16:00"], tz="America/New_York")
    found = read_positions_frame(frame)
    assert found.held[:, 0].tolist() == [3.0, 0.0]
    assert found.dates[0] == np.datetime64("2024-07-01T13:30")


def test_a_position_is_known_from_its_date_on():
    found = read_positions_frame(pl.DataFrame({"date": DAYS} | WIDE))
    asked = np.array(["2024-01-01", "2024-01-02", "2024-01-04", "2024-02-01"], "datetime64[D]")
    np.testing.assert_array_equal(found.at(asked), np.vstack([np.zeros(2), HELD[0], HELD[1], HELD[2]]))
    later = read_positions_frame(pl.DataFrame({"date": DAYS, "A": [5.0, 5.0, 99.0], "B": [0.0, -2.0, 99.0]}))
    np.testing.assert_array_equal(found.at(asked)[:3], later.at(asked)[:3])


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (lambda: pl.DataFrame({"A": [1.0]}), "no dates"),
        (lambda: pl.DataFrame({"date": DAYS[::-1]} | WIDE), "dates must increase"),
        (lambda: pl.DataFrame({"date": [DAYS[0]] * 3} | WIDE), "dates must increase"),
        (lambda: pl.DataFrame({"date": DAYS, "A": [1.0, None, 2.0]}), "1 numbers of 'A' are missing"),
        (lambda: pl.DataFrame({"date": DAYS, "A": ["x", "y", "z"]}), "'A' does not hold numbers"),
        (lambda: pl.DataFrame({"date": ["soon"] * 3} | WIDE), "the dates cannot be read"),
        (lambda: pl.DataFrame({"date": DAYS}), "no column of positions"),
        (lambda: pl.DataFrame(ORDERS | {"Side": ["Buy", "Hold", "Sell"]}), r"Buy or Sell, found \['hold'\]"),
        (lambda: pl.DataFrame({"date": DAYS, "amount": [1, 2, 3], "price": [1.0] * 3}), "needs rows with amount"),
        (lambda: {}, "dict is empty"),
        (lambda: {"Datetime": ["A"]}, "no days"),
        (lambda: [1, 2], "a pandas or polars frame"),
        (lambda: pl.DataFrame({"date": []}), "no rows"),
        (lambda: pl.DataFrame({"date": DAYS, "positions": [[], [], []]}), "empty on all days"),
    ],
)
def test_misuse_is_refused_in_one_sentence(frame, message):
    with pytest.raises(DataError, match=message):
        read_positions_frame(frame())
    with pytest.raises(DataError, match="did you mean 'orders'"):
        read_positions_frame(pl.DataFrame(ORDERS), "order")
