"""What holding costs, step by step: borrowing stock, borrowing cash, posting margin, and the taxman's share."""

from abc import abstractmethod
from collections.abc import Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, number
from deephedge.frictions.base import Rate, checked_rate, per_instrument, size
from deephedge.instruments.base import AbstractTradable


class Holdings(eqx.Module):
    """What a desk holds over one step: units, prices at its start, cash paid by one unit at its end.

    ``balance`` is the desk's cash after the trades at the start (negative: borrowed), ``years`` the length of the step,
    ``quotes`` those at its start.
    """

    position: Float[Array, "*step instrument"]
    price: Float[Array, "*step instrument"]
    income: Float[Array, "*step instrument"]
    balance: Float[Array, "*step"]
    years: Float[Array, "*step"]
    quotes: dict[str, Float[Array, "*step"]]


class AbstractCharge(eqx.Module):
    """Cash paid at the end of a step for what was held over it, on top of the interest that is in the numeraire."""

    @abstractmethod
    def __call__(self, held: Holdings, known: PyTree) -> Float[Array, ""]:
        """Cash paid at the end of the step; ``known`` is what ``measure`` found at its start."""

    def measure(self, path: MarketPath) -> PyTree:
        """What the charge has to know of the path at each point, points leading; ``None`` for nothing."""
        return None


class BorrowFee(AbstractCharge):
    r"""The lender's fee for what is sold short: :math:`\sum_i b_i\,(-\delta_i)^+\,|P_i|\,\Delta`.

    ``rate`` is a share of the value a year: a number, one for each instrument, or names of quotes of it (``None``: no
    fee for that one). Raises ``UnknownQuote``.
    """

    rate: Rate

    def __init__(self, rate: ArrayLike | str | Sequence[float | str | None]):
        self.rate = Rate("borrow fee", rate, "a share of the value a year")

    def __call__(self, held: Holdings, known: None) -> Float[Array, ""]:
        rate = self.rate(held.quotes, held.position)
        return held.years * jnp.sum(rate * jnp.maximum(-held.position, 0.0) * jnp.abs(held.price))


class FundingSpread(AbstractCharge):
    r"""What a desk pays above the numeraire's rate on borrowed cash and gets below it on its own.

    :math:`(b\,(-B)^+ + l\,B^+)\,\Delta` for a cash balance :math:`B`: ``borrow`` and ``lend`` are rates a year.
    The balance counts everything: premium, trades, payments, costs and the charges of earlier steps.
    """

    borrow: Float[Array, ""] = number()
    lend: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        checked_rate("borrow", self.borrow, "a year")
        checked_rate("lend", self.lend, "a year")

    def __call__(self, held: Holdings, known: None) -> Float[Array, ""]:
        owed, own = jnp.maximum(-held.balance, 0.0), jnp.maximum(held.balance, 0.0)
        return held.years * (self.borrow * owed + self.lend * own)


class InitialMargin(AbstractCharge):
    r"""What it costs to post initial margin: :math:`s\,\Delta\sum_i m_i\,|\delta_i|\,|P_i|`.

    ``share`` of the value of each position is posted and earns ``spread`` a year less than it costs.
    """

    share: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    spread: Float[Array, ""] = number()

    def __check_init__(self):
        checked_rate("share", self.share, "of the value of a position")
        checked_rate("spread", self.spread, "a year")

    def __call__(self, held: Holdings, known: None) -> Float[Array, ""]:
        posted = per_instrument("share", self.share, held.position) * size(held.position) * jnp.abs(held.price)
        return held.years * self.spread * jnp.sum(posted)


class VariationMargin(AbstractCharge):
    r"""What it costs to post the mark of a contract that stands against us: :math:`s\,(-V-h)^+\,\Delta`.

    ``contract`` is what we hold under the agreement, signed (``short(call)``); the first ``threshold`` of cash need
    not be posted; what is posted earns ``spread`` a year less than it costs. Nothing is earned on what is received.
    The margin of a future is no charge: it is cash that the instrument itself pays.
    """

    contract: AbstractTradable
    spread: Float[Array, ""] = number()
    threshold: Float[Array, ""] = number(default=0.0)

    def __check_init__(self):
        name = type(self.contract).__name__
        require(isinstance(self.contract, AbstractTradable), f"{name} has no price, so no margin on it", ProblemError)
        checked_rate("spread", self.spread, "a year")
        checked_rate("threshold", self.threshold, "cash")

    def measure(self, path: MarketPath) -> Float[Array, " points"]:
        return self.contract.price(path)

    def __call__(self, held: Holdings, known: Float[Array, ""]) -> Float[Array, ""]:
        return held.years * self.spread * jnp.maximum(-known - self.threshold, 0.0)


class Withholding(AbstractCharge):
    r"""Tax kept back from what long positions are paid (dividends, coupons): :math:`\sum_i w_i\,(\delta_i D_i)^+`.

    Who is short pays the whole of it, so only money received is taxed; ``rate`` is a share of it.
    """

    rate: Float[Array, "*instrument"] = eqx.field(converter=as_float)

    def __check_init__(self):
        checked_rate("rate", self.rate, "a share of what is paid")

    def __call__(self, held: Holdings, known: None) -> Float[Array, ""]:
        rate = per_instrument("rate", self.rate, held.position)
        return jnp.sum(rate * jnp.maximum(held.position * held.income, 0.0))


class Charges(AbstractCharge):
    """The sum of several charges."""

    charges: tuple[AbstractCharge, ...] = eqx.field(converter=tuple)

    def __check_init__(self):
        wrong = [type(each).__name__ for each in self.charges if not isinstance(each, AbstractCharge)]
        require(len(self.charges) > 0 and not wrong, f"Charges needs charges, got {wrong or 'none'}", ProblemError)

    def measure(self, path: MarketPath) -> tuple[PyTree, ...]:
        return tuple(each.measure(path) for each in self.charges)

    def __call__(self, held: Holdings, known: tuple[PyTree, ...]) -> Float[Array, ""]:
        each = (charge(held, seen) for charge, seen in zip(self.charges, known, strict=True))
        return sum(each, start=jnp.zeros(()))  # pyright: ignore


def charged(
    charge: AbstractCharge, path: MarketPath, held: Holdings, flow: Float[Array, " step"]
) -> Float[Array, " step"]:
    """Charges along a path, in cash, paid at the end of each step.

    ``held.balance`` is not read but kept here: ``flow`` is the cash that comes in at the start of each step from all
    but interest and charges.
    """
    growth = jnp.concatenate([jnp.ones(1, flow.dtype), path.numeraire[1:-1] / path.numeraire[:-2]])
    known = jax.tree.map(lambda x: x[:-1], charge.measure(path))

    def step(carried: tuple[Array, Array], now: tuple) -> tuple[tuple[Array, Array], Array]:
        balance, owed = carried
        held, known, flow, growth = now
        balance = balance * growth - owed + flow
        cash = charge(eqx.tree_at(lambda h: h.balance, held, balance), known)
        return (balance, cash), cash

    zero = jnp.zeros((), flow.dtype)
    return lax.scan(step, (zero, zero), (held, known, flow, growth))[1]
