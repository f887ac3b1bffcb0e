"""Exchange rates of several currencies against one home currency, and the cross rates that follow from them."""

from collections.abc import Sequence

import equinox as eqx
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.money import halves, is_pair
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.brownian import BlackScholes
from deephedge.markets.carry import optional_number
from deephedge.pricing.normal import root


def tuple_of(names: str | Sequence[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names)


def check_pairs(pairs: tuple[str, ...], crosses: tuple[str, ...]) -> None:
    """Raise ``ParameterError`` unless these are pairs with one home currency, and crosses that follow from them."""
    for pair in (*pairs, *crosses):
        require(is_pair(pair), f"pairs and crosses are two codes of three letters as in 'EURUSD', was {pair!r}")
    homes = sorted({halves(pair)[1] for pair in pairs})
    require(len(homes) == 1, f"pairs must end in one home currency (quote 'USDJPY' as 'JPYUSD'), were {homes}")
    everything = (*pairs, *crosses)
    require(len(set(everything)) == len(everything), f"pairs and crosses must differ, were {everything}")
    known = [*(halves(pair)[0] for pair in pairs), *homes]
    for cross in crosses:
        for code in halves(cross):
            require(code in known, f"crosses: no pair has the {code!r} of {cross!r}: {nearest(code, known)}")


def with_crosses(path: MarketPath, pairs: tuple[str, ...], crosses: tuple[str, ...]) -> MarketPath:
    """The path with the quotients of its pairs, to the last bit."""
    # Held back from the compiler, which would rewrite a quotient of exponentials and round it differently.
    values = lax.optimization_barrier({halves(pair)[0]: path.quotes[pair] for pair in pairs})
    values[halves(pairs[0])[1]] = jnp.ones_like(path.times)
    quotes, split = {pair: values[halves(pair)[0]] for pair in pairs}, [(cross, halves(cross)) for cross in crosses]
    return path.with_quotes(quotes | {cross: values[first] / values[second] for cross, (first, second) in split})


def sides(cross: str, pairs: tuple[str, ...]) -> Float[Array, " asset"]:
    """1 for the pair that a cross is long, -1 for the one that it is short; the home currency is no pair."""
    first, second = halves(cross)
    codes = [halves(pair)[0] for pair in pairs]
    return as_float([(code == first) - (code == second) for code in codes])


class GarmanKohlhagen(AbstractMarket):
    r"""Correlated lognormal exchange rates in one home currency, with flat rates at home and abroad:

    .. math:: dX^i = X^i\big((r-f_i)\,dt + \sigma_i\,dW^i\big), \qquad X^{ij} = X^i/X^j.

    ``pairs`` such as ``"EURUSD"`` name the foreign currency, then the home one: the price of a foreign unit in home
    cash, which is the numeraire's. ``vol`` per root year; ``spot`` in home cash; ``rate`` (home) and ``foreign`` (one
    for each pair) continuous per year; ``drift`` per year replaces :math:`r-f_i` and is not the pricing measure.

    Quotes ``"<pair>"``, ``"<pair>.vol"``, ``"rate"`` and ``"<pair>.dividend"`` (the foreign rate: instruments on a
    dividend-paying spot work as they are), and for each of ``crosses`` (``"EURGBP"``, or ``"USDJPY"`` where the pair is
    ``"JPYUSD"``) the quotient of the two pairs, exactly, at every point, and ``"<cross>.vol"``,
    :math:`\sqrt{\sigma_i^2+\sigma_j^2-2\rho_{ij}\sigma_i\sigma_j}`. A cross is cash of its own second currency: convert
    before holding it in a book of the home currency, where it is no martingale.

    Exact on any grid: it is `BlackScholes` with foreign rates as dividends.

    Raises ``ParameterError`` for pairs without a common home currency, unknown crosses and what `BlackScholes` refuses.

    Source: Garman and Kohlhagen (1983).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.GarmanKohlhagen(
    ...     ("EURUSD", "GBPUSD"), vol=(0.08, 0.09), spot=(1.1, 1.25), rate=0.05, foreign=(0.03, 0.045),
    ...     correlation=[[1, 0.6], [0.6, 1]], crosses="EURGBP")
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> round(float(path.quotes["EURGBP"][0, 0]), 4), round(float(path.quotes["EURGBP.vol"][0, 0]), 4)
    (0.88, 0.0766)
    """

    pairs: tuple[str, ...] = eqx.field(static=True, converter=tuple_of)
    vol: Float[Array, "..."] = number()
    spot: Float[Array, "..."] = number()
    rate: Float[Array, ""] = number()
    foreign: Float[Array, "..."] = number()
    correlation: Float[Array, "asset asset"] | None = optional_number()
    crosses: tuple[str, ...] = eqx.field(static=True, converter=tuple_of, default=())
    drift: Float[Array, "..."] | None = optional_number()

    def __check_init__(self):
        check_pairs(self.pairs, self.crosses)
        count, shape = len(self.pairs), self.foreign.shape
        fits = shape in ((), (1,), (count,))
        require(fits, f"foreign needs one rate or {count} (one for each of {self.pairs}), was {self.foreign}")
        self._market()  # refuses rows of the wrong length and numbers outside their domain

    def _market(self) -> BlackScholes:
        return BlackScholes(self.pairs, self.vol, self.spot, self.rate, self.foreign, self.drift, self.correlation)

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, len(self.pairs)

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self._market().drivers()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        path = with_crosses(self._market().path(grid, shocks), self.pairs, self.crosses)
        flat = jnp.ones_like(path.times)
        return path.with_quotes({f"{cross}.vol": self._cross_vol(cross) * flat for cross in self.crosses})

    def _cross_vol(self, cross: str) -> Float[Array, ""]:
        loading = sides(cross, self.pairs) * jnp.broadcast_to(self.vol, (len(self.pairs),))
        correlation = jnp.eye(len(self.pairs)) if self.correlation is None else self.correlation
        return root(loading @ correlation @ loading)
