"""What a book is worth along many paths."""

from typing import Any

import equinox as eqx
import jax
from jaxtyping import Array, Float, Int, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.parallel import gathered, over_paths
from deephedge.core.paths import MarketPath
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.book import Book

CHUNK = 32  # paths valued at once: a book has many contracts


def valued(contract: AbstractContract, paths: MarketPath) -> tuple[Float[Array, "path points"], ...]:
    """(price, cash) of a contract or book at each point of each path, in cash; of one without a price, the cash alone.

    Compiled once for a book's kinds of contracts; what is in memory grows with paths and points, not with the book.

    >>> import deephedge as dh, jax
    >>> grid, market = dh.TimeGrid.uniform(maturity=1.0, steps=4), dh.markets.BlackScholes("SPX", vol=0.2)
    >>> book = dh.instruments.Book([dh.instruments.EuropeanCall("SPX", k / 10, 1.0) for k in range(8, 13)], [1.0] * 5)
    >>> price, cash = valued(book, dh.sample(market, grid, 100, key=jax.random.key(0)))
    >>> price.shape, cash.shape
    ((100, 5), (100, 5))
    """
    require(paths.times.ndim == 2, "valued needs a batch of paths, the path axis leading", ProblemError)
    return gathered(_valued(contract, paths))


@eqx.filter_jit
def _valued(contract: AbstractContract, paths: MarketPath) -> tuple[Array, ...]:
    arrays, rest = eqx.partition(contract, eqx.is_array)
    kinds = getattr(contract, "kinds", (contract,))
    priced = all(isinstance(kind, AbstractTradable) for kind in kinds)

    def one(contract: Any, path: MarketPath) -> tuple[Array, ...]:
        if isinstance(contract, Book):
            return contract.added(lambda each: one(each, path))
        cash = contract.cashflows(path)
        return (contract.price(path), cash) if priced else (cash,)

    def work(common: PyTree, index: Int[Array, " path"], weight: Array) -> tuple[tuple, tuple]:
        contract = eqx.combine(common[0], rest)
        chunk = jax.tree.map(lambda x: x[index], common[1])
        return (), jax.vmap(lambda path: one(contract, path))(chunk)

    return over_paths(work, (arrays, paths), paths.times.shape[0], chunk=CHUNK)[1]
