"""Barriers, lookbacks and averages beside recursions, integrals and simulations."""

from itertools import product

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import integrate
from scipy.stats import norm, qmc

from deephedge.pricing import asian, barrier, black, lookback

SIDES = np.array([[True], [False]])


def survival(spot, low, high, payoff, looks, vol, drift, tau):
    """Expected payoff of a price looked at ``looks`` times, by convolution on a fine grid of its logarithm."""
    step = vol * np.sqrt(tau / looks)
    grid = np.linspace(max(np.log(low), np.log(spot) - 5.0), min(np.log(high), np.log(spot) + 5.0), 3001)
    weights = np.full(3001, grid[1] - grid[0])
    weights[[0, -1]] /= 2.0
    mean = (drift - 0.5 * vol**2) * tau / looks
    kernel = norm.pdf(grid[None, :], grid[:, None] + mean, step) * weights
    value = payoff(np.exp(grid))
    for _ in range(looks - 1):
        value = kernel @ value
    return norm.pdf(grid, np.log(spot) + mean, step) * weights @ value


@pytest.mark.parametrize("looks, within", [(12, 1e-2), (52, 1.5e-3)])
def test_a_barrier_that_is_looked_at_is_moved_away(looks, within):
    """As a share of the price without barriers, 0.7 deviations of a step or more away from them."""
    vol, drift, terms = 0.25, 0.03, (100.0, 100.0 * np.exp(0.03))
    plain, step = float(black.price(terms[1], 100.0, vol)), 1.0 / looks
    call = lambda s: np.maximum(s - 100.0, 0.0)  # noqa: E731

    @jax.jit
    def priced():
        levels, ups = np.array([85.0, 95.0, 120.0, 150.0]), np.array([False, False, True, True])
        single = barrier.out(*terms, 100.0, levels, vol, 1.0, True, ups, step)
        double = barrier.double_out(*terms, 100.0, 80.0, 140.0, vol, step=step)
        return jnp.append(single, double), 1.0 - barrier.touch(*terms, 120.0, vol, up=True, step=step)

    with jax.enable_x64(True):
        found, never = priced()
    watched = [(85.0, 1e9), (95.0, 1e9), (1e-9, 120.0), (1e-9, 150.0), (80.0, 140.0)]
    exact = [survival(100.0, *levels, call, looks, vol, drift, 1.0) for levels in watched]
    np.testing.assert_allclose(found, exact, atol=within * plain)
    ended = survival(100.0, 1e-9, 120.0, np.ones_like, looks, vol, drift, 1.0)
    np.testing.assert_allclose(never, ended, atol=within)


def test_cash_at_a_touch_is_the_integral_of_its_density_for_rates_of_any_sign():
    for rate, level, growth in product((-0.03, -0.002, 0.0, 0.05), (80.0, 125.0), (-0.02, 0.02)):
        drift, away = growth - 0.02, np.log(level / 100.0)

        def paid(t, drift=drift, away=away, rate=rate):
            return np.exp(-rate * t) * abs(away) / (0.2 * t**1.5) * norm.pdf((away - drift * t) / (0.2 * np.sqrt(t)))

        exact = integrate.quad(paid, 0.0, 2.0, epsabs=1e-12)[0]
        with jax.enable_x64(True):
            ours = barrier.touch(100.0, 100.0 * np.exp(2.0 * growth), level, 0.2, 2.0, rate, level > 100)
        # Exact but where the rate is below -drift^2 / (2 vol^2): there continued.
        np.testing.assert_allclose(ours, exact, rtol=1e-9 if drift**2 + 2 * rate * 0.04 >= 0 else 1e-3)


def paths(forwards, variances, last):
    """Prices at several times and at the end, quasi-random."""
    steps = np.diff(np.r_[0.0, variances, last[1]])
    normals = norm.ppf(qmc.Sobol(len(steps), seed=5).random(2**16))
    moved = np.cumsum(np.sqrt(steps) * normals, axis=1)
    return forwards * np.exp(moved[:, :-1] - variances / 2), last[0] * np.exp(moved[:, -1] - last[1] / 2)


@pytest.mark.parametrize("vol, within", [(0.2, 3e-5), (0.6, 6e-4)])
def test_averages_are_those_of_a_simulation(vol, within):
    """The arithmetic ones with the geometric ones, which have a formula, for control; as a share of the forward."""
    times, strikes = np.arange(1, 13) / 13.0, np.array([70.0, 100.0, 140.0])
    forwards, variances, last = 100.0 * np.exp(0.03 * times), vol**2 * times, (100.0 * np.exp(0.03), vol**2)
    prices, end = paths(forwards, variances, last)
    mean, product_ = prices.mean(axis=1), np.exp(np.log(prices).mean(axis=1))
    with jax.enable_x64(True):
        ours = asian.arithmetic(forwards, variances, strikes, SIDES)
        other = asian.geometric(forwards, variances, strikes, SIDES)
        swaps = asian.arithmetic_strike(forwards, variances, *last, SIDES[:, 0])
        others = asian.geometric_strike(forwards, variances, *last, SIDES[:, 0])
    cases = [(s * (mean - k), s * (product_ - k), ours[n, m], other[n, m])
             for n, s in enumerate((1, -1)) for m, k in enumerate(strikes)]  # fmt: skip
    cases += [(s * (end - mean), s * (end - product_), swaps[n], others[n]) for n, s in enumerate((1, -1))]
    for gain, control, found, known in cases:
        gap = np.maximum(gain, 0.0) - np.maximum(control, 0.0)
        error = np.std(np.maximum(control, 0.0)) / 2**8
        assert abs(np.maximum(control, 0.0).mean() - known) < 3.0 * error  # the formula of the control
        spread = 3.0 * np.std(gap) / 2**8
        assert abs(gap.mean() + known - found) < within * 100.0 + spread * 0.3


def test_looks_at_an_extreme_are_those_of_a_simulation():
    vol, looks = 0.25, 24
    times = np.arange(1, looks + 1) / looks
    prices, end = paths(100.0 * np.exp(0.03 * times[:-1]), vol**2 * times[:-1], (100.0 * np.exp(0.03), vol**2))
    high = np.maximum(np.maximum(prices.max(axis=1), end), 104.0)
    low = np.minimum(np.minimum(prices.min(axis=1), end), 97.0)
    terms = (100.0, 100.0 * np.exp(0.03))
    with jax.enable_x64(True):
        ours = [lookback.fixed(*terms, 104.0, 110.0, vol, step=1 / looks), lookback.fixed(*terms, 97.0, 90.0, vol, 1.0,
                False, 1 / looks), lookback.floating(*terms, 97.0, vol, step=1 / looks),
                lookback.floating(*terms, 104.0, vol, 1.0, False, 1 / looks)]  # fmt: skip
    gains = [np.maximum(high - 110.0, 0.0), np.maximum(90.0 - low, 0.0), end - low, high - end]
    for found, gain in zip(ours, gains, strict=True):
        assert abs(found - gain.mean()) < 3.0 * gain.std() / 2**8 + 0.02


@jax.jit
def everything(spot, forward, level, strike, vol, tau):
    low, high, up = jnp.minimum(level, 90.0), jnp.maximum(level, 110.0), level > spot
    times = jnp.linspace(0.0, 1.0, 5) * tau[..., None]
    return jnp.stack(
        [
            barrier.out(spot, forward, strike, level, vol, tau, True, up),
            100.0 * barrier.touch(spot, forward, level, vol, tau, 0.03, up, 0.02),
            barrier.double_out(spot, forward, strike, low, high, vol, tau),
            lookback.fixed(spot, forward, jnp.maximum(level, spot), strike, vol, tau),
            asian.geometric(forward[..., None] + 0.0 * times, vol[..., None] ** 2 * times, strike),
            asian.arithmetic(forward[..., None] + 0.0 * times, vol[..., None] ** 2 * times, strike),
        ]
    )


def test_float32_is_float64_and_slopes_are_finite():
    rng = np.random.default_rng(8)
    spot, strike, level = (100.0 * np.exp(rng.normal(0, s, 400)) for s in (0.05, 0.15, 0.2))
    vol, tau = np.exp(rng.normal(-1.4, 0.4, 400)), rng.uniform(0.01, 2.0, 400)
    terms = (spot, spot * np.exp(rng.uniform(-0.04, 0.04, 400) * tau), level, strike, vol, tau)
    with jax.enable_x64(True):
        exact = np.asarray(everything(*terms))
    single = np.asarray(everything(*(x.astype(np.float32) for x in terms)))
    # Beside the barrier, where the price moves by its slope for the rounding of the spot, an error of 1e-3 of cash.
    assert np.abs(single - exact).max() < 2e-3
    assert np.quantile(np.abs(single - exact), 0.95, axis=1).max() < 2e-4
    corners = np.meshgrid([90.0, 100.0], [-1e-3, 0.0, 0.1], [80.0, 100.0, 130.0], [0.0, 100.0], [1e-6, 0.2, 2.0],
                          [0.0, 1e-6, 1.0])  # fmt: skip
    spot, growth, *rest = (x.ravel().astype(np.float32) for x in corners)
    terms = (spot, spot * np.exp(growth * rest[3]), *rest)
    value, slope = jax.jit(lambda *x: jax.jvp(everything, x, tuple(map(jnp.ones_like, x))))(*terms)
    assert np.isfinite(value).all() and np.isfinite(slope).all()
    assert (np.asarray(value) >= -1e-4).all()


def test_two_barriers_close_together_are_reached():
    # by the eigenfunctions of the corridor, which converge where the images do not
    low, high, total = np.array([0.95, 0.9, 0.8, 0.8]), np.array([1.05, 1.1, 1.2, 1.3]), np.array([1.2, 0.5, 0.5, 0.3])
    forward = np.array([1.0, 1.1, 0.9, 1.05])
    width, away, drift = np.log(high / low), -np.log(low), np.log(forward) / total**2 - 0.5
    k = np.pi * np.arange(1, 200)[:, None] / width
    ends = np.exp(-drift * away) - np.cos(k * width) * np.exp(drift * (width - away))
    decay = np.exp(-0.5 * (drift**2 + k**2) * total**2)
    inside = np.sum(2.0 / width * np.sin(k * away) * k / (drift**2 + k**2) * decay * ends, axis=0)
    found = jax.jit(barrier.double_no_touch)(1.0, forward, low, high, total)
    np.testing.assert_allclose(found, inside, atol=2e-6)
    assert float(jax.jit(barrier.double_out)(1.0, 1.0, 1.0, 0.95, 1.05, 1.2)) == 0.0


def test_float32_answers_a_drift_of_many_deviations_to_one_of_two_barriers():
    # the other barrier is out of reach, so that one barrier in float64 is the answer
    terms = {"spot": 1.3167, "forward": 1.5351, "vol": 0.016434, "tau": 2.4163}
    with jax.enable_x64(True):
        exact = 1.0 - float(barrier.touch(**terms, barrier=1.561, up=True))
    np.testing.assert_allclose(barrier.double_no_touch(**terms, lower=0.56, upper=1.561), exact, rtol=1e-4)
