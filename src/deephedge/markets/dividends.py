"""Any market of one spot, with dividends paid on dates and a fee to borrow the share."""

import equinox as eqx
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import concrete, number
from deephedge.markets.base import AbstractMarket
from deephedge.pricing import dividends


class Dividends(AbstractMarket):
    r"""A one-spot ``market`` with dividends on dates, in the affine form of Buehler (2010):

    .. math:: S_t = R_t\,(S^*X_t + G_t), \qquad R_t = e^{(r-q-b)t}\prod_{\tau_j\le t}(1-\beta_j), \qquad
        G_t = \sum_{t_k>t}\frac{\alpha_k}{R_{t_k}}, \qquad S^* = S_0-G_0,

    where :math:`X` is the inner spot discounted, with its yield reinvested, starting at 1; so the forward is
    :math:`F_T=R_T(S^*+G_T)` and the spot never falls below what cash is still to come, :math:`R_tG_t`.

    ``cash`` rows (time, amount) :math:`(t_k,\alpha_k)` in years and cash, ``proportional`` rows (time, share)
    :math:`(\tau_j,\beta_j)` of the spot before; on one date the share goes first. All cash dividends count, those after
    the grid's end too; dates up to the grid's start are past. ``borrow`` :math:`b` per year is what the holder earns by
    lending the share. :math:`r` and :math:`q` are the inner market's quotes, flat.

    Quotes ``"<name>"`` (ex dividend), ``"<name>.dividend"`` (:math:`q+b`, continuous), ``"<name>.dividend_cash"`` (cash
    a share pays at that point: what fell due since the last, with its growth since; ``Spot`` pays it out),
    ``"<name>.vol"`` where the inner market has it (times :math:`1-R_tG_t/S_t`: it is the volatility of :math:`X`), and
    the inner market's others. For each of ``expiries`` (years) ``"<name>.forward.<expiry>"`` is the forward of the
    spot, with its ``.vol`` and a ``.dividend`` equal to the rate, so that options with dividends still to come are
    written on it: ``EuropeanCall("SPX.forward.0.5", strike, expiry=0.5)``. Black is exact there for a constant inner
    volatility and no cash dividend after expiry. A forward or option on the spot itself pays rightly, but refuses to
    quote a price.

    Raises ``ParameterError`` for a parameter outside its domain. Source: Buehler (2010).

    >>> import deephedge as dh, jax
    >>> inner = dh.markets.BlackScholes("SPX", vol=0.2, spot=100.0, rate=0.03)
    >>> market = dh.markets.Dividends(inner, "SPX", cash=[(0.25, 2.0)], proportional=[(0.75, 0.02)], expiries=(1.0,))
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> [round(x, 2) for x in path.quotes["SPX.forward.1.0"][0, :1].tolist()]
    [98.98]
    """

    market: AbstractMarket
    name: str = eqx.field(static=True)
    cash: Float[Array, "_ 2"] = eqx.field(converter=dividends.rows, default=())
    proportional: Float[Array, "_ 2"] = eqx.field(converter=dividends.rows, default=())
    borrow: Float[Array, ""] = number(default=0.0)
    expiries: tuple[float, ...] = eqx.field(static=True, converter=tuple, default=())

    def __check_init__(self):
        dividends.check(self.cash, self.proportional)
        require(all(t > 0 for t in self.expiries), f"expiries must be years above 0, were {self.expiries}")
        spot, zero = getattr(self.market, "spot", None), jnp.zeros(())
        if spot is not None:
            carry = [getattr(self.market, field, None) for field in ("rate", "dividend")]
            growth = [zero if x is None else jnp.min(x) for x in carry]
            due = self._to_come(zero[None], zero, growth[0] - growth[1] - self.borrow)[0]
            left = jnp.min(spot) - due
            require(
                concrete(left, lambda x: x > 0), f"cash dividends must be worth less than the spot {spot}, were {due}"
            )

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return self.market.shocks(grid)

    @property
    def martingale(self) -> bool:
        return self.market.martingale

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self.market.drivers()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        inner, name, times = self.market.path(grid, shocks), self.name, grid.times
        elapsed, flat = times - times[0], jnp.zeros_like(times)
        rate, paid = inner.quotes.get("rate", flat), inner.quotes.get(f"{name}.dividend", flat) + self.borrow
        growth = (rate - paid)[0]
        to_come = self._to_come(times, times[0], growth)
        kept = dividends.kept(times, times[0], self.proportional)
        base = inner.quote(name)[0]
        moved = (base - to_come[0]) * jnp.exp(-self.borrow * elapsed) * inner.quote(name) / base
        grown = jnp.exp(growth * elapsed)
        spot = kept * (moved + grown * to_come)
        quotes = {name: spot, f"{name}.dividend": paid}
        if self.cash.size or self.proportional.size:
            # Written in differences, so that a point without a dividend pays exactly 0 in float32.
            shared = (kept[:-1] - kept[1:]) * (moved[1:] + grown[1:] * to_come[:-1])
            dated = kept[1:] * grown[1:] * (to_come[:-1] - to_come[1:])
            quotes[f"{name}.dividend_cash"] = jnp.concatenate([flat[:1], shared + dated])
        vol = inner.quotes.get(f"{name}.vol")
        if vol is not None:
            quotes[f"{name}.vol"] = vol * (kept * moved / spot)
        for expiry in self.expiries:
            risky, whole = self._forward(times, growth, moved, expiry)
            over, label = dividends.reached(times, jnp.asarray([expiry], times.dtype))[:, 0], f"{name}.forward.{expiry}"
            ahead = jnp.where(over, spot, whole)
            quotes |= {label: ahead, f"{label}.dividend": rate}
            if vol is not None:
                quotes[f"{label}.vol"] = vol * jnp.where(over, kept * moved, risky) / ahead
        return MarketPath(times, inner.quotes | quotes, inner.numeraire)

    def _forward(self, times: Array, growth: Array, moved: Array, expiry: float) -> tuple[Array, Array]:
        """(what is random of the forward, the forward), ``moved`` being what is random of the spot without shares."""
        end = jnp.asarray([expiry], times.dtype)
        kept = dividends.kept(end, times[0], self.proportional)
        risky = kept * moved * jnp.exp(growth * jnp.maximum(end - times, 0.0))
        return risky, risky + kept * jnp.exp(growth * (end - times[0])) * self._to_come(end, times[0], growth)

    def _to_come(
        self, times: Float[Array, " points"], start: Float[Array, ""], growth: Float[Array, ""]
    ) -> Float[Array, " points"]:
        return dividends.to_come(times, start, growth, self.cash, self.proportional)
