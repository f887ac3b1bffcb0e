"""Specimen of the markets family: Black and Scholes, one underlier or several correlated ones."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.base import AbstractMarket


def _names(names: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _row(value) -> Float[Array, " asset"]:
    return jnp.atleast_1d(as_float(value))


class BlackScholes(AbstractMarket):
    r"""Geometric Brownian motions :math:`dS^i = S^i(\mu_i\,dt + \sigma_i\,dW^i)`, exact on any grid.

    Quotes ``"<name>"`` (cash), ``"<name>.vol"`` (per square root of a year), and, where given, ``"rate"`` and
    ``"<name>.dividend"`` (per year, continuous). Without ``drift`` each underlier drifts at rate minus dividend:
    the pricing measure. The numeraire is the money account :math:`e^{rt}`.

    Source: Black and Scholes (1973); Merton (1973) for dividends.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackScholes(("A", "B"), vol=(0.2, 0.3), correlation=[[1, 0.5], [0.5, 1]])
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['A', 'A.vol', 'B', 'B.vol']
    """

    names: tuple[str, ...] = eqx.field(static=True, converter=_names)
    vol: Float[Array, " asset"] = eqx.field(converter=_row)
    spot: Float[Array, " asset"] = eqx.field(converter=_row, default=1.0)
    rate: Float[Array, ""] | None = eqx.field(converter=lambda x: None if x is None else as_float(x), default=None)
    dividend: Float[Array, " asset"] | None = eqx.field(
        converter=lambda x: None if x is None else _row(x), default=None
    )
    drift: Float[Array, " asset"] | None = eqx.field(converter=lambda x: None if x is None else _row(x), default=None)
    correlation: Float[Array, "asset asset"] | None = eqx.field(
        converter=lambda x: None if x is None else as_float(x), default=None
    )

    def __check_init__(self):
        count = len(self.names)
        require(concrete(self.vol, lambda v: v >= 0), f"vol must be 0 or more per root year, was {self.vol}")
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        for name in ("vol", "spot", "dividend", "drift"):
            value = getattr(self, name)
            fits = value is None or value.shape[-1:] in ((1,), (count,))
            require(fits, f"{name} needs one number or {count} (one for each of {self.names}), was {value}")
        if self.correlation is not None:
            require(self.correlation.shape == (count, count), f"correlation must be {count} x {count}")
            require(concrete(self.correlation, _is_correlation), "correlation must be symmetric, 1 on the diagonal, "
                    "and positive definite; repair it or lower its entries")  # fmt: skip

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, len(self.names)

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        rows = jnp.eye(len(self.names), dtype=self.vol.dtype)
        rows = rows if self.correlation is None else jnp.linalg.cholesky(self.correlation)
        return dict(zip(self.names, rows, strict=True))

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        rate = 0.0 if self.rate is None else self.rate
        carried = rate - (0.0 if self.dividend is None else self.dividend)
        drift = carried if self.drift is None else self.drift
        if self.correlation is not None:
            shocks = shocks @ jnp.linalg.cholesky(self.correlation).T
        dt = grid.dt[:, None]
        moves = (drift - 0.5 * self.vol**2) * dt + self.vol * jnp.sqrt(dt) * shocks
        prices = self.spot * jnp.exp(accumulated(moves))
        return MarketPath(grid.times, self._quotes(grid, prices), jnp.exp(rate * (grid.times - grid.times[0])))

    def _quotes(self, grid: TimeGrid, prices: Float[Array, "points asset"]) -> dict[str, Float[Array, " points"]]:
        flat = jnp.ones_like(grid.times)
        quotes = {name: prices[:, n] for n, name in enumerate(self.names)}
        quotes |= {f"{name}.vol": jnp.take(self.vol, n, mode="clip") * flat for n, name in enumerate(self.names)}
        if self.rate is not None:
            quotes["rate"] = self.rate * flat
        if self.dividend is not None:
            for n, name in enumerate(self.names):
                quotes[f"{name}.dividend"] = jnp.take(self.dividend, n, mode="clip") * flat
        return quotes


def _is_correlation(matrix: np.ndarray) -> bool:
    unit = np.allclose(np.diagonal(matrix), 1.0, atol=1e-5)
    return bool(unit and np.allclose(matrix, matrix.T, atol=1e-6) and np.linalg.eigvalsh(matrix).min() > 0)
