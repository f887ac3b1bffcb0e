"""Filtered historical simulation: the joint law of a spot and its implied volatility, made of data."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.errors import DataError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import carried_path, optional_number
from deephedge.markets.garch_fit import AVERAGING, WORST, fit_filtered
from deephedge.markets.history import TRADING_DAY, TRADING_YEAR, Numbers, pick, require_step
from deephedge.markets.residuals import MOST, by_first_column, cumulant


class Gjr(eqx.Module):
    r"""A day's variance after the surprise :math:`\epsilon` of the day before (Glosten, Jagannathan, Runkle 1993):

    .. math:: h' = \omega + (\alpha + \gamma 1_{\epsilon<0})\,\epsilon^2 + \beta h.
    """

    omega: Float[Array, ""] = number()
    alpha: Float[Array, ""] = number()
    gamma: Float[Array, ""] = number()
    beta: Float[Array, ""] = number()

    def __check_init__(self):
        must(self, "be 0 or more", "omega", "alpha", "beta")

    def __call__(self, variance: Float[Array, ""], surprise: Float[Array, ""]) -> Float[Array, ""]:
        return self.omega + (self.alpha + self.gamma * (surprise < 0)) * surprise**2 + self.beta * variance


class VolLink(eqx.Module):
    r"""Log implied volatility, tied to the model's own and to its average over about a month:

    .. math:: l' = a + b\,l + c\,m + d\,\tfrac12\log(252\,h') + g\,x + e, \qquad m' = m + (l' - m)/22,

    where :math:`x = \sqrt{252}\,\epsilon\,e^{-l}` is the day's return over the deviation that was implied for it. With
    the average it reverts fast from a spike and slowly from a regime, as history does; without, changes over a month
    come out a third too large.
    """

    level: Float[Array, ""] = number()
    memory: Float[Array, ""] = number()
    trend: Float[Array, ""] = number()
    pull: Float[Array, ""] = number()
    leverage: Float[Array, ""] = number()

    def __call__(
        self, before: tuple[Array, Array], variance: Array, move: Array, surprise: Array
    ) -> tuple[Array, Array]:
        """(log implied volatility, its average) after a day that began with ``before``."""
        log_implied, average = before
        x = jnp.clip(move * jnp.sqrt(TRADING_YEAR) * jnp.exp(-log_implied), -WORST, WORST)
        own = 0.5 * jnp.log(TRADING_YEAR * variance)
        held = self.level + self.memory * log_implied + self.trend * average
        after = held + self.pull * own + self.leverage * x + surprise
        return after, average + AVERAGING * (after - average)


class FilteredHistorical(AbstractMarket):
    r"""Filtered historical simulation of a spot and its implied volatility, in steps of one trading day (1/252 year).

    .. math:: \log(S'/S) = \mu\,dt + \sqrt h\,z - K(\sqrt h), \qquad K(s) = \log\frac1n\sum_i e^{s z_i}, \qquad
              h' = \mathrm{GJR}(h, \sqrt h\,z), \qquad l' = \mathrm{link}(l, h', z) + e.

    Each day draws one pair :math:`(z, e)` from the ``residuals`` of history, a day's standardised return together with
    its surprise in log implied volatility (both are centred): fat tails, skewness and their dependence come from data,
    clustering from the variance, the leverage effect from both. ``K`` is the residuals' own cumulant, so without
    ``drift`` the discounted spot is a martingale given all of the past; no drift is divided out by a sample mean. Each
    path starts in one of ``states``, rows of (variance a day, log implied volatility, its average over about a month).
    ``drift``, ``rate`` and ``dividend`` are continuous, per year.

    Quotes ``"<name>"`` (starts at ``spot``), ``"<name>.vol"`` (implied, per root year) and, where given, ``"rate"`` and
    ``"<name>.dividend"``. Raises ``GridError`` for steps other than a trading day.

    Source: Barone-Adesi, Giannopoulos and Vosper (1999); Glosten, Jagannathan and Runkle (1993).

    >>> import deephedge as dh, jax, numpy as np
    >>> z = np.random.default_rng(0).standard_t(6, (500, 1)) * [[1, -0.02]]
    >>> market = dh.markets.FilteredHistorical(
    ...     "SPX", dh.markets.Gjr(2e-6, 0.02, 0.1, 0.9), dh.markets.VolLink(-0.04, 0.9, 0.06, 0.02, -0.05),
    ...     residuals=z, states=[[1e-4, -1.8, -1.8]]
    ... )
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=21 / 252, steps=21), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.vol']
    """

    name: str = eqx.field(static=True)
    garch: Gjr
    link: VolLink
    residuals: Float[Array, "_ 2"] = eqx.field(converter=by_first_column)
    states: Float[Array, "_ 3"] = eqx.field(converter=by_first_column)
    spot: Float[Array, ""] = number(default=1.0)
    rate: Float[Array, ""] | None = optional_number()
    dividend: Float[Array, ""] | None = optional_number()
    drift: Float[Array, ""] | None = optional_number()

    def __check_init__(self):
        for field, columns in (("residuals", 2), ("states", 3)):
            rows = getattr(self, field)
            require(
                rows.ndim == 2 and rows.shape[1] == columns and rows.shape[0] > 0 and concrete(rows, np.isfinite),
                f"{field} must be finite rows of {columns} numbers, had shape {rows.shape}",
                DataError,
            )
        require(concrete(self.states[:, 0], lambda h: h > 0), "states must start with a positive variance a day")
        require(concrete(self.spot, lambda s: s > 0), f"spot must be positive cash, was {self.spot}")
        memory = self.link.memory + self.link.trend
        require(concrete(memory, lambda b: np.abs(b) < 1), f"link.memory + link.trend must be below 1, was {memory}")

    @classmethod
    def fit(
        cls,
        returns: Numbers,
        implied_vol: Numbers | None = None,
        *,
        link: slice | tuple[Numbers, Numbers] | None = None,
        name: str = "SPX",
        drift: str | float = "martingale",
        distribution: str = "normal",
    ) -> "FilteredHistorical":
        """Fit to daily log ``returns`` and the ``implied_vol`` (a fraction, 0.2) at the close of the same days.

        Where implied volatility exists for part of the days only, ``link`` is the slice of them; where it begins after
        the returns end, ``link`` holds the (returns, vol) of the days that follow and ``implied_vol`` is left out. Days
        without one then get a surprise of implied volatility from a day with a similar return. ``drift``:
        ``"martingale"``, ``"historical"`` (the growth of the returns), or a number per year. ``distribution`` of the
        quasi-likelihood: ``"normal"`` or ``"t"``. The variance is targeted: in the long run it is that of the returns.

        Raises ``DataError`` for gaps, unequal lengths, volatility in points, or returns that no stationary model fits.
        """
        garch, coefficients, residuals, states, growth = fit_filtered(returns, implied_vol, link, distribution)
        require(
            isinstance(drift, (int, float)) or drift in ("martingale", "historical"),
            f"drift must be 'martingale', 'historical' or a number per year, was {drift!r}",
        )
        kept = {"martingale": None, "historical": growth}.get(drift) if isinstance(drift, str) else drift
        kept = None if kept is None else as_float(kept)
        return cls(
            name,
            Gjr(*as_float(garch)),
            VolLink(*as_float(coefficients)),
            as_float(residuals),
            as_float(states),
            drift=kept,
        )

    def starting(self, vol: Numbers, implied_vol: Numbers, average: Numbers | None = None) -> "FilteredHistorical":
        """The same law from a known state, per root year: the model's own volatility, and implied volatility.

        ``average`` is implied volatility over the last month; today's unless given.
        """
        implied = jnp.log(as_float(implied_vol))
        average = implied if average is None else jnp.log(as_float(average))
        state = jnp.stack([as_float(vol) ** 2 / TRADING_YEAR, implied, average])
        return eqx.tree_at(lambda market: market.states, self, state[None])

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        require_step(grid, TRADING_DAY)
        return grid.steps, 2  # the second factor's first normal picks the starting state

    @property
    def martingale(self) -> bool:
        return self.drift is None

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """The normal that picks the day: a larger one is a larger return, so a correlation is one of ranks."""
        return {self.name: jnp.eye(2, dtype=self.residuals.dtype)[0]}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        require_step(grid, TRADING_DAY)
        centred = self.residuals - jnp.mean(self.residuals, axis=0)
        drawn = centred[pick(shocks[:, 0], centred.shape[0])]
        start = self.states[pick(shocks[0, 1], self.states.shape[0])]

        def day(state: tuple, pair: Array) -> tuple[tuple, tuple[Array, Array]]:
            variance, implied = state
            sigma = jnp.sqrt(variance)
            move = sigma * pair[0]
            variance = jnp.minimum(self.garch(variance, move), MOST**2)
            implied = self.link(implied, variance, move, pair[1])
            return (variance, implied), (sigma, implied[0])

        first = (jnp.minimum(start[0], MOST**2), (start[1], start[2]))
        _, (sigma, log_implied) = lax.scan(day, first, drawn)
        moves = sigma * drawn[:, 0] - cumulant(centred[:, 0], sigma)
        implied = jnp.exp(jnp.concatenate([start[1:2], log_implied]))
        return carried_path(self, grid, moves, {f"{self.name}.vol": implied})
