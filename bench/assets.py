"""The seed cases of one asset class each, beside their bars: ``python -m bench.assets --only fx``.

Runs the study of each (or reads the run folder given with ``--run``), computes its bar on the test years with an
interval by a paired block bootstrap, prints a table and writes a dated result file for docs/reference/studies.md.
``--quick`` trains for a step or two, judges the validation years in place of the test years, and writes nothing.
A study more is one entry of ASSETS.
"""

import argparse
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.asset_bars import Judged, bonds, commodities, credit, currencies, cvar, deviation
from bench.kept import keep
from deephedge.studies import RunFolder, Study, run
from deephedge.studies.evaluation import backtest
from deephedge.studies.job import open_run
from deephedge.studies.training import train

ROOT = Path(__file__).parents[1]
QUICK = ("training.updates=2", "training.paths=64", "training.validate_every=1", "test.paths=64", "test.resamples=50")


class Asset(NamedTuple):
    study: str
    bar: Callable[[Judged], dict[str, Any]]
    better: str = "below"


ASSETS = {"fx": Asset("fx_treasury", currencies), "bonds": Asset("bond_portfolio", bonds),
          "oil": Asset("oil_producer", commodities, "above"), "credit": Asset("credit_book", credit)}  # fmt: skip


def judge(asset: Asset, place: RunFolder) -> dict[str, Any]:
    """The bar of a finished run, and what stands beside it."""
    judged = Judged.of(place)
    level, ones = judged.study.test.level, np.ones(len(judged.starts))
    table = {
        name: {"mean": float(x.wealth.mean()), "std": deviation(x.wealth, ones), "cvar": cvar(x.wealth, ones, level),
               "cost": float(x.cost.mean())}
        for name, x in judged.outcomes.items()
    }  # fmt: skip
    first, last, windows = str(judged.starts[0]), str(judged.starts[-1]), len(judged.starts)
    found = {"study": asset.study, "policy": judged.chosen, "windows": windows, "first": first, "last": last,
             "independent": windows // judged.study.problem.grid.steps, "looks": judged.looks,
             "digest": place.digest, **asset.bar(judged), "table": table}  # fmt: skip
    bar = found["bar"]
    return found | {"met": bool(bar["value"] >= found["needed"]), "significant": bool(bar["low"] > 0)}


def finished(asset: Asset, folder: Path, quick: bool) -> RunFolder:
    """The study run to its end in ``folder``; quickly, without its test years."""
    file = ROOT / "studies" / f"{asset.study}.toml"
    if not quick:
        return run(Study.load(file), folder=folder)
    data = Study.load(file).data
    first, last = (np.datetime64(str(day)) for day in data.validation)  # pyright: ignore
    middle = first + (last - first) // 2
    years = (f'data.validation=["{first}", "{middle}"]', f'data.test=["{middle + 1}", "{last}"]')
    study = Study.load(file, [*QUICK, *years])
    place = open_run(study, folder=folder)
    train(study, place)
    backtest(study, place)
    return place


def shown(name: str, better: str, found: dict[str, Any]) -> None:
    print(f"{name}: {found['study']}, {found['windows']} windows from {found['first']} to {found['last']}")
    for policy, row in found["table"].items():
        print(f"  {policy:12s}", "  ".join(f"{key} {value:9.4f}" for key, value in row.items()))
    for rival, gain in {"the bar's": found["bar"], **found["harder"]}.items():
        print(f"  {found['policy']} {better} {rival}: {gain['value']:.1%} ({gain['low']:.1%} to {gain['high']:.1%})")
    print(f"  needed {found['needed']:.0%}: {'met' if found['met'] else 'not met'}", flush=True)


def main(arguments: list[str] | None = None) -> dict[str, dict]:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--only", choices=list(ASSETS), help="one study")
    words.add_argument("--run", type=Path, help="a finished run folder of that study; nothing is trained")
    words.add_argument("--quick", action="store_true", help="a step or two, nothing written")
    chosen = words.parse_args(arguments)
    results = {}
    for name, asset in ASSETS.items():
        if chosen.only in (None, name):
            with tempfile.TemporaryDirectory() as folder:
                place = RunFolder.open(chosen.run) if chosen.run else finished(asset, Path(folder) / name, chosen.quick)
                results[name] = judge(asset, place)
            shown(name, asset.better, results[name])
    if not chosen.quick:
        keep(f"assets-{chosen.only or 'all'}", results)
    return results


if __name__ == "__main__":
    main()
