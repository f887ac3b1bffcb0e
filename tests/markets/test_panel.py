"""The panel of series against a plain NumPy recursion, its exact moments, and the model that made the data."""

from functools import lru_cache

import equinox as eqx
import jax
import numpy as np
import pytest
from scipy.stats import norm, spearmanr

import deephedge as dh
from deephedge.core.errors import DataError, GridError, ParameterError
from deephedge.markets import FilteredHistoricalPanel, Gjr, fit_panel

STEPS, PATHS = 10, 2**14
GRID = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)
LAWS = ((2e-6, 0.02, 0.1, 0.9), (5e-6, 0.05, 0.02, 0.9))
NAMES, KINDS = ("SPX", "US10Y", "OIL", "VIX"), ("price", "level", "price", "log")
MEAN, MEMORY = np.array([0.03, -1.6]), np.array([0.95, 0.8])
STATES = np.array([[1e-4, 0.045, 4e-4, -1.2], [4e-4, 0.01, 1e-4, -2.0]])


def rows(days: int, seed: int = 0) -> np.ndarray:
    """Residuals that belong together: fat tails, and the volatility falls on days when the first price rises."""
    rng = np.random.default_rng(seed)
    z = rng.standard_t(6, (days, 4)) * np.sqrt(4 / 6)
    z[:, 2] = 0.4 * z[:, 0] + np.sqrt(1 - 0.4**2) * z[:, 2]
    z[:, 3] = -0.7 * z[:, 0] + np.sqrt(1 - 0.7**2) * z[:, 3]
    return z * [1.0, 6e-4, 1.0, 0.05]


def market(**more) -> FilteredHistoricalPanel:
    laws = tuple(Gjr(*law) for law in LAWS)
    start = {"states": STATES, "spot": (1.0, 60.0)} | more
    return FilteredHistoricalPanel(NAMES, KINDS, laws, MEAN, MEMORY, rows(300), **start)


@lru_cache
def simulated() -> tuple[np.ndarray, dict[str, np.ndarray]]:
    shocks = jax.random.normal(jax.random.key(0), (PATHS, STEPS, 2))
    batch = eqx.filter_jit(jax.vmap(market().path, (None, 0)))(GRID, shocks)
    return np.asarray(shocks, float), {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


def follow(drawn, state=STATES[0]):
    """The recursion of the docstring: variances known at each start, and the other series."""
    h, x = np.array(state)[[0, 2]], np.array(state)[[1, 3]]
    omega, alpha, gamma, beta = np.array(LAWS).T
    variances, others = [h], [x]
    for row in drawn:
        move = np.sqrt(h) * row[[0, 2]]
        h = omega + (alpha + gamma * (move < 0)) * move**2 + beta * h
        x = MEAN + MEMORY * (x - MEAN) + row[[1, 3]]
        variances.append(h)
        others.append(x)
    return np.array(variances), np.array(others)


def test_a_second_implementation_makes_the_same_path():
    shocks, quotes = simulated()
    centred = rows(300)
    centred = centred[np.argsort(centred[:, 0])] - centred.mean(0)
    assert market(states=STATES[:1]).shocks(GRID) == (STEPS, 1)  # nothing to draw
    for n in range(6):
        drawn = centred[np.floor(norm.cdf(shocks[n, :, 0]) * 300).astype(int)]
        h, x = follow(drawn, STATES[int(shocks[n, 0, 1] > 0)])
        for column, name, first, k in ((0, "SPX", 1.0, 0), (2, "OIL", 60.0, 1)):
            scale = np.sqrt(h[:-1, k])
            logs = scale * drawn[:, column] - np.log(np.mean(np.exp(scale[:, None] * centred[:, column]), axis=1))
            np.testing.assert_allclose(quotes[name][n], first * np.exp(np.r_[0, np.cumsum(logs)]), rtol=3e-6)
            np.testing.assert_allclose(quotes[f"{name}.vol"][n], np.sqrt(252 * h[:, k]), rtol=1e-5)
        np.testing.assert_allclose(quotes["US10Y"][n], x[:, 0], atol=1e-7)
        np.testing.assert_allclose(quotes["VIX"][n], np.exp(x[:, 1]), rtol=1e-5)


def test_series_that_revert_have_their_exact_mean_and_autocovariance():
    shocks, quotes = simulated()
    paths, first = shocks[:, 0, 1] < 0, STATES[0]  # those that start in the first state
    innovation = rows(300).var(0)
    for k, (column, value) in enumerate(((1, quotes["US10Y"]), (3, np.log(quotes["VIX"])))):
        b, early, late = MEMORY[k], value[paths, 4], value[paths, 9]
        mean = MEAN[k] + (first[column] - MEAN[k]) * b**9
        assert abs(late.mean() - mean) < 4 * late.std() / np.sqrt(paths.sum())
        spread = innovation[column] * (1 - b**8) / (1 - b**2)  # of the fourth day
        product = (early - early.mean()) * (late - late.mean())
        assert abs(product.mean() - b**5 * spread) < 4 * product.std() / np.sqrt(paths.sum())


def test_what_happened_on_one_day_happens_together():
    """The correlation of a step is that of history, and none is left from one step to the next."""
    _, quotes = simulated()
    fall, rise = np.log(quotes["SPX"][:, 1]), np.log(quotes["VIX"])
    history = np.corrcoef(rows(300).T)[0, 3]
    after = rise[:, 1:] - MEMORY[1] * rise[:, :-1]
    assert abs(np.corrcoef(fall, after[:, 0])[0, 1] - history) < 4 * 2 / np.sqrt(PATHS)
    assert abs(np.corrcoef(fall, after[:, 1])[0, 1]) < 4 / np.sqrt(PATHS)


def test_the_fit_finds_the_model_that_made_the_data():
    drawn = rows(6000, seed=3)
    h, x = follow(drawn)
    logs = np.sqrt(h[:-1]) * drawn[:, [0, 2]]
    prices = np.exp(np.r_[np.zeros((1, 2)), np.cumsum(logs, axis=0)])
    history = {"SPX": prices[:, 0], "US10Y": x[:, 0], "OIL": prices[:, 1], "VIX": np.exp(x[:, 1])}
    found = fit_panel(history, dict(zip(NAMES, KINDS, strict=True)), start="drawn")
    assert found.martingale and found.states.shape == (6000, 4)
    for law, (_, alpha, gamma, beta) in zip(found.garch, LAWS, strict=True):
        assert float(law.alpha) == pytest.approx(alpha, abs=0.025) and float(law.gamma) == pytest.approx(
            gamma, abs=0.03
        )
        assert float(law.beta) == pytest.approx(beta, abs=0.03)
    error = np.sqrt((1 - MEMORY**2) / 6000)  # of the slope of an autoregression
    assert (np.abs(np.asarray(found.memory) - MEMORY) < 4 * error).all()
    error = drawn[:, [1, 3]].std(0) / (1 - MEMORY) / np.sqrt(6000)
    assert (np.abs(np.asarray(found.mean) - MEAN) < 4 * error).all()
    np.testing.assert_allclose(np.corrcoef(found.residuals.rows.T), np.corrcoef(drawn.T), atol=0.02)
    today = fit_panel(history, dict(zip(NAMES, KINDS, strict=True)), drift="historical", spot={"SPX": 1.0})
    assert not today.martingale and today.states.shape == (1, 4)
    np.testing.assert_allclose(today.spot, [1.0, prices[-1, 1]], rtol=1e-6)
    np.testing.assert_allclose(today.drift, 252 * np.log(np.mean(prices[1:] / prices[:-1], axis=0)), rtol=1e-4)


def test_yields_alone_make_a_panel():
    alone = FilteredHistoricalPanel(
        ("a", "b"), ("level", "log"), (), [0.0, 0.0], [0.9, 0.5], [[1.0, 2], [3, 4]], [[1, 1]]
    )
    quotes = eqx.filter_eval_shape(alone.path, GRID, jax.ShapeDtypeStruct((STEPS, 1), "float32")).quotes
    assert set(quotes) == {"a", "b"} and alone.drivers() == {} and quotes["a"].shape == (STEPS + 1,)


def test_bad_input_is_refused():
    with pytest.raises(GridError, match="trading day"):
        market().shocks(dh.TimeGrid.uniform(maturity=30 / 365, steps=30))
    for more, error, message in (
        ({"states": STATES[:, :3]}, DataError, "states must be finite rows of 4"),
        ({"states": STATES * [0, 1, 1, 1]}, ParameterError, "positive variance"),
        ({"spot": -1.0}, ParameterError, "spot"),
    ):
        with pytest.raises(error, match=message):
            market(**more)
    laws = tuple(Gjr(*law) for law in LAWS)
    for arguments, error, message in (
        ((NAMES, ("price",) * 4, laws, MEAN, MEMORY, rows(9)), DataError, "garch must have 4"),
        ((NAMES, ("cash",) * 4, laws, MEAN, MEMORY, rows(9)), ParameterError, "kinds"),
        ((NAMES, KINDS, laws, MEAN, MEMORY, rows(9)[:, :3]), DataError, "residuals must have 4 columns"),
        ((NAMES, KINDS, laws, MEAN, MEMORY + 0.1, rows(9)), ParameterError, "memory"),
    ):
        with pytest.raises(error, match=message):
            FilteredHistoricalPanel(*arguments, states=STATES)
    long = np.random.default_rng(0).standard_normal(400)
    for history, kinds, error, message in (
        ({"a": long}, {"a": "price"}, DataError, "positive"),
        ({"a": long}, {"a": "cash"}, ParameterError, "kinds"),
        ({"a": long}, {"b": "level"}, ParameterError, "kinds must name"),
        ({"a": long[:99]}, {"a": "level"}, DataError, "250"),
        ({"a": np.where(np.arange(400) == 7, np.nan, long)}, {"a": "level"}, DataError, r"first: \[7\]"),
        ({"a": np.exp(0.1 * np.arange(400))}, {"a": "level"}, DataError, "does not revert"),
    ):
        with pytest.raises(error, match=message):
            fit_panel(history, kinds)
    with pytest.raises(ParameterError, match="start"):
        fit_panel({"a": long}, {"a": "level"}, start="tomorrow")


def test_simulated_days_of_three_markets_move_together_as_in_history(market_file):
    """S&P 500, VIX and the ten-year yield, 2003 to 2022: rank correlations of daily changes over ten days."""
    spot = market_file("A_equity/sp500_ohlcv_yahoo_1975_2022.csv").select("date", SPX="Price")
    vix = market_file("A_equity/vix_ohlc_1990_2022.csv").select(date="DATE", VIX="CLOSE")
    rate = market_file("E_rates_credit/fred_DGS10.csv").select("date", US10Y="DGS10")
    days = spot.join(vix, on="date").join(rate, on="date").drop_nulls().sort("date")
    history = {name: days[name].to_numpy() for name in ("SPX", "VIX", "US10Y")}
    assert len(days) > 4500
    panel = fit_panel(history, {"SPX": "price", "VIX": "log", "US10Y": "level"}, start="drawn")
    batch = dh.sample(panel, GRID, 2**12, key=jax.random.key(1), method="random")

    def changes(quotes):
        parts = (np.log(quotes["SPX"]), np.log(quotes["VIX"]), quotes["US10Y"])
        return spearmanr([np.diff(np.asarray(part, float)).ravel() for part in parts], axis=1).statistic

    np.testing.assert_allclose(changes(batch.quotes), changes(history), atol=0.08)
