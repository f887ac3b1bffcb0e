"""Saying numbers and comparisons in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from deephedge.core.errors import ParameterError, nearest, require
from deephedge.evaluation.compare import Comparison, Estimate
from deephedge.evaluation.metrics import METRICS
from deephedge.evaluation.multiple import holm

MINUS = "\N{MINUS SIGN}"
NBSP = "\N{NO-BREAK SPACE}"
ROUGH_TAIL = 20  # below so many independent windows in a tail, its interval is called rough


@dataclass(frozen=True)
class Unit:
    """What a reader sees cash in: ``factor`` times the number, called ``name``.

    >>> Unit("bp of spot", 1e4).say(0.00123456)
    '12.3 bp of spot'
    """

    name: str = "cash"
    factor: float = 1.0

    def say(self, value: float) -> str:
        return f"{number(value * self.factor)} {self.name}"


def number(value: float, digits: int = 3) -> str:
    """``value`` to so many significant digits, without exponents where a person would write none.

    >>> number(12345.6), number(-0.012345), number(float("nan"))
    ('12,300', '−0.0123', '–')
    """
    return _plain([value], digits)[0]


def bracket(estimate: Estimate, factor: float = 1.0, digits: int = 3) -> str:
    """A number with its interval, all to the same decimals; the number alone where there is no interval.

    >>> bracket(Estimate(0.00123, 0.0009, 0.0016, 0.0002), 1e4)
    '12.3 [9.0, 16.0]'
    """
    values = [estimate.value * factor, estimate.low * factor, estimate.high * factor]
    value, low, high = _plain(values, digits)
    return f"{value} [{low}, {high}]" if np.isfinite(values[1:]).all() else value


def label(metric: str, level: float = 0.95) -> str:
    """The name of a metric as a reader sees it.

    >>> label("cvar", 0.99)
    'CVaR 99\xa0%'
    """
    return METRICS[metric].label.format(level=_percent(level), tail=_percent(1 - level))


def scale(comparison: Comparison, metric: str, unit: Unit) -> tuple[float, str]:
    """What to multiply a metric with, and what it is in then."""
    kind = METRICS[metric].unit
    if kind == "units":
        return 1.0, "units"
    squared = kind == "risk" and not comparison.risk_in_cash
    return (unit.factor**2, f"({unit.name})²") if squared else (unit.factor, unit.name)


def inside(words: str) -> str:
    """A label as it stands inside a sentence: without its capital, unless it is an abbreviation."""
    return words if words[:2].isupper() or words.startswith("VaR") else words[:1].lower() + words[1:]


def meaning(metric: str, level: float = 0.95) -> str:
    """What a metric is, in one line."""
    return METRICS[metric].meaning.format(level=_percent(level), tail=_percent(1 - level))


@dataclass(frozen=True)
class Verdict:
    """``text`` for a reader, a line for each thought.

    For each candidate ``outcomes`` says ``"better"``, ``"worse"`` or ``"undecided"``, and ``p`` its adjusted p-value.
    """

    text: str
    outcomes: dict[str, str]
    p: dict[str, float]

    def named(self, kind: str) -> list[str]:
        return [name for name, found in self.outcomes.items() if found == kind]


def verdict(
    comparison: Comparison,
    candidates: Sequence[str],
    metric: str = "cvar",
    *,
    unit: Unit = Unit(),
    labels: Mapping[str, str] | None = None,
) -> Verdict:
    """Whether the candidates beat the reference on a metric, in words.

    The first candidate is the one that was chosen before the test; the sentences are about it. A candidate is better
    or worse only if its p-value stays below ``1 - confidence`` after Holm's correction for all candidates.
    """
    unknown = [name for name in candidates if name not in comparison.differences]
    hint = nearest(unknown[0], comparison.differences) if unknown else ""
    require(not unknown, f"{unknown} were not compared with {comparison.reference!r}: {hint}", ParameterError)
    require(len(candidates) > 0, "a verdict needs at least one candidate policy", ParameterError)
    called = {name: (labels or {}).get(name, name) for name in comparison.policies}
    p = holm({name: comparison.differences[name][metric].p for name in candidates})
    outcomes = {name: _outcome(comparison, name, metric, p[name]) for name in candidates}
    headline = _headline(comparison, candidates[0], metric, unit, called)
    first = f"{headline} {_significance(comparison, candidates, metric, p, outcomes)}"
    rest = (
        _others(candidates, outcomes, called),
        _elsewhere(comparison, candidates[0], metric, called),
        _caution(comparison),
    )
    return Verdict("\n".join(filter(None, (first, *rest))), outcomes, p)


def _headline(comparison: Comparison, name: str, metric: str, unit: Unit, called: dict[str, str]) -> str:
    gap, reference = comparison.differences[name][metric], comparison.reference
    factor, word = scale(comparison, metric, unit)
    before, after = (comparison.estimates[n][metric].value * factor for n in (reference, name))
    ends = (gap.low, gap.high) if gap.value >= 0 else (-gap.high, -gap.low)
    before, after = _plain([before, after], 3)
    by = bracket(Estimate(abs(gap.value), *ends, gap.error), factor)
    moved = "raises" if gap.value > 0 else "lowers" if gap.value < 0 else "keeps"
    return (
        f"{_start(called[name])} {moved} {inside(label(metric, comparison.level))} from {before} "
        f"({called[reference]}) to {after} {word}: by {by} ({_percent(comparison.confidence)} interval)."
    )


def _significance(comparison: Comparison, candidates: Sequence[str], metric: str, p: dict, outcomes: dict) -> str:
    name, k = candidates[0], len(candidates)
    corrected = f"p = {number(p[name], 2)}" + (f" after Holm's correction for {k} policies compared" if k > 1 else "")
    if p[name] < 0.001:
        corrected = corrected.replace(f"p = {number(p[name], 2)}", "p < 0.001")
    if outcomes[name] != "undecided":
        return f"That is significantly {outcomes[name]} ({corrected})."
    if comparison.differences[name][metric].significant:
        return f"Its own interval leaves out zero, but with several policies compared that may be chance ({corrected})."
    return f"The test cannot tell this from no difference: it is not significant ({corrected})."


def _others(candidates: Sequence[str], outcomes: dict[str, str], called: dict[str, str]) -> str:
    parts = []
    for kind, words in (("better", "better"), ("worse", "worse"), ("undecided", "not distinguishable")):
        names = [called[name] for name in candidates[1:] if outcomes[name] == kind]
        if names:
            parts.append(f"{words}: {', '.join(names)}")
    return f"The other learned policies, by the same test: {'; '.join(parts)}." if parts else ""


def _elsewhere(comparison: Comparison, name: str, metric: str, called: dict[str, str]) -> str:
    found: dict[str, list[str]] = {"better": [], "worse": [], "not distinguishable": []}
    judged = comparison.differences[name][metric]
    for other, gap in comparison.differences[name].items():
        if not np.isfinite(gap.low) or np.allclose([gap.value, gap.low], [judged.value, judged.low], rtol=1e-3, atol=0):
            continue  # the metric itself, or the objective where it is the same thing
        good = gap.value * METRICS[other].better > 0
        kind = ("better" if good else "worse") if gap.significant else "not distinguishable"
        found[kind].append(inside(label(other, comparison.level)))
    parts = [f"{kind} in {_list(names)}" for kind, names in found.items() if names]
    if not parts:
        return ""
    return f"On the other measures, each by its own interval and uncorrected, {called[name]} is {'; '.join(parts)}."


def _caution(comparison: Comparison) -> str:
    if comparison.window is None:
        return f"The test holds {comparison.paths:,} independent paths."
    tail = (1 - comparison.level) * comparison.independent
    separate = f"no more than {comparison.independent:,} that do not overlap"
    text = f"The test holds {comparison.paths:,} overlapping windows, and {separate}."
    if tail >= ROUGH_TAIL:
        return text
    count = "fewer than one" if tail < 1 else f"about {tail:.0f}"
    rough = "so intervals of VaR and CVaR are rough, and as a rule too narrow."
    return f"{text} The worst {_percent(1 - comparison.level)} are {count} of those, {rough}"


def _outcome(comparison: Comparison, name: str, metric: str, p: float) -> str:
    if not p < 1 - comparison.confidence:
        return "undecided"
    return "better" if comparison.differences[name][metric].value * METRICS[metric].better > 0 else "worse"


def _plain(values: Iterable[float], digits: int) -> list[str]:
    values = [float(v) for v in values]
    largest = max((abs(v) for v in values if np.isfinite(v) and v != 0), default=10.0 ** (digits - 1))
    decimals = digits - 1 - int(np.floor(np.log10(largest) + 1e-12))
    return [_one(round(v, decimals), max(decimals, 0)) if np.isfinite(v) else "–" for v in values]


def _one(value: float, decimals: int) -> str:
    return f"{value + 0.0:,.{decimals}f}".replace("-", MINUS)


def _percent(share: float) -> str:
    return f"{round(100 * share, 6):g}{NBSP}%"


def _start(words: str) -> str:
    return words[:1].upper() + words[1:]


def _list(words: Sequence[str]) -> str:
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}"
