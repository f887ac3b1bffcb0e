"""Markets fitted to their own history: parameters within standard errors, which are those of the spread over seeds."""

import numpy as np
import pytest
from scipy.linalg import expm

from deephedge.core.errors import DataError
from deephedge.markets import MeanRevertingJumps, NormalOrnsteinUhlenbeck, Schwartz, Vasicek, fit_ratings
from deephedge.markets import calibration as c


def scores(fit: c.Calibration, true: dict[str, float]) -> list[float]:
    return [(fit.parameters[name] - value) / fit.errors[name] for name, value in true.items()]


def reverting(rng, steps, speed, level, vol, start):
    """The exact step."""
    x = [start]
    for dt, z in zip(steps, rng.standard_normal(len(steps)), strict=True):
        spread = vol * np.sqrt(-np.expm1(-2 * speed * dt) / (2 * speed))
        x.append(level + np.exp(-speed * dt) * (x[-1] - level) + spread * z)
    return np.concatenate([[0.0], np.cumsum(steps)]), np.array(x)


def test_vasicek_and_normal_reversion_within_their_errors_on_uneven_steps():
    true, found = dict(mean_reversion=3.0, level=0.03, vol=0.02), []
    for seed in range(24):
        rng = np.random.default_rng(seed)
        fit = c.calibrate_vasicek_history(*reverting(rng, rng.choice([1, 3], 1500) / 52, *true.values(), 0.03), "EUR")
        found.append(scores(fit, true))
    assert np.abs(found[:5]).max() < 3.0
    # A deviation of 24 normals is known to 1 in the root of 48; the speed alone is biased, by 4 over 58 years.
    assert (np.abs(np.std(found, axis=0) - 1.0) < 3.5 / np.sqrt(48)).all()
    assert (np.abs(np.mean(found, axis=0)) < 3.5 / np.sqrt(24) + [4 / 58 / fit.errors["mean_reversion"], 0, 0]).all()
    assert isinstance(fit.market, Vasicek) and fit.market.name == "EUR" and not fit.warnings
    times, prices = reverting(np.random.default_rng(1), np.full(2000, 1 / 252), 20.0, -3.0, 60.0, 10.0)
    fit = c.calibrate_normal_reversion_history(times, prices)
    assert np.abs(scores(fit, dict(mean_reversion=20.0, level=-3.0, vol=60.0))).max() < 3.0
    assert isinstance(fit.market, NormalOrnsteinUhlenbeck)
    np.testing.assert_allclose(float(fit.market.spot), prices[-1], rtol=1e-6)


def test_on_equal_steps_the_likelihood_is_least_squares():
    times, x = reverting(np.random.default_rng(2), np.full(500, 0.1), 0.8, 0.03, 0.01, 0.05)
    memory = np.cov(x[:-1], x[1:])[0, 1] / np.var(x[:-1], ddof=1)
    constant = x[1:].mean() - memory * x[:-1].mean()
    left = x[1:] - constant - memory * x[:-1]
    speed = -np.log(memory) / 0.1
    vol = np.sqrt(np.mean(left**2) * 2 * speed / (1 - memory**2))
    fit = c.calibrate_vasicek_history(times, x)
    np.testing.assert_allclose(list(fit.parameters.values()), [speed, constant / (1 - memory), vol], rtol=1e-5)
    np.testing.assert_allclose(np.sort(fit.residuals), np.sort(-1e4 * left), atol=1e-3)
    with pytest.warns(UserWarning, match="mean_reversion is not identified"):  # a quarter of a year tells no speed
        c.calibrate_vasicek_history(
            np.arange(60) / 252, 0.03 + 1e-3 * np.random.default_rng(0).standard_normal(60).cumsum()
        )


TAU = np.array([0.05, 0.25, 0.5, 1.0, 1.75])


def test_one_factor_is_found_in_a_panel_of_futures():
    true = dict(mean_reversion=1.4, vol=0.35, noise=0.005, level=55.0, real_level=50.0)
    speed, vol, noise, level, real = true.values()
    for seed in range(5):
        rng = np.random.default_rng(seed)
        times, x = reverting(rng, np.full(259, 1 / 52), speed, np.log(real), vol, np.log(48.0))
        fade = np.exp(-speed * TAU)
        logs = fade * x[:, None] + (1 - fade) * np.log(level) + vol**2 * (1 - fade**2) / (4 * speed)
        prices = np.exp(logs + noise * rng.standard_normal(logs.shape))
        prices[30:40, 1] = np.nan
        fit = c.calibrate_schwartz_panel(times, TAU, prices, "CL")
        assert np.abs(scores(fit, true)).max() < 3.0 and fit.reached == 2 and isinstance(fit.market, Schwartz)
        np.testing.assert_allclose(float(fit.market.spot), np.exp(x[-1]), rtol=0.02)
        assert len(fit.residuals) == 260 * 5 - 10 and fit.rmse < 0.6
    np.testing.assert_allclose(fit.errors["real_level"] / real, vol / (speed * np.sqrt(5.0)), rtol=0.3)


def spiky(seed, speed, level, vol, intensity, decay, centre, deviation, points=3 * 365, dt=1 / 365):
    rng = np.random.default_rng(seed)
    times, x = reverting(rng, np.full(points, dt), speed, np.log(level), vol, np.log(level))
    y = np.zeros(points + 1)
    for t in range(points):
        jumps = rng.poisson(intensity * dt)
        moved = rng.normal(centre, deviation, jumps) * np.exp(-decay * dt * rng.random(jumps))
        y[t + 1] = y[t] * np.exp(-decay * dt) + moved.sum()
    return times, np.exp(x + y), y


def test_reversion_and_spikes_are_told_apart():
    true = dict(
        mean_reversion=15.0, level=50.0, vol=0.8, intensity=12.0, decay=120.0, jump_mean=0.5, jump_vol=0.25
    )  # fmt: skip
    found = []
    for seed in range(5):
        times, prices, spikes = spiky(seed, *true.values())
        fit = c.calibrate_mean_reverting_jumps(times, prices, "POWER")
        found.append(scores(fit, true))
        assert isinstance(fit.market, MeanRevertingJumps) and fit.market.name == "POWER"
        assert abs(float(fit.market.spike) - spikes[-1]) < 0.15
    assert np.abs(found).max() < 3.0, np.round(found, 1)
    assert fit.errors["decay"] < 15.0 and fit.errors["intensity"] < 3.0  # they are tight, not only honest


GENERATOR = np.array([[-0.4, 0.35, 0.05], [0.3, -0.9, 0.6], [0.0, 0.0, 0.0]])


def spells(seed, names=150, years=10.0):
    """Exponential times, cut off at the end."""
    rng, rows = np.random.default_rng(seed), []
    for name in range(names):
        at, now = 0.0, name % 2
        while now < 2 and at < years:
            stay = rng.exponential(1 / -GENERATOR[now, now])
            odds = np.clip(GENERATOR[now], 0, None)
            after = rng.choice(3, p=odds / odds.sum()) if at + stay < years else now
            rows.append((now, min(stay, years - at), after))
            at, now = at + stay, after
    return [np.array(row) for row in zip(*rows, strict=True)]


def test_a_generator_is_counted_and_its_errors_are_those_of_the_spread():
    moving = GENERATOR > 0
    fits = [fit_ratings(*spells(seed), states=3) for seed in range(40)]
    found = np.array([(fit.generator - GENERATOR)[moving] / fit.errors[moving] for fit in fits])
    assert np.abs(found[:5]).max() < 3.0
    assert (np.abs(np.std(found, axis=0) - 1.0) < 3.5 / np.sqrt(80)).all()
    np.testing.assert_allclose(expm(np.mean([fit.generator for fit in fits], 0)), expm(GENERATOR), atol=0.01)
    assert not fits[0].market.martingale


def test_histories_that_cannot_be_are_refused():
    times = np.arange(40.0)
    for calibrate in (
        c.calibrate_vasicek_history,
        c.calibrate_normal_reversion_history,
        c.calibrate_mean_reverting_jumps,
    ):
        for wrong, sentence in (
            ((times[:9], times[:9]), "30 or more"),
            ((times[::-1], np.sin(times)), "times must be finite years that increase"),
            ((times, np.where(times == 7, np.nan, times)), "not finite at 1 times"),
            ((times, np.ones(40)), "never move"),
        ):
            with pytest.raises(DataError, match=sentence):
                calibrate(*wrong)
    with pytest.raises(DataError, match="prices must be positive"):
        c.calibrate_mean_reverting_jumps(times, np.sin(times))
