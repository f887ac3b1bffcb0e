"""The time grid: n + 1 points, n steps, n decisions. The off-by-one is settled here, once."""

from collections.abc import Sequence
from datetime import date

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import GridError, require
from deephedge.core.types import as_float, concrete

DAY_COUNTS = {"act/365": 365.0, "act/360": 360.0, "act/365.25": 365.25}


class TimeGrid(eqx.Module):
    """Strictly increasing times in years; ``points = steps + 1``.

    >>> grid = TimeGrid.uniform(maturity=30 / 365, steps=30)
    >>> grid.steps, grid.points
    (30, 31)
    """

    times: Float[Array, " points"] = eqx.field(converter=as_float)

    def __check_init__(self):
        require(self.times.ndim == 1 and self.times.size >= 2, "a grid needs at least two times in a row", GridError)
        require(
            concrete(self.times, np.isfinite) and concrete(self.times, lambda t: np.diff(t) > 0),
            "grid times must be finite and strictly increasing; sort them and drop repeated ones",
            GridError,
        )

    @classmethod
    def uniform(cls, maturity: float, steps: int) -> "TimeGrid":
        """``steps`` equal steps from 0 to ``maturity`` years; the last time is ``maturity`` exactly."""
        require(
            bool(int(steps) == steps and steps >= 1), f"steps must be a whole number from 1, was {steps}", GridError
        )
        require(
            bool(np.isfinite(maturity) and maturity > 0), f"maturity must be positive years, was {maturity}", GridError
        )
        return cls(np.arange(int(steps) + 1) * (float(maturity) / int(steps)))

    @classmethod
    def from_dates(cls, dates: Sequence[date], day_count: str = "act/365") -> "TimeGrid":
        """Years from the first date under an actual day count (``act/365``, ``act/360``, ``act/365.25``).

        >>> from datetime import date
        >>> TimeGrid.from_dates([date(2024, 1, 1), date(2024, 12, 31)]).times.tolist()
        [0.0, 1.0]
        """
        require(day_count in DAY_COUNTS, f"day_count must be one of {sorted(DAY_COUNTS)}, was {day_count!r}", GridError)
        days = np.asarray(dates, dtype="datetime64[D]")
        require(days.ndim == 1 and days.size >= 2, "a grid needs at least two dates", GridError)
        return cls((days - days[0]).astype(float) / DAY_COUNTS[day_count])

    @property
    def points(self) -> int:
        return self.times.shape[0]

    @property
    def steps(self) -> int:
        return self.times.shape[0] - 1

    @property
    def dt(self) -> Float[Array, " step"]:
        """Length of each step, in years."""
        return jnp.diff(self.times)
