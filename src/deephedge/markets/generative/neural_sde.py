"""A stochastic volatility model whose functions of the state are networks."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.carry import carried_path
from deephedge.markets.generative.base import REACH, AbstractGenerator, perceptron
from deephedge.pricing.normal import root

SLOW, FAST = 4.0, 80.0  # per year: where the factors' mean reversion starts
CENTRE = 2.0  # the factors' level stays within this
MOST_DRIFT = 1.0  # per year: a learnt drift stays within this


class NeuralSde(AbstractGenerator):
    r"""A neural SDE: log price and hidden Markov factors, with networks :math:`m,s,f,g` of the factors:

    .. math:: dS/S = \mu\,dt + \sigma(H)\,dW, \qquad
        dH^i = \kappa_i(m_i(H) - H^i)\,dt + \sqrt{2\kappa_i}\,s_i(H)\,dB^i, \qquad d\langle W,B^i\rangle=\rho_i\,dt,

    .. math:: \sigma(H) = \bar\sigma\,\exp\bigl(2\tanh(\tfrac12(w\cdot H + f(H)))\bigr).

    ``vol`` (per root year) is where :math:`\bar\sigma` starts; that, :math:`\kappa,\rho,w`, the law of the first
    :math:`H` and the networks (``depth`` tanh layers of ``width``) are what ``training.fit_generator`` learns; ``key``
    draws the untrained ones. A path starts at a drawn :math:`H`, Gaussian with a learnt mean and covariance, or at
    ``state``. Without ``drift`` or ``learnt_drift`` the spot drifts at rate minus dividend and is a martingale: the
    pricing measure. ``drift`` is a number per year; with ``learnt_drift`` the excess over the carry is a network of
    :math:`H`, within 1 a year. ``priced()`` takes either away and leaves the volatility as it is.

    Quotes ``"<name>"`` (cash), ``"<name>.variance"`` (:math:`\sigma^2`), ``"<name>.vol"`` (:math:`\sigma`; with
    ``implied`` :math:`\sigma e^{g(H)}`, the implied volatility of a history that has one) and, where given, ``"rate"``
    and ``"<name>.dividend"``. Scheme: exponential Euler in :math:`H`, lognormal in the spot given :math:`\sigma` at the
    start of a step: the martingale is exact on any grid, the law of weak order 1 in the step. All networks are
    bounded, so that paths stay finite.

    On the S&P 500 of 2013-2022, trained on 1975-2012, it is level with ``FilteredHistorical`` in distance, but its
    tails are too thin and a day has no skewness (docs, Learnt markets): where extreme days matter, take that one.
    Raises ``ParameterError`` for a parameter outside its domain.

    Source: Gierjatowicz, Sabate-Vidales, Siska, Szpruch and Zuric (2020); Cuchiero, Khosrawi and Teichmann (2020).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.NeuralSde("SPX", 0.2, key=jax.random.key(0))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=5 / 252, steps=5), 8, key=jax.random.key(1)).quotes)
    ['SPX', 'SPX.variance', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    log_vol: Float[Array, ""]
    log_speed: Float[Array, " factor"]
    lean: Float[Array, " factor"]
    weight: Float[Array, " factor"]
    first: Float[Array, " factor"]
    spread: Float[Array, "factor factor"]
    network: eqx.nn.MLP
    spot: Float[Array, ""]
    rate: Float[Array, ""] | None
    dividend: Float[Array, ""] | None
    drift: Float[Array, ""] | None
    state: Float[Array, " factor"] | None
    premium: Float[Array, ""] | None
    implied: bool = eqx.field(static=True)

    def __init__(
        self,
        name: str,
        vol: float,
        *,
        key: PRNGKeyArray,
        factors: int = 2,
        width: int = 16,
        depth: int = 1,
        spot: float = 1.0,
        rate: float | None = None,
        dividend: float | None = None,
        drift: float | None = None,
        state: tuple[float, ...] | None = None,
        implied: bool = False,
        learnt_drift: bool = False,
    ):
        known = int(factors) == factors and factors >= 1
        require(known, f"factors must be a whole number from 1, was {factors}")
        require(concrete(as_float(vol), lambda v: v > 0), f"vol must be positive per root year, was {vol}")
        self.name, self.implied = name, implied
        self.premium = as_float(0.0) if learnt_drift else None
        self.log_vol, self.spot = jnp.log(as_float(vol)), as_float(spot)
        speeds = np.geomspace(SLOW, FAST, factors) if factors > 1 else [10.0]
        self.log_speed, self.lean = as_float(np.log(speeds)), as_float(np.zeros(factors))
        self.weight, self.first = as_float(np.full(factors, 0.3)), as_float(np.zeros(factors))
        self.spread = as_float(np.eye(factors))
        self.network = perceptron((factors, width, depth, 2 * factors + 3), key=key, last=0.1)
        given = (rate, dividend, drift, state)
        self.rate, self.dividend, self.drift, self.state = (None if x is None else as_float(x) for x in given)

    def __check_init__(self):
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        require(self.drift is None or self.premium is None, "drift is given or learnt_drift is set, not both")
        fits = self.state is None or self.state.shape == self.weight.shape
        require(fits, f"state must have a number for each of the {self.weight.size} factors, was {self.state}")

    def priced(self) -> "NeuralSde":
        """The same volatility under the pricing measure: without a drift of its own."""
        return eqx.tree_at(lambda m: (m.drift, m.premium), self, (None, None), is_leaf=lambda x: x is None)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 1 + 2 * self.weight.size  # the spot's, the factors', and in the first row the first state's

    @property
    def martingale(self) -> bool:
        return self.drift is None and self.premium is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: jnp.eye(1 + 2 * self.weight.size, dtype=self.log_vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        count = self.weight.size
        start = self.first + self.spread @ shocks[0, 1 + count :] if self.state is None else self.state
        lean = jnp.tanh(self.lean)
        noise = lean * shocks[:, :1] + root(1.0 - lean**2) * shocks[:, 1 : 1 + count]
        decay = jnp.exp(-jnp.exp(self.log_speed) * grid.dt[:, None])

        def advance(h: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            level, size = self._factors(self.network(h))
            decay, noise = now
            h = decay * h + (1.0 - decay) * level + root(1.0 - decay**2) * size * noise
            return h, h

        start = start.astype(shocks.dtype)
        _, later = lax.scan(advance, start, (decay, noise))
        states = jnp.concatenate([start[None], later])
        outputs = jax.vmap(self.network)(states)
        log_vol = self.log_vol + REACH * jnp.tanh((states @ self.weight + outputs[:, 0]) / REACH)
        sigma = jnp.exp(log_vol)
        moves = sigma[:-1] * (jnp.sqrt(grid.dt) * shocks[:, 0] - 0.5 * sigma[:-1] * grid.dt)
        if self.premium is not None:
            moves = moves + MOST_DRIFT * jnp.tanh(self.premium + outputs[:-1, 1]) * grid.dt
        vol = jnp.exp(log_vol + jnp.tanh(outputs[:, 2])) if self.implied else sigma
        return carried_path(self, grid, moves, {f"{self.name}.variance": sigma**2, f"{self.name}.vol": vol})

    def _factors(self, outputs: Array) -> tuple[Array, Array]:
        level, size = jnp.split(outputs[3:], 2)
        return CENTRE * jnp.tanh(level), jnp.exp(jnp.tanh(size))
