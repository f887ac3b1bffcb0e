"""Estimation for a panel of series: NumPy arrays in, a market out."""

from collections.abc import Mapping

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.markets.garch import Gjr
from deephedge.markets.garch_fit import FEWEST, TRADING_YEAR, Garch, Series, filtered, fit_gjr, targeted
from deephedge.markets.history import Numbers
from deephedge.markets.panel import KINDS, FilteredHistoricalPanel


def fit_panel(
    history: Mapping[str, Numbers],
    kinds: Mapping[str, str],
    *,
    start: str = "today",
    drift: str = "martingale",
    distribution: str = "normal",
    spot: Mapping[str, float] | None = None,
) -> FilteredHistoricalPanel:
    """Fit a `FilteredHistoricalPanel` to ``history``, daily arrays of equal length by name, of the same closes.

    ``kinds`` says ``"price"``, ``"level"`` or ``"log"`` for each. The variance of a price is fitted by quasi-likelihood
    (``distribution``: ``"normal"`` or ``"t"``) and targeted, so that in the long run it is that of its
    returns; the others by least squares on the day before. ``start``: ``"today"``, the state at the last close, or
    ``"drawn"``, any of the closes. ``drift``: ``"martingale"`` or ``"historical"``, the growth of each price. Prices
    start at their last close unless ``spot`` gives another.

    Raises ``DataError`` for gaps, unequal lengths, fewer than 250 changes, prices of 0 or less, or a series that does
    not revert.

    >>> import numpy as np
    >>> z = np.random.default_rng(0).standard_normal((400, 2))
    >>> history = {"SPX": np.exp(np.cumsum(0.01 * z[:, 0])), "VIX": np.exp(z[:, 1])}
    >>> fit_panel(history, {"SPX": "price", "VIX": "log"}).prices
    ('SPX',)
    """
    require(start in ("today", "drawn"), f"start must be 'today' or 'drawn', was {start!r}")
    known = ("martingale", "historical")
    require(drift in known, f"drift must be one of {known}, was {drift!r}")
    rows, spot = checked(history, kinds), dict(spot or {})
    prices = tuple(name for name in rows if kinds[name] == "price")
    require(set(spot) <= set(prices), f"spot must name prices, {prices}, was {sorted(spot)}")
    garch, lines, residuals, states, growth = [], [], [], [], []
    for name, row in rows.items():
        if kinds[name] == "price":
            law, shocks, state, rise = fit_price(np.diff(np.log(row)), distribution)
            garch.append(Gjr(*law))
            growth.append(rise)
        else:
            line, shocks, state = fit_reverting(np.log(row) if kinds[name] == "log" else row, name)
            lines.append(line)
        residuals.append(shocks)
        states.append(state)
    mean, memory = np.array(lines).reshape(-1, 2).T
    rows_of_states = np.stack(states, axis=1)
    return FilteredHistoricalPanel(
        tuple(rows),
        tuple(kinds[name] for name in rows),
        tuple(garch),
        mean,
        memory,
        np.stack(residuals, axis=1),
        rows_of_states[-1:] if start == "today" else rows_of_states,
        spot=[spot.get(name, rows[name][-1]) for name in prices],
        drift=growth if drift == "historical" else None,
    )


def checked(history: Mapping[str, Numbers], kinds: Mapping[str, str]) -> dict[str, Series]:
    """The series as rows, refused where they do not fit together."""
    require(set(history) == set(kinds), f"kinds must name the series {sorted(history)}, named {sorted(kinds)}")
    rows = {name: np.asarray(row, dtype=float) for name, row in history.items()}
    require(len({row.shape for row in rows.values()}) == 1, "all series must have the same days", DataError)
    for name, row in rows.items():
        require(kinds[name] in KINDS, f"kinds[{name!r}] must be one of {KINDS}, was {kinds[name]!r}")
        require(
            row.ndim == 1 and row.size > FEWEST, f"{name} must have more than {FEWEST} days, had {row.shape}", DataError
        )
        gaps = np.flatnonzero(~np.isfinite(row))
        require(gaps.size == 0, f"{name} is not finite on {gaps.size} days (first: {gaps[:5].tolist()})", DataError)
        positive = kinds[name] == "level" or bool(row.min() > 0)
        require(positive, f"{name} must be positive as a {kinds[name]}; 'level' may be negative", DataError)
    return rows


def fit_price(returns: Series, distribution: str = "normal") -> tuple[Garch, Series, Series, float]:
    """The variance, standardised returns, variances of the day to come at each return, and yearly growth."""
    garch, mean, first = fit_gjr(returns, distribution)
    days = filtered(garch, returns - mean, first)
    growth = TRADING_YEAR * float(np.log(np.mean(np.exp(returns))))
    return targeted(garch, returns, days.shocks), days.shocks, np.exp(2.0 * days.own) / TRADING_YEAR, growth


def fit_reverting(row: Series, name: str) -> tuple[tuple[float, float], Series, Series]:
    """Mean and memory a day by least squares, what they leave, and the states."""
    before, after = row[:-1], row[1:]
    memory = float(np.cov(before, after)[0, 1] / np.var(before, ddof=1))
    require(bool(abs(memory) < 1), f"{name} does not revert (memory {memory:.5f}); take more days", DataError)
    constant = float(after.mean() - memory * before.mean())
    return (constant / (1.0 - memory), memory), after - constant - memory * before, after
