"""When a contract looks at its path: at every point until it expires, or on dates."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.instruments.base import at_expiry, reached, slack

NEVER = 1e6  # a barrier that nobody watches any more is this many times further away


def optional(value: Any) -> Float[Array, "..."] | None:
    """The value as numbers, or none."""
    return None if value is None else as_float(value)


def watched(path: MarketPath, expiry: Float[Array, ""], dates: Float[Array, " tenor"] | None) -> Bool[Array, " points"]:
    """The points that count: all to the one at which it expires, or of these the first at or after each date."""
    alive = ~reached(path.times, expiry) | at_expiry(path, expiry)
    return alive if dates is None else alive & jnp.any(jax.vmap(lambda date: at_expiry(path, date))(dates), axis=0)


def pending(path: MarketPath, expiry: Float[Array, ""], dates: Float[Array, " tenor"] | None) -> Bool[Array, " points"]:
    """Whether, after each point, another one will count."""
    return ~reached(path.times, expiry if dates is None else dates[-1])


def apart(dates: Float[Array, " tenor"] | None, monitoring: Float[Array, ""] | None) -> Float[Array, ""] | None:
    """Years from one look to the next, for a formula: between ``dates`` on average, or as told; none: always."""
    return monitoring if dates is None else (dates[-1] - dates[0]) / (dates.shape[-1] - 1)


def so_far(seen: Bool[Array, " points"]) -> Bool[Array, " points"]:
    """Whether it has been seen at each point or before."""
    return accumulated(jnp.where(seen, 1.0, 0.0))[1:] > 0


def check_watch(
    expiry: Float[Array, ""], dates: Float[Array, " tenor"] | None, monitoring: Float[Array, ""] | None
) -> None:
    """Refuse dates that do not rise to the expiry, and a distance between looks that is below 0."""
    if dates is not None:
        require(monitoring is None, "monitoring is the distance between dates: give one of the two")
        require(dates.shape[-1:] > (1,), "dates must be two or more: a contract that looks once is European")
        check_dates(dates, expiry)
    sound = monitoring is None or concrete(monitoring, lambda step: (step >= 0) & np.isfinite(step))
    require(sound, f"monitoring must be years between two looks, 0 or more, was {monitoring}")


def check_dates(dates: Float[Array, " tenor"], expiry: Float[Array, ""]) -> None:
    """Refuse dates that are not increasing years from 0 to the expiry."""
    rising = concrete(dates, lambda d: np.all(np.diff(d) > 0) & np.all(d >= 0))
    within = concrete(dates[..., -1] - expiry, lambda late: late <= slack(np.asarray(expiry)))
    require(rising and within, f"dates must be increasing years from 0 to the expiry {expiry}, were {dates}")
