"""Rights used on one of several dates under a Gaussian short rate, and the two ways to say when."""

from abc import abstractmethod
from collections.abc import Callable
from typing import Any, TypeVar

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete
from deephedge.instruments.curve import AbstractCurve, arriving, gaussian
from deephedge.instruments.exercise import AbstractExercise, AbstractRight, CriticalPrices
from deephedge.instruments.lattice import Lattice, lattice


class AbstractBermudan(AbstractRight):
    """A right used on one of ``dates`` (years), worth what backward induction makes of it under its curve's model.

    ``call`` says whether it gains when rates rise. Under the curve of another kind it has no price, and needs a rule.
    """

    dates: eqx.AbstractVar[Float[Array, " tenor"]]

    @property
    @abstractmethod
    def curve(self) -> AbstractCurve:
        """What it is priced on."""

    @abstractmethod
    def used(self, times: Float[Array, "*points"], discounts: Callable[[Array], Array]) -> Float[Array, "*points"]:
        """Cash for using it at ``times`` (years), where bonds to dates, on the last axis, cost ``discounts(dates)``."""

    @property
    def expiry(self) -> Float[Array, "..."]:
        """The last date, in years."""
        return self.dates[..., -1]

    @property
    def vol(self) -> None:
        """It reads no volatility."""
        return None

    def allowed(self, path: MarketPath) -> Bool[Array, " points"]:
        return jnp.any(arriving(path, self.dates), axis=-1)

    def payoff(self, path: MarketPath) -> Float[Array, " points"]:
        return self.used(path.times, lambda dates: self.curve.discounts(path, dates))

    def value(self, path: MarketPath) -> Float[Array, " points"]:
        found = self.lattice()
        return jnp.maximum(found.ahead(path.times, path.quote(f"{found.model.name}.short")), 0.0)

    def lattice(self) -> Lattice:
        """Using and waiting at each date, on a grid of short rates."""
        nothing = jnp.zeros_like
        return lattice(gaussian(self.curve), self.dates, self.used, nothing, nothing)


class AgainstWaiting(AbstractExercise):
    """Uses a right whose price is that of waiting where using it makes as much or more: the best use under its model.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> curve = dh.instruments.ModelCurve(dh.markets.HullWhite(((1, 9), (0.03, 0.03)), 0.1, 0.01))
    >>> years = dh.Schedule.uniform(1.0, 6.0, periods=5)
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"USD.short": jnp.array([0.03, 0.06])}, jnp.ones(2))
    >>> swap = dh.instruments.Swap(years, years, 0.03, curve)
    >>> right = dh.instruments.BermudanSwaption(swap, years.starts, AgainstWaiting())
    >>> jax.jit(lambda path: right.exercised(path))(path).tolist()
    [False, True]
    """

    def wants(self, right: AbstractRight, path: MarketPath) -> Bool[Array, " points"]:
        return right.payoff(path) >= right.value(path)


Right = TypeVar("Right", bound=AbstractBermudan)


@eqx.filter_jit
def at_critical_rates(right: Right) -> Right:
    """The same right used where the short rate has passed the critical one of the date: the best use, found once.

    `AgainstWaiting` says the same with a lattice for each path that it is asked about, which compiles for longer.
    """
    found = right.lattice()
    gap = found.use - found.wait if right.call else found.wait - found.use
    place = jnp.clip(jnp.sum(gap < 0, axis=-1), 1, gap.shape[-1] - 1)[:, None]
    before, after = (jnp.take_along_axis(gap, place - n, axis=-1)[:, 0] for n in (1, 0))
    level = place[:, 0] - after / (after - before) - 0.5 * (gap.shape[-1] - 1)
    rule = CriticalPrices(jnp.flip(right.expiry - right.dates), jnp.flip(found.centres + found.widths * level))
    return eqx.tree_at(lambda each: each.rule, right, rule)


def check_dates(dates: Any) -> None:
    """Refuse dates that are not years above 0, increasing."""
    rising = concrete(dates, lambda t: np.all(np.diff(t, prepend=0.0, axis=-1) > 0))
    require(rising and dates.ndim > 0, f"dates must be years above 0, increasing, were {dates}")
