"""Rolled futures beside a trader's book of contracts, par bonds beside QuantLib."""

from datetime import timedelta

import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.data.layouts import LAYOUTS
from deephedge.data.transforms import FuturesLife, FuturesRoll, ParBond
from deephedge.data.transforms.base import Days

SESSIONS = np.busday_offset("2024-01-01", np.arange(140), roll="forward").astype("datetime64[D]")
LAST = (
    "2024-01-22", "2024-02-20", "2024-03-20", "2024-04-22", "2024-05-20", "2024-06-20", "2024-07-22", "2024-08-20",
    "2024-09-20",
)  # fmt: skip


def curve() -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Prices of nine contracts by last trading day, and the first three nearbys of each session."""
    rng = np.random.default_rng(4)
    shocks = rng.normal(size=(2, len(SESSIONS))) * [[0.02], [0.003]]
    level, slope = np.cumsum(shocks, axis=1)
    contracts = {day: 60 * np.exp(level + n * (0.01 + slope)) for n, day in enumerate(LAST)}
    table = np.array(list(contracts.values()))
    front = np.array([sum(day < str(session) for day in LAST) for session in SESSIONS])
    return contracts, np.stack([table[front + n, np.arange(len(SESSIONS))] for n in range(3)])


def traded(contracts: dict[str, np.ndarray], nearby: int, lag: int) -> tuple[np.ndarray, int]:
    """What one contract earned since the first day: a loop over days of a desk that looks at its calendar."""
    gains, rolls, held = [0.0], 0, None
    for n, session in enumerate(SESSIONS):
        if held is not None:
            gains.append(gains[-1] + contracts[held][n] - contracts[held][n - 1])
        ahead = [day for day in LAST if day >= str(session)]
        close = np.datetime64(ahead[0]) - session <= np.timedelta64(lag, "D")
        rolls += held is not None and ahead[nearby - 1 + close] != held
        held = ahead[nearby - 1 + close]
    return np.array(gains), rolls


@pytest.mark.parametrize("nearby", [1, 2])
@pytest.mark.parametrize("lag", [0, 5, 12])
def test_a_contract_gains_what_a_desk_would_have(nearby, lag):
    contracts, nearbys = curve()
    days = Days(("A", "B"), SESSIONS, nearbys[nearby - 1 : nearby + 1])
    found = FuturesRoll("A", "B", "R", expiries=LAST, lag_days=lag).apply(days, {})
    index, units = found["R"], found["R.units"]
    gains, rolls = traded(contracts, nearby, lag)
    np.testing.assert_allclose(np.cumsum(units[:-1] * np.diff(index)), gains[1:], rtol=1e-9, atol=1e-9)
    assert index[0] == 1 and found["R.rolls"].sum() == rolls >= 6
    np.testing.assert_array_equal(np.flatnonzero(np.abs(np.diff(units)) > 1e-9) + 1, np.flatnonzero(found["R.rolls"]))


@pytest.mark.parametrize("lag", [0, 5, 12])
def test_the_life_of_what_is_held_is_counted_in_quantlibs_sessions(lag):
    import QuantLib as ql

    calendar, life = ql.UnitedStates(ql.UnitedStates.NYSE), FuturesLife("A", LAST, lag_days=lag, contracts=2)
    some = SESSIONS[[0, 3, 40, 80, 100]]  # days of the history may be missing, sessions of the exchange are not
    found = life.apply(Days((), some, np.empty((0, 5))), {})
    for session, *lives in zip(some, found["A"], found["A.2"], strict=True):
        held = [day for day in LAST if np.datetime64(day) - session > np.timedelta64(lag, "D")]
        first, *last = (ql.DateParser.parseISO(str(day)) for day in (session, *held[:2]))
        assert lives == [calendar.businessDaysBetween(first, day, False, True) for day in last], session


def test_a_life_beyond_the_last_contract_given_is_refused():
    with pytest.raises(DataError, match="give the last trading day of one more"):
        FuturesLife("A", LAST[:7], lag_days=12).apply(Days((), SESSIONS, np.empty((0, len(SESSIONS)))), {})


def test_missing_days_are_spanned_and_an_unseen_expiry_is_refused():
    _, nearbys = curve()
    roll = FuturesRoll("A", "B", "R", expiries=LAST, lag_days=5)
    whole = roll.apply(Days(("A", "B"), SESSIONS, nearbys[:2]), {})["R"]
    some = np.ones(len(SESSIONS), bool)
    some[[30, 31, 60]] = False
    left = roll.apply(Days(("A", "B"), SESSIONS[some], nearbys[:2, some]), {})["R"]
    np.testing.assert_allclose(left, whole[some], rtol=1e-12)
    gone = (SESSIONS < np.datetime64("2024-02-10")) | (SESSIONS > np.datetime64("2024-02-21"))
    with pytest.raises(DataError, match=r"expired while days were missing.*lengthen lag_days"):
        roll.apply(Days(("A", "B"), SESSIONS[gone], nearbys[:2, gone]), {})


def test_mistakes_are_told(tmp_path):
    _, nearbys = curve()
    days = Days(("A", "B"), SESSIONS, nearbys[:2])
    with pytest.raises(DataError, match="do not reach"):
        FuturesRoll("A", "B", "R", expiries=LAST[:3]).apply(days, {})
    with pytest.raises(DataError, match="need the prefix"):
        FuturesRoll("A", "B", "R", expiries="table.csv")
    with pytest.raises(DataError, match="no such table of last trading days"):
        FuturesRoll("A", "B", "R", expiries=str(tmp_path / "none.csv"), prefix="CL").apply(days, {})
    with pytest.raises(DataError, match="lag_days must be 0 or more"):
        FuturesRoll("A", "B", "R", expiries=LAST, lag_days=-1)
    with pytest.raises(DataError, match="do not reach"):
        FuturesRoll("A", "B", "R", expiries=LAST).apply(Days(("A", "B"), SESSIONS - 400, nearbys[:2]), {})


def test_a_file_says_the_same_as_its_days(tmp_path):
    rows = [f"R,{day},{day[:4]},{'FGHJKMNQU'[n]}" for n, day in enumerate(LAST)]
    file = tmp_path / "expiries.csv"
    file.write_text("\n".join(["tick.prefix,Last.Trade,Year,Month.Letter", *rows, "S,2024-01-10,2024,F"]) + "\n")
    days = Days(("A", "B"), SESSIONS, curve()[1][:2])
    said = [FuturesRoll("A", "B", "R", expiries=x, prefix="R").apply(days, {}) for x in (str(file), LAST)]
    np.testing.assert_array_equal(said[0]["R"], said[1]["R"])


@pytest.mark.parametrize("name", ["CL", "NG"])
def test_real_contracts_earn_what_the_index_says(shared, name):
    """Settlements by contract, as the layout of nearbys names them, held and left as the calendar says."""
    import polars as pl

    folder = shared("D_commodities")
    expiries = str(folder / "rtl_expiry_table.csv")
    columns = ["date", *(f"{name}0{n}" for n in (1, 2, 3))]
    frame = pl.read_parquet(folder / "rtl_futures_curves_2007_2018.parquet", columns=columns).drop_nulls().sort("date")
    rows = LAYOUTS["nearbys"](expiries=expiries).rows(frame, "curves").with_columns(pl.col("event_time").dt.date())
    prices = {(day, expiry): price for day, expiry, price in rows.select("event_time", "expiry", "price").iter_rows()}
    dates = frame["date"].to_numpy().astype("datetime64[D]")
    days = Days((name, "next"), dates, frame.select(columns[1:3]).to_numpy().T)
    found = FuturesRoll(name, "next", "R", expiries=expiries, prefix=name).apply(days, {})
    ends, known = sorted({expiry for _, expiry in prices}), dates.tolist()
    for n in range(5, len(known) - 1, 7):
        today, tomorrow = known[n], known[n + 1]
        held = next(end for end in ends if end - timedelta(days=5) > today)
        gain = found["R.units"][n] * (found["R"][n + 1] - found["R"][n])
        assert gain == pytest.approx(prices[tomorrow, held] - prices[today, held], abs=1e-9), today


@pytest.mark.parametrize("maturity", [2.0, 5.0, 10.0])
@pytest.mark.parametrize(("coupon", "later"), [(0.04, 0.05), (0.09, 0.07), (0.02, 0.0), (0.01, -0.004)])
def test_a_day_of_a_par_bond_is_quantlibs(maturity, coupon, later):
    """Each cash flow discounted by QuantLib at the later yield, half-yearly, over its time less a day."""
    import QuantLib as ql

    yields = ql.InterestRate(later, ql.SimpleDayCounter(), ql.Compounded, ql.Semiannual)
    halves = np.arange(1, int(2 * maturity) + 1) / 2
    flows = np.full(halves.size, coupon / 2) + (halves == maturity)
    worth = sum(flow * yields.discountFactor(time - 1 / 252) for flow, time in zip(flows, halves, strict=True))
    days = Days(("y", "r"), SESSIONS[:2], np.array([[coupon, later], [0.03, 0.5]]))
    found = ParBond("y", maturity, "B", funding="r").apply(days, {})["B"]
    np.testing.assert_allclose(found, [1.0, worth - 0.03 / 252], rtol=1e-12)


def test_a_spread_is_part_of_the_yield_and_a_still_curve_earns_it():
    days = Days(("y", "s"), SESSIONS, np.array([np.full(140, 0.03), np.full(140, 0.05)]))
    found = ParBond("y", 5.0, "HY", spread="s").apply(days, {})["HY"]
    np.testing.assert_allclose(found, 1.04 ** (2 * np.arange(140) / 252), rtol=1e-12)


def test_percent_taken_for_fractions_is_told():
    with pytest.raises(DataError, match="fractions, not percent"):
        ParBond("y", 30.0, "B", funding="y").apply(Days(("y",), SESSIONS[:2], np.array([[500.0, 900.0]])), {})
    with pytest.raises(DataError, match="whole half years"):
        ParBond("y", 4.9, "B")


def test_a_roll_between_contracts_of_one_price_is_a_roll():
    days = Days(("A", "B"), SESSIONS, np.full((2, len(SESSIONS)), 60.0))
    found = FuturesRoll("A", "B", "R", expiries=LAST).apply(days, {})
    assert found["R.rolls"].sum() == 6 and np.ptp(found["R.units"]) == 0
