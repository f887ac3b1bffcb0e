"""Merton and Kou against cumulants in closed form, their formulas, and SciPy's distributions."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import Kou, Merton, compound
from deephedge.pricing import jumps

MERTON = dict(spot=100.0, vol=0.15, intensity=3.0, jump_mean=-0.08, jump_vol=0.1, rate=0.04, dividend=0.01)
KOU = dict(
    spot=100.0, vol=0.16, intensity=4.0, probability_up=0.4, up_mean=0.05, down_mean=0.08, rate=0.04, dividend=0.01
)
MODELS = {"merton": (Merton, MERTON), "kou": (Kou, KOU)}
GRID = dh.TimeGrid([0.0, 0.01, 0.05, 0.2, 0.21, 0.5])  # unequal on purpose
MIDDLE, PATHS = 3, 2**17
every_model = pytest.mark.parametrize("name", MODELS)


def make(name: str, **other):
    kind, parameters = MODELS[name]
    return kind("SPX", **{**parameters, **other})


@lru_cache
def simulated(name: str) -> np.ndarray:
    batch = dh.sample(make(name), GRID, PATHS, key=jax.random.key(17))
    return np.asarray(batch.quotes["SPX"], float)


def jump_moments(name: str) -> tuple[float, list[float]]:
    """E exp(J) - 1, and E J^n for n from 1 to 4, by SciPy's distributions."""
    p = MODELS[name][1]
    if name == "merton":
        m, d = p["jump_mean"], p["jump_vol"]
        return np.exp(m + d**2 / 2) - 1, [float(stats.norm(m, d).moment(n)) for n in range(1, 5)]
    up, a, b = p["probability_up"], p["up_mean"], p["down_mean"]
    raw = [up * stats.expon(scale=a).moment(n) + (1 - up) * (-1) ** n * stats.expon(scale=b).moment(n)
           for n in range(1, 5)]  # fmt: skip
    return up / (1 - a) + (1 - up) / (1 + b) - 1, [float(x) for x in raw]


def central_moments(name: str, years: float) -> list[float]:
    """Mean and central moments 2 to 4 of a log return: a Levy process's cumulants are rates times time."""
    p, (k, raw) = MODELS[name][1], jump_moments(name)
    one, two, three, four = (p["intensity"] * years * x for x in raw)
    mean = (p["rate"] - p["dividend"] - p["vol"] ** 2 / 2 - p["intensity"] * k) * years + one
    variance = p["vol"] ** 2 * years + two
    return [mean, variance, three, four + 3 * variance**2]


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def periods(name: str) -> list[tuple[np.ndarray, list[float]]]:
    """Surprises and central moments of the log returns of two periods that do not overlap."""
    log, times = np.log(simulated(name)), np.asarray(GRID.times, float)
    found = []
    for start, end in ((0, MIDDLE), (MIDDLE, -1)):
        theory = central_moments(name, times[end] - times[start])
        found.append((log[:, end] - log[:, start] - theory[0], theory))
    return found


@every_model
def test_log_returns_have_their_first_four_cumulants_in_both_periods(name):
    for surprise, (_, *theory) in periods(name):
        for power, expected in enumerate([0.0, *theory], start=1):
            assert errors(surprise**power, expected) < 3.5, power


@every_model
def test_two_periods_are_independent(name):
    (first, one), (second, two) = periods(name)
    for a, b in ((1, 1), (1, 2), (2, 1), (2, 2)):
        x, y = (s**n - (0.0 if n == 1 else theory[1]) for s, n, theory in ((first, a, one), (second, b, two)))
        assert errors(x * y, 0.0) < 3.5, (a, b)


@every_model
@pytest.mark.parametrize("point", [MIDDLE, -1])
def test_calls_cost_what_the_formula_says(name, point):
    spot, parameters = simulated(name)[:, point], MODELS[name][1]
    maturity = float(GRID.times[point])
    forward, zero = 100.0 * np.exp(0.03 * maturity), np.exp(-0.04 * maturity)
    formula = {"merton": jumps.merton_price, "kou": jumps.kou_price}[name]
    model = [value for key, value in parameters.items() if key not in ("spot", "vol", "rate", "dividend")]
    strikes = np.array([80.0, 95.0, 100.0, 105.0, 120.0])
    expected = zero * np.asarray(jax.jit(formula)(forward, strikes, parameters["vol"], maturity, *model), float)
    for strike, price in zip(strikes, expected, strict=True):
        assert errors(zero * np.maximum(spot - strike, 0.0), price) < 3.0
    assert errors(zero * np.exp(0.01 * maturity) * spot, 100.0) < 3.0


@every_model
def test_without_jumps_it_is_black_and_scholes(name):
    shocks = jax.random.normal(jax.random.key(0), make(name).shocks(GRID))
    path = make(name, intensity=0.0).path(GRID, shocks)
    black = dh.markets.BlackScholes("SPX", MODELS[name][1]["vol"], spot=100.0, rate=0.04, dividend=0.01)
    for quote, value in black.path(GRID, shocks[:, :1]).quotes.items():
        np.testing.assert_allclose(path.quotes[quote], value, rtol=1e-6)
    np.testing.assert_allclose(path.quotes["SPX.total_vol"], path.quotes["SPX.vol"], rtol=1e-6)


@every_model
def test_the_total_volatility_is_the_yearly_deviation_of_log_returns(name):
    path = make(name).path(GRID, jnp.zeros(make(name).shocks(GRID)))
    np.testing.assert_allclose(path.quotes["SPX.total_vol"], np.sqrt(central_moments(name, 1.0)[1]), rtol=1e-6)


@pytest.mark.parametrize("mean", [0.0, 1e-4, 0.3, compound.CROWD])
def test_counts_are_the_inverse_of_the_poisson_distribution(mean):
    z = np.linspace(-6.0, 6.0, 2001)
    expected = np.where(z < 0, stats.poisson.ppf(stats.norm.cdf(z), mean), stats.poisson.isf(stats.norm.sf(z), mean))
    expected = np.maximum(expected, 0.0)  # SciPy gives -1 for a mean of 0
    found = np.asarray(compound.poisson(jnp.array(mean), jnp.asarray(z, jnp.float32)))
    assert (np.abs(found - expected) > 0).mean() < 2e-3  # float32 rounds a normal that is on a threshold
    np.testing.assert_allclose(found, expected, atol=1.0)
    assert stats.poisson.sf(compound.MOST, mean) < 1e-10 and (np.diff(found) >= 0).all()


def test_sums_of_exponentials_are_the_inverse_of_the_gamma_distribution():
    z, count = np.linspace(-8.5, 8.5, 3001), np.array([[1.0], [2.0], [7.0], [compound.MOST]])
    lower, upper = stats.gamma.ppf(stats.norm.cdf(z), count), stats.gamma.isf(stats.norm.sf(z), count)
    with jax.enable_x64(True):
        found = np.asarray(compound.erlang(jnp.asarray(count + 0 * z), jnp.asarray(z + 0 * count)))
    np.testing.assert_allclose(found, np.where(z < 0, lower, upper), rtol=3e-9, atol=3e-9)
    assert (np.diff(found, axis=1) > 0).all()


def test_a_larger_normal_never_gives_a_lower_spot_in_kous_model():
    shocks = jax.random.normal(jax.random.key(1), (500, *make("kou").shocks(GRID)))
    more = shocks + jnp.abs(jax.random.normal(jax.random.key(2), shocks.shape))
    ends = jax.jit(jax.vmap(lambda z: make("kou").path(GRID, z).quotes["SPX"][-1]))
    assert bool((ends(more) > ends(shocks)).all())


@every_model
def test_values_and_derivatives_stay_finite(name):
    def end(scale, shocks):
        other = {key: scale * value for key, value in MODELS[name][1].items() if key in ("vol", "intensity")}
        return make(name, **other).path(GRID, shocks).quotes["SPX"][-1]

    shocks = jnp.stack([jnp.full(make(name).shocks(GRID), x) for x in (-8.0, 0.0, 8.0)])
    scales = jnp.array([0.0, 1.0, 4.0])
    both = jax.vmap(jax.vmap(jax.value_and_grad(end), (None, 0)), (0, None))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.jit(both)(scales, shocks))


@pytest.mark.parametrize(
    ("name", "wrong"),
    [("merton", {"spot": 0.0}), ("merton", {"vol": -0.1}), ("merton", {"intensity": -1.0}),
     ("merton", {"jump_vol": -0.1}), ("kou", {"spot": -1.0}), ("kou", {"vol": -0.1}), ("kou", {"intensity": -1.0}),
     ("kou", {"probability_up": 1.5}), ("kou", {"up_mean": 1.0}), ("kou", {"down_mean": 0.0})],
)  # fmt: skip
def test_parameters_outside_their_domain_are_refused(name, wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        make(name, **wrong)


@every_model
def test_a_step_with_too_many_jumps_is_refused(name):
    with pytest.raises(ParameterError, match="shorter steps"):
        make(name, intensity=60.0).shocks(GRID)
    assert make(name, intensity=20.0).shocks(GRID)[0] == GRID.steps
