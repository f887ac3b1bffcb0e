"""What a market is: a pure function from standard normals to a path."""

from abc import abstractmethod

import equinox as eqx
import jax
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.grid import TimeGrid
from deephedge.core.parallel import gathered, over_paths
from deephedge.core.paths import MarketPath
from deephedge.markets.sampler import Sampler


class AbstractMarket(eqx.Module):
    """A law on paths: a model, a trained generator, a bootstrap and history alike."""

    @abstractmethod
    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        """(step, factor): how many standard normals one path consumes."""

    @abstractmethod
    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        """The path that these normals make; the same normals always make the same path."""

    @property
    def martingale(self) -> bool:
        """Whether discounted tradables are martingales under this law, so that no hedge can earn on average."""
        return False

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """The Brownian motions behind the quotes, by name: each a row of length 1 over the factors of `shocks`.

        ``"<name>"`` drives the spot (or the rate), ``"<name>.variance"`` its variance, and so on: what a joint market
        correlates. A factor that no driver names (a jump's count or size, a bootstrap's date) stays independent.
        """
        return {}

    def tradables(self) -> dict[str, bool]:
        """Quotes that are prices one can deal at, and whether it takes cash to hold one.

        True: an asset, bought with cash: discounted, with its ``"<name>.dividend"`` reinvested, it is the martingale.
        False: a future, which takes none: its price itself is the martingale. A joint market puts these under its own
        money account, and no other quote. Unless a market says more, they are its drivers that extend no other one
        (``"<name>.variance"`` extends ``"<name>"``), where there is a quote of that name.
        """
        names = self.drivers()
        return {name: True for name in names if not any(name.startswith(f"{other}.") for other in names)}


def sample(
    market: AbstractMarket, grid: TimeGrid, paths: int, *, key: PRNGKeyArray, method: str = "sobol"
) -> MarketPath:
    """A batch of ``paths`` paths, with the path axis leading.

    ``method``: ``"sobol"`` (scrambled Sobol points through a Brownian bridge, randomly shifted by ``key``),
    ``"antithetic"`` (each draw and its mirror image) or ``"random"``.

    >>> import deephedge as dh, jax
    >>> market, grid = dh.markets.BlackScholes("SPX", vol=0.2), dh.TimeGrid.uniform(maturity=1.0, steps=12)
    >>> dh.sample(market, grid, 1000, key=jax.random.key(0)).quotes["SPX"].shape
    (1000, 13)
    """
    return gathered(_sample(market, grid, Sampler.of(market.shocks(grid), grid, paths, method), key, paths))


@eqx.filter_jit
def _sample(market: AbstractMarket, grid: TimeGrid, sampler: Sampler, key: PRNGKeyArray, paths: int) -> MarketPath:
    arrays, rest = eqx.partition((market, grid, sampler, key), eqx.is_array)

    def work(arrays, index, weight):
        market, grid, sampler, key = eqx.combine(arrays, rest)
        return (), jax.vmap(lambda n: market.path(grid, sampler(key, n)))(index)

    return over_paths(work, arrays, paths)[1]
