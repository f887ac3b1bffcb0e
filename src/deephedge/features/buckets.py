"""Sensitivities of several contracts to several quotes: what a desk sees of a book, bucket by bucket."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.instruments.book import Book, marked
from deephedge.instruments.sensitivity import along, slopes


class Buckets(AbstractFeature):
    r"""Exposures :math:`\partial^{k_b} V_j/\partial q_b^{k_b}` of contracts :math:`j` to buckets :math:`b`, as a table.

    ``contracts`` are the liability and then the hedging instruments, each a row; ``quotes`` name the buckets (a spot, a
    volatility, each pillar of a curve), each a column; ``orders`` are 1 or 2 for each (2: gamma). Premiums in a book
    have been received and count for nothing. `policies.BucketHedge` reads it.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.zeros(1), {"A": jnp.ones(1), "A.vol": jnp.full(1, 0.2)}, jnp.ones(1))
    >>> call = dh.instruments.EuropeanCall("A", 1.0, 1.0)
    >>> Buckets((dh.instruments.short(call), dh.instruments.Spot("A")), ("A", "A.vol"))(path).round(3).tolist()
    [[[-0.5400000214576721, -0.3970000147819519], [1.0, 0.0]]]
    """

    contracts: tuple[AbstractContract, ...] = eqx.field(converter=tuple)
    quotes: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    orders: tuple[int, ...] | None = eqx.field(static=True, default=None)
    name: str = eqx.field(static=True, default="buckets")

    def __check_init__(self):
        require(len(self.contracts) > 1, "buckets compare a liability with one instrument or more", ProblemError)
        require(len(self.quotes) > 0, "buckets need the name of one quote or more", ProblemError)
        fits = self.orders is None or (len(self.orders) == len(self.quotes) and set(self.orders) <= {1, 2})
        require(fits, f"orders must be 1 or 2 for each of {self.quotes}, were {self.orders}", ProblemError)

    def __call__(self, path: MarketPath) -> Float[Array, "points contract bucket"]:
        orders = self.orders or (1,) * len(self.quotes)
        first = [quote for quote, order in zip(self.quotes, orders, strict=True) if order == 1]
        return jnp.stack([self._row(marked(contract), path, first, orders) for contract in self.contracts], axis=1)

    def _row(
        self, contract: AbstractContract, path: MarketPath, first: list[str], orders: tuple[int, ...]
    ) -> Float[Array, "points bucket"]:
        together = dict(zip(first, slopes(contract, path, first, jnp.eye(len(first))).T, strict=True))
        columns = zip(self.quotes, orders, strict=True)
        each = [together[quote] if order == 1 else along(contract, path, quote, order) for quote, order in columns]
        return jnp.stack(each, axis=-1)


class Positions(AbstractFeature):
    """One row for each position of a book: units, price, and sensitivities to ``quotes``, all times the units.

    Each is divided by its ``scale``. Premiums have been received and are no rows. `policies.DeepSet` reads the rows in
    whatever order they come.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.zeros(1), {"A": jnp.ones(1), "A.vol": jnp.full(1, 0.2)}, jnp.ones(1))
    >>> calls = [dh.instruments.EuropeanCall("A", strike, 1.0) for strike in (0.9, 1.0, 1.1)]
    >>> book = dh.instruments.Book(calls, [1.0, -2.0, 1.0])
    >>> Positions(book, ("A",))(path).shape
    (1, 3, 3)
    """

    book: Book
    quotes: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    scale: Float[Array, "*column"] = eqx.field(converter=as_float, default=1.0)
    name: str = eqx.field(static=True, default="positions")

    def __check_init__(self):
        fits = self.scale.shape in ((), (len(self.quotes) + 2,))
        require(fits, f"scale must be one number, or {len(self.quotes) + 2}: one for each column", ProblemError)
        require(concrete(self.scale, lambda x: x > 0), f"scale must be above 0, was {self.scale}", ProblemError)

    def __call__(self, path: MarketPath) -> Float[Array, "points position column"]:
        book = marked(self.book)
        require(isinstance(book, Book), "positions are those of a Book that holds something", ProblemError)
        rows = [
            eqx.filter_vmap(lambda contract, held: self._row(contract, held, path))(kind, held)
            for kind, held in zip(book.kinds, book.units, strict=True)  # pyright: ignore
        ]
        return jnp.moveaxis(jnp.concatenate(rows), 0, 1) / self.scale

    def _row(self, contract: AbstractTradable, held: Array, path: MarketPath) -> Float[Array, "points column"]:
        price = contract.price(path)
        exposures = slopes(contract, path, self.quotes, jnp.eye(len(self.quotes)))
        return held * jnp.column_stack([jnp.ones_like(price), price, exposures])
