"""Calibration: own prices give back their parameters, errors are honest, and quotes that cannot be are refused."""

from functools import lru_cache

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.core.errors import DataError, ParameterError
from deephedge.markets import Bates, Heston, LocalVolatility, Sabr
from deephedge.markets.calibration import (
    OptionQuotes,
    Parameter,
    calibrate_bates,
    calibrate_heston,
    calibrate_sabr,
    calibrate_ssvi,
    least_squares,
)
from deephedge.pricing import fourier, heston, jumps, sabr, ssvi

HESTON = dict(variance=0.03, mean_reversion=2.0, long_variance=0.06, vol_of_vol=0.9, correlation=-0.7)
JUMPS = dict(intensity=0.5, jump_mean=-0.1, jump_vol=0.12)
EXPIRY = np.repeat([0.1, 0.25, 0.5, 1.0, 2.0], 15)
FORWARD = 100.0 * np.exp(0.01 * EXPIRY)
STRIKE = FORWARD * np.exp(np.tile(np.linspace(-2.5, 1.5, 15), 5) * 0.2 * np.sqrt(EXPIRY))
DISCOUNT = np.exp(-0.03 * EXPIRY)


@lru_cache
def prices(model: str) -> np.ndarray:
    """By the formula that turns the path of integration for each strike, with 64 or 128 nodes of its own."""
    formula, more = {"heston": (heston.price, ()), "bates": (jumps.bates_price, JUMPS.values())}[model]
    with jax.enable_x64(True):
        v, kappa, theta, sigma, rho = HESTON.values()
        call = jnp.asarray(STRIKE >= FORWARD)
        model = (v, jnp.asarray(EXPIRY), kappa, theta, sigma, rho, *more)
        return np.asarray(jax.jit(formula)(jnp.asarray(FORWARD), jnp.asarray(STRIKE), *model, call=call))


def quotes(model: str = "heston", **more) -> OptionQuotes:
    return OptionQuotes(STRIKE, EXPIRY, FORWARD, DISCOUNT, price=DISCOUNT * prices(model), **more)


@pytest.mark.parametrize("model", ["heston", "bates"])
def test_own_prices_give_the_parameters_back(model):
    fit = (calibrate_heston if model == "heston" else calibrate_bates)(quotes(model), "SPX")
    true = HESTON if model == "heston" else HESTON | JUMPS
    np.testing.assert_allclose([fit.parameters[name] for name in true], list(true.values()), rtol=1e-6)
    assert fit.reached >= 2 and fit.rmse < 1e-5 and not fit.warnings
    market = fit.market
    assert isinstance(market, Heston if model == "heston" else Bates) and market.name == "SPX"
    np.testing.assert_allclose([market.spot, market.rate, market.dividend], [100.0, 0.03, 0.02], rtol=1e-5)
    np.testing.assert_allclose([getattr(market, name) for name in true], list(true.values()), rtol=2e-6)
    assert "vol_of_vol" in str(fit) and "0.2500      15" in str(fit)


def test_a_warning_names_what_one_expiry_does_not_tell():
    one = quotes()[EXPIRY == 0.1]
    with pytest.warns(UserWarning, match="mean_reversion"):
        fit = calibrate_heston(one)
    assert any("not separately identified" in warning for warning in fit.warnings) and "warning:" in str(fit)
    assert fit.condition > 100 * calibrate_heston(quotes()).condition


def test_standard_errors_are_those_of_noisy_quotes():
    clean, noise, rng = quotes(), 1e-3, np.random.default_rng(7)
    scores = []
    for _ in range(40):
        noisy = OptionQuotes(
            STRIKE, EXPIRY, FORWARD, vol=clean.vol + noise * rng.standard_normal(len(clean)), spread=1.0
        )
        fit = calibrate_heston(noisy, starts=1)
        scores.append([(fit.parameters[name] - HESTON[name]) / fit.errors[name] for name in HESTON])
    spread = np.sqrt(np.mean(np.square(scores), axis=0))
    assert (np.abs(spread - 1.0) < 4 / np.sqrt(80)).all()  # a standard deviation of 40 normals


@pytest.mark.parametrize("beta", [0.5, 1.0])
def test_sabr_smiles_give_their_parameters_back(beta):
    with jax.enable_x64(True):
        alpha = np.where(EXPIRY < 0.3, 0.2, 0.25) * 100 ** (1 - beta)
        arguments = (FORWARD, STRIKE, alpha, EXPIRY, beta, 1.2 / np.sqrt(1 + EXPIRY), -0.6)
        vol = np.asarray(jax.jit(sabr.volatility)(*(jnp.asarray(x) for x in arguments)))
    fits = calibrate_sabr(OptionQuotes(STRIKE, EXPIRY, FORWARD, vol=vol, spread=1.0), beta)
    assert len(fits) == 5 and all(isinstance(fit.market, Sabr) for fit in fits)
    for fit, t in zip(fits, np.unique(EXPIRY), strict=True):
        true = (alpha[EXPIRY == t][0], 1.2 / np.sqrt(1 + t), -0.6)
        np.testing.assert_allclose(list(fit.parameters.values()), true, rtol=1e-6)
    assert (fits[0].market.beta is None) == (beta == 1)


def test_an_ssvi_surface_gives_its_parameters_back_and_no_arbitrage():
    expiries, levels = np.unique(EXPIRY), np.array([0.004, 0.009, 0.02, 0.045, 0.1])
    with jax.enable_x64(True):
        theta = levels[np.searchsorted(expiries, EXPIRY)]
        w = jax.jit(lambda k, theta: ssvi.total_variance(k, theta, -0.6, ssvi.power_law(theta, 1.1, 0.42)))
        vol = np.sqrt(np.asarray(w(jnp.asarray(np.log(STRIKE / FORWARD)), jnp.asarray(theta))) / EXPIRY)
    fit = calibrate_ssvi(OptionQuotes(STRIKE, EXPIRY, FORWARD, DISCOUNT, vol=vol))
    np.testing.assert_allclose(list(fit.parameters.values()), [*levels, -0.6, 1.1, 0.42], rtol=1e-6)
    assert isinstance(fit.market, LocalVolatility) and list(fit.parameters)[1] == "theta(0.25)"
    # Heston's prices are no SSVI surface, and steep ones push eta to the edge of what is free of arbitrage.
    with pytest.warns(UserWarning, match="eta ended on its bound|gamma ended on its bound"):
        steep = calibrate_ssvi(OptionQuotes(STRIKE, EXPIRY, FORWARD, vol=0.2 + 3 * (vol - 0.2).clip(-0.05), spread=9.0))
    found = steep.market
    missed = ssvi.conditions(found.levels, found.rho, found.shape)
    assert all(float(size) < 1e-6 for size in missed.values())


@pytest.mark.parametrize(("sigma", "tau"), [(0.3, 1 / 52), (2.0, 1 / 52), (2.0, 2.0)])
def test_nodes_that_strikes_share_are_as_good_as_nodes_of_their_own(sigma, tau):
    with jax.enable_x64(True):
        strike = jnp.asarray(100.0 * np.exp(np.linspace(-6, 4, 21) * 0.2 * np.sqrt(tau)))
        shared, own = both(strike, *(jnp.asarray(x) for x in (0.04, tau, 1.0, 0.04, sigma, -0.7)))
        np.testing.assert_allclose(shared, own, atol=1e-7)


@jax.jit
def both(strike, *model):
    sides, total = jnp.stack([jnp.minimum(strike, 100.0), jnp.maximum(strike, 100.0)]), 0.75 * model[0] * model[1]
    grid = fourier.smile(jnp.full(2, 100.0), sides, jnp.full(2, total), jnp.array([True, False]), 128)
    square = grid.ray**2 + 0.25
    phi = jnp.exp(square * heston.exponent(grid.ray, square, *(x[None] for x in model)))
    below, above = fourier.smile_price(grid, phi)
    own = heston.price(100.0, strike, *model, call=strike >= 100.0, nodes=256)
    return jnp.where(strike < 100.0, below, above), own


def _bump(p, data):
    x, y = data
    return p[0] * jnp.exp(-p[1] * x) - y


X = np.linspace(0.0, 2.0, 9)
FIND = (Parameter("size", -10, 10, 0.1, log=False), Parameter("decay", 0.01, 10, 5.0))


def _split(u):
    return jnp.stack([u[0] * u[1], u[1]])


def test_the_engine_finds_counts_and_leaves_the_setting_as_it_was():
    before = jax.config.jax_enable_x64
    found = least_squares(_bump, (X, 3 * np.exp(-2 * X)), FIND, starts=3)
    assert jax.config.jax_enable_x64 == before
    np.testing.assert_allclose(list(found.values.values()), [3.0, 2.0], rtol=1e-9)
    assert found.starts == 3 and 1 <= found.reached <= 3 and found.evaluations > 8
    other = least_squares(_bump, (X, 3 * np.exp(-2 * X) + 1e-3 * np.sin(9 * X)), FIND)
    shaped = least_squares(_bump, (X, 3 * np.exp(-2 * X) + 1e-3 * np.sin(9 * X)), FIND, shape=_split)
    np.testing.assert_allclose(list(shaped.values.values()), list(other.values.values()), rtol=1e-7)
    np.testing.assert_allclose(list(shaped.errors.values()), list(other.errors.values()), rtol=1e-4)


def test_the_engine_tells_of_bounds_and_of_what_it_cannot_do():
    held = least_squares(_bump, (X, 3 * np.exp(-2 * X)), (FIND[0], Parameter("decay", 0.01, 1.0, 0.5)))
    assert "decay ended on its bound of 1" in held.warnings
    with pytest.raises(ParameterError, match="2 parameters need as many quotes"):
        least_squares(_bump, (X[:1], X[:1]), FIND)
    with pytest.raises(ParameterError, match="starts must be 1 or more"):
        least_squares(_bump, (X, X), FIND, starts=0)
    with pytest.raises(ParameterError, match="no start gives finite residuals"):
        least_squares(_bump, (X, np.full(9, np.nan)), FIND)


BOOK = dict(strike=[90.0, 100.0, 110.0], expiry=0.5, forward=100.0)


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (dict(vol=[0.3, 0.4, 0.4]), "strike 100 and expiry 0.5 is worth more than its butterfly allows"),
        (dict(vol=[0.2, 0.5, 0.2]), "strike 100 .* a vertical spread that pays for nothing"),
        (dict(price=[12.0, 4.0, 2.0], call=True, strike=[90, 95, 110]), "strike 95 .* below its intrinsic value 5"),
        (dict(price=[12, 101, 2], call=True), "strike 100 .* as much as all that it can pay"),
        (dict(price=[11.0, 5.0, 6.0], call=True), "strike 110 .* a vertical spread that pays for nothing"),
        (dict(strike=100, expiry=[0.5, 1], vol=[0.4, 0.2]), "expiry 0.5 is worth more than expiry 1 allows"),
        (dict(vol=[0.2, -0.1, 0.2]), r"vol must be finite and positive, quote \[1\]"),
        (dict(vol=0.2, price=1.0), "either the price or the vol"),
        (dict(), "either the price or the vol"),
        (dict(vol=[0.2, 0.2]), "broadcast to one row"),
        (dict(vol=0.2, expiry=0.0), "expiry must be finite and positive"),
    ],
)  # fmt: skip
def test_quotes_that_cannot_be_are_refused_by_name(wrong, sentence):
    with pytest.raises(DataError, match=sentence):
        OptionQuotes(**(BOOK | wrong))


def test_spreads_excuse_and_cleaning_drops():
    book = BOOK | dict(price=[11.0, 5.5, 5.6], call=True)
    assert len(OptionQuotes(**book, spread=0.06)) == 3
    kept, dropped = OptionQuotes.clean(**book)
    assert len(kept) == 2 and len(dropped) == 1 and "strike 110" in dropped[0]
    with pytest.raises(ValueError, match="read-only"):
        kept.vol[0] = 1.0
    with pytest.raises(DataError, match="share their forward"):
        calibrate_heston(OptionQuotes([90, 95, 100, 105, 110], 0.5, [100, 101, 100, 100, 100], vol=0.2))
    with pytest.raises(ParameterError, match="5 parameters need as many quotes"):
        calibrate_heston(OptionQuotes(**BOOK, vol=0.2))
    with pytest.raises(ParameterError, match="three quotes an expiry"):
        calibrate_sabr(kept)
