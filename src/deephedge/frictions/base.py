"""What a cost and a constraint are."""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ProblemError, UnknownQuote, nearest, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.instruments.base import AbstractContract, AbstractTradable


class AbstractCost(eqx.Module):
    """Cash paid for a trade, 0 for no trade, and never negative for a trade on its own.

    A cost that remembers earlier trades (a price that they moved) says where it starts in ``init`` and what a trade
    changes in ``step``; called plainly it is the cost of a first trade. ``quotes`` are those of the path at the point,
    and under the name ``"time"`` the time there (years).
    """

    @abstractmethod
    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        """Cash cost of changing the position by ``trade`` units at ``price``."""

    def init(self, instruments: int) -> PyTree:
        """What is remembered at the start of a path; ``None`` for a cost without memory."""
        return None

    def step(
        self,
        state: PyTree,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> tuple[PyTree, Float[Array, ""]]:
        """What is remembered after the trade, and its cash cost."""
        return state, self(trade, price, quotes)


class AbstractConstraint(eqx.Module):
    """A map from the position a policy wants to one that it may have."""

    @abstractmethod
    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        """The allowed position nearest to ``target``, coming from ``position``."""

    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> PyTree:
        """What has to be known of a path at each point, points leading; ``None`` where the limits never change."""
        return None

    def at(self, known: PyTree) -> "AbstractConstraint":
        """The constraint at one point, given what ``measure`` found there."""
        return self

    def check(self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract) -> None:
        """Raise ``ProblemError`` where no position can be had at a point of ``path``: nowhere, for a box."""

    def usage(
        self, position: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " limit"] | None:
        """Share of each named limit that is used by ``position``, coming from ``before``; ``None`` if none is named."""
        return None


def per_instrument(
    name: str, value: Float[Array, "*instrument"], trade: Float[Array, " instrument"]
) -> Float[Array, "*instrument"]:
    """``value`` if it is one number or one for each instrument; any other length would be charged many times over."""
    count = trade.shape[-1]
    require(
        value.shape in ((), (1,), (count,)),
        f"{name} needs one number, or {count} (one for each instrument), has shape {value.shape}",
        ProblemError,
    )
    return value


def size(trade: Float[Array, " instrument"]) -> Float[Array, " instrument"]:
    """Absolute value, with derivative 0 at 0: JAX's own has 1 there, a pull towards selling where nobody trades."""
    return trade * jnp.sign(trade)


def checked_rate(name: str, value: Float[Array, "*instrument"], unit: str) -> Float[Array, "*instrument"]:
    """``value`` if it is finite and 0 or more: a friction takes cash and gives none."""
    sound = concrete(value, lambda x: (x >= 0) & np.isfinite(x))
    require(sound, f"{name} must be 0 or more ({unit}), was {value}; a trade cannot earn its cost")
    return value


class Rate(eqx.Module):
    """A rate of a friction: one number or one for each instrument, or names of quotes of it.

    ``value`` as a user writes it: numbers, the name of a quote, or one name for each instrument (``None``: 0 there).
    ``name`` and ``unit`` are for messages.
    """

    name: str = eqx.field(static=True)
    numbers: Float[Array, "*instrument"] | None
    quotes: tuple[str | None, ...] | None = eqx.field(static=True)

    def __init__(self, name: str, value: ArrayLike | str | Sequence[float | str | None], unit: str):
        names = (value,) if isinstance(value, str) else value
        named = isinstance(names, list | tuple) and any(isinstance(each, str) for each in names)
        other = [each for each in names if not (each is None or isinstance(each, str))] if named else []  # pyright: ignore
        require(not other, f"{name} must be all numbers or all names of quotes (or None), found {other}", ProblemError)
        self.name, self.quotes = name, tuple(names) if named else None  # pyright: ignore
        self.numbers = None if named else checked_rate(name, as_float(value), unit)

    def __call__(
        self, quotes: dict[str, Float[Array, ""]], trade: Float[Array, " instrument"]
    ) -> Float[Array, "*instrument"]:
        """The numbers, read where they are quoted; raises ``UnknownQuote``."""
        if self.numbers is not None:
            return per_instrument(self.name, self.numbers, trade)
        for name in self.quotes or ():
            if name is not None and name not in quotes:
                hint = nearest(name, quotes)
                raise UnknownQuote(f"the {self.name} needs the quote {name!r}, which the path lacks: {hint}")
        read = [as_float(0.0) if name is None else quotes[name] for name in self.quotes or ()]
        return per_instrument(self.name, jnp.stack(read), trade)
