"""What a contract has read of its underlier on its dates, and what is left of the periods between them."""

from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete
from deephedge.instruments.base import reached
from deephedge.instruments.equity import check_expiry


class Fixings(NamedTuple):
    """One underlier on several dates, as each point knows it.

    ``known`` whether the date has come; ``spot`` the fixing (cash), and until it is known the spot of the point, so
    that the quotient of two neighbours is the return so far; ``left`` years to the date, 0 once known, so that the
    difference of two neighbours is what is left of the period between them.
    """

    known: Bool[Array, "points date"]
    spot: Float[Array, "points date"]
    left: Float[Array, "points date"]

    @property
    def moved(self) -> Float[Array, "points period"]:
        """Price over the fixing before it, so far in each period; 1 in one that has not begun."""
        return self.spot[:, 1:] / self.spot[:, :-1]

    @property
    def ahead(self) -> Float[Array, "points period"]:
        """Years still to run in each period."""
        return jnp.diff(self.left, axis=1)

    def held(self) -> "Fixings":
        """The same with known fixings as mere numbers: the delta on a date is then that of what comes after it."""
        return self._replace(spot=jnp.where(self.known, lax.stop_gradient(self.spot), self.spot))


def fixings(path: MarketPath, underlier: str, dates: Float[Array, " date"]) -> Fixings:
    """The fixings of ``underlier`` on increasing ``dates``: each its quote at the first point at or after the date.

    A path that begins after a date has its first point as fixing.

    >>> path = MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 2.0, 3.0])}, jnp.ones(3))
    >>> fixings(path, "A", jnp.array([0.25, 1.0])).spot.tolist()
    [[1.0, 1.0], [2.0, 2.0], [2.0, 3.0]]
    """
    known = jax.vmap(lambda date: reached(path.times, date), out_axes=1)(dates)
    spot = path.quote(underlier)
    fixed = jnp.where(known, spot[jnp.argmax(known, axis=0)], spot[:, None])
    return Fixings(known, fixed, jnp.where(known, 0.0, dates - path.times[:, None]))


def schedule(dates: Float[Array, " date"], expiry: Float[Array, ""]) -> Float[Array, " fixing"]:
    """All dates on which a contract reads its underlier, the last one included."""
    return jnp.append(dates, expiry)


def check_dates(dates: Float[Array, "..."], expiry: Float[Array, ""]) -> None:
    """Refuse dates that do not rise from 0 or later and end before ``expiry``."""
    check_expiry(expiry)
    require(dates.ndim == 1 and dates.size > 0, f"dates must be a row of one or more years, was {dates}")
    rises = concrete(expiry, lambda end: concrete(dates, lambda d: d[0] >= 0 and np.all(np.diff([*d, end]) > 0)))
    require(rises, f"dates must rise, from 0 or later to one before expiry ({expiry}), were {dates}")
