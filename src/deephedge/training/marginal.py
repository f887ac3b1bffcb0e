"""What one more trade is worth to a desk that holds a book: bid and ask, by size and by risk aversion."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import equinox as eqx
import jax
import optax
from jaxtyping import PRNGKeyArray

from deephedge.core.errors import ProblemError, require
from deephedge.core.types import as_float
from deephedge.hedging import HedgingProblem, evaluate
from deephedge.instruments.base import AbstractContract
from deephedge.instruments.book import Book
from deephedge.markets.base import AbstractMarket, sample
from deephedge.objectives.base import AbstractObjective
from deephedge.objectives.pricing import indifference_price, standard_error
from deephedge.policies.base import AbstractPolicy
from deephedge.training.fit import fit


class MarginalPrice(NamedTuple):
    """A price for one unit of a trade of ``size`` units, in units of the numeraire, with its standard error."""

    objective: str
    side: str
    size: float
    price: float
    error: float


def marginal_prices(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    objectives: Mapping[str, AbstractObjective],
    optimiser: optax.GradientTransformation,
    trade: AbstractContract,
    *,
    sizes: Sequence[float] = (1.0,),
    updates: int,
    paths: int,
    fresh: int = 2**15,
    key: PRNGKeyArray,
    **more: Any,
) -> list[MarginalPrice]:
    r"""Indifference prices of ``trade`` on top of what ``problem`` holds: :math:`\pm[\rho(Z\mp qX)-\rho(Z)]/q`.

    For each objective the desk first learns to hedge what it has, from ``policy`` on; then, from that hedge on, the
    book with ``size`` units sold (ask) and bought (bid) more. All are judged on the same ``fresh`` paths, so errors are
    those of differences; one program is compiled for an objective, whatever the sizes. ``more`` goes to `fit`, which
    ``updates`` and ``paths`` are also for. The trade's own premium must not be in it: it is what is asked for.

    Ask is at least bid for a desk that hedges as well as it can; where the two cross, train longer.

    Source: Buehler, Gonon, Teichmann, Wood (2019), section 3, on top of a book.
    """
    sound = len(sizes) > 0 and all(size > 0 for size in sizes)
    require(sound, f"sizes must be units above 0, were {tuple(sizes)}", ProblemError)
    learn, judge = jax.random.split(key)
    bank = sample(market, problem.grid, fresh, key=judge, method="random")
    found = []
    for name, objective in objectives.items():
        base = _with(problem, trade, 0.0)
        first = fit(base, market, policy, objective, optimiser, updates=updates, paths=paths, key=learn, **more)
        without = evaluate(base, {"": first.policy}, bank)[""].wealth
        for size in sizes:
            for side, sign in (("bid", 1.0), ("ask", -1.0)):
                book = _with(problem, trade, sign * size)
                hedge = fit(
                    book, market, first.policy, objective, optimiser, updates=updates, paths=paths, key=learn, **more
                )
                wealth = evaluate(book, {"": hedge.policy}, bank)[""].wealth
                price = indifference_price(objective, wealth, without, side=side, weight=bank.weight)
                error = standard_error(objective, wealth, without, bank.weight)
                found.append(MarginalPrice(name, side, float(size), float(price) / size, float(error) / size))
    return found


def _with(problem: HedgingProblem, trade: AbstractContract, units: float) -> HedgingProblem:
    """The problem with ``units`` more of ``trade`` in its liability; of one shape for any number of units."""
    book = Book((problem.liability, trade), as_float([1.0, units]))
    return eqx.tree_at(lambda told: told.liability, problem, book)
