"""Residuals from a copula: Kendall's tau and tail dependence in closed form, margins, cumulant, and the fit."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats
from scipy.integrate import quad

import deephedge as dh
from deephedge.core.errors import DataError, ParameterError
from deephedge.markets import CopulaResiduals, FilteredHistoricalPanel, Gjr, fit_copula
from deephedge.markets.copula import margin_chances
from deephedge.markets.copula_fit import student_density

RHO, FREEDOM, DRAWS = 0.5, 4.0, 2**17
MATRIX = np.array([[1.0, RHO], [RHO, 1.0]])


def margins() -> np.ndarray:
    """One with a fat lower tail, and one with units of its own."""
    chances = margin_chances()
    skew = stats.t(4).ppf(chances) * np.where(chances < 0.5, 1.2, 0.8) + 0.3
    return np.stack([skew, 6e-4 * stats.norm.ppf(chances)], 1)


@eqx.filter_jit
def draw(law, shocks):
    return law(shocks), law.cumulant(np.array([0]), SIGMA[:, None])[:, 0]


SIGMA = jnp.array([1e-6, 0.001, 0.0071, 0.0123, 0.03, 0.08, 0.2, 0.5])


@lru_cache
def sampled() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Rows, the cumulant, and rows of wild normals."""
    wild = np.array([[a, b, c] for a in (-8, 8) for b in (-8, 8) for c in (-8, 8)])
    shocks = jax.random.normal(jax.random.key(0), (DRAWS + 8, 3)).at[:8].set(wild)
    rows, rise = draw(CopulaResiduals(margins(), MATRIX, FREEDOM), shocks)
    rows = np.asarray(rows, float)
    return rows[8:], np.asarray(rise, float), rows[:8]


def test_kendalls_tau_is_that_of_the_correlation():
    rows = sampled()[0]
    tau = stats.kendalltau(*rows.T).statistic
    assert abs(tau - 2 / np.pi * np.arcsin(RHO)) < 4 * (2 / 3) / np.sqrt(DRAWS)  # 2/3: its deviation if independent


@pytest.mark.parametrize("level", [0.1, 0.01, 0.002])
def test_joint_tails_have_the_chance_of_the_student_law(level):
    rows, x = sampled()[0], stats.t(FREEDOM).ppf(level)
    joint = _below(x)
    for both in ((rows < _at(level)).all(1), (rows > _at(1 - level)).all(1)):
        assert abs(both.mean() - joint) < 4 * np.sqrt(joint / DRAWS) + 0.005 * joint


def _given(t, x):
    """The second variable in deviations, and their inverse, where the first is ``t``: Student, one degree more."""
    scale = np.sqrt((FREEDOM + 1) / ((FREEDOM + t**2) * (1 - RHO**2)))
    return (x - RHO * t) * scale, scale


def _below(x: float) -> float:
    """The chance that both Student variables are below ``x``."""
    law, next_law = stats.t(FREEDOM), stats.t(FREEDOM + 1)
    return quad(lambda t: law.pdf(t) * next_law.cdf(_given(t, x)[0]), -np.inf, x, epsabs=1e-12)[0]


def _at(level: float) -> np.ndarray:
    """Quantiles of the centred margins."""
    points, means = stats.norm.ppf(margin_chances()), _exact(lambda q: q)
    return np.array([np.interp(stats.norm.ppf(level), points, column) for column in margins().T]) - means


def _exact(of) -> np.ndarray:
    """Means over the margins as they stand, by a fine trapezoid rule over normals."""
    x = np.linspace(-5, 5, 64 * 320 + 1)
    values = np.stack([of(np.interp(x, np.linspace(-5, 5, 321), column)) for column in margins().T])
    inner = np.trapezoid(values * stats.norm.pdf(x), x, axis=1)
    return inner + stats.norm.sf(5.0) * (values[:, 0] + values[:, -1])


def test_tail_dependence_is_the_limit_of_the_joint_tails():
    law = CopulaResiduals(margins(), MATRIX, FREEDOM)
    x = stats.t(FREEDOM).ppf(1e-5)
    assert law.tail_dependence()[0, 1] == pytest.approx(_below(x) / 1e-5, rel=0.01)
    np.testing.assert_allclose(np.diag(law.tail_dependence()), 1.0, atol=1e-6)
    assert CopulaResiduals(margins(), MATRIX).tail_dependence()[0, 1] == 0.0


def test_margins_are_those_given_and_centred():
    rows = sampled()[0]
    for column, exact in zip(rows.T, (_exact(lambda q: q**2) - _exact(lambda q: q) ** 2), strict=True):
        assert abs(column.mean()) < 4 * column.std() / np.sqrt(DRAWS)
        assert abs(column.var() - exact) < 4 * np.std((column - column.mean()) ** 2) / np.sqrt(DRAWS)
    for level in (0.001, 0.05, 0.5, 0.95, 0.999):
        below = (rows < _at(level)).mean(0)
        assert (np.abs(below - level) < 4 * np.sqrt(level * (1 - level) / DRAWS)).all()


def test_the_cumulant_is_that_of_the_margin():
    rise, sigma = sampled()[1], np.asarray(SIGMA, float)
    exact = [np.log(_exact(lambda q, s=s: np.exp(s * q)))[0] - s * _exact(lambda q: q)[0] for s in sigma]
    np.testing.assert_allclose(rise, exact, rtol=2e-3, atol=1e-10)
    np.testing.assert_allclose(rise[:5], exact[:5], atol=5e-8)  # a path of a year is a martingale to 1e-5


def test_a_gaussian_copula_of_normal_margins_is_normal():
    points = stats.norm.ppf(margin_chances())
    shocks = np.random.default_rng(0).standard_normal((256, 2)).astype(np.float32)
    rows, rise = draw(CopulaResiduals(np.stack([points, points], 1), MATRIX), shocks)
    np.testing.assert_allclose(rows, shocks @ np.linalg.cholesky(MATRIX).T, atol=2e-5)
    np.testing.assert_allclose(rise, SIGMA**2 / 2, rtol=2e-4)


def test_wild_normals_stay_finite():
    assert np.isfinite(sampled()[2]).all() and np.ptp(sampled()[2], axis=0)[0] > 50


def test_the_fit_finds_the_law_that_made_the_data():
    rng = np.random.default_rng(5)
    student = stats.multivariate_t(shape=MATRIX, df=FREEDOM).rvs(6000, random_state=rng)
    ranks = stats.t(FREEDOM).cdf(student)
    data = np.stack([stats.t(5).ppf(ranks[:, 0]), np.exp(stats.norm.ppf(ranks[:, 1]))], 1)
    law, error, shapes = fit_copula(data)
    assert abs(law.freedom - FREEDOM) < 4 * error and error < 0.5
    assert abs(float(law.correlation[0, 1]) - RHO) < 4 * 0.9 / np.sqrt(6000)
    assert (np.abs(shapes[0] - 0.2) < 4 * 1.2 / np.sqrt(300)).all()  # (1 + shape) / root of the excesses
    chances = margin_chances()
    for column, true in ((0, stats.t(5)), (1, stats.lognorm(1.0))):
        for chance, rel in ((0.001, 0.15), (0.3, 0.06), (0.7, 0.06), (0.999, 0.2)):
            found = np.interp(chance, chances, np.asarray(law.margins[:, column], float))
            assert found == pytest.approx(true.ppf(chance), rel=rel)
    plain, _, none = fit_copula(data, family="gaussian", margins="empirical")
    assert plain.freedom is None and (none == 0).all()
    np.testing.assert_allclose(np.asarray(plain.margins)[[0, -1]], [data.min(0), data.max(0)], rtol=1e-3)


def test_the_density_is_that_of_its_definition():
    """The density of the second variable given the first, over its own."""
    ranks = np.array([[0.3, 0.6], [0.05, 0.1], [0.001, 0.999]])
    first, second = stats.t(FREEDOM).ppf(ranks).T
    away, scale = _given(first, second)
    expected = np.log(stats.t(FREEDOM + 1).pdf(away) * scale / stats.t(FREEDOM).pdf(second))
    np.testing.assert_allclose(student_density(ranks, MATRIX, FREEDOM), expected, rtol=1e-9)


def test_it_takes_the_place_of_rows_in_a_panel():
    data = np.random.default_rng(6).standard_t(6, (600, 2)) * [0.8, 5e-4]
    law = Gjr(2e-6, 0.02, 0.1, 0.9)
    rows = FilteredHistoricalPanel(("SPX", "US10Y"), ("price", "level"), (law,), [0.03], [0.99], data, [[1e-4, 0.04]])
    panel = eqx.tree_at(lambda p: p.residuals, rows, fit_copula(data).residuals)
    assert rows.shocks(dh.TimeGrid.uniform(5 / 252, 5)) == (5, 1)
    assert panel.shocks(dh.TimeGrid.uniform(5 / 252, 5)) == (5, 3)


def test_bad_input_is_refused():
    for arguments, error, message in (
        ((margins()[:9], MATRIX), DataError, "321 rows"),
        ((-margins(), MATRIX), DataError, "do not fall"),
        ((margins(), np.eye(3)), ParameterError, "correlation must be 2 x 2"),
        ((margins(), MATRIX * 2), ParameterError, "correlation must be symmetric"),
        ((margins(), MATRIX, 2.0), ParameterError, "freedom must exceed 2"),
    ):
        with pytest.raises(error, match=message):
            CopulaResiduals(*arguments)
    data = np.random.default_rng(0).standard_normal((300, 2))
    for more, message in (
        ({"family": "clayton"}, "family"),
        ({"margins": "normal"}, "margins"),
        ({"tail": 0.5}, "tail"),
    ):
        with pytest.raises(ParameterError, match=message):
            fit_copula(data, **more)
    with pytest.raises(DataError, match="250 finite days"):
        fit_copula(data[:99])
