"""The stationary bootstrap against its own exact law."""

import jax
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import DataError, ParameterError, UnknownQuote
from deephedge.markets import BlockBootstrap

DAYS, STEPS, BLOCK = 60, 10, 4.0
RNG = np.random.default_rng(7)
RETURNS = 0.01 * np.convolve(RNG.standard_normal(DAYS + 2), [1.0, 0.7, 0.4], "valid")  # correlated over time
HISTORY = {
    "SPX": 100 * np.exp(np.concatenate([[0], np.cumsum(RETURNS)])),
    "SPX.vol": 0.2 * np.exp(np.concatenate([[0], np.cumsum(-3 * RETURNS)])),
}
GRID = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)


def simulate(market, paths=2**16) -> dict[str, np.ndarray]:
    batch = dh.sample(market, GRID, paths, key=jax.random.key(1), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


def transfer(returns: np.ndarray, block: float) -> np.ndarray:
    """E S_t / S_0 for t = 1, 2, ... by passing on the weight of each day of history."""
    days = len(returns)
    weight, growth = np.full(days, 1.0 / days) * np.exp(returns), []
    for _ in range(STEPS):
        growth.append(weight.sum())
        followed = np.roll(weight, 1)  # day i comes after day i - 1
        weight = np.exp(returns) * ((1 - 1 / block) * followed + weight.sum() / (block * days))
    return np.array(growth)


@pytest.mark.parametrize("block", [1.0, BLOCK])
def test_growth_over_many_days_is_that_of_the_exact_law(block):
    spot = simulate(BlockBootstrap(HISTORY, block=block, start={"SPX": 1.0}))["SPX"][:, 1:]
    error = spot.std(0) / np.sqrt(len(spot))
    assert (np.abs(spot.mean(0) - transfer(RETURNS, block)) / error).max() < 3.5


def test_blocks_have_geometric_lengths_and_wrap_around():
    spot = simulate(BlockBootstrap(HISTORY, block=BLOCK), 2**13)["SPX"]
    moves = np.diff(np.log(spot), axis=1)
    day = np.abs(moves[..., None] - RETURNS).argmin(-1)
    assert np.abs(moves - RETURNS[day]).max() < 1e-6
    np.testing.assert_allclose(np.bincount(day[:, -1], minlength=DAYS) * DAYS / len(day), 1.0, atol=0.4)
    follows = (day[:, 1:] == (day[:, :-1] + 1) % DAYS).ravel()
    expected = 1 - 1 / BLOCK + 1 / (BLOCK * DAYS)
    assert abs(follows.mean() - expected) < 4 * np.sqrt(expected * (1 - expected) / follows.size)


def test_all_quotes_move_together():
    quotes = simulate(BlockBootstrap(HISTORY, start={"SPX.vol": 0.15}), paths=64)
    spot, vol = (np.diff(np.log(quotes[name]), axis=1) for name in ("SPX", "SPX.vol"))
    np.testing.assert_allclose(vol, -3 * spot, atol=2e-6)
    np.testing.assert_allclose(quotes["SPX"][:, 0], HISTORY["SPX"][-1], rtol=1e-6)
    np.testing.assert_allclose(quotes["SPX.vol"][:, 0], 0.15, rtol=1e-6)


def test_centring_removes_the_growth_of_a_day():
    spot = simulate(BlockBootstrap(HISTORY, block=1, centre=("SPX",), start={"SPX": 1.0}))["SPX"]
    assert np.abs((spot[:, -1].mean() - 1) / (spot[:, -1].std() / np.sqrt(len(spot)))) < 3.5
    centred = RETURNS - np.log(np.mean(np.exp(RETURNS)))
    day = np.diff(np.log(spot[:64]), axis=1)
    assert np.abs(day[..., None] - centred).min(-1).max() < 1e-6


def test_only_independent_days_are_called_a_martingale():
    assert BlockBootstrap(HISTORY, block=1, centre=("SPX",)).martingale
    assert not BlockBootstrap(HISTORY, block=2, centre=("SPX",)).martingale
    assert not BlockBootstrap(HISTORY, block=1).martingale


def test_bad_input_is_refused():
    with pytest.raises(ParameterError, match="block"):
        BlockBootstrap(HISTORY, block=0.5)
    with pytest.raises(UnknownQuote, match=r"did you mean 'SPX\.vol'"):
        BlockBootstrap(HISTORY, centre=("SPX.vl",))
    with pytest.raises(UnknownQuote, match="VIX"):
        BlockBootstrap(HISTORY, start={"VIX": 0.2})
    with pytest.raises(DataError, match="positive"):
        BlockBootstrap({"rate": [0.01, -0.001, 0.02]})
