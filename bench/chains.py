"""Hedging what was really quoted: ``python -m bench.chains --data FOLDER``; docs/reference/chains.md quotes the result.

FOLDER (or ``DEEPHEDGE_DATA`` and its ``B_options``) holds the files named in `bench.chain_data`. First the known truth:
short options of one expiry, with and without a delta hedge, on S&P 500 (Cboe), bitcoin and ether (Deribit, OKX) and
Nifty (NSE). Then a policy trained on paths that are simulated from the snapshots before June 2019, judged on those of
June; and the same by purged cross-validation over all days of sale (`bench.chain_folds`). Then the studies of books on
each chain. ``--quick`` takes a few contracts and steps and writes nothing.
"""

import argparse
import dataclasses
import datetime
import json
import os
import tempfile
import time
from pathlib import Path

import jax
import numpy as np
import polars as pl

import deephedge as dh
from bench import chain_books as books
from bench import chain_data as read
from bench import chain_folds, chain_world
from bench import chain_policies as hedges
from bench.chain_shorts import Case, row
from bench.effort import Effort, adam
from bench.kept import keep, todays
from deephedge import data
from deephedge import objectives as o
from deephedge.evaluation import compare
from deephedge.studies import Study, run
from deephedge.studies import evaluation as judge
from deephedge.studies.training import by_validation, load_all

ROOT = Path(__file__).parents[1]
TEST = "2019-06-01"  # the first day that no training saw
JUNE, JULY = "2019-06-21", "2026-07-31"
FRIDAYS = [(5, 10), (5, 17), (5, 24), (5, 31), (6, 7), (6, 14), (6, 21), (6, 28), (7, 5), (7, 12), (7, 19), (7, 26),
           (7, 31), (8, 2), (8, 16), (8, 23), (8, 30), (9, 20)]  # fmt: skip
STUDIES = ("spx_book", "deribit_btc_book", "deribit_eth_book", "okx_btc_book", "okx_eth_book", "nifty_book")
CHAIN_FILES = {"spx": read.FILES["SPX"], "nifty": read.FILES["NIFTY"]} | read.FILES
FEES = {"deribit": 5e-4, "okx": 5e-4}  # half the spread of a crypto future and its fee, assumed
RUPEE, HALF = 0.055, 0.01  # interest in India, and half the spread of its options as a share of their price: assumed


def shorts(folder: Path, effort: Effort) -> list[dict]:
    """Short options of one expiry: how much of the deviation a daily delta hedge takes off."""
    cases = {**index(folder, effort.quick), **({} if effort.quick else others(folder))}
    rows = []
    for name, case in cases.items():
        rows.append(row(name, case))
        print("shorts", json.dumps(rows[-1]), flush=True)
    return rows


def index(folder: Path, quick: bool) -> dict[str, Case]:
    chains = read.spx(folder, expiries=[days(JUNE)] if quick else [days(x) for x in (JUNE, "2019-05-31", "2019-06-28")])
    if quick:
        return {"SPX": Case(chains, JUNE, "am", reach=(0.995, 1.005))}
    return {
        "SPX June, morning, index": Case(chains, JUNE, "am"),
        "SPX June, morning, forward": Case(chains, JUNE, "am", "forward"),
        "SPX June, evening, index": Case(chains, JUNE),
        "SPX June, morning, index, within 5 %": Case(chains, JUNE, "am", reach=(0.95, 1.05)),
        "SPX 31 May, index": Case(chains, "2019-05-31"),
        "SPX 28 June, index": Case(chains, "2019-06-28"),
    }


def others(folder: Path) -> dict[str, Case]:
    cases = {}
    for exchange, half in FEES.items():
        for name in ("BTC", "ETH"):
            chains = read.coin(folder, exchange, name, expiries=[days(JULY)])
            cases[f"{name} July, {exchange}, forward"] = Case(
                chains, JULY, future="forward", half=half, settled=False, reach=(0.8, 1.25)
            )
    futures = read.nifty_future(folder)
    for name, expiry in (("January", "2026-01-27"), ("February", "2026-02-24")):
        chains = read.nifty(folder, expiries=[days(expiry)], rate=RUPEE)
        cases[f"NIFTY {name}, future"] = Case(
            chains, expiry, future=settlements(chains, futures, expiry), half=1e-4, spread=HALF
        )
    return cases


def settlements(chains: data.Chains, futures: pl.DataFrame, expiry: str) -> np.ndarray:
    """Prices of the future at each snapshot; at its end the spot, and from there on nothing that counts."""
    own = futures.filter(pl.col("expiry") == days(expiry)).sort("taken")
    at = np.searchsorted(chains.times, own["taken"].dt.replace_time_zone(None).to_numpy())
    price = chains.spot.copy()
    price[at] = own["price"].to_numpy()
    return price


def days(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def learnt(folder: Path, effort: Effort) -> dict:
    """A band around the delta-vega-vanna hedge, trained on the simulated world from five seeds, judged on June."""
    chains = read.spx(folder, expiries=[datetime.date(2019, *day) for day in FRIDAYS])
    until = int(np.searchsorted(chains.times, np.datetime64(TEST)))
    world, told = chain_world.fitted(chains, np.arange(until))
    grid = dh.TimeGrid.uniform(maturity=7 / 365, steps=books.STEPS)
    problem, policies = books.problem(grid.times), {name: make() for name, make in hedges.BASELINES.items()}
    start = time.perf_counter()
    seeds = [f"learnt, seed {seed}" for seed in effort.seeds(5)]
    policies |= {name: trained(problem, world, effort, seed) for seed, name in enumerate(seeds)}
    seconds = time.perf_counter() - start
    fresh = dh.sample(world, grid, effort.paths(2**15), key=jax.random.key(5), method="random")
    found = {"simulated": judged([dh.evaluate(problem, policies, fresh)], 1)}
    parts = {"before June": range(until - books.STEPS), "June": range(until, len(chains.times) - books.STEPS)}
    ledgers = {name: hedged(chains, sales, policies, effort) for name, sales in parts.items()}
    # June judges. With "both" go the days that chose the listed options; "Nifty" chose nothing and trained nothing.
    ledgers["both"] = [*ledgers["before June"], *ledgers["June"]]
    ledgers["Nifty"] = hedged(*elsewhere(folder), policies, effort)
    for name, each in ledgers.items():
        found[name] = judged(each, books.BOOKS * min(books.STEPS, len(each) // 2))
        print("learnt", name, json.dumps(found[name]), flush=True)
    met = {
        name: max(found[name]["differences"][seed]["cvar"]["high"] for seed in seeds) < 0 for name in ("June", "both")
    }
    return {"world": told, "seconds": seconds, **found, "passed": met["June"], "passed by both": met["both"]}


def crossed(folder: Path, effort: Effort) -> dict:
    """The same choices and trainings by purged cross-validation, so that every day of sale is judged by other days."""
    chains = read.spx(folder, expiries=[datetime.date(2019, *day) for day in FRIDAYS])
    problem = books.problem(dh.TimeGrid.uniform(maturity=7 / 365, steps=books.STEPS).times)
    seeds = [f"learnt, seed {seed}" for seed in effort.seeds(5)]
    brief = {"pairs": chain_folds.PAIRS[:1], "every": 3} if effort.quick else {}
    learn = lambda world, seed: trained(problem, world, effort, seed)  # noqa: E731
    ledgers, told = chain_folds.crossed(chains, learn, seeds, **brief)
    found = judged(ledgers, books.BOOKS * books.STEPS)
    print("crossed", json.dumps(found), flush=True)
    highest = {name: found["differences"][name]["cvar"]["high"] for name in ("chosen", *seeds)}
    return {"folds": told, **found, "passed": max(highest.values()) < 0}


def studied(folder: Path, effort: Effort) -> dict:
    """The studies of books on each chain (`studies/*_book.toml`), run to their reports; what the test days said."""
    brief = ["training.updates=2", "training.paths=64", "test.paths=64", "test.resamples=50"] if effort.quick else []
    found = {}
    for name in STUDIES[:1] if effort.quick else STUDIES:
        place = (folder / CHAIN_FILES[name.split("_")[0]]).resolve()
        study = Study.load(ROOT / "studies" / f"{name}.toml", [f'data.chain.path="{place}"', *brief])
        with tempfile.TemporaryDirectory() as out:
            kept = run(study, out=Path(out))
            result = judge.comparison_of(kept, judge.BACKTEST)
            chosen = by_validation(load_all(study, kept))[0]
        table = result.to_dict()  # pyright: ignore
        row = lambda one: {key: one[key] for key in ("mean", "std", "cvar", "cost")}  # noqa: E731
        found[name] = {
            "policy": chosen, "books": table["paths"],
            "figures": {each: row(one) for each, one in table["estimates"].items()},
            "differences": {each: row(one) for each, one in table["differences"].items()},
        }  # fmt: skip
        print(name, json.dumps({each: one["cvar"]["value"] for each, one in table["estimates"].items()}), flush=True)
    return found


def hedged(chains: data.Chains, sales: range, policies: dict, effort: Effort) -> list[dict[str, dh.Ledger]]:
    windows = [books.window(chains, day, seed=0) for day in sales[:: 5 if effort.quick else 1]]
    return [dh.evaluate(books.problem(paths.times[0]), policies, paths) for paths in windows]


def elsewhere(folder: Path) -> tuple[data.Chains, range]:
    """Nifty of early 2026 at settlement prices and a spread that is assumed, and its days of sale."""
    chains = read.nifty(folder, rate=RUPEE)
    half = HALF * chains.mark
    chains = dataclasses.replace(chains, bid=chains.mark - half, ask=chains.mark + half)
    return chains, range(len(chains.times) - books.STEPS)


def trained(problem: dh.HedgingProblem, world: dh.markets.AbstractMarket, effort: Effort, seed: int):
    policy = hedges.Rebalanced.make(hedges.BASELINES["delta-vega-vanna"](), key=jax.random.key(seed))
    updates = effort.updates(400)
    return dh.fit(problem, world, policy, o.CVaR(level=0.95), adam(3e-3, updates), updates=updates,
                  paths=effort.paths(2048), key=jax.random.key(100 + seed), checks=False).policy  # fmt: skip


def judged(ledgers: list[dict[str, dh.Ledger]], block: int) -> dict:
    """Figures of every policy over all books, and the differences to delta-vega, resampled in blocks of days."""
    whole = {name: jax.tree.map(lambda *x: np.concatenate(x), *(each[name] for each in ledgers)) for name in ledgers[0]}
    found = compare(whole, "delta-vega", block=block).to_dict()
    kept = ("mean", "std", "cvar", "cost")
    return {
        "books": found["paths"], "days": len(ledgers),
        "figures": {name: {key: row[key]["value"] for key in kept} for name, row in found["estimates"].items()},
        "differences": {
            name: {key: {side: row[key][side] for side in ("value", "low", "high")} for key in kept}
            for name, row in found["differences"].items()
        },
    }  # fmt: skip


def main(arguments: list[str] | None = None) -> dict:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", type=Path, help="the folder of option chains")
    words.add_argument("--only", choices=("shorts", "learnt", "crossed", "studies"), help="one of the four")
    words.add_argument("--quick", action="store_true", help="a few contracts and steps, nothing written")
    chosen = words.parse_args(arguments)
    home = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))
    folder = chosen.data or home / "B_options"
    missing = [name for name in read.FILES.values() if not (folder / name).is_file()]
    if missing:
        print(f"no data at {folder}: {', '.join(missing)}; name the folder with --data or DEEPHEDGE_DATA")
        return {}
    effort, parts = Effort(chosen.quick), {"shorts": shorts, "learnt": learnt, "crossed": crossed, "studies": studied}
    found = {name: part(folder, effort) for name, part in parts.items() if chosen.only in (None, name)}
    if not chosen.quick:
        known = json.loads(todays("chains").read_text()) if todays("chains").is_file() else {}
        keep("chains", known | found)
    return found


if __name__ == "__main__":
    main()
