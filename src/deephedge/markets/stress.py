"""Any market with a shock in it: what happened to a quote from some day on, on top of what the market does."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number

KINDS = ("relative", "absolute")
SLACK = 1e-6  # of a date, and of a year: the rounding of float32


class Shock(eqx.Module):
    r"""What is done to one quote from ``at`` (years) on:

    .. math:: q'_t = q_t\,(1 + s\,e^{-(t-a)/d}) \quad\text{(relative)}, \qquad q'_t = q_t + s\,e^{-(t-a)/d}
        \quad\text{(absolute)}, \qquad t \ge a.

    ``size`` (:math:`s`) is a share of the quote or in its own unit; ``decay`` (:math:`d`) in years, the shock stays
    where none is given. It arrives at the first point at or after ``at``.

    Raises ``ParameterError`` for a relative size of -1 or less: a price may fall through 0 by an absolute one only.

    >>> fall = Shock("SPX", at=0.5, size=-0.25)
    >>> fall(jnp.array([0.0, 0.5, 1.0]), jnp.array([4.0, 4.0, 8.0])).tolist()
    [4.0, 3.0, 6.0]
    """

    quote: str = eqx.field(static=True)
    at: Float[Array, ""] = number()
    size: Float[Array, ""] = number()
    kind: str = eqx.field(static=True, default="relative")
    decay: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        require(self.kind in KINDS, f"kind {self.kind!r} is unknown: {nearest(self.kind, KINDS)}")
        require(concrete(self.at, lambda t: t >= 0), f"at must be 0 years or more, was {self.at}")
        require(concrete(self.size, np.isfinite), f"size must be finite, was {self.size}")
        possible = self.kind == "absolute" or concrete(self.size, lambda s: s > -1)
        require(possible, f"size must be above -1 where it is relative, was {self.size}; or give an absolute one")
        fades = self.decay is None or concrete(self.decay, lambda d: d > 0)
        require(fades, f"decay must be positive years, or left out, was {self.decay}")

    def __call__(self, times: Float[Array, " points"], quote: Float[Array, " points"]) -> Float[Array, " points"]:
        since = times - self.at
        size = self.size if self.decay is None else self.size * jnp.exp(-jnp.maximum(since, 0.0) / self.decay)
        after = quote * (1.0 + size) if self.kind == "relative" else quote + size
        return jnp.where(since >= -SLACK * (1.0 + self.at), after, quote)


class Stressed(AbstractMarket):
    """A market whose named quotes are shocked, in the order given; everything else is as ``market`` makes it.

    Nothing before a shock changes, and whoever trades along the path does not see it coming. The market's own state is
    not told: a shocked spot goes on with the returns it would have had, and quotes that were computed from it (a
    realised variance, the option that a feature reads) change only if they are named too; the numeraire never does.
    With shocks the law is no martingale.

    Raises ``UnknownQuote``, with the nearest known name, for a quote that the market does not make.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2)
    >>> fall = dh.markets.Stressed(market, dh.markets.historical("1987-10 crash", at=0.5, equity="SPX"))
    >>> grid = dh.TimeGrid.uniform(maturity=1.0, steps=2)
    >>> a, b = (dh.sample(x, grid, 4, key=jax.random.key(0)).quotes["SPX"] for x in (market, fall))
    >>> [round(float(x), 3) for x in (b / a)[0]]
    [1.0, 0.795, 0.795]
    """

    market: AbstractMarket
    stress: tuple[Shock, ...] = eqx.field(converter=lambda x: (x,) if isinstance(x, Shock) else tuple(x))

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return self.market.shocks(grid)

    @property
    def martingale(self) -> bool:
        return self.market.martingale and not self.stress

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self.market.drivers()

    def tradables(self) -> dict[str, bool]:
        return self.market.tradables()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        path = self.market.path(grid, shocks)
        for shock in self.stress:
            path = path.with_quotes({shock.quote: shock(path.times, path.quote(shock.quote))})
        return path
