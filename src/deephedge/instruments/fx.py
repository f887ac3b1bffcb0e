"""Contracts on exchange rates, also on cross rates: forwards, swaps, non-deliverable forwards and options.

A pair such as ``"EURUSD"`` is the price of one unit of its first currency in its second. Cash is counted in ``home``,
the second currency unless another is named: ``FxForward("EURGBP", ..., home="USD")`` reads ``"EURUSD"`` and
``"GBPUSD"``. One unit of a currency :math:`c` paid in :math:`\\tau` years is worth
:math:`U_c(\\tau)=X^ce^{-f_c\\tau}` in home cash, with the rate abroad quoted as ``"<c><home>.dividend"``; one of the
home currency :math:`e^{-r\\tau}`.
"""

from typing import ClassVar

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.money import CODE, halves, is_pair
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, number
from deephedge.instruments.base import AbstractTradable, at_expiry, carry, discount, reached, slack, time_left
from deephedge.instruments.equity import check_terms
from deephedge.pricing import black, fx

WING = 0.25  # delta of the two options that a smile quotes beside the straddle


class _OnPair(AbstractTradable):
    """A contract on a pair, in cash of ``home``, the second currency unless another is named."""

    pair: eqx.AbstractVar[str]
    home: eqx.AbstractVar[str | None]

    @property
    def underlier(self) -> str | None:
        """The pair, where it is the one quote that the contract reads."""
        return self.pair if self.home in (None, halves(self.pair)[1]) else None

    def _legs(self, path: MarketPath, left: Float[Array, " points"]) -> tuple[Array, Array]:
        """Home cash for one unit of each currency paid ``left`` years ahead."""
        home = self.home or halves(self.pair)[1]

        def unit(code: str) -> Array:
            if code == home:
                return discount(path, left)
            return path.quote(code + home) * jnp.exp(-carry(path, f"{code}{home}.dividend") * left)

        first, second = halves(self.pair)
        return unit(first), unit(second)

    def _paid(self, path: MarketPath, strike: Array, date: Array) -> Float[Array, " points"]:
        """Cash of buying one unit of the first currency for ``strike`` of the second on a date."""
        got, given = self._legs(path, jnp.zeros_like(path.times))
        return jnp.where(at_expiry(path, date), got - strike * given, 0.0)

    def _owed(self, path: MarketPath, strike: Array, date: Array) -> Float[Array, " points"]:
        """What that is worth before."""
        left = time_left(path, date)
        got, given = self._legs(path, left)
        return jnp.where(left > 0, got - strike * given, 0.0)

    def _check(self, strike: Array, expiry: Array) -> None:
        require(is_pair(self.pair), f"pair must be two codes of three letters as in 'EURUSD', was {self.pair!r}")
        known = self.home is None or len(self.home) == CODE
        require(known, f"home must be a currency of three letters, or left out, was {self.home!r}")
        check_terms(strike, expiry)


class FxForward(_OnPair):
    r"""Buys one unit of the first currency of ``pair`` for ``strike`` of the second at ``expiry`` (years).

    .. math:: V = U_1(\tau) - K\,U_2(\tau)

    in cash of ``home``. ``strike`` is a rate: units of the second currency for one of the first. Raises
    ``ParameterError`` for names that are no currencies, a negative rate and an expiry that is not after 0.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"EURUSD": jnp.array([1.0, 1.25])}, jnp.ones(2))
    >>> forward = FxForward("EURUSD", strike=1.125, expiry=1.0)
    >>> forward.price(path).tolist(), forward.cashflows(path).tolist()
    ([-0.125, 0.0], [0.0, 0.125])
    """

    pointwise: ClassVar[bool] = True
    pair: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    home: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        self._check(self.strike, self.expiry)

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return self._paid(path, self.strike, self.expiry)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return self._owed(path, self.strike, self.expiry)


class FxSwap(_OnPair):
    r"""Buys one unit of the first currency of ``pair`` at ``near`` (years) and sells it again at ``expiry``.

    .. math:: V = [U_1(\tau_n) - K_nU_2(\tau_n)] - [U_1(\tau) - K\,U_2(\tau)]

    with the near leg until it is paid. ``near_strike`` and ``strike`` are rates; their difference are the swap points.
    ``near`` may be 0: the first leg is then paid at the first point.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), {"EURUSD": jnp.array([1.0, 1.25])}, jnp.ones(2))
    >>> FxSwap("EURUSD", near_strike=1.0, strike=1.125, near=0.0, expiry=1.0).cashflows(path).tolist()
    [0.0, -0.125]
    """

    pointwise: ClassVar[bool] = True
    pair: str = eqx.field(static=True)
    near_strike: Float[Array, ""] = number()
    strike: Float[Array, ""] = number()
    near: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    home: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        self._check(self.strike, self.expiry)
        sound = concrete(self.near_strike, lambda k: k >= 0)
        require(sound, f"near_strike must be a rate of 0 or more, was {self.near_strike}")
        ordered = concrete(self.near, lambda t: t >= 0) and concrete(self.expiry - self.near, lambda t: t > 0)
        require(ordered, f"near must be years from 0 to before the expiry of {self.expiry}, was {self.near}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        bought = self._paid(path, self.near_strike, self.near)
        return bought - self._paid(path, self.strike, self.expiry)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        bought = self._owed(path, self.near_strike, self.near)
        return bought - self._owed(path, self.strike, self.expiry)


class NonDeliverableForward(_OnPair):
    r"""Pays :math:`X_{T_f}-K` units of the second currency of ``pair`` at ``expiry``, the rate fixed at ``fixing``.

    No unit of the first currency changes hands. With the rates as quoted the price is

    .. math:: V = \begin{cases}U_2(\tau)\,(F-K), & F=U_1(\tau_f)/U_2(\tau_f),\ t<T_f\\
        U_2(\tau)\,(X_{T_f}-K) & T_f\le t<T.\end{cases}

    Both dates in years; between them lies the settlement lag. On a path that begins after the fixing the rate is
    ``fixed`` (NaN where it was not given). A contract quoted the other way round, one dollar against :math:`K'` reais,
    is :math:`-K'` of ``NonDeliverableForward("BRLUSD", 1 / K', ...)``. The state ``"fixed"`` is the rate, 0 before.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5, 1.0]), {"BRLUSD": jnp.array([0.25, 0.5, 1.0])}, jnp.ones(3))
    >>> forward = NonDeliverableForward("BRLUSD", strike=0.25, fixing=0.5, expiry=1.0)
    >>> forward.price(path).tolist(), forward.cashflows(path).tolist()
    ([0.0, 0.25, 0.0], [0.0, 0.0, 0.25])
    """

    pair: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    fixing: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    home: str | None = eqx.field(static=True, default=None)
    fixed: Float[Array, ""] | None = eqx.field(converter=lambda x: None if x is None else as_float(x), default=None)

    def __check_init__(self):
        self._check(self.strike, self.expiry)
        ordered = concrete(self.expiry - self.fixing, lambda lag: lag >= 0)
        require(ordered, f"fixing must not come after the expiry of {self.expiry} years, was {self.fixing}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(at_expiry(path, self.expiry), self._value(path), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        return jnp.where(reached(path.times, self.expiry), 0.0, self._value(path))

    def state(self, path: MarketPath) -> dict[str, Float[Array, " points"]]:
        return {"fixed": jnp.where(reached(path.times, self.fixing), self._rate(path), 0.0)}

    def _value(self, path: MarketPath) -> Float[Array, " points"]:
        return self._legs(path, time_left(path, self.expiry))[1] * (self._rate(path) - self.strike)

    def _rate(self, path: MarketPath) -> Float[Array, " points"]:
        """The forward of the fixing, from then on the rate that was fixed."""
        got, paid = self._legs(path, time_left(path, self.fixing))
        ahead, now = got / paid, at_expiry(path, self.fixing)
        missed = path.times[0] > self.fixing + slack(self.fixing)
        before = jnp.where(missed, jnp.nan if self.fixed is None else self.fixed, 0.0)
        found = accumulated(jnp.where(now, ahead, 0.0))[1:] + before
        return jnp.where(reached(path.times, self.fixing), found, ahead)


class FxOption(_OnPair):
    r"""The right to buy (sell, ``call=False``) one unit of the first currency for ``strike`` of the second at expiry.

    .. math:: V = U_2(\tau)\,C(F, K, \sigma\sqrt\tau), \qquad F = U_1(\tau)/U_2(\tau)

    with Black's :math:`C`: Garman and Kohlhagen's price in cash of ``home``. The volatility is the quote ``vol``
    (``"<pair>.vol"`` unless named). With ``smile``, three quotes at the option's own expiry (straddle without delta,
    risk reversal and butterfly of 25 spot deltas, not premium-adjusted), the price is that of vanna-volga on the three
    options, whose volatilities are :math:`\sigma_{25C,25P}=\sigma_{ATM}+\sigma_{BF}\pm\frac12\sigma_{RR}`.

    The premium is counted in home cash. A desk that is paid in the first currency holds the premium too: its delta is
    lower by the price over spot (`pricing.fx.delta` with ``adjusted``).

    Source: Garman and Kohlhagen (1983); Castagna and Mercurio (2007) for the smile.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"EURUSD": jnp.array([1.0, 1.25]), "EURUSD.vol": jnp.full(2, 0.1), "rate": jnp.full(2, 0.05)}
    >>> path = dh.MarketPath(jnp.array([0.0, 1.0]), quotes, jnp.ones(2))
    >>> option = FxOption("EURUSD", strike=1.0, expiry=1.0)
    >>> [round(x, 4) for x in option.price(path).tolist()], option.cashflows(path).tolist()
    ([0.068, 0.0], [0.0, 0.25])
    """

    pointwise: ClassVar[bool] = True
    pair: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    home: str | None = eqx.field(static=True, default=None)
    vol: str | None = eqx.field(static=True, default=None)
    smile: tuple[str, str, str] | None = eqx.field(static=True, default=None, converter=lambda x: x and tuple(x))

    def __check_init__(self):
        self._check(self.strike, self.expiry)
        three = self.smile is None or len(self.smile) == 3
        require(three, f"smile must name the quotes of straddle, risk reversal and butterfly, was {self.smile}")

    def cashflows(self, path: MarketPath) -> Float[Array, " points"]:
        got, paid = self._legs(path, jnp.zeros_like(path.times))
        above = got - self.strike * paid
        return jnp.where(at_expiry(path, self.expiry), jnp.maximum(above if self.call else -above, 0.0), 0.0)

    def price(self, path: MarketPath) -> Float[Array, " points"]:
        left = time_left(path, self.expiry)
        got, paid = self._legs(path, left)
        if self.smile is None:
            vol = path.quote(self.vol or f"{self.pair}.vol")
            value = black.price(got / paid, self.strike, vol, left, self.call)
        else:
            spot = self._legs(path, jnp.zeros_like(left))[0]
            value = self._smiled(path, got / paid, got / spot, jnp.where(left > 0, left, 1.0))
        return jnp.where(left > 0, paid * value, 0.0)

    def _smiled(self, path: MarketPath, forward: Array, abroad: Array, left: Array) -> Float[Array, " points"]:
        middle, reversal, butterfly = (path.quote(name) for name in self.smile or ())
        sides, puts_and_calls = jnp.array([-0.5, 0.5]), jnp.array([False, True])
        vols = (middle + butterfly)[:, None] + sides * reversal[:, None]
        ahead, years, bond = (x[:, None] for x in (forward, left, abroad))
        low, high = fx.strike_of(2.0 * WING * sides, ahead, vols, years, puts_and_calls, bond).T
        strikes = jnp.stack([low, fx.at_the_money(forward, middle, left), high], axis=-1)
        three = jnp.stack([vols[:, 0], middle, vols[:, 1]], axis=-1)
        return fx.vanna_volga(forward, self.strike, left, strikes, three, self.call)
