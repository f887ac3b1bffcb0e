"""Policies on the same paths: intervals for each metric, and for each difference to a reference policy."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from scipy.stats import t as student

from deephedge.core.errors import ParameterError, nearest, require
from deephedge.evaluation.bootstrap import Resampling, block_length
from deephedge.evaluation.metrics import TIE, Outcome, metrics, outcome, terms
from deephedge.hedging import Ledger
from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective

EXACT_RISK = 5_000  # above so many paths a pathwise objective keeps its threshold in resamples: right to first order


@dataclass(frozen=True)
class Estimate:
    """A number with its interval and standard error. ``p`` tests that it is 0 (two-sided, differences only)."""

    value: float
    low: float
    high: float
    error: float
    p: float = float("nan")

    @property
    def significant(self) -> bool:
        """Whether the interval leaves out 0."""
        return self.low > 0 or self.high < 0


@dataclass(frozen=True)
class Comparison:
    """Every policy's metrics and their differences to ``reference``, with intervals at ``confidence``.

    Policies share their resamples, so differences are paired. ``risk_in_cash`` is false where the risk is in cash
    squared. Plain numbers: ``to_dict`` is fit for JSON.
    """

    reference: str
    estimates: dict[str, dict[str, Estimate]]
    differences: dict[str, dict[str, Estimate]]
    paths: int
    block: int
    resamples: int
    seed: int
    level: float
    confidence: float
    window: int | None = None
    risk_in_cash: bool = True

    @property
    def policies(self) -> list[str]:
        return list(self.estimates)

    @property
    def independent(self) -> int:
        """How many windows would not overlap; all paths where they are independent."""
        return self.paths if self.window is None else 1 + (self.paths - 1) // self.window

    def to_dict(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def from_dict(cls, saved: dict[str, Any]) -> "Comparison":
        """The inverse of ``to_dict``."""
        parts = ("estimates", "differences")
        built = {part: {k: {m: Estimate(**e) for m, e in v.items()} for k, v in saved[part].items()} for part in parts}
        return cls(**{**saved, **built})


def compare(
    ledgers: Mapping[str, Ledger],
    reference: str = "delta",
    objective: AbstractObjective | None = None,
    *,
    premium: np.ndarray | float = 0.0,
    included: bool = False,
    level: float = 0.95,
    window: int | None = None,
    block: int | str | None = None,
    confidence: float = 0.95,
    resamples: int = 2000,
    seed: int = 0,
    circular: bool = True,
) -> Comparison:
    """Bootstrap intervals of all metrics, and of the paired differences ``policy - reference``.

    Ledgers hold the same paths in the same order. Without a ``window`` the paths are independent; with one (steps
    that a path shares with paths started later) they are a series, resampled in blocks of ``block`` paths: a number,
    ``None`` for twice the window, ``"auto"`` for Politis and White's choice. An interval is the value and Student's t,
    with one degree of freedom fewer than blocks (of effective paths), times the standard error; that is the
    bootstrap's, divided by the root of the variance which blocks keep (``Resampling.kept``). It covers better than
    percentiles do.
    ``worst`` has none: the bootstrap is wrong for an extreme. ``premium`` and ``included`` as in ``metrics``.

    >>> import jax, jax.numpy as jnp, deephedge as dh
    >>> from deephedge.evaluation import compare
    >>> def ledger(wealth):
    ...     nothing = jnp.zeros((wealth.size, 1))
    ...     return dh.Ledger(nothing[..., None], nothing[..., None], nothing, nothing, wealth, wealth)
    >>> wealth = jax.random.normal(jax.random.key(0), (300,))
    >>> found = compare({"delta": ledger(wealth), "other": ledger(wealth + 0.5)}, window=20, resamples=200)
    >>> difference = found.differences["other"]["mean"]
    >>> round(difference.low, 4), round(difference.high, 4), found.block
    (0.5, 0.5, 40)
    """
    require(reference in ledgers, f"no policy is called {reference!r}: {nearest(reference, ledgers)}", ParameterError)
    require(0 < confidence < 1, f"confidence must be between 0 and 1, such as 0.95, was {confidence}", ParameterError)
    seen = {name: outcome(ledger, premium, included) for name, ledger in ledgers.items()}
    paths = seen[reference].paths
    sizes = {name: one.paths for name, one in seen.items()}
    require(set(sizes.values()) == {paths}, f"all policies must follow the same paths, found {sizes}", ParameterError)
    length = block_length(paths, block, window, [one.wealth for one in seen.values()])
    how = Resampling(length, resamples, seed, circular)
    value = {
        name: metrics(ledger, objective, level=level, premium=premium, included=included)
        for name, ledger in ledgers.items()
    }
    draws = _draws(seen, how, level, objective)
    ruler = Ruler(confidence, max(1.0, seen[reference].effective / length - 1), float(how.kept(window)) ** -0.5)
    estimates = {n: {m: ruler(value[n][m], draws[n].get(m)) for m in value[n]} for n in ledgers}
    differences = {
        n: _differences(ruler, value[n], value[reference], draws[n], draws[reference])
        for n in ledgers
        if n != reference
    }
    cash = objective is None or objective.cash_invariant
    settings = (paths, length, resamples, seed, level, confidence, window, cash)
    return Comparison(reference, estimates, differences, *settings)


@dataclass(frozen=True)
class Ruler:
    """From a value and its resamples to an interval."""

    confidence: float
    freedom: float
    widening: float

    def __call__(self, value: float, draws: np.ndarray | None, test: bool = False) -> Estimate:
        if draws is None or draws.size < 2 or not np.isfinite(value):
            return Estimate(value, np.nan, np.nan, np.nan)
        error = float(np.std(draws, ddof=1)) * self.widening
        reach = float(student.ppf((1 + self.confidence) / 2, self.freedom)) * error
        low, high = float(value - reach), float(value + reach)
        if not test:
            return Estimate(value, low, high, error)
        if error == 0:
            return Estimate(value, value, value, 0.0, float(value == 0))
        return Estimate(value, low, high, error, 2 * float(student.sf(abs(value) / error, self.freedom)))


def _differences(ruler: Ruler, value: dict, base: dict, draws: dict, base_draws: dict) -> dict[str, Estimate]:
    gap = {m: draws[m] - base_draws[m] for m in draws}
    return {m: ruler(value[m] - base[m], gap.get(m), test=True) for m in value}


def _draws(
    seen: dict[str, Outcome], how: Resampling, level: float, objective: AbstractObjective | None
) -> dict[str, dict[str, np.ndarray]]:
    """Every metric of every policy on every resample; all that is a mean comes from one matrix product a chunk."""
    paths = next(iter(seen.values())).paths
    measures = {name: _Measure(one, level, how.block, objective) for name, one in seen.items()}
    columns = np.hstack([measure.columns for measure in measures.values()])
    ends = np.cumsum([measure.columns.shape[1] for measure in measures.values()])[:-1]
    weight = next(iter(seen.values())).weight
    chunks = []
    for counts in how.counts(paths):
        if weight is not None:  # a resample in which no path counts says nothing
            counts = counts[counts @ weight > 0]
        heavy = counts if weight is None else counts * weight
        means = np.split(heavy @ columns / heavy.sum(axis=1, keepdims=True), ends, axis=1)
        chunks.append(
            {n: measure(counts, heavy, mean) for (n, measure), mean in zip(measures.items(), means, strict=True)}
        )
    return {n: {m: np.concatenate([chunk[n][m] for chunk in chunks]) for m in chunks[0][n]} for n in seen}


class _Measure:
    """All metrics of one policy under many rows of counts at once; what does not change is prepared once."""

    def __init__(self, seen: Outcome, level: float, block: int, objective: AbstractObjective | None):
        self.level, self.block, self.objective, self.seen = level, block, objective, seen
        self.order = np.argsort(seen.wealth, kind="stable")
        self.losses = -seen.wealth[self.order]
        self.first_order = False
        centred = seen.wealth - seen.mean(seen.wealth)
        columns = [centred, centred**2, seen.cost, seen.turnover]
        if isinstance(objective, AbstractPathwiseObjective) and seen.paths > EXACT_RISK:
            self.first_order = True
            columns += [terms(objective, x, seen.weight) for x in (seen.wealth, seen.bare)]
        self.columns = np.stack(columns, axis=-1)

    def __call__(self, counts: np.ndarray, heavy: np.ndarray, means: np.ndarray) -> dict[str, np.ndarray]:
        """From how often each path is drawn, that times its weight, and the means of the columns under the latter."""
        n, (mean, square, cost, turnover, *risks) = self.seen.effective, means.T
        std = np.sqrt(np.maximum(square - mean**2, 0.0) * n / max(n - 1, 1))
        found = {"mean": mean + self.seen.mean(self.seen.wealth), "std": std, **self._tail(heavy)}
        found |= {"cost": cost, "turnover": turnover}
        if self.objective is not None:
            found["risk"], found["price"] = risks if self.first_order else self._risks(self.objective, counts)
        return found

    def _risks(self, objective: AbstractObjective, counts: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """The objective afresh on each resample, with the premium and without."""
        rows = np.tile(np.arange(self.seen.paths), len(counts))
        index = np.repeat(rows, counts.astype(int).ravel()).reshape(counts.shape)
        weight = None if self.seen.weight is None else jnp.asarray(self.seen.weight[index])
        risk = _each(objective, jnp.asarray(self.seen.wealth[index]), weight)
        premium = self.seen.wealth - self.seen.bare
        same = np.ptp(premium) <= 1e-12 * np.max(np.abs(self.seen.wealth))
        price = risk + premium[0] if same else _each(objective, jnp.asarray(self.seen.bare[index]), weight)
        return np.asarray(risk, float), np.asarray(price, float)

    def _tail(self, heavy: np.ndarray, reach: int | None = None) -> dict[str, np.ndarray]:
        """VaR and CVaR from the worst ``reach`` paths, enough in all but freak resamples."""
        n = self.seen.paths
        some = (1 - self.level) * n
        reach = min(n, reach or int(some + 8 * np.sqrt(some * self.block) + 8 * self.block))
        drawn = heavy[:, self.order[:reach]]
        total, share = np.cumsum(drawn, axis=1), (1 - self.level) * heavy.sum(axis=1, keepdims=True)
        if reach < n and np.any(total[:, -1:] <= share + TIE):
            return self._tail(heavy, n)
        losses, beyond = self.losses[:reach], total > share + TIE
        return {
            "var": losses[np.where(beyond.any(axis=1), np.argmax(beyond, axis=1), reach - 1)],
            "cvar": np.clip(share - (total - drawn), 0.0, drawn) @ losses / share[:, 0],
        }


@eqx.filter_jit
def _each(objective: AbstractObjective, samples: jax.Array, weight: jax.Array | None) -> jax.Array:
    return jax.vmap(objective)(*((samples,) if weight is None else (samples, weight)))
