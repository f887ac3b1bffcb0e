"""All checks at once, and whether the records pass."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.quality.adjusted import Adjusted
from deephedge.data.quality.arbitrage import Arbitrage, Simultaneity
from deephedge.data.quality.base import SEVERITIES, SHOWN, AbstractCheck, Finding, listed
from deephedge.data.quality.clock import Clock
from deephedge.data.quality.copies import Copies, Stale, Untraded
from deephedge.data.quality.duplicates import Duplicates
from deephedge.data.quality.gaps import Gaps
from deephedge.data.quality.lag import ReleaseLag
from deephedge.data.quality.outliers import Outliers, Splits
from deephedge.data.quality.quotes import Bars, Quotes, Signs
from deephedge.data.quality.repairs import AbstractRepair
from deephedge.data.quality.rolls import Rolls
from deephedge.data.quality.settlement import Settlement
from deephedge.data.quality.units import OptionUnits, Units
from deephedge.data.quality.volatility import JunkVol, OtherVol
from deephedge.data.records import Records

ALL: tuple[AbstractCheck, ...] = (
    Gaps(), Copies(), Stale(), Untraded(), Duplicates(), Outliers(), Splits(), Adjusted(), Quotes(), Bars(), Signs(),
    Units(), OptionUnits(), JunkVol(), OtherVol(), Arbitrage(), Simultaneity(), Settlement(), Rolls(), Clock(),
    ReleaseLag(),
)  # fmt: skip


@dataclass(frozen=True)
class Tolerance:
    """The share of rows that may have errors, by check; ``share`` for those that ``checks`` does not name."""

    share: float = 0.01
    checks: Mapping[str, float] = field(default_factory=lambda: MappingProxyType({}))

    def of(self, check: str) -> float:
        """What is allowed for ``check``."""
        return self.checks.get(check, self.share)


@dataclass(frozen=True, eq=False)
class Report:
    """What the checks found, worst first, and the reasons for which the records are refused."""

    title: str
    source: str
    rows: int
    checks: tuple[str, ...]
    findings: tuple[Finding, ...]
    refusals: tuple[str, ...]
    repairs: tuple[str, ...] = ()

    @property
    def accepted(self) -> bool:
        """Whether no check found errors beyond the tolerance."""
        return not self.refusals

    @property
    def rules(self) -> tuple[AbstractRepair, ...]:
        """The repairs that errors and warnings propose, each once."""
        return tuple(dict.fromkeys(one.repair for one in self.findings if one.repair and one.severity != "note"))

    def of(self, check: str) -> tuple[Finding, ...]:
        """The findings of one check."""
        require(check in self.checks, f"no check {check!r} was made: {nearest(check, self.checks)}", DataError)
        return tuple(one for one in self.findings if one.check == check)


def checked(records: Records, checks: Sequence[AbstractCheck] = ALL, tolerance: Tolerance = Tolerance()) -> Report:
    """The findings of every check that fits the kind of the records, and whether they are within ``tolerance``.

    >>> from deephedge.data import Origin
    >>> rows = [{"event_time": f"2024-01-0{d}", "known_time": f"2024-01-0{d}", "name": "A", "bid": 9.0, "ask": a}
    ...         for d, a in ((2, 9.1), (3, 8.0), (4, 9.1))]
    >>> report = checked(Records.of("quotes", rows, origin=Origin("by hand")), (Quotes(),))
    >>> report.accepted, report.refusals[0]
    (False, 'quotes: 33.3 % of rows have errors, 1 % are allowed (A: 1 quote with an ask below the bid)')
    """
    fitting = [check for check in checks if records.kind.name in check.kinds]
    known = [check.name for check in checks]
    for name in tolerance.checks:
        require(name in known, f"tolerance for an unknown check {name!r}: {nearest(name, known)}", DataError)
    found = [finding for check in fitting for finding in check.findings(records)]
    found.sort(key=lambda one: SEVERITIES.index(one.severity))
    refusals = [_refusal(check.name, found, len(records), tolerance) for check in fitting]
    names = tuple(check.name for check in fitting)
    return Report(
        repr(records), records.origin.source, len(records), names, tuple(found), tuple(filter(None, refusals)),
        records.repairs,
    )  # fmt: skip


def require_accepted(report: Report) -> None:
    """Raise ``DataError`` with the reasons where the records are beyond the tolerance."""
    hint = "repair them (the report proposes rules), get better ones, or allow more with a Tolerance"
    require(report.accepted, f"{report.source} is refused: {'; '.join(report.refusals)}; {hint}", DataError)


def text(report: Report) -> str:
    """The report as plain lines for a screen.

    >>> from deephedge.data import Origin
    >>> print(text(checked(Records.of("quotes", [], origin=Origin("nothing.csv")))).splitlines()[0])
    nothing.csv: Records(quotes: no rows)
    """
    width = max((len(one.check) for one in report.findings), default=0)
    lines = [f"{report.source}: {report.title}", verdict(report)]
    for group, left in worst(report):
        for one in group:
            lines.append(f"{one.severity:8}{one.check:{width}}  {one.about}: {one.sentence} ({one.share:.2%})")
            lines.append(f"{'':{width + 10}}{when(one)}")
            if one.repair:
                lines.append(f"{'':{width + 10}}repair: {one.repair}")
        if left:
            lines.append(f"{'':{width + 10}}and {left:,} more like these, each with a smaller share")
    return "\n".join([*lines, *(f"done already: {one}" for one in report.repairs)])


def worst(report: Report, shown: int = SHOWN) -> list[tuple[tuple[Finding, ...], int]]:
    """The findings by severity and check, those with the largest shares, and how many are left out of each."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for one in report.findings:
        groups.setdefault((one.severity, one.check), []).append(one)
    ordered = (sorted(group, key=lambda one: -one.share) for group in groups.values())
    return [(tuple(group[:shown]), max(len(group) - shown, 0)) for group in ordered]


def verdict(report: Report) -> str:
    """Accepted or refused, and why, in one line."""
    counts = [(name, sum(one.severity == name for one in report.findings)) for name in SEVERITIES]
    seen = ", ".join(f"{count} {name}{'' if count == 1 else 's'}" for name, count in counts)
    return f"accepted: {seen}" if report.accepted else f"refused: {'; '.join(report.refusals)} ({seen})"


def when(finding: Finding) -> str:
    """The first few times of a finding and the last."""
    return listed(finding.when)


def _refusal(check: str, found: Sequence[Finding], total: int, tolerance: Tolerance) -> str:
    errors = [one for one in found if one.check == check and one.severity == "error"]
    if not errors:
        return ""
    rows = np.unique(np.concatenate([one.index for one in errors])).size / max(total, 1)
    share = max(rows, *(one.share for one in errors if not one.index.size), 0.0)
    if share <= tolerance.of(check):
        return ""
    worst = max(errors, key=lambda one: one.share)
    allowed = f"{100 * tolerance.of(check):g} % are allowed"
    return f"{check}: {100 * share:.3g} % of rows have errors, {allowed} ({worst.about}: {worst.sentence})"
