"""Stochastic local volatility: Heston's variance, and a leverage that makes it price a whole surface."""

from functools import partial

import equinox as eqx
import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path
from deephedge.markets.heston import TINY, Heston, moments, surprise
from deephedge.markets.local import LocalVolatility

WIDE = 4.0  # nodes span this many deviations of the surface at the money to each side
LOW, HIGH = 0.1, 5.0  # bounds of the leverage
# The kernel of a density, 1.06, flattens the convex E[V | k]: 0.8 % too high, and every call 10 basis points too cheap.
BANDWIDTH = 0.3
EDGE = 0.002  # share of particles beyond which the regression is held at its last value


class StochasticLocalVolatility(AbstractMarket):
    r"""Heston's model with a leverage :math:`\ell` on the spot :math:`S_t=F_te^{k_t}`, correlated by :math:`\rho`:

    .. math:: dS = S(\mu\,dt+\ell(t,k)\sqrt V\,dW), \qquad dV = \kappa(\theta-V)\,dt+\xi\sqrt V\,dB.

    Calls cost what a surface says if :math:`\ell^2(t,k)\,E[V_t\mid k_t=k]` is its local variance: `calibrate_leverage`
    makes the table. ``leverage`` holds one row for each of ``times`` (years since the start of the path), at the
    log-moneyness ``widths`` times equally spaced numbers from -4 to 4; linear in both directions, held at the ends.

    Quotes ``"<name>"`` (cash), ``"<name>.backbone"`` (:math:`V`, per year), ``"<name>.variance"`` (:math:`\ell^2V`),
    ``"<name>.vol"`` (its root, what a Black desk reads), ``"<name>.realised_variance"`` (its integral by
    trapezoids), and those of rates that ``heston`` has.

    The scheme is the quadratic-exponential one of ``Heston`` with :math:`\ell` taken where a step begins, at its middle
    time: with a leverage of 1 it makes the paths of ``Heston``, and the discounted spot is a martingale given the past
    on any grid. Weak order 1 in the step.

    Raises ``ParameterError`` for a table that does not fit, another scheme, or a positive correlation on a coarse grid.
    Source: Guyon and Henry-Labordere (2012); Andersen (2008).

    >>> import deephedge as dh, jax
    >>> heston = dh.markets.Heston("X", 1.0, 0.04, 1.5, 0.04, vol_of_vol=0.5, correlation=-0.6)
    >>> target = dh.markets.LocalVolatility("X", 1.0, (0.5, 1.0), (0.02, 0.04), rho=-0.6, eta=1.0, gamma=0.4)
    >>> grid = dh.TimeGrid.uniform(maturity=0.5, steps=4)
    >>> market = dh.markets.calibrate_leverage(heston, target, grid, key=jax.random.key(0), particles=512)
    >>> sorted(dh.sample(market, grid, 8, key=jax.random.key(1)).quotes)
    ['X', 'X.backbone', 'X.realised_variance', 'X.variance', 'X.vol']
    """

    heston: Heston
    times: Float[Array, " time"] = number()
    widths: Float[Array, " time"] = number()
    leverage: Float[Array, "time node"] = number()

    def __check_init__(self):
        require(self.heston.scheme == "qe", f"heston must have the scheme 'qe', had {self.heston.scheme!r}")
        fits = self.leverage.ndim == 2 and self.times.shape == self.widths.shape == self.leverage.shape[:1]
        require(fits and self.leverage.shape[1] > 1, "leverage needs a row for each of times and widths, of 2 or more")
        grows = concrete(self.times, lambda t: (t[1:] > t[:-1]).all())
        require(grows, f"times must increase, were {self.times}")
        require(concrete(self.widths, lambda w: w > 0), f"widths must be above 0, were {self.widths}")
        inside = concrete(self.leverage, lambda x: (x > 0) & (x <= HIGH))
        require(inside, f"leverage must be above 0 and at most {HIGH}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        coarse = self.heston.correlation * self.heston.vol_of_vol * jnp.max(grid.dt) * jnp.max(self.leverage)
        require(
            concrete(coarse, lambda x: x < 1.0),
            f"correlation x vol_of_vol x longest step x leverage must stay below 1, was {coarse}: take shorter steps",
        )
        return self.heston.shocks(grid)

    @property
    def martingale(self) -> bool:
        return self.heston.martingale

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self.heston.drivers()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        since, heston = grid.times - grid.times[0], self.heston
        tables = self._tables(since[:-1] + 0.5 * grid.dt)

        def advance(state: tuple[Array, Array], now: tuple) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
            (k, v), (dt, z, table) = state, now
            after, move = leveraged_step(heston, looked_up(table, k), v, dt, z)
            return (k + move, after), (after, move)

        start = heston.variance.astype(shocks.dtype)
        _, (after, moves) = lax.scan(advance, (jnp.zeros_like(start), start), (grid.dt, shocks, tables))
        k = accumulated(moves)
        backbone = jnp.maximum(jnp.concatenate([start[None], after]), 0.0)
        variance = jax.vmap(looked_up)(self._tables(since), k) ** 2 * backbone
        areas = 0.5 * grid.dt * (variance[1:] + variance[:-1])
        total = accumulated(areas)
        values = (backbone, variance, jnp.sqrt(jnp.maximum(variance, TINY)), total)
        names = (f"{heston.name}.{what}" for what in ("backbone", "variance", "vol", "realised_variance"))
        return carried_path(heston, grid, moves, dict(zip(names, values, strict=True)))

    def _tables(self, t: Float[Array, " step"]) -> tuple[Array, Array]:
        """Width and row of the leverage at each time."""
        n = jnp.clip(jnp.searchsorted(self.times, t, side="right") - 1, 0, max(len(self.times) - 2, 0))
        last = jnp.minimum(n + 1, len(self.times) - 1)
        gap = jnp.where(last > n, self.times[last] - self.times[n], 1.0)
        share = jnp.clip((t - self.times[n]) / gap, 0.0, 1.0)
        mix = lambda x, share: x[n] * (1.0 - share) + x[last] * share  # noqa: E731
        return mix(self.widths, share), mix(self.leverage, share[:, None])


def leveraged_step(heston: Heston, leverage: Array, v: Array, dt: Array, z: Array) -> tuple[Array, Array]:
    """One step of one path: the variance after it and the log of the discounted spot's growth, of mean 1.

    Andersen's, in the form of `Heston`, for a spot whose volatility is ``leverage`` times that of Heston.
    """
    kappa, xi, rho = heston.mean_reversion, heston.vol_of_vol, heston.correlation
    mean, spread = moments(v, dt, kappa, heston.long_variance, xi)
    k2 = 0.5 * dt * (leverage * kappa * rho / xi - 0.5 * leverage**2) + leverage * rho / xi
    k3 = 0.5 * dt * leverage**2 * (1.0 - rho**2)
    unforeseen, cumulant = surprise(mean, spread / mean**2, k2 + 0.5 * k3, z[0])
    after = jnp.maximum(mean + unforeseen, 0.0)
    noise = jnp.sqrt(jnp.maximum(k3 * (v + after), TINY)) * z[1]
    return after, k2 * unforeseen - cumulant - 0.5 * k3 * (v + mean) + noise


def looked_up(table: tuple[Array, Array], k: Array) -> Array:
    """The leverage at log-moneyness ``k`` in a row (width, values at the nodes)."""
    width, row = table
    place = jnp.clip((k / width + WIDE) * ((len(row) - 1) / (2.0 * WIDE)), 0.0, len(row) - 1.0)
    n = jnp.minimum(place.astype(int), len(row) - 2)
    return row[n] + (place - n) * (row[n + 1] - row[n])


def calibrate_leverage(
    heston: Heston,
    target: LocalVolatility,
    grid: TimeGrid,
    *,
    key: PRNGKeyArray,
    particles: int = 2**15,
    nodes: int = 81,
) -> StochasticLocalVolatility:
    r"""The leverage with which ``heston`` prices the surface of ``target``, by particles that walk along ``grid``.

    In each step :math:`E[V\mid k]` is a local linear regression over all particles with a Gaussian kernel of width
    :math:`0.3\,\mathrm{sd}(k)\,n^{-1/5}`, held where less than 0.2 % of them lie beyond, and the row of the step is
    :math:`\ell^2=\sigma^2_{loc}/E[V\mid k]` within (0.1, 5); then the particles move by it. Only the surface of
    ``target`` is read, not its spot or rates. Take steps of two weeks or less; the page on
    surfaces has the errors.

    Source: Guyon and Henry-Labordere (2012).
    """
    require(particles >= 2 and nodes >= 2, f"particles and nodes must be 2 or more, were {particles} and {nodes}")
    times = grid.times[:-1] - grid.times[0] + 0.5 * grid.dt
    widths, rows = _walk(heston, target, times, grid.dt, key, particles, nodes)
    return StochasticLocalVolatility(heston, times, widths, rows)


@eqx.filter_jit
def _walk(
    heston: Heston, target: LocalVolatility, times: Array, dt: Array, key: PRNGKeyArray, particles: int, nodes: int
) -> tuple[Array, Array]:
    slices, x = target.slices(times), jnp.linspace(-WIDE, WIDE, nodes, dtype=dt.dtype)
    step = jax.vmap(partial(leveraged_step, heston), (0, 0, None, 0))

    def advance(state: tuple[Array, Array], now: tuple) -> tuple[tuple[Array, Array], tuple[Array, Array]]:
        (k, v), (slice_, h, key) = state, now
        width = jnp.sqrt(slice_[0])
        expected = jnp.maximum(conditional_mean(k, v, width * x), 1e-4 * heston.long_variance)
        row = jnp.clip(target.vol_on(width * x, slice_) / jnp.sqrt(expected), LOW, HIGH)
        half = jax.random.normal(key, (particles - particles // 2, 2), dt.dtype)
        z = jnp.concatenate([half, -half])[:particles]
        after, move = step(jax.vmap(looked_up, ((None, None), 0))((width, row), k), v, h, z)
        return (k + move, after), (width, row)

    start = (jnp.zeros(particles, dt.dtype), jnp.full(particles, heston.variance, dt.dtype))
    return lax.scan(advance, start, (slices, dt, jax.random.split(key, len(times))))[1]


def conditional_mean(k: Array, v: Array, at: Array) -> Array:
    """E[v | k] at each of ``at`` by a local line, held beyond the outermost particles."""
    at = jnp.clip(at, *jnp.quantile(k, jnp.asarray([EDGE, 1.0 - EDGE], k.dtype)))
    scale = BANDWIDTH * jnp.std(k) * len(k) ** -0.2 + 1e-6

    def one(x: Array) -> Array:
        weight = jnp.exp(-0.5 * ((k - x) / scale) ** 2)
        weight = weight / jnp.maximum(weight.sum(), TINY)
        middle, mean = weight @ k, weight @ v
        slope = (weight * (k - middle)) @ v / (weight @ (k - middle) ** 2 + 1e-2 * scale**2)
        return mean + slope * (x - middle)

    return lax.map(one, at)
