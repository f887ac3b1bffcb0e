"""The real chains of the study, as records: each file by a short rule, so that units and clocks are in sight."""

from pathlib import Path

import polars as pl

from deephedge import data
from deephedge.data.layouts import Cboe

COIN = data.Settlement("08:00", "08:00", "UTC")
MUMBAI = data.Settlement("15:30", "15:30", "Asia/Kolkata")
FILES = {
    "SPX": "spx_cboe_delayed_2019-04-25_2019-06-28.parquet",
    "deribit": "deribit_btc_eth_2026-07-04_2026-08-09.parquet",
    "okx": "okx_btc_eth_2026-07-04_2026-08-09.parquet",
    "NIFTY": "nse_fo_bhavcopy_nifty_reliance_2025-01_2026-03.parquet",
}


def spx(folder: Path, **chosen) -> data.Chains:
    """S&P 500, Cboe: snapshots of delayed quotes, taken to be of 16:15 in New York."""
    frame = pl.read_parquet(folder / FILES["SPX"])
    rows = Cboe().rows(frame, FILES["SPX"])
    return data.Chains.of(_records(rows, "Cboe delayed quotes"), **chosen)


def coin(folder: Path, exchange: str, name: str, **chosen) -> data.Chains:
    """Bitcoin or ether: prices in coin, ``underlying_price`` the forward of each expiry, ends at 8:00 UTC."""
    frame = pl.read_parquet(folder / FILES[exchange]).filter(pl.col("underlying") == name)
    taken = pl.col("snapshot_utc").dt.replace_time_zone("UTC")
    rows = frame.select(
        taken.alias("event_time"), taken.alias("known_time"), pl.col("underlying").alias("underlier"),
        pl.col("expiry").dt.date(), pl.col("strike").cast(pl.Float64), pl.col("type").alias("right"), "bid", "ask",
        pl.col("mark_price").alias("mark"), pl.col("underlying_price").alias("underlier_price"),
        pl.lit("pm").alias("settlement"), pl.lit("coin").alias("unit"),
    )  # fmt: skip
    return data.Chains.of(_records(rows, exchange), settles=COIN, **chosen)


def nifty(folder: Path, **chosen) -> data.Chains:
    """Nifty 50, NSE: settlement prices of 2026. On the day of its end an option's is the index: not used."""
    frame = _nse(folder).filter(pl.col("FinInstrmTp") == "IDO")
    right = pl.when(pl.col("OptnTp") == "CE").then(pl.lit("call")).otherwise(pl.lit("put"))
    rows = frame.select(
        pl.col("taken").alias("event_time"), pl.col("taken").alias("known_time"), pl.lit("NIFTY").alias("underlier"),
        pl.col("FininstrmActlXpryDt").dt.date().alias("expiry"), pl.col("StrkPric").alias("strike"),
        right.alias("right"), pl.col("SttlmPric").alias("settle"), pl.col("UndrlygPric").alias("underlier_price"),
        pl.col("TtlTradgVol").cast(pl.Float64).alias("volume"), pl.lit("pm").alias("settlement"),
        pl.lit("INR").alias("unit"),
    )  # fmt: skip
    return data.Chains.of(_records(rows, "NSE"), settles=MUMBAI, **chosen)


def nifty_future(folder: Path) -> pl.DataFrame:
    """Settlement of each future: columns ``taken``, ``expiry`` and ``price``."""
    frame = _nse(folder).filter(pl.col("FinInstrmTp") == "IDF")
    return frame.select(
        "taken", pl.col("FininstrmActlXpryDt").dt.date().alias("expiry"), pl.col("SttlmPric").alias("price")
    )


def _nse(folder: Path) -> pl.DataFrame:
    year = pl.col("TradDt") >= pl.datetime(2026, 1, 1)
    frame = pl.read_parquet(folder / FILES["NIFTY"]).filter(year & (pl.col("TckrSymb") == "NIFTY"))
    clock = pl.col("TradDt").dt.offset_by("15h30m").dt.replace_time_zone("Asia/Kolkata")
    return frame.with_columns(taken=clock.dt.convert_time_zone("UTC"))


def _records(rows: pl.DataFrame, source: str) -> data.Records:
    return data.Records.of("options", rows, origin=data.Origin(source))
