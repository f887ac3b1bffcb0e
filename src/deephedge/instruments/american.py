"""Options that may be used before they expire, on one underlier."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float

from deephedge.core.errors import require
from deephedge.core.paths import MarketPath
from deephedge.core.types import number
from deephedge.instruments.base import at_expiry, reached
from deephedge.instruments.equity import check_terms
from deephedge.instruments.exercise import AbstractExercise, AbstractRight, Boundary, quoted_terms
from deephedge.pricing import american, american_formulas

PRICES = {
    "collocation": american.price,
    "barone_adesi_whaley": american_formulas.barone_adesi_whaley,
    "bjerksund_stensland": american_formulas.bjerksund_stensland,
}


class American(AbstractRight):
    """The right to buy (or to sell, ``call=False``) at ``strike`` (cash) at any point up to ``expiry`` (years).

    Pays ``max(S - strike, 0)`` (a put ``max(strike - S, 0)``) at the point at which ``rule`` uses it: `Boundary` unless
    another is given (`Never`, `CriticalPrices`, or `Regression` by `fit_exercise`). The price is that of the best use
    in continuous time under Black and Scholes, by ``formula``: ``"collocation"`` (exact), ``"barone_adesi_whaley"`` or
    ``"bjerksund_stensland"``; it reads the quotes ``vol`` (``"<underlier>.vol"`` unless named), ``"rate"`` and
    ``"<underlier>.dividend"``. A rule that uses the right at points of a grid only makes a little less.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> quotes = {"A": jnp.array([36.0, 30.0]), "A.vol": jnp.full(2, 0.2), "rate": jnp.full(2, 0.06)}
    >>> path = dh.MarketPath(jnp.array([0.0, 0.5]), quotes, jnp.ones(2))
    >>> put = American("A", strike=40.0, expiry=1.0, call=False)
    >>> [round(x, 2) for x in put.price(path).tolist()], put.cashflows(path).tolist()
    ([4.49, 0.0], [0.0, 10.0])
    """

    underlier: str = eqx.field(static=True)
    strike: Float[Array, ""] = number()
    expiry: Float[Array, ""] = number()
    call: bool = eqx.field(static=True, default=True)
    rule: AbstractExercise = eqx.field(default_factory=Boundary)
    vol: str | None = eqx.field(static=True, default=None)
    formula: str = eqx.field(static=True, default="collocation")

    def __check_init__(self):
        check_terms(self.strike, self.expiry)
        require(self.formula in PRICES, f"formula must be one of {tuple(PRICES)}, was {self.formula!r}")

    def allowed(self, path: MarketPath) -> Bool[Array, " points"]:
        return ~reached(path.times, self.expiry) | at_expiry(path, self.expiry)

    def value(self, path: MarketPath) -> Float[Array, " points"]:
        left, vol, rate, dividend = quoted_terms(self, path)
        require(
            f"{self.underlier}.dividend_cash" not in path.quotes,
            f"{self.underlier!r} pays dividends on dates, which the price of an American option does not know: hold a "
            f"Bermudan with the same dividends, used on dates before these",
        )
        price = PRICES[self.formula]
        return jnp.maximum(price(path.quote(self.underlier), self.strike, vol, left, rate, dividend, self.call), 0.0)
