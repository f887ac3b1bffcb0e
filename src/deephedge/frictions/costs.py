"""Specimens of the costs family: what a trade costs. Rates are one number, or one for each instrument."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, UnknownQuote, nearest, require
from deephedge.core.types import as_float, concrete
from deephedge.frictions.base import AbstractCost, per_instrument, size


class ProportionalCost(AbstractCost):
    r"""A share of the cash traded: :math:`\sum_i \varepsilon_i\,|n_i|\,|P_i|`; no rate, no cost.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> round(float(dh.frictions.ProportionalCost(0.01)(jnp.array([-2.0]), jnp.array([100.0]), {})), 6)
    2.0
    """

    rate: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)

    def __check_init__(self):
        _check_rate("rate", self.rate, "a share of the cash traded")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        return jnp.sum(per_instrument("rate", self.rate, trade) * size(trade) * jnp.abs(price))


class FixedCost(AbstractCost):
    r"""A fee for each trade of any size: :math:`\sum_i a_i\,1_{|n_i|>\epsilon}`, ``amount`` in cash.

    A trade of up to ``tolerance`` units is none: two ways of computing the same position differ by rounding. A step
    has no slope, so gradients do not see this cost: it is charged, but training does not learn to avoid it.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> float(dh.frictions.FixedCost(2.5)(jnp.array([-2.0, 0.0, 1e-9]), jnp.ones(3), {}))
    2.5
    """

    amount: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    tolerance: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=1e-6)

    def __check_init__(self):
        _check_rate("amount", self.amount, "cash for each trade")
        _check_rate("tolerance", self.tolerance, "units")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        traded = jnp.abs(trade) > per_instrument("tolerance", self.tolerance, trade)
        return jnp.sum(jnp.where(traded, per_instrument("amount", self.amount, trade), 0.0))


class HalfSpread(AbstractCost):
    r"""Half of the gap between bid and ask: :math:`\tfrac12\sum_i s_i\,|n_i|`, :math:`s` in units of price.

    ``spread`` is the whole gap in cash a unit, one number or one for each instrument; or the name of a quote of it, or
    one name for each instrument (``None``: that one has no spread). Raises ``UnknownQuote``.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> float(dh.frictions.HalfSpread(0.5)(jnp.array([-2.0]), jnp.array([100.0]), {}))
    0.5
    >>> seen = {"SPX.spread": jnp.array(0.25)}
    >>> float(dh.frictions.HalfSpread("SPX.spread")(jnp.array([2.0]), jnp.array([100.0]), seen))
    0.25
    """

    spread: Float[Array, "*instrument"] | None
    quotes: tuple[str | None, ...] | None = eqx.field(static=True)

    def __init__(self, spread: ArrayLike | str | Sequence[float | str | None]):
        names = (spread,) if isinstance(spread, str) else spread
        named = isinstance(names, list | tuple) and any(isinstance(name, str) for name in names)
        self.quotes = tuple(names) if named else None  # pyright: ignore
        self.spread = None if named else as_float(spread)

    def __check_init__(self):
        if self.spread is not None:
            _check_rate("spread", self.spread, "cash a unit, ask less bid")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        names = self.quotes or ()
        spread = jnp.stack([_quoted(quotes, name) for name in names]) if self.spread is None else self.spread
        return 0.5 * jnp.sum(per_instrument("spread", spread, trade) * size(trade))


class QuadraticCost(AbstractCost):
    r"""Temporary impact: :math:`\sum_i c_i\,n_i^2`, or :math:`\sum_i c_i\,n_i^2\,|P_i|` with ``per_price``.

    ``coefficient`` is cash a unit squared; with ``per_price`` it is the share of the price lost a unit traded.

    Source: Almgren and Chriss (2001), linear temporary impact.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> float(dh.frictions.QuadraticCost(0.5)(jnp.array([-2.0]), jnp.array([100.0]), {}))
    2.0
    """

    coefficient: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    per_price: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        _check_rate("coefficient", self.coefficient, "cash a unit squared")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        each = per_instrument("coefficient", self.coefficient, trade) * trade**2
        return jnp.sum(each * jnp.abs(price) if self.per_price else each)


class Costs(AbstractCost):
    """The sum of several costs.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> both = dh.frictions.Costs((dh.frictions.FixedCost(1.0), dh.frictions.QuadraticCost(0.5)))
    >>> float(both(jnp.array([-2.0]), jnp.array([100.0]), {}))
    3.0
    """

    costs: tuple[AbstractCost, ...] = eqx.field(converter=tuple)

    def __check_init__(self):
        wrong = [type(cost).__name__ for cost in self.costs if not isinstance(cost, AbstractCost)]
        require(len(self.costs) > 0 and not wrong, f"Costs needs cost objects, got {wrong or 'none'}", ProblemError)

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        return sum((cost(trade, price, quotes) for cost in self.costs), start=jnp.zeros(()))  # pyright: ignore


def _check_rate(name: str, value: Float[Array, "*instrument"], unit: str) -> None:
    sound = concrete(value, lambda x: (x >= 0) & np.isfinite(x))
    require(sound, f"{name} must be 0 or more ({unit}), was {value}; a trade cannot earn its cost")


def _quoted(quotes: dict[str, Float[Array, ""]], name: str | None) -> Float[Array, ""]:
    if name is not None and name not in quotes:
        raise UnknownQuote(f"the spread needs the quote {name!r}, which the path lacks: {nearest(name, quotes)}")
    return as_float(0.0) if name is None else quotes[name]
