"""SABR against closed forms of its parts, Hagan's formula, conditional prices, and its own schemes written in NumPy."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import gammaincc
from scipy.stats import ncx2, norm

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import Sabr
from deephedge.markets.sabr import absorbed_growth
from deephedge.pricing import black, sabr
from deephedge.pricing.implied import implied_volatility

WILD = dict(spot=1.0, alpha=0.3, vol_of_vol=1.0, correlation=-0.6)
RATES = dict(spot=0.02, alpha=0.08, vol_of_vol=0.0, correlation=0.0, beta=0.5)  # 4 % absorbed in two years
GRIDS = {n: dh.TimeGrid.uniform(maturity=1.0, steps=n) for n in (4, 16, 64)}
PATHS = 2**16


@lru_cache
def simulated() -> dict[str, np.ndarray]:
    batch = dh.sample(Sabr("X", **WILD), GRIDS[16], PATHS, key=jax.random.key(3), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}


def spots(steps: int, maturity: float = 1.0, **parameters) -> np.ndarray:
    grid = dh.TimeGrid.uniform(maturity=maturity, steps=steps)
    batch = dh.sample(Sabr("X", **parameters), grid, 2**17, key=jax.random.key(1))
    return np.asarray(batch.quotes["X"], float)[:, -1]


@eqx.filter_jit
def follow(market, grid, shocks):
    return jax.vmap(lambda one: market.path(grid, one).quotes)(jnp.asarray(shocks, jnp.float32))


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def test_the_volatility_is_exactly_lognormal_and_moves_with_the_spot():
    quotes, t = simulated(), np.arange(17) / 16
    alpha, log = quotes["X.alpha"], np.log(quotes["X.alpha"] / 0.3)
    np.testing.assert_array_equal(quotes["X.vol"], alpha)
    for i, j in ((2, 2), (4, 12), (16, 16)):
        assert errors(alpha[:, i], 0.3) < 4.0
        assert errors((log[:, i] + 0.5 * t[i]) * (log[:, j] + 0.5 * t[j]), t[i]) < 4.0
        assert errors(alpha[:, i] * alpha[:, j], 0.09 * np.exp(t[i])) < 4.0
    # E int alpha^2 = (e - 1) alpha^2, and Cov(log S, log alpha) = rho nu alpha T - nu^2 alpha^2 int s exp(nu^2 s) ds
    assert errors(quotes["X.realised_variance"][:, -1], 0.09 * np.expm1(1.0)) < 4.0
    move = np.log(quotes["X"][:, -1])
    assert errors(move, -0.045 * np.expm1(1.0)) < 4.0
    assert errors((move - move.mean()) * (log[:, -1] + 0.5), -0.6 * 0.3 - 0.09) < 4.0


def conditional(brownian: np.ndarray, strike: float) -> np.ndarray:
    """Call given the volatility's path (Willard 1997): Black on a forward and variance that are integrals of it."""
    n, rho, nu = brownian.shape[1], WILD["correlation"], WILD["vol_of_vol"]
    log = np.cumsum(nu * brownian - 0.5 * nu**2 / n, axis=1)
    alpha = WILD["alpha"] * np.exp(np.concatenate([np.zeros((len(log), 1)), log], axis=1))
    total = np.trapezoid(alpha**2, dx=1.0 / n, axis=1)
    forward = np.exp(rho / nu * (alpha[:, -1] - alpha[:, 0]) - 0.5 * rho**2 * total)
    s = np.sqrt((1 - rho**2) * total)
    d = np.log(forward / strike) / s + s / 2
    return forward * norm.cdf(d) - strike * norm.cdf(d - s)


def test_four_steps_a_year_price_as_many_do():
    """The same Brownian motion in 4 and 256 steps; what is left is below 2e-4 of the spot beyond 3.5 standard errors.

    Log-Euler on the same paths is off by -0.003 to 0.006.
    """
    n, rng = 2**15, np.random.default_rng(1)
    fine = rng.standard_normal((n, 256)) / 16.0
    z = np.stack([2.0 * fine.reshape(n, 4, 64).sum(axis=2), rng.standard_normal((n, 4))], axis=2)
    spot = np.asarray(follow(Sabr("X", **WILD), GRIDS[4], z)["X"], float)[:, -1]
    alpha = 0.3 * np.exp(np.cumsum(0.5 * z[..., 0] - 0.125, axis=1))
    alpha = np.concatenate([np.full((n, 1), 0.3), alpha[:, :-1]], axis=1)
    euler = np.exp((alpha * (-0.6 * z[..., 0] + 0.8 * z[..., 1]) * 0.5 - 0.125 * alpha**2).sum(axis=1))
    for strike in (0.8, 1.0):
        exact = conditional(fine, strike)
        for end, fails in ((spot, False), (euler, strike == 1.0)):
            # the part of a payoff that is linear in the spot costs nothing: it takes the noise out
            slope = np.polyfit(end, np.maximum(end - strike, 0.0), 1)[0]
            gap = np.maximum(end - strike, 0.0) - slope * (end - 1.0) - exact
            noise = gap.std() / np.sqrt(n)
            assert (abs(gap.mean()) > 2e-4 + 3.5 * noise) == fails


def test_a_second_implementation_of_the_lognormal_scheme_makes_the_same_paths():
    z, dt = np.random.default_rng(2).standard_normal((64, 16, 2)), 1 / 16
    quotes = follow(Sabr("X", **WILD), GRIDS[16], z)
    log, alpha, rho, nodes = np.zeros(64), np.full(64, 0.3), -0.6, np.polynomial.hermite_e.hermegauss(60)
    for z0, z1 in z.transpose(1, 2, 0):
        after = alpha * np.exp(z0 * np.sqrt(dt) - 0.5 * dt)
        b = rho * alpha * dt / 2
        a = rho * alpha * np.sqrt(dt) * (1 - b)
        points = np.exp(a[:, None] * nodes[0] + b[:, None] * (nodes[0] ** 2 - 1))
        mean = points @ nodes[1] / np.sqrt(2 * np.pi)  # the compensator by quadrature
        own = 0.64 * dt * (alpha**2 + after**2) / 2
        log += a * z0 + b * (z0**2 - 1) - np.log(mean) + np.sqrt(own) * z1 - own / 2
        alpha = after
    np.testing.assert_allclose(quotes["X"][:, -1], np.exp(log), rtol=2e-5)
    np.testing.assert_allclose(quotes["X.alpha"][:, -1], alpha, rtol=2e-5)


@pytest.mark.parametrize("beta", [None, 0.5])
def test_short_options_cost_what_hagan_says(beta):
    """One month, 4 steps: within 0.0010 of volatility (the formula's third order, the scheme and the noise)."""
    exponent, level = (1.0 if beta is None else beta), (0.2 if beta is None else 2.0)
    spot = spots(4, 1 / 12, spot=100.0, alpha=level, vol_of_vol=0.8, correlation=-0.5, beta=beta)
    strikes = np.array([92.0, 100.0, 108.0])
    calls = [np.mean(np.maximum(spot - k, 0.0) - (spot - 100.0)) for k in strikes]
    found = implied_volatility(jnp.asarray(calls), 100.0, jnp.asarray(strikes), 1 / 12)
    expected = sabr.volatility(100.0, strikes, level, 1 / 12, exponent, 0.8, -0.5)
    np.testing.assert_allclose(found, expected, atol=1e-3)
    assert found[0] > found[1] + 0.01  # the skew is there


def cev(spot: float, strike: float, alpha: float, beta: float, tau: float) -> tuple[float, float]:
    """Call and probability of absorption at no vol of vol (Schroder 1989), by the noncentral chi-square law."""
    k = 1 / (1 - beta)
    x, y = (f ** (2 * (1 - beta)) * k**2 / (alpha**2 * tau) for f in (spot, strike))
    return spot * (1 - ncx2.cdf(y, k + 2, x)) - strike * ncx2.cdf(x, k, y), gammaincc(k / 2, x / 2)


def test_without_vol_of_vol_it_is_the_cev_model_to_first_order_in_the_step():
    gaps = {}
    for steps in (4, 16):
        spot = spots(steps, spot=1.0, alpha=0.4, vol_of_vol=0.0, correlation=0.0, beta=0.5)
        exact = [cev(1.0, k, 0.4, 0.5, 1.0)[0] for k in (0.75, 1.0, 1.25)]
        gaps[steps] = [np.maximum(spot - k, 0.0).mean() - c for k, c in zip((0.75, 1.0, 1.25), exact, strict=True)]
    assert np.abs(gaps[16]).max() < 2e-4 and np.abs(gaps[4]).max() < 8e-4
    np.testing.assert_allclose(np.divide(gaps[4], gaps[16]), 4.0, rtol=0.3)  # order 1


def test_the_right_share_is_absorbed_and_stays_so():
    grid = dh.TimeGrid.uniform(maturity=2.0, steps=64)
    batch = dh.sample(Sabr("X", **RATES), grid, PATHS, key=jax.random.key(4), method="random")
    spot, vol = np.asarray(batch.quotes["X"], float), np.asarray(batch.quotes["X.vol"], float)
    gone = spot == 0
    share = cev(0.02, 0.02, 0.08, 0.5, 2.0)[1]
    assert abs(gone[:, -1].mean() - share) < 0.001 + 3 * np.sqrt(share / PATHS)  # 0.001 is the bias of 64 steps
    assert not (gone[:, :-1] & ~gone[:, 1:]).any() and (vol[gone] == 0).all() and (vol[~gone] > 0).all()
    assert errors(spot[:, -1], 0.02) < 4.0
    assert errors((spot[:, -1] - spot[:, 32]) * (spot[:, 32] < 0.01), 0.0) < 4.0
    call = cev(0.02, 0.02, 0.08, 0.5, 2.0)[0]
    assert (
        abs(np.maximum(spot[:, -1] - 0.02, 0.0).mean() - call)
        < 4e-6 + 3 * np.maximum(spot[:, -1] - 0.02, 0).std() / 256
    )


def test_a_step_has_mean_one_wherever_it_starts():
    y, skew = (x.ravel() for x in np.meshgrid(np.geomspace(2e-4, 100.0, 25), [-0.5, -0.1, 0.0, 0.1, 1.0]))
    z = np.linspace(-9.0, 9.0, 20_001)
    with jax.enable_x64(True):
        growth = jax.jit(jax.vmap(lambda y, s: jax.vmap(lambda z: absorbed_growth(y, s, z))(jnp.asarray(z))))(y, skew)
    growth = np.asarray(growth)
    np.testing.assert_allclose(np.trapezoid(growth * norm.pdf(z), z, axis=1), 1.0, atol=2e-6)  # trapezoids: h^2 / 24
    assert (np.diff(growth, axis=1) >= 0).all()  # a larger normal is a larger spot


def test_no_vol_of_vol_is_black_scholes():
    still = Sabr("X", spot=100.0, alpha=0.2, vol_of_vol=0.0, correlation=-0.5)
    z = np.random.default_rng(5).standard_normal((64, 16, 2))
    noise = -0.5 * z[..., 0] + np.sqrt(0.75) * z[..., 1]
    expected = 100.0 * np.exp(np.cumsum(0.05 * noise - 0.5 * 0.05**2, axis=1))
    np.testing.assert_allclose(follow(still, GRIDS[16], z)["X"][:, 1:], expected, rtol=1e-5)
    payoff = np.maximum(spots(4, spot=100.0, alpha=0.2, vol_of_vol=0.0, correlation=-0.5) - 105.0, 0.0)
    assert errors(payoff, float(black.price(100.0, 105.0, 0.2, 1.0))) < 3.0


def test_values_and_derivatives_stay_finite():
    def end(parameters, shocks, beta):
        market = Sabr("X", *parameters, beta=beta)
        return {name: quote[-1] for name, quote in market.path(GRIDS[16], shocks).quotes.items()}

    extremes = jnp.array([[0.02, a, nu, rho] for a in (1e-3, 1.0) for nu in (0.0, 0.5, 5.0) for rho in (-1, 0, 1)])
    shocks = jnp.stack([jnp.full((16, 2), x) for x in (-8.0, 0.0, 8.0)])
    for beta in (None, jnp.asarray(0.5)):
        total = lambda p, z, beta=beta: sum(end(p, z, beta).values())  # noqa: E731
        both = jax.jit(jax.vmap(jax.vmap(jax.value_and_grad(total), (None, 0)), (0, None)))
        assert all(bool(jnp.isfinite(leaf).all()) for leaf in both(extremes, shocks))


@pytest.mark.parametrize(
    "wrong",
    [{"spot": 0.0}, {"alpha": 0.0}, {"vol_of_vol": -1.0}, {"correlation": 1.1}, {"beta": -0.1}, {"beta": 1.2}],
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Sabr("X", **{**WILD, **wrong})


def test_a_beta_of_one_is_the_lognormal_model():
    assert Sabr("X", **WILD, beta=1).beta is None and Sabr("X", **WILD, beta=1.0).beta is None
