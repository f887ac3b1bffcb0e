"""The book on real chains by purged cross-validation: every day of sale is judged by what other days chose.

Days of sale are cut into blocks. For each, the days that share no snapshot with it (and none of the day after) choose
the listed options among PAIRS, or the plain delta-vega hedge, by CVaR; a world is fitted to their snapshots; and
policies learn in it. Chosen and learnt so, they are judged on the block. Training days lie on both sides of it: this
judges a way to choose, not a record that could have been had.
"""

from collections.abc import Callable
from itertools import product

import numpy as np

import deephedge as dh
from bench import chain_books as books
from bench import chain_policies as hedges
from bench import chain_world
from deephedge import data
from deephedge.evaluation.folds import PurgedKFold
from deephedge.evaluation.metrics import tail_mean

BLOCKS, EMBARGO, LEVEL = 5, 1, 0.95
PAIRS = tuple(product((-0.05, -0.04, -0.03, -0.02), (0.01, 0.02, 0.03)))  # log-moneyness of a put and of a call
NEUTRAL, PLAIN = "delta-vega-vanna", "delta-vega"

Trained = Callable[[dh.markets.AbstractMarket, int], dh.policies.AbstractPolicy]  # of a world, and a seed
Ledgers = list[dict[str, dh.Ledger]]


def options(pair: tuple[float, float]) -> books.Chosen:
    """The listed options: the call at the money, and this put and call."""
    return books.CHOSEN | {"put": pair[0], "wing": pair[1]}


def sold(chains: data.Chains, pair: tuple[float, float], days: np.ndarray, policies: dict) -> Ledgers:
    """Every policy on the books of each day of sale."""
    windows = [books.window(chains, int(day), 0, options(pair)) for day in days]
    return [dh.evaluate(books.problem(paths.times[0]), policies, paths) for paths in windows]


def cvar(ledgers: Ledgers, name: str) -> float:
    wealth = np.sort(np.concatenate([np.asarray(each[name].wealth, float) for each in ledgers]))
    return tail_mean(-wealth, np.ones(wealth.size), LEVEL)


def crossed(
    chains: data.Chains, trained: Trained, seeds: list[str], *, pairs=PAIRS, every: int = 1
) -> tuple[Ledgers, list[dict]]:
    """Ledgers of all days of sale in their order, and of each block what was chosen for it, and why.

    The chosen hedge is called ``"chosen"``, the learnt ones by their ``seeds``; where delta-vega was best on the other
    days, all of them are delta-vega.
    """
    days = np.arange(0, len(chains.times) - books.STEPS, every)
    plain = {name: make() for name, make in hedges.BASELINES.items()}
    known = {pair: sold(chains, pair, days, plain) for pair in pairs}
    surfaces = chain_world.surfaces(chains, range(len(chains.times)))
    ledgers, told = [], []
    for fold in PurgedKFold(BLOCKS, EMBARGO).split(days, days + books.STEPS):
        risks = {pair: cvar([found[n] for n in fold.train], NEUTRAL) for pair, found in known.items()}
        pair = min(risks, key=lambda each: risks[each])
        own = cvar([known[pair][n] for n in fold.train], PLAIN)
        seen = np.unique(days[fold.train][:, None] + np.arange(books.STEPS + 1))
        world, facts = chain_world.fitted(chains, seen, surfaces, options(pair))
        better = risks[pair] < own
        chosen = plain[NEUTRAL if better else PLAIN]
        learnt = {name: trained(world, seed) if better else chosen for seed, name in enumerate(seeds)}
        ledgers += sold(chains, pair, days[fold.test], plain | {"chosen": chosen} | learnt)
        tested = [str(chains.times[days[n]])[:10] for n in (fold.test[0], fold.test[-1])]
        told.append({"test": tested, "put": pair[0], "wing": pair[1], "snapshots": len(seen), "train cvar": risks[pair],
                     "train cvar of delta-vega": own, "effective": facts["effective"]})  # fmt: skip
        print("fold", told[-1], flush=True)
    return ledgers, told
