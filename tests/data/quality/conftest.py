"""Real files of known defects as records, by hand: what a layout does with them is tested elsewhere."""

import os
from collections.abc import Callable
from pathlib import Path

import polars as pl
import pytest

from deephedge.data import Origin, Records

ROOT = Path(__file__).resolve().parents[3]
FOLDER = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))


@pytest.fixture(scope="session")
def market_file() -> Callable[[str], pl.DataFrame]:
    """Reads a file of the data folder as it stands; skips where it is not at hand."""

    def read(name: str) -> pl.DataFrame:
        if not (FOLDER / name).is_file():
            pytest.skip(f"no market data at {FOLDER / name}; set DEEPHEDGE_DATA to the folder that holds A_equity")
        if name.endswith(".parquet"):
            return pl.read_parquet(FOLDER / name)
        return pl.read_csv(FOLDER / name, infer_schema=False)

    return read


def moments(column: pl.Expr, zone: str = "UTC") -> list[pl.Expr]:
    """The column as both times of a record."""
    at = column.cast(pl.Datetime("us")).dt.replace_time_zone(zone).dt.convert_time_zone("UTC")
    return [at.alias("event_time"), at.alias("known_time")]


def records(kind: str, frame: pl.DataFrame, name: str) -> Records:
    return Records.of(kind, frame, origin=Origin(name))


@pytest.fixture(scope="session")
def spx(market_file) -> Records:
    name = "B_options/spx_cboe_delayed_2019-04-25_2019-06-28.parquet"
    root = pl.col("optionroot").str.extract(r"^([A-Z]+)\d")
    frame = market_file(name).select(
        *moments(pl.col("quotedate").dt.offset_by("16h15m"), "America/New_York"),
        pl.col("underlying").alias("underlier"), root.alias("root"), pl.col("expiration").cast(pl.Date).alias("expiry"),
        "strike", pl.col("type").alias("right"), pl.lit("european").alias("style"), pl.lit("USD").alias("unit"),
        pl.when(root == "SPX").then(pl.lit("am")).otherwise(pl.lit("pm")).alias("settlement"),
        "bid", "ask", "last", pl.col("impliedvol").alias("vol"), pl.col("underlying_last").alias("underlier_price"),
    )  # fmt: skip
    return records("options", frame, name)


def coins(frame: pl.DataFrame, name: str) -> Records:
    """Deribit and OKX, volatility as it stands in the file."""
    return records("options", frame.select(
        *moments(pl.col("snapshot_utc")), pl.col("underlying").alias("underlier"),
        pl.col("expiry").cast(pl.Date), pl.col("strike").cast(pl.Float64), pl.col("type").alias("right"),
        pl.lit("european").alias("style"), pl.lit("coin").alias("unit"), "bid", "ask",
        pl.col("mark_price").alias("mark"), pl.col("mark_iv").alias("vol"),
        pl.col("underlying_price").alias("underlier_price"),
    ), name)  # fmt: skip


@pytest.fixture(scope="session")
def deribit(market_file) -> Records:
    name = "B_options/deribit_btc_eth_2026-07-04_2026-08-09.parquet"
    return coins(market_file(name), name)


@pytest.fixture(scope="session")
def okx(market_file) -> Records:
    name = "B_options/okx_btc_eth_2026-07-04_2026-08-09.parquet"
    return coins(market_file(name), name)


@pytest.fixture(scope="session")
def nse(market_file) -> Records:
    name = "B_options/nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet"
    frame = market_file(name).filter(pl.col("FinInstrmTp").is_in(["IDO", "STO"]))
    return records("options", frame.select(
        *moments(pl.col("TradDt").dt.offset_by("15h30m"), "Asia/Kolkata"), pl.col("TckrSymb").alias("underlier"),
        pl.col("XpryDt").cast(pl.Date).alias("expiry"), pl.col("StrkPric").alias("strike"),
        pl.col("OptnTp").replace_strict({"CE": "call", "PE": "put"}).alias("right"),
        pl.lit("european").alias("style"), pl.lit("INR").alias("unit"), pl.col("ClsPric").alias("last"),
        pl.col("SttlmPric").alias("settle"), pl.col("UndrlygPric").alias("underlier_price"),
        pl.col("TtlTradgVol").cast(pl.Float64).alias("volume"),
    ), name)  # fmt: skip


def yahoo(frame: pl.DataFrame, taken: pl.Expr, symbol: str, expiry: str, spot: str, name: str) -> Records:
    right = pl.col("type").str.to_lowercase().replace({"c": "call", "p": "put"})
    return records("options", frame.select(
        *moments(taken), pl.col(symbol).alias("underlier"), pl.col(expiry).cast(pl.Date).alias("expiry"), "strike",
        right.alias("right"), pl.lit("american").alias("style"), pl.lit("USD").alias("unit"), "bid", "ask",
        pl.col("lastPrice").alias("last"), pl.col("impliedVolatility").alias("vol"), "volume",
        pl.col(spot).alias("underlier_price"),
    ), name)  # fmt: skip


@pytest.fixture(scope="session")
def megacap(market_file) -> Records:
    name = "B_options/us_megacap5_yahoo_2025-11-25_2025-12-05.parquet"
    taken = pl.col("commit_ts").str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S")
    return yahoo(market_file(name), taken, "underlying", "expiration", "spot_price", name)


@pytest.fixture(scope="session")
def etf(market_file) -> Records:
    name = "B_options/us_etf3_yahoo_2026-08-12_2026-08-20.parquet"
    taken = pl.col("snapshot_utc").str.slice(0, 19).str.to_datetime("%Y-%m-%dT%H:%M:%S")
    return yahoo(market_file(name), taken, "symbol", "expiry", "spot", name)
