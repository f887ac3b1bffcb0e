"""Options used on dates, on a share that pays known dividends on dates."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.instruments.bermudan import AgainstWaiting, check_dates
from deephedge.instruments.curve import arriving
from deephedge.instruments.equity import check_terms
from deephedge.instruments.exercise import AbstractExercise, AbstractRight, quoted_terms
from deephedge.pricing import dividends


class Bermudan(AbstractRight):
    """The right to buy (or to sell, ``call=False``) at ``strike`` (cash) on one of ``dates`` (years), the last its end.

    On a share with dividends on dates: ``cash`` rows (years, amount) and ``proportional`` rows (years, share), all that
    are known, as `markets.Dividends` takes them. One date makes a European option. A call on a share without a yield is
    best used just before it goes ex, or at the end: on these dates it is the American call. A date between two points
    of a grid comes at the next one, where the share may have gone ex: let dates be points.

    Priced in the world of Black and Scholes between dividends, used in the best way (`pricing.dividends.price`); reads
    the quotes ``vol`` (``"<underlier>.vol"`` unless named; that of the spot), ``"rate"`` and
    ``"<underlier>.dividend"``. Used where ``rule`` says so: where that is worth no less than to wait, unless another is
    given (`Regression` by `fit_exercise` is cheaper along many paths). Raises ``ParameterError`` for dates closer than
    an eighth of their average distance (of sixteen or more), and for numbers outside their domain.

    >>> import deephedge as dh, jax, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([100.0, 125.0]), "A.vol": jnp.full(2, 0.2), "rate": jnp.full(2, 0.05)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.49]), quotes, jnp.ones(2))
    >>> call = Bermudan("A", 100.0, dates=(0.49, 1.0), cash=[(0.5, 5.0)])
    >>> price, cash = jax.jit(lambda path: (call.price(path), call.cashflows(path)))(path)
    >>> [round(x, 2) for x in price.tolist()], cash.tolist()
    ([8.27, 0.0], [0.0, 25.0])
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    dates: Float[Array, " tenor"] = number()
    call: bool = eqx.field(static=True, default=True)
    cash: Float[Array, "_ 2"] = eqx.field(converter=dividends.rows, default=())
    proportional: Float[Array, "_ 2"] = eqx.field(converter=dividends.rows, default=())
    rule: AbstractExercise = eqx.field(default_factory=AgainstWaiting)
    vol: str | None = eqx.field(static=True, default=None)

    def __check_init__(self):
        check_dates(self.dates)
        check_terms(self.strike, self.expiry)
        least = dividends.closest(self.dates.shape[-1]) * self.expiry
        apart = concrete(jnp.diff(self.dates, axis=-1) - 0.99 * least[..., None], lambda gap: np.all(gap >= 0))
        require(apart, f"dates must be {least} years apart or more, an eighth of the average, were {self.dates}")
        dividends.check(self.cash, self.proportional)

    @property
    def expiry(self) -> Float[Array, "..."]:
        """The last date, in years."""
        return self.dates[..., -1]

    def allowed(self, path: MarketPath) -> Bool[Array, " points"]:
        return jnp.any(arriving(path, self.dates), axis=-1)

    def value(self, path: MarketPath) -> Float[Array, " points"]:
        _, vol, rate, dividend = quoted_terms(self, path)

        def worth(point: tuple[Array, ...]) -> Array:
            now, spot, vol, rate, dividend = point
            due = dividends.to_come(now[None], now, rate - dividend, self.cash, self.proportional)[0]
            random = vol * spot / jnp.maximum(spot - due, dividends.LEAST * spot)  # the volatility without that cash
            terms = (self.dates, rate, dividend, self.cash, self.proportional, self.call, now)
            return dividends.price(spot, self.strike, random, *terms)

        # One point after the other: its grids are large where many paths are priced at once.
        value = lax.map(worth, (path.times, path.quote(self.underlier), vol, rate, dividend))
        return jnp.maximum(value, 0.0)
