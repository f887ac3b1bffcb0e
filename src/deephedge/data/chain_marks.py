"""Option chains cleaned and marked: every contract has a mark, a volatility and a forward at every snapshot."""

from collections.abc import Callable, Collection
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

CONTRACT = ("underlier", "root", "expiry", "strike", "right", "settlement")
YEAR = 365 * 86400e6  # microseconds
NEAR = 0.05  # share of the spot within which puts and calls give forward and discount
WIDE = 0.25  # of the mid: in the money a wider quote is no mark
PAIRS = 8  # of them, at the least, to tell a rate
TENORS = (0.1, 2.0)  # years, of the expiries that tell the rate and the dividend yield of a day


@dataclass(frozen=True)
class Settlement:
    """When options stop on their expiry day: at ``am`` or ``pm`` on the clocks of ``zone``.

    >>> Settlement().pm, Settlement("08:00", "08:00", "UTC").am
    ('16:00', '08:00')
    """

    am: str = "09:30"
    pm: str = "16:00"
    zone: str = "America/New_York"


def marked(
    records: Records, settles: Settlement, rate: float | None, expiries: Collection[date] | None
) -> "tuple[pl.DataFrame, pl.DataFrame, tuple[str, ...]]":
    """One row a contract (of ``expiries``, or all) and snapshot until its end; the snapshots; what was left out.

    Columns of the first: CONTRACT, ``event_time``, ``expires`` and what `deephedge.data.Chains` keeps of contracts;
    of the second ``event_time``, ``spot``, ``rate`` and ``dividend``.
    """
    import polars as pl

    rows, told = _cleaned(records)
    rows, days = _with_forwards(_dated(rows, settles), rate)
    if expiries is not None:
        rows = rows.filter(pl.col("expiry").is_in(list(expiries)))
    rows = _filled(rows, days)
    lost = rows.filter(rows["forward"].is_null())["expiry"].unique().sort().to_list()
    if lost:
        told += (f"left out {len(lost)} expiries without puts and calls that give a forward, the first {lost[0]}",)
    rows = _marks(rows.filter(rows["forward"].is_not_null()))
    return rows.filter(rows["mark"].is_not_null()), days, told


def _cleaned(records: Records) -> "tuple[pl.DataFrame, tuple[str, ...]]":
    """In cash; without copies of the snapshot before; quotes that are none are null."""
    import polars as pl

    require(records.kind.name == "options", f"a chain is made of options, was {records.kind.name}", DataError)
    require(len(records) > 0, "a chain needs at least one option; there are no rows", DataError)
    names = records.frame["underlier"].unique().to_list()
    require(len(names) == 1, f"a chain has one underlier; take one of {sorted(names)} by records.about", DataError)
    frame = records.frame.with_columns(pl.col("root", "settlement").fill_null(""))
    coin = pl.when(pl.col("unit") == "coin").then(pl.col("underlier_price")).otherwise(1.0)
    frame = frame.with_columns(pl.col("bid", "ask", "mark", "settle") * coin)
    level = frame.group_by("event_time").agg(pl.col("underlier_price").median().alias("level")).sort("event_time")
    require(level["level"].null_count() == 0, "each snapshot of a chain needs the price of its underlier", DataError)
    copies = level.filter(pl.col("level") == pl.col("level").shift())["event_time"]
    told = ()
    if len(copies):
        told += (f"dropped {len(copies)} snapshots that copy the one before: {_listed(copies)}",)
    frame = frame.filter(~pl.col("event_time").is_in(copies.implode()))
    crossed = (pl.col("bid") > pl.col("ask")).fill_null(False)
    none = crossed | (pl.col("ask") <= 0).fill_null(True) | (pl.col("bid") < 0).fill_null(False)
    count = int(frame.select((none & pl.col("ask").is_not_null()).sum()).item())
    if count:
        told += (f"took {count:,} quotes that are crossed, negative or without an ask for none",)
    quoted = frame["ask"].null_count() < len(frame)
    told += () if quoted else ("no bid and ask in this chain: marked at settlement prices, with no spread of its own",)
    kept = [pl.when(none).then(None).otherwise(pl.col(side)).alias(side) for side in ("bid", "ask")]
    frame = frame.with_columns(kept).with_columns(pl.col("bid").fill_null(0.0), quoted=pl.lit(quoted))
    # records are in order of known_time: of what was revised, the version that was known first
    return frame.unique([*CONTRACT, "event_time"], keep="first", maintain_order=True), told


def _dated(rows: "pl.DataFrame", settles: Settlement) -> "pl.DataFrame":
    import polars as pl

    clock = pl.when(pl.col("settlement") == "am").then(pl.lit(settles.am)).otherwise(pl.lit(settles.pm))
    ends = pl.col("expiry").dt.combine(clock.str.to_time("%H:%M"), time_unit="us")
    ends = ends.dt.replace_time_zone(settles.zone).dt.convert_time_zone("UTC")
    return rows.with_columns(expires=ends, coin=(pl.col("unit") == "coin").fill_null(False))


def _left() -> "pl.Expr":
    import polars as pl

    return ((pl.col("expires") - pl.col("event_time")).dt.total_microseconds() / YEAR).alias("left")


def _spots(rows: "pl.DataFrame") -> "pl.DataFrame":
    """The snapshots, each with the price of its underlier: that of the expiry next to come."""
    import polars as pl

    near = pl.col("underlier_price").sort_by(pl.col("left") <= 0, "left").first()
    return rows.group_by("event_time").agg(near.alias("spot"), pl.col("coin").first()).sort("event_time")


def _pairs(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Call less put at the strikes near the money where both were dealt in."""
    import polars as pl

    key = ["event_time", "expires", "strike", "root"]
    near = pl.col("dealt") & pl.col("mid").is_not_null() & ((pl.col("strike") / pl.col("spot") - 1).abs() < NEAR)
    near = rows.filter(near & ~_wide((pl.col("right") == "call") == (pl.col("strike") < pl.col("spot"))))
    puts = near.filter(pl.col("right") == "put").select(*key, pl.col("mid").alias("put"))
    pairs = near.filter(pl.col("right") == "call").join(puts, on=key)
    return pairs.select("event_time", "expires", "left", "strike", gap=pl.col("mid") - pl.col("put"))


def _wide(inside: "pl.Expr") -> "pl.Expr":
    """Whether what is in the money (``inside``) is quoted too wide to say what it is worth."""
    import polars as pl

    gap = pl.col("ask") - pl.col("bid")
    return (pl.col("quoted") & inside & (gap > WIDE * pl.col("mid"))).fill_null(False)


def _rates(pairs: "pl.DataFrame", days: "pl.DataFrame", rate: float | None) -> "pl.DataFrame":
    """The snapshots with their rate: minus the slope of call less put in the strike is the discount of an expiry."""
    import polars as pl

    slope = pl.cov("strike", "gap") / pl.col("strike").var()
    lines = pairs.group_by("event_time", "expires").agg(slope.alias("slope"), pl.len(), pl.col("left").first())
    told = lines.filter(pl.col("left").is_between(*TENORS) & (pl.col("len") >= PAIRS) & (pl.col("slope") < 0))
    found = told.group_by("event_time").agg((-(-pl.col("slope")).log() / pl.col("left")).median().alias("rate"))
    days = days.join(found, on="event_time", how="left").sort("event_time")
    own = pl.col("rate").forward_fill().fill_null(0.0) if rate is None else pl.lit(float(rate))
    return days.with_columns(rate=pl.when("coin").then(0.0).otherwise(own))


def _with_forwards(rows: "pl.DataFrame", rate: float | None) -> "tuple[pl.DataFrame, pl.DataFrame]":
    """Rows with the forward of their expiry, by parity or as given; snapshots with spot, rate and dividend yield."""
    import polars as pl

    mid = pl.when(pl.col("bid") > 0).then(0.5 * (pl.col("bid") + pl.col("ask")))
    rows = rows.with_columns(
        _left(), mid=pl.when("quoted").then(mid).otherwise(pl.coalesce("settle", "mark")),
        dealt=pl.col("quoted") | (pl.col("volume") > 0).fill_null(False),
    )  # fmt: skip
    days = _spots(rows)
    rows = rows.filter(pl.col("left") > 0).join(days.select("event_time", "spot"), on="event_time")
    pairs = _pairs(rows)
    days = _rates(pairs, days, rate)
    key = ["event_time", "expires"]
    implied = pl.col("strike") + pl.col("gap") * (pl.col("rate") * pl.col("left")).exp()
    parity = pairs.join(days, on="event_time").group_by(key).agg(implied.median().alias("parity"))
    given = pl.when("coin").then("underlier_price").median().alias("given")
    found = rows.group_by(key).agg(given, pl.col("left").first(), pl.col("spot").first())
    found = found.join(parity, on=key, how="left").with_columns(forward=pl.coalesce("given", "parity"))
    carry = ((pl.col("forward") / pl.col("spot")).log() / pl.col("left")).alias("carry")
    usual = found.filter(pl.col("left").is_between(*TENORS)).group_by("event_time").agg(carry.median())
    days = days.join(usual, on="event_time", how="left").sort("event_time")
    days = days.with_columns(dividend=pl.col("rate") - pl.col("carry").forward_fill().fill_null(0.0))
    return rows.drop("left", "spot").join(found.select(*key, "forward"), on=key, how="left"), days


def _filled(rows: "pl.DataFrame", days: "pl.DataFrame") -> "pl.DataFrame":
    """A row for each contract at each snapshot from its first one to its end, whether it was in the file or not."""
    import polars as pl

    born = rows.group_by(*CONTRACT, "expires", "quoted").agg(pl.col("event_time").min().alias("born"))
    grid = born.join(days.select("event_time", "spot", "rate"), how="cross").filter(
        (pl.col("event_time") >= pl.col("born")) & (pl.col("event_time") < pl.col("expires"))
    )
    own = rows.select(*CONTRACT, "event_time", "bid", "ask", "mid", "volume")
    grid = grid.join(own, on=[*CONTRACT, "event_time"], how="left").with_columns(_left())
    known = rows.select("event_time", "expires", "forward").unique(["event_time", "expires"])
    grid = grid.join(known, on=["event_time", "expires"], how="left").sort(*CONTRACT, "event_time")
    carry = (pl.col("forward") / pl.col("spot")).log() / pl.col("left")
    carry = carry.forward_fill().over(*CONTRACT)
    forward = pl.coalesce("forward", pl.col("spot") * (carry * pl.col("left")).exp())
    return grid.with_columns(forward=forward, discount=(-pl.col("rate") * pl.col("left")).exp())


def _marks(rows: "pl.DataFrame") -> "pl.DataFrame":
    """Mark, volatility and halt of each row; what is unknown of today is taken from what was known before."""
    import polars as pl

    out = (pl.col("right") == "call") == (pl.col("strike") >= pl.col("forward"))
    half = pl.when(pl.col("quoted") & out & (pl.col("bid") == 0)).then(0.5 * pl.col("ask"))
    rows = rows.with_columns(own=pl.coalesce(pl.when(~_wide(~out)).then("mid"), half), out=out)
    key = ["event_time", "root", "settlement", "expiry", "strike"]
    other = rows.select(*key, pl.col("own").alias("other"), right=pl.col("right").replace(SWAPPED))
    rows = rows.join(other, on=[*key, "right"], how="left", maintain_order="left")
    parity = pl.col("discount") * (pl.col("forward") - pl.col("strike"))
    parity = pl.when(pl.col("right") == "call").then(parity).otherwise(-parity)
    rows = rows.with_columns(mark=pl.coalesce("own", (pl.col("other") + parity).clip(0.0), "mid"))
    # of the two options of a strike the one out of the money is quoted closer
    smile = pl.when(pl.col("out")).then(pl.col("mark")).otherwise(pl.coalesce("other", pl.col("mark") - parity))
    rows = rows.with_columns(vol=_volatility(rows.select(*TERMS, "out", price=smile)))
    rows = rows.with_columns(pl.col("vol").forward_fill().over(*CONTRACT))
    rows = rows.with_columns(pl.coalesce("mark", _model(rows)).alias("mark"))
    live = pl.when("quoted").then((pl.col("bid") > 0) & pl.col("ask").is_not_null()).otherwise(pl.col("volume") > 0)
    rows = rows.with_columns(halted=~live.fill_null(False))
    sides = [pl.when("halted").then("mark").otherwise(pl.coalesce(side, "mark")).alias(side) for side in ("bid", "ask")]
    unquoted = [pl.when("quoted").then(side).otherwise("mark").alias(side) for side in ("bid", "ask")]
    return rows.with_columns(sides).with_columns(unquoted).sort(*CONTRACT, "event_time")


SWAPPED = {"call": "put", "put": "call"}
TERMS = ("forward", "strike", "left", "right", "discount")


def _volatility(rows: "pl.DataFrame") -> "pl.Series":
    """Black's volatility of ``price``, that of the option out of the money; null where there is none."""
    import polars as pl

    from deephedge.pricing.implied import implied_volatility

    price, forward, strike, left, off = (rows[n].to_numpy() for n in ("price", "forward", "strike", "left", "discount"))
    found = _exact(implied_volatility, price / off, forward, strike, left, strike >= forward)
    return pl.Series("vol", np.where(found > 0, found, np.nan)).fill_nan(None)


def _model(rows: "pl.DataFrame") -> "pl.Series":
    """Black's price at the last volatility known; null where none was ever."""
    import polars as pl

    from deephedge.pricing import black

    forward, strike, left, vol, off = (rows[n].to_numpy() for n in ("forward", "strike", "left", "vol", "discount"))
    value = off * _exact(black.price, forward, strike, vol, left, (rows["right"] == "call").to_numpy())
    return pl.Series("model", np.where(np.isnan(vol), np.nan, value)).fill_nan(None)


def _exact(formula: Callable, *terms: np.ndarray) -> np.ndarray:
    """A formula in float64, compiled for the next power of two of rows and not for each number of them."""
    import jax

    size = max(len(terms[0]), 1)
    padded = [np.resize(x, 1 << (size - 1).bit_length()) for x in terms]
    with jax.enable_x64(True):
        return np.asarray(jax.jit(formula)(*padded), float)[: len(terms[0])]


def _listed(times: "pl.Series") -> str:
    shown = ", ".join(f"{time:%Y-%m-%d}" for time in times[:3].to_list())
    return shown + (f" and {len(times) - 3} more" if len(times) > 3 else "")
