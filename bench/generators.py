"""Learnt markets against simple ones, on a known law and on the S&P 500: ``python -m bench.generators [--data FILE]``.

Known law: windows of a Heston market. Every market that is fitted sees the same windows, and is judged by the distance
of signatures from other windows of the law, never seen. S&P 500 (FILE, with ``--price`` for the name of its column;
without one 1999-2018 from the package ``arch``): fitted to the days up to 2012, judged on those after. Intervals are
Student's over seeds, of paired differences (the same windows and the same simulated normals for both). ``--quick``
trains for a few steps and writes nothing.
"""

import argparse
import time
from collections.abc import Callable
from pathlib import Path

import jax
import numpy as np
import optax
from scipy import stats
from scipy.optimize import minimize

import deephedge as dh
from bench.kept import keep
from bench.pictures import FOLDER, draw
from deephedge import data
from deephedge import markets as m
from deephedge.training import discrepancy, fit_generator

STEPS = 40
SPLIT = "2012-12-31"
HESTON = (1.0, 0.04, 5.0, 0.04, 1.2, -0.7)
FULL = {"seeds": 5, "updates": 300, "paths": 256, "windows": 4096, "test": 8192, "evaluations": 100}
REAL = FULL | {"test": 4096, "evaluations": 70}
QUICK = {"seeds": 2, "updates": 3, "paths": 16, "windows": 64, "test": 64, "evaluations": 2}
Numbers = dict[str, float]


def moments(path: dh.MarketPath) -> Numbers:
    """Of daily log returns, all windows together; leverage is the mean of corr(r_t, r²_{t+k}), k = 1 to 5."""
    r = np.diff(np.log(np.asarray(path.quotes["SPX"], float)), axis=1)
    square, centred = r**2, r - r.mean()

    def likeness(a: np.ndarray, b: np.ndarray) -> float:
        return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])

    return {
        "vol": float(r.std() * 252**0.5),
        "skewness": float((centred**3).mean() / r.std() ** 3),
        "excess_kurtosis": float((centred**4).mean() / r.var() ** 2 - 3),
        "leverage": float(np.mean([likeness(r[:, :-k], square[:, k:]) for k in range(1, 6)])),
        "squares_1": likeness(square[:, :-1], square[:, 1:]),
        "squares_10": likeness(square[:, :-10], square[:, 10:]),
    }


def interval(values: list[float]) -> dict[str, float]:
    """Mean and 95 % Student interval over seeds."""
    x, n = np.asarray(values), len(values)
    half = float(stats.t.ppf(0.975, n - 1) * x.std(ddof=1) / n**0.5)
    return {"mean": float(x.mean()), "low": float(x.mean()) - half, "high": float(x.mean()) + half}


def grid() -> dh.TimeGrid:
    return dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)


def untrained(vol: float, key: jax.Array, drift: float | None) -> dict[str, m.AbstractGenerator]:
    return {
        "NeuralSde": m.NeuralSde("SPX", vol, key=key, drift=drift),
        "WindowGenerator": m.WindowGenerator("SPX", vol, key=key, drift=drift),
    }


def trained(market: m.AbstractGenerator, features: m.SignatureFeatures, key: jax.Array, size: dict) -> m.AbstractMarket:
    rate = optax.cosine_decay_schedule(1e-2, size["updates"])
    return fit_generator(market, features, optax.adam(rate), updates=size["updates"], paths=size["paths"],
                         key=key, validation=min(4096, 16 * size["paths"])).market  # fmt: skip


def judged(markets: dict[str, m.AbstractMarket], features: dict[str, m.SignatureFeatures], key, size) -> dict:
    rows = {}
    for name, market in markets.items():
        path = dh.sample(market, grid(), size["test"], key=key, method="random")
        far = {
            f"distance_{which}": discrepancy(market, f, paths=size["test"], key=key) for which, f in features.items()
        }
        rows[name] = far | moments(path)
    return rows


def summary(runs: list[dict], against: tuple[str, ...], which: str) -> dict:
    """Means over seeds, and intervals of paired differences of distance."""
    names = runs[0].keys()
    means = {name: {q: interval([run[name][q] for run in runs]) for q in runs[0][name]} for name in names}
    less = {
        f"{name} less {other}": interval([run[name][which] - run[other][which] for run in runs])
        for name in names for other in against if name != other
    }  # fmt: skip
    return {"markets": means, "differences": less}


def known_law(size: dict) -> dict:
    law, runs, truth = m.Heston("SPX", *HESTON), [], []
    for seed in range(size["seeds"]):
        keys = jax.random.split(jax.random.key(seed), 5)
        windows = dh.sample(law, grid(), size["windows"], key=keys[0], method="random")
        features = m.SignatureFeatures.of(windows)
        held_out = dh.sample(law, grid(), size["test"], key=keys[1], method="random")
        truth.append({"truth": moments(held_out)})
        vol = moments(windows)["vol"]
        start = untrained(vol, keys[2], None)
        markets = {"BlackScholes": m.BlackScholes("SPX", vol), "the law itself": law}
        markets |= {f"{name}, untrained": market for name, market in start.items()}
        markets |= {name: trained(market, features, keys[3], size) for name, market in start.items()}
        runs.append(judged(markets, {"held_out": features.centred_on(held_out)}, keys[4], size))
        print(f"known law, seed {seed}:", {name: round(row["distance_held_out"], 5) for name, row in runs[-1].items()})
    against = ("BlackScholes", "NeuralSde, untrained", "WindowGenerator, untrained")
    found = summary(runs, against, "distance_held_out")
    return found | {"truth": summary(truth, (), "")["markets"]["truth"]}


def picture(size: dict, folder: Path) -> Path:
    """A year of a Heston law and of the two generators that learnt it from its windows."""
    law, keys = m.Heston("SPX", *HESTON), jax.random.split(jax.random.key(0), 3)
    windows = dh.sample(law, grid(), size["windows"], key=keys[0], method="random")
    features, vol = m.SignatureFeatures.of(windows), moments(windows)["vol"]
    learnt = {name: trained(each, features, keys[2], size) for name, each in untrained(vol, keys[1], None).items()}
    worlds = {
        name: (lambda made=made: made, "SPX", "price") for name, made in ({"Heston, the law": law} | learnt).items()
    }
    return draw("generators", worlds, folder)


def fitted_heston(features: m.SignatureFeatures, vol: float, drift: float, key, size: dict) -> m.Heston:
    """Heston fitted by Nelder and Mead to the same distance that the generators are trained on."""

    def market(x: np.ndarray) -> m.Heston:
        return m.Heston("SPX", 1.0, np.exp(x[0]), np.exp(x[1]), np.exp(x[0]), np.exp(x[2]), np.tanh(x[3]), drift=drift)

    found = minimize(lambda x: discrepancy(market(x), features, paths=8 * size["paths"], key=key),
                     [np.log(vol**2), np.log(5.0), np.log(0.7), -0.7], method="Nelder-Mead",
                     options={"maxfev": size["evaluations"]})  # fmt: skip
    return market(found.x)


def classical(history, windows: m.SignatureFeatures, drift: float, vol: float, key, size: dict) -> dict:
    returns = history.log_returns("SPX")
    link = history.quotes.get("SPX.vol")
    known = link is not None and np.isfinite(link).all()  # an index that began later does not cover this history
    filtered = m.FilteredHistorical.fit(returns, link[1:] if known else realised(returns), drift=drift)
    return {
        "BlackScholes": m.BlackScholes("SPX", vol, drift=drift),
        "Heston": fitted_heston(windows, vol, drift, key, size),
        "GjrGarch": m.GjrGarch("SPX", filtered.garch, drift=drift),
        "FilteredHistorical": filtered,
        "BlockBootstrap": m.BlockBootstrap({"SPX": history.quote("SPX")}, block=21, start={"SPX": 1.0}),
    }


def realised(returns: np.ndarray) -> np.ndarray:
    """Where the history has no implied volatility: the root of an exponential average of squares, of about a month."""
    squares, level = np.empty_like(returns), float(np.mean(returns**2))
    for day, r in enumerate(returns):
        level += (r**2 - level) / 22
        squares[day] = level
    return np.sqrt(252 * squares)


def real(source, columns, size: dict) -> dict:
    history = data.load(source, columns=columns)
    before, after = history.between(None, SPLIT), history.between("2013-01-01", None)
    train, test = (data.windows(_price(part), STEPS)[0] for part in (before, after))
    features = m.SignatureFeatures.of(train)
    returns = before.log_returns("SPX")
    vol = float(returns.std() * 252**0.5)
    drift = float(np.log(np.mean(np.exp(returns))) * 252)
    about = {"train": str(before), "test": str(after), "sha256": history.provenance.sha256}
    rivals, runs = classical(before, features, drift, vol, jax.random.key(99), size), []
    targets = {"train": features, "held_out": features.centred_on(test)}
    for seed in range(size["seeds"]):
        keys = jax.random.split(jax.random.key(seed), 3)
        learnt = {name: trained(market, features, keys[1], size)
                  for name, market in untrained(vol, keys[0], drift).items()}  # fmt: skip
        runs.append(judged(rivals | learnt, targets, keys[2], size))
        print(f"S&P 500, seed {seed}:", {name: (round(row["distance_train"], 4), round(row["distance_held_out"], 4))
                                         for name, row in runs[-1].items()})  # fmt: skip
    found = summary(runs, ("FilteredHistorical", "BlackScholes"), "distance_held_out")
    return about | found | {"history": {"train": moments(train), "held_out": moments(test)}}


def _price(history):
    kept = {"SPX": history.quote("SPX")}
    return data.History.of(history.dates, kept, source=history.provenance.source)


PARTS: dict[str, Callable] = {"known": lambda args, size: known_law(size), "real": lambda args, size: real(
    args.data, {"spot": args.price} if args.price else None, size),
    "picture": lambda args, size: str(picture(size, args.folder).name)}  # fmt: skip


def main(arguments: list[str] | None = None) -> dict:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--data", default="arch")
    parser.add_argument("--price")
    parser.add_argument("--only", choices=PARTS)
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where the picture goes")
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args(arguments)
    sizes = dict.fromkeys(PARTS, QUICK) if args.quick else {"known": FULL, "real": REAL, "picture": FULL}
    started = time.perf_counter()
    names = [args.only] if args.only else ["known", "real"]
    result = {"steps": STEPS, "size": sizes[names[-1]]} | {name: PARTS[name](args, sizes[name]) for name in names}
    result["seconds"] = time.perf_counter() - started
    if not args.quick and args.only != "picture":
        keep(f"generators-{'-'.join(names)}", result)
    return result


if __name__ == "__main__":
    main()
