"""Which market's paths are nearest to years that none was fitted to: ``python -m bench.validate --data FOLDER``.

The S&P 500 with the VIX: every market is fitted to the days up to ``--split`` and scored on those after it, windows of
a year beside windows of a year; the file of results is what the docs quote. FOLDER (or ``DEEPHEDGE_EQUITY``) holds the
two files in FILES; without it the S&P 500 that ships inside the package ``arch`` is used, on facts of the price alone,
as there is no VIX before the split. ``--brief`` scores three markets on a few paths and writes nothing.
"""

import argparse
import os
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
from scipy import optimize, stats

import deephedge as dh
from bench.kept import keep
from deephedge.data import History, load
from deephedge.markets.garch_fit import fit_gjr
from deephedge.studies.fitted import heston_by_moments

FILES = {"spot": "sp500_ohlcv_yahoo_1975_2022.csv", "vol": "vix_ohlc_1990_2022.csv"}
NAME, DAYS = "SPX", 252.0
Quotes = dict[str, np.ndarray]


def returns_of(train: Quotes) -> np.ndarray:
    return np.diff(np.log(train[NAME]))


def black_scholes(train: Quotes) -> dh.markets.BlackScholes:
    returns = returns_of(train)
    return dh.markets.BlackScholes(NAME, vol=returns.std() * DAYS**0.5, drift=growth(returns))


def growth(returns: np.ndarray) -> float:
    return float(DAYS * np.log(np.mean(np.exp(returns))))


def heston(train: Quotes) -> dh.markets.Heston:
    return heston_by_moments(NAME, returns_of(train))


def merton(train: Quotes) -> dh.markets.Merton:
    """Maximum likelihood: a day's return is a mixture of normals with Poisson weights."""
    returns, dt, jumps = returns_of(train), 1.0 / DAYS, np.arange(12)[:, None]

    def unpacked(x):
        return x[0], np.exp(x[1]), np.exp(x[2]), x[3], np.exp(x[4])

    def loss(x):
        drift, vol, intensity, mean, size = unpacked(x)
        scale = np.sqrt(vol**2 * dt + jumps * size**2)
        weight = stats.poisson.pmf(jumps, intensity * dt)
        return -np.sum(np.log(np.sum(weight * stats.norm.pdf(returns, drift * dt + jumps * mean, scale), axis=0)))

    start = (0.1, np.log(0.12), np.log(30.0), -0.002, np.log(0.015))
    best = optimize.minimize(loss, start, method="Nelder-Mead", options={"maxiter": 4000, "maxfev": 4000})
    _, vol, intensity, mean, size = unpacked(best.x)
    return dh.markets.Merton(NAME, 1.0, vol=vol, intensity=intensity, jump_mean=mean, jump_vol=size,
                             drift=growth(returns))  # fmt: skip


def gjr(train: Quotes) -> dh.markets.GjrGarch:
    """Quasi maximum likelihood, with the constant that gives the variance of the returns."""
    returns = returns_of(train)
    (_, alpha, gamma, beta), _, _ = fit_gjr(returns)
    omega = returns.var() * (1.0 - alpha - 0.5 * gamma - beta)
    return dh.markets.GjrGarch(NAME, dh.markets.Gjr(omega, alpha, gamma, beta), drift=growth(returns))


def regimes(train: Quotes) -> dh.markets.RegimeSwitching:
    """Three normal regimes by expectation and maximisation (Baum-Welch), then the chain in continuous time."""
    returns = returns_of(train)
    means, vols = np.full(3, returns.mean()), returns.std() * np.array([0.5, 1.0, 2.5])
    moves = np.full((3, 3), 0.01) + 0.97 * np.eye(3)
    for _ in range(60):
        density = stats.norm.pdf(returns[:, None], means, vols)
        ahead, back, scale = np.empty_like(density), np.ones_like(density), np.empty(len(returns))
        now = np.full(3, 1 / 3)
        for t, row in enumerate(density):
            now = (now @ moves if t else now) * row
            scale[t] = now.sum()
            ahead[t] = now = now / scale[t]
        for t in range(len(returns) - 2, -1, -1):
            back[t] = moves @ (density[t + 1] * back[t + 1]) / scale[t + 1]
        belief = ahead * back
        pairs = ahead[:-1].T @ (density[1:] * back[1:] / scale[1:, None]) * moves
        moves = pairs / pairs.sum(axis=1, keepdims=True)
        means = belief.T @ returns / belief.sum(axis=0)
        vols = np.sqrt(np.sum(belief * (returns[:, None] - means) ** 2, axis=0) / belief.sum(axis=0))
    order = np.argsort(vols)
    generator = DAYS * (moves[np.ix_(order, order)] - np.eye(3))
    drifts = DAYS * (means + 0.5 * vols**2)[order]
    return dh.markets.RegimeSwitching(NAME, vols=vols[order] * DAYS**0.5, generator=generator, drifts=drifts, regime=1)


def filtered(train: Quotes) -> dh.markets.FilteredHistorical:
    """Where the training years have no implied volatility, that of the last month stands in for it."""
    returns, vol = returns_of(train), train.get(f"{NAME}.vol")
    if vol is None:
        month = np.sqrt(DAYS / 21 * np.convolve(returns**2, np.ones(21))[20 : len(returns)])
        return dh.markets.FilteredHistorical.fit(returns[20:], month, name=NAME, drift="historical")
    return dh.markets.FilteredHistorical.fit(returns, vol[1:], name=NAME, drift="historical")


def bootstrap(train: Quotes) -> dh.markets.BlockBootstrap:
    return dh.markets.BlockBootstrap(train, block=21.0)


def replay(train: Quotes) -> dh.markets.Replay:
    """The training years themselves: how far one part of history is from another."""
    return dh.markets.Replay(train, rebase=(NAME,))


MARKETS: dict[str, Callable[[Quotes], dh.markets.AbstractMarket]] = {
    "BlackScholes": black_scholes,
    "BlockBootstrap": bootstrap,
    "FilteredHistorical": filtered,
    "GjrGarch": gjr,
    "Heston": heston,
    "Merton": merton,
    "RegimeSwitching": regimes,
    "Replay of the training years": replay,
}


def history(folder: Path | None) -> History:
    if folder is None:
        return load("arch")
    return load({role: folder / file for role, file in FILES.items()}).between("1990-01-02", None)


def known(part: History, names: set[str]) -> Quotes:
    return {name: np.array(row) for name, row in part.quotes.items() if name in names}


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    place = os.environ.get("DEEPHEDGE_EQUITY")
    parser.add_argument("--data", type=Path, default=Path(place) if place else None)
    parser.add_argument("--split", default="2010-12-31", help="last day of the training years")
    parser.add_argument("--paths", type=int, default=4000)
    parser.add_argument("--brief", action="store_true")
    options = parser.parse_args(arguments)
    whole, began = history(options.data), time.perf_counter()
    train, test = whole.between(None, options.split), whole.between(options.split, None)
    both = {n for n in whole.names if all(np.isfinite(part.quote(n)).all() for part in (train, test))}
    markets = dict(list(MARKETS.items())[:3]) if options.brief else MARKETS
    ranking = dh.markets.compare_markets(
        markets, known(train, both), known(test, both), 126 if options.brief else 252,
        paths=64 if options.brief else options.paths, key=jax.random.key(0),
    )  # fmt: skip
    print(f"fitted to {train.dates[0]} to {train.dates[-1]}, scored on {test.dates[0]} to {test.dates[-1]}\n{ranking}")
    found = {"train": str(train), "test": str(test), "source": whole.provenance.as_dict(),
             "seconds": time.perf_counter() - began} | ranking.to_dict()  # fmt: skip
    if not options.brief:
        for card in ranking.cards.values():
            print(f"\n{card}")
        keep(f"validate{'' if options.data else '-arch'}", found)
    return found


if __name__ == "__main__":
    main()
