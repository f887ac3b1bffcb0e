"""A market against history that it was not fitted to: a scored table of stylised facts."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import numpy as np
from scipy import stats

CAP = 5.0  # a |z| beyond counts as this much: one fact that is far off is not worse than all others together
INSIDE = float(stats.norm.ppf(0.975))


@dataclass(frozen=True)
class Scored:
    """One fact of one series: history's value and 95 % interval, the market's with its error, and z of the difference.

    ``z`` is market less history over both errors, on the scale of a normal: beyond 1.96 the difference is significant.
    """

    series: str
    fact: str
    group: str
    unit: str
    history: float
    low: float
    high: float
    market: float
    error: float
    z: float

    @property
    def inside(self) -> bool:
        """Whether market and history agree as far as both are known."""
        return abs(self.z) < INSIDE


@dataclass(frozen=True)
class Scorecard:
    """The facts of a market beside those of history; ``str`` prints the table, ``to_dict`` gives plain values.

    Every group of facts has the same say in `share` and `distance`, however many facts are in it. ``days`` of history
    were cut into ``windows`` windows of ``window`` days each (overlapping), beside ``paths`` simulated ones.
    """

    market: str
    rows: tuple[Scored, ...]
    window: int
    windows: int
    days: int
    paths: int
    resampled: np.ndarray = field(repr=False, compare=False)  # (fact, resample): market less history, over both errors

    @property
    def groups(self) -> dict[str, list[Scored]]:
        """Rows by group."""
        names = dict.fromkeys(row.group for row in self.rows)
        return {name: [row for row in self.rows if row.group == name] for name in names}

    @property
    def share(self) -> float:
        """Share of facts inside the 95 % interval, mean over groups."""
        return float(over_groups([row.group for row in self.rows], np.array([row.inside for row in self.rows], float)))

    @property
    def distance(self) -> float:
        """Mean of abs(z), each at most 5, mean over groups; about 0.8 for the true market, less is better."""
        sizes = np.array([min(abs(row.z), CAP) for row in self.rows])
        return float(over_groups([row.group for row in self.rows], sizes))

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        about = {name: getattr(self, name) for name in ("market", "window", "windows", "days", "paths")}
        rows = [asdict(row) | {"inside": row.inside} for row in self.rows]
        return about | {"share": self.share, "distance": self.distance, "rows": rows}

    def __str__(self) -> str:
        many = len({row.series for row in self.rows}) > 1
        lines = [("fact", "history", "95 % interval", self.market, "error", "z", "")]
        for name, rows in self.groups.items():
            inside = sum(row.inside for row in rows)
            lines.append((f"{name}: {inside} of {len(rows)} inside", *[""] * 6))
            for row in rows:
                said = f"  {row.series}: {row.fact}" if many else f"  {row.fact}"
                numbers = (f"{row.history:.3g}", f"{row.low:.3g} to {row.high:.3g}", f"{row.market:.3g}")
                lines.append((said, *numbers, f"{row.error:.1g}", f"{row.z:+.1f}", "" if row.inside else "outside"))
        about = (
            f"{self.paths:,} paths of {self.window} days against {self.windows} windows of {self.days:,} days; inside "
            f"{100 * self.share:.0f} %, mean |z| {self.distance:.2f} (groups weigh the same, |z| at most {CAP:g})"
        )
        return f"{plain_table(lines)}\n{about}"


def over_groups(groups: Sequence[str], values: np.ndarray) -> np.ndarray:
    """Mean over groups of the mean over their rows; the first axis of ``values`` is that of rows."""
    names = np.asarray(groups)
    return np.asarray(np.mean([values[names == name].mean(axis=0) for name in dict.fromkeys(groups)], axis=0))


def plain_table(lines: Sequence[Sequence[str]]) -> str:
    """Columns of text, the first aligned left; a line with nothing but a first cell is a heading."""
    full = [line for line in lines if any(line[1:])]
    widths = [max(len(line[n]) for line in full) for n in range(len(full[0]))]
    built = []
    for line in lines:
        cells = [cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)]
        built.append("  ".join([line[0].ljust(widths[0]), *cells]).rstrip() if any(line[1:]) else line[0])
    return "\n".join(built)
