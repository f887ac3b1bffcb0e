"""Exchange rates with stochastic volatility: triangles, calls by Fourier inversion, and the foreign desk's view."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import HestonFx
from deephedge.pricing import heston

PATHS, T, RATE, FOREIGN = 2**15, 1.0, 0.05, (0.01, 0.045)
GRID = dh.TimeGrid(np.concatenate([np.linspace(0, 0.5, 9), np.linspace(0.5, T, 17)[1:]]))
MARKET = dict(
    pairs=("EURUSD", "GBPUSD"),
    spot=(1.1, 1.25),
    variance=(0.01, 0.02),
    mean_reversion=(1.5, 2.0),
    long_variance=(0.014, 0.018),
    vol_of_vol=(0.15, 0.2),
    leverage=(-0.3, 0.4),
    rate=RATE,
    foreign=FOREIGN,
    correlation=[[1, 0.6], [0.6, 1]],
    crosses=("EURGBP", "USDEUR"),
)

inverted = jax.jit(heston.price)


@lru_cache
def simulated() -> dict[str, np.ndarray]:
    quotes = dh.sample(HestonFx(**MARKET), GRID, PATHS, key=jax.random.key(8)).quotes
    return {name: np.asarray(quote) for name, quote in quotes.items()}


def errors(values: np.ndarray, expected: float | np.ndarray) -> float:
    """Distance to theory in standard errors."""
    gap = np.asarray(values, float) - expected
    return abs(gap.mean() / (gap.std() / np.sqrt(len(gap))))


def law(n: int) -> tuple[float, ...]:
    names = ("variance", "mean_reversion", "long_variance", "vol_of_vol", "leverage")
    return tuple(MARKET[name][n] for name in names)


def option(spot, strikes, rates, v, *rest, call):
    """Discounted prices by Fourier inversion, the rates those at home and abroad."""
    forward = spot * np.exp((rates[0] - rates[1]) * T)
    numbers = (jnp.asarray(x, float) for x in (forward, np.broadcast_to(strikes, 3), v, T, *rest))
    return np.exp(-rates[0] * T) * np.asarray(inverted(*numbers, jnp.asarray(call)), float)


def test_crosses_are_quotients_and_their_volatility_that_of_the_quotient():
    q = simulated()
    np.testing.assert_array_equal(q["EURGBP"], q["EURUSD"] / q["GBPUSD"])
    np.testing.assert_array_equal(q["USDEUR"], np.float32(1.0) / q["EURUSD"])
    np.testing.assert_allclose(q["USDEUR.vol"], q["EURUSD.vol"], rtol=1e-5)
    v, w = q["EURUSD.vol"].astype(float), q["GBPUSD.vol"].astype(float)
    np.testing.assert_allclose(q["EURGBP.vol"], np.sqrt(v**2 + w**2 - 1.2 * v * w), rtol=1e-3, atol=1e-6)
    np.testing.assert_allclose(q["GBPUSD.dividend"], FOREIGN[1], rtol=1e-6)


def test_spots_move_together_as_asked():
    q = {name: np.asarray(quote, float) for name, quote in simulated().items()}
    a, b = (np.diff(np.log(q[pair]), axis=1) for pair in MARKET["pairs"])
    a, b = a - a.mean(0), b - b.mean(0)
    mean = q["EURUSD.vol"] * q["GBPUSD.vol"]
    both = 0.6 * (0.5 * (mean[:, 1:] + mean[:, :-1]) * np.diff(GRID.times)).sum(1)
    np.testing.assert_allclose((a * b).sum(1).mean(), both.mean(), rtol=0.02)
    for pair, rho in zip(MARKET["pairs"], MARKET["leverage"], strict=True):
        move, swing = np.diff(np.log(q[pair]), axis=1), np.diff(q[f"{pair}.variance"], axis=1)
        np.testing.assert_allclose(np.corrcoef(move[:, 2], swing[:, 2])[0, 1], rho, atol=0.05)


@pytest.mark.parametrize("n", range(2))
def test_calls_cost_what_fourier_inversion_says(n):
    end, strikes = simulated()[MARKET["pairs"][n]][:, -1], MARKET["spot"][n] * np.array([0.92, 1.0, 1.1])
    expected = option(MARKET["spot"][n], strikes, (RATE, FOREIGN[n]), *law(n), call=True)
    for strike, price in zip(strikes, expected, strict=True):
        assert errors(np.exp(-RATE * T) * np.maximum(end - strike, 0.0), price) < 3.0


def test_a_call_is_a_put_on_the_inverse_abroad():
    spot, strikes = MARKET["spot"][0], np.array([1.0, 1.1, 1.25])
    other = HestonFx(**MARKET).abroad("EURUSD")
    assert other.name == "USDEUR" and abs(float(other.correlation) - 0.3) < 1e-6
    there = [float(x) for x in (other.variance, other.mean_reversion, other.long_variance, other.vol_of_vol)]
    puts = option(1 / spot, 1 / strikes, (FOREIGN[0], RATE), *there, 0.3, call=False)
    calls = option(spot, strikes, (RATE, FOREIGN[0]), *law(0), call=True)
    np.testing.assert_allclose(spot * strikes * puts, calls, atol=2e-6)
    # Seen through the density between the two money accounts, home paths have the foreign market's law.
    q = {name: simulated()[name].astype(float) for name in ("EURUSD", "EURUSD.variance")}
    density = q["EURUSD"][:, -1] * np.exp((FOREIGN[0] - RATE) * T) / spot
    assert errors(density, 1.0) < 3.0
    start, kappa, theta, _ = there
    assert errors(density * q["EURUSD.variance"][:, -1], theta + (start - theta) * np.exp(-kappa * T)) < 3.0
    paid = np.exp(-FOREIGN[0] * T) * density * np.maximum(0.9 - 1 / q["EURUSD"][:, -1], 0.0)
    assert errors(paid, option(1 / spot, 0.9, (FOREIGN[0], RATE), *there, 0.3, call=False)[0]) < 3.0


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(variance=(0.01, 0.02, 0.03)), "variance needs one number or 2"),
        (dict(correlation=[[1, 0.6], [0.5, 1]]), "correlation must be symmetric"),
        (dict(vol_of_vol=0.0), "vol_of_vol must be positive"),
        (dict(crosses="EURCHF"), "no pair has the 'CHF'"),
        (dict(pairs=("EURUSD", "USDGBP")), "one home currency"),
    ],
)
def test_bad_parameters_are_refused(change, words):
    with pytest.raises(ParameterError, match=words):
        HestonFx(**(MARKET | change))


def test_a_variance_that_explodes_abroad_is_refused():
    market = HestonFx("EURUSD", 1.1, 0.01, 0.3, 0.01, 0.5, 0.8, 0.05, 0.01)
    with pytest.raises(ParameterError, match="does not revert"):
        market.abroad("EURUSD")
    with pytest.raises(ParameterError, match="'EURGBP' is unknown"):
        market.abroad("EURGBP")
