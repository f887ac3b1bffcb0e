import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge.core.errors import ParameterError
from deephedge.objectives import QuadraticError, SemiQuadraticError, standard_error

MEAN, STD = -1.2, 0.7
WEALTH = MEAN + STD * jax.random.normal(jax.random.key(4), (100_000,))


@pytest.mark.parametrize("price", [None, 1.0, 1.5])
def test_normal_quadratic_error(price):
    risk = QuadraticError(price)
    expected = STD**2 + (0.0 if price is None else (MEAN + price) ** 2)
    assert abs(float(risk(WEALTH)) - expected) < 3.5 * float(standard_error(risk, WEALTH))


@pytest.mark.parametrize("price", [0.0, 1.0, 1.5])
def test_normal_semi_quadratic_error(price):
    risk = SemiQuadraticError(price)
    z = (MEAN + price) / STD  # E[min(Y, 0)^2] of a normal Y
    expected = STD**2 * ((1 + z * z) * norm.cdf(-z) - z * norm.pdf(z))
    assert abs(float(risk(WEALTH)) - expected) < 3.5 * float(standard_error(risk, WEALTH))


def test_fitted_price_is_minus_the_mean_and_the_error_the_variance():
    fitted = QuadraticError().fitted(WEALTH)
    assert float(fitted.threshold) == pytest.approx(-float(np.asarray(WEALTH, float).mean()), rel=1e-6)
    assert float(QuadraticError()(WEALTH)) == pytest.approx(np.asarray(WEALTH, float).var(), rel=1e-6)


def test_given_price_is_kept():
    assert float(QuadraticError(2.0).fitted(WEALTH).price) == 2.0
    assert float(QuadraticError(2.0).fitted(WEALTH)(WEALTH)) == float(QuadraticError(2.0)(WEALTH))


def test_both_sides_make_the_whole():
    below, above = SemiQuadraticError(1.0)(WEALTH), SemiQuadraticError(-1.0)(-WEALTH)
    assert float(below + above) == pytest.approx(float(QuadraticError(1.0)(WEALTH)), rel=1e-6)


@pytest.mark.parametrize("make", [QuadraticError, SemiQuadraticError])
def test_bad_parameters_are_refused(make):
    with pytest.raises(ParameterError, match="must be"):
        make(price=jnp.nan)
