"""Studies on option chains: books of contracts that were really quoted, sold every day, hedged with listed ones."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from datetime import date
from pathlib import Path

import jax.numpy as jnp
import numpy as np
from jax.scipy.stats import norm
from jaxtyping import Array

from deephedge import config as toml
from deephedge.core.errors import ConfigError, DataError, nearest, require
from deephedge.core.paths import MarketPath
from deephedge.core.types import as_float
from deephedge.data import Chains, History, Origin, Settlement
from deephedge.data.layouts import LAYOUTS
from deephedge.data.sources import File
from deephedge.pricing import black
from deephedge.studies.library import find_data

GREEKS = ("delta", "gamma", "vega", "vanna")


def greeks(spot, ahead, off, strike, vol, left, call) -> dict[str, Array]:
    """Black's price and its sensitivities to the index and to the volatility, discounted."""
    total, share = vol * jnp.sqrt(left), off * ahead / spot
    wide = jnp.maximum(total, 1e-3)  # where nothing is left to happen there is no vanna
    lower = (jnp.log(ahead / strike) - 0.5 * wide**2) / wide
    return {
        "mark": off * black.price(ahead, strike, total, 1.0, call),
        "delta": share * black.delta(ahead, strike, total, 1.0, call),
        "gamma": share * ahead / spot * black.gamma(ahead, strike, total),
        "vega": off * black.vega(ahead, strike, vol, left),
        "vanna": -share * norm.pdf(lower + wide) * lower / jnp.maximum(vol, 1e-3),
    }


@dataclass(frozen=True)
class Books:
    """Books of options out of the money, sold at every snapshot of a chain and held over the grid of the study.

    ``path`` is a file of option quotes and ``layout`` how it is read (recognised, unless given); of several underliers
    ``underlier`` says which, ``name`` what a path calls it. ``expiries`` limits the contracts, ``since`` and ``until``
    the snapshots, ``ends`` says when they settle (am, pm, zone; New York's hours unless given), ``rate`` is the
    interest (by parity unless given).

    On each snapshot ``books`` books are drawn (``seed``) of ``count`` contracts, a share of 1 / ``count`` each, with
    ``years`` to their end and log-moneyness in ``money``. ``hedges`` names listed options by log-moneyness, puts below
    0 and calls from 0: of those with ``hedge_years`` left the nearest to ``tenor`` years, then to that moneyness.
    Prices are scaled so that the underlier is 100 at the sale. ``half`` is half the spread of the underlier, a share of
    it; ``spread`` that of options, a share of their marks, for chains without bid and ask.

    Paths quote the underlier, its ``".bid"``, ``".ask"`` and ``".dividend"``, and ``"rate"``; for ``"book"`` (the mean
    of its contracts) and each hedge the mark under its name, ``".bid"``, ``".ask"``, ``".half"`` (half the spread) and
    Black's ``".delta"``, ``".gamma"``, ``".vega"``, ``".vanna"`` (to the underlier, and to a volatility of 1);
    ``"level"``, the volatility of the first hedge. Times are those of the grid.

    >>> Books("quotes.parquet", hedges={"call": 0.0, "put": -0.03}).called
    'SPX'
    """

    path: str
    layout: str | None = None
    underlier: str | None = None
    name: str | None = None
    expiries: tuple[str | date, ...] = ()
    since: str | date | None = None
    until: str | date | None = None
    ends: tuple[str, str, str] | None = None
    rate: float | None = None
    count: int = 3
    books: int = 64
    years: tuple[float, float] = (18 / 365, 60 / 365)
    money: tuple[float, float] = (-0.07, 0.035)
    hedges: dict[str, float] = field(default_factory=dict)
    hedge_years: tuple[float, float] = (30 / 365, 60 / 365)
    tenor: float = 45 / 365
    half: float = 0.0
    spread: float | None = None
    seed: int = 0

    def __post_init__(self):
        told = f"count and books must be 1 or more, were {self.count} and {self.books}"
        require(self.count >= 1 and self.books >= 1, told, ConfigError)
        require(
            len(self.hedges) > 0, "hedges must name one listed option or more, such as { hedge = 0.0 }", ConfigError
        )
        taken = sorted({"book", "rate", "level"} & set(self.hedges))
        require(
            not taken, f"a hedge cannot be called {', '.join(taken)}: the path has a quote of that name", ConfigError
        )

    @property
    def called(self) -> str:
        """What a path calls the underlier."""
        return self.name or self.underlier or "SPX"

    def read(self, near: Iterable[Path]) -> tuple[Chains, str]:
        """The chains of the file, and the file's name."""
        layout = None
        if self.layout is not None:
            known = self.layout in LAYOUTS
            told = f"data.chain: unknown layout {self.layout!r}: {nearest(self.layout, LAYOUTS)}"
            require(known, told, ConfigError)
            layout = toml.build({"type": self.layout}, namespace=dict(LAYOUTS), place="data.chain")
        place = Path(find_data(self.path, near))
        pieces = [one for one in File(place, layout, Origin(place.name)).read() if one.kind.name == "options"]
        require(len(pieces) > 0, f"data.chain: there are no options in {place.name}", DataError)
        found = pieces[0].joined(*pieces[1:])
        found = found if self.underlier is None else found.about(underlier=self.underlier)
        found = found.between(*(None if day is None else str(day) for day in (self.since, self.until)))
        settles = Settlement() if self.ends is None else Settlement(*self.ends)
        days = [date.fromisoformat(str(day)) for day in self.expiries] or None
        return self.assumed(Chains.of(found, settles=settles, rate=self.rate, expiries=days)), place.name

    def assumed(self, chains: Chains) -> Chains:
        """With bids and asks at ``spread`` around the marks, where that is given."""
        if self.spread is None:
            return chains
        gap = self.spread * chains.mark
        return replace(chains, bid=chains.mark - gap, ask=chains.mark + gap)

    def history(self, chains: Chains, file: str) -> History:
        """The underlier, its dividend yield and the rate at the last snapshot of each day."""
        days = chains.times.astype("datetime64[D]")
        last = np.r_[days[1:] > days[:-1], True]
        rows = {self.called: chains.spot, "rate": chains.rate, f"{self.called}.dividend": chains.dividend}
        return History.of(days[last], {key: row[last] for key, row in rows.items()}, source=file, repairs=chains.told)

    def windows(self, chains: Chains, first: str, last: str, times: np.ndarray) -> tuple[MarketPath, np.ndarray]:
        """All books sold and closed from ``first`` to ``last`` (days), and the day of each sale.

        Raises ``DataError`` where no snapshot of these days has so many after it, or too few contracts.
        """
        days, steps = chains.times.astype("datetime64[D]"), len(times) - 1
        inside = np.flatnonzero((days >= np.datetime64(first)) & (days <= np.datetime64(last)))
        sales = inside[: len(inside) - steps]
        told = f"data.chain: {len(inside)} snapshots from {first} to {last} hold no window of {steps} steps; take more"
        require(sales.size > 0, told, DataError)
        found = [self.sold(chains, int(sale), times) for sale in sales]
        quotes = {name: as_float(np.concatenate([one[name] for one in found])) for name in found[0]}
        grown = quotes.pop("numeraire")
        wide = as_float(np.broadcast_to(times, grown.shape))
        return MarketPath(wide, quotes, grown), np.repeat(days[sales], self.books)

    def sold(self, chains: Chains, sale: int, times: np.ndarray) -> dict[str, np.ndarray]:
        """What the paths of one snapshot quote, and their numeraire: an array of books by points each."""
        part = slice(sale, sale + len(times))
        left, money = chains.years(chains.expires, sale), np.log(chains.strike / chains.spot[sale])
        fit = (chains.halted[:, sale] == 0) & (left > chains.years(chains.times[part][-1:], sale)[0])
        fit &= np.isfinite(chains.mark[:, part]).all(1) & np.isfinite(chains.vol[:, part]).all(1)
        sold = fit & _inside(left, self.years) & _inside(money, self.money) & (chains.call == (money >= 0))
        rows, day = np.flatnonzero(sold), str(chains.times[sale])[:10]
        told = (
            f"data.chain: {rows.size} contracts could be sold on {day}, a book takes {self.count}; widen money or years"
        )
        require(rows.size >= self.count, told, DataError)
        rng = np.random.default_rng((self.seed, sale))
        legs = np.stack([rng.choice(rows, self.count, replace=False) for _ in range(self.books)], axis=1)
        found = {"book": {side: row.mean(0) for side, row in _quoted(chains, sale, part, legs).items()}}
        near = fit & _inside(left, self.hedge_years)
        for name, wanted in self.hedges.items():
            own = np.flatnonzero(near & (chains.call == (wanted >= 0)))
            require(own.size > 0, f"data.chain: no option was quoted on {day} to serve as {name}", DataError)
            apart = np.abs(left[own] - self.tenor).round(3), np.abs(money[own] - wanted)
            found[name] = _quoted(chains, sale, part, own[np.lexsort(apart[::-1])[:1]])
        spot, rate = chains.spot[part] * 100.0 / chains.spot[sale], chains.rate[part]
        named = {f"{name}.{side}": row for name, sides in found.items() for side, row in sides.items()}
        named |= {f"{name}.half": 0.5 * (sides["ask"] - sides["bid"]) for name, sides in found.items()}
        named |= {name: sides["mark"] for name, sides in found.items()}
        gap = self.half * spot
        named |= {self.called: spot, f"{self.called}.bid": spot - gap, f"{self.called}.ask": spot + gap}
        named |= {
            "rate": rate,
            f"{self.called}.dividend": chains.dividend[part],
            "level": found[next(iter(self.hedges))]["vol"],
        }
        gone = chains.years(chains.times[part], sale)
        named["numeraire"] = np.exp(np.r_[0.0, np.cumsum(rate[:-1] * np.diff(gone))])
        return {name: np.broadcast_to(np.asarray(row, float), (self.books, len(times))) for name, row in named.items()}


def _inside(values: np.ndarray, span: tuple[float, float]) -> np.ndarray:
    return (values > span[0]) & (values < span[1])


def _quoted(chains: Chains, sale: int, part: slice, rows: np.ndarray) -> dict[str, np.ndarray]:
    """Prices, sensitivities and volatility of contracts at the snapshots of a window, in units of 100 at the sale."""
    times, scale = chains.years(chains.times[part], sale), 100.0 / chains.spot[sale]
    left = chains.years(chains.expires[rows], sale)[..., None] - times
    off, strike = np.exp(-chains.rate[part] * left), chains.strike[rows][..., None] * scale
    ahead, vol, call = chains.forward[rows, part] * scale, chains.vol[rows, part], chains.call[rows][..., None]
    found = greeks(chains.spot[part] * scale, ahead, off, strike, vol, left, call)
    own = {side: getattr(chains, side)[rows, part] * scale for side in ("mark", "bid", "ask")}
    return {name: np.asarray(row) for name, row in found.items()} | own | {"vol": vol}
