"""The square-root short rate: moments given the past, today's curve, options, and convergence in the step."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import CoxIngersollRoss, Vasicek
from deephedge.pricing import cir

PATHS = 2**16
CALM = dict(short=0.03, mean_reversion=0.5, level=0.04, vol=0.1)
BROKEN = dict(short=0.02, mean_reversion=0.2, level=0.02, vol=0.2)  # 2 kappa theta / sigma^2 = 0.2: 0 is reached
CASES = {"calm": CALM, "broken": BROKEN}
UNEVEN = dh.TimeGrid([0.0, 0.25, 0.5, 1.0, 1.5, 2.0])
follow = eqx.filter_jit(lambda market, grid, shocks: market.path(grid, shocks))
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


@lru_cache
def simulated(case: str) -> dict[str, np.ndarray]:
    batch = dh.sample(CoxIngersollRoss(**CASES[case]), UNEVEN, PATHS, key=jax.random.key(5), method="random")
    return {key: np.asarray(x, float) for key, x in (batch.quotes | {"numeraire": batch.numeraire}).items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def covariances(s, t, short, mean_reversion, level, vol):
    """Means of r_s and int_0^t r; Cov(r_s, r_t), Cov(int_0^t r, r_t), Var int_0^t r, by a fine quadrature."""
    u = np.linspace(0.0, t, 20_001)
    mean = level + (short - level) * np.exp(-mean_reversion * u)
    decay = np.exp(-mean_reversion * (t - u))
    load = (1 - decay) / mean_reversion
    early = np.where(u <= s, np.exp(-mean_reversion * (s - u)), 0.0)
    area = lambda f: np.trapezoid(f, u)  # noqa: E731
    rate = vol**2 * mean
    return (
        np.interp(s, u, mean),
        area(mean),
        area(rate * early * decay),
        area(rate * load * decay),
        area(rate * load**2),
    )


@pytest.mark.parametrize("case", CASES)
def test_rate_and_integral_have_their_joint_moments(case):
    path, times = simulated(case), np.asarray(UNEVEN.times, float)
    short, area = path["USD.short"], np.log(path["numeraire"])
    assert (short >= 0).all()
    for early, late in ((1, 1), (1, 3), (3, 5)):
        m_s, m_area, between, joint, whole = covariances(times[early], times[late], **CASES[case])
        m_t, *_ = covariances(times[late], times[late], **CASES[case])
        x, z, y = short[:, early] - m_s, short[:, late] - m_t, area[:, late] - m_area
        assert errors(short[:, early], m_s) < 3.5
        assert errors(x * z, between) < 4.0
        np.testing.assert_allclose(area[:, late].mean(), m_area, rtol=4 * area[:, late].std() / 256 / m_area + 2e-3)
        np.testing.assert_allclose([(y * z).mean(), (y * y).mean()], [joint, whole], rtol=0.05)


@pytest.mark.parametrize("case", CASES)
def test_the_bond_that_ends_with_the_step_is_priced_exactly_given_the_past(case):
    path, market = simulated(case), CoxIngersollRoss(**CASES[case])
    times = np.asarray(UNEVEN.times, float)
    for n in (1, 4):
        growth = path["numeraire"][:, n] / path["numeraire"][:, n + 1]
        price = np.asarray(bond(market, path["USD.short"][:, n], times[n], times[n + 1] - times[n]), float)
        for bet in (1.0, path["USD.short"][:, n] > 0.03):
            assert errors((growth - price) * bet, 0.0) < 3.5


def test_expected_discounts_and_bond_options_are_those_of_the_closed_form():
    path, market, times = simulated("calm"), CoxIngersollRoss(**CALM), np.asarray(UNEVEN.times, float)
    for n in range(1, 6):
        assert errors(1 / path["numeraire"][:, n], float(bond(market, 0.03, 0.0, times[n]))) < 3.0
    bonds = np.asarray(bond(market, path["USD.short"][:, 3], 1.0, 4.0), float)
    near, far = (float(bond(market, 0.03, 0.0, t)) for t in (1.0, 5.0))
    assert errors(bonds / path["numeraire"][:, 3], far) < 3.0
    strikes = far / near * np.array([0.98, 1.0, 1.01])
    expected = np.asarray(cir.bond_option(0.03, strikes, 1.0, 4.0, 0.5, 0.04, 0.1))
    for strike, price in zip(strikes, expected, strict=True):
        assert errors(np.maximum(bonds - strike, 0.0) / path["numeraire"][:, 3], price) < 3.0


def test_long_bonds_converge_as_steps_get_shorter():
    market, gaps = CoxIngersollRoss(**BROKEN), []
    exact = float(bond(market, 0.02, 0.0, 10.0))
    for steps in (1, 8):
        batch = dh.sample(market, dh.TimeGrid.uniform(maturity=4.0, steps=steps), 2**14, key=jax.random.key(1))
        short, numeraire = batch.quotes["USD.short"][:, -1], np.asarray(batch.numeraire[:, -1], float)
        gaps.append(abs((np.asarray(bond(market, short, 4.0, 6.0), float) / numeraire).mean() / exact - 1))
    assert gaps[1] < 0.5 * gaps[0] and gaps[1] < 1e-3


def test_a_small_volatility_is_the_gaussian_rate_with_its_root():
    shocks = jax.random.normal(jax.random.key(0), (5, 2))
    ours = follow(CoxIngersollRoss(0.04, 0.5, 0.04, 1e-3, tenors=(5,)), UNEVEN, shocks)
    theirs = follow(Vasicek(0.04, 0.5, 0.04, 1e-3 * 0.2, tenors=(5,)), UNEVEN, shocks)
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), ours, theirs)


def test_values_and_derivatives_stay_finite():
    def end(parameters, shocks):
        path = CoxIngersollRoss(*parameters, tenors=(10,)).path(UNEVEN, shocks)
        return jnp.stack([path.numeraire[-1], path.quotes["USD.zero.10y"][-1]])

    extremes = jnp.array([[r, kappa, 0.04, vol] for r in (0.0, 0.05) for kappa in (1e-3, 5.0) for vol in (1e-3, 0.5)])
    shocks = jnp.stack([jnp.full((5, 2), x) for x in (-8.0, 0.0, 8.0)])
    slope = lambda p, z: jax.jvp(lambda p: end(p, z), (p,), (jnp.ones(4),))  # noqa: E731
    both = jax.vmap(jax.vmap(slope, (None, 0)), (0, None))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(jax.jit(both)(extremes, shocks)))


@pytest.mark.parametrize(
    "wrong", [{"short": -0.01}, {"mean_reversion": 0.0}, {"level": 0.0}, {"vol": 0.0}, {"tenors": (0,)}]
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        CoxIngersollRoss(**{**CALM, **wrong})
