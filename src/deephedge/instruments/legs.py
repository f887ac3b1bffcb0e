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


def forward_rates(path: MarketPath, curve: AbstractCurve, schedule: Schedule) -> Float[Array, "points tenor"]:
    """Simple rate per year for each period to come, at each point."""
    growth = curve.discounts(path, schedule.starts) / curve.discounts(path, schedule.ends)
    return (growth - 1.0) / schedule.accruals


def floating_rates(
    path: MarketPath, curve: AbstractCurve, schedule: Schedule, known: Float[Array, ""]
) -> Float[Array, "points tenor"]:
    """Forward rates until each is fixed, and from there on what it was fixed at (``known``, before the path began)."""
    return remembered(path, schedule.fixings, forward_rates(path, curve, schedule), known)


def paid(path: MarketPath, schedule: Schedule, amounts: Float[Array, "*points tenor"]) -> Float[Array, " points"]:
    """Cash at each point of ``amounts`` due when the periods are paid."""
    return jnp.sum(jnp.where(arriving(path, schedule.pays), amounts, 0.0), axis=-1)


def worth(
    path: MarketPath, curve: AbstractCurve, schedule: Schedule, amounts: Float[Array, "*points tenor"]
) -> Float[Array, " points"]:
    """Value at each point of the ``amounts`` that are still to be paid."""
    due = jnp.where(come(path, schedule.pays), 0.0, amounts)
    return jnp.sum(due * curve.discounts(path, schedule.pays), axis=-1)


def last_one(schedule: Schedule) -> Float[Array, " tenor"]:
    """1 for the last period, 0 for the others."""
    return jnp.zeros_like(schedule.pays).at[-1].set(1.0)


def check_fixing(schedule: Schedule, fixing: Float[Array, ""]) -> None:
    """Refuse a leg whose running rate was fixed before time 0 and is not given."""
    early = not concrete(schedule.fixings, lambda dates: dates >= -1e-6)
    given = concrete(fixing, np.isfinite)
    require(given or not early, "a rate was fixed before time 0: give it as fixing, per year")
