"""Protection on many names at once, and the option to enter it."""

from typing import Any

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number, optional
from deephedge.instruments.base import at_expiry, discount, reached, time_left
from deephedge.instruments.credit import (
    AbstractCredit,
    SurvivalLaw,
    check_rates,
    lives,
    over_annuity,
    settled,
    swap_legs,
    told,
)
from deephedge.instruments.equity import check_expiry
from deephedge.instruments.periods import Periods, periodic
from deephedge.pricing import black


def _laws(value: Any) -> tuple[SurvivalLaw, ...] | None:
    return None if value is None else tuple(value)


class CdsIndex(AbstractCredit):
    r"""Protection on all of ``underliers``, bought: :math:`\sum_iw_i` of a `Cds` on each, at one ``spread`` (per year).

    A default pays its :math:`w_i(1-R_i)` and ends that name's premium; the rest goes on. ``weights`` are shares of the
    notional (equal ones that sum to 1 unless given), ``recovery`` one number or one for each name, ``laws`` one
    survival law for each name, or none. The price is that of the names: what an index trades off them is not in it.
    ``periods`` and quotes are those of a `Cds`. State: ``"defaulted"`` (share of the weights) and ``"accrued"``.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> alive = {"A.alive": jnp.array([1.0, 1.0, 0.0]), "B.alive": jnp.ones(3)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.25, 0.5]), alive, jnp.ones(3))
    >>> [round(x, 6) for x in CdsIndex(("A", "B"), 0.01, 5.0).cashflows(path).tolist()]
    [0.0, -0.0025, 0.298125]
    """

    underliers: tuple[str, ...] = eqx.field(static=True, converter=tuple)
    spread: Float[Array, ""] = number()
    periods: Periods = periodic(4)
    weights: Float[Array, " asset"] | None = eqx.field(converter=optional, default=None)
    recovery: Float[Array, "*asset"] = number(default=0.4)
    laws: tuple[SurvivalLaw, ...] | None = eqx.field(converter=_laws, default=None)

    def __check_init__(self):
        names, weights, laws = self.underliers, self.weights, self.laws
        require(len(set(names)) == len(names) > 0, f"underliers must be different names, were {names}")
        check_rates("spread", self.spread, self.recovery)
        shape = jnp.shape(self.recovery)
        require(shape[-1:] in ((), (len(names),)), f"recovery must be one number or one for each of {names}, was "
                f"{self.recovery}")  # fmt: skip
        fits = weights is None or concrete(weights, lambda w: w.shape[-1:] == (len(names),) and np.all(w > 0))
        require(fits, f"weights must be one positive share for each of {names}, were {weights}")
        require(laws is None or len(laws) == len(names), f"laws must be one for each of {names}, were {laws}")

    @property
    def names(self) -> tuple[str, ...]:
        return self.underliers

    @property
    def expiry(self) -> Float[Array, "..."]:
        return self.periods.expiry

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        lost, premium = settled(path, self.names, self.periods)
        return self.severity() @ lost - self.spread * (self.shares() @ premium)

    def moved(self, path: MarketPath, spread: Float[Array, ""]) -> Float[Array, " points"]:
        loss, annuity = self._legs(path, spread)
        return loss - self.spread * annuity

    def par_spread(self, path: MarketPath) -> Float[Array, " points"]:
        """The spread per year, at each point, for which what is left costs only the premium accrued; 0 once ended."""
        loss, annuity = self._legs(path, as_float(0.0))
        alive = self.shares() @ lives(path, self.names).alive
        return over_annuity(loss, annuity - alive * self.periods.accrued(path.times))

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return told(path, self.names, self.periods, self.spread, self.shares())

    def shares(self) -> Float[Array, " asset"]:
        """The weights."""
        count = len(self.underliers)
        return jnp.full(count, 1.0 / count) if self.weights is None else self.weights

    def severity(self) -> Float[Array, " asset"]:
        """What the default of each name pays."""
        return self.shares() * (1.0 - self.recovery)

    def legs(
        self, path: MarketPath, periods: Periods, spread: Float[Array, ""]
    ) -> tuple[Float[Array, "asset points"], Float[Array, "asset points"], Float[Array, "asset points"]]:
        """`swap_legs` of the names that live, over other periods and at spreads that are higher by ``spread``."""
        laws = self.laws or (None,) * len(self.names)
        return swap_legs(path, self.names, laws, periods, spread / (1.0 - self.recovery))

    def _legs(self, path: MarketPath, spread: Float[Array, ""]) -> tuple[Array, Array]:
        loss, annuity, _ = self.legs(path, self.periods, spread)
        alive = lives(path, self.names).alive
        return self.severity() @ (alive * loss), self.shares() @ (alive * annuity)


class CdsIndexOption(AbstractCredit):
    r"""The right to buy protection by ``index`` at its spread from ``expiry`` (years) on; ``payer=False``: to sell it.

    Settled in cash. With the index's spread :math:`K`, the loss :math:`L` of names dead at ``expiry`` (also of those,
    the front-end protection), the loss leg :math:`V` and annuity :math:`A` of those that live, premiums counted from
    ``expiry`` on, it pays :math:`(\pm(L+V-KA))^+`. Priced by Black (1976) on the spread adjusted for losses,
    :math:`F=(\bar L+\bar V)/\bar A`, lognormal with ``vol`` (per root year) under the annuity's measure:

    .. math:: \bar A\,\mathrm{Black}(F, K, \sigma, \tau),

    bars being values now. All names dead leave a payer :math:`L`. For one name that is a swaption which default does
    not knock out. ``index.periods`` may begin before ``expiry``; the names dead when the option is written are left
    out of the index.

    Source: Pedersen (2003), whose strike is paid as an upfront at the index's coupon: here coupon and strike are one.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A.alive": jnp.array([1.0, 1.0, 0.0]), "B.alive": jnp.ones(3)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.25, 0.5]),
    ...     quotes | {"A.intensity": jnp.full(3, 0.02), "B.intensity": jnp.full(3, 0.02)}, jnp.ones(3))
    >>> option = CdsIndexOption(CdsIndex(("A", "B"), 0.01, 5.0), expiry=0.5, vol=0.5)
    >>> [round(x, 3) for x in eqx.filter_jit(option.cashflows)(path).tolist()]  # 0.3 for A, and B
    [0.0, 0.0, 0.304]
    """

    index: CdsIndex
    expiry: Float[Array, ""] = number()
    vol: Float[Array, ""] = number()
    payer: bool = eqx.field(static=True, default=True)

    def __check_init__(self):
        check_expiry(self.expiry)
        later = concrete(self.index.expiry - self.expiry, lambda left: left > 0)
        require(later, f"expiry must come before the index ends at {self.index.expiry} years, was {self.expiry}")
        require(concrete(self.vol, lambda v: v >= 0), f"vol must be 0 or more per root year, was {self.vol}")

    @property
    def names(self) -> tuple[str, ...]:
        return self.index.names

    def tradable(self, path: MarketPath) -> Bool[Array, " points"]:
        """Until ``expiry``: dead names are still owed for."""
        return ~reached(path.times, self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        got, paid = self._sides(path, as_float(0.0))
        gain = got - paid if self.payer else paid - got
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(gain, 0.0), 0.0)

    def moved(self, path: MarketPath, spread: Float[Array, ""]) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        # Black's price has degree 1 in forward and strike: the annuity goes into both, and may be 0.
        value = black.price(*self._sides(path, spread), self.vol, left, self.payer)
        return jnp.where(left > 0, value, 0.0)

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"defaulted": self.index.state(path)["defaulted"]}

    def _sides(self, path: MarketPath, spread: Float[Array, ""]) -> tuple[Array, Array]:
        """Values until ``expiry`` of what a payer would get there, losses so far included, and of what it would pay."""
        index, left = self.index, time_left(path, self.expiry)
        loss, annuity, odds = index.legs(path, index.periods.cut(self.expiry), spread)
        alive = lives(path, self.names).alive
        dead = discount(path, left) * (1.0 - alive * odds)
        return index.severity() @ (alive * loss + dead), index.spread * (index.shares() @ (alive * annuity))
