"""Which quotes are used, when options settle, and what a coin is worth."""

from datetime import UTC, date, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from deephedge.core.errors import DataError
from deephedge.data import Origin, Records
from deephedge.data.surfaces import chains
from oracles.chains import DAYS, NOW, THETA, records, rows, years

ROW = {
    "event_time": NOW, "known_time": NOW, "underlier": "X", "expiry": date(2024, 3, 28), "strike": 100.0,
    "right": "call", "settlement": "pm", "bid": 1.0, "ask": 1.2, "underlier_price": 100.0, "unit": "USD",
    "style": "european",
}  # fmt: skip


def of(*changes: dict) -> Records:
    return Records.of("options", [ROW | change for change in changes], origin=Origin("by hand"))


def test_options_settle_by_the_clock_of_their_market():
    def at(expiry: date, **more) -> str:
        now = datetime(2019, 6, 1, tzinfo=UTC)
        (chain,) = chains(of({"expiry": expiry, "event_time": now, "known_time": now} | more))
        return str(chain.settles[0])[:16]

    june, november = date(2019, 6, 21), date(2019, 11, 15)
    assert at(june, settlement="am") == "2019-06-21T13:30"
    assert at(june, settlement="pm") == at(june, settlement=None) == "2019-06-21T20:00"
    assert (at(november, settlement="am"), at(november)) == ("2019-11-15T14:30", "2019-11-15T21:00")
    assert at(june, unit="coin", settlement=None) == "2019-06-21T08:00"
    assert at(june, unit="INR") == "2019-06-21T10:00"
    with pytest.raises(DataError, match="no clock says when options 'EUR' settle"):
        at(june, unit="EUR", settlement=None)
    (chain,) = chains(of({"unit": "EUR", "settlement": None}), clocks={"EUR": ("17:30", "Europe/Berlin")})
    assert str(chain.settles[0])[:16] == "2024-03-28T16:30"
    assert chain.tau[0] == pytest.approx((26 * 24 + 19.5) / 24 / 365, rel=1e-14)


def test_each_defect_is_counted_under_its_own_reason():
    (chain,) = chains(of(
        {}, {"strike": 90.0, "bid": 0.0}, {"strike": 91.0, "bid": None}, {"strike": 92.0, "ask": None},
        {"strike": 93.0, "ask": 0.9}, {"strike": 94.0, "bid": 1.2}, {"strike": 95.0, "expiry": date(2024, 3, 1)},
        {"root": "XW", "ask": 1.1}, {"root": "XV", "bid": 0.0}, {"root": "XU", "ask": 0.5},
    ))  # fmt: skip
    assert len(chain) == 1 and chain.ask[0] == 1.1 and chain.half[0] == pytest.approx(0.05)
    assert dict(chain.dropped) == {
        "no bid": 3, "no ask": 1, "crossed or locked": 3, "they had expired": 1,
        "a second contract of the same terms with a wider spread": 1,
    }  # fmt: skip
    assert not chain.strike.flags.writeable


def test_quotes_in_coin_become_cash_by_their_own_forward():
    coin = {"unit": "coin", "settlement": None, "bid": 0.02, "ask": 0.03, "underlier_price": 60_000.0}
    (chain,) = chains(of(coin, coin | {"strike": 90.0, "underlier_price": None}))
    assert (chain.bid[0], chain.ask[0], chain.coin) == (1200.0, 1800.0, True)
    assert dict(chain.dropped) == {"no underlier price turns coin into cash": 1}


def test_settlement_prices_of_what_was_traded_stand_in_where_nobody_quotes():
    bare = {"bid": None, "ask": None, "unit": "INR", "settlement": None, "settle": 50.0, "volume": 10.0}
    bare |= {"underlier_price": 20_000.0}
    (chain,) = chains(of(bare, bare | {"strike": 90.0, "volume": 0.0}, bare | {"strike": 91.0, "settle": 500.0}))
    assert chain.assumed and chain.bid.tolist() == [495.0, 49.0] and chain.ask.tolist() == [505.0, 51.0]
    assert dict(chain.dropped) == {"no bid": 1}


def test_a_snapshot_is_read_as_it_was_first_known():
    later = {"known_time": NOW + timedelta(days=3), "bid": 5.0, "ask": 6.0}
    (chain,) = chains(of({}, later))
    assert (chain.bid[0], chain.known_time) == (1.0, NOW)


def test_moments_and_order():
    later = NOW + timedelta(days=1)
    first, second = chains(records(rows(later), rows()))
    assert (first.event_time, second.event_time) == (NOW, later)
    assert len(first) == 2 * 41 * len(DAYS) and set(first.dropped) == set()
    assert (np.diff(first.tau) >= 0).all() and np.unique(first.tau).size == len(THETA)
    day = (NOW + timedelta(days=DAYS[0])).date()
    np.testing.assert_allclose(first.tau[0], years(day), rtol=1e-13)
    assert (first.strike[:-1:2] == first.strike[1::2]).all() and (first.call[1::2] & ~first.call[::2]).all()


def test_what_is_refused():
    values = Records.of("values", [{"event_time": NOW, "known_time": NOW, "name": "a"}], origin=Origin("by hand"))
    with pytest.raises(DataError, match="made of options, these are values"):
        chains(values)
    with pytest.raises(DataError, match="name one underlier of X, Y"):
        chains(of({}, {"underlier": "Y"}))
    with pytest.raises(DataError, match="no options on 'Z'; there are X"):
        chains(of({}), "Z")
    with pytest.raises(DataError, match="name one underlier of none"):
        chains(Records.of("options", pl.DataFrame(), origin=Origin("by hand")))
