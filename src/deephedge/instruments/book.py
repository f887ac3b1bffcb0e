"""Many contracts held at once, with signs."""

import equinox as eqx
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.instruments.base import AbstractContract, AbstractTradable


class Book(AbstractTradable):
    """``units`` of each contract; cash and price are the signed sums.

    A member without a price can be held as a liability, but then the book has no price either.

    >>> from deephedge import instruments as i
    >>> spread = i.Book((i.EuropeanCall("SPX", strike=1.0, expiry=1.0), i.EuropeanCall("SPX", 1.1, 1.0)), (-1.0, 1.0))
    """

    contracts: tuple[AbstractContract, ...]
    units: Float[Array, " unit"] = eqx.field(converter=as_float)

    def __check_init__(self):
        require(len(self.contracts) > 0, "a book needs at least one contract", ProblemError)
        require(
            self.units.shape == (len(self.contracts),),
            f"a book of {len(self.contracts)} contracts needs as many units, got shape {self.units.shape}",
            ProblemError,
        )

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return sum(c.cashflows(path) * self.units[n] for n, c in enumerate(self.contracts))  # pyright: ignore

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        for contract in self.contracts:
            require(
                isinstance(contract, AbstractTradable),
                f"{type(contract).__name__} has no price; hold it as a liability, not as an instrument",
                ProblemError,
            )
        return sum(c.price(path) * self.units[n] for n, c in enumerate(self.contracts))  # pyright: ignore


def short(contract: AbstractContract, units: float = 1.0) -> Book:
    """The obligation to deliver: ``-units`` of ``contract``, cash signed to us.

    >>> from deephedge import instruments as i
    >>> sold = i.short(i.EuropeanCall("SPX", strike=1.0, expiry=30 / 365))
    """
    return Book((contract,), (-units,))


def long(contract: AbstractContract, units: float = 1.0) -> Book:
    """``units`` of ``contract`` held as an asset."""
    return Book((contract,), (units,))
