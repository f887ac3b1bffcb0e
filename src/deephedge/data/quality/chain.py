"""Option chains in cash, with the forward and the discount that parity implies."""

from typing import TYPE_CHECKING

import numpy as np

from deephedge.data.quality.base import numbered
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

EXPIRY = ("event_time", "about", "root", "settlement", "expiry")  # one expiry at one moment
NEAR, LEAST = 7, 4  # pairs nearest the money that give the forward; the fewest that give a discount


def chain(records: Records) -> "pl.DataFrame":
    """Options with an ask in cash (prices in coin times their forward); without any quotes, settlements of traded ones.

    Columns: ``row``, those of ``EXPIRY``, ``strike``, ``call``, ``bid``, ``ask``, ``days`` (to expiry), ``european``,
    ``coin``, ``underlier_price``, ``vol``.
    """
    import polars as pl

    frame = numbered(records)
    coin = (pl.col("unit") == "coin").fill_null(False)
    unit = pl.when(coin).then(pl.col("underlier_price")).otherwise(1.0)
    quoted = bool((frame["ask"].is_not_null()).any())
    frame = frame if quoted else frame.filter((pl.col("volume") > 0).fill_null(True))
    bid, ask = (pl.col("bid"), pl.col("ask")) if quoted else (pl.col("settle"), pl.col("settle"))
    day = pl.col("event_time").dt.date()
    return frame.select(
        "row", "event_time", pl.col("underlier").alias("about"), "root", "settlement", "expiry", "strike",
        (pl.col("right") == "call").alias("call"), (bid.fill_null(0.0) * unit).alias("bid"), (ask * unit).alias("ask"),
        (pl.col("expiry") - day).dt.total_days().alias("days"),
        (pl.col("style") != "american").fill_null(True).alias("european"),
        coin.alias("coin"), "underlier_price", "vol",
    ).filter((pl.col("ask") > 0) & (pl.col("bid") <= pl.col("ask")) & (pl.col("days") >= 0))  # fmt: skip


def pairs(table: "pl.DataFrame") -> "pl.DataFrame":
    """Calls beside the puts of the same strike: ``call_bid``, ``call_ask``, ``put_bid``, ``put_ask``, both rows, and
    ``gap`` (the mid of the call less that of the put), with ``forward`` and ``discount`` of their expiry.

    The discount is minus the median slope of ``gap`` between strikes half a chain apart, and the forward the median of
    :math:`K + \\text{gap}/D` over the pairs nearest the money: a few wrong quotes move neither.
    """
    import polars as pl

    keys = [*EXPIRY, "strike"]
    sides = (table.filter("call"), table.filter(~pl.col("call")))
    named = {"row": "row", "bid": "bid", "ask": "ask"}
    call, put = (
        side.unique(keys, keep="last").rename({old: f"{name}_{new}" for old, new in named.items()})
        for side, name in zip(sides, ("call", "put"), strict=True)
    )
    both = call.join(put.select(*keys, "put_row", "put_bid", "put_ask"), on=keys, nulls_equal=True)
    both = both.filter((pl.col("call_bid") > 0) & (pl.col("put_bid") > 0)).sort(keys)
    mids = [(pl.col(f"{side}_bid") + pl.col(f"{side}_ask")) / 2 for side in ("call", "put")]
    half = pl.len() // 2
    both = both.with_columns(gap=mids[0] - mids[1])
    slope = (pl.col("gap") - pl.col("gap").shift(half)) / (pl.col("strike") - pl.col("strike").shift(half))
    discount = pl.when(pl.len() >= LEAST).then((-slope.median()).clip(0.5, 1.05)).otherwise(1.0)
    both = both.with_columns(discount=discount.over(EXPIRY), near=pl.col("gap").abs().rank("ordinal").over(EXPIRY))
    at = pl.when(pl.col("near") <= NEAR).then(pl.col("strike") + pl.col("gap") / pl.col("discount"))
    return both.with_columns(forward=at.median().over(EXPIRY))


def forwards(both: "pl.DataFrame") -> "pl.DataFrame":
    """One row an expiry and moment: ``forward``, ``discount``, ``days``, ``coin``, ``underlier_price``, ``row``."""
    import polars as pl

    first = [pl.col(name).first() for name in ("forward", "discount", "days", "coin", "underlier_price")]
    return both.group_by(EXPIRY, maintain_order=True).agg(*first, pl.col("call_row").first().alias("row"))


def rows_of(table: "pl.DataFrame", *columns: str) -> "pl.DataFrame":
    """The rows that several columns of positions name, each once, with their moments."""
    import polars as pl

    parts = [table.select(pl.col(name).cast(pl.Int64).alias("row"), "event_time") for name in columns]
    return pl.concat(parts).drop_nulls("row").unique("row", maintain_order=True).sort("row")


def years(days: "pl.Series") -> np.ndarray:
    """Calendar days as years, at least half a day."""
    return np.maximum(days.to_numpy().astype(float), 0.5) / 365.0
