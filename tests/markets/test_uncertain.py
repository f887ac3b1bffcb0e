"""Parameters that are drawn for each path: their laws, and what follows for moments and prices."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import deephedge as dh
from deephedge import markets as m
from deephedge.core.errors import ParameterError

GRID = dh.TimeGrid([0.0, 0.02, 0.1, 0.25])  # unequal on purpose
PATHS = 2**15
MEDIAN, DEVIATION, RATE, COPULA = 0.2, 0.4, 0.03, -0.6
MARKET = m.BlackScholes("SPX", 0.2, 100.0, rate=RATE, dividend=0.01)
SPREAD = {"vol": m.LogNormal(MEDIAN, DEVIATION), "dividend": m.Uniform(0.0, 0.02)}
UNSURE = m.UncertainParameters(MARKET, SPREAD, [("dividend", "vol", COPULA)])
NODES, WEIGHTS = np.polynomial.hermite_e.hermegauss(60)
WEIGHTS = WEIGHTS / WEIGHTS.sum()


@eqx.filter_jit
def follow(market, shocks):
    return jax.vmap(lambda one: market.path(GRID, one))(shocks)


@lru_cache
def simulated() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Spots, volatilities and dividends."""
    shocks = jax.random.normal(jax.random.key(8), (PATHS, *UNSURE.shocks(GRID)))
    quotes = follow(UNSURE, shocks).quotes
    return tuple(np.asarray(quotes[name], float) for name in ("SPX", "SPX.vol", "SPX.dividend"))


def z_of(values: np.ndarray, expected: float) -> float:
    return (values.mean() - expected) / (values.std() / np.sqrt(len(values)))


LAWS = {
    "normal": (m.Normal(0.5, 0.2), stats.norm(0.5, 0.2)),
    "lognormal": (m.LogNormal(0.2, 0.5), stats.lognorm(0.5, scale=0.2)),
    "uniform": (m.Uniform(-1.0, 3.0), stats.uniform(-1.0, 4.0)),
    "empirical": (m.Empirical((3.0, 1.0, 1.0, 2.0)), stats.rv_discrete(values=((1, 2, 3), (0.5, 0.25, 0.25)))),
}


@pytest.mark.parametrize("name", LAWS)
def test_a_spread_is_its_quantile_function(name):
    law, expected = LAWS[name]
    z = np.array([-2.5, -1.0, -0.1, 0.3, 1.0, 2.5])
    np.testing.assert_allclose(jax.vmap(law)(jnp.asarray(z)), expected.ppf(stats.norm.cdf(z)), rtol=2e-6)


def test_the_logit_of_a_bounded_one_is_normal():
    law, z = m.LogitNormal(-0.7, 0.8, lower=-1.0, upper=1.0), np.array([-9.0, -1.0, 0.0, 2.0, 9.0])
    value = np.asarray(jax.vmap(law)(jnp.asarray(z)), float)
    assert np.abs(value).max() < 1.0 and (np.diff(value) > 0).all()
    np.testing.assert_allclose(np.log((value + 1) / (1 - value)), np.log(0.3 / 1.7) + 0.8 * z, rtol=1e-4)


def test_what_is_drawn_is_the_market_that_the_constructor_makes():
    shocks = jax.random.normal(jax.random.key(2), (4, 3, 3))
    made = follow(UNSURE, shocks)
    for n in range(4):
        vol, dividend = (float(made.quotes[name][n, 0]) for name in ("SPX.vol", "SPX.dividend"))
        behind = float(shocks[n, 0, 1])
        assert vol == pytest.approx(MEDIAN * np.exp(DEVIATION * behind), rel=1e-6)
        other = COPULA * behind + np.sqrt(1 - COPULA**2) * float(shocks[n, 0, 2])
        assert dividend == pytest.approx(0.02 * stats.norm.cdf(other), rel=1e-5)
        own = follow(m.BlackScholes("SPX", vol, 100.0, RATE, dividend), shocks[n : n + 1, :, :1])
        for name, quote in own.quotes.items():
            np.testing.assert_allclose(made.quotes[name][n], quote[0], rtol=1e-6)


def test_parameters_have_their_law_and_go_together_as_asked():
    _, vol, dividend = simulated()
    assert (vol == vol[:, :1]).all() and (dividend == dividend[:, :1]).all()
    z, u = np.log(vol[:, 0] / MEDIAN) / DEVIATION, stats.norm.ppf(dividend[:, 0] / 0.02)
    assert max(abs(z_of(z, 0)), abs(z_of(z**2, 1)), abs(z_of(u, 0)), abs(z_of(u**2, 1)), abs(z_of(z * u, COPULA))) < 3.5


def test_squares_of_steps_go_together_by_the_spread_of_the_variance():
    spot, _, dividend = simulated()
    dt = np.asarray(GRID.dt, float)
    moves = np.diff(np.log(spot), axis=1) - (RATE - dividend[:, :1]) * dt

    def mean(power: int) -> float:  # of the volatility
        return MEDIAN**power * np.exp(0.5 * (power * DEVIATION) ** 2)

    each = [mean(2) * h + mean(4) * h * h / 4 for h in dt]
    together = mean(4) * dt[1] * dt[2] + mean(6) * dt[1] * dt[2] * (dt[1] + dt[2]) / 4
    together += mean(8) * (dt[1] * dt[2]) ** 2 / 16
    assert max(abs(z_of(moves[:, n] ** 2, each[n])) for n in range(3)) < 3.5
    assert abs(z_of(moves[:, 1] ** 2 * moves[:, 2] ** 2, together)) < 3.5


@pytest.mark.parametrize("strike", [85.0, 100.0, 120.0])
def test_a_call_costs_the_average_of_blacks_prices_over_the_law(strike):
    """Quadrature over the volatility, and over the dividend given it."""
    spot, _, dividend = simulated()
    vol = MEDIAN * np.exp(DEVIATION * NODES)[:, None]
    q = 0.02 * stats.norm.cdf(COPULA * NODES[:, None] + np.sqrt(1 - COPULA**2) * NODES)
    forward, total = 100.0 * np.exp((RATE - q) * 0.25), vol * 0.5
    upper = np.log(forward / strike) / total + 0.5 * total
    price = (forward * stats.norm.cdf(upper) - strike * stats.norm.cdf(upper - total)) * np.exp(-RATE * 0.25)
    expected = WEIGHTS @ price @ WEIGHTS
    payoff = np.maximum(spot[:, -1] - strike, 0.0) * np.exp(-RATE * 0.25)
    hedge = spot[:, -1] * np.exp((dividend[:, 0] - RATE) * 0.25) - 100.0  # a control: its mean is 0
    payoff = payoff - np.cov(payoff, hedge)[0, 1] / hedge.var() * hedge
    assert abs(z_of(payoff, expected)) < 3.5


def test_a_desk_reads_what_it_believes():
    desk = m.UncertainParameters(MARKET, SPREAD, believed=("SPX.vol",))
    open_ = m.UncertainParameters(MARKET, SPREAD)
    shocks = jax.random.normal(jax.random.key(2), (8, 3, 3))
    told, known = follow(desk, shocks).quotes, follow(open_, shocks).quotes
    np.testing.assert_array_equal(told["SPX.vol"], np.float32(0.2))
    np.testing.assert_array_equal(told["SPX"], known["SPX"])


def test_fields_of_several_numbers_and_of_inner_markets():
    two = m.BlackScholes(("A", "B"), (0.2, 0.3))
    inner = m.Stressed(two, m.Shock("A", 0.1, -0.2))
    unsure = m.UncertainParameters(inner, {"market.vol": m.Uniform(0.1, 0.3), "stress.0.size": m.Normal(-0.3, 0.01)})
    drawn = unsure.drawn(jnp.zeros((3, 4)))
    np.testing.assert_allclose(drawn.market.vol, 0.2)
    assert float(drawn.stress[0].size) == pytest.approx(-0.3) and not unsure.martingale


def test_drivers_are_those_that_do_not_depend_on_what_is_drawn():
    assert UNSURE.drivers()["SPX"].tolist() == [1.0, 0.0, 0.0]
    market = m.Heston("SPX", 1.0, 0.04, 1.0, 0.04, 0.5, -0.7)
    assert set(
        m.UncertainParameters(market, {"correlation": m.LogitNormal(-0.7, 0.3, lower=-1.0, upper=0.0)}).drivers()
    ) == {"SPX.variance"}


@pytest.mark.parametrize(
    ("spread", "message"),
    [
        ({}, "spread must name"),
        ({"vl": m.Uniform(0.1, 0.2)}, "has no parameter 'vl', did you mean 'vol'"),
        ({"drift": m.Uniform(0.1, 0.2)}, "cannot vary 'drift'.*was None"),
        ({"names": m.Uniform(0.1, 0.2)}, "cannot vary 'names'"),
        ({"vol.vol": m.Uniform(0.1, 0.2)}, "no parameter 'vol'"),
        ({"vol": m.Normal(0.2, 0.05)}, r"spread reaches \{'vol': \[-0.1\]\}, which the market refuses: vol must be"),
    ],
    ids=str,
)
def test_parameters_that_cannot_vary_so_are_refused(spread, message):
    with pytest.raises(ParameterError, match=message):
        m.UncertainParameters(MARKET, spread)


def test_a_law_that_a_grid_is_too_coarse_for_is_refused():
    market = m.Heston("SPX", 1.0, 0.04, 1.0, 0.04, 0.5, 0.5)
    unsure = m.UncertainParameters(market, {"vol_of_vol": m.Uniform(0.1, 9.0)})
    with pytest.raises(ParameterError, match=r"spread reaches .*9"):
        unsure.shocks(dh.TimeGrid.uniform(maturity=2.0, steps=2))


@pytest.mark.parametrize(
    ("asked", "message"),
    [({("vol", "divdend"): 0.1}, "did you mean 'dividend'"), ({("vol", "dividend"): 1.2}, "positive definite"),
     ({("vol", "vol"): 0.5}, "with itself")],
    ids=str,
)  # fmt: skip
def test_correlations_that_do_not_exist_are_refused(asked, message):
    with pytest.raises(ParameterError, match=message):
        m.UncertainParameters(MARKET, SPREAD, asked)
    with pytest.raises(ParameterError, match="believed"):
        m.UncertainParameters(MARKET, SPREAD, believed=("SPX",))


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: m.LogNormal(0.0, 0.1), "median"),
        (lambda: m.Normal(0.0, -0.1), "deviation"),
        (lambda: m.Uniform(1.0, 1.0), "lower"),
        (lambda: m.LogitNormal(1.0, 0.1), "median must lie between"),
        (lambda: m.Empirical(()), "values"),
    ],
)
def test_laws_outside_their_domain_are_refused(make, message):
    with pytest.raises(ParameterError, match=message):
        make()
