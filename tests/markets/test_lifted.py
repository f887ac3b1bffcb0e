"""Lifted Heston: Riccati equations in SciPy, Volterra moments, the law of a step, calls, the limit of one factor."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp
from scipy.linalg import expm
from scipy.special import gamma
from scipy.stats import invgauss, kstest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import LiftedRoughHeston
from deephedge.pricing import heston, lifted

ROUGH = dict(mean_reversion=0.3, long_variance=0.02, vol_of_vol=0.3, correlation=-0.7, hurst=0.1)
MARKET = LiftedRoughHeston("SPX", 100.0, 0.03, **ROUGH)
END, PATHS = 0.5, 2**15
STRIKES = jnp.array([80.0, 95.0, 100.0, 105.0, 115.0])
pair = eqx.filter_jit(lambda *model: jnp.stack(lifted.kernel(*model)))
calls = jax.jit(lifted.price)


@lru_cache
def simulated(steps: int = 40) -> dict[str, np.ndarray]:
    """Up to ``END`` in so many steps; the others follow it, so that one program serves all."""
    times = np.linspace(0.0, END, steps + 1)
    grid = dh.TimeGrid(np.append(times, END + np.arange(1, 41 - steps) / 40))
    batch = dh.sample(MARKET, grid, PATHS, key=jax.random.key(3))
    return {name: np.asarray(quote, float)[:, : steps + 1] for name, quote in batch.quotes.items()}


@lru_cache
def closed_form() -> np.ndarray:
    return np.asarray(calls(100.0, STRIKES, 0.03, END, 0.3, 0.02, 0.3, -0.7, *pair(0.1)), float)


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def factors(hurst=0.1, n=20, r=2.5):
    a, i = hurst + 0.5, np.arange(1, n + 1)
    c = (r ** (1 - a) - 1) * r ** ((a - 1) * (1 + n / 2)) / gamma(a) / gamma(2 - a) * r ** ((1 - a) * i)
    return c, (1 - a) / (2 - a) * (r ** (2 - a) - 1) / (r ** (1 - a) - 1) * r ** (i - 1 - n / 2)


def log_characteristic(u: float, tau: float) -> complex:
    """log E exp((iu + 1/2) log S / F) by the equations as Abi Jaber writes them."""
    c, x = factors()
    s, reversion, nu, rho = 1j * u + 0.5, 0.3, 0.3, -0.7

    def slope(t, y):
        w = c @ y[:-1]
        rate = 0.5 * (s * s - s) + (rho * nu * s - reversion) * w + 0.5 * nu**2 * w * w
        return np.append(rate - x * y[:-1], rate * (0.03 + reversion * 0.02 * (c / x) @ -np.expm1(-x * (tau - t))))

    return solve_ivp(slope, (0.0, tau), np.zeros(len(c) + 1, complex), method="BDF", rtol=1e-8, atol=1e-10).y[-1, -1]


def test_weights_and_speeds_are_those_of_the_paper():
    np.testing.assert_allclose(pair(0.1), factors(), rtol=2e-5)


@pytest.mark.parametrize("u", [1.0, 30.0])
def test_the_characteristic_function_solves_the_riccati_equations(u):
    square, model = jnp.array([u * u + 0.25 + 0j]), [jnp.array([x]) for x in (0.03, END, 0.3, 0.02, 0.3, -0.7)]
    ours = square * jax.jit(lifted.exponent)(jnp.array([u + 0j]), square, model, *pair(0.1))
    assert abs(complex(ours[0]) - log_characteristic(u, END)) < 2e-5 * (1.0 + u**0.5)


def test_calls_cost_what_fourier_says():
    spot = simulated()["SPX"][:, -1]
    for strike, price in zip(np.asarray(STRIKES), closed_form(), strict=True):
        assert errors(np.maximum(spot - strike, 0.0), price) < 3.0
    assert errors(spot, 100.0) < 3.0


def test_one_factor_is_heston():
    """V = V0 + c U reverts at x + lambda c towards (x V0 + lambda c theta) / (x + lambda c), with vol of vol c nu."""
    weights, speeds = np.zeros(20, np.float32), np.ones(20, np.float32)
    (weights[:1], speeds[:1]) = (weight,), (speed,) = factors(n=1)
    kappa = speed + 2.0 * weight
    model = (kappa, (speed * 0.03 + 2.0 * weight * 0.05) / kappa, 0.4 * weight, -0.6)
    theirs = np.asarray(jax.jit(heston.price)(100.0, STRIKES, 0.03, 1.0, *model))
    ours = np.asarray(calls(100.0, STRIKES, 0.03, 1.0, 2.0, 0.05, 0.4, -0.6, weights, speeds))
    np.testing.assert_allclose(ours, theirs, atol=5e-5)


def responses(times: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """E V, and what one unit of nu sqrt(V) dW adds to the integral of V over the time given: linear equations."""
    c, x = factors()
    drift = -np.diag(x) - 0.3 * np.ones((20, 1)) * c
    step = expm(np.block([[drift, np.ones((20, 1))], [np.zeros((1, 21))]]) * (times[1] - times[0]))
    decay, force = step[:-1, :-1], step[:-1, -1]
    mean, shock, means, effects = np.zeros(20), np.ones(20), [], []
    for _ in times:
        means.append(0.03 + c @ mean)
        effects.append(-c @ np.linalg.solve(drift, np.ones(20) - shock))
        mean, shock = decay @ mean + 0.3 * (0.02 - 0.03) * force, decay @ shock
    return np.array(means), np.array(effects)


def test_variance_has_its_volterra_mean_and_its_covariances():
    quotes, times = simulated(), np.linspace(0.0, END, 2001)
    mean, effect = responses(times)
    area, half = quotes["SPX.realised_variance"], 20
    for point in (1, half, 40):
        assert errors(quotes["SPX.variance"][:, point], mean[point * 50]) < 3.5
        assert errors(area[:, point], np.trapezoid(mean[: point * 50 + 1], times[: point * 50 + 1])) < 3.5
    first, second = area[:, half], area[:, -1] - area[:, half]
    noise = np.log(quotes["SPX"][:, -1] / 100.0) + 0.5 * area[:, -1]
    early, late = effect[1000::-1], effect[:999:-1]
    whole = np.trapezoid(mean * effect[::-1] ** 2, times)
    joint = np.trapezoid(mean[:1001] * early * (late - early), times[:1001])
    leverage = -0.7 * 0.3 * np.trapezoid(mean * effect[::-1], times)
    np.testing.assert_allclose(np.cov(first, second)[0, 1], 0.09 * joint, rtol=0.1)
    np.testing.assert_allclose(
        [np.var(area[:, -1]), np.cov(noise, area[:, -1])[0, 1]], [0.09 * whole, leverage], rtol=0.06
    )


def test_a_step_has_the_inverse_gaussian_law():
    area, (c, x), step = simulated(2)["SPX.realised_variance"][:, 1], factors(), END / 2
    whole = c @ (-np.expm1(-x * step) / x)
    mean = (0.03 * step + whole * 0.3 * 0.02 * step) / (1.0 + 0.3 * whole)
    push = 0.3 * whole / (1.0 + 0.3 * whole)
    shape = (mean / push) ** 2
    assert kstest(area, invgauss(mean / shape, scale=shape).cdf).pvalue > 1e-3


def test_calls_converge_at_order_one():
    gaps = []
    for steps in (2, 8):
        spot = simulated(steps)["SPX"][:, -1]
        pay = np.maximum(spot - 100.0, 0.0)
        gaps.append(abs((pay - np.polyfit(spot, pay, 1)[0] * (spot - 100.0)).mean() - closed_form()[2]))
    assert 0.7 < np.log(gaps[0] / gaps[1]) / np.log(4.0) < 1.4


@pytest.mark.parametrize(
    "wrong",
    [{"hurst": 0.5}, {"vol_of_vol": 0.0}, {"correlation": -1.1}, {"ratio": 1.0}, {"factors": 0}, {"scheme": "qe"}],
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        LiftedRoughHeston("SPX", 100.0, 0.03, **{**ROUGH, **wrong})


def test_a_grid_too_coarse_for_a_positive_correlation_is_refused():
    market = LiftedRoughHeston("SPX", 100.0, 0.03, **{**ROUGH, "correlation": 0.9, "vol_of_vol": 3.0})
    with pytest.raises(ParameterError, match="shorter steps"):
        market.shocks(dh.TimeGrid([0.0, 1.0]))
