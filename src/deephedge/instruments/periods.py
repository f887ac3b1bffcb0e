"""The periods that a premium or a coupon is paid for."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.instruments.base import at_expiry, reached
from deephedge.pricing import hazard


class Periods(eqx.Module):
    """Periods one after the other, each paid for at its end: ``dates`` (years, increasing), the first from ``start``.

    ``accruals`` are what a premium of one a year pays for each (years by its day count; the length of the period unless
    given). Raises ``ParameterError`` where dates do not increase or accruals are not one for each.

    >>> Periods((0.5, 1.0), accruals=(0.507, 0.504)).expiry.item()
    1.0
    """

    starts: Float[Array, " quote"]
    dates: Float[Array, " quote"]
    accruals: Float[Array, " quote"]
    expiry: Float[Array, ""]

    def __init__(self, dates: Any, accruals: Any = None, start: ArrayLike = 0.0):
        self.dates = as_float(dates)
        require(self.dates.ndim == 1 and len(self.dates) > 0, f"dates must be a row of years, were {dates}")
        self.starts = jnp.concatenate([as_float(start)[None], self.dates[:-1]])
        self.accruals = self.dates - self.starts if accruals is None else as_float(accruals)
        self.expiry = self.dates[-1]

    def __check_init__(self):
        ahead = concrete(self.dates - self.starts, lambda x: np.isfinite(x) & (x > 0))
        require(ahead, f"dates must be years that increase from start, were {self.dates} from {self.starts[0]}")
        one = self.accruals.shape == self.dates.shape and concrete(self.accruals, lambda x: x >= 0)
        require(one, f"accruals must be years, one for each of {self.dates}, were {self.accruals}")
        require(concrete(self.expiry, lambda t: t > 0), f"the last of dates must be above 0, was {self.expiry}")

    @classmethod
    def regular(cls, maturity: float, frequency: int = 4, start: float = 0.0) -> "Periods":
        """Equal periods, ``frequency`` of them a year, from ``start`` (below 0 if under way) to ``maturity`` (years).

        >>> Periods.regular(0.5, start=-0.25).dates.tolist()
        [0.0, 0.25, 0.5]
        """
        return cls(start + hazard.schedule(maturity - start, frequency), start=start)

    def cut(self, begin: Float[Array, ""]) -> "Periods":
        """What is left of the periods from ``begin`` (years) on: those before have no length and pay nothing."""
        starts, dates = jnp.maximum(self.starts, begin), jnp.maximum(self.dates, begin)
        kept = self.accruals * (dates - starts) / (self.dates - self.starts)
        return eqx.tree_at(lambda p: (p.starts, p.dates, p.accruals), self, (starts, dates, kept))

    def elapsed(self, times: Float[Array, " points"]) -> Float[Array, "points quote"]:
        """Which share of each period has passed."""
        width = self.dates - self.starts
        return jnp.clip((times[:, None] - self.starts) / jnp.where(width > 0, width, 1.0), 0.0, 1.0)

    def earned(self, times: Float[Array, " points"]) -> Float[Array, " points"]:
        """What a premium of one a year has come to by each time, paid or not."""
        return self.elapsed(times) @ self.accruals

    def paid(self, times: Float[Array, " points"]) -> Float[Array, " points"]:
        """What has fallen due by each time."""
        return jax.vmap(lambda date: reached(times, date), out_axes=1)(self.dates) @ self.accruals

    def accrued(self, times: Float[Array, " points"]) -> Float[Array, " points"]:
        """What has been earned by each time and not yet paid."""
        return self.earned(times) - self.paid(times)

    def due(self, path: MarketPath) -> Float[Array, " points"]:
        """What falls due at each point of a path: at the first one at or after its date."""
        return jax.vmap(lambda date: at_expiry(path, date), out_axes=1)(self.dates) @ self.accruals


def periodic(frequency: int) -> Any:
    """Declare a field of `Periods`: given as such, or as the years to maturity, with ``frequency`` periods a year."""
    return eqx.field(converter=lambda value: value if isinstance(value, Periods) else Periods.regular(value, frequency))
