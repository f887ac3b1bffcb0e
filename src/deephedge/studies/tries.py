"""How often the test years were looked at, by whom, and what of the results is left when that is known."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from rich.table import Table
from rich.text import Text

from deephedge import config as toml
from deephedge.core.errors import ArtefactError, require
from deephedge.evaluation import Survivors, survivors
from deephedge.evaluation.verdict import Unit, number
from deephedge.studies.rundir import CONFIG, RunFolder
from deephedge.studies.tables import plain

RECORD = "tries.jsonl"
ROWS = "ledgers/backtest.parquet"


@dataclass(frozen=True)
class Try:
    """One look at test years: when, by which settings, on which data, and where the run lies."""

    looked: str
    study: str
    digest: str
    data: str
    test: tuple[str, str]
    run: str
    policies: tuple[str, ...]


def record(run: RunFolder, test: Sequence[Any], policies: Sequence[str]) -> int:
    """Write down a look at test years beside the run, and return how many settings have looked at the same ones.

    The record is the folder that holds the run; it is only ever added to.
    """
    place = run.path.parent / RECORD
    now = datetime.now(UTC).isoformat(timespec="seconds")
    data = run.manifest.get("data", {}).get("sha256", "")
    span = (str(test[0]), str(test[1]))
    one = Try(now, run.manifest["study"], run.digest, data, span, run.path.name, tuple(policies))
    with open(place, "a", encoding="utf-8") as out:
        out.write(json.dumps(one.__dict__) + "\n")
    return len({each.digest for each in tries(run.path.parent) if (each.data, each.test) == (data, span)})


def tries(folder: Path) -> list[Try]:
    """All looks that are on record in a folder of runs; raises ``ArtefactError`` for a record that was cut short."""
    place = folder / RECORD
    if not place.is_file():
        return []
    found = []
    for number_, line in enumerate(place.read_text("utf-8").splitlines(), 1):
        try:
            facts = json.loads(line)
            found.append(Try(**{k: tuple(v) if isinstance(v, list) else v for k, v in facts.items()}))
        except (ValueError, TypeError) as error:
            raise ArtefactError(f"{place} line {number_} is not a try; restore the file, or move it away") from error
    return found


def tested(folder: Path, benchmark: str | None = None) -> dict[str, Survivors]:
    """Everything tried on the same windows, tested together: a verdict over all runs for each set of test years.

    It is called by the years and, in brackets, the studies. Loss is what a window lost. ``benchmark`` is a policy of
    every run, the reference of the first unless given. Runs whose folder is gone are counted in `tries`, but cannot be
    tested; nor can years that only one run looked at with one policy.
    """
    grouped: dict[tuple[str, tuple[str, ...]], dict[str, Try]] = {}
    for one in tries(folder):
        if (folder / one.run).is_dir():
            grouped.setdefault((one.data, one.test), {})[one.run] = one
    require(bool(grouped), f"{folder} has no record of tries ({RECORD}); it is written by backtest", ArtefactError)
    found = {}
    for (_, test), runs in grouped.items():
        losses, window, first = _losses(folder, sorted(runs), benchmark)
        if len(losses) > 1:
            studies = ", ".join(sorted({one.study for one in runs.values()}))
            found[f"{test[0]} to {test[1]} ({studies})"] = survivors(losses, first, window=window)
    return found


def unit(folder: Path, name: str) -> Unit:
    """What cash reads as in the first run of what `tested` has called ``name``."""
    run = next(one.run for one in tries(folder) if name.startswith(" to ".join(one.test)) and one.study in name)
    table = toml.load(folder / run / CONFIG).get("report", {})
    return Unit(table.get("unit", "cash"), table.get("factor", 1.0))


def _losses(folder: Path, runs: Sequence[str], benchmark: str | None) -> tuple[dict[str, np.ndarray], int, str]:
    losses: dict[str, np.ndarray] = {}
    window, first = 1, ""
    for name in runs:
        run = RunFolder.open(folder / name)
        rows, kept = run.read_frame(ROWS), run.read_json("backtest.json")
        reference = benchmark or kept["reference"]
        window = int(kept.get("window") or 1)
        for (policy,), each in rows.group_by("policy", maintain_order=True):
            loss = -each["wealth"].to_numpy().astype(float)
            if policy == reference:
                first = first or str(policy)
                losses.setdefault(first, loss)
            elif not any(np.array_equal(loss, other) for other in losses.values()):
                losses[f"{name} {policy}"] = loss
    shapes = {loss.shape for loss in losses.values()}
    told = (
        f"{folder}: runs on the same years hold different numbers of windows {sorted(shapes)}; compare like with like"
    )
    require(len(shapes) == 1 and first in losses, told, ArtefactError)
    return losses, window, first


def table(years: str, found: Survivors, unit: Unit) -> Table:
    """Every try against the benchmark, the most probable first, with what is left of it."""
    rows = plain(
        f"All that was tried on {years}, in {unit.name}", "try", "mean advantage", "error", "p", "Holm", "says"
    )
    for name in sorted(found.p, key=lambda one: found.p[one]):
        says = "better, among all tried" if name in found.stepwise else "not told from chance"
        values = (found.advantage[name] * unit.factor, found.error[name] * unit.factor, found.p[name], found.holm[name])
        rows.add_row(Text(name), *map(number, values), says)
    checks = f"reality check p {number(found.reality_check)}, superior ability p {number(found.superior_ability)}"
    asked = f"{found.tried} tries, blocks of {found.block} windows; that none is better: {checks}."
    rows.caption = f"Means of wealth, not of risk. {asked}"
    rows.caption_justify = "left"
    return rows
