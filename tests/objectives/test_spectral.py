import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import quad
from scipy.stats import norm

from deephedge.core.errors import ParameterError
from deephedge.objectives import CVaR, Expectation, Spectral, standard_error


def test_is_the_mixture_of_its_cvars():
    wealth = jax.random.normal(jax.random.key(0), (999,))
    risk = Spectral(levels=(0.0, 0.5, 0.95), weights=(0.2, 0.3, 0.5))
    parts = [float(Expectation()(wealth)), float(CVaR(0.5)(wealth)), float(CVaR(0.95)(wealth))]
    assert float(risk(wealth)) == pytest.approx(np.dot([0.2, 0.3, 0.5], parts), rel=1e-6)
    expected = np.quantile(-np.asarray(wealth), [0.0, 0.5, 0.95], method="inverted_cdf")
    assert risk.fitted(wealth).threshold.tolist() == pytest.approx(expected.tolist())


@pytest.mark.parametrize("steepness", [0.5, 5.0, 25.0])
def test_exponential_spectrum_of_a_normal(steepness):
    """The integral of spectrum times value at risk, by quadrature."""

    def integrand(u):
        return steepness * np.exp(-steepness * (1 - u)) / -np.expm1(-steepness) * norm.ppf(u)

    exact = quad(integrand, 0, 1, limit=200)[0]
    wealth = jax.random.normal(jax.random.key(1), (200_000,))
    risk = Spectral.exponential(steepness, count=100)
    assert abs(float(risk(wealth)) - exact) < 3.5 * float(standard_error(risk, wealth)) + 2e-3


def test_exponential_spectrum_converges_from_below():
    wealth = jnp.asarray(-norm.ppf((np.arange(20_000) + 0.5) / 20_000), jnp.float32)
    values = [float(Spectral.exponential(10.0, count)(wealth)) for count in (1, 5, 20, 80, 320)]
    assert values[0] == pytest.approx(0.0, abs=1e-5)  # one step is the mean
    gaps = np.diff(values)
    assert np.all(gaps > 0) and gaps[-1] < gaps[-2] / 3


def test_weights_of_the_exponential_spectrum():
    risk = Spectral.exponential(3.0, count=7)
    assert float(risk.weights.sum()) == pytest.approx(1.0, abs=1e-6) and np.all(np.asarray(risk.weights) > 0)


@pytest.mark.parametrize(
    "make",
    [
        lambda: Spectral((0.5, 0.9), (0.5, 0.6)), lambda: Spectral((0.5, 1.0), (0.5, 0.5)),
        lambda: Spectral((0.5, 0.9), (1.5, -0.5)), lambda: Spectral((0.5,), (0.5, 0.5)), lambda: Spectral((), ()),
        lambda: Spectral.exponential(0.0), lambda: Spectral.exponential(1.0, count=0),
    ],
)  # fmt: skip
def test_bad_parameters_are_refused(make):
    with pytest.raises(ParameterError, match="must be"):
        make()
