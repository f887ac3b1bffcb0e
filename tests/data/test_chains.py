"""Chains made of a known law are found again to rounding; what is missing is marked by rule; nothing looks ahead."""

import datetime as dt
from zoneinfo import ZoneInfo

import numpy as np
import polars as pl
import pytest
from scipy.stats import norm

from deephedge import data
from deephedge.core.errors import DataError

DAYS = [f"2024-01-{day:02d} 21:00" for day in (2, 3, 4, 5, 8, 9)]
SPOT = np.array([100.0, 101.0, 99.0, 98.0, 100.5, 102.0])
RATE, DIVIDEND, HALF = 0.04, 0.015, 0.001  # half a spread is this share of the price
EXPIRIES = (dt.date(2024, 1, 8), dt.date(2024, 3, 15), dt.date(2024, 6, 21))
STRIKES = np.arange(90.0, 111.0)
SIDES = ("mark", "bid", "ask", "vol", "forward", "halted")


def smile(strike, spot):
    return 0.2 - 0.3 * np.log(strike / spot)


def black(ahead, strike, vol, left, call):
    """The textbook's formula, not discounted."""
    d1 = np.log(ahead / strike) / (vol * np.sqrt(left)) + 0.5 * vol * np.sqrt(left)
    value = ahead * norm.cdf(d1) - strike * norm.cdf(d1 - vol * np.sqrt(left))
    return np.where(call, value, value - ahead + strike)


def years(expiry, day, clock="16:00"):
    """From a moment in UTC to ``clock`` of New York."""
    end = dt.datetime.fromisoformat(f"{expiry} {clock}").replace(tzinfo=ZoneInfo("America/New_York"))
    return (end - dt.datetime.fromisoformat(f"{day}+00:00")).total_seconds() / 86400 / 365


def rows(settlement="pm", clock="16:00"):
    """European options of a world with a smile, a rate and a dividend yield."""
    found = []
    for day, spot in zip(DAYS, SPOT, strict=True):
        for expiry in EXPIRIES:
            left = years(expiry, day, clock)
            if left <= 0:
                continue
            ahead = spot * np.exp((RATE - DIVIDEND) * left)
            for right in ("call", "put"):
                for strike in STRIKES:
                    price = np.exp(-RATE * left) * black(ahead, strike, smile(strike, spot), left, right == "call")
                    found.append({
                        "event_time": day, "known_time": day, "underlier": "A", "root": "A", "expiry": expiry,
                        "strike": strike, "right": right, "settlement": settlement, "bid": float(price * (1 - HALF)),
                        "ask": float(price * (1 + HALF)), "underlier_price": float(spot), "unit": "USD",
                    })  # fmt: skip
    return pl.DataFrame(found)


def records(frame):
    return data.Records.of("options", frame, origin=data.Origin("by hand"))


@pytest.fixture(scope="module")
def chains():
    return data.Chains.of(records(rows()))


def test_forward_rate_yield_and_volatility_of_a_known_world_are_found(chains):
    assert len(chains) == 2 * len(EXPIRIES) * len(STRIKES) and len(chains.times) == len(DAYS) and chains.told == ()
    np.testing.assert_allclose(chains.spot, SPOT)
    np.testing.assert_allclose(chains.rate, RATE, rtol=1e-8)
    np.testing.assert_allclose(chains.dividend, DIVIDEND, rtol=1e-7)
    alive = chains.times < chains.expires[:, None]
    left = np.array([[years(expiry, day) for day in DAYS] for expiry in chains.expiry])
    ahead = SPOT * np.exp((RATE - DIVIDEND) * left)
    np.testing.assert_allclose(chains.forward[alive], ahead[alive], rtol=1e-9)
    np.testing.assert_allclose(chains.vol[alive], smile(chains.strike[:, None], SPOT)[alive], rtol=1e-6)
    np.testing.assert_allclose(0.5 * (chains.bid + chains.ask)[alive], chains.mark[alive], rtol=1e-12)
    assert not chains.halted.any()


def test_at_its_end_an_option_is_worth_nothing_more(chains):
    over = chains.times >= chains.expires[:, None]
    assert over.any() and not chains.mark[over].any() and not chains.ask[over].any() and np.isfinite(chains.vol).all()


def test_a_morning_option_ends_before_an_evening_one():
    one, two = (data.Chains.of(records(rows(end, clock))) for end, clock in (("am", "09:30"), ("pm", "16:00")))
    gap = two.expires - one.expires
    assert set(gap / np.timedelta64(1, "h")) == {6.5}
    summer = two.expiry == np.datetime64("2024-06-21")
    assert set((two.expires[summer] - two.expiry[summer]) / np.timedelta64(1, "h")) == {20.0}  # daylight saving


def changed(frame, right, strike, day, **values):
    here = (pl.col("right") == right) & (pl.col("strike") == strike) & (pl.col("event_time") == DAYS[day])
    here &= pl.col("expiry") == EXPIRIES[1]
    return frame.with_columns(pl.when(here).then(pl.lit(v)).otherwise(pl.col(k)).alias(k) for k, v in values.items())


def mark(chains, right, strike, day):
    n = chains.find(EXPIRIES[1], strike, right)
    return float(chains.mark[n, day]), bool(chains.halted[n, day])


def test_what_is_not_quoted_is_halted_and_marked_by_the_next_best_rule(chains):
    whole = {name: mark(chains, name, 95.0, 2)[0] for name in ("call", "put")}
    gone = changed(rows(), "call", 95.0, 2, ask=None, bid=None)  # in the money: by parity of the put
    assert mark(data.Chains.of(records(gone)), "call", 95.0, 2) == (pytest.approx(whole["call"], abs=1e-6), True)
    none = changed(rows(), "put", 95.0, 2, bid=0.0, ask=0.5)  # out of the money: half the ask
    assert mark(data.Chains.of(records(none)), "put", 95.0, 2) == (0.25, True)
    both = changed(gone, "put", 95.0, 2, bid=None, ask=None)  # neither: the last volatility, today's forward
    left = years(EXPIRIES[1], DAYS[2])
    ahead = SPOT[2] * np.exp((RATE - DIVIDEND) * left)
    kept = np.exp(-RATE * left) * black(ahead, 95.0, chains.vol[chains.find(EXPIRIES[1], 95.0, "put"), 1], left, False)
    assert mark(data.Chains.of(records(both)), "put", 95.0, 2) == (pytest.approx(float(kept), rel=1e-6), True)
    wide = changed(rows(), "call", 95.0, 2, bid=1.0, ask=9.0)  # in the money: quoted too wide to say what it is worth
    found = data.Chains.of(records(wide))
    assert mark(found, "call", 95.0, 2) == (pytest.approx(whole["call"], abs=1e-6), False)
    assert found.bid[found.find(EXPIRIES[1], 95.0, "call"), 2] == 1.0  # and dealt in at that
    missing = rows().filter(~((pl.col("strike") == 95.0) & (pl.col("event_time") == DAYS[2])))
    assert mark(data.Chains.of(records(missing)), "put", 95.0, 2) == (pytest.approx(float(kept), rel=1e-6), True)


def test_quotes_that_are_none_are_told(chains):
    odd = data.Chains.of(records(changed(rows(), "put", 95.0, 2, bid=3.0, ask=2.0)))
    assert odd.told == ("took 1 quotes that are crossed, negative or without an ask for none",)
    expected = mark(chains, "put", 95.0, 2)[0]
    assert mark(odd, "put", 95.0, 2) == (pytest.approx(expected, abs=1e-6), True)


def test_a_copy_of_the_snapshot_before_is_dropped_and_told(chains):
    frame, copy = rows(), rows().filter(pl.col("event_time") == DAYS[2])
    copy = copy.with_columns(pl.lit("2024-01-04 23:00").alias(name) for name in ("event_time", "known_time"))
    found = data.Chains.of(records(pl.concat([frame, copy])))
    np.testing.assert_array_equal(found.times, chains.times)
    assert found.told == ("dropped 1 snapshots that copy the one before: 2024-01-04",)


@pytest.mark.parametrize("seen", [1, 3, 5])
def test_what_comes_later_changes_nothing(chains, seen):
    """The future cut off, and the future turned upside down."""
    frame = rows()
    late = pl.col("event_time").is_in(DAYS[seen + 1 :])
    sides = ("bid", "ask", "underlier_price")
    wild = frame.with_columns(pl.when(late).then(3.0 * pl.col(name)).otherwise(name).alias(name) for name in sides)
    for other in (frame.filter(~late), wild):
        found = data.Chains.of(records(other))
        for name in SIDES:
            np.testing.assert_array_equal(getattr(found, name)[:, : seen + 1], getattr(chains, name)[:, : seen + 1])
        for name in ("spot", "rate", "dividend"):
            np.testing.assert_array_equal(getattr(found, name)[: seen + 1], getattr(chains, name)[: seen + 1])


def test_coin_prices_become_cash_on_the_forward_of_their_expiry():
    frame = rows().with_columns(pl.lit("coin").alias("unit"), pl.col("bid", "ask") / pl.col("underlier_price"))
    ahead = {expiry: 1.0 + 0.01 * n for n, expiry in enumerate(EXPIRIES)}
    factor = pl.col("expiry").replace_strict(ahead)
    found = data.Chains.of(
        records(frame.with_columns(pl.col("underlier_price") * factor)), data.Settlement("08:00", "08:00", "UTC")
    )
    n = found.find(EXPIRIES[1], 100.0, "call")
    plain = rows().filter((pl.col("strike") == 100.0) & (pl.col("expiry") == EXPIRIES[1]) & (pl.col("right") == "call"))
    np.testing.assert_allclose(found.bid[n], plain["bid"].to_numpy() * 1.01, rtol=1e-12)
    np.testing.assert_allclose(found.forward[n], SPOT * 1.01)
    assert not found.rate.any() and found.spot[0] == 100.0 and str(found.expires[n])[11:16] == "08:00"


def test_settlement_prices_stand_where_nobody_quotes():
    frame = rows().with_columns(
        (0.5 * (pl.col("bid") + pl.col("ask"))).alias("settle"), pl.lit(10.0).alias("volume"),
        pl.lit(None, pl.Float64).alias("bid"), pl.lit(None, pl.Float64).alias("ask"),
    )  # fmt: skip
    idle = changed(frame, "put", 95.0, 2, volume=0.0)
    found = data.Chains.of(records(idle))
    n = found.find(EXPIRIES[1], 95.0, "put")
    assert "settlement prices" in found.told[0] and found.halted[n].tolist() == [0, 0, 1, 0, 0, 0]
    np.testing.assert_array_equal(found.bid[n], found.mark[n])
    np.testing.assert_allclose(found.rate, RATE, rtol=1e-8)


def test_paths_of_one_and_of_many(chains):
    rows_ = np.array([chains.find(EXPIRIES[1], k, "call") for k in (98.0, 100.0)])
    many = chains.path({"sold": rows_, "hedge": rows_[0]}, 1, 4)
    assert many.quotes["sold.bid"].shape == many.times.shape == (2, 4)
    np.testing.assert_allclose(many.times[0], np.array([0, 1, 2, 5]) / 365, rtol=1e-6)
    one = chains.path({"sold": int(rows_[1])}, 1, 4)
    for name, values in one.quotes.items():
        np.testing.assert_array_equal(values, many.quotes[name][1])
    np.testing.assert_allclose(one.numeraire, np.exp(RATE * np.array([0, 1, 2, 5]) / 365), rtol=1e-6)
    assert chains.years(chains.expires[rows_], 1) == pytest.approx([years(EXPIRIES[1], DAYS[1])] * 2)
    assert repr(chains) == "Chains(A: 126 contracts, 6 snapshots from 2024-01-02 to 2024-01-09)"


def test_what_cannot_be_answered_is_said_in_a_sentence(chains):
    frame = rows()
    with pytest.raises(DataError, match=r"the chain has no A 2024-03-15 95\.5 put"):
        chains.find(EXPIRIES[1], 95.5, "put")
    two = pl.concat([frame, frame.with_columns(pl.lit("am").alias("settlement"), pl.lit("B").alias("root"))])
    with pytest.raises(DataError, match="the chain has 2 of A 2024-03-15 95 put; say settlement=am or pm"):
        data.Chains.of(records(two)).find(EXPIRIES[1], 95.0, "put")
    with pytest.raises(DataError, match="one underlier; take one of"):
        data.Chains.of(records(pl.concat([frame, frame.with_columns(pl.lit("B").alias("underlier"))])))
    with pytest.raises(DataError, match="no rows"):
        data.Chains.of(records(frame.head(0)))
    with pytest.raises(DataError, match="made of options, was values"):
        data.Chains.of(data.Records.of("values", [], origin=data.Origin("by hand")))
    with pytest.raises(DataError, match="needs the price of its underlier"):
        data.Chains.of(records(frame.with_columns(pl.lit(None, pl.Float64).alias("underlier_price"))))
    with pytest.raises(DataError, match="two snapshots or more of 6, was 3 to 3"):
        chains.path({}, 3, 3)
    later = frame.filter(~((pl.col("strike") == 95.0) & (pl.col("event_time") == DAYS[0])))
    late = data.Chains.of(records(later))
    with pytest.raises(DataError, match="sold was not yet quoted on 2024-01-02: begin later"):
        late.path({"sold": late.find(EXPIRIES[1], 95.0, "call")})


def test_an_expiry_without_pairs_is_left_out_and_told():
    frame = rows().filter((pl.col("right") == "call") | (pl.col("expiry") != EXPIRIES[1]))
    found = data.Chains.of(records(frame))
    assert found.told == (f"left out 1 expiries without puts and calls that give a forward, the first {EXPIRIES[1]}",)
    assert len(found) == 4 * len(STRIKES)
