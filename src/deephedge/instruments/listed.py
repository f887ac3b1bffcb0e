"""Listed options: puts and calls of any strike and expiry, priced from a surface that the path quotes."""

from typing import ClassVar

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import UnknownQuote, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, number
from deephedge.instruments.base import AbstractTradable, at_expiry, discount, forward, time_left
from deephedge.instruments.equity import check_terms
from deephedge.pricing import ssvi

KINDS = ("call", "put")


class ListedOption(AbstractTradable):
    r"""A European option at the price of the SSVI surface of the day, as `markets.MovingSurface` quotes it.

    Reads at each point :math:`\theta` from the quotes ``"<underlier>.ssvi.theta.<tenor>"`` (total variances at the
    money for times to expiry named in years), ``".rho"``, ``".eta"`` and ``".gamma"``, and prices by Black (1976) on
    the implied volatility at its own log-moneyness and time left; ``"rate"`` and ``"<underlier>.dividend"`` count where
    the path has them. ``strike`` in cash, ``expiry`` in years from the start of the path, ``kind`` ``"call"`` or
    ``"put"``. It pays its intrinsic value at the first point at or after ``expiry`` and is worth 0 from there.

    Calls and puts keep parity, and no portfolio of options held to expiry is an arbitrage, at every point. Between
    points the price is that of the market, not of a model of the spot: holding it may earn or lose on average, which a
    tilt of the paths removes. Raises ``UnknownQuote`` on a path without a surface.

    Source: Gatheral and Jacquier (2014).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> surface = {"theta.0.5": 0.02, "theta.1": 0.04, "rho": -0.7, "eta": 1.0, "gamma": 0.4}
    >>> quotes = {f"A.ssvi.{name}": jnp.full(2, value) for name, value in surface.items()}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5]), quotes | {"A": jnp.array([100.0, 103.0])}, jnp.ones(2))
    >>> option = ListedOption("A", strike=90, expiry=0.5)
    >>> [round(x, 4) for x in option.price(path).tolist()], option.cashflows(path).tolist()
    ([12.4932, 0.0], [0.0, 13.0])
    """

    pointwise: ClassVar[bool] = True
    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    kind: str = eqx.field(static=True, default="call")

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        require(self.kind in KINDS, f"kind must be one of {KINDS}, was {self.kind!r}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        above = path.quote(self.underlier) - self.strike
        payoff = jnp.maximum(above if self.kind == "call" else -above, 0.0)
        return jnp.where(at_expiry(path, self.expiry), payoff, 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        value = surface_price(path, self.underlier, self.strike, left, self.kind == "call")
        return jnp.where(left > 0, discount(path, left) * value, 0.0)


def surface_price(
    path: MarketPath, underlier: str, strike: Float[Array, "*points"], left: Float[Array, " points"], call: bool
) -> Float[Array, " points"]:
    """Price on the surface quoted at each point of an option with ``left`` years to go, in cash at its expiry."""
    tenors, levels = quoted_levels(path, underlier)
    rho, eta, gamma = (path.quote(f"{underlier}.ssvi.{name}") for name in ("rho", "eta", "gamma"))

    def one(ahead: Array, strike: Array, left: Array, levels: Array, rho: Array, eta: Array, gamma: Array) -> Array:
        shape = lambda theta: ssvi.power_law(theta, eta, gamma)  # noqa: E731
        return ssvi.price(ahead, strike, left, tenors, levels, rho, shape, call)

    ahead, strike = forward(path, underlier, left), jnp.broadcast_to(strike, left.shape)
    return jax.vmap(one)(ahead, strike, left, levels, rho, eta, gamma)


def quotes_surface(path: MarketPath, underlier: str) -> bool:
    """Whether the path has a surface of ``underlier``."""
    return any(name.startswith(f"{underlier}.ssvi.theta.") for name in path.quotes)


def quoted_levels(path: MarketPath, underlier: str) -> tuple[Float[Array, " tenor"], Float[Array, "points tenor"]]:
    """Tenors that the path quotes for ``underlier``, increasing, and the total variance of each at each point."""
    prefix = f"{underlier}.ssvi.theta."
    names = {float(name.removeprefix(prefix)): name for name in path.quotes if name.startswith(prefix)}
    if not names:
        raise UnknownQuote(f"the path has no quote {prefix}<tenor>: wrap its market in markets.MovingSurface")
    tenors = sorted(names)
    return as_float(tenors), jnp.stack([path.quote(names[tenor]) for tenor in tenors], axis=-1)
