"""Options of one expiry sold on every day and hedged daily to their end: what a hedge by delta takes off the deviation.

Every contract of the expiry near the money at the first snapshot, both rights, and every snapshot as the day of the
sale: a short call or put is sold, delta (of the volatility it is quoted at) is held until the next snapshot, and so on
until it settles or, where the file has no price of the underlier at the end, is bought back at its last mark.
"""

from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np

import deephedge as dh
from deephedge import data
from deephedge import features as f
from deephedge import instruments as i
from deephedge import policies as p
from deephedge.core.errors import DataError, require
from deephedge.evaluation.bootstrap import Resampling

BLOCK = 5  # snapshots: sales of near days share most of their lives


@dataclass(frozen=True)
class Case:
    """One expiry of a chain, and how it is hedged: with the underlier, or with a future of that expiry.

    ``future``: its price at each snapshot; ``"forward"`` for the forward that the chain gives. ``half``: half its
    spread, a share of its price. ``spread``: half that of the options, a share of theirs, where the chain has none.
    ``settled``: whether they settle on the underlier of the path; else they are bought back at the last snapshot.
    """

    chains: data.Chains
    expiry: str
    settlement: str = "pm"
    future: np.ndarray | str | None = None
    half: float = 5e-5
    spread: float | None = None
    settled: bool = True
    reach: tuple[float, float] = (0.9, 1.1)

    def rows(self, call: bool) -> np.ndarray:
        """Contracts within reach that are marked at every snapshot of the path."""
        chains = self.chains
        money = chains.strike / chains.spot[0]
        fits = (chains.expiry == np.datetime64(self.expiry)) & (chains.settlement == self.settlement)
        known = np.isfinite(chains.mark[:, 0]) & np.isfinite(chains.vol[:, 0]) & (chains.call == call)
        return np.flatnonzero(fits & known & (money >= self.reach[0]) & (money <= self.reach[1]))

    @property
    def last(self) -> int:
        """The snapshot at which it ends."""
        ends = self.chains.expires[self.rows(True)[0]]
        over = int(np.searchsorted(self.chains.times, ends))
        require(over < len(self.chains.times) or not self.settled, "the chain ends before the expiry", DataError)
        return over if self.settled else over - 1

    def paths(self, rows: np.ndarray) -> dh.MarketPath:
        """A path for each contract, called ``"sold"``; the future, where there is one, is called so."""
        paths = self.chains.path({"sold": rows}, 0, self.last)
        if self.future is None:
            return paths
        price = paths.quotes["sold.forward"] if isinstance(self.future, str) else self.future[: self.last + 1]
        return paths.with_quotes({"future": jnp.broadcast_to(jnp.asarray(price, jnp.float32), paths.times.shape)})


def sold(case: Case, free: bool, step: bool) -> dict[str, np.ndarray]:
    """Wealth of each sale without a hedge and with one, (contract, day of sale); NaN where nobody bid.

    ``free``: at the mid and with no spread anywhere; ``step``: every sale is closed at the next snapshot's mark.
    """
    parts = [_right(case, call, free, step) for call in (True, False)]
    return {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}


def _right(case: Case, call: bool, free: bool, step: bool) -> dict[str, np.ndarray]:
    chains, rows, last = case.chains, case.rows(call), case.last
    bid = chains.bid[rows, :last] if case.spread is None else chains.mark[rows, :last] * (1.0 - case.spread)
    premium = chains.mark[rows, :last] if free else bid
    start = chains.years(chains.times[: last + 1])
    ends = start[1:] if step else np.full(last, start[-1])
    expiry = float(chains.years(chains.expires[rows[:1]])[0])
    terms = chains.underlier, "call" if call else "put", case.future is not None
    numbers = (chains.strike[rows], start[:-1], ends, premium, expiry, 0.0 if free else case.half)
    wealth = _wealth(terms, case.paths(rows), *(jnp.asarray(x, jnp.float32) for x in numbers))
    halted = (chains.halted[rows, :last] > 0) & (case.spread is None)
    return {name: np.where(halted, np.nan, np.asarray(x, float)) for name, x in wealth.items()}


@eqx.filter_jit
def _wealth(terms: tuple, paths, strike, start, ends, premium, expiry, half) -> dict[str, jax.Array]:
    underlier, kind, future = terms

    def one(path: dh.MarketPath, strike, start, end, premium) -> dict[str, jax.Array]:
        option = i.Listed("sold", underlier, strike, expiry, kind)
        owed = i.Ending(i.Starting(option, start, premium), end)
        problem = dh.HedgingProblem(
            grid=dh.TimeGrid(path.times), liability=i.short(owed),
            instruments=(i.Future("future", expiry) if future else i.Spot(underlier),),
            features=(f.Delta(owed, quote="sold.forward" if future else underlier),),
            cost=dh.frictions.ProportionalCost(half), close_out=True,
        )  # fmt: skip
        policies = {"none": p.NoHedge(), "delta": p.Delta()}
        ledgers = {name: dh.rollout(problem, policy, path) for name, policy in policies.items()}
        cost = {f"{name}, cost": jnp.sum(ledger.cost) for name, ledger in ledgers.items()}
        return {name: ledger.wealth for name, ledger in ledgers.items()} | cost

    starts = jax.vmap(one, (None, None, 0, 0, 0))
    return jax.vmap(starts, (0, 0, None, None, 0))(paths, strike, start, ends, premium)


def ratio(found: dict[str, np.ndarray], seed: int = 0) -> dict[str, float]:
    """How many times smaller the deviation is with the hedge, and 95 % of it over resampled blocks of days of sale."""
    whole = np.isfinite(found["none"])
    counts = np.concatenate(list(Resampling(min(BLOCK, whole.shape[1]), 1000, seed).counts(whole.shape[1])))
    drawn = _deviation(found["none"], whole, counts) / _deviation(found["delta"], whole, counts)
    every = np.ones((1, whole.shape[1]))
    none, delta = (float(_deviation(found[name], whole, every)[0]) for name in ("none", "delta"))
    low, high = np.quantile(drawn, (0.025, 0.975))
    return {"ratio": none / delta, "low": float(low), "high": float(high), "none": none, "delta": delta}


def _deviation(wealth: np.ndarray, whole: np.ndarray, counts: np.ndarray) -> np.ndarray:
    """Pooled over contracts and days of sale, each day as often as it was drawn."""
    sums = [counts @ (np.where(whole, wealth, 0.0) ** power).sum(axis=0) for power in (1, 2)]
    number = counts @ whole.sum(axis=0)
    return np.sqrt(sums[1] / number - (sums[0] / number) ** 2)


def row(name: str, case: Case) -> dict:
    """All that the table says of one case."""
    free, paid, step = sold(case, True, False), sold(case, False, False), sold(case, True, True)
    first = {key: value[:, :1] for key, value in free.items()}
    once = {key: float(np.nanstd(first[key])) for key in ("none", "delta")}
    premium = float(np.nanmean(free["none"] - paid["none"]))
    return {
        "case": name, "contracts": len(free["none"]), "sales": int(np.isfinite(free["none"]).sum()),
        "days": free["none"].shape[1], "spot": float(case.chains.spot[0]), "to the end": ratio(free),
        "after costs": ratio(paid), "one step": ratio(step), "first day only": once["none"] / once["delta"],
        "mean": {kind: float(np.nanmean(paid[kind])) for kind in ("none", "delta")}, "half spread at sale": premium,
        "cost of the hedge": float(np.nanmean(paid["delta, cost"])), "told": list(case.chains.told),
    }  # fmt: skip
