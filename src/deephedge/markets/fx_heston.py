"""Exchange rates with stochastic volatility: Heston's model for each pair, cross rates that follow."""

from collections.abc import Sequence
from itertools import combinations
from typing import Any, cast

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jax.typing import ArrayLike
from jaxtyping import Array, Float

from deephedge.core.errors import nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.money import halves
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float, concrete
from deephedge.markets.base import AbstractMarket
from deephedge.markets.fx import check_pairs, sides, tuple_of, with_crosses
from deephedge.markets.heston import Heston
from deephedge.markets.joint import Joint
from deephedge.pricing.normal import root

Values = ArrayLike | Sequence[Any]  # one number, or one for each pair
LAW = ("spot", "variance", "mean_reversion", "long_variance", "vol_of_vol", "leverage", "foreign")


class HestonFx(AbstractMarket):
    r"""Heston's model for each exchange rate against one home currency, with flat rates at home and abroad:

    .. math:: dX^i = X^i\big((r-f_i)\,dt+\sqrt{V^i}\,dW^i\big),\quad dV^i=\kappa_i(\theta_i-V^i)\,dt+\xi_i\sqrt{V^i}
        \,dB^i,\qquad X^{ij}=X^i/X^j.

    It is a `Joint` of one `Heston` a pair, with the foreign rate as dividend. ``pairs`` and ``crosses`` are named as
    those of `GarmanKohlhagen`; every other parameter is one number or one for each pair: ``spot`` in home cash,
    ``variance`` and ``long_variance`` per year, ``mean_reversion`` and ``vol_of_vol`` per year, ``leverage`` the
    correlation of a pair with its own variance, ``foreign`` the foreign rates and ``rate`` the home rate, continuous
    per year. ``correlation`` is that of the spots (pairs x pairs); spots and variances of different pairs, and
    variances among themselves, follow with the least sum of squares, as in `Joint`.

    Quotes ``"<pair>"``, ``"<pair>.variance"``, ``"<pair>.vol"``, ``"<pair>.realised_variance"``, ``"<pair>.dividend"``
    (the foreign rate), ``"rate"``, and for each of ``crosses`` ``"<cross>"`` (the quotient, exactly) and
    ``"<cross>.vol"``, :math:`\sqrt{V^i+V^j-2\rho_{ij}\sqrt{V^iV^j}}`.

    The scheme is that of `Heston` (quadratic-exponential): foreign money in home cash, discounted, is a martingale
    given the past on any grid. The correlation of spots is exact for the normals of a step; that of log returns lacks
    a term of the order of the step. ``abroad`` is one pair as the foreign desk sees it.

    Raises ``ParameterError`` for what `GarmanKohlhagen`, `Heston` and `Joint` refuse.

    Source: Heston (1993), section 3, for currencies.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.HestonFx(
    ...     ("EURUSD", "GBPUSD"), spot=(1.1, 1.25), variance=0.01, mean_reversion=1.5, long_variance=0.012,
    ...     vol_of_vol=0.3, leverage=(-0.2, -0.3), rate=0.05, foreign=(0.03, 0.045),
    ...     correlation=[[1, 0.6], [0.6, 1]], crosses="EURGBP")
    >>> path = dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0))
    >>> round(float(path.quotes["EURGBP"][0, 0]), 4), round(float(path.quotes["EURGBP.vol"][0, 0]), 4)
    (0.88, 0.0894)
    """

    pairs: tuple[str, ...] = eqx.field(static=True)
    crosses: tuple[str, ...] = eqx.field(static=True)
    joint: Joint

    def __init__(
        self,
        pairs: str | Sequence[str],
        spot: Values,
        variance: Values,
        mean_reversion: Values,
        long_variance: Values,
        vol_of_vol: Values,
        leverage: Values,
        rate: ArrayLike,
        foreign: Values,
        correlation: Values | None = None,
        crosses: str | Sequence[str] = (),
        scheme: str = "qe",
    ):
        self.pairs, self.crosses = tuple_of(pairs), tuple_of(crosses)
        check_pairs(self.pairs, self.crosses)
        rows = {}
        given = (spot, variance, mean_reversion, long_variance, vol_of_vol, leverage, foreign)
        for field, value in zip(LAW, given, strict=True):
            row, count = jnp.atleast_1d(as_float(value)), len(self.pairs)
            fits = row.shape in ((1,), (count,))
            require(fits, f"{field} needs one number or {count} (one for each of {self.pairs}), was {value}")
            rows[field] = jnp.broadcast_to(row, (count,))
        markets = []
        for n, pair in enumerate(self.pairs):
            law = [rows[field][n] for field in LAW]
            markets.append(Heston(pair, *law[:-1], rate=rate, dividend=law[-1], scheme=scheme))
        matrix = np.eye(len(self.pairs)) if correlation is None else np.asarray(correlation, float)
        fits = matrix.shape == (len(self.pairs),) * 2 and np.allclose(matrix, matrix.T)
        require(bool(fits and np.allclose(np.diagonal(matrix), 1.0)), "correlation must be symmetric, pairs x pairs, "
                f"with 1 on the diagonal, was {correlation}")  # fmt: skip
        self.joint = Joint(
            markets, [(self.pairs[i], self.pairs[j], matrix[i, j]) for i, j in combinations(range(len(self.pairs)), 2)]
        )

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        return self.joint.shocks(grid)

    @property
    def martingale(self) -> bool:
        return True

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        return self.joint.drivers()

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        path = with_crosses(self.joint.path(grid, shocks), self.pairs, self.crosses)
        rows = self.joint.drivers()
        spots = jnp.stack([rows[pair] for pair in self.pairs])
        vols = jnp.stack([path.quotes[f"{pair}.vol"] for pair in self.pairs], axis=-1)
        loads = {cross: (sides(cross, self.pairs) * vols) @ spots for cross in self.crosses}
        return path.with_quotes({f"{cross}.vol": root(jnp.sum(load**2, axis=-1)) for cross, load in loads.items()})

    def abroad(self, pair: str) -> Heston:
        r"""The inverse of ``pair`` in foreign cash, under the measure of the foreign money account: Heston again.

        :math:`Y=1/X` has the rates exchanged, :math:`\rho_Y=-\rho`, :math:`\kappa_Y=\kappa-\rho\xi` and
        :math:`\theta_Y=\kappa\theta/\kappa_Y`. So a call on :math:`X` at :math:`K` is :math:`X_0K` puts on :math:`Y` at
        :math:`1/K` (foreign-domestic symmetry).

        Raises ``ParameterError`` where the variance does not revert abroad, :math:`\kappa\le\rho\xi`.
        """
        require(pair in self.pairs, f"pair {pair!r} is unknown: {nearest(pair, self.pairs)}")
        home = cast(Heston, self.joint.markets[self.pairs.index(pair)])
        first, second = halves(pair)
        kappa = home.mean_reversion - home.correlation * home.vol_of_vol
        require(concrete(kappa, lambda k: k > 0), f"mean_reversion must exceed leverage x vol_of_vol: the variance of "
                f"{pair!r} does not revert abroad, by {kappa} a year")  # fmt: skip
        return Heston(
            second + first, 1.0 / home.spot, home.variance, kappa, home.mean_reversion * home.long_variance / kappa,
            home.vol_of_vol, -home.correlation, rate=home.dividend, dividend=home.rate, scheme=home.scheme,
        )  # fmt: skip
