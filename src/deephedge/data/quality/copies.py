"""Values that did not move: a snapshot that is the one before, runs of one value, prices of what was not traded."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from deephedge.data.quality.base import AbstractCheck, Finding, counted, numbered, series, stamps, things
from deephedge.data.quality.gaps import exchange_of, session_days, with_days
from deephedge.data.quality.repairs import Drop
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

PRICES = {"options": ("bid", "ask", "last", "mark", "settle"), "bars": ("open", "close")}


@dataclass(frozen=True)
class Copies(AbstractCheck):
    """A snapshot in which ``share`` of at least ``least`` things quote what they quoted in the one before.

    On a real day a tenth of the contracts or so stand where they stood. Publishers who copy on a holiday may go on
    filling in quotes, so a chain whose underlier did not move at all on a day without a session is a copy too.
    """

    name: ClassVar[str] = "copies"
    kinds: ClassVar[tuple[str, ...]] = ("options", "bars", "futures")
    share: float = 0.98
    least: int = 20
    exchange: str | None = None

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame, kind = numbered(records), records.kind
        options = kind.name == "options"
        names = PRICES.get(kind.name, ("price",))
        prices = [name for name in names if frame[name].null_count() < frame.height]
        if not prices:
            return []
        about = pl.col("underlier") if options else pl.lit(kind.name)
        frame = frame.with_columns(about=about).sort(*kind.keys, "event_time", "known_time")
        again = pl.all_horizontal(pl.col(key).eq_missing(pl.col(key).shift(1)) for key in kind.keys)
        same = pl.all_horizontal(pl.col(name).eq_missing(pl.col(name).shift(1)) for name in prices)
        some = pl.any_horizontal(pl.col(name).is_not_null() for name in prices)
        later = frame.with_columns(same=same).filter(again.fill_null(False) & some)
        moment = ["about", "event_time"]
        copied = (pl.len() >= self.least) & (pl.col("same").mean() >= self.share)
        found = later.group_by(moment).agg(copied=copied).filter("copied").select(moment)
        if options:
            found = pl.concat([found, self._holidays(records)]).unique()
        rows = frame.join(found, on=moment, how="semi")
        totals = dict(frame.group_by("about").len().iter_rows())
        return [one for name, part in things(rows) for one in self._of(name, part, totals[name], options)]

    def _holidays(self, records: Records) -> "pl.DataFrame":
        """Moments at which the underlier stands still on a day that is no session."""
        import polars as pl

        table = series(records)
        found = [table.clear()]
        for _, part in things(table):
            exchange = self.exchange or exchange_of(records, part) or "24/7"
            part = with_days(part, exchange)
            own = session_days(exchange, part["day"].to_numpy().astype("datetime64[D]"))
            closed = ~pl.col("day").is_in(pl.Series(part["day"] if own is None else own, dtype=pl.Date).implode())
            found.append(part.filter(closed & (pl.col("level").diff() == 0)).drop("day"))
        return pl.concat(found).select("about", "event_time")

    def _of(self, about: str, part: "pl.DataFrame", total: int, options: bool) -> list[Finding]:
        times = part["event_time"].unique().sort()
        own = [("underlier", "==", about)] if options else []
        rule = Drop(Where(*own, ("event_time", "in", stamps(times))))
        said = f"{counted(len(times), 'snapshot')} of the moment before, as a holiday's copy is: not news"
        return self.found("error", about, said, part, total, rule)


@dataclass(frozen=True)
class Stale(AbstractCheck):
    """A run of one value longer than chance makes it.

    With a share :math:`p` of steps at which a series of :math:`n` rows stands still, runs of :math:`L` such steps are
    expected :math:`n p^L` times; a run is stale where that is below ``chance``, from ``least`` steps on. A series
    that stands still more often than it moves (a policy rate) is not judged.
    """

    name: ClassVar[str] = "stale"
    kinds: ClassVar[tuple[str, ...]] = ("values", "bars", "quotes", "futures")
    least: int = 4
    chance: float = 1e-3

    def findings(self, records: Records) -> list[Finding]:
        return [one for about, part in things(series(records)) for one in self._of(about, part)]

    def _of(self, about: str, part: "pl.DataFrame") -> list[Finding]:
        level = part["level"].to_numpy()
        still = np.concatenate([[False], level[1:] == level[:-1]])
        run = np.cumsum(~still)
        length = np.bincount(run)[run] - 1
        usual = still[length < max(int(length.max(initial=0)), 1)]  # without the longest run, which may be the defect
        share = float(usual.mean()) if usual.size else 1.0
        if share > 0.5 or part.height < 2 * self.least:
            return []
        needed = np.log(self.chance / part.height) / np.log(max(share, 1.0 / part.height))
        stale = still & (length >= max(self.least, needed))
        said = f"{counted(int(stale.sum()), 'row')} stand still, for up to {length.max():,} steps; carried forward?"
        return self.found("warning", about, said, part.filter(stale), part.height)


@dataclass(frozen=True)
class Untraded(AbstractCheck):
    """Options without a trade whose last price is more than ``apart`` off the settlement or mark of the same moment."""

    name: ClassVar[str] = "untraded"
    kinds: ClassVar[tuple[str, ...]] = ("options",)
    apart: float = 0.05

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        frame = numbered(records).with_columns(about="underlier", fair=pl.coalesce("settle", "mark"))
        frame = frame.filter((pl.col("last") > 0) & (pl.col("fair") > 0))
        off = (pl.col("last") - pl.col("fair")).abs() > self.apart * pl.col("fair")
        stale = (pl.col("volume") == 0) & off
        said = "last prices of contracts without a trade are old: use settle, mark or the quotes, or volume > 0"
        found = []
        for about, part in things(frame):
            found += self.found("warning", about, said, part.filter(stale), part.height)
        return found
