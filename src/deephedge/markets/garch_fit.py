"""Estimation for filtered historical simulation: NumPy arrays in, NumPy arrays out."""

from typing import NamedTuple

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.markets.history import TRADING_YEAR, Numbers

FEWEST = 250  # days, below which such a fit is noise
NEIGHBOURS = 25  # days of similar return that may lend their surprise in implied volatility
AVERAGING = 1.0 / 22.0  # share of today in the average of implied volatility: about a month
WORST = 10.0  # implied deviations: a day's return beyond counts as this much for implied volatility

Garch = tuple[float, float, float, float]  # omega, alpha, gamma, beta; variance a day
Series = np.ndarray


class Filtered(NamedTuple):
    """What `FilteredHistorical` is made of; ``growth`` is the continuous yearly growth of the returns."""

    garch: Garch
    link: Series  # level, memory, trend, pull, leverage
    residuals: Series  # rows (standardised return, surprise in log implied volatility)
    states: Series  # rows (variance of the next day, log implied volatility at the close, its average)
    growth: float


class Days(NamedTuple):
    """Consecutive days as the fitted variance sees them."""

    moves: Series  # returns less their mean
    variance: Series  # known at the start of each day
    own: Series  # log of the model's own volatility a year, known at its end

    @property
    def shocks(self) -> Series:
        return self.moves / np.sqrt(self.variance)

    def part(self, known: slice) -> "Days":
        return Days(*(row[known] for row in self))


def fit_filtered(
    returns: Numbers, implied_vol: Numbers | None, link: slice | tuple | None, distribution: str
) -> Filtered:
    """See `FilteredHistorical.fit`."""
    returns = series(returns, "returns")
    garch, mean, first = fit_gjr(returns, distribution)
    days = filtered(garch, returns - mean, first)
    log_implied = np.full(len(returns), np.nan)
    if isinstance(link, tuple):
        require(implied_vol is None, "give implied_vol with a slice, or link=(returns, vol) alone", DataError)
        later = series(link[0], "returns of the link") - mean
        linked = filtered(garch, later, np.exp(2.0 * days.own[-1]) / TRADING_YEAR)
        logs = log_volatility(link[1], len(later))
    else:
        require(implied_vol is not None, "give implied_vol, or link=(returns, vol) of later days", DataError)
        known = slice(None) if link is None else link
        linked = days.part(known)
        logs = log_implied[known] = log_volatility(implied_vol, len(returns), known)
    coefficients, surprises = fit_link(linked, logs)
    coefficients = anchored(coefficients, linked, days)
    log_implied, residuals = completed(log_implied, days, coefficients, linked.shocks[1:], surprises)
    states = np.stack([np.exp(2.0 * days.own) / TRADING_YEAR, log_implied, averaged(log_implied)], axis=1)
    growth = TRADING_YEAR * float(np.log(np.mean(np.exp(returns))))
    return Filtered(targeted(garch, returns, residuals[:, 0]), coefficients, residuals, states, growth)


def series(values: Numbers, what: str) -> Series:
    """A row of finite numbers long enough to fit on."""
    row = np.asarray(values, dtype=float)
    require(
        row.ndim == 1 and row.size >= FEWEST, f"{what} need {FEWEST} days or more, had shape {row.shape}", DataError
    )
    gaps = np.flatnonzero(~np.isfinite(row))
    require(gaps.size == 0, f"{what} are not finite on {gaps.size} days (first: {gaps[:5].tolist()})", DataError)
    return row


def log_volatility(implied_vol: Numbers | None, days: int, known: slice = slice(None)) -> Series:
    """Log of the known part of implied volatility, checked."""
    row = np.asarray(implied_vol, dtype=float)
    require(row.shape == (days,), f"implied vol must match its {days} returns day by day, had {row.shape}", DataError)
    row = series(row[known], "implied vols")
    require(
        bool(row.min() > 0 and np.median(row) < 2), "implied vol must be positive fractions (0.2, not 20)", DataError
    )
    return np.log(row)


def fit_gjr(returns: Series, distribution: str = "normal") -> tuple[Garch, float, float]:
    """GJR-GARCH(1,1) by quasi maximum likelihood (package ``arch``): parameters, mean return, first variance."""
    from arch import arch_model  # takes a second to import, and only fitting needs it

    known = ("normal", "t")
    require(distribution in known, f"distribution must be one of {known}, was {distribution!r}")
    model = arch_model(100.0 * returns, mean="Constant", vol="GARCH", p=1, o=1, q=1, dist=distribution)  # pyright: ignore
    result = model.fit(disp="off", show_warning=False)
    mean, omega, alpha, gamma, beta = (float(x) for x in np.asarray(result.params)[:5])
    mean, omega = mean / 100.0, omega / 1e4
    first = float(np.asarray(result.conditional_volatility)[0] / 100.0) ** 2
    return (omega, alpha, gamma, beta), mean, first


def targeted(garch: Garch, returns: Series, shocks: Series) -> Garch:
    """The constant that makes the long-run variance of a simulation that of the returns (Engle and Mezrich 1996)."""
    _, alpha, gamma, beta = garch
    persistence = beta + np.mean((alpha + gamma * (shocks < 0)) * shocks**2)
    require(
        bool(persistence < 1.0),
        f"the fitted variance does not revert (persistence {persistence:.4f}); "
        "take more days, or distribution='normal'",
        DataError,
    )
    return float(np.var(returns) / np.mean(shocks**2) * (1.0 - persistence)), alpha, gamma, beta


def filtered(garch: Garch, moves: Series, first: float) -> Days:
    """The variance along ``moves``, given that of the first day."""
    omega, alpha, gamma, beta = garch
    variance = np.empty(len(moves) + 1)
    variance[0] = first
    for day, new in enumerate(omega + (alpha + gamma * (moves < 0)) * moves**2):
        variance[day + 1] = new + beta * variance[day]
    return Days(moves, variance[:-1], 0.5 * np.log(TRADING_YEAR * variance[1:]))


def implied_moves(moves: Numbers, log_implied: Numbers) -> Numbers:
    """Returns over the deviation that the day before implied for them."""
    return np.clip(np.asarray(moves) * np.sqrt(TRADING_YEAR) * np.exp(-np.asarray(log_implied)), -WORST, WORST)


def averaged(log_implied: Series) -> Series:
    """Exponential average of about a month, from the first day on."""
    average = log_implied.copy()
    for day in range(1, len(average)):
        average[day] = average[day - 1] + AVERAGING * (log_implied[day] - average[day - 1])
    return average


def fit_link(days: Days, log_implied: Series) -> tuple[Series, Series]:
    """Least squares of log implied volatility on its past and average, the model's own, and the day's move."""
    before, average, after = log_implied[:-1], averaged(log_implied)[:-1], log_implied[1:]
    move = implied_moves(days.moves[1:], before)
    columns = np.stack([np.ones_like(before), before, average, days.own[1:], move], axis=1)
    coefficients, *_ = np.linalg.lstsq(columns, after)
    memory = coefficients[1] + coefficients[2]
    require(bool(abs(memory) < 1), f"implied vol does not revert (memory {memory:.4f}); take more days", DataError)
    return coefficients, after - columns @ coefficients


def anchored(coefficients: Series, linked: Days, days: Days) -> Series:
    """The level moved so that implied volatility keeps its mean ratio to the model's own.

    Day by day implied volatility follows the model's own by less than one to one; taken from calm years to wild ones,
    such a line would leave it far below the volatility that comes. Between periods it is moved one to one.
    """
    level, memory, trend, pull, leverage = coefficients
    level += (1.0 - memory - trend - pull) * (days.own.mean() - linked.own.mean())
    return np.array([level, memory, trend, pull, leverage])


def completed(
    log_implied: Series, days: Days, coefficients: Series, lent_by: Series, surprises: Series
) -> tuple[Series, Series]:
    """Log implied volatility on all days, and residual pairs of all days but the first.

    Where it was observed on a day and the day before, the pair is the actual one. Otherwise its surprise is lent by one
    of the days of the link with the nearest shocks, so that the dependence between the two is kept, and implied
    volatility follows from it.
    """
    level, memory, trend, pull, leverage = coefficients
    full, lent = log_implied.copy(), lend(days.shocks, lent_by, surprises)
    if np.isnan(full[0]):
        full[0] = (level + pull * days.own[0]) / (1.0 - memory - trend)
    average = full[0]
    for day in range(1, len(full)):
        move = implied_moves(days.moves[day], full[day - 1])
        expected = level + memory * full[day - 1] + trend * average + pull * days.own[day] + leverage * move
        if np.isnan(full[day]):
            full[day] = expected + lent[day]
        elif np.isfinite(log_implied[day - 1]):
            lent[day] = full[day] - expected
        average += AVERAGING * (full[day] - average)
    return full, np.stack([days.shocks[1:], lent[1:]], axis=1)


def lend(shocks: Series, lent_by: Series, surprises: Series) -> Series:
    """For each shock, the surprise of one of the days with the nearest shocks, the same at every call."""
    order = np.argsort(lent_by)
    near = np.searchsorted(lent_by[order], shocks) - NEIGHBOURS // 2
    first = np.clip(near, 0, len(order) - NEIGHBOURS)
    chosen = first + np.random.default_rng(0).integers(0, NEIGHBOURS, len(shocks))
    return surprises[order][chosen]
