"""Option chains: the usable quotes of one moment, in cash and in years, as arrays."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from types import MappingProxyType
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.times import at
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

YEAR = 365 * 86_400e6  # microseconds
# When options settle on the day of their expiry, by the unit of their quotes or else by their settlement.
CLOCKS: Mapping[str, tuple[str, str]] = MappingProxyType(
    {
        "coin": ("08:00", "UTC"),
        "INR": ("15:30", "Asia/Kolkata"),
        "am": ("09:30", "America/New_York"),
        "pm": ("16:00", "America/New_York"),
    }
)
ASSUMED, LEAST = 0.01, 5e-5  # half a spread where none is quoted: of the price, and at least of the underlier
NUMBERS = ("strike", "bid", "ask", "spot")
COUNTED = {
    "expired": "they had expired",
    "price": "no underlier price turns coin into cash",
    "bid": "no bid",
    "ask": "no ask",
    "crossed": "crossed or locked",
    "twin": "a second contract of the same terms with a wider spread",
}


@dataclass(frozen=True, eq=False)
class Chain:
    """The two-sided quotes of one snapshot, by settlement, strike, and the put before the call.

    Arrays of one length: ``settles`` (the moment of settlement, microseconds UTC), ``tau`` (years of 365 days to it),
    ``strike``, ``bid``, ``ask`` (cash), ``call``, and ``spot``, the published price of the underlier in cash (for
    quotes in coin it is what turned them into cash: an index or the forward of the expiry). ``american`` and ``coin``
    tell what kind of options they are, ``assumed`` that nobody quoted: bid and ask are then the settlement price of
    what was traded, less and plus 1 %. ``dropped`` counts the quotes that were left out, by reason.
    """

    underlier: str
    event_time: datetime
    known_time: datetime
    settles: np.ndarray
    tau: np.ndarray
    strike: np.ndarray
    call: np.ndarray
    bid: np.ndarray
    ask: np.ndarray
    spot: np.ndarray
    american: bool = False
    coin: bool = False
    assumed: bool = False
    dropped: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))

    @property
    def mid(self) -> np.ndarray:
        """Half way between bid and ask, cash."""
        return 0.5 * (self.bid + self.ask)

    @property
    def half(self) -> np.ndarray:
        """Half of the spread, cash."""
        return 0.5 * (self.ask - self.bid)

    def __len__(self) -> int:
        return len(self.strike)


def chains(
    records: Records, underlier: str | None = None, clocks: Mapping[str, tuple[str, str]] | None = None
) -> list[Chain]:
    """One `Chain` for each moment in ``records`` of options, in order of time.

    A contract that a moment has several versions of is read as it was first known, so that no later correction gets
    into it. Bids and asks in coin become cash by the price of the underlier in their row. ``clocks`` says when the
    expiry day's options settle, for units or settlements that `CLOCKS` lacks: ``{"EUR": ("17:30", "Europe/Berlin")}``.
    Early closes are not heeded.

    Raises ``DataError`` for records of another kind, several underliers with none named, and an unknown clock.
    """
    require(records.kind.name == "options", f"surfaces are made of options, these are {records.kind.name}", DataError)
    names = records.frame["underlier"].unique().sort().to_list()
    if underlier is None:
        require(len(names) == 1, f"name one underlier of {', '.join(names) or 'none'}", DataError)
    chosen = names[0] if underlier is None else underlier
    require(chosen in names, f"no options on {chosen!r}; there are {', '.join(names)}", DataError)
    frame = _prepared(records.about(underlier=chosen).frame, dict(CLOCKS) | dict(clocks or {}))
    return [_chain(chosen, part) for part in frame.partition_by("event_time", maintain_order=True)]


def _prepared(frame: "pl.DataFrame", clocks: Mapping[str, tuple[str, str]]) -> "pl.DataFrame":
    """Rows in cash with their settlement, in order, each with the reason to leave it out or null."""
    import polars as pl

    terms = ["event_time", "root", "expiry", "strike", "right", "settlement"]
    frame = frame.unique(terms, keep="first", maintain_order=True)  # records are in order of known_time
    coin = pl.col("unit").fill_null("") == "coin"
    frame = settled(frame, clocks).with_columns(
        pl.when(coin).then(pl.col("underlier_price")).otherwise(1.0).alias("cash"),
        ((pl.col("settles") - pl.col("event_time")).dt.total_microseconds() / YEAR).alias("tau"),
        (pl.max_horizontal("bid", "ask").max().over("event_time").fill_null(0.0) <= 0.0).alias("assumed"),
    )
    guess = pl.when(pl.col("volume") > 0).then("settle")
    half = pl.max_horizontal(ASSUMED * guess, LEAST * pl.col("underlier_price"))
    frame = frame.with_columns(
        (pl.when("assumed").then(guess + sign * half).otherwise(side) * pl.col("cash")).alias(side)
        for side, sign in (("bid", -1), ("ask", 1))
    )
    order = ["event_time", "tau", "strike", "right"]
    width = pl.when((pl.col("bid") > 0) & (pl.col("ask") > pl.col("bid"))).then(pl.col("ask") - pl.col("bid"))
    frame = frame.with_columns(width.alias("width")).sort(
        [*order[:3], pl.col("right") == "call", "width"], nulls_last=True, maintain_order=True
    )
    reasons = (
        (pl.col("tau") <= 0, "expired"),
        (pl.col("cash").is_null() | (pl.col("cash") <= 0), "price"),
        (pl.col("bid").is_null() | (pl.col("bid") <= 0), "bid"),
        (pl.col("ask").is_null() | (pl.col("ask") <= 0), "ask"),
        (pl.col("ask") <= pl.col("bid"), "crossed"),
        (pl.struct(order).is_first_distinct().not_(), "twin"),
    )
    reason = pl.coalesce(pl.when(wrong).then(pl.lit(name)) for wrong, name in reasons)
    return frame.with_columns(reason.alias("reason"))


def settled(frame: "pl.DataFrame", clocks: Mapping[str, tuple[str, str]] = CLOCKS) -> "pl.DataFrame":
    """``frame`` with a column ``settles``: the moment, UTC, at which each option settles on its expiry day."""
    import polars as pl

    unit = pl.col("unit").fill_null("USD")
    clock = pl.when(unit.is_in(list(clocks))).then(unit)
    clock = clock.otherwise(pl.coalesce("settlement", pl.when(unit == "USD").then(pl.lit("pm")).otherwise(unit)))
    frame = frame.with_columns(clock.alias("clock"))
    days = frame.select("clock", "expiry").unique()
    parts = []
    for name, part in days.group_by("clock"):
        known = ", ".join(clocks)
        require(name[0] in clocks, f"no clock says when options {name[0]!r} settle (known: {known})", DataError)
        parts.append(part.with_columns(at(part["expiry"], *clocks[str(name[0])]).alias("settles")))
    times = pl.concat(parts) if parts else days.with_columns(settles=pl.lit(None, pl.Datetime("us", "UTC")))
    return frame.join(times, on=["clock", "expiry"], how="left", maintain_order="left").drop("clock")


def _chain(underlier: str, frame: "pl.DataFrame") -> Chain:
    import polars as pl

    counts = frame["reason"].drop_nulls().value_counts().sort("reason")
    dropped = {COUNTED[name]: int(count) for name, count in counts.iter_rows()}
    kept = frame.filter(pl.col("reason").is_null()).with_columns(pl.col("underlier_price").alias("spot"))
    arrays = {name: kept[name].fill_null(float("nan")).to_numpy() for name in (*NUMBERS, "tau")}
    arrays |= {"settles": kept["settles"].dt.replace_time_zone(None).to_numpy()}
    arrays |= {"call": (kept["right"] == "call").to_numpy()}
    for array in arrays.values():
        array.setflags(write=False)
    flags = {
        "american": bool((frame["style"] == "american").any()),
        "coin": bool((frame["unit"] == "coin").any()),
        "assumed": bool(frame["assumed"][0]),
    }
    known = (kept if len(kept) else frame)["known_time"].max()
    return Chain(underlier, frame["event_time"][0], known, **arrays, **flags, dropped=MappingProxyType(dropped))
