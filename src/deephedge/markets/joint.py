"""Any markets in one path, correlated, under one money account; foreign ones with their quanto drift."""

from collections.abc import Mapping, Sequence
from itertools import pairwise

import equinox as eqx
import jax.core
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from deephedge.core.errors import nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.markets.account import SHORT, Account, rate_of
from deephedge.markets.base import AbstractMarket
from deephedge.markets.correlate import correlate

Asked = Mapping[tuple[str, str], float] | Sequence[Sequence[str | float]]


class Joint(AbstractMarket):
    r"""Several markets in one path; each keeps its own law, and what they have in common is correlation and cash.

    ``correlation`` maps pairs of drivers (of `AbstractMarket.drivers`, one in each of two markets) to numbers, or is
    rows of (driver, driver, number); what is not named follows with the least sum of squares. Correlations that do not
    exist together become the nearest that do, and a ``RepairWarning`` says by how much (``change`` keeps it); with
    ``repair=False`` they are refused.

    ``numeraire`` is a driver of the market whose money account :math:`N` is that of the path; by default the first
    that quotes a rate, and cash that earns nothing if none does. Prices (`AbstractMarket.tradables`) of market
    :math:`i` go under it, :math:`S^iN/N^i`; futures stay (but for the quadrature of the rate over steps) and their
    ``".dividend"`` becomes the rate. ``"rate"`` is that of the numeraire: its own quote, or its short rate. All other
    quotes are what their markets make them.

    ``currency`` maps a driver of a foreign market to the pair its cash changes at (``{"NKY": "JPYUSD"}``, home cash for
    one foreign unit): it is simulated under the home measure. Its normals fall by
    :math:`\mathrm{corr}\cdot\sigma_X\sqrt\Delta`, with :math:`\sigma_X` the quote ``"<pair>.vol"`` at the start of the
    step, and its prices, in foreign cash, grow with the account that the pair's ``".dividend"`` accrues, so that
    :math:`SX/N` is a martingale: exactly where the pair is lognormal over a step, otherwise to first order in the step.
    A foreign short rate replaces that dividend.

    Normals are correlated by ``factor``, made once, here: replace a market by making a new ``Joint``. Raises
    ``ParameterError`` for quotes or drivers of one name in two markets, unknown drivers, and two short rates of one
    currency.

    Source: Higham (2002) for the repair; Brigo and Mercurio (2006), chapter 2 and appendix B, for foreign assets and
    equity under stochastic rates.

    >>> import deephedge as dh, jax
    >>> market = dh.markets.Joint(
    ...     [dh.markets.BlackScholes("SPX", vol=0.2), dh.markets.Vasicek(0.03, 0.2, 0.04, 0.01, tenors=())],
    ...     {("SPX", "USD"): -0.3})
    >>> sorted(dh.sample(market, dh.TimeGrid.uniform(maturity=1.0, steps=4), 8, key=jax.random.key(0)).quotes)
    ['SPX', 'SPX.vol', 'USD.short', 'rate']
    """

    markets: tuple[AbstractMarket, ...]
    numeraire: str | None = eqx.field(static=True)
    currency: tuple[tuple[str, str], ...] = eqx.field(static=True)
    names: tuple[tuple[str, ...], ...] = eqx.field(static=True)
    factors: tuple[int, ...] = eqx.field(static=True)
    factor: Float[Array, "factor factor"]
    change: Float[Array, ""]

    def __init__(
        self,
        markets: Sequence[AbstractMarket],
        correlation: Asked = (),
        numeraire: str | None = None,
        currency: Mapping[str, str] | None = None,
        repair: bool = True,
    ):
        self.markets, self.numeraire, self.currency = tuple(markets), numeraire, tuple((currency or {}).items())
        require(len(self.markets) > 0, "markets must be one or more, were none")
        drivers = [_rows(market) for market in self.markets]
        self.names = tuple(tuple(rows) for rows in drivers)
        self.factors = tuple(next((len(row) for row in rows.values()), 0) for rows in drivers)
        names = [name for rows in drivers for name in rows]
        twice = sorted({name for name in names if names.count(name) > 1})
        require(not twice, f"markets share the drivers {twice}: give each market names of its own")
        pairs = correlation.items() if isinstance(correlation, Mapping) else (((a, b), x) for a, b, x in correlation)
        asked = {(str(first), str(second)): float(x) for (first, second), x in pairs}
        factor, change = correlate(drivers, self.factors, asked, repair)
        self.factor, self.change = as_float(factor), as_float(change)

    def __check_init__(self):
        abroad = self._abroad()
        home = self.numeraire is None or self._owner(self.numeraire, "numeraire") not in abroad
        require(home, f"numeraire must be a market of the home currency, {self.numeraire!r} is not")
        for pair in abroad.values():
            require(self._owner(pair, "currency") not in abroad, f"currency: the pair {pair!r} must be quoted at home")

    def shocks(self, grid: TimeGrid) -> tuple[int, int]:
        shapes = [market.shocks(grid) for market in self.markets]
        return max(rows for rows, _ in shapes), sum(columns for _, columns in shapes)

    @property
    def martingale(self) -> bool:
        return all(market.martingale for market in self.markets)

    def drivers(self) -> dict[str, Float[Array, " factor"]]:
        """Those of all markets; none where a market without any hides how many normals it takes."""
        rows = [market.drivers() for market in self.markets if all(self.names)]
        return {name: row @ self._block(n) for n, own in enumerate(rows) for name, row in own.items()}

    def tradables(self) -> dict[str, bool]:
        """Those of the markets at home: a foreign price is in foreign cash."""
        abroad = self._abroad()
        home = [market for n, market in enumerate(self.markets) if n not in abroad]
        return {name: funded for market in home for name, funded in market.tradables().items()}

    def path(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> MarketPath:
        normals, abroad = self._normals(grid, shocks), self._abroad()
        paths = {n: self.markets[n].path(grid, z) for n, z in enumerate(normals) if n not in abroad}
        own = self._home(paths)
        home = Account(grid, jnp.ones_like(grid.times)) if own is None else Account.of(grid, paths[own])
        parts = {
            n: path.quotes if n == own else home.under(self.markets[n].tradables(), path) for n, path in paths.items()
        }
        for n, pair in abroad.items():
            paths[n] = self.markets[n].path(grid, normals[n] - self._quanto(n, pair, paths, grid))
        for pair in dict.fromkeys(abroad.values()):
            bank, members = self._owner(pair, "currency"), [n for n, at in abroad.items() if at == pair]
            # A cross is a quotient of pairs, and would not follow one that gets a new foreign rate.
            still = not getattr(self.markets[bank], "crosses", ()) or not any(map(_short, (paths[n] for n in members)))
            require(still, f"crosses must be left out where a foreign short rate moves the pair {pair!r}")
            account = Account.abroad(grid, pair, paths[bank], [paths[n] for n in members])
            parts[bank] = parts[bank] | account.pair(pair, parts[bank])
            parts |= {n: account.under(self.markets[n].tradables(), paths[n]) for n in members}
        rate = {} if home.rate is None else {"rate": home.rate}
        return MarketPath(grid.times, _together(parts) | rate, home.value)

    def _owner(self, name: str, field: str) -> int:
        """Which market has the driver ``name``."""
        known = {known: n for n, names in enumerate(self.names) for known in names}
        require(name in known, f"{field}: no market has the driver {name!r}: {nearest(name, known)}")
        return known[name]

    def _abroad(self) -> dict[int, str]:
        """The foreign markets, and the pair that each one's cash changes at."""
        return {self._owner(name, "currency"): pair for name, pair in self.currency}

    def _block(self, n: int) -> Float[Array, "asset factor"]:
        """The rows of ``factor`` that make market ``n``'s normals."""
        start = sum(self.factors[:n])
        return self.factor[start : start + self.factors[n]]

    def _normals(self, grid: TimeGrid, shocks: Float[Array, "step factor"]) -> list[Float[Array, "rows columns"]]:
        shapes = [market.shocks(grid) for market in self.markets]
        ends = np.cumsum([0, *(columns for _, columns in shapes)]).tolist()
        parts = [shocks[:, a:b] for a, b in pairwise(ends)]
        common = [part for part, size in zip(parts, self.factors, strict=True) if size]
        mixed = jnp.concatenate(common, axis=1) if common else shocks
        parts = [mixed @ self._block(n).T if size else parts[n] for n, size in enumerate(self.factors)]
        return [part[:rows] for part, (rows, _) in zip(parts, shapes, strict=True)]

    def _quanto(self, n: int, pair: str, paths: dict[int, MarketPath], grid: TimeGrid) -> Float[Array, "step factor"]:
        """What the home measure takes from a foreign market's normals: their covariance with the log of the pair."""
        bank = self._owner(pair, "currency")
        vol = paths[bank].quote(f"{pair}.vol")[:-1]
        row = self._block(n) @ self._block(bank).T @ self.markets[bank].drivers()[pair]
        return (vol * jnp.sqrt(grid.dt))[:, None] * row

    def _home(self, paths: dict[int, MarketPath]) -> int | None:
        """The market at home whose money account is the numeraire."""
        short = [name for path in paths.values() for name in _short(path)]
        require(len(short) < 2, f"{short} are short rates of one currency: give all but one a pair in currency")
        if self.numeraire is not None:
            return self._owner(self.numeraire, "numeraire")
        return next((n for n, path in paths.items() if rate_of(path) is not None), None)


def _short(path: MarketPath) -> list[str]:
    return [name for name in path.quotes if name.endswith(SHORT)]


def _together(parts: dict[int, dict[str, Array]]) -> dict[str, Array]:
    """All quotes but the markets' own rates."""
    quotes: dict[str, Array] = {}
    for n in sorted(parts):
        own = {name: quote for name, quote in parts[n].items() if name != "rate"}
        twice = sorted(set(quotes) & set(own))
        require(not twice, f"markets share the quotes {twice}: give each market names of its own")
        quotes |= own
    return quotes


def _rows(market: AbstractMarket) -> dict[str, np.ndarray]:
    rows = market.drivers()
    traced = any(isinstance(row, jax.core.Tracer) for row in rows.values())
    require(not traced, "a Joint is made outside of transformations: its correlations are worked out once, in NumPy")
    return {name: np.asarray(row, float) for name, row in rows.items()}
