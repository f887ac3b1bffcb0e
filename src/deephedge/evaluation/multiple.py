"""Many were tried: which of them still beat the benchmark when it is known how many there were."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.stats import false_discovery_control, norm

from deephedge.core.errors import DataError, ParameterError, require
from deephedge.evaluation.bootstrap import Resampling, block_length


def holm(p: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted so that the chance of any false alarm among all of them stays bounded (Holm, 1979).

    >>> holm({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.06, 'c': 0.06}
    """
    ordered = sorted(p, key=lambda name: p[name])
    steps = np.array([(len(p) - rank) * p[name] for rank, name in enumerate(ordered)])
    adjusted = dict(zip(ordered, np.minimum(np.maximum.accumulate(steps), 1.0).tolist(), strict=True))
    return {name: adjusted[name] for name in p}


def benjamini_hochberg(p: Mapping[str, float]) -> dict[str, float]:
    """p-values adjusted so that a bounded share of what is called better is not (Benjamini and Hochberg, 1995).

    >>> benjamini_hochberg({"a": 0.01, "b": 0.04, "c": 0.03})
    {'a': 0.03, 'b': 0.04, 'c': 0.04}
    """
    return dict(zip(p, false_discovery_control(list(p.values())).tolist(), strict=True)) if p else {}


@dataclass(frozen=True)
class Survivors:
    """Which of everything tried beat the benchmark, by how strict a reading.

    ``advantage`` is the mean loss of the benchmark less that of the try, with its ``error``; ``p`` (one-sided) looks at
    each try alone; ``holm`` and ``discovery`` adjust it. ``reality_check`` and ``superior_ability`` are p-values of one
    hypothesis, that no try is better. ``stepwise`` are the tries that are, with a chance of ``size`` of any false one;
    ``confidence_set`` those (the benchmark may be one) that cannot be told from the best, and ``confidence`` each one's
    p-value there. ``tried`` counts what was compared.
    """

    size: float
    block: int
    advantage: dict[str, float]
    error: dict[str, float]
    p: dict[str, float]
    holm: dict[str, float]
    discovery: dict[str, float]
    reality_check: float
    superior_ability: float
    stepwise: tuple[str, ...]
    confidence_set: tuple[str, ...]
    confidence: dict[str, float]

    @property
    def tried(self) -> int:
        return len(self.advantage)


def survivors(
    losses: Mapping[str, np.ndarray],
    benchmark: str,
    *,
    size: float = 0.05,
    window: int | None = None,
    block: int | str | None = None,
    resamples: int = 1000,
    seed: int = 0,
) -> Survivors:
    """Everything that was tried against ``benchmark``, one of them: ``losses`` ``(day)`` by name, best the smallest.

    Give all that was looked at, not the best few: each result is right only for a complete list. Losses are those of
    the same days or windows in the same order, resampled in stationary blocks as in `compare`. Differences are divided
    by their standard errors before the tests of superior ability and of single tries, not for the reality check.

    Source: White (2000); Hansen (2005), the consistent p-value; Romano and Wolf (2005); Hansen, Lunde and Nason (2011),
    the maximum of the t statistics; all by ``arch.bootstrap``. Raises ``DataError`` for losses of different
    lengths, that are not finite, or that never differ from the benchmark's.

    >>> rng = np.random.default_rng(0)
    >>> losses = {name: rng.normal(size=500) for name in ("delta", "a", "b")} | {"c": rng.normal(-0.5, 1.0, 500)}
    >>> found = survivors(losses, "delta", resamples=200)
    >>> found.stepwise, found.confidence_set, found.tried
    (('c',), ('c',), 3)
    """
    require(0 < size < 1, f"size must be between 0 and 1, such as 0.05, was {size}", ParameterError)
    names, ahead = _advantages(losses, benchmark)
    length = block_length(len(ahead), block, window, list(ahead.T))
    how = Resampling(length, resamples, seed, circular=False)
    draws = np.concatenate([counts @ ahead for counts in how.counts(len(ahead))]) / len(ahead)
    mean, error = ahead.mean(axis=0), draws.std(axis=0, ddof=1) * float(how.kept(window)) ** -0.5
    p = _named(names, norm.sf(mean / error))
    check, ability, better = _superior(ahead, error, size, length, resamples, seed)
    kept = _confidence({benchmark: losses[benchmark]} | {name: losses[name] for name in names}, how)
    return Survivors(
        size, length, _named(names, mean), _named(names, error), p, holm(p), benjamini_hochberg(p), check, ability,
        tuple(names[n] for n in better), tuple(name for name, value in kept.items() if value > size), kept,
    )  # fmt: skip


def _advantages(losses: Mapping[str, np.ndarray], benchmark: str) -> tuple[list[str], np.ndarray]:
    """Names of the tries, and what the benchmark lost more than each, ``(day, try)``."""
    require(benchmark in losses, f"no losses are called {benchmark!r}, only {sorted(losses)}", ParameterError)
    require(len(losses) >= 2, "losses of at least one try beside the benchmark are needed", DataError)
    shapes = {name: np.shape(each) for name, each in losses.items()}
    same = len(set(shapes.values())) == 1 and all(len(shape) == 1 and shape[0] > 7 for shape in shapes.values())
    require(same, f"losses must be of the same days, 8 or more; their shapes are {shapes}", DataError)
    names = [name for name in losses if name != benchmark]
    ahead = np.asarray(losses[benchmark], float)[:, None] - np.stack([losses[name] for name in names], axis=1)
    bad = [name for name, fine in zip(names, np.isfinite(ahead).all(axis=0), strict=True) if not fine]
    require(not bad, f"losses of {bad} or of {benchmark!r} are not finite; look at their days", DataError)
    still = np.ptp(ahead, axis=0) <= 1e-12 * np.abs(ahead).max(axis=0)
    equal = [name for name, flat in zip(names, still, strict=True) if flat]
    require(
        not equal, f"{equal} differ from {benchmark!r} by the same on all days: there is nothing to test", DataError
    )
    return names, ahead


def _superior(
    ahead: np.ndarray, error: np.ndarray, size: float, block: int, resamples: int, seed: int
) -> tuple[float, float, list[int]]:
    """p-values of the reality check and of superior predictive ability, and who is better by stepwise tests.

    Advantages are divided by their errors here: the tests of ``arch`` 8 compare raw means whatever ``studentize`` says.
    """
    from arch.bootstrap import SPA, StepM  # brings pandas: loaded only when asked for

    nothing, settings = np.zeros(len(ahead)), {"block_size": block, "reps": resamples, "seed": seed}
    tests = [SPA(nothing, -ahead, **settings), SPA(nothing, -ahead / error, **settings)]
    steps = StepM(nothing, -ahead / error, size=size, **settings)
    for test in (*tests, steps):
        test.compute()
    check, ability = float(tests[0].pvalues["upper"]), float(tests[1].pvalues["consistent"])
    return check, ability, [int(n) for n in steps.superior_models]


def _confidence(losses: Mapping[str, np.ndarray], how: Resampling) -> dict[str, float]:
    from arch.bootstrap import MCS

    names, columns = list(losses), np.stack([np.asarray(each, float) for each in losses.values()], axis=1)
    found = MCS(columns, size=0.05, reps=how.resamples, block_size=how.block, method="max", seed=how.seed)
    found.compute()
    p = found.pvalues["Pvalue"]
    return {name: float(p.loc[n]) for n, name in enumerate(names)}


def _named(names: list[str], values: Any) -> dict[str, float]:
    return dict(zip(names, np.asarray(values, float).tolist(), strict=True))
