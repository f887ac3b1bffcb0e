"""Heston's model against Fourier prices, moments in closed form and a second implementation of the scheme."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.stats import norm

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import Heston

BUEHLER = dict(
    spot=100.0, variance=0.04, mean_reversion=1.0, long_variance=0.04, vol_of_vol=2.0, correlation=-0.7
)  # Feller broken: 2 kappa theta / xi^2 = 0.02
MILD = dict(
    spot=100.0, variance=0.02, mean_reversion=2.0, long_variance=0.06, vol_of_vol=0.4, correlation=-0.5,
    rate=0.04, dividend=0.01,
)  # fmt: skip
MONTH, YEAR = dh.TimeGrid.uniform(maturity=30 / 365, steps=30), dh.TimeGrid.uniform(maturity=1.0, steps=25)
PATHS = 2**17


@lru_cache
def simulated(case: str, scheme: str = "qe") -> tuple[dict[str, np.ndarray], np.ndarray]:
    parameters, grid = {"buehler": (BUEHLER, MONTH), "mild": (MILD, YEAR)}[case]
    batch = dh.sample(Heston("SPX", **parameters, scheme=scheme), grid, PATHS, key=jax.random.key(11), method="random")
    return {name: np.asarray(quote, float) for name, quote in batch.quotes.items()}, np.asarray(batch.numeraire, float)


def fourier(strike: float, maturity: float, *, spot, variance, mean_reversion, long_variance, vol_of_vol, correlation,
            rate=0.0, dividend=0.0) -> float:  # fmt: skip
    today, days = ql.Date(1, 1, 2024), round(maturity * 365)
    ql.Settings.instance().evaluationDate = today
    curves = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, ql.Actual365Fixed())) for r in (rate, dividend)]
    process = ql.HestonProcess(*curves, ql.QuoteHandle(ql.SimpleQuote(spot)), variance, mean_reversion, long_variance,
                               vol_of_vol, correlation)  # fmt: skip
    option = ql.EuropeanOption(ql.PlainVanillaPayoff(ql.Option.Call, strike), ql.EuropeanExercise(today + days))
    option.setPricingEngine(ql.AnalyticHestonEngine(ql.HestonModel(process), 1e-10, 100_000))
    return option.NPV()


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


@pytest.mark.parametrize("case", ["buehler", "mild"])
@pytest.mark.parametrize("strike", [85.0, 95.0, 100.0, 105.0, 115.0])
def test_calls_cost_what_fourier_says(case, strike):
    quotes, numeraire = simulated(case)
    parameters, grid = {"buehler": (BUEHLER, MONTH), "mild": (MILD, YEAR)}[case]
    payoff = np.maximum(quotes["SPX"][:, -1] - strike, 0.0) / numeraire[:, -1]
    assert errors(payoff, fourier(strike, float(grid.times[-1]), **parameters)) < 3.0


def moments(t, variance, mean_reversion, long_variance, vol_of_vol, **_):
    """Mean and variance of the variance at time t (Cox, Ingersoll and Ross 1985)."""
    k, decay = mean_reversion, np.exp(-mean_reversion * t)
    mean = long_variance + (variance - long_variance) * decay
    spread = vol_of_vol**2 / k * (variance * (decay - decay**2) + 0.5 * long_variance * (1 - decay) ** 2)
    return mean, spread


@pytest.mark.parametrize("case", ["buehler", "mild"])
def test_the_variance_has_its_mean_variance_and_autocovariance(case):
    quotes, _ = simulated(case)
    parameters, grid = {"buehler": (BUEHLER, MONTH), "mild": (MILD, YEAR)}[case]
    times, v = np.asarray(grid.times, float), quotes["SPX.variance"]
    for early, late in ((1, 1), (5, 5), (5, 20), (10, -1), (-1, -1)):
        mean, spread = moments(times[early], **parameters)
        other, _ = moments(times[late], **parameters)
        expected = spread * np.exp(-parameters["mean_reversion"] * (times[late] - times[early]))
        assert errors(v[:, early], mean) < 4.0
        assert errors((v[:, early] - mean) * (v[:, late] - other), expected) < 4.0


@pytest.mark.parametrize("case", ["buehler", "mild"])
def test_the_integrated_variance_and_the_log_contract_have_their_means(case):
    quotes, _ = simulated(case)
    parameters, grid = {"buehler": (BUEHLER, MONTH), "mild": (MILD, YEAR)}[case]
    end, k = float(grid.times[-1]), parameters["mean_reversion"]
    theta, excess = parameters["long_variance"], parameters["variance"] - parameters["long_variance"]
    integral = theta * end + excess * (1 - np.exp(-k * end)) / k
    carried = (parameters.get("rate", 0.0) - parameters.get("dividend", 0.0)) * end
    assert errors(quotes["SPX.realised_variance"][:, -1], integral) < 3.0
    assert errors(np.log(quotes["SPX"][:, -1] / 100.0) - carried, -0.5 * integral) < 3.0
    np.testing.assert_allclose(quotes["SPX.vol"], np.sqrt(quotes["SPX.variance"]), rtol=1e-6, atol=1e-12)


@pytest.mark.parametrize("case", ["buehler", "mild"])
def test_spot_and_variance_have_their_covariance(case):
    """Cov(log S, V) = rho xi int e^{-k(T-s)} E V ds - int e^{-k(T-s)} Var V ds / 2, by a fine quadrature."""
    quotes, _ = simulated(case)
    parameters, grid = {"buehler": (BUEHLER, MONTH), "mild": (MILD, YEAR)}[case]
    s = np.linspace(0, float(grid.times[-1]), 20_001)
    mean, spread = moments(s, **parameters)
    rate = parameters["correlation"] * parameters["vol_of_vol"] * mean - 0.5 * spread
    expected = np.trapezoid(np.exp(-parameters["mean_reversion"] * (s[-1] - s)) * rate, s)
    log, v = np.log(quotes["SPX"][:, -1]), quotes["SPX.variance"][:, -1]
    assert errors((log - log.mean()) * (v - mean[-1]), expected) < 3.5


def test_prices_converge_as_steps_get_shorter():
    exact, gaps = fourier(100.0, 1.0, **MILD), []
    for steps in (1, 4, 16):
        grid = dh.TimeGrid.uniform(maturity=1.0, steps=steps)
        batch = dh.sample(Heston("SPX", **MILD), grid, 2**16, key=jax.random.key(2))
        payoff = np.maximum(np.asarray(batch.quotes["SPX"][:, -1], float) - 100.0, 0.0) * np.exp(-0.04)
        gaps.append(abs(payoff.mean() - exact))
    assert gaps[0] > gaps[1] and gaps[2] < 0.01 < 0.1 < gaps[0]


def test_the_euler_scheme_is_biased_where_qe_is_not():
    expected = 0.04
    assert errors(simulated("buehler")[0]["SPX.variance"][:, -1], expected) < 3.0
    assert errors(simulated("buehler", "euler")[0]["SPX.variance"][:, -1], expected) > 6.0


def andersen(shocks: np.ndarray, dt: float, *, spot, variance, mean_reversion, long_variance, vol_of_vol, correlation):
    """The scheme as printed: Andersen (2008), section 3.2.4 and equations (33) with his constants K0* to K4."""
    k, theta, xi, rho = mean_reversion, long_variance, vol_of_vol, correlation
    v, log, e = np.full(len(shocks), variance), np.full(len(shocks), np.log(spot)), np.exp(-mean_reversion * dt)
    k1, k2 = 0.5 * dt * (k * rho / xi - 0.5) - rho / xi, 0.5 * dt * (k * rho / xi - 0.5) + rho / xi
    k3 = k4 = 0.5 * dt * (1 - rho**2)
    a_ = k2 + 0.5 * k4
    for z1, z2 in shocks.transpose(1, 2, 0):
        m = theta + (v - theta) * e
        psi = (v * xi**2 * e * (1 - e) / k + theta * xi**2 * (1 - e) ** 2 / (2 * k)) / m**2
        small, large = np.minimum(psi, 1.5), np.maximum(psi, 1.5)
        b2 = 2 / small - 1 + np.sqrt(2 / small) * np.sqrt(2 / small - 1)
        a = m / (1 + b2)
        p, beta = (large - 1) / (large + 1), 2 / (m * (large + 1))
        u = norm.cdf(z1)
        new = np.where(psi <= 1.5, a * (np.sqrt(b2) + z1) ** 2, np.where(u <= p, 0, np.log((1 - p) / (1 - u)) / beta))
        k0 = (
            np.where(
                psi <= 1.5,
                -a_ * b2 * a / (1 - 2 * a_ * a) + 0.5 * np.log(1 - 2 * a_ * a),
                -np.log(p + beta * (1 - p) / (beta - a_)),
            )
            - (k1 + 0.5 * k3) * v
        )
        log, v = log + k0 + k1 * v + k2 * new + np.sqrt(k3 * v + k4 * new) * z2, new
    return np.exp(log), v


@pytest.mark.parametrize(
    "case", [BUEHLER, {key: value for key, value in MILD.items() if key not in ("rate", "dividend")}]
)
def test_a_second_implementation_of_the_scheme_makes_the_same_paths(case):
    shocks = np.random.default_rng(4).standard_normal((500, 30, 2))
    market = Heston("SPX", **case)
    batch = jax.jit(jax.vmap(lambda z: market.path(MONTH, z)))(jnp.asarray(shocks, jnp.float32))
    spot, variance = andersen(shocks, 1 / 365, **case)
    np.testing.assert_allclose(batch.quotes["SPX"][:, -1], spot, rtol=2e-4)
    np.testing.assert_allclose(batch.quotes["SPX.variance"][:, -1], variance, rtol=2e-3, atol=1e-6)


def test_values_and_derivatives_stay_finite():
    def end(parameters, shocks):
        quotes = Heston("SPX", 1.0, *parameters, correlation=-0.7).path(MONTH, shocks).quotes
        return {name: quote[-1] for name, quote in quotes.items()}

    extremes = jnp.array([[v, 1.0, 0.04, xi] for v in (0.0, 1e-12, 0.04, 25.0) for xi in (1e-6, 0.3, 5.0)])
    shocks = jnp.stack([jnp.full((30, 2), x) for x in (-5.5, 0.0, 5.5)])
    both = jax.vmap(jax.vmap(lambda p, z: (end(p, z), jax.jacrev(end)(p, z)), (None, 0)), (0, None))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(jax.jit(both)(extremes, shocks)))


def test_no_vol_of_vol_is_black_scholes():
    shocks = jax.random.normal(jax.random.key(0), (30, 2))
    market = Heston("SPX", 100.0, 0.04, 1.0, 0.04, vol_of_vol=1e-6, correlation=-0.7)
    noise = -0.7 * shocks[:, 0] + np.sqrt(1 - 0.49) * shocks[:, 1]
    expected = dh.markets.BlackScholes("SPX", 0.2, spot=100.0).path(MONTH, noise[:, None]).quotes["SPX"]
    np.testing.assert_allclose(market.path(MONTH, shocks).quotes["SPX"], expected, rtol=1e-4)


@pytest.mark.parametrize(
    "wrong", [{"spot": 0.0}, {"variance": -0.1}, {"vol_of_vol": 0.0}, {"correlation": -1.1}, {"scheme": "milstein"}]
)
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Heston("SPX", **{**BUEHLER, **wrong})


def test_a_grid_too_coarse_for_a_positive_correlation_is_refused():
    market = Heston("SPX", **{**BUEHLER, "correlation": 0.7})
    with pytest.raises(ParameterError, match="shorter steps"):
        market.shocks(dh.TimeGrid.uniform(maturity=1.0, steps=1))
    assert market.shocks(MONTH) == (30, 2)
