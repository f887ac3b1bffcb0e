"""Stylised facts with known values."""

import json
from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.signal import lfilter
from scipy.special import gamma
from scipy.stats import binom, multivariate_normal, norm

import deephedge as dh
from deephedge.core.errors import DataError, GridError
from deephedge.markets import FACTS, Agreement, Scorecard, agreement, compare_markets, validate
from deephedge.markets import stylised as s
from deephedge.markets.facts import Series, quantile
from deephedge.markets.scoring import Measured, calibration, stationary

STEPS, PATHS = 1000, 400
TIMES = np.arange(STEPS + 1) / 252


def path_of(returns: np.ndarray, vol: np.ndarray | None = None) -> dh.MarketPath:
    spot = np.exp(np.concatenate([np.zeros((*returns.shape[:-1], 1)), np.cumsum(returns, -1)], -1))
    quotes = {"SPX": spot} if vol is None else {"SPX": spot, "SPX.vol": vol}
    times = jnp.broadcast_to(jnp.asarray(TIMES[: spot.shape[-1]]), spot.shape)
    return dh.MarketPath(times, jax.tree.map(jnp.asarray, quotes), jnp.ones(spot.shape))


def rows_of(simulated, history) -> dict[str, Agreement]:
    return {row.statistic: row for row in agreement(simulated, history)}


def test_independent_normals_have_theirs():
    draw = 0.2 / np.sqrt(252) * np.random.default_rng(0).standard_normal((PATHS + 1, STEPS))
    rows = rows_of(path_of(draw[1:]), path_of(draw[0]))
    assert abs(rows["annual volatility"].simulated - 0.2) < 4 * 0.2 / np.sqrt(2 * STEPS * PATHS)
    assert abs(rows["kurtosis"].simulated - 3.0) < 4 * np.sqrt(24 / STEPS / PATHS) + 6 / STEPS
    for lag in (1, 5, 10):
        row = rows[f"autocorrelation of squares, lag {lag}"]
        assert abs(row.simulated + 1 / STEPS) < 4 / np.sqrt(STEPS * PATHS)
        assert row.high - row.low == pytest.approx(2 * 1.645 / np.sqrt(STEPS), rel=0.2)
    assert "mean implied volatility" not in rows


def test_clustering_is_seen():
    """Squares of an ARCH(1) with parameter a have autocorrelation a^k (Bollerslev 1986)."""
    z, a = np.random.default_rng(1).standard_normal((PATHS, STEPS)), 0.3
    h, returns = np.full(PATHS, 1.0), []
    for now in z.T:
        returns.append(np.sqrt(h) * now)
        h = 0.7 + a * returns[-1] ** 2
    returns = 0.01 * np.stack(returns, 1)
    rows = rows_of(path_of(returns), path_of(returns[0]))
    assert rows["autocorrelation of squares, lag 1"].simulated == pytest.approx(a, abs=0.04)
    assert rows["kurtosis"].simulated == pytest.approx(3 * (1 - a**2) / (1 - 3 * a**2), rel=0.08)


def test_drawdown_and_implied_volatility_of_a_path_by_hand():
    spot = np.array([1.0, 1.2, 0.9, 1.1, 0.6, 1.3])
    vol = np.array([0.2, 0.1, 0.3, 0.2, 0.4, 0.3])
    history = {"SPX": spot, "SPX.vol": vol}
    simulated = path_of(np.diff(np.log(spot))[None], vol[None])
    rows = rows_of(simulated, history)
    assert rows["maximum drawdown"].real == pytest.approx(0.5)
    assert rows["mean implied volatility"].real == pytest.approx(0.25)
    assert rows["deviation of implied volatility"].real == pytest.approx(np.std(vol))
    expected = np.corrcoef(np.diff(np.log(spot)), np.diff(np.log(vol)))[0, 1]
    assert rows["spot-volatility correlation"].real == pytest.approx(expected)
    for row in rows.values():
        assert row.simulated == pytest.approx(row.real, rel=1e-4, abs=1e-6)


def test_a_flat_path_gives_zeros_and_no_warning():
    rows = agreement(path_of(np.zeros((3, 20)), np.full((3, 21), 0.2)), path_of(np.zeros(20), np.full(21, 0.2)))
    assert all(np.isfinite(row[1:]).all() for row in rows)


def test_another_world_is_outside():
    draw = np.random.default_rng(0).standard_normal((PATHS + 1, STEPS))
    rows = rows_of(path_of(0.01 * draw[1:]), path_of(0.03 * draw[0]))
    assert not rows["annual volatility"].inside
    assert rows["annual volatility"].real == pytest.approx(0.03 * np.sqrt(252), rel=0.1)
    assert Agreement("any", 1.0, 1.1, 0.9, 1.2).inside and not Agreement("any", 1.0, 1.1, 1.05, 1.2).inside


def test_like_is_compared_with_like():
    draw = 0.01 * np.random.default_rng(0).standard_normal((4, STEPS))
    with pytest.raises(DataError, match="simulate 999 steps"):
        agreement(path_of(draw), path_of(draw[0, :-1]))
    windows = path_of(np.lib.stride_tricks.sliding_window_view(draw[0], 21))
    assert rows_of(path_of(draw[:, :21]), windows)["annual volatility"].real == pytest.approx(
        0.01 * np.sqrt(252), rel=0.1
    )


# --- each fact on data whose value is known -------------------------------------------------------------------------


def near(found: np.ndarray, expected: float, errors: float = 4.0, bias: float = 0.0) -> None:
    """The mean over windows is the expected one within so many of its standard errors."""
    slack = errors * found.std() / np.sqrt(len(found)) + bias
    assert abs(found.mean() - expected) < slack, f"{found.mean():.5f}, expected {expected:.5f} +- {slack:.5f}"


def normals(seed: int, paths: int = 400, days: int = 2000) -> np.ndarray:
    return np.random.default_rng(seed).standard_normal((paths, days))


def measured(name: str, data: Series) -> np.ndarray:
    fact = next(fact for fact in FACTS if fact.name == name)
    found = fact.measure(data)
    return fact.summary(found, np.full((1, len(found)), 1 / len(found)))


def test_independent_normals_have_no_tails_and_no_memory():
    z = normals(0)
    five = s.summed(z, 5)
    np.testing.assert_allclose(five[:, 7], z[:, 7:12].sum(axis=1))
    near(z.std(-1), 1.0, bias=1 / 2000)
    near(s.skewness(z), 0.0)
    near(s.excess_kurtosis(z), -6 / 2001)  # exact in finite samples (Fisher 1930)
    near(s.variance_ratio(z, 21), 1 - 21 / 2000)  # the mean taken out of 21 days
    near(s.autocorrelation(z, 5), -(1 - 5 / 2000) / 2000)
    near(np.quantile(five, 0.01, axis=-1), np.sqrt(5) * norm.ppf(0.01), bias=0.02)
    near(s.tail_dependence(z, normals(1)), 0.05)


def test_heavy_tails():
    """Student of 10: excess kurtosis 6 / (10 - 4); the log excess of a Pareto tail is exponential with mean xi."""
    rng = np.random.default_rng(2)
    near(s.excess_kurtosis(rng.standard_t(10, (400, 2000))), 1.0, bias=0.03)
    pareto = rng.pareto(3.0, (400, 1000)) + 1.0
    near(s.hill(pareto), 1 / 3)
    assert s.hill(pareto).std() == pytest.approx(1 / 3 / np.sqrt(50), rel=0.1)
    assert (s.hill(-pareto) == 0).all()


def test_memory_of_an_autoregression():
    r = lfilter([1.0], [1.0, -0.3], normals(3))
    for lag in (1, 2):
        near(s.autocorrelation(r, lag), 0.3**lag, bias=3 / 2000)
    expected = 1 + 2 * sum((1 - k / 21) * 0.3**k for k in range(1, 21))
    near(s.variance_ratio(r, 21), expected, bias=21 / 2000 * expected)


def test_clustering_of_garch():
    """Squares of GARCH(1,1) have autocorrelation a (1 - a b - b^2) / (1 - 2 a b - b^2) (a + b)^(k-1)."""
    a, b, h, rows = 0.1, 0.6, np.full(400, 1.0), []
    for now in normals(4, days=3000).T:
        rows.append(np.sqrt(h) * now)
        h = 0.3 + a * rows[-1] ** 2 + b * h
    squares = np.stack(rows, 1) ** 2
    first = a * (1 - a * b - b * b) / (1 - 2 * a * b - b * b)
    for lag in (1, 5):
        near(s.autocorrelation(squares, lag), first * (a + b) ** (lag - 1), bias=0.004)


def test_leverage_of_a_volatility_that_follows_returns():
    """r(t) = z(t) exp(-a z(t-1)): the correlation of r(t) with the next |r|, by Gaussian integrals."""
    a, z = 0.2, normals(5)
    r = z[:, 1:] * np.exp(-a * z[:, :-1])
    expected = -a * np.sqrt(2 / np.pi) / np.sqrt(np.exp(2 * a * a) - 2 / np.pi * np.exp(a * a))
    near(s.correlation(r, np.abs(r), 1), expected, bias=1 / 2000)
    near(s.correlation(r, np.abs(r), 2), 0.0, bias=1 / 2000)
    near(s.correlation(np.abs(r), r, -1), expected, bias=1 / 2000)


@pytest.mark.parametrize("hurst", [0.1, 0.5])
def test_roughness_of_fractional_brownian_motion(hurst):
    """Exact paths by Cholesky; E|x(t+d) - x(t)|^q = c_q d^(q H), so the regression is exact in the mean."""
    t = np.arange(1.0, 253.0)
    covariance = 0.5 * (t[:, None] ** (2 * hurst) + t ** (2 * hurst) - np.abs(t[:, None] - t) ** (2 * hurst))
    logs = normals(6, 600, 252) @ np.linalg.cholesky(covariance).T
    for order in (0.5, 1.0, 2.0):
        found = s.structure(logs, (1, 2, 5, 10), order)
        near(found[:, 0], 2 ** (order / 2) * gamma((order + 1) / 2) / np.sqrt(np.pi))
        data = Series(np.zeros_like(logs), 1 / 252, vol=0.2 * np.exp(0.1 * logs))
        assert measured(f"Hurst exponent of implied vol, q {order:g}", data)[0] == pytest.approx(hurst, abs=0.02)


def test_drawdown_of_brownian_motion():
    """Without drift the mean is sqrt(pi / 2) sigma sqrt(T) (Magdon-Ismail et al. 2004), less a multiple of sqrt(dt)."""
    fine = 0.01 * normals(7, 1500, 1024) / 32
    found = [-np.log1p(-s.maximum_drawdown(s.summed(fine, days)[:, ::days])) for days in (1, 4)]
    near((2 * found[0] - found[1]) / 0.01, np.sqrt(np.pi / 2), bias=0.01)


def test_tail_dependence_of_copulas():
    """C(q, q) / q of Clayton (2 q^-theta - 1)^(-1 / theta), in its lower tail only, and of a Gaussian copula."""
    rng, theta = np.random.default_rng(8), 2.0
    u, w = rng.random((2, 400, 2000))
    v = ((w ** (-theta / (1 + theta)) - 1) * u**-theta + 1) ** (-1 / theta)
    near(s.tail_dependence(u, v), (2 * 0.05**-theta - 1) ** (-1 / theta) / 0.05, bias=0.01)
    upper = 1 - 2 * 0.95 + (2 * 0.95**-theta - 1) ** (-1 / theta)
    near(s.tail_dependence(-u, -v), upper / 0.05, bias=0.01)
    z, both = normals(9), multivariate_normal([0, 0], [[1, 0.6], [0.6, 1]]).cdf(norm.ppf([0.05, 0.05]))
    near(s.tail_dependence(z, 0.6 * z + 0.8 * normals(10)), float(both) / 0.05, bias=0.01)


def test_ties_are_shared():
    """Of 40 days the second series moves on one: the other of its 2 lowest days is any of the 39 that tie."""
    fall = np.linspace(-1.0, 1.0, 40)[None]
    steps = np.where(np.arange(40) == 0, -1.0, 0.0)[None]
    assert s.tail_dependence(fall, steps)[0] == pytest.approx((1 + 1 / 39) / 2)


def test_what_implied_volatility_pays_over_realised():
    """The mean root of a chi square of 21 degrees is sqrt(2) Gamma(11) / Gamma(10.5)."""
    z = normals(11, 400, 252)
    found = s.spread(0.2 / np.sqrt(252) * z, np.full(z.shape, 0.25), 1 / 252)
    assert found.shape == (400, 232)
    near(found.mean(-1), 0.25 - 0.2 * np.sqrt(2 / 21) * gamma(11) / gamma(10.5))


def test_quantiles_are_weighed():
    weights = np.array([[0.25, 0.25, 0.25, 0.25], [0.0, 0.0, 0.0, 1.0]])
    assert quantile(np.array([3.0, 1.0, 2.0, 4.0]), weights, 0.5).tolist() == [2.0, 4.0]


def test_every_fact_is_finite_where_nothing_moves():
    flat = Series(np.zeros((3, 130)), 1 / 252, np.full((3, 130), 0.2), np.zeros((3, 130)), np.zeros((3, 130)))
    for fact in FACTS:
        found = fact.summary(fact.measure(flat), np.full((2, 3), 1 / 3))
        assert np.isfinite(found).all() and (fact.unit != "1" or (found == 0).all()), fact.name
    names = [(fact.name, fact.needs) for fact in FACTS]
    assert len(set(names)) == len(names)


# --- the score ------------------------------------------------------------------------------------------------------

DAYS, WINDOW = 2520, 126
WORLD = dh.markets.Heston("SPX", 1.0, 0.04, 4.0, 0.04, 0.5, -0.7)


@lru_cache(maxsize=1)
def histories() -> list[dict[str, np.ndarray]]:
    """Five histories of ten years of one world, a year after its start."""
    grid = dh.TimeGrid.uniform((DAYS + 252) / 252, DAYS + 252)
    batch = dh.sample(WORLD, grid, 5, key=jax.random.key(5), method="random")
    return [{name: np.asarray(batch.quotes[name])[n, 252:] for name in ("SPX", "SPX.vol")} for n in range(5)]


@lru_cache(maxsize=1)
def cards() -> list[Scorecard]:
    past = [Measured.of(history, WINDOW, None, None) for history in histories()]
    made = past[0].simulated(WORLD, 400, None, jax.random.key(1))
    return [one.score("Heston", made) for one in past]


def test_resampled_variance_is_that_of_its_formula():
    """The variance of a mean over resamples, and what days that are independent would have: m windows end to end."""
    rng, rows = np.random.default_rng(0), []
    days = rng.standard_normal((600, 240)).cumsum(axis=1)
    windows = days[:, 12:] - days[:, :-12]
    weights = stationary(windows.shape[1], 12.0)
    rows = (windows @ weights[1:].T).var(axis=1)
    kept, freedom = calibration(windows.shape[1], 12.0, 12.0)
    assert rows.mean() / windows.mean(axis=1).var() == pytest.approx(kept, rel=0.2)  # s.e. of the ratio: 6 %
    assert 2 * rows.mean() ** 2 / rows.var() == pytest.approx(freedom, rel=0.25)


def test_the_true_market_is_inside_as_often_as_it_says():
    """5 histories: facts of one history go together, so the binomial interval is that of 10 facts a history."""
    inside = [row.inside for card in cards() for row in card.rows]
    low, high = binom.ppf([0.001, 1.0], 50, 0.95) / 50
    assert low <= np.mean(inside) <= high
    assert np.mean([card.distance for card in cards()]) == pytest.approx(np.sqrt(2 / np.pi), abs=0.2)


def test_a_wrong_market_is_rejected_on_tails_and_clustering():
    flat = validate(dh.markets.BlackScholes("SPX", vol=0.2), histories()[0], WINDOW, paths=400, key=jax.random.key(2))
    true, z = cards()[0], {row.fact: row.z for row in flat.rows}
    assert z["excess kurtosis, 1 d"] < -1.96
    assert z["autocorrelation of |r|, lag 1"] < -3 and z["spread of volatility"] < -3
    assert z["leverage, lags 1 to 20"] > 3 and z["price with vol"] > 3
    assert abs(z["autocorrelation of r, lag 1"]) < 3
    assert flat.share < 0.7 < true.share and flat.distance > 2 * true.distance


def test_a_card_prints_and_is_json():
    card = cards()[0]
    text = str(card).splitlines()
    assert text[0].split() == ["fact", "history", "95", "%", "interval", "Heston", "error", "z"]
    assert len(text) == len(card.rows) + len(card.groups) + 2
    kept = json.loads(json.dumps(card.to_dict()))
    assert kept["share"] == card.share and len(kept["rows"]) == len(card.rows) and kept["rows"][0]["unit"]


def test_markets_are_ranked_on_the_same_resamples():
    test, train = histories()[:2]
    seen = []

    def fit(history):
        seen.append(history)
        return dh.markets.BlackScholes("SPX", vol=np.diff(np.log(history["SPX"])).std() * 252**0.5)

    ranking = compare_markets({"flat": fit, "true": WORLD}, train, test, WINDOW, paths=400, key=jax.random.key(1),
                              reference="flat")  # fmt: skip
    assert seen == [train] and [row.market for row in ranking.standings] == ["true", "flat"]
    assert ranking.winners == ("true",) and ranking.standings[0].high < 0
    own = ranking.standings[1]
    assert own.difference == own.low == own.high == 0 and own.verdict == "ties with"
    assert "better than flat: true" in str(ranking)
    assert json.loads(json.dumps(ranking.to_dict()))["standings"][0]["verdict"] == "beats"


def test_two_assets_have_facts_together():
    z = normals(12, 1, 1000)[0]
    prices = {name: np.exp(0.01 * np.cumsum(z + normals(n, 1, 1000)[0])) for n, name in ((13, "A"), (14, "B"))}
    market = dh.markets.BlackScholes(("A", "B"), vol=0.01 * (2 * 252) ** 0.5, correlation=[[1, 0.5], [0.5, 1]])
    card = validate(market, prices, 126, paths=200, key=jax.random.key(0), burn=0)
    pair = {row.fact: row for row in card.rows if row.series == "A, B"}
    assert pair["correlation, 1 d"].inside and pair["correlation, 1 d"].market == pytest.approx(0.5, abs=0.02)
    assert {row.series for row in card.rows} == {"A", "B", "A, B"}


def test_what_cannot_be_scored_is_refused():
    market, price, key = (
        dh.markets.BlackScholes("SPX", vol=0.2),
        np.exp(0.01 * normals(0, 1, 400)[0]),
        jax.random.key(0),
    )
    with pytest.raises(DataError, match="windows of 252 days need 757"):
        validate(market, {"SPX": price}, key=key)
    with pytest.raises(GridError, match="window must be 126 days"):
        validate(market, {"SPX": price}, 21, key=key)
    with pytest.raises(DataError, match="no market is called 'FilteredHistorical'"):
        compare_markets({"flat": market}, {"SPX": price}, {"SPX": price}, 126, key=key)
    with pytest.raises(DataError, match="quotes none of"):
        validate(market, {"DAX": price}, 126, paths=8, key=key)
