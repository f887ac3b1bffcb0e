"""Factors and signals beside eigenvectors, regressions, loops, and Chen's identity."""

import itertools

import jax.numpy as jnp
import numpy as np
import pandas as pd
import pytest
import statsmodels.api as sm

from deephedge.core.errors import DataError
from deephedge.data import History
from deephedge.data import transforms as t
from deephedge.markets.generative.signature import signature

RNG = np.random.default_rng(3)
DAYS, TRAIN = 260, 200
DATES = np.busday_offset("2021-01-01", np.arange(DAYS), roll="forward")
PRICE = 100 * np.exp(np.cumsum(0.01 * RNG.normal(size=DAYS)))


def history_of(**quotes):
    return History.of(DATES, {name.replace("_", "."): value for name, value in quotes.items()}, source="made up")


def applied(transform, history):
    return transform.fit(history.between(None, DATES[TRAIN - 1]))(history)


def test_components_are_the_eigenvectors_of_the_training_covariance():
    values = RNG.normal(size=(4, 4)) @ RNG.normal(size=(4, DAYS)) + 3.0
    history = history_of(a=values[0], b=values[1], c=values[2], d=values[3])
    curve = t.Components(("a", "b", "c", "d"), "curve", count=3)
    scores = np.stack(list(applied(curve, history).values()))
    sizes, vectors = np.linalg.eigh(np.cov(values[:, :TRAIN]))
    expected = vectors[:, :0:-1].T @ (values - values[:, :TRAIN].mean(axis=1, keepdims=True))
    np.testing.assert_allclose(np.abs(scores), np.abs(expected), rtol=1e-8, atol=1e-10)
    constants = curve.fit(history.between(None, DATES[TRAIN - 1])).constants
    np.testing.assert_allclose(constants["shares"], sizes[:0:-1] / sizes.sum(), rtol=1e-10)
    assert all(max(row, key=abs) > 0 for row in constants["loadings"])


def test_components_that_are_not_there_are_refused():
    history = history_of(a=PRICE, b=2 * PRICE, c=-PRICE)
    with pytest.raises(DataError, match="move in 1 directions on the training days, fewer than 2"):
        t.Components(("a", "b", "c"), "x", count=2).fit(history)


def test_treasury_curves_have_a_level_a_slope_and_a_bend(rates):
    """Three components of them explain 98 % and more (Litterman and Scheinkman 1991)."""
    file = rates / "gsw_usd_zero_coupon_1y_30y_1985_2015.parquet"
    frame = pd.read_parquet(file)
    dates = pd.to_datetime(frame["date"]).to_numpy()
    tenors = [f"{n}y" for n in (1, 2, 5, 10, 20, 30)]
    history = History.of(dates.astype("datetime64[D]"), {name: frame[name] / 100 for name in tenors}, source=file.name)
    constants = t.Components(tuple(tenors), "us").fit(history.between(None, "2005-12-31")).constants
    level, slope, bend = np.array(constants["loadings"])
    changes = [int(np.sum(np.diff(np.sign(row)) != 0)) for row in (level, slope, bend)]
    assert changes == [0, 1, 2] and sum(constants["shares"]) > 0.98


def test_surface_factors_are_found_again_and_are_a_regression():
    moneyness, tenors = (-0.1, 0.0, 0.05, -0.1, 0.0, 0.05), (1 / 12,) * 3 + (0.5,) * 3
    names = ("a", "b", "c", "d", "e", "f")
    level, skew, term = 0.2 + 0.01 * RNG.normal(size=(3, DAYS))
    scaled, slope = np.array(moneyness) / np.sqrt(tenors), np.log(np.array(tenors) / 0.25)
    surface = level + np.outer(scaled, skew) + np.outer(slope, term)
    transform = t.SurfaceFactors(names, moneyness, tenors, "A", reference=0.25)
    exact = applied(transform, history_of(**dict(zip(names, surface, strict=True))))
    for word, values in (("level", level), ("skew", skew), ("term", term)):
        np.testing.assert_allclose(exact[f"A.{word}"], values, rtol=1e-10)
    noisy = surface + 0.01 * RNG.normal(size=surface.shape)
    made = applied(transform, history_of(**dict(zip(names, noisy, strict=True))))
    design = np.stack([np.ones(6), scaled, slope], axis=1)
    for day in (0, 100, DAYS - 1):
        expected = sm.OLS(noisy[:, day], design).fit().params
        np.testing.assert_allclose([made[f"A.{word}"][day] for word in ("level", "skew", "term")], expected, rtol=1e-9)


def test_momentum_day_by_day():
    made = applied(t.Momentum("A", lookbacks=(5, 40), window=20), history_of(A=PRICE))
    returns = np.diff(np.log(PRICE))
    for lookback in (5, 40):
        expected = np.full(DAYS, np.nan)
        for day in range(max(lookback, 20), DAYS):
            deviation = np.sqrt(np.mean(returns[day - 20 : day] ** 2))
            expected[day] = np.log(PRICE[day] / PRICE[day - lookback]) / (deviation * np.sqrt(lookback))
        np.testing.assert_allclose(made[f"A.momentum{lookback}"], expected, rtol=1e-9)


def test_momentum_of_a_price_that_stands_still_is_not_known():
    made = applied(t.Momentum("A", lookbacks=(5,), window=5), history_of(A=np.full(DAYS, 7.0)))
    assert np.isnan(made["A.momentum5"]).all()


def test_carry():
    """A rate of 5 % and a dividend of 2 % carry -3 %; a curve that falls by 1 % a month earns 12 % a year."""
    forward = PRICE * np.exp((0.05 - 0.02) * 0.25)
    made = applied(t.Carry("A", "A.forward", years=0.25), history_of(A=PRICE, A_forward=forward))
    np.testing.assert_allclose(made["A.carry"], -0.03, rtol=1e-10)
    made = applied(t.Carry("CL1", "CL2", years=1 / 12), history_of(CL1=PRICE, CL2=PRICE * np.exp(-0.01)))
    np.testing.assert_allclose(made["CL1.carry"], 0.12, rtol=1e-10)
    made = applied(t.RateCarry("r", "q", "x"), history_of(r=np.full(DAYS, 0.04), q=np.full(DAYS, 0.01)))
    np.testing.assert_allclose(made["x"], 0.03, rtol=1e-12)


def test_imbalance():
    bid, ask = RNG.integers(0, 3, DAYS).astype(float), RNG.integers(0, 3, DAYS).astype(float)
    history = History.of(DATES, {"A.bid_size": bid, "A.ask_size": ask}, source="made up")
    made = applied(t.BookImbalance("A"), history)["A.imbalance"]
    expected = [np.nan if b + a == 0 else (b - a) / (b + a) for b, a in zip(bid, ask, strict=True)]
    np.testing.assert_allclose(made, expected)
    assert np.nanmin(made) == -1 and np.nanmax(made) == 1
    with pytest.raises(DataError, match="a size below 0"):
        applied(t.BookImbalance("A"), History.of(DATES, {"A.bid_size": -bid, "A.ask_size": ask}, source="made up"))


def chen(moves, level):
    """Words to numbers: each piece is an exponential, and pieces are multiplied by cutting words in two."""
    channels = range(moves.shape[1])
    words = [w for k in range(level + 1) for w in itertools.product(channels, repeat=k)]
    total = {word: float(word == ()) for word in words}
    for move in moves:
        piece = {word: np.prod(move[list(word)]) / np.prod(np.arange(1.0, len(word) + 1)) for word in words}
        total = {w: sum(total[w[:cut]] * piece[w[cut:]] for cut in range(len(w) + 1)) for w in words}
    return total


@pytest.mark.parametrize(("vol", "level"), [(None, 2), ("A.vol", 2), ("A.vol", 3)])
def test_signatures_by_chens_identity(vol, level):
    history, window = History.of(DATES, {"A": PRICE, "A.vol": RNG.random(DAYS)}, source="made up"), 7
    made = applied(t.PathSignature("A", vol, window, level), history)
    channels = [np.log(PRICE)] if vol is None else [np.log(PRICE), history.quote("A.vol")]
    for day in (window, 100, DAYS - 1):
        path = np.stack([np.arange(window + 1) / window, *(x[day - window : day + 1] for x in channels)], axis=1)
        expected = chen(np.diff(path, axis=0), level)
        for word, value in expected.items():
            if any(word):
                ours = made["A.sig." + "".join(map(str, word))][day]
                np.testing.assert_allclose(ours, value, rtol=1e-10, atol=1e-15)
    if level == 3:  # that of the generators, in float32
        theirs, numbers = signature(jnp.asarray(path), level), [value for word, value in expected.items() if word]
        np.testing.assert_allclose(theirs, numbers, rtol=1e-3, atol=1e-5)
    assert all(np.isnan(values[:window]).all() and not np.isnan(values[window:]).any() for values in made.values())


def test_signatures_obey_the_shuffle_product():
    history = History.of(DATES, {"A": PRICE, "A.vol": RNG.random(DAYS)}, source="made up")
    sig = {name[6:]: x for name, x in applied(t.PathSignature("A", "A.vol", 9, 3), history).items()}
    for i, j in itertools.product("12", repeat=2):
        np.testing.assert_allclose(sig[i] * sig[j], sig[i + j] + sig[j + i], atol=1e-14)
        for k in "12":
            shuffled = sig[i + j + k] + sig[j + i + k] + sig[j + k + i]
            np.testing.assert_allclose(sig[i] * sig[j + k], shuffled, atol=1e-14)
    np.testing.assert_allclose(sig["1"][9:], np.log(PRICE[9:] / PRICE[:-9]), atol=1e-14)
