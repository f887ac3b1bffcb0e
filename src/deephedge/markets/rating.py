"""Credit ratings that migrate, of several names that share a factor."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jax.scipy.special import ndtr
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.carry import optional_number
from deephedge.markets.credit import TENORS, check_credit
from deephedge.markets.rates import as_tenors
from deephedge.pricing import hazard, migration


def _names(names: str | tuple[str, ...] | list[str]) -> tuple[str, ...]:
    return (names,) if isinstance(names, str) else tuple(names)


def _row(value: Any) -> Array:
    return jnp.atleast_1d(as_float(value))


def _ratings(value: Any) -> tuple[int, ...]:
    return (value,) if isinstance(value, int) else tuple(int(rating) for rating in value)


class RatingMigration(AbstractMarket):
    r"""Ratings 0 (the best) to :math:`K` (default, for good) as a Markov chain in continuous time, generator :math:`G`.

    ``generator`` has the real-world rates of moving per year off its diagonal; its rows sum to 0, the last is 0.
    ``premium`` multiplies its rows (one number, or one for each rating that lives): :math:`\tilde G_{ij}=\pi_i G_{ij}`
    is the generator of the pricing measure, by which bonds are priced and, unless ``real_world``, ratings move.
    ``rating`` is where each of the ``names`` starts.

    Given the ratings, the next one of a name is exact on any grid: its probabilities are a row of
    :math:`e^{\Delta\tilde G}`, and the latent normal :math:`\sqrt\rho\,M+\sqrt{1-\rho}\,Z_i` of the step picks by its
    distribution function, high values the good ratings. All names share :math:`M`, so ratings move together through a
    Gaussian copula in each step with ``correlation`` :math:`\rho` (0 to 1) of latent normals. The joint law of
    several names hence depends on the grid (joint defaults get rarer as steps get shorter); the law of one does not.

    Quotes, for each name, ``"<name>.rating"``, ``"<name>.alive"`` (1 before default, 0 from then on) and, for each of
    ``tenors`` (years), ``"<name>.survival.<tenor>y"``, the probability to live so much longer (0 in default), which
    credit contracts read, and ``"<name>.spread.<tenor>y"``: what the zero bond of that time yields above the riskless
    one, with ``recovery`` of treasury, above 0 so that a bond in default has a yield. ``rate`` per year is constant.

    Raises ``ParameterError`` for a parameter outside its domain. Source: Jarrow, Lando and Turnbull (1997), for the
    chain and its premia; Gupton, Finger and Bhatia (1997), for the latent normals.

    >>> import deephedge as dh, jax
    >>> made_up = [[-0.1, 0.09, 0.01], [0.05, -0.15, 0.1], [0, 0, 0]]
    >>> market = dh.markets.RatingMigration(("A", "B"), made_up, (0, 1), correlation=0.3, premium=1.5, tenors=(5,))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['A.alive', 'A.rating', 'A.spread.5y', 'A.survival.5y', 'B.alive', 'B.rating', 'B.spread.5y', 'B.survival.5y']
    """

    names: tuple[str, ...] = eqx.field(static=True, converter=_names)
    generator: Float[Array, "quote quote"] = eqx.field(converter=as_float)
    rating: tuple[int, ...] = eqx.field(static=True, converter=_ratings)
    correlation: Float[Array, ""] = number(default=0.0)
    premium: Float[Array, " unit"] = eqx.field(converter=_row, default=1.0)
    recovery: Float[Array, ""] = number(default=0.4)
    rate: Float[Array, ""] | None = optional_number()
    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=TENORS)
    real_world: bool = eqx.field(static=True, default=False)

    def __check_init__(self):
        count = len(self.generator)
        require(count >= 2, f"generator needs at least one rating and default, was {self.generator}")
        apart = lambda g: g - np.diag(np.diagonal(g))  # noqa: E731
        require(concrete(self.generator, lambda g: apart(g) >= 0), "generator must be 0 or more a year off its "
                f"diagonal, was {self.generator}")  # fmt: skip
        level = lambda g: np.abs(g.sum(-1)) <= 1e-5 * (1.0 + np.abs(np.diagonal(g)))  # noqa: E731
        require(concrete(self.generator, level), f"generator must have rows that sum to 0, was {self.generator}")
        last = concrete(self.generator, lambda g: g[-1] == 0)
        require(last, f"generator must have zeros in its last row (default stays), was {self.generator}")
        rho, premium = self.correlation, self.premium
        require(concrete(rho, lambda r: (r >= 0) & (r <= 1)), f"correlation must lie between 0 and 1, was {rho}")
        require(premium.shape[0] in (1, count - 1), f"premium needs one number or {count - 1}, was {premium}")
        fits = concrete(premium, lambda p: np.isfinite(p) & (p > 0))
        require(fits, f"premium must be positive multiples of the rates of moving, was {premium}")
        require(len(self.rating) == len(self.names), f"rating needs one for each of {self.names}, was {self.rating}")
        require(all(0 <= r < count for r in self.rating), f"rating must lie from 0 to {count - 1}, was {self.rating}")
        check_credit(self.recovery, self.tenors)
        require(concrete(self.recovery, lambda r: r > 0), f"recovery must be above 0, was {self.recovery}")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, 1 + len(self.names)

    @property
    def martingale(self) -> bool:
        return not self.real_world

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        own = jnp.sqrt(1.0 - self.correlation) * jnp.eye(len(self.names))
        shared = jnp.full((len(self.names), 1), jnp.sqrt(self.correlation))
        return dict(zip(self.names, jnp.concatenate([shared, own], axis=1), strict=True))

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        default = len(self.generator) - 1
        odds = migration.transition(self.generator if self.real_world else self.priced(), grid.dt)
        worse = jnp.flip(jnp.cumsum(jnp.flip(odds, -1), -1), -1)[..., 1:]  # P(next > j), small ones precise
        latent = jnp.sqrt(self.correlation) * shocks[:, :1] + jnp.sqrt(1.0 - self.correlation) * shocks[:, 1:]

        def step(now: Array, law: tuple[Array, Array]) -> tuple[Array, Array]:
            worse, place = law
            after = jnp.sum(place[:, None] < worse[now], axis=-1)
            after = jnp.where(now == default, default, after)
            return after, after

        start = jnp.asarray(self.rating)
        _, after = lax.scan(step, start, (worse, ndtr(latent)))
        ratings = jnp.concatenate([start[None], after])
        rate = jnp.zeros(()) if self.rate is None else self.rate
        quotes = self._quotes(ratings, shocks.dtype)
        quotes |= {} if self.rate is None else {"rate": rate * jnp.ones_like(grid.times)}
        return MarketPath(grid.times, quotes, jnp.exp(rate * (grid.times - grid.times[0])))

    def priced(self) -> Float[Array, "quote quote"]:
        """The generator of the pricing measure."""
        rows = jnp.broadcast_to(self.premium, len(self.generator) - 1)
        return self.generator * jnp.concatenate([rows, jnp.ones(1)])[:, None]

    def survival(self, rating: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Probability, of the pricing measure, that a name of this rating lives ``left`` years longer."""
        odds = jnp.sum(migration.transition(self.priced(), left)[..., :-1], axis=-1)
        rating = jnp.asarray(rating).astype(int)
        shape = jnp.broadcast_shapes(rating.shape, odds.shape[:-1])
        odds = jnp.broadcast_to(odds, (*shape, odds.shape[-1]))
        return jnp.take_along_axis(odds, jnp.broadcast_to(rating, shape)[..., None], axis=-1)[..., 0]

    def bond(self, rating: ArrayLike, left: ArrayLike) -> Float[Array, "..."]:
        """Cash for a promise of one in ``left`` years, of which ``recovery`` is paid then in default."""
        rate = 0.0 if self.rate is None else self.rate
        return hazard.zero_bond(jnp.exp(-rate * jnp.asarray(left)), self.survival(rating, left), self.recovery)

    def _quotes(self, ratings: Array, dtype: Any) -> dict[str, Float[Array, " points"]]:
        years = jnp.asarray(self.tenors, dtype)
        odds = jnp.sum(migration.transition(self.priced(), years)[..., :-1], axis=-1)
        spreads = jax.vmap(lambda row, year: hazard.zero_spread(row, year, self.recovery))(odds, years)
        quotes = {}
        for n, name in enumerate(self.names):
            place = ratings[:, n]
            quotes[f"{name}.rating"] = place.astype(dtype)
            quotes[f"{name}.alive"] = (place < len(self.generator) - 1).astype(dtype)
            for k, tenor in enumerate(self.tenors):
                quotes[f"{name}.spread.{tenor:g}y"] = spreads[k][place]
                quotes[f"{name}.survival.{tenor:g}y"] = odds[k][place]
        return quotes
