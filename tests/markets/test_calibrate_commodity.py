"""Schwartz and Smith calibrated: one day exactly, a panel of futures within its standard errors."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import multivariate_normal

from deephedge.core.errors import DataError
from deephedge.markets import SchwartzSmith
from deephedge.markets.calibration import calibrate_schwartz_smith, calibrate_schwartz_smith_panel, kalman

LAW = dict(mean_reversion=1.4, short_vol=0.3, long_vol=0.15, correlation=0.3)
YEARS = np.array([0.1, 0.25, 0.5, 1.0, 1.5, 2.0, 3.0])


def log_curve(chi, xi, tau, growth, premium):
    """Their equation 9."""
    k, s, l, rho = LAW.values()
    fade = np.exp(-k * tau)
    spread = s**2 * (1 - fade**2) / (2 * k) + l**2 * tau + 2 * rho * s * l * (1 - fade) / k
    return fade * chi + xi + growth * tau - premium * (1 - fade) / k + 0.5 * spread


def option_vol(tau, left):
    k, s, l, rho = LAW.values()
    short = s * np.exp(-k * left)
    area = (
        short**2 * (1 - np.exp(-2 * k * tau)) / (2 * k) + 2 * rho * short * l * (1 - np.exp(-k * tau)) / k + l**2 * tau
    )
    return np.sqrt(area / tau)


def test_one_day_gives_its_parameters_back():
    price = np.exp(log_curve(0.1, np.log(55.0), YEARS, 0.01, 0.05))
    left = np.where(YEARS < 1, 0.05, 0.0)
    fit = calibrate_schwartz_smith((YEARS, price), (YEARS, option_vol(YEARS, left), left), "CL", 0.05)
    true = LAW | dict(spot=55.0 * np.exp(0.1), short=0.1, growth=0.01)
    np.testing.assert_allclose([fit.parameters[k] for k in true], list(true.values()), rtol=1e-6)
    market = fit.market
    assert isinstance(market, SchwartzSmith) and market.name == "CL" and fit.largest < 1e-6 and not fit.warnings
    np.testing.assert_allclose(float(market.premium), 0.05, rtol=1e-6)
    with pytest.warns(UserWarning, match="identified"):  # quotes to within ten vol points do not tell two vols apart
        calibrate_schwartz_smith((YEARS, price), (YEARS, option_vol(YEARS, left), left), starts=1, resolution=0.1)
    with pytest.raises(DataError, match="futures must be positive"):
        calibrate_schwartz_smith((YEARS, -price), (YEARS, 0.3))
    with pytest.raises(DataError, match="options must be columns of one length"):
        calibrate_schwartz_smith((YEARS, price), ([1.0, 2.0], [0.3] * 3))


TRUE = LAW | dict(noise=0.005, real_growth=0.02, growth=0.01, premium=0.05)
TAU = np.array([0.05, 0.25, 0.5, 1.0, 1.75])


@pytest.fixture(scope="module")
def panel():
    """Five years of weekly curves, by the exact step of both factors."""
    rng, n, dt = np.random.default_rng(3), 260, 1 / 52
    k, s, l, rho = LAW.values()
    own, shared = s**2 * -np.expm1(-2 * k * dt) / (2 * k), rho * s * l * -np.expm1(-k * dt) / k
    moves = rng.multivariate_normal([0, 0], [[own, shared], [shared, l**2 * dt]], n)
    chi, xi = np.zeros(n), np.full(n, np.log(50.0))
    for t in range(1, n):
        chi[t] = np.exp(-k * dt) * chi[t - 1] + moves[t, 0]
        xi[t] = xi[t - 1] + 0.02 * dt + moves[t, 1]
    logs = np.stack([log_curve(chi, xi, tau, 0.01, 0.05) for tau in TAU], -1)
    prices = np.exp(logs + TRUE["noise"] * rng.standard_normal(logs.shape))
    prices[40:60, 2] = np.nan
    return np.arange(n) * dt, prices, np.exp(chi[-1] + xi[-1])


def test_a_panel_gives_its_parameters_back_within_standard_errors(panel):
    times, prices, last = panel
    fit = calibrate_schwartz_smith_panel(times, TAU, prices, "CL")
    score = {name: (fit.parameters[name] - TRUE[name]) / fit.errors[name] for name in kalman.PANEL}
    assert all(abs(x) < 3.5 for x in score.values()), score
    assert fit.errors["mean_reversion"] < 0.05 and fit.errors["noise"] < 2e-4  # they are tight, not only honest
    # Of the real growth nothing but the ends of the path speaks.
    np.testing.assert_allclose(fit.errors["real_growth"], fit.parameters["long_vol"] / np.sqrt(5.0), rtol=0.1)
    assert fit.reached == 2 and fit.rmse < 0.6 and len(fit.residuals) == 260 * 5 - 20
    np.testing.assert_allclose(float(fit.market.spot), last, rtol=0.02)
    assert fit.market.martingale


def test_the_filter_has_the_likelihood_of_the_joint_normal(panel):
    times, prices, _ = panel
    times, logs = times[:6], np.log(prices[:6])
    k, s, l, rho, noise, drift, growth, premium = TRUE.values()
    gaps = np.abs(times[:, None] - times)
    sooner = np.minimum(times[:, None], times)
    # Covariances of both factors between all times, the first with its stationary law, the second unknown at first.
    chi = s**2 / (2 * k) * np.exp(-k * gaps)
    xi = kalman.WIDE + l**2 * sooner
    ahead = np.maximum(times[None, :] - times[:, None], 0.0)  # of the short factor's time after the long one's
    cross = rho * s * l / k * (np.exp(-k * ahead) - np.exp(-k * times[None, :]))
    cross = np.where(times[None, :] < times[:, None], rho * s * l / k * (1 - np.exp(-k * times[None, :])), cross)
    fade = np.exp(-k * TAU)
    joint = (
        np.einsum("st,i,j->sitj", chi, fade, fade)
        + xi[:, None, :, None]
        + np.einsum("st,j->stj", cross, fade)[:, None]
        + np.einsum("ts,i->sit", cross, fade)[..., None]
    )
    joint = joint.reshape(30, 30) + noise**2 * np.eye(30)
    mean = np.mean(logs[0]) + drift * times[:, None] + log_curve(0.0, 0.0, TAU, growth, premium)
    true = multivariate_normal(mean.ravel(), joint).logpdf(logs.ravel())
    law = np.array([k, s, l, noise, rho, drift, growth, premium])
    with jax.enable_x64(True):
        steps = np.diff(times, prepend=times[0] - 1)
        data = tuple(jnp.asarray(x) for x in (steps, np.broadcast_to(TAU, logs.shape), logs, np.ones_like(logs)))
        np.testing.assert_allclose(
            -float(jax.jit(lambda p: kalman._filter(p, data)[0])(jnp.asarray(law))), true, rtol=1e-7
        )


def test_panels_that_cannot_be_are_refused():
    times, prices = np.arange(6.0), np.full((6, 5), 50.0)
    for wrong, sentence in (
        ((times[:5], TAU, prices), "prices must be .time, contract."),
        ((times, TAU[:3], prices), "a number for each of the 5 contracts"),
        ((times[::-1], TAU, prices), "times must increase"),
        ((times, TAU, -prices), "prices must be positive"),
        ((times, -TAU, prices), "years to expiry must be 0 or more"),
    ):
        with pytest.raises(DataError, match=sentence):
            calibrate_schwartz_smith_panel(*wrong)
