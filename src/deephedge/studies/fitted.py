"""What a study fits to its training years and to nothing else; a study file says ``type = "fitted.<name>"``."""

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING

import jax
import numpy as np

from deephedge.core.errors import ConfigError, DataError, require
from deephedge.core.paths import bases
from deephedge.core.random import named_key
from deephedge.data import History
from deephedge.evaluation.metrics import risk
from deephedge.hedging import snapshots
from deephedge.markets import (
    BlackScholes,
    BlockBootstrap,
    Drawn,
    FilteredHistorical,
    FilteredHistoricalPanel,
    Heston,
    Replay,
    fit_panel,
    sample,
)
from deephedge.markets.garch_fit import filtered, fit_gjr
from deephedge.policies import MinimumVarianceDelta, WhalleyWilmott
from deephedge.studies.ledgers import hedged

if TYPE_CHECKING:
    from deephedge.studies.study import Study

DAYS = 252.0
AVERSIONS = tuple(float(x) for x in np.geomspace(10.0, 100_000.0, 13))


def heston_by_moments(name: str, returns: np.ndarray) -> Heston:
    """Realised moments of daily log returns: the variance path is that of a GJR-GARCH filter, in a year's units."""
    garch, mean, first = fit_gjr(returns)
    days = filtered(garch, returns - mean, first)
    variance = np.exp(2.0 * days.own)
    moves = np.diff(variance)
    memory = np.corrcoef(variance[1:], variance[:-1])[0, 1]
    level = returns.var() * DAYS
    return Heston(
        name, 1.0, level, mean_reversion=-DAYS * np.log(memory), long_variance=level,
        vol_of_vol=moves.std() * DAYS**0.5 / level**0.5, correlation=np.corrcoef(days.shocks[1:], moves)[0, 1],
    )  # fmt: skip


class Fitted:
    """Constructors that take what is missing from the training years of ``study``, or from its training market."""

    def __init__(self, study: "Study"):
        self.study = study
        self.hedges: dict[int, MinimumVarianceDelta] = {}  # several policies may stand on the same one

    def names(self) -> dict[str, Callable]:
        """By the names that a study file uses."""
        return {
            "fitted.BlackScholes": self.black_scholes,
            "fitted.BlockBootstrap": self.block_bootstrap,
            "fitted.FilteredHistorical": self.filtered_historical,
            "fitted.Heston": self.heston,
            "fitted.Panel": self.panel,
            "fitted.Replay": self.replay,
            "fitted.Drawn": self.drawn,
            "fitted.MinimumVarianceDelta": self.minimum_variance_delta,
            "fitted.WhalleyWilmott": self.whalley_wilmott,
        }

    def filtered_historical(
        self, drift: str | float = "martingale", distribution: str = "normal"
    ) -> FilteredHistorical:
        """Returns of the training years; implied volatility of the same days, or of the link years."""
        years, name = self.study.years("train"), self.study.underlier
        vol = years.quotes.get(f"{name}.vol")
        known = np.isfinite(vol) if vol is not None else np.zeros(len(years), bool)
        said = {"name": name, "drift": drift, "distribution": distribution}
        if known.any():
            first = int(np.argmax(known))
            link = slice(max(first - 1, 0), None)
            return FilteredHistorical.fit(years.log_returns(), vol[1:], link=link, **said)  # pyright: ignore
        return FilteredHistorical.fit(years.log_returns(), link=self._link(years), **said)

    def _link(self, years: History) -> tuple[np.ndarray, np.ndarray]:
        told = "there is no implied volatility in the training years: name later ones in data.link"
        require(self.study.data is not None and self.study.data.link is not None, told, ConfigError)
        later = self.study.years("link")
        told = f"link must begin after train ends ({years.dates[-1]}), it begins on {later.dates[0]}"
        require(bool(later.dates[0] > years.dates[-1]), told, ConfigError)
        vol = later.quote(f"{self.study.underlier}.vol")
        known = np.isfinite(vol)
        require(bool(known.any()), f"no implied volatility from {later.dates[0]} to {later.dates[-1]}", DataError)
        first = int(np.argmax(known))
        return later.log_returns()[first:], vol[first + 1 :]

    def black_scholes(self) -> BlackScholes:
        """The volatility of the training years, no drift."""
        return BlackScholes(self.study.underlier, vol=self._returns().std() * DAYS**0.5)

    def heston(self) -> Heston:
        """Realised moments of the training years, see `heston_by_moments`."""
        return heston_by_moments(self.study.underlier, self._returns())

    def block_bootstrap(self, block: float = 21.0, centre: bool = True) -> BlockBootstrap:
        """All quotes of the training years; days without a volatility are left out."""
        quotes = self._complete(self.study.years("train").names)
        rebased = self._rebased()
        centred = rebased if centre else ()
        return BlockBootstrap(quotes, block=block, centre=centred, start=dict.fromkeys(rebased, 1.0))

    def panel(
        self, kinds: dict[str, str], drift: str = "martingale", distribution: str = "normal"
    ) -> FilteredHistoricalPanel:
        """Filtered historical simulation of all series named in ``kinds`` together; see `markets.fit_panel`.

        A path starts in the state of any training day; prices that the study rebases start at 1.
        """
        quotes = self._complete(kinds)
        start = {name: 1.0 for name in self._rebased() if kinds.get(name) == "price"}
        return fit_panel(quotes, kinds, start="drawn", drift=drift, distribution=distribution, spot=start)

    def replay(self, quotes: tuple[str, ...] = (), centre: dict[str, str] | None = None) -> Replay:
        """Windows of the training years as they were, of all quotes or of those named; ``centre`` as in `Replay`."""
        rows = self._complete(quotes or self.study.years("train").names)
        return Replay(rows, rebase=self._rebase(), centre=centre or {})

    def drawn(self) -> Drawn:
        """All windows of the training years as they were, each as likely: books of option chains (``data.chain``)."""
        return Drawn(self.study.windows("train")[0])

    def _complete(self, names: Iterable[str]) -> dict[str, np.ndarray]:
        """These quotes on the training days that have all of them."""
        years = self.study.years("train")
        rows = {name: years.quote(name) for name in names}
        known = np.all([np.isfinite(row) for row in rows.values()], axis=0)
        require(bool(known.sum() > 2), f"{years} has no days with all of {', '.join(rows)}", DataError)
        return {name: row[known] for name, row in rows.items()}

    def _rebase(self) -> tuple[str, ...] | dict[str, str]:
        data = self.study.data
        return self.study.history.names[:1] if data is None or data.rebase is None else data.rebase

    def _rebased(self) -> tuple[str, ...]:
        """What starts at 1, for markets in which nothing else is rebased."""
        pairs = bases(self._rebase())
        other = next((name for name, base in pairs.items() if name != base), None)
        told = f"data.rebase divides {other} by another quote, and only fitted.Replay can start there; list names"
        require(other is None, told, ConfigError)
        return tuple(pairs)

    def minimum_variance_delta(self, paths: int = 4096) -> MinimumVarianceDelta:
        """Coefficients by regression on paths of the training market."""
        if paths not in self.hedges:
            problem = self.study.problem
            batch = sample(self.study.market, problem.grid, paths, key=self._key("minimum_variance"), method="random")
            seen = jax.jit(jax.vmap(lambda path: snapshots(problem, path).observation))(batch)
            self.hedges[paths] = MinimumVarianceDelta().fitted(seen)
        return self.hedges[paths]

    def whalley_wilmott(
        self, cost: float, strike: float = 1.0, aversions: tuple[float, ...] = AVERSIONS, paths: int = 8192
    ) -> WhalleyWilmott:
        """The risk aversion whose band has the least risk, as the study judges it, on paths of the training market."""
        problem, objective = self.study.problem, self.study.objective
        batch = sample(self.study.market, problem.grid, paths, key=self._key("whalley_wilmott"), method="random")
        tried = {str(a): WhalleyWilmott(cost=cost, risk_aversion=a, strike=strike) for a in aversions}
        ledgers = hedged(problem, tried, batch)
        best = min(ledgers, key=lambda a: risk(objective, ledgers[a].wealth, ledgers[a].weight))
        return tried[best]

    def _returns(self) -> np.ndarray:
        return self.study.years("train").log_returns()

    def _key(self, name: str) -> jax.Array:
        return named_key(self.study.key, f"fitted.{name}")
