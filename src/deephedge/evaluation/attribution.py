r"""Where profit and loss came from, path by path and step by step.

A position of :math:`h` units at price :math:`P` gains over a step, in units of the numeraire :math:`N`,

.. math:: h\left(\frac{P_1+C_1}{N_1}-\frac{P_0}{N_0}\right)
   = \frac h{N_1}\Big(\underbrace{P'\Delta S}_\text{delta}+\underbrace{\tfrac12P''\Delta S^2}_\text{gamma}
   +\underbrace{P_\sigma\Delta\sigma}_\text{vega}+\underbrace{P_t\Delta t}_\text{theta}+\dots\Big)+\text{carry},

with Greeks at the start of the step, differentiated from the contract's own price. Source: the usual Taylor expansion,
as in Wilmott (2006), volume 1, chapter 7.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ProblemError, nearest, require
from deephedge.core.parallel import RUN_ONCE, gathered, over_paths
from deephedge.core.paths import MarketPath
from deephedge.hedging import HedgingProblem, Ledger, snapshots
from deephedge.instruments.base import AbstractTradable
from deephedge.instruments.book import Book, marked

GREEKS = ("delta", "gamma", "vega", "vanna_volga", "rho", "theta")
TERMS = (*GREEKS, "carry", "roll", "cost", "unexplained")
VOLS, RATES = (".vol", ".variance"), ("rate", ".rate", ".dividend")
CHUNK = 64  # paths at once: a book has many contracts

Steps = dict[str, Float[Array, "*unit step"]]


@dataclass(frozen=True, eq=False)
class Attribution:
    """``terms`` of `TERMS`, each ``(path, step)``, and ``opening`` ``(path)``: all of it adds up to ``wealth``.

    In units of the numeraire. ``delta`` and ``gamma`` of all quotes that are neither volatilities nor rates, moves of
    several together included; ``vega`` and ``rho`` to first order; ``vanna_volga`` what is of second order with a
    volatility in it; ``carry`` is interest on what is held, what it pays and the charge for holding it; ``roll`` what
    closing one contract and opening the next cost beyond the trade itself, ``cost`` the rest of the costs.
    ``opening`` is what the liability brought at the first point and its mark there, less its mark at the last point.
    """

    terms: Mapping[str, np.ndarray]
    opening: np.ndarray
    wealth: np.ndarray
    weight: np.ndarray | None = None

    def total(self) -> dict[str, np.ndarray]:
        """Each term, and the opening, summed over steps: one number a path."""
        return {"opening": self.opening} | {name: each.sum(axis=1) for name, each in self.terms.items()}

    def mean(self) -> dict[str, float]:
        """Averages over paths, weighted where they are; they sum to mean wealth."""
        return {name: float(np.average(each, weights=self.weight)) for name, each in self.total().items()}


def attribute(
    problem: HedgingProblem,
    ledger: Ledger,
    paths: MarketPath,
    *,
    contract: AbstractTradable | None = None,
    vols: Sequence[str] | None = None,
    rates: Sequence[str] | None = None,
) -> Attribution:
    """Explain a ledger of ``problem`` along the ``paths`` it was made on (path axis leading).

    ``vols`` and ``rates`` name the quotes that make vega and rho: if not given those that end in ``.vol`` or
    ``.variance``, and the rate, dividend yields and foreign rates. A liability without a price needs a ``contract``
    that stands for it. A cost that remembers earlier trades rolls as on its first.

    What the terms leave is ``unexplained``: of the order of the step to the power 3/2 where prices are smooth in the
    quotes. A payoff at its strike, a barrier, and a quote that is not finite are in it in full, and so is what the next
    fixing makes (the squared return of a variance swap, the next date of an Asian): Greeks move the quote of a point
    together with what was fixed there.

    Raises ``ProblemError`` for ledgers of other paths, names that no path quotes, and liabilities without a price.

    >>> import deephedge as dh, jax
    >>> from deephedge import instruments as i
    >>> grid = dh.TimeGrid.uniform(maturity=0.25, steps=2)
    >>> problem = dh.HedgingProblem(grid, i.sold(i.Spot("A")), (i.Spot("A"),), (dh.features.TimeLeft(0.25),))
    >>> paths = dh.sample(dh.markets.BlackScholes("A", vol=0.2), grid, 4, key=jax.random.key(0))
    >>> ledger = dh.evaluate(problem, {"none": dh.policies.NoHedge()}, paths)["none"]
    >>> found = attribute(problem, ledger, paths)
    >>> bool(np.allclose(sum(found.total().values()), found.wealth))
    True
    """
    return attributions(problem, {"it": ledger}, paths, contract=contract, vols=vols, rates=rates)["it"]


def attributions(
    problem: HedgingProblem,
    ledgers: Mapping[str, Ledger],
    paths: MarketPath,
    *,
    contract: AbstractTradable | None = None,
    vols: Sequence[str] | None = None,
    rates: Sequence[str] | None = None,
) -> dict[str, Attribution]:
    """`attribute` of several ledgers on the same paths: what one unit of each instrument made is worked out once."""
    require(paths.times.ndim == 2, "attribute needs a batch of paths, the path axis leading", ProblemError)
    shape = (paths.times.shape[0], paths.times.shape[1] - 1)
    for each in ledgers.values():
        told = f"the ledger is of {each.cost.shape} steps, the paths {shape}"
        require(each.cost.shape == shape, told, ProblemError)
    groups = _groups(paths, vols, rates)
    book = marked(problem.liability, contract)
    found, mark = gathered(_explained(problem, book, dict(ledgers), paths, groups))
    return {name: _attributed(found[name], np.asarray(mark, float), ledger) for name, ledger in ledgers.items()}


def _attributed(found: Steps, mark: np.ndarray, ledger: Ledger) -> Attribution:
    terms = {name: np.asarray(each, float) for name, each in found.items()}
    gain, cost, wealth = (np.asarray(each, float) for each in (ledger.gain, ledger.cost, ledger.wealth))
    terms["cost"] = -cost - terms["roll"] - terms.pop("charge")
    step = gain + mark - cost
    terms["unexplained"] = step - sum(terms.values())
    weight = None if ledger.weight is None else np.asarray(ledger.weight, float)
    return Attribution({name: terms[name] for name in TERMS}, wealth - step.sum(axis=1), wealth, weight)


def _groups(
    paths: MarketPath, vols: Sequence[str] | None, rates: Sequence[str] | None
) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """Names of the quotes that make delta, vega and rho."""
    for name in (*(vols or ()), *(rates or ())):
        require(name in paths.quotes, f"the paths have no quote {name!r}: {nearest(name, paths.quotes)}", ProblemError)
    known = sorted(paths.quotes)
    slow = tuple(name for name in known if name.endswith(VOLS)) if vols is None else tuple(vols)
    flat = tuple(name for name in known if name.endswith(RATES) and name not in slow) if rates is None else tuple(rates)
    return tuple(name for name in known if name not in slow + flat), slow, flat


@eqx.filter_jit(compiler_options=RUN_ONCE)
def _explained(
    problem: HedgingProblem, book: AbstractTradable, ledgers: dict[str, Ledger], paths: MarketPath, groups: tuple
) -> tuple[dict[str, Steps], Float[Array, "path step"]]:
    """Terms of all positions and of the liability, and what the liability's mark and cash made of each step."""
    arrays, rest = eqx.partition((problem, book), eqx.is_array)

    def work(common: PyTree, index: Array, weight: Array) -> tuple[tuple, tuple]:
        problem, book = eqx.combine(common[0], rest)
        ledgers, paths = jax.tree.map(lambda x: x[index], common[1:])
        return (), jax.vmap(lambda ledgers, path: _one(problem, book, ledgers, path, groups))(ledgers, paths)

    return over_paths(work, (arrays, ledgers, paths), paths.times.shape[0], chunk=CHUNK)[1]


def _one(
    problem: HedgingProblem, book: AbstractTradable, ledgers: dict[str, Ledger], path: MarketPath, groups: tuple
) -> tuple[dict[str, Steps], Float[Array, " step"]]:
    liability, units = _unit(book, path, groups), [_unit(each, path, groups) for each in problem.instruments]
    value, unit = book.price(path) / path.numeraire, path.numeraire
    mark = jnp.diff(value) + (problem.liability.cashflows(path) / unit)[1:]
    return {name: _held(problem, liability, units, ledger, path) for name, ledger in ledgers.items()}, mark


def _held(problem: HedgingProblem, liability: Steps, units: list[Steps], ledger: Ledger, path: MarketPath) -> Steps:
    """The terms of the liability and of what was held."""
    terms = liability
    for held, unit in zip(ledger.position.T, units, strict=True):
        terms = jax.tree.map(lambda total, each, held=held: total + held * each, terms, unit)
    charge = jnp.zeros_like(ledger.cost) if ledger.charge is None else ledger.charge
    roll = -_roll_cost(problem, ledger, path)
    return terms | {"carry": terms["carry"] - charge, "charge": -charge, "roll": roll}


def _unit(contract: AbstractTradable, path: MarketPath, groups: tuple) -> Steps:
    """All that one unit made, by its Greeks and its carry; of a book the sum over its contracts."""
    if isinstance(contract, Book):
        return contract.added(lambda each: _unit(each, path, groups))
    first, second = _expansion(contract, path, groups)
    values = (first[0], 0.5 * second[0], first[1], 0.5 * (second[1] - second[0]), first[2], first[3])
    after = path.numeraire[1:]
    return {name: each[:-1] / after for name, each in zip(GREEKS, values, strict=True)} | {
        "carry": _carry(contract, path)
    }


def _expansion(
    contract: AbstractTradable, path: MarketPath, groups: tuple
) -> tuple[Float[Array, "4 points"], Float[Array, "2 points"]]:
    """Derivatives of the price at each point along the moves ahead of it, earlier quotes held fixed.

    First ones along spots, volatilities, rates and time; second ones along spots, and spots and volatilities.
    """
    held, moves = contract.held(path), [_moves(path, names) for names in groups]
    zero, along = jnp.zeros(4, path.times.dtype), jnp.array([[1.0, 0.0, 0.0, 0.0], [1.0, 1.0, 0.0, 0.0]])

    def price(size: Float[Array, " 4"], here: Float[Array, " points"]) -> Float[Array, " points"]:
        quotes = {n: path.quote(n) + size[k] * here * move for k in range(3) for n, move in moves[k].items()}
        there = path.with_quotes(quotes)
        return held.price(eqx.tree_at(lambda p: p.times, there, path.times + size[3] * here * _ahead(path.times)))

    def both(here: Float[Array, " points"]) -> tuple[Array, Array]:
        def slope(size: Array, way: Array) -> Array:
            return jax.jvp(lambda size: price(size, here), (size,), (way,))[1]

        first = jax.vmap(lambda way: slope(zero, way))(jnp.eye(4, dtype=zero.dtype))
        return first, jax.vmap(lambda way: jax.jvp(lambda size: slope(size, way), (zero,), (way,))[1])(along)

    if held.pointwise:
        return both(jnp.ones_like(path.times))
    first, second = jax.vmap(both)(jnp.eye(path.times.size, dtype=zero.dtype))  # one point moves at a time
    return jnp.diagonal(first, axis1=0, axis2=2), jnp.diagonal(second, axis1=0, axis2=2)


def _carry(contract: AbstractTradable, path: MarketPath) -> Float[Array, " step"]:
    """Interest on the price at the start of each step, and what is paid that is neither settlement nor a roll."""
    price, cash, unit = contract.price(path), contract.cashflows(path), path.numeraire
    swapped = jnp.where(contract.rolls(path), contract.closing(path) - price, 0.0)
    settled = jnp.where(price == 0, cash, swapped)  # what ends is worth what it pays
    return price[:-1] * (1 / unit[1:] - 1 / unit[:-1]) + ((cash - settled) / unit)[1:]


def _moves(path: MarketPath, names: tuple[str, ...]) -> dict[str, Float[Array, " points"]]:
    """How each quote moves over the step that begins at each point; nothing where that is not known."""
    moves = {name: _ahead(path.quote(name)) for name in names}
    return {name: jnp.where(jnp.isfinite(move), move, 0.0) for name, move in moves.items()}


def _ahead(values: Float[Array, " points"]) -> Float[Array, " points"]:
    return jnp.diff(values, append=values[-1:])


def _roll_cost(problem: HedgingProblem, ledger: Ledger, path: MarketPath) -> Float[Array, " step"]:
    """What two trades, one in the old and one in the new contract, cost more than one."""
    seen = snapshots(problem, path)
    if seen.rolls is None or seen.closing is None:
        return jnp.zeros_like(ledger.cost)
    price, quotes, rolls, closing = jax.tree.map(lambda x: x[:-1], (seen.price, seen.quotes, seen.rolls, seen.closing))
    first = jnp.broadcast_to(problem.initial, ledger.position[:1].shape)
    closed = jnp.where(rolls, -jnp.concatenate([first, ledger.position[:-1]]), 0.0)
    pay = jax.vmap(problem.cost)
    extra = pay(closed, closing, quotes) + pay(ledger.trade - closed, price, quotes) - pay(ledger.trade, price, quotes)
    return extra / path.numeraire[:-1]
