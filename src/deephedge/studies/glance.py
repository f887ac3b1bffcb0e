"""The study at a glance: what is hedged with what, which years did what, and how often the test was looked at."""

from collections.abc import Mapping, Sequence
from typing import Any

from deephedge.evaluation.verdict import MINUS
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import TEST, TRAIN, VALIDATION, Study
from deephedge.studies.training import Trained, by_validation

MOST = 10  # names in a list


def glance(study: Study, run: RunFolder, trained: Mapping[str, Trained]) -> dict[str, str]:
    """One line each, by its name."""
    steps, years = study.problem.grid.steps, float(study.problem.grid.times[-1])
    said = {
        "Liability": liability(study),
        "Hedged with": _listed(instruments(study)),
        "Decisions": f"{steps} in {years:.3g} years, one at each step of the grid",
        "Costs and limits": "; ".join(filter(None, map(_table, _charged(study)))) or "none",
        "Trained on": f"{_table(study.config['market'])}{_span(study, TRAIN, ', on ')}",
        "Chosen": _chosen(study, trained),
        "Tested": _tested(study, run),
        "Cash": study.report.unit + (f" ({study.report.factor:g} times the study's cash)" * (study.report.factor != 1)),
    }
    if "data" in run.manifest:
        about = run.manifest["data"]
        told = f"{about['source']} ({about['publisher']}; {about['licence']})"
        said["Data"] = f"{told}; {about['rows']:,} days, sha256 {about['sha256'][:12]}"
    return {name: text for name, text in said.items() if text}


def instruments(study: Study) -> tuple[str, ...]:
    """What each hedging instrument is called: its underlier, and its kind unless it is the spot; twins are numbered.

    >>> instruments(Study.load("spx_call"))
    ('SPX',)
    """
    names = [_called(one) for one in study.problem.instruments]
    return tuple(
        f"{name} {names[: n + 1].count(name)}" if names.count(name) > 1 else name for n, name in enumerate(names)
    )


def _called(contract: Any) -> str:
    kind, of = type(contract).__name__, getattr(contract, "underlier", getattr(contract, "pair", None))
    return kind if of is None else str(of) if kind == "Spot" else f"{kind} {of}"


def liability(study: Study) -> str:
    """How many of which contracts, ours signed: a premium and what is kept for a while are looked through.

    >>> liability(Study.load("spx_call"))
    '−1 × EuropeanCall SPX'
    """
    table = study.config["problem"]["liability"]
    held = {name: units for name, units in _units(table, 1.0).items() if units}
    return _listed([name if units == 1 else f"{units:g} × {name}" for name, units in held.items()]).replace("-", MINUS)


def _units(table: Mapping[str, Any], units: float) -> dict[str, float]:
    """How many of each contract there are, by what they are called; premiums left out."""
    kind = str(table.get("type", "")).rpartition(".")[2]
    held = table.get("units", 1.0)
    if kind == "Premium":
        return {}
    if kind in ("sold", "short"):
        return _units(table["contract"], -units * held)
    found, many = {}, table.get("contracts", ())
    for each, count in zip(many, held if isinstance(held, list) else [held] * len(many), strict=False):
        for name, size in _units(each, units * count).items():
            found[name] = found.get(name, 0.0) + size
    inner = table.get("contract", table.get("delivers"))
    if many or not isinstance(inner, Mapping):
        return found or {f"{kind} {table.get('underlier', table.get('pair', ''))}".strip(): units}
    return _units(inner, units)


def _charged(study: Study) -> list[Mapping[str, Any]]:
    return [study.config["problem"][key] for key in ("cost", "constraint", "funding") if key in study.config["problem"]]


def _table(table: Mapping[str, Any]) -> str:
    """A constructor call in words: its name and its plain numbers."""
    kind = str(table["type"]).rpartition(".")[2]
    parts = [f"{key} {_value(each)}" for key, each in table.items() if key != "type" and _value(each)]
    return f"{kind} ({', '.join(parts)})" if parts else kind


def _value(value: Any) -> str:
    if isinstance(value, list) and value and all(isinstance(one, Mapping) for one in value):
        return " and ".join(map(_table, value))
    if isinstance(value, list) and all(isinstance(one, int | float) for one in value):
        return ", ".join(f"{one:g}" for one in value)
    return str(value) if isinstance(value, int | float | str) and not isinstance(value, bool) else ""


def _chosen(study: Study, trained: Mapping[str, Trained]) -> str:
    names = by_validation(trained)
    if not names:
        return ""
    best = trained[names[0]].curve
    among = f", of {len(names)} learned" if len(names) > 1 else ""
    called = study.report.labels.get(names[0], names[0])
    where = _span(study, VALIDATION, " on ") if study.training.validation == "history" else " on simulated paths"
    return f"{called}{among}, at update {best['best_update']} of {len(best['loss'])}: the least risk{where}"


def _tested(study: Study, run: RunFolder) -> str:
    looks, tries = int(run.manifest.get("test_looks", 0)), int(run.manifest.get("tries", 0))
    if not study.has_years(TEST) or not looks:
        return ""
    often = "once" if looks == 1 else f"{looks} times"
    tried = "no other settings are" if tries <= 1 else f"{tries} settings in all are"
    return f"{_span(study, TEST, '')}, looked at {often}; {tried} on record for these years in the folder of this run"


def _span(study: Study, part: str, before: str) -> str:
    return f"{before}{' to '.join(map(str, getattr(study.data, part)))}" if study.has_years(part) else ""


def _listed(words: Sequence[str]) -> str:
    return ", ".join(words[:MOST]) + (f" and {len(words) - MOST} more" if len(words) > MOST else "")
