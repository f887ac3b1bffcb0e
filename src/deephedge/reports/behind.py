"""Tables of what is behind a result: where wealth came from, calm and crisis, whether forecasts of risk held."""

from collections.abc import Mapping

from deephedge.evaluation.compare import Comparison
from deephedge.evaluation.verdict import Unit, label, number, scale
from deephedge.reports.contents import Forecast
from deephedge.reports.tables import Cell, Table, estimated

SPREAD = {"wealth": "Wealth", "std": "St. dev.", "unexplained_std": "St. dev. unexplained"}
REFUSED = 0.05
TERMS = {
    "opening": "the liability's cash and mark at the start, less its mark at the end",
    "vanna_volga": "second order with a volatility in it",
    "carry": "interest, income and charges",
    "roll": "what changing contracts cost beyond the trade itself",
    "unexplained": "what the Greeks leave",
}


def explained(
    found: Mapping[str, Mapping[str, float]], *, unit: Unit = Unit(), labels: Mapping[str, str] | None = None
) -> Table:
    """Mean wealth by term; terms that are nothing for every policy are left out."""
    terms = [term for term in next(iter(found.values())) if any(row[term] for row in found.values())]
    rows = tuple(
        (Cell((labels or {}).get(name, name)), *(Cell(number(row[term] * unit.factor)) for term in terms))
        for name, row in found.items()
    )
    heads = tuple(SPREAD.get(term, _title(term)) for term in terms)
    said = "; ".join(f"{_title(term)}: {TERMS[term]}" for term in terms if term in TERMS)
    note = f"Means a window in {unit.name}; the terms before Wealth add up to it. {said}{'.' if said else ''}"
    return Table("Where wealth came from", ("Policy", *heads), rows, note)


def regimes(
    found: Mapping[str, Comparison], metric: str, *, unit: Unit = Unit(), labels: Mapping[str, str] | None = None
) -> Table:
    """The metric of every policy in each regime, and its difference to the reference there."""
    called, some = (labels or {}).get, next(iter(found.values()))
    factor = scale(some, metric, unit)[0]
    heads = [f"{label(metric, some.level)}, {name}" for name in found]
    heads += [f"Less {called(some.reference, some.reference)}, {name}" for name in found]
    rows = []
    for name in some.estimates:
        cells = [estimated(one.estimates[name][metric], metric, factor) for one in found.values()]
        gaps = [one.differences[name][metric] if name in one.differences else None for one in found.values()]
        cells += [Cell("") if gap is None else estimated(gap, metric, factor, judged=True) for gap in gaps]
        rows.append((Cell(called(name, name)), *cells))
    note = (
        f"In {scale(some, metric, unit)[1]}, with {100 * some.confidence:g} % intervals; the last columns are paired."
    )
    return Table("Calm and crisis", ("Policy", *heads), tuple(rows), note)


def forecasts(
    found: Mapping[str, Forecast], level: float, *, unit: Unit = Unit(), labels: Mapping[str, str] | None = None
) -> Table:
    """Forecast risk beside what was exceeded, with the p-values of three tests."""
    rows = []
    for name, one in found.items():
        cells = [Cell(number(value * unit.factor)) for value in (one.var, one.shortfall)]
        cells += [Cell(f"{one.exceeded} of {one.windows}", f"{number(one.expected, 2)} expected")]
        cells += [_p(one.frequency), _p(one.clusters), _p(one.size)]
        rows.append((Cell((labels or {}).get(name, name)), *cells))
    risk = (label("var", level), label("cvar", level))
    heads = (
        "Policy",
        *(f"Forecast {one}" for one in risk),
        "Exceeded",
        "Kupiec p",
        "Christoffersen p",
        "Acerbi-Szekely p",
    )
    note = (
        f"In {unit.name}. Kupiec asks whether losses exceeded VaR neither more nor less often than forecast, "
        "Christoffersen also whether such windows follow each other, Acerbi and Szekely (Z2) whether losses beyond "
        f"VaR were more and larger than forecast. ✗ below {REFUSED:g}: the forecast is refused. So few windows refuse "
        "only gross mistakes."
    )
    return Table("Forecasts of risk", heads, tuple(rows), note)


def _p(p: float) -> Cell:
    return Cell("< 0.001" if p < 0.001 else number(p, 2), mark="worse" if p < REFUSED else "")


def _title(term: str) -> str:
    return term.replace("_", ", ").capitalize()
