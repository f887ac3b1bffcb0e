"""Marks through time: quoted, modelled, settled, unknown, and blind to what came later."""

from datetime import date, timedelta

import numpy as np
import polars as pl
import pytest

from deephedge.core.errors import DataError
from deephedge.data.surfaces import Listed, chains, marks, surfaces
from oracles.chains import NOW, records, rows

DAY = timedelta(days=1)
EXPIRY = (NOW + 28 * DAY).date()


@pytest.fixture(scope="module")
def days():
    """Records of three snapshots, the second known four hours late, and their surfaces."""
    late = NOW + DAY
    frames = [rows(), rows(late, known_time=late + timedelta(hours=4), spot=101.0), rows(NOW + 6 * DAY, spot=99.0)]
    made = records(*frames)
    return made, surfaces(made)


def test_the_source_of_every_mark(days):
    made, found = days
    listed = chains(made)[0]
    row = np.flatnonzero((listed.tau > 0.07) & (listed.tau < 0.08))[20]
    right = "call" if listed.call[row] else "put"
    contracts = (Listed("X", EXPIRY, float(listed.strike[row]), right), Listed("X", EXPIRY, 100.03, "put"))
    times = [NOW - DAY, NOW, NOW + 2 * DAY, NOW + 6 * DAY, NOW + 27 * DAY, NOW + 28 * DAY]
    frame = marks(found, contracts, times, made)
    assert frame.height == 12 and frame["time"].is_sorted()
    sources = [frame.filter(contract=i)["source"].to_list() for i in (0, 1)]
    assert sources[0] == ["unknown", "quoted", "model", "model", "model", "settled"]
    assert sources[1] == ["unknown", "model", "model", "model", "model", "settled"]
    quoted = frame.row(2, named=True)
    assert (quoted["bid"], quoted["ask"]) == (listed.bid[row], listed.ask[row])
    assert quoted["mark"] == listed.mid[row] == pytest.approx(quoted["model"], abs=2e-3)
    gone = frame.filter(pl.col("source").is_in(["settled", "unknown"]))
    assert (
        gone.select("mark", "bid", "ask", "model", "vol", "delta").null_count().sum_horizontal()[0] == 6 * gone.height
    )
    for held in frame.filter(pl.col("source") == "model").iter_rows(named=True):
        contract = contracts[held["contract"]]
        surface = next(s for s in found if s.event_time == held["as_of"])
        at = np.array("2024-03-29T20:00", "datetime64[us]")
        assert held["mark"] == held["model"] and held["bid"] is held["ask"] is None
        assert held["mark"] == float(surface.price(at, contract.strike, contract.right == "call"))
        k = np.log(contract.strike / surface.forward_at(at))
        assert held["vol"] == float(surface.vol(at, k))


def test_deltas_are_slopes_of_the_price_in_the_spot(days):
    from dataclasses import replace

    surface = days[1][0]
    contracts = [Listed("X", date(2024, 5, 3), strike, right) for strike in (90.0, 104.0) for right in ("call", "put")]
    found = marks([surface], contracts, [NOW])
    h = 1e-4
    for contract, delta, vol in zip(contracts, found["delta"], found["vol"], strict=True):
        at = np.array("2024-05-03T20:00", "datetime64[us]")
        tau = float(surface.years(at))

        def value(bump, strike=contract.strike, call=contract.right == "call", at=at, tau=tau, vol=vol):
            moved = {"spot": surface.spot * (1 + bump), "forward": surface.forward * (1 + bump)}
            flat = replace(surface, psi=0 * surface.psi + 1e-9, theta=vol**2 * surface.tau, **moved)
            return float(flat.price(at, strike, call))

        assert delta == pytest.approx((value(h) - value(-h)) / (2 * h * surface.spot), abs=1e-6) and tau > 0


def test_a_mark_knows_nothing_of_what_was_known_later(days):
    made, found = days
    times = [NOW, NOW + DAY, NOW + DAY + timedelta(hours=3), NOW + 5 * DAY]
    contracts = [Listed("X", EXPIRY, strike, "call") for strike in (95.0, 100.0)]
    whole = marks(found, contracts, times, made)
    assert whole.filter(contract=0)["as_of"].to_list() == [NOW, NOW, NOW, NOW + DAY]
    for i, time in ((1, times[1]), (3, times[3])):
        known = made.known_by(time)
        assert marks(surfaces(known), contracts, [time], known).equals(whole[2 * i : 2 * i + 2])
    later = records(rows(), rows(NOW + DAY, known_time=NOW + DAY + timedelta(hours=4), scale=9.0))
    assert marks(surfaces(later), contracts, times[:3], later).equals(whole[:6])


def test_edges(days):
    made, found = days
    assert marks(found, [], [NOW]).height == 0 and marks(found, [Listed("X", EXPIRY, 1.0)], []).height == 0
    assert marks(found, [Listed("X", EXPIRY, 100.0, unit="coin")], [NOW + 28 * DAY])["source"].to_list() == ["settled"]
    morning = marks(found, [Listed("X", EXPIRY, 100.0, settlement="am")], [NOW])["model"][0]
    assert morning < marks(found, [Listed("X", EXPIRY, 100.0)], [NOW])["model"][0]
    with pytest.raises(DataError, match="of one underlier, were X, Y"):
        marks(found, [Listed("Y", EXPIRY, 1.0)], [NOW])
    with pytest.raises(DataError, match="at least one surface"):
        marks([], [], [NOW])
    with pytest.raises(DataError, match="call or put, was 'C'"):
        Listed("X", EXPIRY, 1.0, "C")
    with pytest.raises(DataError, match="above 0"):
        Listed("X", EXPIRY, -1.0)
    assert len(made) == 3 * 410
