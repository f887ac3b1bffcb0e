"""Rights that their holder uses once, when a rule says so, and the rules."""

from abc import abstractmethod
from collections.abc import Iterable
from typing import Protocol, TypeVar, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, reached, slack, time_left
from deephedge.pricing import american, american_formulas

FORMULAS = ("collocation", "bjerksund_stensland")
NEVER = 1e12  # cash that no right is worth: a date at which a regression had nothing to learn from
FAR = 4.0  # deviations beyond which a polynomial is held at its value there


def strings(names: str | Iterable[str]) -> tuple[str, ...]:
    """One name or several, as a tuple."""
    return (names,) if isinstance(names, str) else tuple(names)


@runtime_checkable
class Struck(Protocol):
    """What a regression reads of a right."""

    underlier: str
    strike: Array


class AbstractExercise(eqx.Module):
    """Says at each point whether the holder of a right that is still alive would use it; knows the path so far."""

    @abstractmethod
    def wants(self, right: "AbstractRight", path: MarketPath) -> Bool[Array, " points"]:
        """Whether to use ``right`` at each point of one path."""


class AbstractRight(AbstractTradable):
    """A right used at most once: it pays ``payoff`` at the first allowed point at which its ``rule`` wants that.

    At ``expiry`` it is used if that pays, whatever the rule. Once used it is worth 0 and cannot be dealt in. A path is
    taken to begin with the right alive. The state ``"alive"`` is 1 until the point at which it is used, where it is 0.
    """

    underlier: eqx.AbstractVar[str]
    strike: eqx.AbstractVar[Float[Array, ""]]
    expiry: eqx.AbstractVar[Float[Array, ""]]
    call: eqx.AbstractVar[bool]
    vol: eqx.AbstractVar[str | None]
    rule: eqx.AbstractVar[AbstractExercise]

    @abstractmethod
    def allowed(self, path: MarketPath) -> Bool[Array, " points"]:
        """At which points it may be used."""

    @abstractmethod
    def value(self, path: MarketPath) -> Float[Array, " points"]:
        """Price at each point of the right still alive."""

    def payoff(self, path: MarketPath) -> Float[Array, " points"]:
        """Cash for using it at each point, below 0 where that would cost."""
        above = path.quote(self.underlier) - self.strike
        return above if self.call else -above

    def exercised(self, path: MarketPath) -> Bool[Array, " points"]:
        """The one point at which it is used, or none."""
        wanted = self.rule.wants(self, path) | at_expiry(path, self.expiry)
        use = self.allowed(path) & wanted & (self.payoff(path) > 0)
        return use & (accumulated(use.astype(path.times.dtype))[:-1] == 0)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(self.exercised(path), self.payoff(path), 0.0)

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until it is used or expires."""
        used = accumulated(self.exercised(path).astype(path.times.dtype))[1:]
        return (used == 0) & ~reached(path.times, self.expiry)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(self.tradable(path), self.value(path), 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"alive": self.tradable(path).astype(path.times.dtype)}


class Never(AbstractExercise):
    """Waits for the expiry.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 0.5, 0.75])}, jnp.ones(3))
    >>> dh.instruments.American("A", 1.0, 1.0, call=False, rule=Never()).cashflows(path).tolist()
    [0.0, 0.0, 0.25]
    """

    def wants(self, right: AbstractRight, path: MarketPath) -> Bool[Array, " points"]:
        return jnp.zeros(path.times.shape, bool)


class Boundary(AbstractExercise):
    """Uses an American right where the spot has reached the critical price of the day, by a formula.

    The critical price follows from the quotes of volatility, rate and dividend at the point and the time left.
    ``formula`` is ``"collocation"`` (`pricing.american.boundary`, exact) or ``"bjerksund_stensland"`` (cheap).

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([1.0, 0.75, 0.75]), "A.vol": jnp.full(3, 0.2), "rate": jnp.full(3, 0.06)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> dh.instruments.American("A", 1.0, 1.0, call=False).cashflows(path).tolist()
    [0.0, 0.25, 0.0]
    """

    formula: str = eqx.field(static=True, default="collocation")

    def __check_init__(self):
        require(self.formula in FORMULAS, f"formula must be one of {FORMULAS}, was {self.formula!r}")

    def wants(self, right: AbstractRight, path: MarketPath) -> Bool[Array, " points"]:
        left, vol, rate, dividend = quoted_terms(right, path)
        if self.formula == "collocation":
            level = american.boundary(vol, left, rate, dividend, right.call)
        else:
            level = american_formulas.flat_boundary(vol, left, *((rate, dividend) if right.call else (dividend, rate)))
            level = level if right.call else 1.0 / level
        ratio = path.quote(right.underlier) / jnp.where(right.strike > 0, right.strike, 1.0)
        return ratio >= level if right.call else ratio <= level


class CriticalPrices(AbstractExercise):
    """Uses a right where the spot has reached a critical price that is given by the time left.

    ``left`` increasing years to expiry and ``prices`` (cash) in between straight, flat beyond: from a lattice of your
    own, or from `pricing.american.boundary` times the strike.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 0.75, 0.75])}, jnp.ones(3))
    >>> rule = CriticalPrices((0.0, 1.0), (1.0, 0.8))
    >>> dh.instruments.American("A", 1.0, 1.0, call=False, rule=rule).cashflows(path).tolist()
    [0.0, 0.25, 0.0]
    """

    left: Float[Array, " tenor"] = eqx.field(converter=as_float)
    prices: Float[Array, " tenor"] = eqx.field(converter=as_float)

    def __check_init__(self):
        require(self.left.shape == self.prices.shape, "left and prices need as many numbers as each other")
        rising = concrete(self.left, lambda x: np.all(np.diff(x) > 0) & np.all(x >= 0))
        require(rising, f"left must be increasing years of 0 or more, was {self.left}")

    def wants(self, right: AbstractRight, path: MarketPath) -> Bool[Array, " points"]:
        level = jnp.interp(time_left(path, right.expiry), self.left, self.prices)
        spot = path.quote(right.underlier)
        return spot >= level if right.call else spot <= level


class Regression(AbstractExercise):
    r"""Uses a right where it pays more than a regression expects of waiting (Longstaff and Schwartz 2001).

    On each of ``dates`` (years, the last one that has come counts) waiting is worth, in cash, a polynomial of
    ``degree`` in :math:`y`, the spot over the strike less one and over ``width``, and for each of ``quotes`` with the
    standardised quote :math:`z` the terms :math:`z, z^2, yz`. Made by `fit_exercise`.
    """

    dates: Float[Array, " tenor"] = eqx.field(converter=as_float)
    coefficients: Float[Array, "*unit tenor factor"] = eqx.field(converter=as_float)
    width: Float[Array, ""] = eqx.field(converter=as_float)
    centres: Float[Array, " quote"] = eqx.field(converter=as_float, default=())
    spreads: Float[Array, " quote"] = eqx.field(converter=as_float, default=())
    degree: int = eqx.field(static=True, default=3)
    quotes: tuple[str, ...] = eqx.field(static=True, converter=strings, default=())

    def __check_init__(self):
        require(self.degree >= 0, f"degree must be 0 or more, was {self.degree}")
        terms = self.degree + 1 + 3 * len(self.quotes)
        fits = self.coefficients.shape[-2:] == (self.dates.shape[-1], terms)
        require(fits, f"coefficients must be {terms} for each of {self.dates.shape[-1]} dates: use fit_exercise")

    def terms(self, right: Struck, path: MarketPath) -> Float[Array, "points factor"]:
        """What the coefficients multiply."""
        y = jnp.clip((path.quote(right.underlier) / right.strike - 1.0) / self.width, -FAR, FAR)
        columns = [y**n for n in range(self.degree + 1)]
        for n, name in enumerate(self.quotes):
            z = jnp.clip((path.quote(name) - self.centres[n]) / self.spreads[n], -FAR, FAR)
            columns += [z, z * z, y * z]
        return jnp.stack(columns, axis=-1)

    def waiting(self, right: Struck, path: MarketPath) -> Float[Array, "*unit points"]:
        """Cash that waiting is expected to make at each point; endless before the first date."""
        place = jnp.searchsorted(self.dates, path.times + slack(path.times), side="right") - 1
        worth = jnp.sum(self.coefficients[..., jnp.maximum(place, 0), :] * self.terms(right, path), axis=-1)
        return jnp.where(place >= 0, worth, jnp.inf)

    def wants(self, right: AbstractRight, path: MarketPath) -> Bool[Array, " points"]:
        return right.payoff(path) > self.waiting(right, path)


Right = TypeVar("Right", bound=AbstractRight)


def fit_exercise(right: Right, paths: MarketPath, degree: int = 3, quotes: str | Iterable[str] = ()) -> Right:
    """The same right with a `Regression` fitted to a batch of paths on one grid.

    Backwards over the points at which it may be used, cash that the rule makes later, in the numeraire, is regressed on
    the terms where using it would pay. Paths that do not all count the same (``weight``) count so here too. Judge the
    rule on other paths: on its own it looks better than it is.

    Source: Longstaff and Schwartz (2001).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackScholes("A", vol=0.2, rate=0.06)
    >>> paths = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 64, key=jax.random.key(0))
    >>> fit_exercise(dh.instruments.American("A", 1.1, 1.0, call=False), paths, degree=2).rule.coefficients.shape
    (5, 3)
    """
    rule = blank(right, paths, paths.times[0], degree, quotes)

    def looked(path: MarketPath) -> tuple[Array, ...]:
        return rule.terms(right, path), right.payoff(path), right.allowed(path), path.numeraire

    terms, payoff, allowed, unit = (np.asarray(x) for x in eqx.filter_jit(jax.vmap(looked))(paths))
    weight = np.ones(len(payoff)) if paths.weight is None else np.asarray(paths.weight, float)
    fitted = _backwards(terms.astype(float), payoff.astype(float), allowed[0], unit.astype(float), np.sqrt(weight))
    return eqx.tree_at(lambda r: r.rule, right, eqx.tree_at(lambda r: r.coefficients, rule, as_float(fitted)))


def blank(
    right: Struck, paths: MarketPath, dates: Float[Array, " tenor"], degree: int, quotes: str | Iterable[str]
) -> Regression:
    """A regression on ``dates`` that knows the spread of its terms on a batch of paths, and no coefficients yet."""
    names = strings(quotes)
    seen = [paths.quote(name) for name in names]
    spread = [jnp.maximum(jnp.std(quote), 1e-12) for quote in seen]
    width = jnp.maximum(jnp.std(paths.quote(right.underlier) / right.strike), 1e-12)
    zeros = jnp.zeros((len(dates), degree + 1 + 3 * len(names)))
    return Regression(dates, zeros, width, [jnp.mean(q) for q in seen], spread, degree, names)


def _backwards(
    terms: np.ndarray, payoff: np.ndarray, allowed: np.ndarray, unit: np.ndarray, root: np.ndarray
) -> np.ndarray:
    """Coefficients at each point (point, term); the arrays have the path first; ``root`` of what each path counts."""
    coefficients = np.zeros(terms.shape[1:])
    coefficients[:, 0] = NEVER
    later, last = np.zeros(len(payoff)), np.flatnonzero(allowed)[-1]
    for point in np.flatnonzero(allowed)[::-1]:
        inside = payoff[:, point] > 0
        use = inside & (point == last)
        if point != last and inside.sum() > terms.shape[-1]:
            target, scale = later[inside] * unit[inside, point], root[inside]
            coefficients[point] = np.linalg.lstsq(terms[inside, point] * scale[:, None], target * scale, rcond=1e-10)[0]
            use = inside & (payoff[:, point] > terms[:, point] @ coefficients[point])
        later = np.where(use, payoff[:, point] / unit[:, point], later)
    return coefficients


def worst_case(right: AbstractRight, path: MarketPath) -> Float[Array, ""]:
    """What a holder with perfect foresight would make of the right on one path, in units of the numeraire.

    No rule can do more, so it bounds the writer's loss. It reads the whole path: for stress tests of a path that has
    ended, not a contract to hedge or to trade.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"A": jnp.array([1.0, 0.5, 0.75])}, jnp.ones(3))
    >>> float(worst_case(dh.instruments.American("A", 1.0, 1.0, call=False), path))
    0.5
    """
    return jnp.max(jnp.where(right.allowed(path), jnp.maximum(right.payoff(path), 0.0) / path.numeraire, 0.0))


def quoted_terms(right: AbstractRight, path: MarketPath) -> tuple[Float[Array, " points"], ...]:
    """Years left, and the quotes of volatility, rate and dividend yield, at each point."""
    left = time_left(path, right.expiry)
    vol = path.quote(right.vol or f"{right.underlier}.vol")
    return left, vol, carry(path, "rate"), carry(path, f"{right.underlier}.dividend")
