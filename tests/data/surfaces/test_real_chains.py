"""One day of each exchange goes through: forwards where others see them, small residuals, no arbitrage."""

from datetime import UTC, datetime, timedelta

import numpy as np
import polars as pl
import pytest

from deephedge.data.layouts.cboe import Cboe
from deephedge.data.records import Origin, Records
from deephedge.data.surfaces import Listed, Surface, chains, daily, factors, marks, surfaces
from oracles.chains import FAIR, arbitrage, columns, market_file


def read(name: str) -> pl.LazyFrame:
    return pl.scan_parquet(market_file(f"B_options/{name}"))


def spx(*days: str) -> Records:
    name = "spx_cboe_delayed_2019-04-25_2019-06-28.parquet"
    frame = read(name).filter(pl.col("quotedate").cast(pl.Date).cast(pl.String).is_in(days)).collect()
    return Records.of("options", Cboe().rows(frame, name), origin=Origin(name))


def coins(exchange: str) -> Records:
    frame = read(f"{exchange}_btc_eth_2026-07-04_2026-08-09.parquet").filter(
        (pl.col("file_date") == "2026-07-20") & (pl.col("underlying") == "BTC")
    )
    now = pl.col("snapshot_utc").dt.replace_time_zone("UTC")
    return columns(
        frame.collect(), event_time=now, known_time=now, underlier="underlying", expiry=pl.col("expiry").dt.date(),
        strike="strike", right="type", bid="bid", ask="ask", underlier_price="underlying_price",
        unit=pl.lit("coin"), style=pl.lit("european"),
        vol=pl.col("mark_iv") / (100.0 if exchange == "deribit" else 1.0),
    )  # fmt: skip


def nifty() -> Records:
    frame = read("nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet").filter(
        (pl.col("TradDt") == datetime(2026, 2, 3)) & (pl.col("TckrSymb") == "NIFTY") & (pl.col("FinInstrmTp") == "IDO")
    )
    close = pl.col("TradDt").dt.replace_time_zone("UTC") + timedelta(hours=10)
    return columns(
        frame.collect(), event_time=close, known_time=close, underlier="TckrSymb", expiry=pl.col("XpryDt").dt.date(),
        strike="StrkPric", right=pl.when(pl.col("OptnTp") == "CE").then(pl.lit("call")).otherwise(pl.lit("put")),
        settle="SttlmPric", volume="TtlTradgVol", underlier_price="UndrlygPric", unit=pl.lit("INR"),
        style=pl.lit("european"),
    )  # fmt: skip


def apple() -> Records:
    frame = read("us_megacap5_yahoo_2025-11-25_2025-12-05.parquet").filter(
        (pl.col("snap_date") == datetime(2025, 12, 3)) & (pl.col("underlying") == "AAPL")
    )
    now = pl.col("commit_ts").str.to_datetime(time_zone="UTC")
    return columns(
        frame.collect(), event_time=now, known_time=now, underlier="underlying", strike="strike", right="type",
        expiry=pl.col("expiration").dt.date(), bid="bid", ask="ask", underlier_price="spot_price",
        unit=pl.lit("USD"), style=pl.lit("american"),
    )  # fmt: skip


def total(surface: Surface) -> float:
    return float(np.sqrt(np.average(surface.rmse**2, weights=surface.quotes)))


def test_spx():
    records = spx("2019-05-31")
    (surface,) = surfaces(records)
    assert len(surface.tau) == 42 and abs(surface.spot - 2752.06) < 10.0  # the close
    later = surface.tau > 0.25
    rates = -np.log(surface.discount) / surface.tau
    # Treasury bills and notes of that day: 2.1 to 2.4 % up to 2.5 years; the dividend yield of the index was 1.9 %.
    assert (np.abs(rates[later] - 0.0225) < 0.004).all() and (np.abs(surface.yields[later] - 0.019) < 0.004).all()
    assert 0.3 < total(surface) < 0.8 and max(arbitrage(surface).values()) < FAIR
    said = factors(surface)  # the VIX closed at 18.71: the level of variance, so above the volatility at the money
    assert 0.14 < said["level.1m"] < 0.187 and 0.03 < said["skew.1m"] < 0.08 and said["term.1y"] > -0.02
    contract = Listed("SPX", datetime(2019, 6, 21).date(), 2750.0, "put", "am")
    held = marks([surface], [contract], [surface.known_time, datetime(2019, 6, 21, 14, tzinfo=UTC)], records)
    assert held["source"].to_list() == ["quoted", "settled"]
    assert abs(held["mark"][0] - held["model"][0]) < 1.0 and held["delta"][0] < 0


@pytest.mark.slow
def test_slices_miss_less_than_ssvi_on_every_day():
    records = spx("2019-05-31", "2019-06-03", "2019-06-27")
    fine, rough = (surfaces(records, smiles=smiles) for smiles in ("slices", "ssvi"))
    assert all(
        total(a) < total(b) < 1.5 and max(arbitrage(b).values()) < FAIR for a, b in zip(fine, rough, strict=True)
    )
    assert np.isfinite(daily(fine).quote("SPX.term")).all()


@pytest.mark.parametrize("exchange", ["deribit", "okx"])
def test_coins(exchange):
    records = coins(exchange)
    (surface,) = surfaces(records)
    (chain,) = chains(records)
    assert chain.coin and len(surface.tau) >= 10
    published = np.array([np.median(chain.spot[chain.settles == at]) for at in surface.settles])
    np.testing.assert_allclose(surface.discount * surface.forward, published, rtol=1e-12)
    if exchange == "deribit":  # the forward of each expiry
        np.testing.assert_allclose(surface.forward, published, rtol=8e-4)
    else:  # the index, for all expiries alike: Deribit's forwards of that day grow by 4.4 % a year
        assert np.ptp(published) == 0.0 and surface.spot == pytest.approx(published[0], rel=1e-12)
    carry = np.log(surface.forward / surface.spot)
    np.testing.assert_allclose(carry[-1] / surface.tau[-1], 0.044, atol=0.002)
    assert total(surface) < 2.0 and max(arbitrage(surface).values()) < FAIR
    # the exchange's own volatility at the money, a second implementation of all of this
    frame = records.frame.with_columns((pl.col("strike") / pl.col("underlier_price")).log().abs().alias("away"))
    near = frame.filter(pl.col("away") == pl.col("away").min().over("expiry")).group_by("expiry").agg(pl.all().first())
    near = near.filter(pl.col("expiry") > records.frame["event_time"][0].date() + timedelta(days=5))
    at = near["expiry"].to_numpy().astype("datetime64[us]") + np.timedelta64(8, "h")
    k = np.log(near["strike"].to_numpy() / surface.forward_at(at))
    assert len(near) >= 5
    np.testing.assert_allclose(surface.vol(at, k), near["vol"].to_numpy(), atol=0.01)


def test_nifty():
    (surface,) = surfaces(nifty(), rate=0.055)
    assert surface.notes[0].startswith("nobody quoted") and len(surface.tau) >= 5
    future = read("nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet").filter(
        (pl.col("TradDt") == datetime(2026, 2, 3)) & (pl.col("TckrSymb") == "NIFTY") & (pl.col("FinInstrmTp") == "IDF")
    )
    listed = future.select("XpryDt", "SttlmPric").collect()
    at = listed["XpryDt"].to_numpy().astype("datetime64[us]") + np.timedelta64(10, "h")
    np.testing.assert_allclose(surface.forward_at(at), listed["SttlmPric"].to_numpy(), rtol=2e-3)
    assert total(surface) < 2.0 and max(arbitrage(surface).values()) < FAIR


@pytest.mark.slow  # a formula for American options is compiled
def test_apple():
    (surface,) = surfaces(apple())
    rates = -np.log(surface.discount) / surface.tau
    # Two-year Treasury notes paid 3.5 %, the share 0.4 % a year. The published spot is the close, half an hour before
    # the quotes, so it is left out.
    assert surface.notes[0].startswith("American") and 0.03 < np.median(rates) < 0.042
    assert total(surface) < 2.0 and max(arbitrage(surface).values()) < FAIR
    given = surfaces(apple(), rate=0.035)[0]
    for one, rate in ((surface, rates[-1]), (given, 0.035)):
        carry = np.log(one.forward[-1] / one.forward[0]) / (one.tau[-1] - one.tau[0])
        assert carry == pytest.approx(rate - 0.004, abs=0.007)
