"""Values against closed forms for a normal law, and against float64 minimisation by SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import linprog, minimize_scalar
from scipy.stats import norm

from deephedge.core.errors import ParameterError
from deephedge.objectives import CVaR, Entropic, Expectation, MeanVariance, Power, standard_error

MEAN, STD = 0.3, 1.7
NODES, WEIGHTS = np.polynomial.legendre.leggauss(2000)
QUANTILES = 16.0 * NODES  # a dense rule, so that kinks do no harm
DENSITY = 16.0 * WEIGHTS * norm.pdf(QUANTILES)


def normal_wealth(paths=200_000, seed=0):
    return MEAN + STD * jax.random.normal(jax.random.key(seed), (paths,))


def power_loss(x, aversion, power):
    growth = np.maximum(1.0 + aversion * x / (power - 1.0), 0.0)
    return (growth**power - 1.0) * (power - 1.0) / (power * aversion)


def least(loss, losses, weights):
    """inf over w of w + E loss(L - w), in float64."""
    result = minimize_scalar(
        lambda w: w + weights @ loss(losses - w), bounds=(losses.min(), losses.max()), method="bounded",
        options={"xatol": 1e-12},
    )  # fmt: skip
    return result.fun


def agrees(risk, expected):
    wealth = normal_wealth()
    assert abs(float(risk(wealth)) - expected) < 3.5 * float(standard_error(risk, wealth)) + 2e-6


@pytest.mark.parametrize("aversion", [1e-3, 0.5, 1.0])
def test_normal_entropic(aversion):
    agrees(Entropic(aversion), -MEAN + 0.5 * aversion * STD**2)


@pytest.mark.parametrize("level", [0.0, 0.5, 0.95, 0.99])
def test_normal_cvar(level):
    z = norm.ppf(level)
    agrees(CVaR(level), -MEAN + STD * norm.pdf(z) / (1 - level))


def test_normal_expectation_and_mean_variance():
    agrees(Expectation(), -MEAN)
    agrees(MeanVariance(0.8), -MEAN + 0.4 * STD**2)


@pytest.mark.parametrize(("aversion", "power"), [(0.5, 2.0), (2.0, 2.0), (1.0, 1.4), (0.5, 6.0)])
def test_normal_power(aversion, power):
    expected = least(lambda x: power_loss(x, aversion, power), -MEAN - STD * QUANTILES, DENSITY)
    agrees(Power(aversion, power), expected)


@pytest.mark.parametrize(("aversion", "power"), [(0.5, 2.0), (100.0, 2.0), (1.0, 1.2), (3.0, 9.0)])
def test_power_on_a_sample_is_exact(aversion, power):
    wealth = np.random.default_rng(5).choice(np.linspace(-2, 3, 11), 400).astype(np.float32)
    expected = least(lambda x: power_loss(x, aversion, power), -wealth.astype(float), np.full(400, 1 / 400))
    assert float(Power(aversion, power)(jnp.asarray(wealth))) == pytest.approx(expected, rel=2e-6)


def test_power_tends_to_entropic():
    wealth = normal_wealth(2000)
    gaps = [abs(float(Power(1.0, p)(wealth)) - float(Entropic(1.0)(wealth))) for p in (10.0, 100.0, 1000.0)]
    assert gaps[0] > 5 * gaps[1] > 25 * gaps[2]
    assert gaps[2] < 0.02


def test_power_two_is_mean_variance_until_wealth_is_too_good():
    wealth = jax.random.uniform(jax.random.key(0), (1000,))
    assert float(Power(0.9, 2.0)(wealth)) == pytest.approx(float(MeanVariance(0.9)(wealth)), abs=1e-6)
    richer = wealth.at[0].set(40.0)
    assert float(Power(0.9, 2.0)(richer)) < float(Power(0.9, 2.0)(wealth)) < float(MeanVariance(0.9)(richer))


@pytest.mark.parametrize("level", [0.3, 0.8, 0.95])
def test_cvar_is_the_linear_program(level):
    """Rockafellar and Uryasev's program on a sample with atoms, solved by HiGHS."""
    wealth = np.maximum(np.random.default_rng(2).normal(size=50), 0.0).astype(np.float32)
    cost = np.concatenate([[1.0], np.full(50, 1 / 50 / (1 - level))])
    above = np.hstack([-np.ones((50, 1)), -np.eye(50)])
    program = linprog(cost, above, wealth, bounds=[(None, None)] + [(0, None)] * 50)
    assert float(CVaR(level)(jnp.asarray(wealth))) == pytest.approx(program.fun, abs=1e-6)


def test_cvar_threshold_is_the_empirical_value_at_risk():
    wealth = np.concatenate([np.zeros(50), -np.arange(1.0, 51.0)])
    for level in (0.0, 0.2, 0.5, 0.51, 0.95, 0.999):
        expected = np.quantile(-wealth, level, method="inverted_cdf")
        assert float(CVaR(level).fitted(jnp.asarray(wealth, jnp.float32)).threshold) == expected


def test_cvar_differentiates_in_its_level():
    """Its derivative is (CVaR - VaR) / (1 - level)."""
    wealth = jax.random.normal(jax.random.key(1), (1000,))
    risk = CVaR(0.9005)
    expected = (risk(wealth) - risk.fitted(wealth).threshold) / (1.0 - risk.level)
    assert float(jax.grad(lambda level: CVaR(level)(wealth))(0.9005)) == pytest.approx(float(expected), rel=1e-4)


def test_entropic_keeps_its_digits():
    """A risk aversion of 1e-4 loses no digits to the logarithm of the number of paths, one of 1e4 does not overflow."""
    wealth = np.random.default_rng(0).normal(size=100_000).astype(np.float32)
    exact = wealth.astype(float)
    for aversion in (1e-6, 1e-4, 1e-2, 1.0, 100.0, 1e4):
        expected = (np.logaddexp.reduce(-aversion * exact) - np.log(exact.size)) / aversion
        tolerance = 3e-7 if aversion > 1e-3 else 1e-6
        assert float(Entropic(aversion)(jnp.asarray(wealth))) == pytest.approx(expected, rel=1e-6, abs=tolerance)


def test_entropic_differentiates_twice():
    wealth = jax.random.normal(jax.random.key(3), (6,))
    hessian = jax.hessian(Entropic(2.0))(wealth)
    p = np.asarray(jax.nn.softmax(-2.0 * wealth), float)
    assert np.asarray(hessian) == pytest.approx(2.0 * (np.diag(p) - np.outer(p, p)), abs=1e-6)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Entropic(0.0), lambda: Entropic(float("nan")), lambda: Entropic(float("inf")),
        lambda: MeanVariance(-1.0), lambda: Power(1.0, 1.0), lambda: Power(0.0, 2.0),
        lambda: CVaR(1.0), lambda: CVaR(-0.1), lambda: CVaR(float("nan")), lambda: CVaR(95.0),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused(make):
    with pytest.raises(ParameterError, match="must be"):
        make()
