"""Sensitivities of a price along a path, by differentiating the price itself."""

from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.instruments.base import AbstractContract, AbstractTradable
from deephedge.pricing.greeks import sensitivity


def along(contract: AbstractTradable, path: MarketPath, quote: str, order: int = 1) -> Float[Array, " points"]:
    r"""Derivative of ``order`` of the price at each point to the ``quote`` at that point, earlier quotes held fixed.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.2])}, jnp.ones(2))
    >>> along(dh.instruments.Spot("SPX"), path, "SPX").tolist()
    [1.0, 1.0]
    """
    held = _held(contract, path, quote)

    def price(values: Float[Array, " points"]) -> Float[Array, " points"]:
        return held.price(path.with_quotes({quote: values}))

    for _ in range(order):
        price = sensitivity(price, 0) if held.pointwise else _diagonal(price)
    return price(path.quote(quote))


def slopes(
    contract: AbstractTradable, path: MarketPath, quotes: Sequence[str], weights: Float[Array, "direction quote"]
) -> Float[Array, "points direction"]:
    r"""Derivatives :math:`\sum_b w_{db}\,\partial V/\partial q_b` at each point to joint moves of ``quotes`` there.

    All directions, a row of ``weights`` each, go through the price together: it is traced once, however many there are.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.zeros(1), {"A": jnp.ones(1), "B": jnp.full(1, 2.0)}, jnp.ones(1))
    >>> book = dh.instruments.Book((dh.instruments.Spot("A"), dh.instruments.Spot("B")), (3.0, 1.0))
    >>> slopes(book, path, ("A", "B"), jnp.array([[1.0, 1.0], [1.0, -1.0]])).tolist()
    [[4.0, 2.0]]
    """
    held = _held(contract, path, quotes)

    def along_row(row: Float[Array, " quote"]) -> Float[Array, " points"]:
        def price(move: Float[Array, " points"]) -> Float[Array, " points"]:
            moved = {}
            for name, by in zip(quotes, row, strict=True):  # named twice, a quote moves by both
                moved[name] = moved.get(name, path.quote(name)) + by * move
            return held.price(path.with_quotes(moved))

        slope = sensitivity(price, 0) if held.pointwise else _diagonal(price)
        return slope(jnp.zeros_like(path.times))

    return jax.vmap(along_row, out_axes=-1)(weights)


def shifted(
    contract: AbstractTradable, path: MarketPath, quotes: dict[str, Float[Array, " points"]]
) -> Float[Array, " points"]:
    """The price at each point if the market stood there at ``quotes`` and had come as it came."""
    contract = contract.held(path)
    if contract.pointwise:
        return contract.price(path.with_quotes(quotes))
    points = jnp.arange(path.times.shape[0])

    def struck(point: Array) -> Array:
        there = {name: jnp.where(points == point, moved, path.quote(name)) for name, moved in quotes.items()}
        return contract.price(path.with_quotes(there))[point]

    return jax.vmap(struck)(points)


def underlier_of(contract: AbstractContract, quote: str | None = None) -> str:
    """The quote a contract is written on: its own underlier, unless another is named."""
    found = quote or getattr(contract, "underlier", None)
    message = f"a {type(contract).__name__} has no one underlier; say which quote to differentiate by: quote='...'"
    require(found is not None, message, ProblemError)
    return found  # pyright: ignore


def _held(contract: AbstractContract, path: MarketPath, quotes: str | Sequence[str]) -> AbstractTradable:
    """Of what rolls, the terms of what is held stay as they are."""
    name = type(contract).__name__
    message = f"{name} has no price, so no sensitivity to {quotes!r}"
    require(isinstance(contract, AbstractTradable), message, ProblemError)
    return contract.held(path)  # pyright: ignore


def _diagonal(price: Callable) -> Callable:
    """The derivative of the price at each point to the quote at that point, where it depends on earlier ones too."""
    return lambda values: jnp.diagonal(jax.jacfwd(price)(values))
