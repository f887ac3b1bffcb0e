"""What a policy did over many paths, in numbers, with their standard errors."""

from collections.abc import Mapping
from dataclasses import dataclass

import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike

from deephedge.core.errors import DataError, ParameterError, require
from deephedge.hedging import Ledger
from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective, counting


@dataclass(frozen=True)
class Metric:
    """How a number is called, what it means, and which way is better: 1 larger, -1 smaller.

    ``unit`` is ``"cash"`` (units of the numeraire), ``"units"`` (of the instruments) or ``"risk"``: cash, or cash
    squared under an objective that is not invariant to cash.
    """

    label: str
    meaning: str
    better: int
    unit: str = "cash"


TIE = 1e-6  # of a path: what rounding may add to a rank, as when 0.95 of 20 is not quite 19

METRICS = {
    "mean": Metric("Mean wealth", "average terminal wealth", 1),
    "std": Metric("Standard deviation", "standard deviation of terminal wealth", -1),
    "var": Metric("VaR {level}", "value at risk: the loss that {level} of the paths do not exceed", -1),
    "cvar": Metric("CVaR {level}", "conditional value at risk: the average loss of the worst {tail} of the paths", -1),
    "worst": Metric("Worst loss", "the largest loss of any path", -1),
    "cost": Metric("Mean cost", "average trading cost of a path", -1),
    "turnover": Metric(
        "Turnover", "average sum of absolute trades of a path, in units of the instruments", -1, "units"
    ),
    "risk": Metric("Risk", "terminal wealth under the objective of the study", -1, "risk"),
    "price": Metric("Indifference price", "the premium that brings the risk under the objective to zero", -1),
}


@dataclass(frozen=True)
class Outcome:
    """One number a path: ``wealth`` with the premium, ``bare`` without it, total ``cost``, ``turnover`` in units.

    ``weight`` is how much each path counts beside others, with mean 1; None where all count the same.
    """

    wealth: np.ndarray
    bare: np.ndarray
    cost: np.ndarray
    turnover: np.ndarray
    weight: np.ndarray | None = None

    @property
    def paths(self) -> int:
        return self.wealth.size

    @property
    def share(self) -> np.ndarray:
        """What each path counts, summing to 1."""
        return np.full(self.paths, 1.0 / self.paths) if self.weight is None else self.weight / self.paths

    @property
    def effective(self) -> float:
        r"""How many paths of equal weight would tell as much: :math:`1/\sum p_i^2` (Kong, 1992)."""
        return float(self.paths if self.weight is None else 1.0 / np.sum(self.share**2))

    def mean(self, sample: np.ndarray) -> float:
        """The mean of one number a path."""
        return float(sample.mean() if self.weight is None else self.share @ sample)


def outcome(ledger: Ledger, premium: np.ndarray | float = 0.0, included: bool = False) -> Outcome:
    """The four numbers of every path.

    ``premium`` is the cash received for the liability, one number or one a path; ``included`` says whether the
    wealth in the ledger holds it already.
    """
    wealth = np.asarray(ledger.wealth, float)
    require(wealth.ndim == 1 and wealth.size > 0, f"a ledger of many paths was expected, its shape is {wealth.shape}")
    bad = int(np.sum(~np.isfinite(wealth)))
    require(bad == 0, f"wealth is not finite on {bad} of {wealth.size} paths; look at their quotes", DataError)
    premium = np.broadcast_to(np.asarray(premium, float), wealth.shape)
    bare = wealth - premium if included else wealth
    turnover = np.abs(np.asarray(ledger.trade, float)).sum(axis=(-2, -1))
    cost = np.asarray(ledger.cost, float).sum(axis=-1)
    return Outcome(bare + premium, bare, cost, turnover, _relative(ledger.weight, wealth.shape))


def _relative(weight: ArrayLike | None, shape: tuple[int, ...]) -> np.ndarray | None:
    if weight is None:
        return None
    weight = np.asarray(weight, float)
    sound = weight.shape == shape and bool(np.all(np.isfinite(weight) & (weight >= 0)) and weight.sum() > 0)
    require(sound, "path weights must be finite, 0 or more and not all 0, one a path; look at the market", DataError)
    return weight / weight.mean()


def metrics(
    ledger: Ledger,
    objective: AbstractObjective | None = None,
    *,
    level: float = 0.95,
    premium: np.ndarray | float = 0.0,
    included: bool = False,
) -> dict[str, float]:
    r"""Everything in ``METRICS``; ``risk`` and ``price`` only with an objective. Losses are positive numbers.

    With losses :math:`L_{(1)}\ge L_{(2)}\ge\dots`, VaR is the smallest loss exceeded by at most a share
    :math:`1-\alpha` of the paths, and CVaR the mean of exactly that share, atoms split (Rockafellar and Uryasev, 2002).
    The indifference price :math:`p` solves :math:`\rho(X+p)=0` for wealth :math:`X` without the premium; it is NaN
    under an objective for which none exists (squared error). Closing out is in the cost, not in the turnover.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> from deephedge.evaluation import metrics
    >>> wealth = jnp.array([1.0, 0.0, -1.0, -4.0])
    >>> nothing = jnp.zeros((4, 1))
    >>> ledger = dh.Ledger(nothing[..., None], nothing[..., None], nothing, nothing, wealth, wealth)
    >>> found = metrics(ledger, level=0.5)
    >>> found["mean"], found["cvar"], found["worst"]
    (-1.0, 2.5, 4.0)
    """
    require(0 <= level < 1, f"level must be from 0 to below 1, such as 0.95, was {level}", ParameterError)
    seen = outcome(ledger, premium, included)
    losses, mass = worst_first(seen)
    mean, many = seen.mean(seen.wealth), seen.effective
    found = {
        "mean": mean,
        "std": np.sqrt(seen.mean((seen.wealth - mean) ** 2) * many / (many - 1)) if many > 1 else 0.0,
        "var": value_at_risk(losses, mass, level),
        "cvar": tail_mean(losses, mass, level),
        "worst": losses[mass > 0][0],
        "cost": seen.mean(seen.cost),
        "turnover": seen.mean(seen.turnover),
    }
    if objective is not None:
        found["risk"] = risk(objective, seen.wealth, seen.weight)
        found["price"] = price(objective, seen.bare, seen.weight)
    return {name: float(value) for name, value in found.items()}


def worst_first(seen: Outcome) -> tuple[np.ndarray, np.ndarray]:
    """Losses from the largest down, and what each counts; the counts sum to the number of paths."""
    order = np.argsort(seen.wealth, kind="stable")
    return -seen.wealth[order], np.ones(seen.paths) if seen.weight is None else seen.weight[order]


def value_at_risk(losses: np.ndarray, mass: np.ndarray, level: float) -> float:
    """The value at risk of losses sorted from the largest down, each counting as much as its ``mass``."""
    beyond = np.cumsum(mass) > (1.0 - level) * mass.sum() + TIE
    return losses[np.argmax(beyond) if beyond.any() else -1]


def tail_mean(losses: np.ndarray, mass: np.ndarray, level: float) -> float:
    """The mean of the worst share ``1 - level`` of losses sorted from the largest down, the last one in part."""
    share = (1.0 - level) * mass.sum()
    weight = np.clip(share - (np.cumsum(mass) - mass), 0.0, mass)
    return float(weight @ losses / share)


def risk(objective: AbstractObjective, wealth: ArrayLike, weight: ArrayLike | None = None) -> float:
    """The objective on a sample, in cash."""
    return float(objective(*counting(*(None if x is None else jnp.asarray(x) for x in (wealth, weight)))))


def price(objective: AbstractObjective, bare: np.ndarray, weight: np.ndarray | None = None) -> float:
    """The cash that brings the risk to zero: the risk itself; NaN where the objective is not invariant to cash."""
    return risk(objective, bare, weight) if objective.cash_invariant else np.nan


def standard_errors(
    ledger: Ledger,
    objective: AbstractObjective | None = None,
    *,
    level: float = 0.95,
    premium: np.ndarray | float = 0.0,
    included: bool = False,
) -> dict[str, float]:
    """Standard errors of ``metrics`` for independent paths, from influence functions; NaN where there is none.

    The error of VaR is half the distance between the order statistics one standard deviation of its rank away. For
    windows that overlap these are far too small: take the intervals of ``compare``.
    """
    seen = outcome(ledger, premium, included)
    losses, mass = worst_first(seen)
    squared = (seen.wealth - seen.mean(seen.wealth)) ** 2
    at = value_at_risk(losses, mass, level)
    away = _error(seen, (-seen.wealth > at).astype(float))
    around = [value_at_risk(losses, mass, np.clip(level + step, 0.0, 1.0)) for step in (-away, away)]
    excess = np.maximum(-seen.wealth - at, 0.0) / (1 - level)
    found = {
        "mean": _error(seen, seen.wealth),
        "std": _error(seen, squared) / max(2 * np.sqrt(seen.mean(squared)), 1e-300),
        "var": (around[1] - around[0]) / 2,
        "cvar": _error(seen, excess),
        "worst": np.nan,
        "cost": _error(seen, seen.cost),
        "turnover": _error(seen, seen.turnover),
    }
    if objective is not None:
        found["risk"] = _error(seen, terms(objective, seen.wealth, seen.weight))
        found["price"] = _error(seen, terms(objective, seen.bare, seen.weight)) if objective.cash_invariant else np.nan
    return {name: float(value) for name, value in found.items()}


def terms(objective: AbstractObjective, wealth: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """One number a path whose mean is the risk, to first order also under other weights; NaN if there is none."""
    if not isinstance(objective, AbstractPathwiseObjective):
        return np.full(wealth.shape, np.nan)
    sample = jnp.asarray(wealth)
    counts = None if weight is None else jnp.asarray(weight, sample.dtype)
    return np.asarray(objective.fitted(*counting(sample, counts)).pathwise(sample), float)


def table(
    ledgers: Mapping[str, Ledger],
    objective: AbstractObjective | None = None,
    *,
    level: float = 0.95,
    premium: np.ndarray | float = 0.0,
    included: bool = False,
) -> list[dict[str, float | str]]:
    """One row a policy: ``policy``, every metric, and its standard error under ``<metric>_se``."""
    rows = []
    for name, ledger in ledgers.items():
        found = metrics(ledger, objective, level=level, premium=premium, included=included)
        errors = standard_errors(ledger, objective, level=level, premium=premium, included=included)
        rows.append({"policy": name, **found, **{f"{metric}_se": error for metric, error in errors.items()}})
    return rows


def _error(seen: Outcome, sample: np.ndarray) -> float:
    """Of a mean, or with weights of a ratio of means (the delta method)."""
    if seen.paths < 2:
        return np.nan
    n, away = seen.paths, seen.share * (sample - seen.mean(sample))
    return float(np.sqrt(np.sum(away**2) * n / (n - 1)))
