"""Two Gaussian factors: the joint law of factors and integral, today's curve, swaptions, and one factor as a limit."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import HullWhite, HullWhiteTwoFactor
from deephedge.pricing import g2

PATHS = 2**16
YEARS, YIELDS = (0.5, 1, 2, 5, 10), (0.05, 0.046, 0.041, 0.038, 0.042)
A, B, SIGMA, ETA, RHO = LAW = (0.7, 0.08, 0.015, 0.011, -0.75)
PARAMETERS = dict(curve=(YEARS, YIELDS), mean_reversion=(A, B), vol=(SIGMA, ETA), correlation=RHO)
UNEVEN = dh.TimeGrid([0.0, 0.1, 1.0, 2.0, 5.0, 10.0])
follow = eqx.filter_jit(lambda market, grid, shocks: market.path(grid, shocks))
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


@lru_cache
def market() -> HullWhiteTwoFactor:
    return HullWhiteTwoFactor(**PARAMETERS, tenors=(1, 10))


@lru_cache
def simulated() -> dict[str, np.ndarray]:
    batch = dh.sample(market(), UNEVEN, PATHS, key=jax.random.key(7), method="random")
    return {key: np.asarray(x, float) for key, x in (batch.quotes | {"numeraire": batch.numeraire}).items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def covariances(s: float, t: float) -> dict[str, float]:
    """Of x, y and the integral I of their sum, the first at s and the second at t, by a fine quadrature over noise."""
    u = np.linspace(0.0, s, 20_001)
    response = {
        "x": lambda t: (SIGMA * np.exp(-A * (t - u)), 0.0 * u),
        "y": lambda t: (0.0 * u, ETA * np.exp(-B * (t - u))),
        "I": lambda t: (SIGMA * (1 - np.exp(-A * (t - u))) / A, ETA * (1 - np.exp(-B * (t - u))) / B),
    }

    def shared(first: str, second: str) -> float:
        (p, q), (v, w) = response[first](s), response[second](t)
        return float(np.trapezoid(p * v + q * w + RHO * (p * w + q * v), u))

    return {i + j: shared(i, j) for i in "xyI" for j in "xyI"}


def test_factors_and_integral_have_their_joint_law():
    path, times = simulated(), np.asarray(UNEVEN.times, float)
    whole = {n: np.log(path["numeraire"][:, n]) for n in range(6)}
    for early, late in ((1, 1), (1, 3), (2, 4), (5, 5)):
        expected = covariances(times[early], times[late])
        first, second = (
            {"x": path["USD.x"][:, n], "y": path["USD.y"][:, n], "I": whole[n] - whole[n].mean()} for n in (early, late)
        )
        assert max(errors(first[i], 0.0) for i in "xy") < 3.5
        for pair, value in expected.items():
            assert errors(first[pair[0]] * second[pair[1]], value) < 4.0, (pair, early, late)


def test_expected_discounts_are_todays_curve_and_quotes_are_those_of_bonds():
    path, times = simulated(), np.asarray(UNEVEN.times, float)
    for n, t in enumerate(times):
        if t in YEARS:
            assert errors(1.0 / path["numeraire"][:, n], np.exp(-t * YIELDS[YEARS.index(t)])) < 3.0
    np.testing.assert_allclose([path["USD.zero.1y"][0, 0], path["USD.zero.10y"][0, 0]], [0.046, 0.042], atol=2e-7)
    state = jnp.stack([path["USD.x"], path["USD.y"]], -1)[:, 3]
    far = np.asarray(bond(market(), state, 2.0, 3.0), float) / path["numeraire"][:, 3]
    assert errors(far, np.exp(-5 * 0.038)) < 3.0
    short = np.asarray(bond(market(), state, 2.0, 1e-3), float)
    np.testing.assert_allclose(-np.log(short) / 1e-3, path["USD.short"][:, 3], atol=3e-4)  # float32, a thousandth


def test_swaptions_cost_what_the_formula_says():
    path, years = simulated(), np.arange(1.0, 4.0)
    state = jnp.stack([path["USD.x"], path["USD.y"]], -1)[:, 3]
    later = np.asarray(bond(market(), state[:, None], 2.0, years), float)
    today = np.asarray(bond(market(), jnp.zeros(2), 0.0, np.concatenate([[2.0], 2.0 + years])), float)
    at_par = (today[0] - today[-1]) / today[1:].sum()
    rates = at_par + np.array([-0.01, 0.0, 0.01])
    swap = 1 - later[:, -1:] - rates * later.sum(1, keepdims=True)
    with jax.enable_x64(True):
        prices = jax.jit(g2.swaption)(today[0], today[1:], np.ones(3), rates, 2.0, years, *LAW)
    for n, price in enumerate(prices):
        assert errors(np.maximum(swap[:, n], 0.0) / path["numeraire"][:, 3], float(price)) < 3.0


def test_without_the_second_factor_it_is_hull_white_path_by_path():
    shocks = jax.random.normal(jax.random.key(1), (5, 3))
    other = {**PARAMETERS, "vol": (SIGMA, 0.0), "correlation": 0.0}
    ours = follow(HullWhiteTwoFactor(**other, tenors=(1, 10)), UNEVEN, shocks)
    theirs = follow(HullWhite((YEARS, YIELDS), A, SIGMA, tenors=(1, 10)), UNEVEN, shocks[:, ::2])
    for quote, value in theirs.quotes.items():
        np.testing.assert_allclose(ours.quotes[quote], value, atol=1e-6)
    np.testing.assert_allclose(ours.numeraire, theirs.numeraire, rtol=2e-6)


def test_values_stay_finite_at_the_edges():
    laws = [(0, 0, 0, 0, 0), (0.1, 0.1, 0.01, 0.01, -1), (0, 5, 0.01, 0.01, 1), (1, 0, 0, 0.02, 0.5)]
    for a, b, sigma, eta, rho in laws:
        other = HullWhiteTwoFactor((YEARS, YIELDS), (a, b), (sigma, eta), rho, tenors=(1, 10))
        for size in (-8.0, 8.0):
            path = follow(other, UNEVEN, jnp.full((5, 3), size))
            assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(path))


def test_drivers_are_unit_rows_with_the_correlation_of_the_factors():
    rows = {name: np.asarray(row) for name, row in market().drivers().items()}
    assert all(row.shape == (3,) for row in rows.values())
    np.testing.assert_allclose([row @ row for row in rows.values()], 1.0, rtol=1e-6)
    np.testing.assert_allclose(rows["USD.x"] @ rows["USD.y"], RHO, rtol=1e-6)
    with_x = (SIGMA + RHO * ETA) / np.sqrt(SIGMA**2 + ETA**2 + 2 * RHO * SIGMA * ETA)
    np.testing.assert_allclose(rows["USD"] @ rows["USD.x"], with_x, rtol=1e-6)


@pytest.mark.parametrize(
    "wrong",
    [
        {"mean_reversion": 0.1},
        {"mean_reversion": (-0.1, 1)},
        {"vol": (0.1, np.nan)},
        {"correlation": 1.1},
        {"tenors": (0,)},
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        HullWhiteTwoFactor(**{**PARAMETERS, **wrong})
