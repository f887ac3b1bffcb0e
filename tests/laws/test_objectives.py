"""Laws of the objectives: every member passes, or says through its flags why it need not."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from deephedge import objectives
from deephedge.objectives import (
    AbstractObjective,
    AbstractPathwiseObjective,
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
)  # fmt: skip

MEMBERS = {
    "expectation": Expectation(),
    "entropic": Entropic(risk_aversion=1.0),
    "entropic, careful": Entropic(risk_aversion=100.0),
    "mean-variance": MeanVariance(risk_aversion=0.7),
    "power 2": Power(risk_aversion=0.7, power=2.0),
    "power 1.5": Power(risk_aversion=2.0, power=1.5),
    "power 20, careful": Power(risk_aversion=100.0, power=20.0),
    "CVaR 0": CVaR(level=0.0),
    "CVaR 0.5": CVaR(level=0.5),
    "CVaR 0.95": CVaR(level=0.95),
    "quadratic CVaR": QuadraticCVaR(level=0.4),
    "quadratic CVaR, careful": QuadraticCVaR(level=0.95),  # 16 paths are too few for it: the worst loss
    "spectral": Spectral(levels=(0.0, 0.5, 0.8), weights=(0.2, 0.5, 0.3)),
    "exponential spectrum": Spectral.exponential(steepness=5.0, count=8),
    "mean-deviation": MeanStd(multiple=1.5),
    "squared error, fitted": QuadraticError(),
    "squared error": QuadraticError(price=0.5),
    "squared shortfall": SemiQuadraticError(price=0.5),
}
PATHS = 16
# Whole numbers make ties and atoms, which random floats never do.
SAMPLES = st.one_of(
    arrays(np.float32, PATHS, elements=st.integers(-3, 3).map(float)),
    arrays(np.float32, PATHS, elements=st.floats(-10, 10, width=32)),
)
every_member = pytest.mark.parametrize("risk", MEMBERS.values(), ids=MEMBERS.keys())
cash_members = [name for name, risk in MEMBERS.items() if risk.cash_invariant]
every_cash_member = pytest.mark.parametrize("risk", [MEMBERS[name] for name in cash_members], ids=cash_members)
few = settings(max_examples=25, deadline=None)

traced = []


@eqx.filter_jit
def judge(risk, wealth):
    """(risk, its derivative, mean of the pathwise terms at the fitted threshold)"""
    traced.append(type(risk))
    return *jax.value_and_grad(lambda w: risk(w))(wealth), jnp.mean(risk.fitted(wealth).pathwise(wealth))


def value(risk, wealth) -> float:
    return float(judge(risk, wealth)[0])


@eqx.filter_jit
def pathwise_mean(risk, wealth, threshold):
    moved = eqx.tree_at(lambda o: o.threshold, risk, threshold)
    return jax.value_and_grad(lambda w: jnp.mean(moved.pathwise(w)))(wealth)


def rounding(*samples) -> float:
    """What float32 may lose on these samples, in cash (in cash squared where that is more)."""
    size = 1.0 + max(float(np.abs(s).max()) for s in samples)
    return 2e-6 * size * size


def test_every_public_objective_is_here():
    public = {x for x in vars(objectives).values() if isinstance(x, type) and issubclass(x, AbstractObjective)}
    assert public - {AbstractObjective, AbstractPathwiseObjective} == {type(risk) for risk in MEMBERS.values()}


@every_cash_member
@given(wealth=SAMPLES, cash=st.floats(-10, 10, width=32))
@few
def test_cash_on_every_path_lowers_risk_by_as_much(risk, wealth, cash):
    assert abs(value(risk, wealth + cash) - value(risk, wealth) + cash) < rounding(wealth, wealth + cash)


@every_member
def test_flags_tell_the_truth(risk):
    base = np.linspace(-1.0, 1.0, PATHS, dtype=np.float32)
    moved = abs(value(risk, base + 1.0) - value(risk, base) + 1.0)
    assert (moved < 1e-4) == risk.cash_invariant
    lottery = base + 50.0 * (np.arange(PATHS) == PATHS - 1).astype(np.float32)  # more on one path, less on none
    assert (value(risk, lottery) <= value(risk, base) + 1e-4) == risk.monotone


@every_member
@given(wealth=SAMPLES, gift=SAMPLES)
@few
def test_more_wealth_is_never_more_risk(risk, wealth, gift):
    if risk.monotone:
        richer = wealth + np.abs(gift)
        assert value(risk, richer) <= value(risk, wealth) + rounding(wealth, richer)


@every_member
@given(one=SAMPLES, two=SAMPLES, share=st.floats(0, 1, width=32))
@few
def test_mixing_never_adds_risk(risk, one, two, share):
    mixed = share * one + (1 - share) * two
    bound = share * value(risk, one) + (1 - share) * value(risk, two)
    assert value(risk, mixed) <= bound + rounding(one, two)


@every_member
@given(wealth=SAMPLES, order=st.permutations(range(PATHS)))
@few
def test_only_the_law_matters(risk, wealth, order):
    expected = value(risk, wealth)
    assert value(risk, wealth[np.array(order)]) == pytest.approx(expected, abs=rounding(wealth))
    assert value(risk, np.tile(wealth, 3)) == pytest.approx(expected, abs=rounding(wealth))


COPIES = np.repeat([0, 1, 2, 3], PATHS // 4)


@eqx.filter_jit
def weighted(risk, wealth, weight):
    """(risk, its derivative, mean of the pathwise terms at the fitted threshold), with weights"""
    terms = risk.fitted(wealth, weight).pathwise(wealth)
    return *jax.value_and_grad(lambda w: risk(w, weight))(wealth), jnp.sum(weight * terms) / jnp.sum(weight)


@every_member
@given(wealth=SAMPLES, order=st.permutations(range(PATHS)), scale=st.sampled_from([1.0, 0.1, 300.0]))
@few
def test_a_weight_is_as_many_copies_of_a_path(risk, wealth, order, scale):
    copies = COPIES[np.array(order)]
    found, slope, fitted = weighted(risk, wealth, (scale * copies).astype(np.float32))
    least, each, _ = judge(risk, np.repeat(wealth, copies))
    assert float(found) == pytest.approx(float(least), abs=rounding(wealth))
    assert float(fitted) == pytest.approx(float(least), abs=rounding(wealth))
    assert np.all(np.isfinite(slope))
    summed = np.bincount(np.repeat(np.arange(PATHS), copies), np.asarray(each, float), PATHS)
    smooth = np.unique(wealth).size == PATHS  # on an atom the slope is shared, and any share is right
    if smooth and isinstance(risk, Entropic | MeanVariance | QuadraticError | SemiQuadraticError | Expectation):
        assert np.asarray(slope) == pytest.approx(summed, abs=2e-3 * np.abs(summed).max())


@every_member
@given(wealth=SAMPLES, seed=st.integers(0, 1000))
@few
def test_pathwise_terms_are_never_below_the_risk_and_reach_it(risk, wealth, seed):
    least, _, fitted = judge(risk, wealth)
    assert float(fitted) == pytest.approx(float(least), abs=rounding(wealth))
    shape = jnp.shape(risk.threshold)
    at = np.random.default_rng(seed).uniform(-12, 12, shape).astype(np.float32)
    if isinstance(risk, MeanStd | QuadraticCVaR):  # the second of the pair is a deviation
        at[1] = abs(at[1]) + 1e-3
    assert float(pathwise_mean(risk, wealth, at)[0]) >= float(least) - rounding(wealth, at if at.size else wealth)


@every_member
@given(wealth=SAMPLES, other=SAMPLES)
@few
def test_the_derivative_is_a_subgradient(risk, wealth, other):
    here, gradient, _ = judge(risk, wealth)
    gradient = np.asarray(gradient, float)
    assert np.all(np.isfinite(gradient))
    line = float(here) + gradient @ (other.astype(float) - wealth)
    # A threshold of float32 leaves the slope of a risk aversion of 100 an error of some 1e-4.
    assert value(risk, other) >= line - 5 * rounding(wealth, other) - 2e-3
    if risk.cash_invariant:
        assert gradient.sum() == pytest.approx(-1.0, abs=2e-4)
    if risk.monotone:
        assert np.all(gradient <= 1e-5)


@every_member
@pytest.mark.parametrize("paths", [1, PATHS])
@pytest.mark.parametrize("level", [0.0, 1.0, -10.0])
def test_certain_wealth_and_tiny_samples(risk, paths, level):
    wealth = jnp.full(paths, level)
    expected = {
        QuadraticError: 0.0 if getattr(risk, "price", 0.0) is None else (level + 0.5) ** 2,
        SemiQuadraticError: min(level + 0.5, 0.0) ** 2,
    }.get(type(risk), -level)
    risk_of_it, slope, fitted = judge(risk, wealth)
    assert float(risk_of_it) == pytest.approx(expected, abs=1e-5)
    assert float(fitted) == pytest.approx(expected, abs=1e-4)
    assert np.all(np.isfinite(slope))


@every_member
@pytest.mark.parametrize("shift", [-10.0, 10.0])
def test_float32_agrees_with_float64(risk, shift):
    wealth = np.random.default_rng(3).normal(shift, 2.0, 4096).astype(np.float32)
    with jax.enable_x64(True):
        wide = jax.tree.map(lambda x: jnp.asarray(np.asarray(x), jnp.float64), risk)
        exact, steep, fitted = (np.asarray(x) for x in judge(wide, wealth.astype(float)))
    assert exact.dtype == float and fitted == pytest.approx(exact, abs=1e-9)
    narrow, slope, _ = judge(risk, wealth)
    assert float(narrow) == pytest.approx(exact, rel=2e-6, abs=2e-6)
    assert np.asarray(slope) == pytest.approx(steep, abs=1e-3 * np.abs(steep).max())


@every_member
def test_stale_thresholds_never_overflow(risk):
    """Training meets a batch with one path far worse than all that the threshold has seen."""
    seen = np.linspace(-0.1, 0.1, PATHS, dtype=np.float32)
    fresh = np.where(np.arange(PATHS) == 3, np.float32(-10.0), seen)
    terms, gradient = pathwise_mean(risk, fresh, risk.fitted(jnp.asarray(seen)).threshold)
    assert np.isfinite(float(terms)) and np.all(np.isfinite(gradient)) and np.all(np.isfinite(gradient**2))


@every_member
def test_new_numbers_compile_nothing(risk):
    wealth = np.linspace(-1.0, 1.0, PATHS, dtype=np.float32)
    judge(risk, wealth)
    before = len(traced)
    other = jax.tree.map(lambda x: 0.9 * x, risk)
    judge(other.fitted(jnp.asarray(wealth)), 2.0 * wealth)
    assert len(traced) == before


def test_entropic_scale_law():
    wealth = jax.random.normal(jax.random.key(0), (5000,))
    for scale in (0.1, 3.0, 50.0):
        assert float(Entropic(2.0)(scale * wealth)) == pytest.approx(
            scale * float(Entropic(2.0 * scale)(wealth)), rel=1e-5
        )


def test_cvar_rises_from_the_mean_to_the_worst():
    wealth = jax.random.normal(jax.random.key(0), (1000,))
    values = [float(CVaR(level)(wealth)) for level in np.linspace(0.0, 0.9995, 60)]
    assert values[0] == pytest.approx(-float(wealth.mean()), abs=1e-6)
    assert np.all(np.diff(values) > -1e-6)
    assert values[-1] == pytest.approx(-float(wealth.min()), abs=1e-6)


@pytest.mark.parametrize("scale", [0.01, 7.0])
@pytest.mark.parametrize("name", ["CVaR 0.95", "quadratic CVaR", "spectral", "mean-deviation", "expectation"])
def test_coherent_members_scale(name, scale):
    wealth = jax.random.normal(jax.random.key(1), (1000,))
    assert float(MEMBERS[name](scale * wealth)) == pytest.approx(scale * float(MEMBERS[name](wealth)), rel=1e-5)
