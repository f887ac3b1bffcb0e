"""Many contracts held at once, with signs."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Any, ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.core import Tracer
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.instruments.base import AbstractContract, AbstractTradable

BLOCK = 32  # contracts of a kind valued at once along each path


class Book(AbstractTradable):
    """``units`` of each contract; cash and price are the signed sums.

    Contracts of one kind (same class, same names; any strikes and dates) are kept as one contract whose numbers are
    arrays, so that thousands of them cost one vectorised evaluation and compile like one. A member without a price
    can be held as a liability, but then the book has no price either.

    >>> from deephedge import instruments as i
    >>> spread = i.Book((i.EuropeanCall("SPX", strike=1.0, expiry=1.0), i.EuropeanCall("SPX", 1.1, 1.0)), (-1.0, 1.0))
    >>> len(spread.kinds), spread.units[0].tolist()
    (1, [-1.0, 1.0])
    """

    kinds: tuple[AbstractContract, ...]
    units: tuple[Float[Array, " unit"], ...]

    def __init__(self, contracts: Iterable[AbstractContract], units: ArrayLike | Iterable[ArrayLike]):
        contracts, units = tuple(contracts), as_float(units)
        require(len(contracts) > 0, "a book needs at least one contract", ProblemError)
        require(
            units.shape == (len(contracts),),
            f"a book of {len(contracts)} contracts needs one number of units for each, got shape {units.shape}",
            ProblemError,
        )
        members: dict[Hashable, list[int]] = {}
        for n, contract in enumerate(contracts):
            members.setdefault(_kind(contract), []).append(n)
        self.kinds = tuple(_stack([contracts[n] for n in alike]) for alike in members.values())
        self.units = tuple(_take(units, alike) for alike in members.values())

    @property
    def pointwise(self) -> bool:  # pyright: ignore
        return all(getattr(kind, "pointwise", False) for kind in self.kinds)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return self.added(lambda contract: contract.cashflows(path))

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        self._priced()
        return self.added(lambda contract: contract.price(path))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """While at least one of its contracts is."""
        self._priced()
        return jnp.any(jnp.concatenate([each for _, each in self._each("tradable", path)]), axis=0)

    def rolls(self, path: MarketPath) -> Bool[Array, " points"]:
        """Where at least one of its contracts does."""
        self._priced()
        return jnp.any(jnp.concatenate([each for _, each in self._each("rolls", path)]), axis=0)

    def closing(self, path: MarketPath) -> Float[Array, " points"]:
        return self.added(lambda contract: contract.closing(path))

    def held(self, path: MarketPath) -> "Book":
        self._priced()
        return eqx.tree_at(lambda book: book.kinds, self, tuple(each for _, each in self._each("held", path)))

    def netted(self) -> "Book":
        """The same book with one position for each set of terms: units of equal contracts added, those of 0 left out.

        Raises ``ProblemError`` where nothing is left. Not for use inside a transformation.
        """
        sums: dict[Hashable, list] = {}
        for kind, units in zip(self.kinds, self.units, strict=True):
            leaves, structure = jax.tree.flatten(kind)
            rows = [np.asarray(x) if eqx.is_array(x) else x for x in leaves]
            for n, count in enumerate(np.asarray(units, np.float64)):
                terms = [x[n] if isinstance(x, np.ndarray) else x for x in rows]
                key = structure, tuple(x.tobytes() if isinstance(x, np.ndarray | np.generic) else x for x in terms)
                sums.setdefault(key, [0.0, structure, terms])[0] += count
        left = [(total, jax.tree.unflatten(how, _leaves(terms))) for total, how, terms in sums.values() if total != 0]
        require(len(left) > 0, "the positions of the book cancel each other: nothing is left to hold", ProblemError)
        return Book([contract for _, contract in left], [total for total, _ in left])

    def added(self, what: Callable[[Any], PyTree]) -> PyTree:
        """The arrays of ``what(contract)``, units times each, added over the contracts a block at a time.

        >>> from deephedge import instruments as i
        >>> calls = i.Book((i.EuropeanCall("SPX", 1.0, 1.0), i.EuropeanCall("SPX", 1.5, 1.0)), (-1.0, 2.0))
        >>> float(calls.added(lambda call: call.strike))
        2.0
        """
        parts = [_added(kind, units, what) for kind, units in zip(self.kinds, self.units, strict=True)]
        return jax.tree.map(lambda *each: sum(each), *parts)

    def _each(self, what: str, path: MarketPath) -> Iterator[tuple[Float[Array, " unit"], Any]]:
        for kind, units in zip(self.kinds, self.units, strict=True):
            # A spot holds no numbers at all: the units say how many of it there are.
            yield units, eqx.filter_vmap(lambda contract, _: getattr(contract, what)(path))(kind, units)

    def _priced(self) -> None:
        for kind in self.kinds:
            name = type(kind).__name__
            message = f"{name} has no price; hold it as a liability, not as an instrument"
            require(isinstance(kind, AbstractTradable), message, ProblemError)


class Nothing(AbstractTradable):
    """No liability: no cash and a price of 0. What is left is a trading problem, in which a tilt finds the drift.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> Nothing().cashflows(dh.MarketPath(jnp.array([0.0, 1.0]), {}, jnp.ones(2))).tolist()
    [0.0, 0.0]
    """

    pointwise: ClassVar[bool] = True

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)


class Premium(AbstractContract):
    """The price of ``contract`` at the first point, received there in cash: what its buyer pays.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.5])}, jnp.ones(2))
    >>> Premium(dh.instruments.Spot("SPX")).cashflows(path).tolist()
    [1.0, 0.0]
    """

    contract: AbstractTradable

    def __check_init__(self):
        name = type(self.contract).__name__
        message = f"{name} has no price, so no premium; name the premium in cash instead"
        require(isinstance(self.contract, AbstractTradable), message, ProblemError)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        price = self.contract.price(path)
        return jnp.zeros_like(price).at[0].set(price[0])


def short(contract: AbstractContract, units: ArrayLike = 1.0) -> Book:
    """The obligation to deliver: ``-units`` of ``contract``, cash signed to us.

    >>> from deephedge import instruments as i
    >>> obligation = i.short(i.EuropeanCall("SPX", strike=1.0, expiry=30 / 365))
    """
    return Book((contract,), (-as_float(units),))


def long(contract: AbstractContract, units: ArrayLike = 1.0) -> Book:
    """``units`` of ``contract`` held as an asset."""
    return Book((contract,), (units,))


def sold(contract: AbstractTradable, units: ArrayLike = 1.0) -> Book:
    """The obligation to deliver and the premium received for it, at the contract's price on the first point.

    Wealth then reads: premium - payoff + gains - costs.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.5])}, jnp.ones(2))
    >>> sold(dh.instruments.Forward("SPX", strike=0.75, expiry=1.0)).cashflows(path).tolist()
    [0.25, -0.75]
    """
    return Book((contract, Premium(contract)), (-as_float(units), units))


def marked(liability: AbstractContract, contract: AbstractTradable | None = None) -> AbstractTradable:
    """What a liability is worth: ``contract`` where one is named to stand for it, otherwise itself less its premiums.

    A premium is cash that has been received; raises ``ProblemError`` where something else has no price.
    """
    found = contract if contract is not None else liability
    if isinstance(found, Book):
        kept = [n for n, kind in enumerate(found.kinds) if not isinstance(kind, Premium)]
        parts = tuple(found.kinds[n] for n in kept), tuple(found.units[n] for n in kept)
        found = eqx.tree_at(lambda book: (book.kinds, book.units), found, parts) if kept else Nothing()
    wrong = [type(k).__name__ for k in getattr(found, "kinds", (found,)) if not isinstance(k, AbstractTradable)]
    message = f"{', '.join(wrong)} has no price; name a contract with a price that stands for it: contract=..."
    require(not wrong, message, ProblemError)
    return found  # pyright: ignore


def _added(kind: AbstractContract, units: Float[Array, " unit"], what: Callable[[Any], PyTree]) -> PyTree:
    """``what`` of all contracts of one kind, a block at a time: what is in memory does not grow with the book."""
    count, arrays = units.shape[0], eqx.filter(kind, eqx.is_array)
    fixed = eqx.filter(kind, eqx.is_array, inverse=True)
    blocks = -(-count // BLOCK)

    def block(some: Any, held: Float[Array, " unit"]) -> PyTree:
        # A spot holds no numbers at all: the units say how many of it there are.
        each = eqx.filter_vmap(lambda contract, _: what(contract))(eqx.combine(some, fixed), held)
        return jax.tree.map(lambda rows: jnp.einsum("n,n...->...", held, rows, precision="highest"), each)

    if blocks == 1:
        return block(arrays, units)
    rows = np.minimum(np.arange(blocks * BLOCK), count - 1).reshape(-1, BLOCK)
    real = jnp.asarray(np.arange(rows.size).reshape(rows.shape) < count)
    some, held = jax.tree.map(lambda x: x[rows], arrays), jnp.where(real, units[rows], 0.0)
    first = jax.eval_shape(block, *jax.tree.map(lambda x: x[0], (some, held)))
    zero = jax.tree.map(lambda x: jnp.zeros(x.shape, x.dtype), first)
    add = jax.checkpoint(lambda total, now: (jax.tree.map(jnp.add, total, block(*now)), None))
    return lax.scan(add, zero, (some, held))[0]


def _leaves(terms: list) -> list:
    return [jnp.asarray(x) if isinstance(x, np.ndarray | np.generic) else x for x in terms]


def _kind(contract: AbstractContract) -> Hashable:
    leaves, structure = jax.tree.flatten(contract)
    return structure, tuple((x.shape, x.dtype) if eqx.is_array(x) else x for x in leaves)


def _stack(contracts: list[AbstractContract]) -> AbstractContract:
    return jax.tree.map(lambda *x: _row(x) if eqx.is_array(x[0]) else x[0], *contracts)


def _take(units: Float[Array, " unit"], places: list[int]) -> Float[Array, " kind"]:
    return units[np.asarray(places)] if isinstance(units, Tracer) else as_float(np.asarray(units)[places])


def _row(numbers: tuple[Array, ...]) -> Float[Array, "unit ..."]:
    # Thousands of arguments to one JAX operation take seconds to compile; NumPy does not compile.
    traced = any(isinstance(x, Tracer) for x in numbers)
    return jnp.stack(numbers) if traced else jnp.asarray(np.stack([np.asarray(x) for x in numbers]))
