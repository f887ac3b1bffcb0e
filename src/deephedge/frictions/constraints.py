"""Specimens of the constraints family: a box on positions and on trades, and whole lots inside it."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PyTree

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.frictions.base import AbstractConstraint, per_instrument
from deephedge.instruments.base import AbstractContract, AbstractTradable

ROUNDING = 1e-4  # of a lot: a limit of three lots, written as 3 * 0.1 in float32, allows three


class Box(AbstractConstraint):
    """Positions within ``[lower, upper]`` and trades of at most ``trade`` units, each one number or one an instrument.

    Where the trade limit cannot reach the box, the trade limit wins: the desk moves towards the box as far as it may.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> dh.frictions.Box(lower=0.0, upper=1.0)(jnp.array([1.5]), jnp.array([0.0])).tolist()
    [1.0]
    """

    lower: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=-np.inf)
    upper: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=np.inf)
    trade: Float[Array, "*instrument"] = eqx.field(converter=as_float, default=np.inf)

    def __check_init__(self):
        ordered = concrete(self.upper - self.lower, lambda gap: gap >= 0)
        require(ordered, f"lower must not be above upper, were {self.lower} and {self.upper}")
        require(concrete(self.trade, lambda t: t >= 0), f"trade must be 0 or more units, was {self.trade}")

    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        inside = jnp.clip(
            target, per_instrument("lower", self.lower, target), per_instrument("upper", self.upper, target)
        )
        reach = per_instrument("trade", self.trade, target)
        return jnp.clip(inside, position - reach, position + reach)


class Lots(AbstractConstraint):
    """Trades of whole lots of ``size`` units, the number nearest to what is wanted that ``box`` allows.

    If no whole number of lots stays inside the box there is no trade. Gradients pass straight through the rounding, as
    if the box alone stood there, so that a policy can be trained with its lots.

    Source of the straight-through gradient: Bengio, Léonard, Courville (2013).

    >>> import jax.numpy as jnp, deephedge as dh
    >>> dh.frictions.Lots(0.25)(jnp.array([0.6]), jnp.array([0.0])).tolist()
    [0.5]
    """

    size: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    box: Box = Box()

    def __check_init__(self):
        sound = concrete(self.size, lambda s: (s > 0) & np.isfinite(s))
        require(sound, f"a lot must be a positive number of units, was {self.size}")

    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        inside = self.box(target, position)
        low, high = (self.box(jnp.full_like(target, edge), position) for edge in (-jnp.inf, jnp.inf))
        fewest = jnp.ceil((low - position) / self.size - ROUNDING)
        most = jnp.floor((high - position) / self.size + ROUNDING)
        lots = jnp.clip(jnp.round((inside - position) / per_instrument("size", self.size, target)), fewest, most)
        reached = position + jnp.where(fewest <= most, lots, 0.0) * self.size
        # Written so that the value is the lots to the last bit and the derivative that of the box.
        return lax.stop_gradient(reached) + (inside - lax.stop_gradient(inside))


class MinimumTicket(AbstractConstraint):
    """Trades of at least ``size`` units or none, each instrument on its own, inside what ``within`` allows.

    What is wanted and smaller is not traded. Gradients pass as if ``within`` alone stood there, a stated relaxation.

    >>> import jax.numpy as jnp, deephedge as dh
    >>> dh.frictions.MinimumTicket(0.5)(jnp.array([0.4, 0.7]), jnp.zeros(2)).tolist()
    [0.0, 0.699999988079071]
    """

    size: Float[Array, "*instrument"] = eqx.field(converter=as_float)
    within: AbstractConstraint = Box()

    def measure(
        self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract
    ) -> PyTree:
        return self.within.measure(path, instruments, liability)

    def at(self, known: PyTree) -> "MinimumTicket":
        return MinimumTicket(self.size, self.within.at(known))

    def check(self, path: MarketPath, instruments: tuple[AbstractTradable, ...], liability: AbstractContract) -> None:
        self.within.check(path, instruments, liability)

    def usage(
        self, position: Float[Array, " instrument"], before: Float[Array, " instrument"]
    ) -> Float[Array, " limit"] | None:
        return self.within.usage(position, before)

    def __check_init__(self):
        sound = concrete(self.size, lambda s: (s >= 0) & np.isfinite(s))
        require(sound, f"the smallest ticket must be 0 or more units, was {self.size}")

    def __call__(
        self, target: Float[Array, " instrument"], position: Float[Array, " instrument"]
    ) -> Float[Array, " instrument"]:
        inside = self.within(target, position)
        dealt = jnp.abs(inside - position) >= per_instrument("size", self.size, target) * (1 - ROUNDING)
        reached = jnp.where(dealt, inside, position)
        return lax.stop_gradient(reached) + (inside - lax.stop_gradient(inside))
