"""Swing options: the right to take some of many dates, and the rules that say which."""

from abc import abstractmethod
from collections.abc import Iterable, Sequence
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.typing import ArrayLike
from jaxtyping import Array, Bool, Float, Int

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.instruments.base import AbstractContract, at_expiry, reached
from deephedge.instruments.equity import check_terms
from deephedge.instruments.exercise import NEVER, Regression, blank


class AbstractSwingRule(eqx.Module):
    """Says at each point, and for each number of rights that may be left, whether the holder would use one."""

    @abstractmethod
    def wants(self, swing: "Swing", path: MarketPath) -> Bool[Array, "points unit"]:
        """Whether to use a right at each point of one path with 1, 2, ... ``swing.maximum`` of them left."""


class WhenItPays(AbstractSwingRule):
    """Uses a right wherever that pays: the best rule if there are as many rights as dates, otherwise a hasty one."""

    def wants(self, swing: "Swing", path: MarketPath) -> Bool[Array, "points unit"]:
        return jnp.broadcast_to(swing.payoff(path)[:, None] > 0, (len(path.times), swing.maximum))


class SwingThresholds(AbstractSwingRule):
    """Uses a right where the spot has reached a price (cash) given by the date and the rights left.

    ``prices`` has a row for each date of the contract and a column for each number of rights left, from 1: from a
    lattice of your own, say.
    """

    prices: Float[Array, "tenor unit"] = eqx.field(converter=as_float)

    def wants(self, swing: "Swing", path: MarketPath) -> Bool[Array, "points unit"]:
        shape = (swing.dates.shape[-1], swing.maximum)
        require(self.prices.shape == shape, f"prices must be {shape} (date, rights left), was {self.prices.shape}")
        level, spot = (
            self.prices[jnp.maximum(shape[0] - 1 - swing.ahead(path), 0)],
            path.quote(swing.underlier)[:, None],
        )
        return spot >= level if swing.call else spot <= level


class SwingRegression(AbstractSwingRule):
    """Uses a right where it pays more than the value it takes from the rights left, by regression: see `fit_swing`.

    ``waiting`` has coefficients for 0, 1, 2, ... rights left.
    """

    waiting: Regression

    def wants(self, swing: "Swing", path: MarketPath) -> Bool[Array, "points unit"]:
        worth = self.waiting.waiting(swing, path)
        return (swing.payoff(path) + worth[:-1] > worth[1:]).T


class Swing(AbstractContract):
    r"""Up to ``maximum`` rights, one a date, to buy (sell, ``call=False``) one unit at ``strike`` on some of ``dates``.

    Used at a date it pays :math:`S-K` in cash, which may be below 0 where the ``minimum`` has to be met: a right is
    used, whatever the ``rule``, if those owed are as many as the dates that are left, and if it pays and there are
    rights for all dates left. The rule decides in all other cases, with the path so far and the rights left in view.
    Dates in years, increasing; each counts at the first point at or after it, so the grid should hold them. A path is
    taken to begin with all rights unused. The state ``"rights"`` is how many are left after each point.

    It has no price of its own: hold it as a liability. The default rule uses rights as soon as that pays, `fit_swing`
    finds a good one. Raises ``ParameterError`` for dates that do not increase and rights that do not fit them.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0, 3.0]), {"A": jnp.array([1.0, 2.0, 0.5, 4.0])}, jnp.ones(4))
    >>> Swing("A", strike=1.0, dates=(1.0, 2.0, 3.0), maximum=1).cashflows(path).tolist()
    [0.0, 1.0, 0.0, 0.0]
    >>> Swing("A", strike=1.0, dates=(1.0, 2.0, 3.0), maximum=3, minimum=3).cashflows(path).tolist()
    [0.0, 1.0, -0.5, 3.0]
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""]
    dates: Float[Array, " tenor"]
    expiry: Float[Array, ""]
    maximum: int = eqx.field(static=True)
    minimum: int = eqx.field(static=True)
    call: bool = eqx.field(static=True)
    rule: AbstractSwingRule

    def __init__(
        self,
        underlier: str,
        strike: ArrayLike,
        dates: ArrayLike | Sequence[Any],
        maximum: int,
        minimum: int = 0,
        call: bool = True,
        rule: AbstractSwingRule | None = None,
    ):
        self.underlier, self.strike, self.dates = underlier, as_float(strike), as_float(dates)
        require(self.dates.ndim == 1 and self.dates.size > 0, f"dates must be a row of years, was {dates}")
        self.expiry, self.maximum, self.minimum, self.call = self.dates[-1], maximum, minimum, call
        self.rule = WhenItPays() if rule is None else rule

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        rising = concrete(self.dates, lambda t: np.diff(t, prepend=0.0) > 0)
        require(rising, f"dates must be increasing years above 0, were {self.dates}")
        fits = 0 <= self.minimum <= self.maximum <= self.dates.size and self.maximum > 0
        require(fits, f"rights must be 0 <= minimum <= maximum <= {self.dates.size} dates and maximum above 0, "
                f"were {self.minimum} and {self.maximum}")  # fmt: skip

    def payoff(self, path: MarketPath) -> Float[Array, " points"]:
        """Cash for using a right at each point, below 0 where that would cost."""
        above = path.quote(self.underlier) - self.strike
        return above if self.call else -above

    def allowed(self, path: MarketPath) -> Bool[Array, " points"]:
        """At which points a right may be used."""
        return jnp.any(jax.vmap(lambda date: at_expiry(path, date))(self.dates), axis=0)

    def ahead(self, path: MarketPath) -> Int[Array, " points"]:
        """How many dates come after each point."""
        return jnp.sum(~jax.vmap(lambda date: reached(path.times, date))(self.dates), axis=0)

    def uses(self, wants: Any, payoff: Any, left: Any, ahead: Any) -> Any:
        """Whether a right is used at a date, with ``left`` of them and ``ahead`` dates after it; arrays of any kind."""
        owed = self.minimum - self.maximum + left
        free = (left > ahead) & (payoff > 0)
        return (left > 0) & ((owed > ahead) | free | (wants & ((payoff > 0) | (owed > 0))))

    def followed(self, path: MarketPath) -> tuple[Bool[Array, " points"], Int[Array, " points"]]:
        """Where a right is used, and how many are left after each point."""

        def step(left: Array, now: tuple[Array, ...]) -> tuple[Array, tuple[Array, Array]]:
            allowed, wants, payoff, ahead = now
            used = allowed & self.uses(wants[jnp.maximum(left - 1, 0)], payoff, left, ahead)
            left = left - used
            return left, (used, left)

        seen = self.allowed(path), self.rule.wants(self, path), self.payoff(path), self.ahead(path)
        return lax.scan(step, jnp.asarray(self.maximum), seen)[1]

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(self.followed(path)[0], self.payoff(path), 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"rights": self.followed(path)[1].astype(path.times.dtype)}


def fit_swing(swing: Swing, paths: MarketPath, degree: int = 3, quotes: str | Iterable[str] = ()) -> Swing:
    """The same contract with a `SwingRegression` fitted to a batch of paths on one grid.

    Backwards over the dates, the cash that the rule makes later with each number of rights, in the numeraire, is
    regressed on the terms of a `Regression`: where using one pays or, with a ``minimum``, everywhere. Paths count by
    their ``weight``. Judge the rule on other paths: on its own it looks better than it is.

    Source: Longstaff and Schwartz (2001) for the regression; Meinshausen and Hambly (2004) for several rights.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.BlackScholes("A", vol=0.2)
    >>> paths = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 64, key=jax.random.key(0))
    >>> swing = Swing("A", strike=1.0, dates=(0.5, 0.75, 1.0), maximum=2)
    >>> fit_swing(swing, paths, degree=2).rule.waiting.coefficients.shape
    (3, 3, 3)
    """
    allowed = np.asarray(swing.allowed(jax.tree.map(lambda x: x[0], paths)))
    dates = paths.times[0][allowed]
    rule = blank(swing, paths, dates, degree, quotes)

    def looked(path: MarketPath) -> tuple[Array, ...]:
        return rule.terms(swing, path)[allowed], swing.payoff(path)[allowed], path.numeraire[allowed]

    terms, payoff, unit = (np.asarray(x, float) for x in eqx.filter_jit(jax.vmap(looked))(paths))
    weight = np.ones(len(payoff)) if paths.weight is None else np.asarray(paths.weight, float)
    fitted = _backwards(swing, terms, payoff, unit, np.sqrt(weight))
    rule = Regression(dates, fitted, rule.width, rule.centres, rule.spreads, degree, rule.quotes)
    return eqx.tree_at(lambda s: s.rule, swing, SwingRegression(rule))


def _backwards(swing: Swing, terms: np.ndarray, payoff: np.ndarray, unit: np.ndarray, root: np.ndarray) -> np.ndarray:
    """Coefficients (rights left, date, term); the arrays have the path first; ``root`` of what each path counts."""
    paths, dates, count = terms.shape
    left = np.arange(swing.maximum + 1)
    coefficients, later = np.zeros((len(left), dates, count)), np.zeros((paths, len(left)))
    for date in reversed(range(dates)):
        cash, ahead = payoff[:, date, None], dates - 1 - date
        inside = (payoff[:, date] > 0) | (swing.minimum > 0)
        if ahead and inside.sum() > count:
            scale, target = root[inside, None], later[inside] * unit[inside, date, None]
            coefficients[:, date] = np.linalg.lstsq(terms[inside, date] * scale, target * scale, rcond=1e-10)[0].T
        elif ahead:
            coefficients[:, date, 0] = left * NEVER
        waiting = terms[:, date] @ coefficients[:, date].T
        wants = cash + waiting[:, :-1] > waiting[:, 1:]
        use = swing.uses(wants, cash, left[1:], ahead)
        later[:, 1:] = np.where(use, cash / unit[:, date, None] + later[:, :-1], later[:, 1:])
    return coefficients


def worst_swing(swing: Swing, path: MarketPath) -> Float[Array, ""]:
    """What a holder with perfect foresight would make of a swing on one path, in units of the numeraire.

    No rule can do more, so it bounds the writer's loss. It reads the whole path: for stress tests of a path that has
    ended, not a contract to hedge or to trade.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0, 2.0, 3.0]), {"A": jnp.array([1.0, 2.0, 0.5, 4.0])}, jnp.ones(4))
    >>> float(worst_swing(Swing("A", strike=1.0, dates=(1.0, 2.0, 3.0), maximum=1), path))
    3.0
    """
    paid = jnp.where(swing.allowed(path), swing.payoff(path) / path.numeraire, -jnp.inf)
    best = jnp.sort(paid, descending=True)[: swing.maximum]
    forced = (jnp.arange(len(best)) < swing.minimum) & jnp.isfinite(best)
    return jnp.sum(jnp.where(forced, best, jnp.maximum(best, 0.0)))
