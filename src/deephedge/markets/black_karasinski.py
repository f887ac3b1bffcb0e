"""Black and Karasinski's lognormal short rate: positive rates, fitted to today's curve on a lattice."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import GridError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.base import AbstractMarket
from deephedge.markets.rates import TENORS, as_curve, as_tenors, check_curve, check_rates, rates_path
from deephedge.pricing import black_karasinski, hullwhite
from deephedge.pricing import curve as interpolated
from deephedge.pricing.induction import cubic

# Probabilists' Gauss-Hermite rule: the expected discount of a step, to rounding for a deviation of log r up to 0.5.
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(12)
_WEIGHTS = _WEIGHTS / _WEIGHTS.sum()
WIDEST = 1.1  # spacing of states, in deviations of half a cell: the lattice is then right to 1e-7
SPARE = 4  # cells beyond the last bond, for interpolation
FAR = 30.0  # bound on |x|


class BlackKarasinski(AbstractMarket):
    r"""Black and Karasinski (1991), :math:`r=e^{m(t)+x}`, :math:`dx=-a\,x\,dt+\sigma\,dW`, :math:`x_0=0`.

    ``curve`` is (years, continuously compounded zero yields per year), interpolated as in `HullWhite`; its forwards
    must be positive. ``mean_reversion`` :math:`a` per year, ``vol`` :math:`\sigma` of the logarithm of the short rate
    per root year. No grid may end after ``horizon`` (years). When the market is made, a lattice of ``cells`` a year and
    ``nodes`` states (see `deephedge.pricing.black_karasinski`) is fitted up to ``horizon`` and the longest tenor; it
    pays today's discount factors at the ends of its cells exactly. Its bonds are the model's up to the square of the
    cell. (So new parameters need a new market: a changed field leaves the lattice as it was.)

    On any grid :math:`x`, and so the short rate, is exact at every point. Bonds are read from the lattice's table, by
    cubics in time, time left and :math:`x`. The money account grows over a step by

    .. math:: \int r\,dt \approx -\log P(t,t+\Delta;x_t) + \tfrac12\Delta r_{t+\Delta}
        + \log E\left[e^{-\Delta r_{t+\Delta}/2}\mid x_t\right],

    the trapezoid, moved so that the bond which ends with the step is a martingale given the past, on any grid. The
    longer bonds are martingales up to the square of the step and of the cell, and the table's interpolation. Two
    grids have the same law at their common points but for the account.

    Quotes ``"<name>.short"`` (per year) and, for each of ``tenors`` (years), ``"<name>.zero.<tenor>y"``: the
    continuously compounded yield per year of the zero bond with that time left. No spot is quoted.

    Raises ``ParameterError`` for a parameter outside its domain, ``GridError`` for a grid beyond ``horizon``.

    Source: Black and Karasinski (1991); the scheme is our own.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackKarasinski(((1, 5), (0.04, 0.035)), 0.1, vol=0.2, horizon=1, tenors=(2,))
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> sorted(path.quotes), bool((path.quotes["USD.short"] > 0).all())
    (['USD.short', 'USD.zero.2y'], True)
    """

    curve: Float[Array, "unit quote"]
    mean_reversion: Float[Array, ""]
    vol: Float[Array, ""]
    lattice: black_karasinski.Lattice
    horizon: float = eqx.field(static=True)
    name: str = eqx.field(static=True)
    tenors: tuple[float, ...] = eqx.field(static=True)
    cells: int = eqx.field(static=True)
    nodes: int = eqx.field(static=True)

    def __init__(
        self,
        curve: Any,
        mean_reversion: ArrayLike,
        vol: ArrayLike,
        horizon: float | int,
        name: str = "USD",
        tenors: Any = TENORS,
        cells: int = 12,
        nodes: int = 161,
    ):
        self.curve, self.mean_reversion, self.vol = as_curve(curve), as_float(mean_reversion), as_float(vol)
        self.horizon, self.name, self.tenors = float(horizon), name, as_tenors(tenors)
        self.cells, self.nodes = cells, nodes
        check_curve(self.curve)
        check_rates(self.mean_reversion, self.vol, self.tenors)
        require(concrete(self.vol, lambda v: v > 0), f"vol must be positive per root year, was {self.vol}")
        require(self.horizon > 0, f"horizon must be positive years, was {self.horizon}")
        require(self.cells >= 1, f"cells must be 1 or more a year, was {self.cells}")
        require(self.nodes >= 5 and self.nodes % 2 == 1, f"nodes must be an odd number from 5, was {self.nodes}")
        count = int(np.ceil((self.horizon + max(self.tenors, default=1.0)) * self.cells)) + SPARE
        ends = jnp.arange(count + 1, dtype=self.curve.dtype) / self.cells
        forwards = interpolated.forward(*self.curve, ends)
        require(concrete(forwards, lambda f: f > 0), f"curve must have positive forward rates, was {self.curve}")
        gap = black_karasinski.spacing(self.mean_reversion, self.vol, ends[-1], count, nodes)
        fine = concrete(gap, lambda g: g <= WIDEST)
        require(fine, f"nodes must be {gap / WIDEST} times as many for {count} cells, was {nodes}")
        discounts = jnp.exp(interpolated.log_discount(*self.curve, ends))
        self.lattice = _fit(discounts, 1.0 / self.cells, self.mean_reversion, self.vol, self.nodes)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        last = grid.times[-1] - grid.times[0]
        within = concrete(last, lambda t: t <= self.horizon * (1 + 1e-6))
        require(within, f"a grid must end within the horizon of {self.horizon} years, was {last} long", GridError)
        return grid.steps, 1

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.ones(1)}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        now, dt = grid.times - grid.times[0], grid.dt
        spreads, decay = self.vol * hullwhite.step_law(dt, self.mean_reversion)[0], jnp.exp(-self.mean_reversion * dt)

        def step(x: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            decay, move = now
            after = jnp.clip(decay * x + move, -FAR, FAR)
            return after, after

        start = jnp.zeros((), shocks.dtype)
        after = lax.scan(step, start, (decay, spreads * shocks[:, 0]))[1]
        level, x = self.level(now), jnp.concatenate([start[None], after])
        short = jnp.exp(level + x)
        # Half the step times the rate at its end, relative to the one that no normal would move; see the docstring.
        half = 0.5 * dt * jnp.exp(level[1:] + decay * x[:-1])
        nodes, weights = (jnp.asarray(row, shocks.dtype) for row in (_NODES, _WEIGHTS))
        spread_out = jnp.expm1(-half[:, None] * jnp.expm1(spreads[:, None] * nodes))
        surprise = half * jnp.expm1(after - decay * x[:-1]) + jnp.log1p(jnp.sum(weights * spread_out, -1))
        areas = surprise - self.log_bond(short[:-1], now[:-1], dt)
        return rates_path(self, grid, short, accumulated(areas))

    def level(self, now: ArrayLike) -> Float[Array, "..."]:
        """What the logarithm of the short rate is where :math:`x` is 0, ``now`` years after the start."""
        width = self.lattice.width
        ends = width * jnp.arange(len(self.lattice.level) + 1)
        today = -jnp.diff(interpolated.log_discount(*self.curve, ends)) / width
        lift = jnp.concatenate([jnp.zeros_like(today[:1]), self.lattice.level - jnp.log(today)])
        middles = jnp.concatenate([ends[:1], ends[:-1] + 0.5 * width])
        return jnp.log(interpolated.forward(*self.curve, now)) + jnp.interp(jnp.asarray(now), middles, lift)

    def log_bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Log price of a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        now, left = jnp.asarray(now), jnp.asarray(left)
        later, sooner = (interpolated.log_discount(*self.curve, t) for t in (now + left, now))
        rows = self._changes(now, left)
        x, width = self.lattice.x, self.lattice.x[1] - self.lattice.x[0]
        place = (jnp.log(jnp.asarray(short)) - self.level(now) - x[0]) / width
        first, shares = cubic(jnp.clip(place, 0.0, len(x) - 1.0), len(x))
        # Flat indices: the rows have no axis of paths, and need none.
        row = len(x) * jnp.arange(rows.size // len(x)).reshape(rows.shape[:-1])
        flat = rows.reshape(-1)
        return later - sooner + sum(share * flat[row + first + n] for n, share in enumerate(shares))

    def bond(self, short: ArrayLike, now: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a zero bond of one with ``left`` years to go, at ``short``, ``now`` years after the start."""
        return jnp.exp(self.log_bond(short, now, left))

    def _changes(self, now: Array, left: Array) -> Float[Array, "... factor"]:
        """Log bonds less today's forward prices of them, for every value of x in the table."""
        count, width = self.lattice.log_bonds.shape[0], self.lattice.width
        today = interpolated.log_discount(*self.curve, width * jnp.arange(2 * count))
        n, by_time = cubic(now / width, count)
        k, by_left = cubic(left / width, count)
        n = n[..., None, None] + jnp.arange(4)[:, None]
        k = k[..., None, None] + jnp.arange(4)
        shares = jnp.stack(by_time, -1)[..., :, None] * jnp.stack(by_left, -1)[..., None, :]
        change = self.lattice.log_bonds[n, k] - (today[n + k] - today[n])[..., None]
        return jnp.sum(shares[..., None] * change, (-3, -2))


_fit = jax.jit(black_karasinski.fit, static_argnums=4)
