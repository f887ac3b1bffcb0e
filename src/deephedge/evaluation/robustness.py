"""Given policies under other frictions: costs scaled, orders dealt later."""

from collections.abc import Mapping, Sequence
from dataclasses import replace

from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ParameterError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.evaluation.metrics import metrics
from deephedge.frictions.base import AbstractCost, Rate
from deephedge.frictions.execution import Execution
from deephedge.hedging import HedgingProblem, evaluate
from deephedge.objectives.base import AbstractObjective
from deephedge.policies.base import AbstractPolicy

Row = dict[str, float | int | str]


def cost_and_latency(
    problem: HedgingProblem,
    policies: Mapping[str, AbstractPolicy],
    paths: MarketPath,
    objective: AbstractObjective | None = None,
    *,
    scales: Sequence[float | int] = (0.0, 0.5, 1.0, 2.0, 4.0),
    latencies: Sequence[int] = (0, 1),
    level: float = 0.95,
) -> list[Row]:
    """`metrics` of every policy at each multiple of the problem's cost and each delay: one row for each combination.

    Policies are as they are: what they would have learnt under these frictions is not asked. ``scales`` multiply the
    cost of trading, not charges for holding; ``latencies`` (points) replace that of the problem, whose fills and
    participation stay. A policy knows of orders on their way, as `frictions.Execution` says. Each row holds
    ``policy``, ``scale``, ``latency`` and the metrics; the paths are the same for all, so rows differ by the frictions.

    >>> import deephedge as dh, jax
    >>> from deephedge import instruments as i
    >>> grid, call = dh.TimeGrid.uniform(maturity=0.1, steps=4), i.EuropeanCall("A", 1.0, 0.1)
    >>> features = (dh.features.LogMoneyness("A", 1.0), dh.features.TimeLeft(0.1), dh.features.Quote("A.vol", "vol"))
    >>> problem = dh.HedgingProblem(grid, i.sold(call), (i.Spot("A"),), features, dh.frictions.ProportionalCost(0.01))
    >>> paths = dh.sample(dh.markets.BlackScholes("A", vol=0.2), grid, 500, key=jax.random.key(0))
    >>> delta = {"delta": dh.policies.BlackScholesDelta()}
    >>> rows = cost_and_latency(problem, delta, paths, scales=(0, 1), latencies=(0,))
    >>> [row["scale"] for row in rows], rows[0]["cost"] == 0.0, rows[0]["mean"] > rows[1]["mean"]
    ([0.0, 1.0], True, True)
    """
    require(len(scales) > 0 and len(latencies) > 0, "name at least one scale and one latency", ParameterError)
    sound = all(scale >= 0 for scale in scales)
    require(sound, f"scales must be 0 or more, were {list(scales)}: a cost cannot be earned", ParameterError)
    rows = []
    for latency in latencies:  # each another program; a scale is a number in it
        late = replace(problem, execution=_delayed(problem.execution, latency))
        for scale in scales:
            there = replace(late, cost=Scaled(problem.cost, scale))
            for name, ledger in evaluate(there, dict(policies), paths).items():
                found = metrics(ledger, objective, level=level)
                rows.append({"policy": name, "scale": float(scale), "latency": latency, **found})
    return rows


class Scaled(AbstractCost):
    """``factor`` times another cost, of which it remembers what that one does.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> float(Scaled(dh.frictions.FixedCost(2.0), 0.5)(jnp.ones(1), jnp.ones(1), {}))
    1.0
    """

    cost: AbstractCost
    factor: Float[Array, ""] = number()

    def __call__(
        self, trade: Float[Array, " instrument"], price: Float[Array, " instrument"], quotes: dict[str, Array]
    ) -> Float[Array, ""]:
        return self.factor * self.cost(trade, price, quotes)

    def init(self, instruments: int) -> PyTree:
        return self.cost.init(instruments)

    def step(
        self, state: PyTree, trade: Float[Array, " instrument"], price: Float[Array, " instrument"], quotes: dict
    ) -> tuple[PyTree, Float[Array, ""]]:
        state, cash = self.cost.step(state, trade, price, quotes)
        return state, self.factor * cash


def _delayed(execution: Execution, latency: int) -> Execution:
    """The same execution with another latency."""
    fill, volume = (_written(rate) for rate in (execution.fill, execution.volume))
    return Execution(latency, fill, execution.participation, volume, execution.cancel)


def _written(rate: Rate | None) -> Array | tuple[str | None, ...] | None:
    """A rate as a user writes it."""
    return None if rate is None else rate.numbers if rate.quotes is None else rate.quotes
