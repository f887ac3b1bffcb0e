"""A spot whose volatility is that of a hidden regime: a Markov chain in continuous time."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jaxtyping import Array, Float, Int

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, optional_number

TINY = 1e-30  # under square roots, so that derivatives stay finite where nothing is random
MOST, TERMS, SQUARINGS = 100.0, 12, 6  # 100 / 2^6 to the power 13, over 13!, is below 1e-7
RARE = 1e-6  # a transition less likely than this over a step takes the mean of its ends: float32 has no better quotient


class RegimeSwitching(AbstractMarket):
    r"""A spot whose volatility (and drift) is that of the state :math:`X` of a Markov chain with generator :math:`Q`:

    .. math:: dS = S(\mu_X\,dt + \sigma_X\,dW), \qquad P(X_{t+\Delta}=j\mid X_t=i) = \big(e^{Q\Delta}\big)_{ij}.

    ``vols`` :math:`\sigma_i` per root year and ``drifts`` :math:`\mu_i` per year, one for each state; ``generator``
    per year, with :math:`Q_{ij}\ge0` the rate from :math:`i` to :math:`j` and rows that sum to 0; the chain starts in
    state number ``regime`` (from 0) and is independent of :math:`W`. Order states from calm to wild: a larger normal
    then leads to a wilder one. Rates continuous per year. Quotes ``"<name>"`` (cash), ``"<name>.vol"``
    (:math:`\sigma_X` of now, per root year), ``"<name>.regime"`` (its number) and, where given, ``"rate"`` and
    ``"<name>.dividend"``. Without ``drifts`` the spot drifts at rate minus dividend.

    The chain is exact on any grid. Over a step from state :math:`i` to state :math:`j` the spot is lognormal with the
    *mean of the integrated variance given both ends*, :math:`\int_0^\Delta(e^{Qs}\mathrm{diag}(\sigma^2)
    e^{Q(\Delta-s)})_{ij}ds/(e^{Q\Delta})_{ij}`, and in the same way of the drift. So the discounted spot is a
    martingale given the past and the chain, its variance is exact on any grid, and prices are of weak order 2.

    Raises ``ParameterError`` for a parameter outside its domain, or a step in which a state is left over 100 times.
    Source: Hamilton (1989) for the idea; Buffington and Elliott (2002) for options; Van Loan (1978) for the integral, a
    block of the exponential of a larger matrix. The price of a call is `deephedge.pricing.regimes.price`.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.RegimeSwitching("SPX", vols=(0.12, 0.35), generator=[[-0.5, 0.5], [3, -3]])
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=12), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.regime', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    vols: Float[Array, " state"] = eqx.field(converter=as_float)
    generator: Float[Array, "state state"] = eqx.field(converter=as_float)
    regime: Int[Array, ""] = eqx.field(converter=lambda x: jnp.asarray(x, int), default=0)
    spot: Float[Array, ""] = number(default=1.0)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drifts: Float[Array, " state"] | None = optional_number()

    def __check_init__(self):
        count, q = self.vols.size, self.generator
        require(self.vols.ndim == 1 and count >= 1, f"vols needs one number for each state, had {self.vols.shape}")
        require(concrete(self.vols, lambda v: v >= 0), f"vols must be 0 or more per root year, were {self.vols}")
        require(q.shape == (count, count), f"generator must be {count} x {count}, as many as vols, was {q.shape}")
        rates = concrete(q, lambda x: x[~np.eye(count, dtype=bool)] >= 0)
        require(rates, f"generator must have rates of 0 or more off its diagonal, was {q}")
        closed = concrete(q, lambda x: np.abs(x.sum(axis=1)) <= 1e-5 * (1.0 + np.abs(x).max()))
        require(closed, f"generator must have rows that sum to 0, was {q}")
        inside = concrete(self.regime, lambda n: (n >= 0) & (n < count))
        require(inside, f"regime must be the number of a state, 0 to {count - 1}, was {self.regime}")
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        fits = self.drifts is None or self.drifts.shape == (count,)
        require(fits, f"drifts needs one number per year for each of the {count} states, was {self.drifts}")

    @property
    def drift(self) -> Float[Array, ""] | None:
        """0 where the states have drifts of their own, which are then part of every move."""
        return None if self.drifts is None else jnp.zeros_like(self.spot)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        left = jnp.max(-jnp.diag(self.generator)) * jnp.max(grid.dt)
        require(
            concrete(left, lambda x: x <= MOST),
            f"generator x the longest step must be at most {MOST:g} changes of state, was {left}; take shorter steps",
        )
        return grid.steps, 2

    @property
    def martingale(self) -> bool:
        return self.drifts is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return {self.name: as_float([1.0, 0.0]), f"{self.name}.regime": as_float([0.0, 1.0])}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        chances, areas = _bridges(self.generator, self.vols**2, grid.dt)
        # What comes after state j at least: compared from above, so that float32 knows rare wild states.
        above = jnp.flip(jnp.cumsum(jnp.flip(chances, -1), -1), -1)[:, :, 1:]

        def advance(state: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            after = jnp.sum(now[1] < now[0][state]).astype(state.dtype)
            return after, after

        _, later = lax.scan(advance, self.regime, (above, ndtr(-shocks[:, 1])))
        states = jnp.concatenate([self.regime[None], later])
        ends = (jnp.arange(grid.steps), states[:-1], states[1:])
        variance = areas[ends]
        moves = jnp.sqrt(jnp.maximum(variance, TINY)) * shocks[:, 0] - 0.5 * variance
        if self.drifts is not None:
            moves = moves + _bridges(self.generator, self.drifts, grid.dt)[1][ends]
        quotes = {f"{self.name}.vol": self.vols[states], f"{self.name}.regime": states.astype(grid.times.dtype)}
        return carried_path(self, grid, moves, quotes)


def _bridges(generator: Array, value: Array, dt: Array) -> tuple[Array, Array]:
    """Over each step, by the states at both ends: the chance of the second, and the mean integral of a ``value``."""
    count = value.size
    block = jnp.block([[generator, jnp.diag(value)], [jnp.zeros_like(generator), generator]])
    whole = _exponential(block * dt[:, None, None], jnp.max(-jnp.diag(generator)) * dt[:, None, None])
    chances, joint = whole[:, :count, :count], whole[:, :count, count:]
    between = joint / jnp.maximum(chances, RARE) / dt[:, None, None]
    mean = jnp.where(chances > RARE, between, 0.5 * (value[:, None] + value))
    return chances, jnp.clip(mean, jnp.min(value), jnp.max(value)) * dt[:, None, None]


def _exponential(matrix: Array, fastest: Array) -> Array:
    """exp(matrix), its diagonal being at least -``fastest``: a series of terms without cancellation, squared up.

    The library's exponential compiles five Pade approximants to choose from, which takes seconds.
    """
    eye = jnp.eye(matrix.shape[-1], dtype=matrix.dtype)
    small = (matrix + fastest * eye) / 2**SQUARINGS
    series = lax.fori_loop(0, TERMS, lambda n, sum: eye + small @ sum / (TERMS - n), jnp.broadcast_to(eye, small.shape))
    return lax.fori_loop(0, SQUARINGS, lambda _, x: x @ x, series * jnp.exp(-fastest / 2**SQUARINGS))
