"""Specimens of the costs family: what a trade costs. Rates are one number, or one for each instrument."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.types import as_float
from deephedge.frictions.base import AbstractCost, Rate, checked_rate, per_instrument, size


class ProportionalCost(AbstractCost):
    r"""A share of the cash traded: :math:`\sum_i \varepsilon_i\,|n_i|\,|P_i|`; no rate, no cost.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> round(float(dh.frictions.ProportionalCost(0.01)(jnp.array([-2.0]), jnp.array([100.0]), {})), 6)
    2.0
    """

    rate: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.0)

    def __check_init__(self):
        checked_rate("rate", self.rate, "a share of the cash traded")

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
    has no slope to learn from, so the derivative is that of :math:`a_i(1-e^{-|n_i|/w_i})`, a step smeared over
    ``width`` :math:`w_i` units (0: no derivative at all); the value is always the true one.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> float(dh.frictions.FixedCost(2.5)(jnp.array([-2.0, 0.0, 1e-9]), jnp.ones(3), {}))
    2.5
    """

    amount: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    tolerance: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=1e-6)
    width: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=0.1)

    def __check_init__(self):
        checked_rate("amount", self.amount, "cash for each trade")
        checked_rate("tolerance", self.tolerance, "units")
        checked_rate("width", self.width, "units")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        traded = jnp.abs(trade) > per_instrument("tolerance", self.tolerance, trade)
        amount, width = (per_instrument(name, getattr(self, name), trade) for name in ("amount", "width"))
        true = jnp.sum(jnp.where(traded, amount, 0.0))
        smeared = -jnp.expm1(-size(trade) / jnp.where(width > 0, width, 1.0))
        relaxed = jnp.sum(lax.stop_gradient(amount) * jnp.where(width > 0, smeared, 0.0))
        return true + (relaxed - lax.stop_gradient(relaxed))


class MinimumFee(AbstractCost):
    r"""A share of the cash traded, but no ticket below ``minimum``: :math:`\sum_i\max(\varepsilon_i|n_i||P_i|, m_i)`.

    Paid for trades of more than ``tolerance`` units. Below the minimum the derivative is that of the share: a stated
    relaxation, without which training would not see that small tickets cost anything.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> round(float(dh.frictions.MinimumFee(0.01, 5.0)(jnp.array([-2.0, 10.0]), jnp.full(2, 100.0), {})), 4)
    15.0
    """

    rate: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    minimum: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    tolerance: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=1e-6)

    def __check_init__(self):
        checked_rate("rate", self.rate, "a share of the cash traded")
        checked_rate("minimum", self.minimum, "cash for each trade")
        checked_rate("tolerance", self.tolerance, "units")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        share = per_instrument("rate", self.rate, trade) * size(trade) * jnp.abs(price)
        traded = jnp.abs(trade) > per_instrument("tolerance", self.tolerance, trade)
        paid = jnp.where(traded, jnp.maximum(share, per_instrument("minimum", self.minimum, trade)), 0.0)
        return jnp.sum(share + lax.stop_gradient(paid - share))


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

    spread: Rate

    def __init__(self, spread: ArrayLike | str | Sequence[float | str | None]):
        self.spread = Rate("spread", spread, "cash a unit, ask less bid")

    def __call__(
        self,
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> Float[Array, ""]:
        return 0.5 * jnp.sum(self.spread(quotes, trade) * size(trade))


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
        checked_rate("coefficient", self.coefficient, "cash a unit squared")

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

    def init(self, instruments: int) -> tuple[PyTree, ...]:
        return tuple(cost.init(instruments) for cost in self.costs)

    def step(
        self,
        state: tuple[PyTree, ...],
        trade: Float[Array, " instrument"],
        price: Float[Array, " instrument"],
        quotes: dict[str, Float[Array, ""]],
    ) -> tuple[tuple[PyTree, ...], Float[Array, ""]]:
        every = zip(self.costs, state, strict=True)
        states, cash = zip(*(cost.step(seen, trade, price, quotes) for cost, seen in every), strict=True)
        return states, sum(cash, start=jnp.zeros(()))  # pyright: ignore
