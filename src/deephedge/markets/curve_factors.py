"""A yield curve driven by its principal components, in the real world or without arbitrage (Gaussian HJM)."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float

from deephedge.core.accumulate import accumulated
from deephedge.core.errors import require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete, must, number
from deephedge.markets.base import AbstractMarket
from deephedge.markets.rates import as_tenors
from deephedge.pricing import curve, hullwhite

DAY = 1.0 / 365.0  # the bond whose yield is the short rate without arbitrage
TINY = 1e-12  # a short rate that no factor moves still needs a direction


class CurveFactors(AbstractMarket):
    r"""Zero yields moved by independent Gaussian factors, :math:`y_t(\tau)=y_0(\tau)+\sum_kL_k(\tau)f_k(t)`.

    ``tenors`` :math:`\tau` (years, increasing), ``start`` :math:`y_0` (today's continuously compounded zero yields per
    year), ``loadings`` :math:`L` (a row a factor) and ``vol`` :math:`s_k` (per root year; a loading times its vol is
    per year and root year), linear between tenors and flat outside. `fit_curve_factors` finds them in history.

    *Real world* (the default): :math:`df_k=a_k(m_k-f_k)\,dt+s_k\,dW_k`, :math:`f_k(0)=0`, exact on any grid;
    ``mean_reversion`` :math:`a_k` per year and ``mean`` :math:`m_k`, 0 unless given. The short rate is the yield of
    the shortest tenor, the numeraire its account by trapezoids. Nothing is a martingale.

    *Arbitrage-free*: the Gaussian model of Heath, Jarrow and Morton, under the pricing measure. A zero bond with
    :math:`\tau` years left has the volatilities :math:`v_k(\tau)=\tau L_k(\tau)s_k`, taken at the middle
    :math:`u_n` of each step. All bonds and the money account then follow from the same normals in closed form,

    .. math:: \log\frac{P(t,T)}{P_0(T)/P_0(t)} = -\sum_{k,n}\left[\big(v_k(T-u_n)-v_k(t-u_n)\big)\sqrt{\Delta_n}Z_{nk}
        +\tfrac12\big(v_k(T-u_n)^2-v_k(t-u_n)^2\big)\Delta_n\right],

    so every discounted zero bond, of any maturity, is a martingale given the past on any grid; the volatility at
    mid-step is right to the square of the step. The short rate is the yield of the bond of one day, and mean reversion
    and mean must be left out: the drift is given. A path costs steps x points x tenors x factors.

    Quotes ``"<name>.short"``, for each tenor ``"<name>.zero.<tenor>y"`` (both per year), for each factor from 1
    ``"<name>.factor.<k>"`` (:math:`f_k`; without arbitrage :math:`s_kW_k`) and, for each of ``maturities`` (years
    after the start, without arbitrage alone), ``"<name>.bond.<maturity>y"``: cash for the zero bond of one that matures
    then, and 1 from then on. Drivers: ``"<name>.factor.<k>"``, and ``"<name>"``, what moves the short rate.

    Raises ``ParameterError`` for a parameter outside its domain.
    Source: Litterman and Scheinkman (1991); Heath, Jarrow and Morton (1992).

    >>> import deephedge as dh, jax
    >>> market = dh.markets.CurveFactors((1, 10), (0.03, 0.04), [[0.7, 0.7], [-0.7, 0.7]], vol=(0.012, 0.005))
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['USD.factor.1', 'USD.factor.2', 'USD.short', 'USD.zero.10y', 'USD.zero.1y']
    """

    tenors: tuple[float, ...] = eqx.field(static=True, converter=as_tenors)
    start: Float[Array, " quote"] = eqx.field(converter=as_float)
    loadings: Float[Array, "factor quote"] = eqx.field(converter=as_float)
    vol: Float[Array, " factor"] = eqx.field(converter=as_float)
    mean_reversion: Float[Array, "..."] = number(default=0.0)
    mean: Float[Array, "..."] = number(default=0.0)
    arbitrage_free: bool = eqx.field(static=True, default=False)
    maturities: tuple[float, ...] = eqx.field(static=True, converter=as_tenors, default=())
    name: str = eqx.field(static=True, default="USD")

    def __check_init__(self):
        rising = len(self.tenors) > 0 and bool((np.diff(self.tenors, prepend=0.0) > 0).all())
        require(rising, f"tenors must be positive years, increasing, were {self.tenors}")
        count, factors = len(self.tenors), len(self.vol)
        require(self.start.shape == (count,), f"start must be {count} yields, one a tenor, was {self.start.shape}")
        fits = self.loadings.shape == (factors, count)
        require(fits, f"loadings must be {factors} x {count}, vol by tenors, were {self.loadings.shape}")
        must(self, "be 0 or more and finite", "vol", "mean_reversion")
        for field in ("start", "loadings", "mean"):
            require(concrete(getattr(self, field), np.isfinite), f"{field} must be finite")
        require(all(end > 0 for end in self.maturities), f"maturities must be positive years, were {self.maturities}")
        require(
            self.arbitrage_free or not self.maturities, "maturities need arbitrage_free: only then are bonds priced"
        )
        for field in ("mean_reversion", "mean"):
            still = not self.arbitrage_free or concrete(getattr(self, field), lambda x: x == 0)
            require(still, f"{field} must be left out without arbitrage: the drift is given")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return grid.steps, len(self.vol)

    @property
    def martingale(self) -> bool:
        return self.arbitrage_free

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        rows = jnp.eye(len(self.vol), dtype=self.vol.dtype)
        short = self.loadings[:, 0] * self.vol + TINY * rows[0]
        factors = {f"{self.name}.factor.{k + 1}": row for k, row in enumerate(rows)}
        return {self.name: short / jnp.linalg.norm(short)} | factors

    def tradables(self) -> dict[str, bool]:
        return {f"{self.name}.bond.{end:g}y": True for end in self.maturities}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        short, yields, factors, bonds, account = (self._priced if self.arbitrage_free else self._real)(grid, shocks)
        quotes = {f"{self.name}.short": short}
        quotes |= {f"{self.name}.zero.{tenor:g}y": yields[:, n] for n, tenor in enumerate(self.tenors)}
        quotes |= {f"{self.name}.factor.{k + 1}": factors[:, k] for k in range(len(self.vol))}
        quotes |= {f"{self.name}.bond.{end:g}y": bonds[:, n] for n, end in enumerate(self.maturities)}
        return MarketPath(grid.times, quotes, jnp.exp(account))

    def _real(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> tuple[Array, ...]:
        speeds = jnp.broadcast_to(self.mean_reversion, self.vol.shape)
        decay = jnp.exp(-speeds * grid.dt[:, None])
        moves = self.vol * hullwhite.step_law(grid.dt[:, None], speeds)[0] * shocks

        def step(away: Array, now: tuple[Array, Array]) -> tuple[Array, Array]:
            after = now[0] * away + now[1]
            return after, after

        away = jnp.broadcast_to(-self.mean, self.vol.shape)
        _, after = lax.scan(step, away, (decay, moves))
        factors = jnp.concatenate([away[None], after]) - away
        yields = self.start + factors @ self.loadings
        areas = 0.5 * grid.dt * (yields[1:, 0] + yields[:-1, 0])
        account = accumulated(areas)
        return yields[:, 0], yields, factors, jnp.zeros((grid.points, 0)), account

    def _priced(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> tuple[Array, ...]:
        now = grid.times - grid.times[0]
        fixed = jnp.asarray((DAY, *self.tenors), now.dtype)
        lengths = jnp.broadcast_to(fixed, (len(now), len(fixed)))
        ends = jnp.asarray(self.maturities, now.dtype)
        lengths = jnp.concatenate([lengths, jnp.maximum(ends - now[:, None], 0.0)], axis=1)
        since = jnp.maximum(now[:, None] - 0.5 * (now[1:] + now[:-1]), 0.0)  # from the middle of each step
        past = (since > 0.0) * 1.0
        moves = jnp.sqrt(grid.dt)[:, None] * shocks
        near = self._bond_vol(since) * past[..., None]
        far = self._bond_vol(since[:, None, :] + lengths[:, :, None]) * past[:, None, :, None]
        gap = far - near[:, None]  # points, lengths, steps, factors
        bend = 0.5 * jnp.einsum("plnk,n->pl", far**2 - near[:, None] ** 2, grid.dt)
        later, sooner = (curve.log_discount(fixed[1:], self.start, t) for t in (now[:, None] + lengths, now))
        logs = later - sooner[:, None] - jnp.einsum("plnk,nk->pl", gap, moves) - bend
        account = jnp.einsum("pnk,nk->p", near, moves) + 0.5 * jnp.einsum("pnk,n->p", near**2, grid.dt) - sooner
        yields = -logs[:, : len(fixed)] / fixed
        factors = accumulated(self.vol * moves)
        return yields[:, 0], yields[:, 1:], factors, jnp.exp(logs[:, len(fixed) :]), account

    def _bond_vol(self, left: Float[Array, "..."]) -> Float[Array, "..."]:
        """What each factor does to a bond with these years left, as a share per root year; the last axis."""
        at = jnp.asarray(self.tenors, left.dtype)
        loads = jax.vmap(lambda row: jnp.interp(left, at, row), out_axes=-1)(self.loadings)
        return left[..., None] * loads * self.vol
