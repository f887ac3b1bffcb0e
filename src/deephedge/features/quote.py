"""Specimen of the features family: quotes and what one step of arithmetic makes of them."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import AbstractTradable, time_left


class Quote(AbstractFeature):
    """A quote of the path under a name of your choice, in its own unit.

    >>> import deephedge as dh
    >>> dh.features.Quote("SPX.vol", "vol").name
    'vol'
    """

    quote: str = eqx.field(static=True)
    name: str = eqx.field(static=True)

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        return path.quote(self.quote)


class LogMoneyness(AbstractFeature):
    r"""Logarithm of spot over strike, :math:`\log(S_t/K)`, no unit.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"SPX": jnp.array([1.0, 1.0])}, jnp.ones(2))
    >>> dh.features.LogMoneyness("SPX", 1.0)(path).tolist()
    [0.0, 0.0]
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="log_moneyness")

    def __check_init__(self):
        require(concrete(self.strike, lambda k: k > 0), f"strike must be positive cash, was {self.strike}")

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.log(path.quote(self.underlier) / self.strike)


class TimeLeft(AbstractFeature):
    """Years until ``expiry``, never below 0. Reads the clock and the contract's date, not the end of the path.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {}, jnp.ones(2))
    >>> dh.features.TimeLeft(1.0)(path).tolist()
    [1.0, 0.0]
    """

    expiry: Float[Array, ""] = number()
    name: str = eqx.field(static=True, default="time_left")

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        return time_left(path, self.expiry)


class Price(AbstractFeature):
    """Price of ``contract`` at each point, in cash: the mark of what is held or owed, 0 once it has ended.

    With ``total`` the cash it has paid so far is added and both are in units of the numeraire: what changes then is
    what one unit has gained.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 1.2]), "A.vol": jnp.full(2, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> call = dh.instruments.EuropeanCall("A", 1.0, 1.0)
    >>> [round(x, 4) for mark in (Price(call), Price(call, total=True)) for x in mark(path).tolist()]
    [0.0797, 0.0, 0.0797, 0.2]
    """

    contract: AbstractTradable
    name: str = eqx.field(static=True, default="price")
    total: bool = eqx.field(static=True, default=False)

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        price = self.contract.price(path)
        if not self.total:
            return price
        return price / path.numeraire + jnp.cumsum(self.contract.cashflows(path) / path.numeraire)
