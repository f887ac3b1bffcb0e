"""Marks of listed options on every day of their lives: what was quoted, and else what the surface says."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING, Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.records import Moment, Records, moment
from deephedge.data.surfaces.chain import Chain, chains, settled
from deephedge.data.surfaces.surface import Surface

if TYPE_CHECKING:
    import polars as pl

QUOTED, MODEL, SETTLED, UNKNOWN = "quoted", "model", "settled", "unknown"


@dataclass(frozen=True)
class Listed:
    """The terms of a listed option: what it is on, the day it expires, strike in cash, and how it settles.

    ``settlement``: ``"am"`` or ``"pm"``; ``unit``: of its quotes, a currency or ``"coin"``; both say at what moment
    (`deephedge.data.surfaces.chain.CLOCKS`).
    """

    underlier: str
    expiry: date
    strike: float
    right: str = "call"
    settlement: str = "pm"
    unit: str = "USD"

    def __post_init__(self) -> None:
        require(self.right in ("call", "put"), f"a right is call or put, was {self.right!r}", DataError)
        require(self.strike > 0, f"a strike is above 0, was {self.strike}", DataError)


def marks(
    surfaces: Sequence[Surface],
    contracts: Sequence[Listed],
    times: Iterable[Moment],
    quotes: Records | Sequence[Chain] | None = None,
) -> "pl.DataFrame":
    """What each of ``contracts`` was worth at each of ``times``, by the last surface known by then: a row a pair.

    Columns: ``time``, ``contract`` (place in ``contracts``), ``as_of`` (the surface's moment; no surface is moved on
    to ``time``), ``mark``, ``bid``, ``ask``, ``model``, ``vol``, ``delta`` and ``source``. Cash, discounted; ``delta``
    in the spot, :math:`D\\,(F/S)\\,N(d_1)` for a call, the volatility held. ``source`` is

    - ``quoted``: two-sided in the surface's snapshot, and ``mark`` its mid. Needs ``quotes``: the records that the
      surfaces were made of, or their chains;
    - ``model``: not quoted then, and ``mark`` the surface's European price;
    - ``settled``: null marks, at and after the moment of settlement; ``unknown``: before the first surface.

    Quotes in coin are marked in cash; over discount times forward of their expiry they are in coin again. Raises
    ``DataError`` for another underlier.
    """
    import polars as pl

    require(len(surfaces) > 0, "marks need at least one surface", DataError)
    names = {surface.underlier for surface in surfaces} | {contract.underlier for contract in contracts}
    require(
        len(names) == 1, f"surfaces and contracts must be of one underlier, were {', '.join(sorted(names))}", DataError
    )
    surfaces = sorted(surfaces, key=lambda surface: (surface.known_time, surface.event_time))
    when = np.array([_naive(time) for time in times], "datetime64[us]")
    known = np.array([_naive(surface.known_time) for surface in surfaces], "datetime64[us]")
    place = np.searchsorted(known, when, side="right") - 1
    terms = _terms(contracts)
    parts = [_marked(surfaces[i] if i >= 0 else None, terms, when[place == i]) for i in np.unique(place)]
    frame = pl.concat(parts) if parts else _marked(None, terms, when)
    frame = _with_quotes(frame, terms, quotes, surfaces[0].underlier)
    return frame.sort("time", "contract")


def _naive(time: Moment) -> np.datetime64:
    return np.datetime64(moment(time).replace(tzinfo=None), "us")


def _terms(contracts: Sequence[Listed]) -> "pl.DataFrame":
    import polars as pl

    columns = {name: [getattr(one, name) for one in contracts] for name in ("expiry", "strike", "right", "settlement")}
    columns |= {"unit": [one.unit for one in contracts], "contract": list(range(len(contracts)))}
    schema = {"expiry": pl.Date, "strike": pl.Float64, "right": pl.String, "settlement": pl.String, "unit": pl.String}
    return settled(pl.DataFrame(columns, schema=schema | {"contract": pl.Int64}))


def _marked(surface: Surface | None, terms: "pl.DataFrame", times: np.ndarray) -> "pl.DataFrame":
    """The model's marks of all contracts at ``times``, all of which one surface serves."""
    import polars as pl

    moments = pl.DataFrame({"time": pl.Series(times).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")})
    model = terms.select("contract", "settles").with_columns(_columns(surface, terms))
    frame = moments.join(model, how="cross")
    late = pl.col("time") >= pl.col("settles")
    source = pl.lit(MODEL if surface else UNKNOWN)
    frame = frame.with_columns(pl.when(late).then(pl.lit(SETTLED)).otherwise(source).alias("source"))
    blank = pl.when(pl.col("source") == MODEL)
    return frame.with_columns(blank.then(name).alias(name) for name in ("model", "vol", "delta")).drop("settles")


def _columns(surface: Surface | None, terms: "pl.DataFrame") -> "list[pl.Series]":
    import polars as pl
    from scipy.special import ndtr

    names = ("model", "vol", "delta")
    if surface is None:
        stamp = pl.Series("as_of", [None] * len(terms), pl.Datetime("us", "UTC"))
        return [stamp, *(pl.Series(name, [None] * len(terms), pl.Float64) for name in names)]
    settles, strike = terms["settles"].dt.replace_time_zone(None).to_numpy(), terms["strike"].to_numpy()
    call = (terms["right"] == "call").to_numpy()
    forward, total = surface.forward_at(settles), np.sqrt(np.maximum(surface.years(settles), 0.0))
    k = np.log(strike / forward)
    vol = surface.vol(settles, k)
    d1 = -k / (vol * total) + 0.5 * vol * total
    delta = surface.discount_at(settles) * forward / surface.spot * (ndtr(d1) - np.where(call, 0.0, 1.0))
    rows = (surface.price(settles, strike, call), vol, delta)
    stamp = pl.Series("as_of", [surface.event_time] * len(terms), pl.Datetime("us", "UTC"))
    return [stamp, *(pl.Series(name, row).fill_nan(None) for name, row in zip(names, rows, strict=True))]


def _with_quotes(
    frame: "pl.DataFrame", terms: "pl.DataFrame", quotes: Records | Sequence[Chain] | None, underlier: str
) -> "pl.DataFrame":
    import polars as pl

    found = chains(quotes, underlier) if isinstance(quotes, Records) else list(quotes or ())
    keys = ["as_of", "settles", "strike", "right"]
    rows = pl.concat([_quotes(chain) for chain in found] or [_quotes(None)])
    frame = frame.join(terms.select("contract", *keys[1:]), on="contract").join(rows, on=keys, how="left")
    live = (pl.col("source") == MODEL) & pl.col("bid").is_not_null()
    frame = frame.with_columns(pl.when(live).then(pl.lit(QUOTED)).otherwise("source").alias("source"))
    two = pl.when(pl.col("source") == QUOTED)
    frame = frame.with_columns(two.then(side).alias(side) for side in ("bid", "ask"))
    mark = two.then(0.5 * (pl.col("bid") + pl.col("ask"))).otherwise("model").alias("mark")
    return frame.select("time", "contract", "as_of", mark, "bid", "ask", "model", "vol", "delta", "source")


def _quotes(chain: Chain | None) -> "pl.DataFrame":
    import polars as pl

    types = {"as_of": pl.Datetime("us", "UTC"), "settles": pl.Datetime("us", "UTC"), "strike": pl.Float64}
    types |= {"right": pl.String, "bid": pl.Float64, "ask": pl.Float64}
    if chain is None:
        return pl.DataFrame(schema=types)
    settles = pl.Series(chain.settles).cast(pl.Datetime("us")).dt.replace_time_zone("UTC")
    right = pl.Series(np.where(chain.call, "call", "put"))
    columns: dict[str, Any] = {"settles": settles, "strike": chain.strike, "right": right}
    rows = pl.DataFrame(columns | {"bid": chain.bid, "ask": chain.ask})
    return rows.with_columns(pl.lit(chain.event_time).cast(types["as_of"]).alias("as_of")).select(list(types))
