"""What a spot earns on top of its martingale part, and what it is discounted by: the same in every model of one."""

from typing import Any, Protocol, runtime_checkable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import optional
from deephedge.pricing.normal import root


def optional_number() -> Any:
    """Declare a numeric field that may be left out."""
    return eqx.field(converter=optional, default=None)


@runtime_checkable
class Carried(Protocol):
    """A market of one spot with continuous yearly rates, each of which may be left out."""

    name: str
    spot: Array
    rate: Array | None
    dividend: Array | None
    drift: Array | None


def carried_path(
    market: Carried, grid: TimeGrid, moves: Float[Array, " step"], quotes: dict[str, Float[Array, " points"]]
) -> MarketPath:
    r"""The path whose spot is :math:`S_0 e^{\mu t + \sum moves}`, discounted by the money account :math:`e^{rt}`.

    :math:`\mu` is the drift, or rate minus dividend where none is given. Rates that are given are quoted.
    """
    rate = 0.0 if market.rate is None else market.rate
    growth = rate - (0.0 if market.dividend is None else market.dividend) if market.drift is None else market.drift
    elapsed = grid.times - grid.times[0]
    log_spot = accumulated(moves) + growth * elapsed
    rates = {"rate": market.rate, f"{market.name}.dividend": market.dividend}
    flat = {name: value * jnp.ones_like(elapsed) for name, value in rates.items() if value is not None}
    return MarketPath(
        grid.times, {market.name: market.spot * jnp.exp(log_spot)} | quotes | flat, jnp.exp(rate * elapsed)
    )


def leveraged(name: str, correlation: Float[Array, ""]) -> dict[str, Float[Array, " factor"]]:
    """The drivers of a spot and its variance, where the first normal moves the variance and a second one is apart."""
    zero = jnp.zeros_like(correlation)
    spot = jnp.stack([correlation, root(1.0 - correlation**2)])
    return {name: spot, f"{name}.variance": jnp.stack([zero + 1.0, zero])}


@runtime_checkable
class CarriedPrices(Protocol):
    """A market of several prices with continuous yearly rates, one for all or one for each."""

    spot: Array
    rate: Array | None
    dividend: Array | None
    drift: Array | None


def carried_prices(
    market: CarriedPrices,
    grid: TimeGrid,
    names: tuple[str, ...],
    moves: Float[Array, "step asset"],
    quotes: dict[str, Float[Array, " points"]],
) -> MarketPath:
    """What `carried_path` does, for several prices that are discounted by one money account."""
    rate = 0.0 if market.rate is None else market.rate
    growth = rate - (0.0 if market.dividend is None else market.dividend) if market.drift is None else market.drift
    elapsed = grid.times - grid.times[0]
    logs = accumulated(moves) + growth * elapsed[:, None]
    prices = market.spot * jnp.exp(logs)
    rates = {} if market.rate is None else {"rate": rate * jnp.ones_like(elapsed)}
    if market.dividend is not None:
        paid = jnp.broadcast_to(market.dividend, prices.shape)
        rates |= {f"{name}.dividend": paid[:, n] for n, name in enumerate(names)}
    found = {name: prices[:, n] for n, name in enumerate(names)}
    return MarketPath(grid.times, found | quotes | rates, jnp.exp(rate * elapsed))
