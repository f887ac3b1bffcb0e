"""Any market under another measure: the same paths, each with a weight, which takes a drift out of them."""

from abc import abstractmethod
from collections.abc import Callable

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.markets.base import AbstractMarket


class AbstractDensity(eqx.Module):
    """A change of measure: the logarithm of its density on one path, whose exponential is 1 on average."""

    @abstractmethod
    def __call__(self, path: MarketPath) -> Float[Array, ""]:
        """Log of the likelihood of the path under the new measure over that under the market's own."""


class Tilted(AbstractMarket):
    r"""The paths of ``market``, weighted by a density: expectations are under the measure :math:`dQ = e^{\ell}\,dP`.

    Quotes, numeraire and shocks are those of ``market``; ``path.weight`` is :math:`e^{\ell(path)}`, times the weight
    that the path had. Training, metrics and intervals read it. A weight is known only when its path has ended, and no
    feature sees it: what a policy sees is what it would see in ``market``.

    ``martingale`` is not claimed: after a learnt tilt discounted tradables are near-martingales, within costs and to
    the accuracy of the training. Source: Buehler, Murray, Pakkanen, Wood (2021).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2, drift=0.3)
    >>> grid = dh.TimeGrid.uniform(maturity=1.0, steps=4)
    >>> tilted = dh.markets.Tilted(market, dh.markets.CashDensity((-7.5,) * 4, 0.0, ("SPX",)))
    >>> dh.sample(tilted, grid, 8, key=jax.random.key(0)).weight.shape
    (8,)
    """

    market: AbstractMarket
    density: AbstractDensity

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return self.market.shocks(grid)

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self.market.drivers()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        path = self.market.path(grid, shocks)
        weight = jnp.exp(self.density(path))
        return weighted(path, weight)


class CashDensity(AbstractDensity):
    r"""The density :math:`\ell = \sum_k \theta_k\cdot R_k - c` of discounted returns
    :math:`R_k = \frac{S_{k+1}/N_{k+1}}{S_k/N_k} - 1` of the quotes ``names``.

    ``theta`` (one a step, or a row of one for each name), ``constant`` :math:`c` its log mean exponential. This is the
    measure of least entropy among those that make :math:`\theta`'s returns martingales on average, step by step; where
    returns are independent it is Esscher's. Quotes must be prices above 0.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 1.5])}, jnp.ones(2))
    >>> float(CashDensity((-2.0,), 0.25, ("A",))(path))
    -1.25
    """

    theta: Float[Array, "step *asset"] = number()
    constant: Float[Array, ""] = number(default=0.0)
    names: tuple[str, ...] = eqx.field(static=True, default=())

    def __check_init__(self):
        shape = self.theta.shape[1:] or (1,)
        require(
            len(self.names) > 0 and shape in ((len(self.names),), (1,)) and self.theta.ndim <= 2,
            f"theta needs {len(self.names)} numbers for each step (names: {self.names}), got shape {self.theta.shape}",
        )

    def __call__(self, path: MarketPath) -> Float[Array, ""]:
        returns = discounted_returns(path, self.names)
        theta = self.theta.reshape(self.theta.shape[0], -1)
        require(
            theta.shape[0] == returns.shape[0],
            f"this tilt was made for {theta.shape[0]} steps, the path has {returns.shape[0]}; fit it on the same grid",
        )
        return jnp.sum(theta * returns) - self.constant


class GainsDensity(AbstractDensity):
    r"""The density :math:`\ell = \theta\cdot G - c` of any gains of a path.

    ``gains``, a function, maps a path to numbers, such as what an option gains that is hedged by its delta; ``theta``
    has as many, ``constant`` :math:`c` is the log mean exponential.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.array([1.0, 1.5])}, jnp.ones(2))
    >>> float(GainsDensity(lambda path: jnp.diff(path.quote("A")), (-2.0,), 0.25)(path))
    -1.25
    """

    gains: Callable[[MarketPath], Array] = eqx.field(static=True)
    theta: Float[Array, " gain"] = number()
    constant: Float[Array, ""] = number(default=0.0)

    def __call__(self, path: MarketPath) -> Float[Array, ""]:
        return jnp.ravel(self.gains(path)) @ self.theta - self.constant


def discounted_returns(path: MarketPath, names: tuple[str, ...]) -> Float[Array, "step asset"]:
    """Returns of quotes over each step in units of the numeraire, with what they pay.

    That is ``"<name>.dividend"`` (a yearly rate) and ``"<name>.dividend_cash"`` (cash on a date), as `Spot` pays them.
    """
    rows, none = [], jnp.zeros_like(path.times)
    for name in names:
        held = path.quote(name) / path.numeraire
        paid = path.quotes.get(f"{name}.dividend_cash", none) / path.numeraire
        growth = jnp.exp(path.quotes.get(f"{name}.dividend", none)[:-1] * jnp.diff(path.times))
        rows.append((held[1:] + paid[1:]) * growth / held[:-1] - 1.0)
    return jnp.stack(rows, axis=-1)


def weighted(path: MarketPath, weight: Float[Array, ""]) -> MarketPath:
    """The path with its weight multiplied by ``weight``."""
    return MarketPath(path.times, path.quotes, path.numeraire, weight if path.weight is None else path.weight * weight)
