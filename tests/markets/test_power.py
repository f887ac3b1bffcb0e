"""Spikes against the exact moments of fading jumps, closed-form curves and the limits without jumps."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import DoubleExponentialJumps, MeanRevertingJumps, NormalJumps
from deephedge.pricing import schwartz, spikes

KAPPA, LEVEL, VOL, SPOT, SPIKE = 3.0, 50.0, 0.6, 70.0, 0.2
LAMBDA, BETA = 6.0, 12.0
P, UP, DOWN = 0.7, 0.3, 0.2
GRID = dh.TimeGrid([0.0, 0.05, 0.1, 0.2, 0.25, 0.4])  # unequal steps on purpose
EXPIRIES = (0.22, 0.4, 0.6)  # one between two points
PATHS = 2**14
TIMES = np.asarray(GRID.times, float)
LAW = dict(
    name="P", spot=SPOT, mean_reversion=KAPPA, level=LEVEL, vol=VOL, decay=BETA, spike=SPIKE, expiries=EXPIRIES,
    tenors=(0.1,), slots=16,
)  # fmt: skip


@jax.jit
def follow(sizes: DoubleExponentialJumps, intensity: jax.Array, shocks: jax.Array) -> dict[str, jax.Array]:
    market = MeanRevertingJumps(**LAW, intensity=intensity, sizes=sizes)
    return jax.vmap(lambda one: market.path(GRID, one).quotes)(shocks)


@lru_cache
def simulated(intensity: float = LAMBDA) -> dict[str, np.ndarray]:
    shocks = jax.random.normal(jax.random.key(4), (PATHS, GRID.steps, 34))
    quotes = follow(DoubleExponentialJumps(P, UP, DOWN), jnp.asarray(intensity), shocks)
    return {name: np.asarray(quote, float) for name, quote in quotes.items()}


def errors(values: np.ndarray, expected: float) -> float:
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def jump_exponent(u: float, elapsed: float, left: float = 0.0) -> float:
    """log E exp(u e^(-beta left) Y), integrated by hand: of an exponential jump it is a logarithm."""
    far, near = u * np.exp(-BETA * (left + elapsed)), u * np.exp(-BETA * left)
    rise, fall = np.log((1 - UP * far) / (1 - UP * near)), np.log((1 + DOWN * near) / (1 + DOWN * far))
    return LAMBDA / BETA * (P * rise - (1 - P) * fall)


def curve(expiry: float) -> float:
    calm = np.log(SPOT) - SPIKE
    mean = np.exp(-KAPPA * expiry) * calm + (1 - np.exp(-KAPPA * expiry)) * np.log(LEVEL)
    spread = VOL**2 * -np.expm1(-2 * KAPPA * expiry) / (4 * KAPPA)
    return np.exp(mean + spread + SPIKE * np.exp(-BETA * expiry) + jump_exponent(1.0, expiry))


def test_the_exponent_is_the_integral_of_the_moments():
    with jax.enable_x64(True):
        double, normal = DoubleExponentialJumps(P, UP, DOWN), NormalJumps(0.4, 0.3)
        for elapsed, left in ((0.1, 0.0), (0.5, 0.2), (40.0, 0.0)):
            found = float(spikes.exponent(double.excess, elapsed, left, LAMBDA, BETA))
            np.testing.assert_allclose(found, jump_exponent(1.0, elapsed, left), rtol=1e-10)
        y = np.exp(-BETA * (0.2 + np.linspace(0.0, 0.5, 200_001)))
        expected = LAMBDA * np.trapezoid(np.expm1(0.4 * y + 0.045 * y**2), dx=0.5 / 200_000)
        np.testing.assert_allclose(float(spikes.exponent(normal.excess, 0.5, 0.2, LAMBDA, BETA)), expected, rtol=1e-9)
        still = float(spikes.exponent(normal.excess, 0.5, 0.2, LAMBDA, 0.0))
        np.testing.assert_allclose(still, LAMBDA * 0.5 * np.expm1(0.445), rtol=1e-12)


def test_sizes_drawn_have_their_quantiles_and_means():
    sizes, z = DoubleExponentialJumps(P, UP, DOWN), [-30.0, -2.0, 0.0, 2.0, 30.0]
    u = (np.arange(2**16) + 0.5) / 2**16
    size = np.asarray(
        jax.jit(lambda z: sizes.draw(z))(jnp.asarray(np.concatenate([z, norm.ppf(u)]), jnp.float32)), float
    )
    assert np.isfinite(size).all() and (np.diff(size[:5]) > 0).all()
    np.testing.assert_allclose(size[2], -UP * np.log(0.5 / P), rtol=1e-5)
    np.testing.assert_allclose(size[1], DOWN * np.log(norm.cdf(-2.0) / (1 - P)), rtol=1e-5)
    moments = [float(sizes.mean), float(sizes.second)]
    np.testing.assert_allclose([size[5:].mean(), (size[5:] ** 2).mean()], moments, rtol=2e-3)
    np.testing.assert_allclose(moments, [P * UP - (1 - P) * DOWN, 2 * (P * UP**2 + (1 - P) * DOWN**2)], rtol=1e-6)


def test_spot_and_spikes_have_their_means_and_autocovariances():
    q, second = simulated(), 2 * (P * UP**2 + (1 - P) * DOWN**2)
    log, spike = np.log(q["P"]), q["P.spike"]

    def centred(t: float) -> tuple[float, float]:
        fade = np.exp(-BETA * t)
        jumped = SPIKE * fade + LAMBDA * (P * UP - (1 - P) * DOWN) * (1 - fade) / BETA
        return np.log(LEVEL) + np.exp(-KAPPA * t) * (np.log(SPOT) - SPIKE - np.log(LEVEL)) + jumped, jumped

    for s, t in ((1, 1), (1, 3), (2, 5), (5, 5)):
        (m, a), (n, b) = centred(TIMES[s]), centred(TIMES[t])
        lag = TIMES[t] - TIMES[s]
        jumps = np.exp(-BETA * lag) * LAMBDA * second * -np.expm1(-2 * BETA * TIMES[s]) / (2 * BETA)
        diffusion = np.exp(-KAPPA * lag) * VOL**2 * -np.expm1(-2 * KAPPA * TIMES[s]) / (2 * KAPPA)
        assert errors(spike[:, s], a) < 3.5 and errors((spike[:, s] - a) * (spike[:, t] - b), jumps) < 3.5
        assert errors(log[:, s], m) < 3.5 and errors((log[:, s] - m) * (log[:, t] - n), jumps + diffusion) < 3.5


def test_futures_start_on_the_curve_stay_martingales_and_have_their_second_moment():
    q = simulated()
    for expiry in EXPIRIES:
        future = q[f"P.future.{expiry:g}"]
        np.testing.assert_allclose(future[:, 0], curve(expiry), rtol=1e-5)
        for n in (2, 5):
            assert errors(future[:, n], curve(expiry)) < 3.5
            assert errors((future[:, n] - future[:, 1]) * (future[:, 1] > future[:, 0]), 0.0) < 3.5
            end, left = min(TIMES[n], expiry), max(expiry - TIMES[n], 0.0)
            gauss = VOL**2 * np.exp(-2 * KAPPA * left) * -np.expm1(-2 * KAPPA * end) / (2 * KAPPA)
            square = gauss + jump_exponent(2.0, end, left) - 2 * jump_exponent(1.0, end, left)
            assert errors((future[:, n] / curve(expiry)) ** 2, np.exp(square)) < 3.5
    np.testing.assert_allclose(q["P.future.0.4"][:, -1], q["P"][:, -1], rtol=1e-4)
    total = VOL**2 + LAMBDA * 2 * (P * UP**2 + (1 - P) * DOWN**2)
    np.testing.assert_allclose(q["P.total_vol"], np.sqrt(total), rtol=1e-5)
    np.testing.assert_allclose(q["P.future.0.4.vol"][:, -1], np.sqrt(total), rtol=1e-5)


def test_a_rolling_future_is_the_curve_of_the_state():
    q = simulated()
    calm = q["P"] * np.exp(-q["P.spike"])
    gauss = np.asarray(schwartz.future(calm, 0.1, KAPPA, LEVEL, VOL), float)
    expected = gauss * np.exp(q["P.spike"] * np.exp(-BETA * 0.1) + jump_exponent(1.0, 0.1))
    np.testing.assert_allclose(q["P.future.0.1y"], expected, rtol=1e-4)


def test_without_jumps_it_is_schwartz():
    q = simulated(0.0)
    calm = q["P"] * np.exp(-q["P.spike"])
    np.testing.assert_allclose(q["P.spike"], SPIKE * np.exp(-BETA * TIMES) * np.ones((PATHS, 1)), rtol=1e-5)
    left = 0.6 - TIMES
    gauss = np.asarray(schwartz.future(calm, left, KAPPA, LEVEL, VOL), float)
    expected = gauss * np.exp(q["P.spike"] * np.exp(-BETA * left))
    np.testing.assert_allclose(q["P.future.0.6"], expected, rtol=1e-4)
    np.testing.assert_allclose(q["P.total_vol"], VOL, rtol=1e-6)


@pytest.mark.parametrize(
    ("make", "words"),
    [
        (lambda: NormalJumps(0.1, -1.0), "vol must be 0 or more"),
        (lambda: DoubleExponentialJumps(1.5, 0.1, 0.1), "probability_up must lie"),
        (lambda: DoubleExponentialJumps(0.5, 1.0, 0.1), "up_mean must lie"),
        (lambda: DoubleExponentialJumps(0.5, 0.5, 0.0), "down_mean must be"),
        (lambda: MeanRevertingJumps("P", NormalJumps(0, 1), 1, 1, 1, 1, -1.0, 1), "intensity must be 0 or more"),
        (lambda: MeanRevertingJumps("P", NormalJumps(0, 1), 1, 1, 1, 1, 1, 1, slots=40), "slots must be 1 to 32"),
        (lambda: MeanRevertingJumps("P", NormalJumps(0, 1), 1, 1, 1, 1, 9.0, 1).shocks(GRID), "slots must be 16 times"),
    ],
)
def test_bad_parameters_are_refused(make, words):
    with pytest.raises(ParameterError, match=words):
        make()
