"""Ledgers of many paths from few compiled programs; and as Parquet columns, and back."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

import jax
import jax.numpy as jnp
import numpy as np

from deephedge.core.paths import MarketPath
from deephedge.hedging import HedgingProblem, Ledger, evaluate
from deephedge.policies import AbstractPolicy

if TYPE_CHECKING:
    import polars as pl


BATCH = 1024  # paths at a time: whatever their number, a policy is compiled once


def hedged(problem: HedgingProblem, policies: Mapping[str, AbstractPolicy], paths: MarketPath) -> dict[str, Ledger]:
    """``deephedge.evaluate`` in batches of one size, the last one filled up: any number of paths compiles once."""
    count = paths.times.shape[0]
    rows = np.minimum(np.arange(-(-count // BATCH) * BATCH), count - 1).reshape(-1, BATCH)
    whole = jax.tree.map(np.asarray, paths)
    found = [evaluate(problem, dict(policies), jax.tree.map(lambda x, r=r: jnp.asarray(x[r]), whole)) for r in rows]
    return {name: joined([ledgers[name] for ledgers in found], count) for name in policies}


def premiums(problem: HedgingProblem, paths: MarketPath) -> np.ndarray:
    """Cash that the liability brings in at the first point of each path, in units of the numeraire."""
    return np.asarray(jax.vmap(lambda p: problem.liability.cashflows(p)[0] / p.numeraire[0])(paths), float)


def summary(ledgers: Mapping[str, Ledger], premium: np.ndarray, starts: np.ndarray | None = None) -> "pl.DataFrame":
    """One row a policy and path, with its ``weight`` where paths have one; ``start`` is its first day."""
    import polars as pl

    frames = []
    for name, ledger in ledgers.items():
        numbers = {
            "premium": premium.astype(np.float32),
            "liability": np.asarray(ledger.liability),
            "gain": np.asarray(ledger.gain).sum(-1),
            "cost": np.asarray(ledger.cost).sum(-1),
            "turnover": np.abs(np.asarray(ledger.trade)).sum((-2, -1)),
            "wealth": np.asarray(ledger.wealth),
        }
        numbers |= {} if ledger.weight is None else {"weight": np.asarray(ledger.weight)}
        paths = len(premium)
        first = {"policy": [name] * paths, "path": np.arange(paths, dtype=np.int32)}
        first |= {} if starts is None else {"start": starts.astype("datetime64[D]")}
        frames.append(pl.DataFrame(first | numbers))
    return pl.concat(frames)


def steps(ledgers: Mapping[str, Ledger]) -> "pl.DataFrame":
    """One row a policy, path and step; positions and trades of instrument 2 and later in columns of their own."""
    import polars as pl

    frames = []
    for name, ledger in ledgers.items():
        position, trade = np.asarray(ledger.position), np.asarray(ledger.trade)
        paths, count, instruments = position.shape
        index = np.repeat(np.arange(paths, dtype=np.int32), count), np.tile(np.arange(count, dtype=np.int16), paths)
        columns = {"policy": [name] * (paths * count), "path": index[0], "step": index[1]}
        for n in range(instruments):
            columns |= {_named("position", n): position[..., n].ravel(), _named("trade", n): trade[..., n].ravel()}
        columns |= {"cost": np.asarray(ledger.cost).ravel(), "gain": np.asarray(ledger.gain).ravel()}
        frames.append(pl.DataFrame(columns))
    return pl.concat(frames)


def restored(summary: "pl.DataFrame", steps: "pl.DataFrame") -> dict[str, Ledger]:
    """The ledgers that ``summary`` and ``steps`` were made of."""
    import polars as pl

    ledgers = {}
    for name in summary["policy"].unique(maintain_order=True):
        rows, each = (frame.filter(pl.col("policy") == name) for frame in (summary, steps))
        shape = (rows.height, -1)
        instruments = sum(column.startswith("position") for column in each.columns)
        position, trade = (
            np.stack([each[_named(kind, n)].to_numpy().reshape(shape) for n in range(instruments)], axis=-1)
            for kind in ("position", "trade")
        )
        cost, gain = (each[kind].to_numpy().reshape(shape) for kind in ("cost", "gain"))
        kinds = ("liability", "wealth", "weight") if "weight" in rows.columns else ("liability", "wealth")
        ends = (rows[kind].to_numpy() for kind in kinds)
        ledgers[name] = Ledger(*map(jnp.asarray, (position, trade, cost, gain, *ends)))
    return ledgers


def joined(parts: list[Ledger], count: int | None = None) -> Ledger:
    """Ledgers of many paths behind each other; the first ``count`` of them."""
    return jax.tree.map(lambda *leaves: jnp.asarray(np.concatenate([np.asarray(x) for x in leaves])[:count]), *parts)


def _named(kind: str, instrument: int) -> str:
    return kind if instrument == 0 else f"{kind}_{instrument + 1}"
