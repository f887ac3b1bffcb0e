"""A surface of implied volatilities that moves, free of arbitrage at every point, around any market of one spot."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.local import check_surface
from deephedge.pricing import ssvi

STATES = ("level", "slope", "skew", "wing")
FULL = 0.999  # the largest correlation that the skew's state can reach
WIDE = 5.0  # bound on the log of what a forward variance is multiplied by: 12 times the volatility
SHOCK = 8.0  # bound on a standardised return that moves the surface
LEAST = 1e-9  # the least forward variance between two tenors, so that the level increases in float32


def _four(value: Any) -> Array:
    return jnp.broadcast_to(as_float(value), (4,))


def _square(value: Any) -> Array:
    return jnp.eye(4) if value is None else as_float(value)


class SurfaceDynamics(eqx.Module):
    r"""How the four states of a surface move: mean-reverting, with a part that comes from the spot.

    .. math:: dX_i = \kappa_i(m_i-X_i)\,dt+s_i\,dB_i, \qquad B_i=l_iW+\sqrt{1-l_i^2}\,C_i,

    for the states level, slope, skew and wing (see `MovingSurface`), each field one number or four in that order.
    ``mean_reversion`` :math:`\kappa` per year, above 0; ``vol`` :math:`s` per root year; ``mean`` :math:`m`;
    ``leverage`` :math:`l`, the correlation with the Brownian motion :math:`W` of the spot; ``correlation`` that of the
    rest, :math:`C`, 4 x 4.

    >>> SurfaceDynamics(mean_reversion=4.0, vol=(1.5, 0.3, 0.5, 0.5), leverage=(-0.7, 0, 0, 0)).mean.tolist()
    [0.0, 0.0, 0.0, 0.0]
    """

    mean_reversion: Float[Array, "4"] = eqx.field(converter=_four)
    vol: Float[Array, "4"] = eqx.field(converter=_four)
    leverage: Float[Array, "4"] = eqx.field(converter=_four, default=0.0)
    mean: Float[Array, "4"] = eqx.field(converter=_four, default=0.0)
    correlation: Float[Array, "4 4"] = eqx.field(converter=_square, default=None)

    def __check_init__(self):
        kappa = self.mean_reversion
        require(concrete(kappa, lambda x: x > 0), f"mean_reversion must be above 0 per year, was {kappa}")
        require(concrete(self.vol, lambda x: x >= 0), f"vol must be 0 or more per root year, was {self.vol}")
        inside = concrete(self.leverage, lambda x: np.abs(x) <= 1)
        require(inside, f"leverage must lie between -1 and 1, was {self.leverage}")
        sound = concrete(self.correlation, lambda c: [np.allclose(np.diagonal(c), 1, atol=1e-5), np.allclose(c, c.T)])
        positive = concrete(self.correlation, lambda c: np.linalg.eigvalsh(c) > 0)
        require(sound and positive, "correlation must be symmetric, 1 on the diagonal, and positive definite")

    @property
    def loadings(self) -> Float[Array, "4 4"]:
        """Rows of the four Brownian motions over their own normals."""
        own = jnp.sqrt(jnp.maximum(1.0 - self.leverage**2, 0.0))
        return own[:, None] * jnp.linalg.cholesky(self.correlation)

    def steps(self, dt: Float[Array, " step"], news: Float[Array, "step 4"]) -> tuple[Array, Array]:
        """What remains of a deviation after each step, and what is added to it: exact for any step."""
        y = self.mean_reversion * dt[:, None]
        spread = self.vol * jnp.sqrt(-jnp.expm1(-2.0 * y) / (2.0 * self.mean_reversion))
        return jnp.exp(-y), spread * news


class MovingSurface(AbstractMarket):
    r"""Any ``market`` of a spot called ``name``, with an SSVI surface that moves and never has an arbitrage.

    With states :math:`X` of mean-reverting ``dynamics``, in deviation from today's surface, the total variances
    at the money for constant times to expiry :math:`\tau_i` (``tenors``, years) and the other parameters are

    .. math:: \theta_i=\sum_{j\le i}(\theta^0_j-\theta^0_{j-1})\,e^{X_{level}+X_{slope}\log(\tau_j/\tau_1)},\quad
        \rho=0.999\tanh(a+X_{skew}),\quad \eta=\frac2{\sqrt{1+|\rho|}}\,\frac1{1+e^{-b-X_{wing}}},

    so :math:`\theta` increases and :math:`\eta` is within `pricing.ssvi.eta_limit`: the conditions of Gatheral and
    Jacquier hold whatever the normals are. ``levels`` :math:`\theta^0`, ``rho`` and ``eta`` are today's, ``gamma`` in
    (0, 1/2] stays. The states start at 0 and revert to the ``mean`` of the dynamics.

    Quotes ``"<name>.ssvi.theta.<tenor>"``, ``"<name>.ssvi.rho"``, ``".eta"``, ``".gamma"``, from which
    `instruments.ListedOption` is priced. ``"<name>.vol"`` is now the volatility at the money of the shortest tenor,
    which is what a Black desk reads; all other quotes are those of ``market``. Four normals a step are its own, behind
    those of ``market``. The leverage acts through the Brownian motion that ``market`` names as that of the spot
    and, where it names none (history), through the log return over ``"<name>.vol"`` times the root of the step.

    The surface moves by its own law: the spot stays a martingale, a listed option in general does not.
    Raises ``ParameterError`` for a parameter outside its domain. Source: Gatheral and Jacquier (2014) for the
    conditions; the states are our own.

    >>> import deephedge as dh, jax
    >>> dynamics = dh.markets.SurfaceDynamics(mean_reversion=4, vol=(1.5, 0.3, 0.5, 0.5), leverage=(-0.7, 0, 0, 0))
    >>> surface = dict(tenors=(0.1, 0.5), levels=(0.004, 0.02), rho=-0.7, eta=1.0, gamma=0.4)
    >>> market = dh.markets.MovingSurface(dh.markets.BlackScholes("A", vol=0.2), "A", dynamics, **surface)
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=0.1, steps=5), 8, key=jax.random.key(0)).quotes)
    ['A', 'A.ssvi.eta', 'A.ssvi.gamma', 'A.ssvi.rho', 'A.ssvi.theta.0.1', 'A.ssvi.theta.0.5', 'A.vol']
    """

    market: AbstractMarket
    name: str = eqx.field(static=True)
    dynamics: SurfaceDynamics
    tenors: tuple[float, ...] = eqx.field(static=True, converter=lambda x: tuple(float(t) for t in x))
    levels: Float[Array, " tenor"] = number()
    rho: Float[Array, ""] = number()
    eta: Float[Array, ""] = number()
    gamma: Float[Array, ""] = number(default=0.4)

    def __check_init__(self):
        tenors = np.asarray(self.tenors)
        require(tenors.shape == self.levels.shape and tenors.size > 0, "tenors and levels must be of one length")
        require(bool((np.diff(tenors, prepend=0.0) > 0).all()), f"tenors must be above 0 and increase, were {tenors}")
        check_surface(as_float(tenors), self.levels, self.rho, self.eta, self.gamma)
        require(concrete(self.rho, lambda r: np.abs(r) < FULL), f"rho must be within {FULL}, was {self.rho}")
        room = ssvi.eta_limit(self.rho) - self.eta
        between = concrete(room, lambda x: x > 0) and concrete(self.eta, lambda e: e > 0)
        require(between, f"eta must be above 0 and below 2 / sqrt(1 + |rho|), was {self.eta}: it moves to both sides")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        rows, factors = self.market.shocks(grid)
        return max(rows, grid.steps), factors + 4

    @property
    def martingale(self) -> bool:
        return self.market.martingale

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        inner = self.market.drivers()
        if self.name not in inner:
            return {}
        spot, loadings = inner[self.name], self.dynamics.loadings
        rows = [jnp.concatenate([x * spot, own]) for x, own in zip(self.dynamics.leverage, loadings, strict=True)]
        theirs = {name: jnp.concatenate([row, jnp.zeros(4)]) for name, row in inner.items()}
        return theirs | {f"{self.name}.ssvi.{state}": row for state, row in zip(STATES, rows, strict=True)}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        rows, factors = self.market.shocks(grid)
        inner = shocks[:rows, :factors]
        path = self.market.path(grid, inner)
        news = self._spot_news(path, inner)[:, None] * self.dynamics.leverage
        news = news + shocks[: grid.steps, factors:] @ self.dynamics.loadings.T
        return MarketPath(path.times, path.quotes | self._quotes(self._states(grid, news)), path.numeraire)

    def _spot_news(self, path: MarketPath, shocks: Array) -> Array:
        driver = self.market.drivers().get(self.name)
        if driver is not None:
            return shocks @ driver
        zero, dt = jnp.zeros_like(path.times), jnp.diff(path.times)
        growth = path.quotes.get("rate", zero) - path.quotes.get(f"{self.name}.dividend", zero)
        vol = jnp.maximum(path.quote(f"{self.name}.vol")[:-1], 1e-6)
        moves = jnp.diff(jnp.log(path.quote(self.name))) - growth[:-1] * dt
        return jnp.clip((moves + 0.5 * vol**2 * dt) / (vol * jnp.sqrt(dt)), -SHOCK, SHOCK)

    def _states(self, grid: TimeGrid, news: Float[Array, "step 4"]) -> Float[Array, "points 4"]:
        kept, added = self.dynamics.steps(grid.dt, news)
        start = -self.dynamics.mean.astype(added.dtype)
        _, after = jax.lax.scan(lambda x, now: (now[0] * x + now[1],) * 2, start, (kept, added))
        return jnp.concatenate([start[None], after]) + self.dynamics.mean

    def _quotes(self, states: Float[Array, "points 4"]) -> dict[str, Float[Array, " points"]]:
        theta, rho, eta = moved(self.tenors, self.levels, self.rho, self.eta, states)
        prefix, flat = f"{self.name}.ssvi.", jnp.ones_like(rho)
        quotes = {f"{prefix}theta.{tenor:g}": theta[:, n] for n, tenor in enumerate(self.tenors)}
        quotes |= {f"{prefix}rho": rho, f"{prefix}eta": eta, f"{prefix}gamma": self.gamma * flat}
        return quotes | {f"{self.name}.vol": jnp.sqrt(theta[:, 0] / self.tenors[0])}


def moved(
    tenors: tuple[float, ...], levels: Array, rho: Array, eta: Array, states: Float[Array, "points 4"]
) -> tuple[Float[Array, "points tenor"], Float[Array, " points"], Float[Array, " points"]]:
    """(levels, rho, eta) of today's surface moved by its states."""
    level, slope, skew, wing = states.T
    tilt = jnp.log(as_float(tenors) / tenors[0])
    growth = jnp.exp(jnp.clip(level[:, None] + slope[:, None] * tilt, -WIDE, WIDE))
    theta = jnp.cumsum(jnp.maximum(jnp.diff(levels, prepend=0.0) * growth, LEAST), axis=1)
    share = eta / ssvi.eta_limit(rho)
    rho = FULL * jnp.tanh(jnp.arctanh(rho / FULL) + skew)
    eta = ssvi.eta_limit(rho) * jax.nn.sigmoid(jnp.log(share) - jnp.log1p(-share) + wing)
    return theta, rho, eta
