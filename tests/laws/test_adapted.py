"""Law: nothing reads the future. What is said at a point does not change when everything after it does."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge import policies as p

GRID = dh.TimeGrid.uniform(maturity=1.0, steps=10)
CALL = i.EuropeanCall("A", 1.0, 1.0)
ENDED = i.EuropeanPut("A", 1.1, 0.4)
HESTON = {"mean_reversion": 1.5, "long_variance": 0.05, "vol_of_vol": 0.5, "correlation": -0.6}

FEATURES = {
    "Quote": f.Quote("A", "spot"),
    "LogMoneyness": f.LogMoneyness("A", 1.0),
    "Price": f.Price(i.Book((CALL, ENDED), (1.0, -2.0))),
    "Price, with all it paid": f.Price(ENDED, total=True),
    "TimeLeft": f.TimeLeft(0.7),
    "Buckets": f.Buckets((i.short(CALL), i.Spot("A"), ENDED), ("A", "A"), (1, 2)),
    "Directions": f.Directions((i.short(CALL), i.Spot("A")), ("A", "A.vol"), ((1.0, 0.5), (1.0, -1.0))),
    "Positions": f.Positions(i.Book((CALL, ENDED), (1.0, -2.0)), ("A",)),
    "Delta": f.Delta(CALL),
    "Delta of an option that ends": f.Delta(ENDED),
    "Delta of a swap that remembers": f.Delta(i.QuotedVarianceSwap("A", 1.0)),
    "Delta of a book": f.Delta(i.Book((CALL, ENDED), (1.0, -2.0)), quote="A"),
    "Gamma": f.Gamma(CALL),
    "Vega": f.Vega(CALL),
    "LogReturn": f.LogReturn("A"),
    "RunningMax": f.RunningMax("A"),
    "RealisedVol": f.RealisedVol("A", 4),
    "Log": f.Log(f.RealisedVol("A", 4)),
    "Matched": f.Matched("A.vol", (0.2, 0.6), "front", sessions=1.0),
    "State": f.State(i.QuotedVarianceSwap("A", 1.0), "realised_variance"),
    "Window": f.Window(f.Quote("A", "spot"), 4),
    "Window of a window": f.Window(f.Window(f.LogReturn("A"), 2), 3),
    "RollingZScore": f.RollingZScore(f.Quote("A.vol", "vol"), 4),
    "Stack": f.Stack([f.Window(f.Quote("A", "spot"), 2), f.LogReturn("A")], "rows"),
    "Table": f.Table([["-A", "A.vol"], [1.0, 0.0]], "exposures"),
    "Standardised": f.Standardised(f.LogMoneyness("A", 1.0), 0.1, 0.3),
}
NAMES = ("log_moneyness", "time_left", "vol")
POLICIES = {
    "MLP": p.MLP(NAMES, key=jax.random.key(1), width=8),
    "NoTransactionBand": p.NoTransactionBand(NAMES, key=jax.random.key(2), width=8),
    "BlackScholesDelta": p.BlackScholesDelta(),
}


@pytest.fixture(scope="module")
def paths():
    """Two paths that share nothing, with a rate, a dividend, a volatility and a surface that move."""
    market = dh.markets.Heston("A", 1.0, 0.04, rate=0.03, dividend=0.01, **HESTON)
    dynamics = dh.markets.SurfaceDynamics(4.0, (1.5, 0.3, 0.5, 0.5), (-0.7, 0.2, 0.0, 0.3))
    market = dh.markets.MovingSurface(market, "A", dynamics, (0.25, 1.0), (0.01, 0.04), -0.7, 1.0)
    batch = dh.sample(market, GRID, 2, key=jax.random.key(5), method="random")
    return jax.tree.map(lambda x: x[0], batch), jax.tree.map(lambda x: x[1], batch)


def spliced(first, second, point):
    """The first path up to and including ``point``, the second one after it; both on the same times."""
    keep = jnp.arange(first.times.shape[0]) <= point
    return jax.tree.map(lambda a, b: jnp.where(keep, a, b), first, second)


def check(function, paths):
    """A change of what comes later is not seen, and the path until now is all that it needs."""
    function = eqx.filter_jit(function)
    whole = np.asarray(function(paths[0]))
    for point in range(GRID.points):
        changed = np.asarray(function(spliced(*paths, point)))
        np.testing.assert_allclose(changed[: point + 1], whole[: point + 1], rtol=1e-6, atol=1e-7)
    for point in (1, 6):
        np.testing.assert_allclose(function(paths[0].until(point))[-1], whole[point], rtol=1e-5, atol=2e-6)


@pytest.mark.parametrize("name", FEATURES)
def test_features(name, paths):
    check(FEATURES[name], paths)


@pytest.mark.parametrize("name", POLICIES)
def test_policies(name, paths):
    """Position, trade and cost of every decision before the change, and the gain of every step before it."""
    problem = dh.HedgingProblem(
        grid=GRID,
        liability=i.short(CALL),
        instruments=(i.Spot("A"),),
        features=(f.LogMoneyness("A", 1.0), f.TimeLeft(1.0), f.Quote("A.vol", "vol")),
        cost=c.Costs((c.ProportionalCost(1e-3), c.QuadraticCost(1e-3))),
        initial=0.3,
        close_out=True,
    )
    follow = eqx.filter_jit(lambda path: dh.rollout(problem, POLICIES[name], path))
    whole, other = follow(paths[0]), follow(paths[1])
    assert not np.allclose(whole.position, other.position)
    for point in range(GRID.steps - 1):
        changed = follow(spliced(*paths, point))
        for leaf in ("position", "trade", "cost"):
            np.testing.assert_allclose(
                getattr(changed, leaf)[: point + 1], getattr(whole, leaf)[: point + 1], rtol=1e-6, atol=1e-7
            )
        np.testing.assert_allclose(changed.gain[:point], whole.gain[:point], rtol=1e-5, atol=1e-7)


def test_every_public_feature_is_here():
    final = {name for name in f.__all__ if not name.startswith("Abstract")}
    assert final == {type(feature).__name__ for feature in FEATURES.values()}


def test_a_feature_that_reads_the_end_of_the_path_is_caught(paths):
    class Clairvoyant(f.AbstractFeature):
        name: str = "clairvoyant"

        def __call__(self, path):
            return jnp.full_like(path.times, path.quote("A")[-1])

    class Countdown(f.AbstractFeature):
        name: str = "countdown"

        def __call__(self, path):
            return (path.times[-1] - path.times) * path.quote("A")

    for feature in (Clairvoyant(), Countdown()):
        with pytest.raises(AssertionError):
            check(feature, paths)
