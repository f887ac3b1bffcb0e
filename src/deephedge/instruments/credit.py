"""Specimen of what depends on a name's life: a bond that may default, and the swap that insures against it."""

from abc import abstractmethod
from typing import Any, ClassVar, NamedTuple, Protocol, runtime_checkable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, discount, reached, time_left
from deephedge.instruments.periods import Periods, periodic
from deephedge.pricing import hazard

_LEAST = 1e-30  # of a probability, so that it has a logarithm
_SHORTEST = 1e-6  # years of premium that a spread is divided by


@runtime_checkable
class SurvivalLaw(Protocol):
    """What knows how likely a name lives on: `markets.CirIntensity`, `markets.LognormalHazard`, or your own."""

    def survival(self, intensity: Any, now: Any, left: Any) -> Array:
        """Probability that a name of this intensity (per year) at time ``now`` lives ``left`` years longer."""
        ...


class AbstractCredit(AbstractTradable):
    """A tradable on the life of names, priced from their survival curves of the day."""

    pointwise: ClassVar[bool] = True

    @property
    @abstractmethod
    def names(self) -> tuple[str, ...]:
        """The names it is written on."""

    @abstractmethod
    def moved(self, path: MarketPath, spread: Float[Array, ""]) -> Float[Array, " points"]:
        """Price at each point if all credit spreads were higher by ``spread`` per year, the hazards by spread/(1-R)."""

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self.moved(path, as_float(0.0))

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until its ``expiry``, while one of its names lives and none halts it."""
        return AbstractTradable.tradable(self, path) & jnp.any(lives(path, self.names).alive > 0, axis=0)

    def cs01(self, path: MarketPath) -> Float[Array, " points"]:
        """Derivative of the price to a parallel move of the spreads, in cash per unit of spread: 1e-4 is a basis point.

        The move is the credit triangle's, spread = hazard (1-R) at all times; by automatic differentiation.
        """
        return jax.jvp(lambda spread: self.moved(path, spread), (as_float(0.0),), (as_float(1.0),))[1]


class RiskyBond(AbstractCredit):
    r"""A bond of face 1 with ``coupon`` (per year) that leaves ``recovery`` of its face at default, paid there.

    .. math:: c\sum_k\alpha_kD(t_k)Q(t_k) + D(T)Q(T) + R\int_0^TD\,Q\,h\,dt.

    ``periods`` are the years to maturity (coupons twice a year) or `Periods`; ``coupon`` 0 makes a zero bond. A
    coupon that accrues is lost at default. Curves, the time of default and what a desk must know are those of a `Cds`.
    State: ``"defaulted"`` (1 from default on) and ``"accrued"`` (cash since the last coupon).

    Source: Duffie and Singleton (1999), for recovery of face.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"ACME.alive": jnp.array([1.0, 1.0, 0.0]), "ACME.intensity": jnp.full(3, 0.02)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes, jnp.ones(3))
    >>> [round(x, 4) for x in RiskyBond("ACME", 0.06, 1.0).cashflows(path).tolist()]
    [0.0, 0.03, 0.4]
    """

    underlier: str = eqx.field(static=True)
    coupon: Float[Array, ""] = number()
    periods: Periods = periodic(2)
    recovery: Float[Array, ""] = number(default=0.4)
    law: SurvivalLaw | None = None

    def __check_init__(self):
        check_rates("coupon", self.coupon, self.recovery)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.underlier,)

    @property
    def expiry(self) -> Float[Array, "..."]:
        return self.periods.expiry

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        life, periods = lives(path, self.names), self.periods
        alive, hit, over = life.alive[0], life.hit[0], reached(life.when, self.expiry)
        coupons = alive * periods.due(path) + hit * (periods.paid(life.when) - periods.paid(life.before))
        principal = jnp.where(at_expiry(path, self.expiry), alive + hit * over, 0.0)
        return self.coupon * coupons + principal + self.recovery * hit * ~over

    def moved(self, path: MarketPath, spread: Float[Array, ""]) -> Float[Array, " points"]:
        left, logs = survivals(path, self.names, (self.law,), self.periods, spread / (1.0 - self.recovery))
        elapsed, rate = self.periods.elapsed(path.times), carry(path, "rate")
        loss, due, _ = hazard.seasoned_legs(left, logs[0], rate, elapsed, self.periods.accruals)
        last = jnp.where(left[:, -1] > 0, jnp.exp(logs[0, :, -1]) * discount(path, left[:, -1]), 0.0)
        return path.quote(f"{self.underlier}.alive") * (self.coupon * due + last + self.recovery * loss)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return told(path, self.names, self.periods, self.coupon, jnp.ones(1))


class Cds(AbstractCredit):
    r"""Protection on a name, bought: ``1 - recovery`` at default for ``spread`` (per year) until then.

    .. math:: (1-R)\int_0^TD\,Q\,h\,dt - s\Big[\sum_k\alpha_kD(t_k)Q(t_k)
        + \sum_k\int_{t_{k-1}}^{t_k}\alpha_k\tfrac{t-t_{k-1}}{t_k-t_{k-1}}\,D\,Q\,h\,dt\Big].

    The price is what the buyer pays upfront, the premium that has accrued included; `par_spread` is the ``spread`` at
    which there is nothing to pay. Hold -1 of it to sell protection. ``periods`` are the years to the end (premiums
    four times a year) or `Periods`, which may have begun before the path does, or begin later: a default before their
    start ends the swap for nothing. ``expiry`` is the scheduled end; after default nothing is left to deal in.

    Reads ``"<underlier>.alive"`` (1 before default) and ``"rate"`` where quoted. Survival is that of ``law`` at the
    quote ``"<underlier>.intensity"`` and the time of the point (years from the start of the market); without a law
    that of the quotes ``"<underlier>.survival.<years>y"``, hazards flat between them, and where there are none that of
    a flat hazard, the intensity. Between premium dates the hazard is taken as flat.

    Default is known at the point where the name is first not alive, taken to have come in the middle of the step before
    and settled at the point. State: ``"defaulted"`` (1 from default on) and ``"accrued"`` (cash owed by the buyer).

    Source: O'Kane (2008), chapters 5 to 8.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"ACME.alive": jnp.array([1.0, 1.0, 0.0]), "ACME.intensity": jnp.full(3, 0.02)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.25, 0.5]), quotes, jnp.ones(3))
    >>> [round(x, 5) for x in Cds("ACME", 0.01, 5.0).cashflows(path).tolist()]
    [0.0, -0.0025, 0.59875]
    """

    underlier: str = eqx.field(static=True)
    spread: Float[Array, ""] = number()
    periods: Periods = periodic(4)
    recovery: Float[Array, ""] = number(default=0.4)
    law: SurvivalLaw | None = None

    def __check_init__(self):
        check_rates("spread", self.spread, self.recovery)

    @property
    def names(self) -> tuple[str, ...]:
        return (self.underlier,)

    @property
    def expiry(self) -> Float[Array, "..."]:
        return self.periods.expiry

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        lost, premium = settled(path, self.names, self.periods)
        return (1.0 - self.recovery) * lost[0] - self.spread * premium[0]

    def moved(self, path: MarketPath, spread: Float[Array, ""]) -> Float[Array, " points"]:
        loss, annuity = self._legs(path, spread)
        value = (1.0 - self.recovery) * loss - self.spread * annuity
        return path.quote(f"{self.underlier}.alive") * value

    def par_spread(self, path: MarketPath) -> Float[Array, " points"]:
        """The spread per year, at each point, for which what is left costs only the premium accrued; 0 once ended."""
        loss, annuity = self._legs(path, as_float(0.0))
        return over_annuity((1.0 - self.recovery) * loss, annuity - self.periods.accrued(path.times))

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return told(path, self.names, self.periods, self.spread, jnp.ones(1))

    def _legs(self, path: MarketPath, spread: Float[Array, ""]) -> tuple[Array, Array]:
        terms = self.names, (self.law,), self.periods
        loss, annuity, _ = swap_legs(path, *terms, spread / (1.0 - self.recovery))
        return loss[0], annuity[0]


class Life(NamedTuple):
    """What a path shows of its names: ``alive``, ``hit`` (1 where a default is first seen), ``when`` that came (the
    middle of the step before), and the time ``before``."""

    alive: Float[Array, "asset points"]
    hit: Float[Array, "asset points"]
    when: Float[Array, " points"]
    before: Float[Array, " points"]


def lives(path: MarketPath, names: tuple[str, ...]) -> Life:
    """The life of each name along a path; one that is dead at its first point has defaulted before."""
    alive = jnp.stack([path.quote(f"{name}.alive") for name in names])
    hit = jnp.concatenate([jnp.zeros_like(alive[:, :1]), alive[:, :-1] - alive[:, 1:]], axis=1)
    before = jnp.concatenate([path.times[:1], path.times[:-1]])
    return Life(alive, hit, 0.5 * (before + path.times), before)


def settled(path: MarketPath, names: tuple[str, ...], periods: Periods) -> tuple[Array, Array]:
    """At each point, for each name (rows): 1 for its default within the periods; a premium of one a year, paid."""
    life = lives(path, names)
    covered = reached(life.when, periods.starts[0]) & ~reached(life.when, periods.expiry)
    owed = periods.earned(life.when) - periods.paid(life.before)
    return life.hit * covered, life.alive * periods.due(path) + life.hit * owed


def survivals(
    path: MarketPath,
    names: tuple[str, ...],
    laws: tuple[SurvivalLaw | None, ...],
    periods: Periods,
    shift: Float[Array, "..."],
) -> tuple[Float[Array, "points quote"], Float[Array, "asset points quote"]]:
    """Years to the start and the ends of the periods, and the log of each name's odds to live until then.

    ``shift`` per year is added to the hazards: one number, or one for each name.
    """
    nodes = jnp.concatenate([periods.starts[:1], periods.dates])
    left = jax.vmap(lambda date: time_left(path, date), out_axes=1)(nodes)
    logs = jnp.stack([_log_survival(path, name, law, left) for name, law in zip(names, laws, strict=True)])
    return left, logs - jnp.reshape(shift, (-1, 1, 1)) * left


def swap_legs(
    path: MarketPath,
    names: tuple[str, ...],
    laws: tuple[SurvivalLaw | None, ...],
    periods: Periods,
    shift: Float[Array, "..."],
) -> tuple[Float[Array, "asset points"], Float[Array, "asset points"], Float[Array, "asset points"]]:
    """For each name that lives: one unit at default, a premium of one a year, the odds to live until they begin."""
    left, logs = survivals(path, names, laws, periods, shift)
    elapsed, rate = periods.elapsed(path.times), carry(path, "rate")
    loss, due, owed = hazard.seasoned_legs(left, logs, rate, elapsed, periods.accruals)
    return loss, due + owed, jnp.exp(logs[..., 0])


def told(
    path: MarketPath, names: tuple[str, ...], periods: Periods, rate: Array, weights: Float[Array, " asset"]
) -> dict[str, Float[Array, " points"]]:
    """The state of a contract: the share that has defaulted, and what has accrued on the rest."""
    alive = weights @ lives(path, names).alive
    return {"defaulted": 1.0 - alive / jnp.sum(weights), "accrued": rate * alive * periods.accrued(path.times)}


def over_annuity(loss: Float[Array, " points"], annuity: Float[Array, " points"]) -> Float[Array, " points"]:
    """Loss per year of premium; 0 where no premium is left."""
    live = annuity > _SHORTEST
    return jnp.where(live, loss / jnp.where(live, annuity, 1.0), 0.0)


def check_rates(name: str, rate: Array, recovery: Array) -> None:
    """Refuse a coupon or spread that is no number, and a recovery that no name has."""
    require(concrete(rate, np.isfinite), f"{name} must be a number per year, was {rate}")
    require(concrete(recovery, lambda r: (r >= 0) & (r < 1)), f"recovery must lie from 0 to below 1, was {recovery}")


def _log_survival(path: MarketPath, name: str, law: SurvivalLaw | None, left: Array) -> Float[Array, "points quote"]:
    if law is not None:
        odds = law.survival(path.quote(f"{name}.intensity")[:, None], path.times[:, None], left)
        return jnp.log(jnp.maximum(odds, _LEAST))
    prefix = f"{name}.survival."
    quoted = sorted((float(key.removeprefix(prefix)[:-1]), key) for key in path.quotes if key.startswith(prefix))
    if not quoted:
        return -path.quote(f"{name}.intensity")[:, None] * left
    years = np.array([0.0] + [tenor for tenor, _ in quoted])
    logs = jnp.stack(
        [jnp.zeros_like(path.times)] + [jnp.log(jnp.maximum(path.quote(key), _LEAST)) for _, key in quoted], axis=-1
    )
    hazards = -jnp.diff(logs) / np.diff(years).astype(logs.dtype)
    return hazard.log_survival(as_float(years[1:]), hazards[:, None], left)
