"""Curves: how the price of a zero bond follows from what a path quotes."""

from abc import abstractmethod
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import ProblemError, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.instruments.base import at_expiry, carry, reached, time_left
from deephedge.instruments.exercise import strings
from deephedge.pricing import curve


class AbstractCurve(eqx.Module):
    """Says what one unit of cash at a date is worth at each point of a path, from the quotes at that point."""

    @abstractmethod
    def discounts(self, path: MarketPath, dates: Float[Array, " tenor"]) -> Float[Array, "points tenor"]:
        """Cash at each point for one unit at each of ``dates`` (years), 1 for those that have come."""


class FlatCurve(AbstractCurve):
    """One quoted rate per year for all dates, continuously compounded; 0 where the path has no such quote.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"rate": jnp.array([0.0, 0.1])}, jnp.ones(2))
    >>> [round(x, 4) for x in FlatCurve().discounts(path, jnp.array([1.0, 2.0]))[1].tolist()]
    [1.0, 0.9048]
    """

    rate: str = eqx.field(static=True, default="rate")

    def discounts(self, path: MarketPath, dates: Float[Array, " tenor"]) -> Float[Array, "points tenor"]:
        return jnp.exp(-carry(path, self.rate)[:, None] * years_to(path, dates))


class QuotedCurve(AbstractCurve):
    """Between the zero yields that a path quotes, ``"<name>.zero.<tenor>y"`` for each of ``tenors`` (years).

    Continuously compounded yields per year, interpolated by `pricing.curve`; beyond the last the forward rate is flat.
    It asks for no model: it serves history and principal components too.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"USD.zero.1y": jnp.full(2, 0.02), "USD.zero.5y": jnp.full(2, 0.03)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> [round(x, 4) for x in QuotedCurve((1, 5)).discounts(path, jnp.array([1.0, 5.0]))[0].tolist()]
    [0.9802, 0.8607]
    """

    tenors: tuple[float, ...] = eqx.field(static=True, converter=tuple)
    name: str = eqx.field(static=True, default="USD")

    def __check_init__(self):
        rising = len(self.tenors) > 0 and bool((np.diff(self.tenors, prepend=0.0) > 0).all())
        require(rising, f"tenors must be positive years, increasing, were {self.tenors}")

    def discounts(self, path: MarketPath, dates: Float[Array, " tenor"]) -> Float[Array, "points tenor"]:
        yields = jnp.stack([path.quote(f"{self.name}.zero.{tenor:g}y") for tenor in self.tenors], axis=-1)
        years = as_float(self.tenors)
        logs = jax.vmap(lambda row, left: curve.log_discount(years, row, left))(yields, years_to(path, dates))
        return jnp.exp(logs)


class ModelCurve(AbstractCurve):
    """The closed formula of a short-rate model, at the factors that the path quotes.

    ``model`` is a market that has ``log_bond(state, now, left)``: `markets.HullWhite`, `Vasicek`, `CoxIngersollRoss`,
    `BlackKarasinski`, `HullWhiteTwoFactor` with ``state=("x", "y")``, or `NelsonSiegel` with ``("level", "slope",
    "curvature")``. ``state`` names the quotes, ``"<model.name>.<state>"``. The day of the model's curve is time 0 of
    the path. A `Cap`, a `Swaption` and what is used early take their closed forms and lattices from a model of one
    Gaussian factor.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> market = dh.markets.Vasicek(0.03, mean_reversion=0.2, level=0.04, vol=0.0)
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"USD.short": jnp.full(2, 0.04)}, jnp.ones(2))
    >>> [round(x, 4) for x in ModelCurve(market).discounts(path, jnp.array([1.0, 2.0]))[0].tolist()]
    [0.9608, 0.9231]
    """

    model: Any
    state: tuple[str, ...] = eqx.field(static=True, converter=strings, default=("short",))

    def __check_init__(self):
        kind = type(self.model).__name__
        require(hasattr(self.model, "log_bond"), f"model must be a market of a short rate with log_bond, was {kind}")

    def discounts(self, path: MarketPath, dates: Float[Array, " tenor"]) -> Float[Array, "points tenor"]:
        seen = [path.quote(f"{self.model.name}.{name}") for name in self.state]
        state = seen[0] if len(seen) == 1 else jnp.stack(seen, axis=-1)
        return jnp.exp(self.model.log_bond(state[:, None], path.times[:, None], years_to(path, dates)))


def gaussian(curve: AbstractCurve) -> Any:
    """The model of one Gaussian factor behind a curve; raises ``ProblemError`` where there is none."""
    model = getattr(curve, "model", None)
    says = "this price needs a ModelCurve of a Gaussian short rate (Vasicek, HullWhite); give a quoted vol instead"
    require(hasattr(model, "centre"), says, ProblemError)
    return model


def years_to(path: MarketPath, dates: Float[Array, " tenor"]) -> Float[Array, "points tenor"]:
    """Years from each point to each date, 0 for those that have come."""
    return jax.vmap(lambda date: time_left(path, date), out_axes=1)(dates)


def come(path: MarketPath, dates: Float[Array, " tenor"]) -> Bool[Array, "points tenor"]:
    """Which dates have come at each point."""
    return jax.vmap(lambda date: reached(path.times, date), out_axes=1)(dates)


def arriving(path: MarketPath, dates: Float[Array, " tenor"]) -> Bool[Array, "points tenor"]:
    """The one point at which each date comes, or none."""
    return jax.vmap(lambda date: at_expiry(path, date), out_axes=1)(dates)


def remembered(
    path: MarketPath, dates: Float[Array, " tenor"], values: Float[Array, "points tenor"], known: Float[Array, ""]
) -> Float[Array, "points tenor"]:
    """``values`` at each point until each date comes, and those of that point from there on.

    A path that begins after a date has not seen it: what was fixed then is ``known``.
    """
    now = arriving(path, dates)
    kept = jnp.where(now.any(axis=0), jnp.sum(jnp.where(now, values, 0.0), axis=0), known)
    return jnp.where(come(path, dates), kept, values)
