"""What the two legs of rates contracts pay, and what that is worth."""

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.schedule import Schedule
from deephedge.core.types import concrete
from deephedge.instruments.curve import AbstractCurve, arriving, come, remembered

UNKNOWN = float("nan")  # a fixing that nobody was told: it must spoil what it touches


def bonds(path: MarketPath, curve: AbstractCurve, *dates: Float[Array, " _"]) -> tuple[Float[Array, "points _"], ...]:
    """Bonds to each of several sets of dates: asked for at once, which compiles in the time of one."""
    found = curve.discounts(path, jnp.concatenate(dates))
    return tuple(jnp.split(found, np.cumsum([each.shape[0] for each in dates])[:-1], axis=-1))


def floating_rates(
    path: MarketPath,
    schedule: Schedule,
    near: Float[Array, "points tenor"],
    far: Float[Array, "points tenor"],
    known: Float[Array, ""],
) -> Float[Array, "points tenor"]:
    """Simple rates per year by bonds to the starts and ends of periods, remembered from when each is fixed.

    ``known`` is what was fixed before the path began.
    """
    return remembered(path, schedule.fixings, (near / far - 1.0) / schedule.accruals, known)


def paid(path: MarketPath, schedule: Schedule, amounts: Float[Array, "*points tenor"]) -> Float[Array, " points"]:
    """Cash at each point of ``amounts`` due when the periods are paid."""
    return jnp.sum(jnp.where(arriving(path, schedule.pays), amounts, 0.0), axis=-1)


def worth(
    path: MarketPath, schedule: Schedule, amounts: Float[Array, "*points tenor"], bonds: Float[Array, "points tenor"]
) -> Float[Array, " points"]:
    """Value at each point of the ``amounts`` that are still to be paid, by ``bonds`` to then."""
    return jnp.sum(jnp.where(come(path, schedule.pays), 0.0, amounts) * bonds, axis=-1)


def last_one(schedule: Schedule) -> Float[Array, " tenor"]:
    """1 for the last period, 0 for the others."""
    return jnp.zeros_like(schedule.pays).at[-1].set(1.0)


def check_fixing(schedule: Schedule, fixing: Float[Array, ""]) -> None:
    """Refuse a leg whose running rate was fixed before time 0 and is not given."""
    early = not concrete(schedule.fixings, lambda dates: dates >= -1e-6)
    given = concrete(fixing, np.isfinite)
    require(given or not early, "a rate was fixed before time 0: give it as fixing, per year")
