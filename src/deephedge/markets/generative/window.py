"""A recurrent generator: rows of noise become a window of daily returns."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.nn import sigmoid, softplus
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.carry import carried_path
from deephedge.markets.generative.base import REACH, AbstractGenerator, in_default_type, perceptron
from deephedge.markets.history import TRADING_DAY, TRADING_YEAR, require_step

KINKS = np.array([0.5, 1.5, 2.5])  # where an innovation's slope may change, on either side, in normals
STEEPEST = 3.0  # what the slope may gain at one of them
NODES, WEIGHTS = (x for x in np.polynomial.hermite_e.hermegauss(20))
WEIGHTS = WEIGHTS / WEIGHTS.sum()


class WindowGenerator(AbstractGenerator):
    r"""A recurrent network that turns noise into daily returns, each given all the noise before it:

    .. math:: h_0 = G_0(e), \qquad h_t = \mathrm{GRU}(h_{t-1};\, z_{t-1}, e_{t-1}), \qquad
        \log(S_{t+1}/S_t) = \mu\,dt + \sigma(h_t)\,\epsilon(z_t; h_t) - K(h_t).

    :math:`\epsilon` is increasing in the normal :math:`z_t`, with a slope that changes at 0.5, 1.5 and 2.5 on both
    sides as the network says, and has mean 0 and variance 1: fat tails and skewness are learnt, and may depend on the
    past. :math:`K = \log E\,e^{\sigma\epsilon}` by Gauss-Hermite quadrature, so without ``drift`` the discounted
    spot is a martingale given the past (to 1e-5). The rows :math:`e_t` are ``noise`` normals a day; as many
    more draw the state in which a window begins. ``vol`` (per root year) is the middle of :math:`\sigma`, which stays
    within :math:`e^{\pm2}` of it. The grid has steps of a trading day, 1/252 year, as many as wanted; only lengths
    that it was trained on were ever compared with history.

    ``training.fit_generator`` trains it by the distance of signatures (a moment-matching network, the GAN without
    a critic). On the S&P 500 of 2013-2022, trained on 1975-2012, it loses to ``FilteredHistorical`` (docs, Learnt
    markets); there take that one. Quotes ``"<name>"``,
    ``"<name>.vol"`` (:math:`\sigma` of the day to come, per root year) and, where given, ``"rate"`` and
    ``"<name>.dividend"``. Raises ``GridError`` for other steps, ``ParameterError`` for a parameter outside its domain.

    Source: Wiese, Knobloch, Korn and Kretschmer (2020), whose returns have a volatility and an innovation as well;
    Li, Swersky and Zemel (2015) for training by a discrepancy.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.WindowGenerator("SPX", 0.2, key=jax.random.key(0))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=5 / 252, steps=5), 8, key=jax.random.key(1)).quotes)
    ['SPX', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    log_vol: Float[Array, ""]
    begin: eqx.nn.MLP
    cell: eqx.nn.GRUCell
    head: eqx.nn.MLP
    spot: Float[Array, ""]
    rate: Float[Array, ""] | None
    dividend: Float[Array, ""] | None
    drift: Float[Array, ""] | None
    noise: int = eqx.field(static=True)

    def __init__(
        self,
        name: str,
        vol: float,
        *,
        key: PRNGKeyArray,
        noise: int = 2,
        hidden: int = 16,
        width: int = 16,
        spot: float = 1.0,
        rate: float | None = None,
        dividend: float | None = None,
        drift: float | None = None,
    ):
        require(int(noise) == noise and noise >= 1, f"noise must be a whole number of normals a day, was {noise}")
        require(concrete(as_float(vol), lambda v: v > 0), f"vol must be positive per root year, was {vol}")
        first, second, third = jax.random.split(key, 3)
        self.name, self.noise = name, noise
        self.log_vol, self.spot = jnp.log(as_float(vol)), as_float(spot)
        self.begin = perceptron((noise, width, 1, hidden), key=first, last=1.0)
        self.cell = in_default_type(eqx.nn.GRUCell(1 + noise, hidden, key=second, dtype=jnp.float32))
        self.head = perceptron((hidden, width, 1, 1 + 2 * len(KINKS)), key=third, last=1.0)
        given = (rate, dividend, drift)
        self.rate, self.dividend, self.drift = (None if x is None else as_float(x) for x in given)

    def __check_init__(self):
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_step(grid, TRADING_DAY)
        return grid.steps, 1 + 2 * self.noise  # the return's, the state's, and in the first row the first state's

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """The normal of the day's innovation: a larger one is a larger return, so a correlation is one of ranks."""
        return {self.name: jnp.eye(1 + 2 * self.noise, dtype=self.log_vol.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        require_step(grid, TRADING_DAY)
        z, seen = shocks[:, 0], shocks[:, : 1 + self.noise]
        start = jnp.tanh(self.begin(shocks[0, 1 + self.noise :]))
        _, later = lax.scan(lambda h, row: (self.cell(row, h),) * 2, start, seen)
        outputs = jax.vmap(self.head)(jnp.concatenate([start[None], later]))
        sigma = jnp.exp(self.log_vol + REACH * jnp.tanh(outputs[:, 0] / REACH)) / TRADING_YEAR**0.5
        moves = jax.vmap(_move)(sigma[:-1], STEEPEST * sigmoid(outputs[:-1, 1:] - 3.0), z)
        return carried_path(self, grid, moves, {f"{self.name}.vol": sigma * TRADING_YEAR**0.5})


def _move(sigma: Float[Array, ""], steeper: Float[Array, " _"], z: Float[Array, ""]) -> Float[Array, ""]:
    """The day's log return less the log of its mean growth."""
    nodes, weights = (jnp.asarray(x, z.dtype) for x in (NODES, WEIGHTS))
    all_of_it = _innovation(steeper, jnp.append(nodes, z))
    values, own = all_of_it[:-1], all_of_it[-1]
    mean = weights @ values
    unit = sigma / jnp.sqrt(weights @ (values - mean) ** 2)
    return unit * (own - mean) - jnp.log1p(weights @ jnp.expm1(unit * (values - mean)))


def _innovation(steeper: Float[Array, " _"], z: Float[Array, " _"]) -> Float[Array, " _"]:
    kinks = jnp.asarray(KINKS, z.dtype)
    up, down = jnp.split(steeper, 2)
    return z + softplus(z[:, None] - kinks) @ up - softplus(-z[:, None] - kinks) @ down
