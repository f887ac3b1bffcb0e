import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge.core.errors import ProblemError
from deephedge.objectives import (
    AbstractObjective,
    CVaR,
    Entropic,
    Expectation,
    MeanStd,
    MeanVariance,
    Power,
    QuadraticCVaR,
    QuadraticError,
    SemiQuadraticError,
    Spectral,
    indifference_price,
    standard_error,
)  # fmt: skip


class WorstOfTwo(AbstractObjective):
    """A risk that is no mean over paths: the larger of two."""

    def __call__(self, wealth):
        return jnp.maximum(Entropic(1.0)(wealth), CVaR(0.5)(wealth))


def test_price_of_a_normal_liability():
    wealth = -1.0 + 0.5 * jax.random.normal(jax.random.key(0), (100_000,))
    for risk, expected in (
        (Entropic(2.0), 1.0 + 2.0 * 0.25 / 2),
        (CVaR(0.9), 1.0 + 0.5 * norm.pdf(norm.ppf(0.9)) / 0.1),
    ):
        assert abs(float(indifference_price(risk, wealth)) - expected) < 3.5 * float(standard_error(risk, wealth))


def test_a_certain_payment_costs_what_it_pays_on_either_side():
    nothing, paid = jnp.zeros(10), jnp.full(10, 3.0)
    for risk in (Entropic(5.0), CVaR(0.9), QuadraticCVaR(0.5)):
        assert float(indifference_price(risk, -paid)) == pytest.approx(3.0, rel=1e-6)
        assert float(indifference_price(risk, paid, nothing, side="bid")) == pytest.approx(3.0, rel=1e-6)


def test_ask_is_at_least_bid():
    payoff = jnp.maximum(jax.random.normal(jax.random.key(1), (10_000,)), 0.0)
    for risk in (Entropic(1.0), CVaR(0.8), Power(1.0, 2.0), MeanStd(1.0)):
        bid = float(indifference_price(risk, payoff, side="bid"))
        assert bid < float(payoff.mean()) < float(indifference_price(risk, -payoff))


def test_what_is_held_already_moves_the_price():
    """Entropic risk of jointly normal wealth: lambda (var / 2 + covariance with what is held)."""
    held, sold = jax.random.normal(jax.random.key(2), (2, 200_000))
    held = 0.8 * held + 0.6 * sold
    price = indifference_price(Entropic(0.5), held - sold, held)
    assert abs(float(price) - 0.5 * (0.5 - 0.6)) < 3.5 * float(standard_error(Entropic(0.5), held - sold, held))
    with_cash = indifference_price(Entropic(0.5), held - sold + 7.0, held + 7.0)
    assert float(with_cash) == pytest.approx(float(price), abs=1e-5)


MEMBERS = [
    Expectation(), Entropic(0.5), MeanVariance(1.0), Power(1.0, 2.0), Power(1.0, 4.0), CVaR(0.9), QuadraticCVaR(0.7),
    MeanStd(1.5), Spectral.exponential(5.0, 8), QuadraticError(), QuadraticError(0.3), SemiQuadraticError(0.3),
    WorstOfTwo(),
]  # fmt: skip


@pytest.mark.parametrize("risk", MEMBERS, ids=lambda risk: type(risk).__name__)
def test_standard_error_is_the_spread_of_repetitions(risk):
    both = eqx.filter_jit(jax.vmap(lambda w: (risk(w), standard_error(risk, w))))
    values, errors = both(jax.random.normal(jax.random.key(5), (400, 2000)))
    # The spread of 400 repetitions is itself known to 3.5 %; batches of 62 paths give a rough answer.
    tolerance = 0.4 if isinstance(risk, WorstOfTwo) else 0.13
    assert float(errors.mean()) == pytest.approx(float(values.std()), rel=tolerance)


def test_a_difference_on_common_paths_is_surer_than_its_parts():
    wealth, noise = jax.random.normal(jax.random.key(6), (2, 400, 2000))
    other = wealth + 0.05 * noise
    risk = CVaR(0.9)
    both = jax.jit(jax.vmap(lambda a, b: (indifference_price(risk, a, b), standard_error(risk, a, b))))
    gaps, errors = both(other, wealth)
    assert float(errors.mean()) == pytest.approx(float(gaps.std()), rel=0.13)
    assert float(errors.mean()) < 0.2 * float(standard_error(risk, wealth[0]))


def test_misuse_is_refused_in_one_sentence():
    wealth = jnp.zeros(4)
    with pytest.raises(ProblemError, match="side must be 'ask' or 'bid', was 'mid'"):
        indifference_price(CVaR(), wealth, side="mid")
    with pytest.raises(ProblemError, match="QuadraticError is not in cash"):
        indifference_price(QuadraticError(), wealth)
    with pytest.raises(ProblemError, match="needs 2 paths or more, was 1"):
        standard_error(CVaR(), wealth[:1])
    with pytest.raises(ProblemError, match="needs 32 paths or more, was 4"):
        standard_error(WorstOfTwo(), wealth)
    with pytest.raises(ProblemError, match="the same paths"):
        standard_error(CVaR(), wealth, jnp.zeros(5))


def test_a_certain_wealth_is_surely_priced():
    assert float(standard_error(MeanStd(), jnp.full(10, 2.0))) == pytest.approx(0.0, abs=1e-6)
    assert np.isfinite(float(standard_error(QuadraticCVaR(0.95), jnp.zeros(10))))
