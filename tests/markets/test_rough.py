"""Rough Bergomi: the exact covariances of its memory, a second implementation, and what roughness does to prices."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import GridError, ParameterError
from deephedge.markets import RoughBergomi
from deephedge.markets.rough import volterra
from deephedge.pricing import black
from deephedge.pricing.implied import implied_volatility

REFERENCE = dict(spot=100.0, hurst=0.07, vol_of_vol=1.9, correlation=-0.7, forward_variance=0.235**2)
MILD = dict(spot=1.0, hurst=0.1, vol_of_vol=0.6, correlation=-0.7, forward_variance=0.04)
YEAR = dh.TimeGrid.uniform(maturity=1.0, steps=100)
PATHS = 2**15


@lru_cache
def simulated(case: str) -> dict[str, np.ndarray]:
    parameters = {"reference": REFERENCE, "mild": MILD}[case]
    batch = dh.sample(RoughBergomi("SPX", **parameters), YEAR, PATHS, key=jax.random.key(7), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


@eqx.filter_jit
def follow(market, grid, shocks):
    return jax.vmap(lambda one: market.path(grid, one).quotes)(jnp.asarray(shocks, jnp.float32))


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


@lru_cache
def weights(hurst: float, steps: int = 100) -> tuple[np.ndarray, np.ndarray]:
    """Y on [0, 1] as a matrix (step, normals): what the scheme draws is linear in its normals. And its own variance."""
    with jax.enable_x64(True):
        scheme = jax.jit(lambda z: volterra(jnp.asarray(hurst), jnp.asarray(1.0 / steps), z[:, 0], z[:, 1]))
        eye = jnp.eye(2 * steps).reshape(2 * steps, steps, 2)
        y, spread = jax.vmap(scheme)(eye)
        return np.asarray(y).T, np.asarray(spread[0])


def covariance(hurst: float, t: float, u: float) -> float:
    """E Y_t Y_u of the continuous process: 2H int_0^t (t-s)^(H-1/2) (u-s)^(H-1/2) ds for t < u."""
    t, u = min(t, u), max(t, u)
    if t == u:
        return t ** (2 * hurst)
    singular = dict(weight="alg", wvar=(0.0, hurst - 0.5))
    return 2 * hurst * quad(lambda s: (u - s) ** (hurst - 0.5), 0.0, t, **singular)[0]


@pytest.mark.parametrize("hurst", [0.07, 0.3])
def test_the_memory_has_the_covariances_of_the_volterra_process(hurst):
    y, spread = weights(hurst)
    theirs = y @ y.T
    np.testing.assert_allclose(np.diag(theirs), spread, rtol=1e-12)
    points = (1, 2, 10, 25, 50, 75, 99, 100)
    exact = np.array([[covariance(hurst, i / 100, j / 100) for j in points] for i in points])
    found = theirs[np.ix_(np.array(points) - 1, np.array(points) - 1)]
    # 1e-3 for points at least two steps apart and the variances, 6e-3 for neighbours: a mean replaces the kernel.
    apart = np.abs(np.subtract.outer(points, points)) != 1
    assert np.abs(found - exact)[apart].max() < 1e-3 and np.abs(found - exact).max() < 6e-3
    assert abs(found[0, 0] - exact[0, 0]) < 1e-12  # the first step is exact


@pytest.mark.parametrize("hurst", [0.07, 0.3])
def test_the_memory_has_the_exact_covariance_with_its_brownian_motion(hurst):
    """E Y_t W_u = sqrt(2H) / (H + 1/2) (t^(H+1/2) - max(t - u, 0)^(H+1/2)), on the grid without any error."""
    y, _ = weights(hurst)
    level = np.cumsum(np.kron(np.eye(100), [1.0, 0.0]), axis=0) / 10.0  # W as a combination of the same normals
    t, u = np.meshgrid(np.arange(1, 101) / 100, np.arange(1, 101) / 100, indexing="ij")
    p = hurst + 0.5
    np.testing.assert_allclose(
        y @ level.T, np.sqrt(2 * hurst) / p * (t**p - np.maximum(t - u, 0.0) ** p), rtol=1e-10, atol=1e-12
    )


def test_simulated_paths_have_these_covariances():
    """Of log V and of the spot's noise, read from the quotes alone, within 4 standard errors."""
    quotes, eta = simulated("mild"), MILD["vol_of_vol"]
    log = np.log(quotes["SPX.variance"] / 0.04)[:, 1:] / eta
    y = log + 0.5 * eta * weights(0.1)[1]
    v = quotes["SPX.variance"][:, :-1]
    noise = (np.diff(np.log(quotes["SPX"]), axis=1) + 0.5 * v / 100) / np.sqrt(v)
    level = np.cumsum(noise, axis=1)  # W through the correlation
    for i, j in ((5, 5), (20, 60), (50, 100), (100, 100)):
        assert errors(y[:, i - 1] * y[:, j - 1], covariance(0.1, i / 100, j / 100)) < 4.0
        for t, u in ((i, j), (j, i)):
            exact = np.sqrt(0.2) / 0.6 * ((t / 100) ** 0.6 - (max(t - u, 0) / 100) ** 0.6)
            assert errors(y[:, t - 1] * level[:, u - 1], -0.7 * exact) < 4.0
        assert errors(level[:, i - 1] * level[:, j - 1], min(i, j) / 100) < 4.0


def test_each_path_remembers_its_own_past():
    """Two paths that differ in the past only must differ now; one memory for all paths would make them equal."""
    z = np.random.default_rng(0).standard_normal((4, 100, 3))
    z[1, 50:], z[2, 60:] = z[0, 50:], z[0, 60:]
    variance = follow(RoughBergomi("SPX", **REFERENCE), YEAR, z)["SPX.variance"]
    late = np.log(np.asarray(variance, float))[:, 60:]
    assert (np.abs(late[1] - late[0]).max() > 0.05) and (np.abs(late[2] - late[0]).max() > 0.05)
    memory = np.log(simulated("mild")["SPX.variance"])[:, [50, 100]]
    assert memory.std(axis=0).min() > 0.4  # as eta t^H says: 0.6 at a year, 0.56 at half of it
    other = follow(RoughBergomi("SPX", **REFERENCE), YEAR, z[[1, 3, 3, 3]])["SPX.variance"]
    np.testing.assert_allclose(variance[1], other[0], rtol=1e-6)  # whoever its neighbours are


def by_hand(z: np.ndarray, *, spot, hurst, vol_of_vol, correlation, forward_variance) -> tuple[np.ndarray, np.ndarray]:
    """One path on [0, 1], step by step and in the notation of the paper: alpha = H - 1/2, b_k optimal, kappa = 1."""
    n, alpha = len(z), hurst - 0.5
    dt = 1.0 / n
    table = [[dt, dt ** (alpha + 1) / (alpha + 1)], [dt ** (alpha + 1) / (alpha + 1), dt ** (2 * hurst) / (2 * hurst)]]
    pairs = z[:, :2] @ np.linalg.cholesky(table).T
    log, price, v, spread = np.zeros(n + 1), np.full(n + 1, spot), np.full(n + 1, forward_variance), 0.0
    for i in range(1, n + 1):
        y, spread = pairs[i - 1, 1], dt ** (2 * hurst) / (2 * hurst)
        for k in range(2, i + 1):
            b = ((k ** (alpha + 1) - (k - 1) ** (alpha + 1)) / (alpha + 1)) ** (1 / alpha)
            y += (b * dt) ** alpha * pairs[i - k, 0]
            spread += (b * dt) ** (2 * alpha) * dt
        y, spread = np.sqrt(2 * hurst) * y, 2 * hurst * spread
        v[i] = forward_variance * np.exp(vol_of_vol * y - 0.5 * vol_of_vol**2 * spread)
        noise = correlation * pairs[i - 1, 0] + np.sqrt(1 - correlation**2) * np.sqrt(dt) * z[i - 1, 2]
        log[i] = log[i - 1] + np.sqrt(v[i - 1]) * noise - 0.5 * v[i - 1] * dt
        price[i] = spot * np.exp(log[i])
    return price, v


@pytest.mark.parametrize("case", [REFERENCE, MILD])
def test_a_second_implementation_of_the_scheme_makes_the_same_paths(case):
    shocks = np.random.default_rng(4).standard_normal((4, 100, 3))
    quotes = follow(RoughBergomi("SPX", **case), YEAR, shocks)
    for n, z in enumerate(shocks):
        spot, variance = by_hand(z, **case)
        np.testing.assert_allclose(quotes["SPX"][n], spot, rtol=5e-4)
        np.testing.assert_allclose(quotes["SPX.variance"][n], variance, rtol=5e-4)


def test_the_expected_variance_is_flat():
    """Exactly: log V without noise is log xi minus half of its variance, at every point; and on simulated paths."""
    y, _ = weights(0.07)
    still = follow(RoughBergomi("SPX", **REFERENCE), YEAR, np.zeros((4, 100, 3)))["SPX.variance"][0]
    exact = 0.235**2 * np.exp(-0.5 * 1.9**2 * (y**2).sum(axis=1))
    np.testing.assert_allclose(still[1:], exact, rtol=1e-5)
    variance = simulated("mild")["SPX.variance"]
    assert max(errors(v, 0.04) for v in variance.T[1:]) < 4.0
    assert errors(simulated("mild")["SPX.realised_variance"][:, -1], 0.04) < 4.0
    np.testing.assert_allclose(simulated("mild")["SPX.vol"] ** 2, variance, rtol=1e-5)


@pytest.mark.parametrize("hurst", [0.07, 0.3])
def test_it_is_as_rough_as_it_says(hurst):
    """E (Y_{t+d} - Y_t)^2 grows like d^(2H), from 1 to 32 steps; within 0.01 by the scheme, 0.02 on paths."""
    y, _ = weights(hurst)
    lags = 2 ** np.arange(6)
    moves = [((y[50 + lag] - y[50]) ** 2).sum() for lag in lags]
    assert abs(np.polyfit(np.log(lags), np.log(moves), 1)[0] - 2 * hurst) < 0.01
    if hurst == 0.07:
        log = np.log(simulated("reference")["SPX.variance"])
        moves = [np.var(log[:, 50 + lag] - log[:, 50]) for lag in lags]
        assert abs(np.polyfit(np.log(lags), np.log(moves), 1)[0] - 2 * hurst) < 0.02


@pytest.mark.parametrize("case", ["reference", "mild"])
def test_the_spot_is_a_martingale(case):
    spot, variance = simulated(case)["SPX"], simulated(case)["SPX.variance"]
    gain = spot[:, -1] - spot[:, 50]
    for bet in (spot[:, 50] > 0, variance[:, 50] > np.median(variance[:, 50]), spot[:, 50] > spot[0, 0]):
        assert errors(gain * bet, 0.0) < 4.0


def skew(maturity: float) -> float:
    """Slope of implied volatility in the log-strike at the money, by a difference over 0.8 standard deviations."""
    grid = dh.TimeGrid.uniform(maturity=maturity, steps=64)
    spot = dh.sample(RoughBergomi("SPX", **MILD), grid, 2**16, key=jax.random.key(5)).quotes["SPX"][:, -1]
    spot, width = np.asarray(spot, float), 0.4 * 0.2 * np.sqrt(maturity)
    strikes = np.exp(np.array([-width, width]))
    # the put below and the call above have no intrinsic value; the spot's mean is known, so its error is taken out
    calls = [np.mean(np.maximum(spot - k, 0.0) - (spot - 1.0)) for k in strikes]
    low, high = np.asarray(implied_volatility(jnp.asarray(calls), 1.0, jnp.asarray(strikes), maturity))
    return float(high - low) / (2 * width)


def test_the_skew_explodes_as_maturity_shrinks():
    """At first order in eta it is rho eta sqrt(2H) / (2 (H + 1/2) (H + 3/2)) T^(H - 1/2) (Bayer et al. 2016).

    Within 10 % for eta = 0.6, at 1 week and 3 months; the exponent -0.4 within 0.04 (both cover the second order in eta
    and the noise of 3 % a skew).
    """
    found = {t: skew(t) for t in (1 / 52, 1 / 4)}
    for t, value in found.items():
        assert value < 0
        np.testing.assert_allclose(value, -0.7 * 0.6 * np.sqrt(0.2) / (2 * 0.6 * 1.6) * t**-0.4, rtol=0.10)
    assert abs(np.log(found[1 / 52] / found[1 / 4]) / np.log(4 / 52) + 0.4) < 0.04


def test_no_vol_of_vol_is_black_scholes():
    still = RoughBergomi("SPX", **{**REFERENCE, "vol_of_vol": 0.0})
    z = np.random.default_rng(0).standard_normal((4, 100, 3))
    noise = -0.7 * z[..., 0] + np.sqrt(1 - 0.49) * z[..., 2]
    expected = 100.0 * np.exp(np.cumsum(0.0235 * noise - 0.5 * 0.0235**2, axis=1))
    np.testing.assert_allclose(follow(still, YEAR, z)["SPX"][:, 1:], expected, rtol=1e-5)
    batch = dh.sample(still, YEAR, PATHS, key=jax.random.key(1), method="random")
    payoff = np.maximum(np.asarray(batch.quotes["SPX"][:, -1], float) - 105.0, 0.0)
    assert errors(payoff, float(black.price(100.0, 105.0, 0.235, 1.0))) < 3.0


def test_the_reference_setting_has_the_tail_that_two_independent_sources_give():
    """Expected shortfall at 95 % of payoff - premium - gains under Black-Scholes delta: 11.43 to 11.59 there.

    At 2^15 paths its standard error is 0.18 (its payoffs have a heavy tail); 0.5 is allowed.
    """
    spot, left = simulated("reference")["SPX"], 1.0 - np.arange(100) / 100
    total = 0.235 * np.sqrt(left)
    delta = norm.cdf(np.log(spot[:, :-1] / 100.0) / total + 0.5 * total)
    payoff = np.maximum(spot[:, -1] - 100.0, 0.0)
    loss = np.sort(payoff - payoff.mean() - (delta * np.diff(spot, axis=1)).sum(axis=1))
    assert abs(loss[-PATHS // 20 :].mean() - 11.51) < 0.5


def test_values_and_derivatives_stay_finite():
    def end(parameters, shocks):
        quotes = RoughBergomi("SPX", 1.0, *parameters, forward_variance=0.04).path(YEAR, shocks).quotes
        return {name: quote[-1] for name, quote in quotes.items()}

    extremes = jnp.array([[h, eta, rho] for h in (1e-3, 0.499) for eta in (0.0, 2.0, 10.0) for rho in (-1, 0, 1)])
    shocks = jnp.stack([jnp.full((100, 3), x) for x in (-8.0, 0.0, 8.0)])
    both = jax.vmap(jax.vmap(lambda p, z: (end(p, z), jax.jacrev(end)(p, z)), (None, 0)), (0, None))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(jax.jit(both)(extremes, shocks)))


@pytest.mark.parametrize(
    "wrong",
    [{"spot": 0.0}, {"hurst": 0.0}, {"hurst": 0.5}, {"vol_of_vol": -1.0}, {"correlation": 1.1},
     {"forward_variance": 0.0}, {"forward_variance": ((0.0, 1.0), (0.04, 0.0))}, {"forward_variance": ((1, 0), (1, 1))},
     {"forward_variance": (0.04, 0.05)}],
)  # fmt: skip
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        RoughBergomi("SPX", **{**REFERENCE, **wrong})


def test_the_mean_variance_is_the_curve_and_a_flat_curve_a_number():
    grid, curve = dh.TimeGrid.uniform(maturity=1.0, steps=8), ((0.25, 0.75), (0.03, 0.06))
    batch = dh.sample(RoughBergomi("SPX", **(MILD | {"forward_variance": curve})), grid, 2**14, key=jax.random.key(3))
    variance = np.asarray(batch.quotes["SPX.variance"], float)
    error = variance.std(axis=0) / np.sqrt(len(variance))
    expected = np.interp(np.arange(9) / 8, *curve)
    assert (np.abs(variance.mean(axis=0) - expected) < 3.5 * error + 1e-8).all()
    shocks = jax.random.normal(jax.random.key(1), (8, 3))
    level, flat = (RoughBergomi("SPX", **(MILD | {"forward_variance": x})) for x in (0.04, ((0.5, 0.6), (0.04, 0.04))))
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-6), level.path(grid, shocks), flat.path(grid, shocks)
    )


def test_unequal_steps_are_refused_and_rounded_equal_ones_are_not():
    market, uneven = RoughBergomi("SPX", **REFERENCE), dh.TimeGrid([0.0, 0.1, 0.3])
    for use in (market.shocks, lambda grid: market.path(grid, jnp.zeros((2, 3)))):
        with pytest.raises(GridError, match="equal steps"):
            use(uneven)
    for steps in (1, 7, 365):
        for shift in (0.0, 3.0):
            grid = dh.TimeGrid(shift + np.arange(steps + 1) * (0.7 / steps))
            assert market.shocks(grid) == (steps, 3)
