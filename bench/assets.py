"""The seed cases of one asset class each, beside their bars: ``python -m bench.assets --only fx``.

Runs the study of each (or reads the run folder given with ``--run``), computes its bar on the test years with an
interval by a paired block bootstrap, prints a table and writes a dated result file for docs/reference/studies.md.
``--walk`` refits from year to year instead, as the study's ``[walk]`` says, and judges all of its years together.
``--seeds 5`` trains from as many seeds, chooses in each by the validation years as ever, and tells the bar of each.
``--quick`` trains for a step or two, judges the validation years in place of the test years, and writes nothing.
A study more is one entry of ASSETS.
"""

import argparse
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from bench.asset_bars import Judged, bonds, commodities, commodities_walked, credit, currencies, cvar, deviation
from bench.kept import keep
from deephedge.studies import RunFolder, Study, run, walk
from deephedge.studies.evaluation import backtest
from deephedge.studies.job import open_run
from deephedge.studies.training import train

ROOT = Path(__file__).parents[1]
QUICK = ("training.updates=2", "training.paths=64", "training.validate_every=1", "test.paths=64", "test.resamples=50")


class Asset(NamedTuple):
    study: str
    bar: Callable[[Judged], dict[str, Any]]
    better: str = "below"
    walked: Callable[[Sequence[Judged]], dict[str, Any]] | None = None


ASSETS = {"fx": Asset("fx_treasury", currencies), "bonds": Asset("bond_portfolio", bonds),
          "oil": Asset("oil_producer", commodities, "above", commodities_walked),
          "products": Asset("products_refiner", commodities, "above", commodities_walked),
          "credit": Asset("credit_book", credit)}  # fmt: skip


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


def study_of(asset: Asset, quick: bool, seed: int = 0) -> Study:
    """The study as shipped but for its seed; quickly, it is tested on half of its validation years."""
    file, given = ROOT / "studies" / f"{asset.study}.toml", [f"seed={seed}"] if seed else []
    study = Study.load(file, given)
    if not quick:
        return study
    first, last = (np.datetime64(str(day)) for day in study.data.validation)  # pyright: ignore
    middle = first + (last - first) // 2
    years = (f'data.validation=["{first}", "{middle}"]', f'data.test=["{middle + 1}", "{last}"]')
    return Study.load(file, [*QUICK, *years, *given])


def tested(study: Study, folder: Path) -> RunFolder:
    """Trained and backtested, without simulated paths and a report."""
    place = open_run(study, folder=folder)
    train(study, place)
    backtest(study, place)
    return place


def by_seed(asset: Asset, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """The bar from every seed, the policy that its validation chose, and what that came to."""
    found = {}
    for seed in range(chosen.seeds):
        place = folder / str(seed)
        if chosen.walk:
            result = judge_walk(asset, place, chosen.quick, seed)
        else:
            result = judge(asset, tested(study_of(asset, chosen.quick, seed), place))
        kept = ("policy", "bar", "met", "significant", "harder", "chosen", "table")
        found[str(seed)] = {key: result[key] for key in kept if key in result}
        bar = result["bar"]
        told = f"{bar['value']:.1%} ({bar['low']:.1%} to {bar['high']:.1%})"
        print(f"{asset.study}, seed {seed}: {result['policy']} {asset.better} the bar's: {told}", flush=True)
    return found


def judge_walk(asset: Asset, folder: Path, quick: bool, seed: int = 0) -> dict[str, Any]:
    """The bar of all stretches of a walk forward together; quickly, of one year of those that were for design."""
    brief = (*QUICK, 'walk.first="2013-01-02"', 'walk.last="2013-12-31"', "walk.every=100") if quick else ()
    found = walk(Study.load(ROOT / "studies" / f"{asset.study}.toml", [*brief, f"seed={seed}"]), out=folder)
    result = asset.walked([Judged.of(place) for place in found.runs])  # pyright: ignore
    bar = result["bar"]
    return {"study": asset.study, "policy": "the one chosen", **result,
            "met": bool(bar["value"] >= result["needed"]), "significant": bool(bar["low"] > 0)}  # fmt: skip


def found(asset: Asset, folder: Path, chosen: argparse.Namespace) -> dict[str, Any]:
    """What the words of the command line ask for."""
    if chosen.seeds:
        return by_seed(asset, folder, chosen)
    if chosen.walk:
        return judge_walk(asset, folder, chosen.quick)
    if chosen.run:
        return judge(asset, RunFolder.open(chosen.run))
    study = study_of(asset, chosen.quick)
    return judge(asset, tested(study, folder / "it") if chosen.quick else run(study, folder=folder / "it"))


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
    words.add_argument("--walk", action="store_true", help="refit from year to year; studies whose bar knows how")
    words.add_argument("--seeds", type=int, help="train from so many seeds, and tell the bar of each")
    words.add_argument("--quick", action="store_true", help="a step or two, nothing written")
    chosen = words.parse_args(arguments)
    wanted = {name: asset for name, asset in ASSETS.items() if chosen.only in (None, name)}
    if chosen.run and (chosen.walk or chosen.seeds):
        words.error("--run judges one run: neither --walk nor --seeds")
    if chosen.walk:
        wanted = {name: asset for name, asset in wanted.items() if asset.walked}
        if not wanted:
            words.error("--walk is for oil and products")
    results = {}
    for name, asset in wanted.items():
        with tempfile.TemporaryDirectory() as folder:
            results[name] = found(asset, Path(folder), chosen)
        if not chosen.seeds:
            shown(name, asset.better, results[name])
    if not chosen.quick:
        keep(f"assets-{chosen.only or 'all'}{'-walk' * chosen.walk}{'-seeds' * bool(chosen.seeds)}", results)
    return results


if __name__ == "__main__":
    main()
