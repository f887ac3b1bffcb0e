"""Moves too large to be believed, and those that are a split."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from deephedge.data.quality.base import LEVELS, SERIES, AbstractCheck, Finding, counted, series, stamps, things
from deephedge.data.quality.repairs import Adjust, Winsorise
from deephedge.data.quality.where import Where
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

WINDOW, MIDDLE = 63, 11  # rows: of the usual move, and of the median that a spike leaves
FLOOR = 5e-4  # what a rate may move by, though it stands still for months near zero
LONG, STILL = 10.0, 0.01  # steps of time, and the share of a level that does not move, which count as usual
WHOLE = (2.0, 3.0, 4.0, 5.0, 6.0, 7.0, 8.0, 10.0, 12.0, 15.0, 20.0, 25.0, 30.0, 50.0, 1.5)


def moves(table: "pl.DataFrame") -> "pl.DataFrame":
    r"""A series (`base.series`) with ``move`` (the change of level), ``usual`` (its robust size) and ``away``.

    ``usual`` is 1.4826 times the median of :math:`|\Delta x|` over 63 rows around, or over 11 if that is larger; where
    that is 0, of those moves of the whole series that are not 0, and at most 1 % of the level. ``away`` is the level
    less its median over 11 rows around, which a step does not disturb and a spike does (Hampel, 1974). What moved over
    more than ``LONG`` usual steps of time is no move.
    """
    import polars as pl

    size = pl.col("move").abs()
    moving = pl.when(size > 0).then(size).median()
    local = pl.max_horizontal(*(size.rolling_median(window, min_samples=3, center=True) for window in (WINDOW, MIDDLE)))
    wait = pl.col("event_time").diff().dt.total_seconds()
    after = wait <= LONG * wait.median()
    move = pl.when(after).then(pl.col("level").diff())
    table = table.with_columns(move.over("about").alias("move"))
    middle = pl.col("level").rolling_median(MIDDLE, min_samples=3, center=True)
    still = pl.min_horizontal(moving, STILL * middle.abs())
    usual = 1.4826 * pl.when(local > 0).then(local).otherwise(pl.when(still > 0).then(still))
    usual = pl.when(rate()).then(pl.max_horizontal(usual, FLOOR)).otherwise(usual)
    left = pl.len() - pl.int_range(pl.len()) - 1
    return table.with_columns(
        usual.over("about").alias("usual"), (pl.col("level") - middle).over("about").alias("away"),
        pl.min_horizontal(left, pl.int_range(pl.len())).over("about").alias("inside"),
    )  # fmt: skip


def rate() -> "pl.Expr":
    """Whether a row of a series is a rate, a fraction: it has a floor of what is usual, and no splits."""
    import polars as pl

    return (pl.col("unit") == "fraction").fill_null(False)


@dataclass(frozen=True)
class Outliers(AbstractCheck):
    """Spikes: levels ``width`` usual moves off the median of the rows around, which come back (an error); jumps: moves
    as large that stay (a warning: crashes and news are among them). The ends of a series cannot be told from jumps."""

    name: ClassVar[str] = "outliers"
    kinds: ClassVar[tuple[str, ...]] = SERIES
    width: float = 12.0

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        table = moves(series(records))
        column = LEVELS.get(records.kind.name)
        name = "underlier" if records.kind.name == "options" else "name"
        spike = (pl.col("away").abs() > self.width * pl.col("usual")) & (pl.col("inside") >= MIDDLE // 2)
        beside = spike | spike.shift(1).over("about")
        jump = (pl.col("move").abs() > self.width * pl.col("usual")) & ~beside.fill_null(False)
        result = []
        for about, part in things(table.with_columns(spike=spike.fill_null(False), jump=jump.fill_null(False))):
            spikes, jumps = part.filter("spike"), part.filter("jump")
            times = stamps(spikes["event_time"])
            simple = column is not None and name in records.frame.columns and records.kind.name in ("values", "bars")
            repair = Winsorise(Where((name, "==", about), ("event_time", "in", times)), str(column)) if simple else None
            said = f"{counted(spikes.height, 'level')} off those around by {self.width:g} usual moves or more, and back"
            result += self.found("error", about, said, spikes, part.height, repair)
            said = f"{counted(jumps.height, 'move')} of {self.width:g} usual ones or more that stay: news?"
            result += self.found("warning", about, said, jumps, part.height)
        return result


@dataclass(frozen=True)
class Splits(AbstractCheck):
    """A step by a ratio of small whole numbers (within ``close``), ``width`` usual moves or more, that stays: a split
    that was not adjusted for, or adjusted for twice. The repair brings what follows to the old shares."""

    name: ClassVar[str] = "splits"
    kinds: ClassVar[tuple[str, ...]] = ("values", "bars", "options")
    close: float = 0.02
    width: float = 8.0

    def findings(self, records: Records) -> list[Finding]:
        import polars as pl

        table = moves(series(records))
        before = pl.col("level").shift(1).over("about")
        ratio = pl.when((before > 0) & (pl.col("level") > 0)).then(pl.col("level") / before)
        near = pl.min_horizontal((ratio / one - 1).abs() for whole in WHOLE for one in (whole, 1 / whole))
        stays = pl.col("away").abs() <= self.width * pl.col("usual")
        large = pl.col("move").abs() > self.width * pl.col("usual")
        table = table.with_columns(ratio=ratio, split=(large & stays & (near < self.close) & ~rate()).fill_null(False))
        return [one for about, part in things(table) for one in self._of(about, part.filter("split"), part, records)]

    def _of(self, about: str, rows: "pl.DataFrame", part: "pl.DataFrame", records: Records) -> list[Finding]:
        if rows.is_empty():
            return []
        ratio = float(rows["ratio"][0])
        nearest = min((one for whole in WHOLE for one in (whole, 1 / whole)), key=lambda one: abs(ratio / one - 1))
        words = f"{nearest:g} for 1" if nearest > 1 else f"1 for {1 / nearest:g}"
        said = f"{counted(rows.height, 'step')} like a split (the first, {words} in price): are all on the same shares?"
        rule = None
        if records.kind.name in ("values", "bars") and rows.height == 1:
            start = stamps(rows["event_time"])[0]
            rule = Adjust(
                Where(("name", "==", about), ("event_time", ">=", start)), LEVELS[records.kind.name], 1 / nearest
            )
        return self.found("warning", about, said, rows, part.height, rule)
