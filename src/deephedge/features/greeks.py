"""Sensitivities of a tradable's price along the path, by differentiating the price itself."""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.features.base import AbstractFeature
from deephedge.instruments.base import AbstractTradable
from deephedge.pricing.greeks import sensitivity


class Delta(AbstractFeature):
    r"""Delta of ``contract`` at each point, :math:`\partial V_t/\partial S_t`, in units of the underlier.

    The derivative of the contract's own price to today's ``quote`` (its underlier, unless another is named), earlier
    quotes held fixed; 0 once the contract has ended. A book has no underlier of its own: name one.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"SPX": jnp.array([1.0, 1.2]), "SPX.vol": jnp.full(2, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> [round(x, 4) for x in Delta(dh.instruments.EuropeanCall("SPX", 1.0, 1.0))(path).tolist()]
    [0.5398, 0.0]
    """

    contract: AbstractTradable
    name: str = eqx.field(static=True, default="delta")
    quote: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _underlier(self.contract, self.quote)

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        return _sensitivity(self.contract, path, _underlier(self.contract, self.quote), order=1)


class Gamma(AbstractFeature):
    r"""Gamma of ``contract`` at each point, :math:`\partial^2 V_t/\partial S_t^2`, per unit of cash; as ``Delta`` else.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"SPX": jnp.array([1.0, 1.2]), "SPX.vol": jnp.full(2, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> [round(x, 4) for x in Gamma(dh.instruments.EuropeanCall("SPX", 1.0, 1.0))(path).tolist()]
    [1.9848, 0.0]
    """

    contract: AbstractTradable
    name: str = eqx.field(static=True, default="gamma")
    quote: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _underlier(self.contract, self.quote)

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        return _sensitivity(self.contract, path, _underlier(self.contract, self.quote), order=2)


class Vega(AbstractFeature):
    r"""Vega of ``contract`` at each point, :math:`\partial V_t/\partial\sigma_t`, in cash per unit of the quote.

    The quote is the one the contract is priced on (``"<underlier>.vol"``, unless it or you name another; a Heston
    contract moves with ``"<underlier>.variance"``).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"SPX": jnp.array([1.0, 1.2]), "SPX.vol": jnp.full(2, 0.2)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> [round(x, 4) for x in Vega(dh.instruments.EuropeanCall("SPX", 1.0, 1.0))(path).tolist()]
    [0.397, 0.0]
    """

    contract: AbstractTradable
    name: str = eqx.field(static=True, default="vega")
    quote: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        _underlier(self.contract, self.quote)

    def __call__(self, path: MarketPath) -> Float[Array, " points"]:
        own = self.quote or getattr(self.contract, "vol", None)
        return _sensitivity(self.contract, path, own or f"{_underlier(self.contract, None)}.vol", order=1)


def _underlier(contract: AbstractTradable, quote: str | None) -> str:
    found = quote or getattr(contract, "underlier", None)
    message = f"a {type(contract).__name__} has no one underlier; say which quote to differentiate by: quote='...'"
    require(found is not None, message, ProblemError)
    return found  # pyright: ignore


def _sensitivity(contract: AbstractTradable, path: MarketPath, quote: str, order: int) -> Float[Array, " points"]:
    contract = contract.held(path)

    def price(values: Float[Array, " points"]) -> Float[Array, " points"]:
        return contract.price(path.with_quotes({quote: values}))

    for _ in range(order):
        price = sensitivity(price, 0) if contract.pointwise else _diagonal(price)
    return price(path.quote(quote))


def _diagonal(price: Callable) -> Callable:
    """The derivative of the price at each point to the quote at that point, where it depends on earlier ones too."""
    return lambda values: jnp.diagonal(jax.jacfwd(price)(values))
