"""Short rates and intensities calibrated: own prices give the parameters back, and what quotes leave open is named."""

import jax
import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import ndtr
from scipy.stats import ncx2

from deephedge.core.errors import DataError, ParameterError
from deephedge.markets import CirIntensity, CoxIngersollRoss, HullWhite, HullWhiteTwoFactor
from deephedge.markets.calibration import (
    RateOptions,
    calibrate_cir,
    calibrate_cir_intensity,
    calibrate_hull_white,
    calibrate_hull_white_two_factor,
)

YEARS, YIELDS = CURVE = (np.array([0.5, 1, 2, 5, 10, 20]), np.full(6, 0.03))
EXPIRY = np.array([0.5, 1.0, 2.0, 5.0, 7.0, 1.0, 3.0, 5.0])
TENOR = np.array([0.5, 0.5, 0.5, 0.5, 0.5, 1.0, 1.0, 1.0])
STRIKE = np.linspace(0.02, 0.04, 8)
A, SIGMA = 0.08, 0.011


def put(forward, strike, total):
    """Black's formula."""
    d = (np.log(forward / strike) + 0.5 * total**2) / total
    return strike * ndtr(total - d) - forward * ndtr(-d)


def payer(expiry, dates, cash, loads, deviation):
    """A put at one on a bond that pays ``cash``: a sum of puts (Jamshidian 1989), on a flat curve of 3 %."""
    bond = np.exp(-0.03 * (dates - expiry))
    shift = -0.5 * (loads * deviation) ** 2
    edge = brentq(lambda x: np.sum(cash * bond * np.exp(shift - loads * x)) - 1.0, -1.0, 1.0, xtol=1e-15)
    return np.exp(-0.03 * expiry) * np.sum(cash * put(bond, bond * np.exp(shift - loads * edge), loads * deviation))


@pytest.fixture(scope="module")
def hull_white_quotes():
    """Caplets, and swaptions on a year with payments twice: by scalar formulas in NumPy."""
    prices = []
    for expiry, tenor, strike in zip(EXPIRY, TENOR, STRIKE, strict=True):
        left = np.arange(1, round(2 * tenor) + 1) / 2
        cash = 0.5 * strike + (left == tenor)
        deviation = SIGMA * np.sqrt(-np.expm1(-2 * A * expiry) / (2 * A))
        prices.append(payer(expiry, expiry + left, cash, -np.expm1(-A * left) / A, deviation))
    return RateOptions(CURVE, EXPIRY, TENOR, STRIKE, 0.5, price=prices, payer=True)


def test_hull_white_gives_its_parameters_back_from_caplets_and_swaptions(hull_white_quotes):
    fit = calibrate_hull_white(hull_white_quotes, "EUR", starts=2)
    np.testing.assert_allclose(list(fit.parameters.values()), [0.08, 0.011], rtol=1e-6)
    assert isinstance(fit.market, HullWhite) and fit.market.name == "EUR" and not fit.warnings
    assert fit.largest < 1e-4 and fit.unit == "bp" and fit.reached == 2
    held = calibrate_hull_white(hull_white_quotes, mean_reversion=0.08, starts=1)
    np.testing.assert_allclose(held.parameters["vol"], 0.011, rtol=1e-6)
    np.testing.assert_allclose(float(held.market.mean_reversion), 0.08, rtol=1e-6)


def test_one_caplet_does_not_tell_mean_reversion_from_vol(hull_white_quotes):
    of = hull_white_quotes
    with pytest.warns(UserWarning, match="mean_reversion .*identified"):
        fit = calibrate_hull_white(
            RateOptions(CURVE, EXPIRY, TENOR, STRIKE, 0.5, price=of.price, payer=True, weight=EXPIRY == 2.0), starts=1
        )
    # What it does tell is the variance of the bond.
    found, true = (
        s * -np.expm1(-0.5 * a) / a * np.sqrt(-np.expm1(-4.0 * a) / a) for a, s in (fit.parameters.values(), (A, SIGMA))
    )
    np.testing.assert_allclose(found, true, rtol=1e-6)


def test_two_factors_give_their_parameters_back_from_caplets_of_two_lengths():
    a, b, sigma, eta, rho = law = (0.5, 0.05, 0.012, 0.009, -0.6)
    length = np.array([0.5, 3.0] * 4)
    load, other = (-np.expm1(-k * length) / k for k in (a, b))
    both, one, two = (-np.expm1(-k * EXPIRY) / k for k in (a + b, 2 * a, 2 * b))
    total = (load * sigma) ** 2 * one + (other * eta) ** 2 * two + 2 * rho * load * sigma * other * eta * both
    owed = 1.0 + STRIKE * length
    price = np.exp(-0.03 * EXPIRY) * owed * put(np.exp(-0.03 * length), 1.0 / owed, np.sqrt(total))
    quotes = RateOptions(CURVE, EXPIRY, length, STRIKE, price=price, payer=True)
    fit = calibrate_hull_white_two_factor(quotes, starts=1, tolerance=1e-15)
    assert isinstance(fit.market, HullWhiteTwoFactor) and fit.largest < 1e-6
    np.testing.assert_allclose(list(fit.parameters.values()), law, rtol=1e-6)


CIR = dict(short=0.02, mean_reversion=0.4, level=0.045, vol=0.12)


def bond(tau):
    """Loading B and level A of their equation (23)."""
    kappa, theta, sigma = list(CIR.values())[1:]
    gamma = np.sqrt(kappa**2 + 2 * sigma**2)
    grown = np.expm1(gamma * tau)
    below = (gamma + kappa) * grown + 2 * gamma
    power = 2 * kappa * theta / sigma**2
    return 2 * grown / below, (2 * gamma * np.exp(0.5 * (kappa + gamma) * tau) / below) ** power


def zero(tau):
    load, level = bond(tau)
    return level * np.exp(-load * CIR["short"])


def bond_put(strike, expiry, length):
    """Their equation (32), less call and parity."""
    short, kappa, theta, sigma = CIR.values()
    gamma, (load, level) = np.sqrt(kappa**2 + 2 * sigma**2), bond(length)
    edge, phi, psi = (
        np.log(level / strike) / load,
        2 * gamma / (sigma**2 * np.expm1(gamma * expiry)),
        (kappa + gamma) / sigma**2,
    )
    free, spread = 4 * kappa * theta / sigma**2, 2 * phi**2 * short * np.exp(gamma * expiry)
    cash, whole = (ncx2.sf(2 * edge * k, free, spread / k) for k in (phi + psi, phi + psi + load))
    return strike * zero(expiry) * cash - zero(expiry + length) * whole


def test_cir_gives_its_parameters_back_from_yields_and_caplets():
    curve = (YEARS, -np.log(zero(YEARS)) / YEARS)
    expiry, strike = np.array([0.5, 1, 3, 5, 3]), np.array([0.02, 0.03, 0.04, 0.045, 0.06])
    price = (1 + strike) * bond_put(1 / (1 + strike), expiry, 1.0)
    table = (curve, expiry, 1.0, strike)
    fit = calibrate_cir(curve, RateOptions(*table, price=price, payer=True), starts=1)
    np.testing.assert_allclose(list(fit.parameters.values()), list(CIR.values()), rtol=1e-6)
    assert isinstance(fit.market, CoxIngersollRoss) and fit.largest < 1e-4 and not fit.warnings
    with pytest.warns(UserWarning, match="vol .*identified"):  # without the caplets
        calibrate_cir(
            curve,
            RateOptions(curve, expiry, 1.0, strike, price=price, payer=True, weight=0.0),
            resolution=1e-5,
            starts=1,
        )
    with pytest.raises(ParameterError, match="caplets, no swaptions"):
        calibrate_cir(curve, RateOptions(curve, 1.0, 2.0, period=1.0, vol=0.01))


def test_an_intensity_gives_its_parameters_back_and_the_shift_meets_the_curve():
    years, tenors, (start, *_, sigma) = np.array([1.0, 2, 3, 5, 7, 10]), np.array([1.0, 5]), CIR.values()
    debt = -np.log(zero(years))
    hazards = (years, np.diff(debt, prepend=0.0) / np.diff(years, prepend=0.0))
    kept = 0.4 + 0.6 * zero(tenors)
    vols = sigma * np.sqrt(start) * bond(tenors)[0] * 0.6 * zero(tenors) / kept / -np.log(kept)
    with pytest.warns(UserWarning, match="below the fit, so that its shift is not negative"):
        fit = calibrate_cir_intensity("ACME", hazards, (tenors, vols))
    np.testing.assert_allclose(list(fit.parameters.values()), list(CIR.values()), rtol=1e-6)
    market = fit.market
    assert isinstance(market, CirIntensity) and fit.largest < 1e-6 and fit.unit == "%"
    # The flat pieces of the curve lie above and below the forward, so a little is taken off.
    now, moved = float(market.start + market.shift(0.0)), float(market.vol) * float(market.start) ** 0.5
    np.testing.assert_allclose(moved, sigma * start**0.5, rtol=1e-5)
    living = jax.jit(lambda up: market.survival(now + up, 0.0, np.append(years, tenors)))
    np.testing.assert_allclose(living(0.0)[:6], zero(years), rtol=1e-5)
    # The quote moves with the intensity as its volatility says.
    low, high = (-np.log(0.4 + 0.6 * np.asarray(living(up)[6:], float)) for up in (-1e-3, 1e-3))
    np.testing.assert_allclose(moved * (high - low) / 2e-3 / -np.log(kept), vols, rtol=0.02)
    with pytest.warns(UserWarning, match="vol .*identified"):
        calibrate_cir_intensity("ACME", hazards, (tenors, vols), resolution=0.2, starts=1)
    with pytest.raises(ParameterError, match="hazards must be positive"):
        calibrate_cir_intensity("ACME", ((1, 2), (0.0, 0.1)))
    with pytest.raises(ParameterError, match="spread_vols must be positive"):
        calibrate_cir_intensity("ACME", hazards, ((1, 2), (0.5,)))


@pytest.mark.parametrize(
    ("wrong", "sentence"),
    [
        (dict(vol=0.01, price=0.1), "one of vol, black_vol and price"),
        (dict(vol=-0.01), "vol must be finite and positive"),
        (dict(vol=[0.01, 0.02], expiry=[1, 2, 3]), "broadcast to one row"),
        (dict(vol=0.01, period=0.3), "whole number of periods"),
        (dict(price=0.0), "not above its intrinsic value"),
        (dict(vol=0.01, strike=-0.01), "strike must be positive for more than one period"),
    ],
)
def test_options_that_cannot_be_are_refused(wrong, sentence):
    with pytest.raises(DataError, match=sentence):
        RateOptions(CURVE, **dict(expiry=1.0, tenor=1.0, period=0.5) | wrong)


def test_the_three_ways_to_quote_agree():
    swap = dict(expiry=[1.0, 3.0], tenor=[2.0, 1.0], period=0.5, strike=[0.02, 0.04])
    quotes = RateOptions(CURVE, **swap, black_vol=0.3)
    for again in (RateOptions(CURVE, **swap, vol=quotes.vol), RateOptions(CURVE, **swap, price=quotes.price)):
        np.testing.assert_allclose(again.price, quotes.price, rtol=1e-10)
        np.testing.assert_allclose(again.vol, quotes.vol, rtol=1e-10)
    assert quotes.payer.tolist() == [False, True] and not quotes.caplets
