import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.optimize import minimize_scalar
from scipy.stats import norm

from deephedge.core.errors import ParameterError
from deephedge.objectives import CVaR, MeanStd, QuadraticCVaR, standard_error

MEAN, STD = -0.4, 2.0


def normal_wealth(paths=200_000):
    return MEAN + STD * jax.random.normal(jax.random.key(0), (paths,))


def agrees(risk, expected):
    wealth = normal_wealth()
    assert abs(float(risk(wealth)) - expected) < 3.5 * float(standard_error(risk, wealth))


@pytest.mark.parametrize("level", [0.05, 0.5, 0.95])
def test_normal_quadratic_cvar(level):
    def objective(k):  # E[(Z - k)+^2] = (1 + k^2) N(-k) - k n(k)
        return k + np.sqrt((1 + k * k) * norm.cdf(-k) - k * norm.pdf(k)) / (1 - level)

    best = minimize_scalar(objective, bounds=(-30.0, 10.0), method="bounded", options={"xatol": 1e-10}).fun
    agrees(QuadraticCVaR(level), -MEAN + STD * best)


def test_normal_mean_std():
    agrees(MeanStd(1.5), -MEAN + 1.5 * STD)


@pytest.mark.parametrize("level", [0.1, 0.6, 0.9, 0.99])
def test_quadratic_cvar_on_a_sample_is_exact(level):
    wealth = np.maximum(np.random.default_rng(1).normal(size=300), 0.0).astype(np.float32)  # half of it an atom
    losses = -wealth.astype(float)

    def objective(w):
        return w + np.sqrt(np.mean(np.maximum(losses - w, 0.0) ** 2)) / (1 - level)

    bracket = np.linspace(losses.min() - 30.0, losses.max(), 4000)
    near = bracket[np.argmin([objective(w) for w in bracket])]
    polished = minimize_scalar(
        objective, bounds=(near - 0.02, min(near + 0.02, losses.max())), method="bounded", options={"xatol": 1e-13}
    )
    assert float(QuadraticCVaR(level)(jnp.asarray(wealth))) == pytest.approx(polished.fun, abs=2e-6)


def test_quadratic_cvar_is_at_least_cvar_and_rises_with_its_level():
    wealth = normal_wealth(5000)
    levels = [0.01, 0.2, 0.5, 0.8, 0.95]
    values = [float(QuadraticCVaR(level)(wealth)) for level in levels]
    assert np.all(np.diff(values) > 0)
    assert all(mine >= float(CVaR(level)(wealth)) for mine, level in zip(values, levels, strict=True))
    assert float(QuadraticCVaR(0.001)(wealth)) == pytest.approx(-float(wealth.mean()), abs=0.1)


def test_a_sample_too_short_for_the_level_gives_the_worst_loss():
    wealth = jnp.array([0.0, 1.0, -3.0, -3.0, 2.0])
    risk = QuadraticCVaR(0.95)
    assert float(risk(wealth)) == pytest.approx(3.0, abs=1e-5)
    assert jax.grad(risk)(wealth).tolist() == pytest.approx([0, 0, -0.5, -0.5, 0], abs=1e-6)


def test_thresholds_are_mean_and_deviation():
    wealth = normal_wealth(1000)
    assert MeanStd().fitted(wealth).threshold.tolist() == pytest.approx([float(wealth.mean()), float(wealth.std())])


@pytest.mark.parametrize("make", [lambda: QuadraticCVaR(0.0), lambda: QuadraticCVaR(1.0), lambda: MeanStd(-0.1)])
def test_bad_parameters_are_refused(make):
    with pytest.raises(ParameterError, match="must be"):
        make()
