"""A hedged strategy overlay: ``python -m bench.overlay --data FOLDER``; docs/reference/overlay.md quotes the result.

FOLDER (or ``DEEPHEDGE_DATA`` and its ``A_equity``) holds the S&P 500 and the VIX from 1990 to 2022. A trend position in
the index has one-month options written against it; the hedger covers the options with the index future. Trained on
1990-2009, stopped on 2010-2013, judged once on 2014-2022, month after month. ``--quick`` trains for a few steps, judges
on 2010-2013 and writes nothing.
"""

import argparse
import json
import os
import time
from dataclasses import asdict, replace
from pathlib import Path

import jax
import numpy as np

import deephedge as dh
from bench import overlay_book as book
from bench.effort import Effort, adam
from bench.kept import keep
from bench.overlay_risk import Held, risk_backtest
from deephedge import data
from deephedge import objectives as o
from deephedge import policies as p
from deephedge.evaluation import (
    Resampling,
    attribute,
    by_regime,
    by_volatility,
    capacity,
    compare,
    cost_and_latency,
    deflated_sharpe,
    overlay,
    probabilistic_sharpe,
    series_metrics,
    sharpe,
)

ROOT = Path(__file__).parents[1]
FILES = {"spot": "pypi_skfolio_sp500_close_1990_2022.csv.gz", "vol": "vix_ohlc_1990_2022.csv"}
TRAIN, VALIDATION, TEST = ("1990-01-01", "2009-12-31"), ("2010-01-01", "2013-12-31"), ("2014-01-01", "2022-12-31")
SAID = {"publisher": "S&P Dow Jones Indices (S&P 500), Cboe (VIX)",
        "licence": "files: BSD-3 (S&P 500, from skfolio), ODC-PDDL (VIX); the publishers' terms apply"}  # fmt: skip
YEAR = 252
BLOCK = book.STEPS  # days: options of one month hang together, and volatility clusters, which means do not show
IMPACT = 2e-4  # a trade of one unit of capital moves the future by 2 bp: the unit is then about a billion dollars
PAIRS = (("alone", "none"), ("alone", "delta"), ("none", "delta"), ("none", "learnt"), ("delta", "learnt"))


def learnt(history: data.History, effort: Effort) -> tuple[dh.policies.AbstractPolicy, dict]:
    """A no-transaction band around the delta, trained on simulated months, stopped on months that were."""
    years = history.between(*VALIDATION)
    banks = [book.months(years, programme)[0] for programme in book.PROGRAMMES]
    bank = jax.tree.map(lambda *x: np.concatenate(x), *banks)
    band = p.NoTransactionBand(book.FEATURES, key=jax.random.key(1), width=16, centre=p.Delta())
    updates = effort.updates(100)
    fit = dh.fit(book.problem(), book.training_market(history.between(*TRAIN)), band, o.CVaR(level=0.95),
                 adam(1e-2, updates), updates=updates, paths=effort.paths(1024), key=jax.random.key(2),
                 validation=jax.tree.map(jax.numpy.asarray, bank), validate_every=10, checks=False)  # fmt: skip
    return fit.policy, {"seconds": fit.seconds, "best update": fit.best_update, "updates": updates}


def chained(
    history: data.History, test: data.History, paths: dh.MarketPath, ledgers: dict[str, dh.Ledger]
) -> tuple[dict, dict]:
    """Daily gains of the combined book, month after month, and where those of options and hedge came from."""
    alone = book.strategy_gains(history)[-(len(test) - 1) :]
    gains, explained = {}, {}
    for name, ledger in ledgers.items():
        found = attribute(book.problem(), ledger, paths)
        days = sum(found.terms.values())
        days[:, 0] += found.opening
        gains[name], explained[name] = days.ravel(), found.mean()
    alone = alone[: days.size]
    return {"alone": alone} | {name: alone + each for name, each in gains.items()}, explained


def judged(gains: dict[str, np.ndarray], tried: np.ndarray) -> dict[str, dict]:
    """Figures of each book; Sharpe ratios a year, and how sure one is that they are above 0 and above luck."""
    return {
        name: {
            **{metric: float(value) for metric, value in series_metrics(days).items()},
            "sharpe": float(sharpe(days)) * YEAR**0.5,
            "above zero": probabilistic_sharpe(days), "above luck": deflated_sharpe(days, tried),
        }
        for name, days in gains.items()
    }  # fmt: skip


def paired(gains: dict[str, np.ndarray], resamples: int) -> dict[str, dict]:
    """What each step adds: differences of all figures on the same resampled days."""
    rows = {}
    for before, after in PAIRS:
        found = overlay(gains[before], gains[after] - gains[before], block=BLOCK, resamples=resamples)
        rows[f"{after} - {before}"] = {
            "block": found.block, **{metric: asdict(one) for metric, one in found.difference.items()},
            "sharpe": sharpe_gap(gains[before], gains[after], resamples),
        }  # fmt: skip
    return rows


def sharpe_gap(before: np.ndarray, after: np.ndarray, resamples: int) -> dict[str, float]:
    """Difference of Sharpe ratios a year, 95 % by the quantiles of stationary blocks, the same days for both."""
    both = np.stack([before, after], axis=1)
    orders = Resampling(BLOCK, resamples, circular=False).orders(len(both))
    drawn = np.concatenate([np.diff(sharpe(np.moveaxis(both[order], 1, 0)), axis=-1)[:, 0] for order in orders])
    low, high = np.quantile(drawn, (0.025, 0.975)) * YEAR**0.5
    return {"value": float(np.diff(sharpe(both))[0]) * YEAR**0.5, "low": float(low), "high": float(high)}


def options(ledgers: dict[str, dh.Ledger], resamples: int) -> dict:
    """The hedger's own part: a month of options and hedge without the position, over all windows."""
    found = compare(ledgers, "none", window=book.STEPS, resamples=resamples)
    kept = ("mean", "std", "cvar", "cost")
    return {
        name: {metric: row[metric].value for metric in kept}
        | {"differences": {metric: asdict(found.differences[name][metric]) for metric in kept if name != "none"}}
        for name, row in found.estimates.items()
    }


def regimes(history: data.History, paths: dh.MarketPath, ledgers: dict[str, dh.Ledger], resamples: int) -> dict:
    """All windows of the test years, calm or in crisis by the VIX at their start; its threshold is of the training."""
    calm = float(np.quantile(history.between(*TRAIN).quote("SPX.vol"), 0.8))
    count = len(np.asarray(paths.times))
    days = book.strategy_gains(history)[-(count + book.STEPS - 1) :]
    alone = np.lib.stride_tricks.sliding_window_view(days, book.STEPS).sum(axis=1)
    whole = {name: replace(each, wealth=each.wealth + alone.astype(np.float32)) for name, each in ledgers.items()}
    labels = by_volatility(paths, "SPX.vol", calm)
    found = by_regime(whole, labels, "none", window=book.STEPS, resamples=resamples)
    kept = ("mean", "std", "cvar")
    return {
        name: {
            "windows": int(np.sum(labels == name)),
            **{policy: {metric: row[metric].value for metric in kept} for policy, row in one.estimates.items()},
            "differences": {
                policy: {metric: asdict(row[metric]) for metric in kept} for policy, row in one.differences.items()
            },
        }
        for name, one in found.items()
    } | {"threshold": calm}


def frictions(paths: dh.MarketPath, policies: dict, quick: bool) -> tuple[list[dict], dict]:
    """Options and hedge under other costs and delays, and at other sizes."""
    hedges = {name: policies[name] for name in ("delta", "learnt")}
    scales, latencies = ((0, 1), (0,)) if quick else ((0, 1, 2, 4), (0, 1))
    rows = cost_and_latency(book.problem(), hedges, paths, scales=scales, latencies=latencies)
    priced = dh.frictions.Costs((dh.frictions.ProportionalCost(book.COST), dh.frictions.Impact(temporary=IMPACT)))
    grown = capacity(book.problem(priced), hedges, paths, sizes=(1, 100) if quick else (1, 2, 5, 10, 20, 50, 100))
    told = {
        name: {"sizes": one.sizes.tolist(), "unit": one.unit.tolist(), "error": one.error.tolist(), "gone": one.gone,
               "best": one.best} for name, one in grown.items()
    }  # fmt: skip
    return [{k: row[k] for k in ("policy", "scale", "latency", "mean", "std", "cvar", "cost")} for row in rows], told


def study(history: data.History, effort: Effort) -> dict:
    years = VALIDATION if effort.quick else TEST
    history = book.with_positions(history.between(None, years[1]))
    policy, training = learnt(history, effort)
    policies = {"none": p.NoHedge(), "delta": p.Delta(), "learnt": policy}
    resamples, test = 100 if effort.quick else 1000, history.between(*years)
    ledgers, windows, gains, found = {}, {}, {}, {"training": training, "strategy": position(test)}
    for programme in book.PROGRAMMES:
        windows[programme] = book.months(test, programme)[0]
        ledgers[programme] = dh.evaluate(book.problem(), policies, windows[programme])
        months, held = jax.tree.map(lambda x: x[:: book.STEPS], (windows[programme], ledgers[programme]))
        gains[programme], explained = chained(history, test, months, held)
        found[programme] = {"explained": explained}
    every = [days for one in gains.values() for name, days in one.items() if name != "alone"]
    tried = sharpe(np.stack([gains["straddles"]["alone"], *every], axis=1))
    found["tried"] = len(tried)
    for programme, days in gains.items():
        found[programme] |= {"books": judged(days, tried), "differences": paired(days, resamples)}
        found[programme]["options"] = options(ledgers[programme], resamples)
        found[programme]["regimes"] = regimes(history, windows[programme], ledgers[programme], resamples)
        months, held = jax.tree.map(lambda x: x[:: book.STEPS], (windows[programme], ledgers[programme]))
        numbers = np.arange(days["alone"].size) + len(history) - len(test)
        found[programme]["risk"] = {
            name: risk_backtest(history, numbers, Held.of(months, ledger)) for name, ledger in held.items()
        }
        if programme == "straddles":
            found[programme]["frictions"], found[programme]["capacity"] = frictions(months, policies, effort.quick)
        print(programme, json.dumps(found[programme]["books"], default=float), flush=True)
    return found


def position(test: data.History) -> dict:
    """How large the trend position was, and what it traded."""
    held, spot = test.quote(book.HELD), test.quote("SPX")
    turnover = np.abs(np.diff(held / spot) * spot[1:]).sum() / (len(held) / YEAR)
    return {"mean": float(held.mean()), "mean size": float(np.abs(held).mean()), "short": float(np.mean(held < 0)),
            "turnover a year": float(turnover), "days": len(held)}  # fmt: skip


def main(arguments: list[str] | None = None) -> dict:
    words = argparse.ArgumentParser(description=__doc__)
    words.add_argument("--data", type=Path, help="the folder of the S&P 500 and the VIX")
    words.add_argument("--quick", action="store_true", help="a few steps, nothing written")
    chosen = words.parse_args(arguments)
    home = Path(os.environ.get("DEEPHEDGE_DATA", ROOT.parent / "shared" / "data"))
    folder = chosen.data or home / "A_equity"
    missing = [name for name in FILES.values() if not (folder / name).is_file()]
    if missing:
        print(f"no data at {folder}: {', '.join(missing)}; name the folder with --data or DEEPHEDGE_DATA")
        return {}
    start, history = time.perf_counter(), data.load({role: folder / name for role, name in FILES.items()}, **SAID)
    found = {"data": history.provenance.as_dict(), **study(history, Effort(chosen.quick))}
    found["seconds"] = time.perf_counter() - start
    if not chosen.quick:
        keep("overlay", found)
    return found


if __name__ == "__main__":
    main()
