"""Curves of futures: a table of contracts, and continuous nearbys with the table of their last trading days."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

from deephedge.core.errors import DataError, require
from deephedge.data.layouts.base import AbstractLayout, lowered, plain
from deephedge.data.layouts.cells import numbers, numeric
from deephedge.data.layouts.times import at, days

if TYPE_CHECKING:
    import polars as pl

NEARBY = re.compile(r"^([a-z]+)(\d{2})$")
PREFIXES = {"BRN": "LCO"}  # names that the table of last trading days spells otherwise
SETTLED, PUBLISHED, ZONE = "14:30", "17:00", "America/New_York"
UNITS = {
    "corn": "USc/bu", "wheat": "USc/bu", "soybean": "USc/bu", "soybean.meal": "USD/st", "soybean.oil": "USc/lb",
    "lumber": "USD/mbf", "live.cattle": "USc/lb", "coffee": "USc/lb", "heating.oil": "USc/gal", "copper": "USc/lb",
}  # fmt: skip


@dataclass(frozen=True)
class Contracts(AbstractLayout):
    """One row a contract and day: commodity, nearby, ticker, last trading day, settlement (Schwartz 1997, longer).

    Settled at 14:30 New York and known at 17:00; prices as the exchanges quote them, cents mostly (``unit``).
    """

    name: ClassVar[str] = "contracts"
    kind: ClassVar[str] = "futures"
    needs: ClassVar[tuple[str, ...]] = ("commodity", "date", "nearby", "ticker", "last_trade", "price")
    left_out: ClassVar[str] = "rows that name no contract"

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a contract and day; a contract without a price that day keeps its volume and open interest."""
        import polars as pl

        frame = lowered(frame, file).drop_nulls("last_trade")
        unit = pl.col("commodity").replace_strict(UNITS, default=None, return_dtype=pl.String)
        return frame.select(
            *_settled(days(frame["date"], file)), pl.col("commodity").alias("name"), pl.col("ticker").alias("contract"),
            days(frame["last_trade"], file).alias("expiry"), unit.alias("unit"),
            *numeric(frame, file, price="price", nearby="nearby", volume="volume", open_interest="open_interest"),
        )  # fmt: skip


@dataclass(frozen=True)
class Nearbys(AbstractLayout):
    """Continuous nearbys, ``CL01`` to ``CL36``, and which contract each was, by their last trading days.

    The first nearby is the contract that trades last on or after the day. ``names`` are those to be read; all unless
    given. ``expiries`` is a CSV file with the columns ``tick.prefix``, ``Last.Trade``, ``Year`` and ``Month.Letter``
    (of two contracts with the same last day the later row counts). Unless asked for, such a file is read as `Wide`.
    """

    name: ClassVar[str] = "nearbys"
    kind: ClassVar[str] = "futures"
    needs: ClassVar[tuple[str, ...]] = ("date",)
    asked: ClassVar[bool] = True
    expiries: str | Path | None = None
    names: tuple[str, ...] = ()
    unit: str | None = None

    def fits(self, columns: list[str], file: str) -> bool:
        """A date and nearbys."""
        have = [plain(column) for column in columns]
        return len(have) > 1 and have[0] == "date" and all(NEARBY.match(column) for column in have[1:])

    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """One row a day and contract that has a settlement.

        Raises ``DataError`` for a name or a day that the table of last trading days does not reach.
        """
        import polars as pl

        frame = lowered(frame, file)
        require(self.expiries is not None, "nearbys need expiries, a CSV file of last trading days", DataError)
        table = last_trading_days(self.expiries or "")
        found = [match for match in map(NEARBY.match, frame.columns) if match]
        names = self.names or tuple(dict.fromkeys(match[1].upper() for match in found))
        columns = {m[0]: (m[1].upper(), int(m[2])) for m in found if m[1].upper() in names}
        absent = sorted(set(names) - {called for called, _ in columns.values()})
        require(not absent, f"{file} has no nearbys of {', '.join(absent)}", DataError)
        day = days(frame["date"], file)
        rows = [
            _nearby(day, numbers(frame[column], file), called, nearby, table)
            for column, (called, nearby) in columns.items()
        ]
        return pl.concat(rows).with_columns(pl.lit(self.unit, pl.String).alias("unit"))


def last_trading_days(file: str | Path) -> "pl.DataFrame":
    """``prefix``, ``contract`` and ``last``, its last trading day, of each row of a CSV file; see `Nearbys`."""
    import polars as pl

    path = Path(file)
    require(path.is_file(), f"no such table of last trading days: {path}", DataError)
    table = lowered(pl.read_csv(path, infer_schema=False), path.name)
    wanted = ("tick.prefix", "last.trade", "year", "month.letter")
    absent = [column for column in wanted if column not in table.columns]
    require(not absent, f"{path.name} has no column {', '.join(absent)}; it has {table.columns}", DataError)
    year = numbers(table["year"], path.name).cast(pl.Int64).cast(pl.String).str.tail(2)
    contract = table["tick.prefix"] + table["month.letter"] + year
    made = pl.DataFrame({"prefix": table["tick.prefix"], "contract": contract})
    made = made.with_columns(days(table["last.trade"], path.name).alias("last"))
    return made.unique(["prefix", "last"], keep="last", maintain_order=True).sort("prefix", "last")


def _nearby(day: "pl.Series", price: "pl.Series", called: str, nearby: int, table: "pl.DataFrame") -> "pl.DataFrame":
    import polars as pl

    contracts = table.filter(pl.col("prefix") == PREFIXES.get(called, called))
    priced = pl.DataFrame({"day": day, "price": price}).drop_nulls("price").sort("day")
    last = contracts["last"]
    known = not priced.is_empty() and not last.is_empty() and last[0] < priced["day"][0]
    row = last.search_sorted(priced["day"], side="left") + (nearby - 1)
    reach = known and row.max() < last.len()  # pyright: ignore
    told = f"the table of last trading days does not reach all days of {called}{nearby:02d}; leave it out with names"
    require(priced.is_empty() or reach, told, DataError)
    return pl.DataFrame(_settled(priced["day"])).with_columns(
        pl.lit(called).alias("name"), contracts["contract"].gather(row), last.gather(row).alias("expiry"),
        priced["price"], pl.lit(float(nearby)).alias("nearby"),
    )  # fmt: skip


def _settled(day: "pl.Series") -> "list[pl.Series]":
    return [at(day, SETTLED, ZONE).alias("event_time"), at(day, PUBLISHED, ZONE).alias("known_time")]
