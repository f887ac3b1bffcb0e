"""The lag between the day that fixes what an option pays and the day that pays it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number, optional
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, reached, slack, time_left


class Settling(AbstractTradable):
    r"""``contract``, whose cash at its expiry :math:`T` arrives at ``pays`` (years), some business days later.

    From :math:`T` on, the amount :math:`A` is owed and nothing can be dealt in any more. At the quoted flat rate

    .. math:: V_t = \begin{cases}e^{-r_t(T_p-T)}\,V^{contract}_t & t<T\\ e^{-r_t(T_p-t)}A & T\le t<T_p.\end{cases}

    For contracts that pay at their expiry alone, such as European options. A path that begins between both dates has
    not seen what was fixed: ``owed`` says it (cash; NaN where it was not given). The state ``"owed"`` is that amount.
    On a grid of business days (`core.calendars.business_grid`) two days later is two points later.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 1.5, 2.0])}, jnp.ones(3))
    >>> late = Settling(dh.instruments.Forward("A", strike=1.0, expiry=0.5), pays=1.0)
    >>> late.price(path).tolist(), late.cashflows(path).tolist()
    ([0.0, 0.5, 0.0], [0.0, 0.0, 0.5])
    """

    contract: AbstractTradable
    pays: Float[Array, ""] = number()
    owed: Float[Array, ""] | None = eqx.field(converter=optional, default=None)

    def __check_init__(self):
        name = type(self.contract).__name__
        dated = isinstance(self.contract, AbstractTradable) and hasattr(self.contract, "expiry")
        require(dated, f"{name} has no price or no expiry after which it could be paid", ProblemError)
        fixed = self.contract.expiry  # pyright: ignore
        ordered = concrete(self.pays - fixed, lambda lag: (lag >= 0) & np.isfinite(lag))
        require(ordered, f"pays must not come before the expiry of {fixed} years, was {self.pays}")

    @property
    def expiry(self) -> Float[Array, "..."]:
        """The day of payment, its last."""
        return self.pays

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        lag = jnp.minimum(time_left(path, self.pays), self.pays - self.contract.expiry)  # pyright: ignore
        value = discount(path, lag) * (self.contract.price(path) + self._owed(path))
        return jnp.where(reached(path.times, self.pays), 0.0, value)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.pays), self._owed(path), 0.0)

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        return self.contract.tradable(path)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"owed": self._owed(path), **self.contract.state(path)}

    def _owed(self, path: MarketPath) -> Float[Array, " points"]:
        """What was fixed, 0 before: a mere number, for no later price moves it."""
        fixed = self.contract.expiry  # pyright: ignore
        seen = jnp.sum(jnp.where(at_expiry(path, fixed), self.contract.cashflows(path), 0.0))
        missed = path.times[0] > fixed + slack(fixed)
        amount = jnp.where(missed, jnp.nan if self.owed is None else self.owed, lax.stop_gradient(seen))
        return jnp.where(reached(path.times, fixed), amount, 0.0)
