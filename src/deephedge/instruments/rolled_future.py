"""A future that rolls, on the quotes of an index of it: for history, where contracts come and go."""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deephedge.core.paths import MarketPath
from deephedge.instruments.base import AbstractTradable
from deephedge.instruments.futures import margined


class RolledFuture(AbstractTradable):
    r"""One contract of a strip that rolls, from an index :math:`E` without the jumps of rolling and its units.

    ``underlier`` names the index; the quote ``"<underlier>.units"`` says how many of it, :math:`u_k`, the contract
    held from each point on is, and ``"<underlier>.rolls"`` where that is another contract than before (1, else 0):

    .. math:: F_k = u_k E_k, \qquad \text{gain} = u_k\,(E_{k+1}-E_k).

    At a roll the old contract is closed at :math:`u_{k-1}E_k` and the new one opened at :math:`u_kE_k`; a problem
    charges both. `data.transforms.FuturesRoll` makes the quotes. Where index and units are divided by their values at
    the start of a window, a contract is one that cost 1 there. Margins and interest are those of a `Future`; it never
    ends.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"CL": jnp.array([1.0, 1.1, 1.0]), "CL.units": jnp.array([60.0, 61.0, 61.0])}
    >>> quotes["CL.rolls"] = jnp.array([0.0, 1.0, 0.0])
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0]), quotes, jnp.ones(3))
    >>> future = RolledFuture("CL")
    >>> said = (future.price(path), future.cashflows(path), future.closing(path))
    >>> [[round(x, 3) for x in row.tolist()] for row in said]
    [[60.0, 67.1, 61.0], [0.0, -1.1, 0.0], [60.0, 66.0, 61.0]]
    >>> future.rolls(path).tolist()
    [False, True, False]
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self._units(path) * path.quote(self.underlier)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return margined(path, self.price(path), self.closing(path))

    def closing(self, path: MarketPath) -> Float[Array, " points"]:
        return self._before(path) * path.quote(self.underlier)

    def held(self, path: MarketPath) -> "_Held":
        return _Held(self.underlier, self._units(path))

    def rolls(self, path: MarketPath) -> Bool[Array, " points"]:
        moved = path.quote(f"{self.underlier}.rolls") > 0
        return moved.at[0].set(False)  # at the first point nothing was held

    def _units(self, path: MarketPath) -> Float[Array, " points"]:
        return path.quote(f"{self.underlier}.units")

    def _before(self, path: MarketPath) -> Float[Array, " points"]:
        units = self._units(path)
        return jnp.concatenate([units[:1], units[:-1]])


class _Held(AbstractTradable):
    """The contract held from each point on: so many units of the index, whatever comes after it."""

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    units: Float[Array, " points"]

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self.units * path.quote(self.underlier)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.zeros_like(path.times)
