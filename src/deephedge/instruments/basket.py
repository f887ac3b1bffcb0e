"""Contracts on several underliers: exchanges, spreads, the best and the worst of them, and baskets."""

from typing import Any, ClassVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, UnknownQuote, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, time_left
from deephedge.instruments.equity import check_expiry, check_terms
from deephedge.pricing import basket


def optional(value: Any) -> Float[Array, "..."] | None:
    """A numeric field that may be left out, as `number` makes one."""
    return None if value is None else as_float(value)


def _several(names: Any) -> tuple[str, ...] | None:
    return None if names is None else tuple(names)


class Exchange(AbstractTradable):
    r"""The right to get one unit of ``first`` for one of ``second`` at ``expiry`` (years): pays :math:`(S_1-S_2)^+`.

    Priced by Margrabe (1978) on the two quoted volatilities (``"<name>.vol"`` unless ``vols`` names others), rate and
    dividends where quoted, and the correlation of the two: the quote ``"<first>.<second>.correlation"`` (in either
    order) if the path has it, otherwise ``correlation``. Raises ``UnknownQuote`` on a path that has none where none is
    given.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 1.5]), "B": jnp.ones(2)}, jnp.ones(2))
    >>> Exchange("A", "B", expiry=1.0).cashflows(path).tolist()
    [0.0, 0.5]
    """

    pointwise: ClassVar[bool] = True
    first: str = eqx.field(static=True)
    second: str = eqx.field(static=True)
    expiry: Float[Array, ""] = number()
    correlation: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vols: tuple[str, ...] | None = eqx.field(static=True, converter=_several, default=None)

    def __check_init__(self):
        check_expiry(self.expiry)
        _check_names((self.first, self.second), self.vols, self.correlation)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        payoff = jnp.maximum(path.quote(self.first) - path.quote(self.second), 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, ahead, vols, like = _pair(path, (self.first, self.second), self.expiry, self.vols, self.correlation)
        value = basket.exchange(ahead[0], ahead[1], vols[0], vols[1], like, left)
        return jnp.where(left > 0, discount(path, left) * value, 0.0)


class SpreadOption(AbstractTradable):
    r"""A call (or put) on the difference of two: pays :math:`(\pm(S_1-S_2-K))^+` at ``expiry`` (years).

    Priced by Bjerksund and Stensland (2014), a lower bound, low by at most 3e-4 of the larger price for volatilities
    to 0.4 (exact for a strike of 0); reads what an `Exchange` reads. ``strike`` in cash, 0 or more: for a negative one
    change the names and the side.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 1.5]), "B": jnp.ones(2)}, jnp.ones(2))
    >>> SpreadOption("A", "B", strike=0.25, expiry=1.0).cashflows(path).tolist()
    [0.0, 0.25]
    """

    pointwise: ClassVar[bool] = True
    first: str = eqx.field(static=True)
    second: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    correlation: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vols: tuple[str, ...] | None = eqx.field(static=True, converter=_several, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        _check_names((self.first, self.second), self.vols, self.correlation)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.first) - path.quote(self.second) - self.strike
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left, ahead, vols, like = _pair(path, (self.first, self.second), self.expiry, self.vols, self.correlation)
        value = basket.spread(ahead[0], ahead[1], self.strike, vols[0], vols[1], like, left, self.call)
        return jnp.where(left > 0, discount(path, left) * value, 0.0)


class BestOf(AbstractTradable):
    r"""A call (or put) on the largest of several: pays :math:`(\pm(\max_iw_iS_i-K))^+` at ``expiry`` (years).

    ``weights`` are units of each (1 unless given): the inverse of today's prices make it the best performance. For two
    underliers the price is Stulz's (1982), on the quotes that an `Exchange` reads; for more there is no formula, and
    ``price`` raises ``ProblemError``: hold it as a liability.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 1.5]), "B": jnp.ones(2)}, jnp.ones(2))
    >>> BestOf(("A", "B"), strike=1.0, expiry=1.0).cashflows(path).tolist()
    [0.0, 0.5]
    """

    pointwise: ClassVar[bool] = True
    underliers: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    weights: Float[Array, " asset"] | None = eqx.field(converter=optional, default=None)
    correlation: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vols: tuple[str, ...] | None = eqx.field(static=True, converter=_several, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        _check_names(self.underliers, self.vols, self.correlation)
        _check_weights(self.underliers, self.weights)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = jnp.max(_weighed(path, self.underliers, self.weights), axis=-1) - self.strike
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return _of_two(self, path, basket.best_of)


class WorstOf(AbstractTradable):
    r"""A call (or put) on the smallest of several: pays :math:`(\pm(\min_iw_iS_i-K))^+`; in all else a `BestOf`.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 0.75]), "B": jnp.ones(2)}, jnp.ones(2))
    >>> WorstOf(("A", "B"), strike=1.0, expiry=1.0, call=False).cashflows(path).tolist()
    [0.0, 0.25]
    """

    pointwise: ClassVar[bool] = True
    underliers: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    weights: Float[Array, " asset"] | None = eqx.field(converter=optional, default=None)
    correlation: Float[Array, ""] | None = eqx.field(converter=optional, default=None)
    vols: tuple[str, ...] | None = eqx.field(static=True, converter=_several, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        _check_names(self.underliers, self.vols, self.correlation)
        _check_weights(self.underliers, self.weights)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = jnp.min(_weighed(path, self.underliers, self.weights), axis=-1) - self.strike
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return _of_two(self, path, basket.worst_of)


class Basket(AbstractTradable):
    r"""A call (or put) on a sum: pays :math:`(\pm(\sum_iw_iS_i-K))^+` at ``expiry`` (years).

    ``weights`` are units of each underlier, positive. Priced by conditioning on one normal (see
    `pricing.basket.basket` and the documentation for its error); reads the quotes that an `Exchange` reads, for every
    pair of names. ``correlation`` is one number for all pairs or a matrix, for those that the path does not quote.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 1.5]), "B": jnp.ones(2)}, jnp.ones(2))
    >>> Basket(("A", "B"), weights=(0.5, 0.5), strike=1.0, expiry=1.0).cashflows(path).tolist()
    [0.0, 0.25]
    """

    pointwise: ClassVar[bool] = True
    underliers: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    weights: Float[Array, " asset"] = eqx.field(converter=as_float)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    correlation: Float[Array, "*asset"] | None = eqx.field(converter=optional, default=None)
    vols: tuple[str, ...] | None = eqx.field(static=True, converter=_several, default=None)

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        _check_names(self.underliers, self.vols, self.correlation)
        _check_weights(self.underliers, self.weights)
        shape, count = jnp.shape(self.correlation if self.correlation is not None else 0.0), len(self.underliers)
        square = shape[-2:] == (count, count)
        require(shape == () or square, f"correlation must be one number or {count} x {count}, was of shape {shape}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = jnp.sum(_weighed(path, self.underliers, self.weights), axis=-1) - self.strike
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        ahead = jnp.stack([forward(path, name, left) for name in self.underliers], axis=-1) * self.weights
        vols, like = _vols(path, self.underliers, self.vols), _matrix(path, self.underliers, self.correlation)
        value = basket.basket(ahead, self.strike, jnp.stack(vols, axis=-1), like, left, self.call)
        return jnp.where(left > 0, discount(path, left) * value, 0.0)


def _pair(
    path: MarketPath,
    names: tuple[str, ...],
    expiry: Float[Array, ""],
    vols: tuple[str, ...] | None,
    correlation: Float[Array, ""] | None,
) -> tuple[Array, list[Array], list[Array], Array]:
    """Years left, the two forwards, their volatilities and their correlation, at each point."""
    left = time_left(path, expiry)
    ahead = [forward(path, name, left) for name in names]
    return left, ahead, _vols(path, names, vols), quoted_correlation(path, names[0], names[1], correlation)


def _of_two(contract: BestOf | WorstOf, path: MarketPath, formula: Any) -> Float[Array, " points"]:
    names, weights = contract.underliers, contract.weights
    says = f"{type(contract).__name__} has a price for two underliers, not for {len(names)}: hold it as a liability"
    require(len(names) == 2, says, ProblemError)
    left, ahead, vols, like = _pair(path, names, contract.expiry, contract.vols, contract.correlation)
    one, two = ahead if weights is None else (ahead[0] * weights[0], ahead[1] * weights[1])
    value = formula(one, two, contract.strike, vols[0], vols[1], like, left, contract.call)
    return jnp.where(left > 0, discount(path, left) * value, 0.0)


def quoted_correlation(
    path: MarketPath, first: str, second: str, otherwise: Float[Array, ""] | None
) -> Float[Array, "..."]:
    """The quote ``"<first>.<second>.correlation"``, in either order; ``otherwise`` where the path has none."""
    for name in (f"{first}.{second}.correlation", f"{second}.{first}.correlation"):
        if name in path.quotes:
            return path.quotes[name]
    if otherwise is None:
        raise UnknownQuote(
            f"the path has no quote '{first}.{second}.correlation': give the contract a correlation of its own"
        )
    return otherwise


def _matrix(path: MarketPath, names: tuple[str, ...], otherwise: Array | None) -> Float[Array, "points asset asset"]:
    def entry(i: int, j: int) -> Array:
        own = otherwise if otherwise is None or otherwise.ndim == 0 else otherwise[i, j]
        like = 1.0 if i == j else quoted_correlation(path, names[i], names[j], own)
        return jnp.broadcast_to(as_float(like), path.times.shape)

    count = range(len(names))
    return jnp.stack([jnp.stack([entry(i, j) for j in count], axis=-1) for i in count], axis=-2)


def _vols(path: MarketPath, names: tuple[str, ...], vols: tuple[str, ...] | None) -> list[Array]:
    return [path.quote(name) for name in (vols or tuple(f"{name}.vol" for name in names))]


def _weighed(path: MarketPath, names: tuple[str, ...], weights: ArrayLike | None) -> Float[Array, "points asset"]:
    prices = jnp.stack([path.quote(name) for name in names], axis=-1)
    return prices if weights is None else prices * weights


def _check_names(names: tuple[str, ...], vols: tuple[str, ...] | None, correlation: Array | None) -> None:
    require(len(set(names)) == len(names) > 1, f"underliers must be two or more different names, were {names}")
    require(vols is None or len(vols) == len(names), f"vols must name one quote for each of {names}, was {vols}")
    within = correlation is None or concrete(correlation, lambda c: np.abs(c) <= 1.0 + 1e-6)
    require(within, f"correlation must be between -1 and 1, was {correlation}")


def _check_weights(names: tuple[str, ...], weights: Array | None) -> None:
    if weights is not None:
        fits = concrete(weights, lambda w: w.shape[-1:] == (len(names),) and np.all((w > 0) & np.isfinite(w)))
        require(fits, f"weights must be one positive number of units for each of {names}, were {weights}")
