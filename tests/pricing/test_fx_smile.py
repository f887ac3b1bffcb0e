"""Deltas and their strikes against QuantLib, vanna-volga against its linear system, smiles against brokers' quotes."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.stats import norm

from deephedge.core.errors import ParameterError
from deephedge.markets.calibration import FxSmile, fx_smile
from deephedge.pricing import fx

SPOT, HOME, ABROAD, TAU = 1.1, 0.97, 0.99, 0.5
FORWARD = SPOT * ABROAD / HOME
KINDS = {
    ql.DeltaVolQuote.Spot: (ABROAD, False),
    ql.DeltaVolQuote.Fwd: (1.0, False),
    ql.DeltaVolQuote.PaSpot: (ABROAD, True),
    ql.DeltaVolQuote.PaFwd: (1.0, True),
}
by_row = (0, None, 0, None, 0, None, None)
find = jax.jit(jax.vmap(jax.value_and_grad(fx.strike_of), by_row), static_argnums=6)


def black(forward, strike, vol, tau, call=True):
    """Black's formula by SciPy."""
    s = vol * np.sqrt(tau)
    d1, sign = np.log(forward / strike) / s + 0.5 * s, 1.0 if call else -1.0
    return sign * (forward * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - s)))


@pytest.mark.parametrize("kind", KINDS)
def test_deltas_strikes_and_the_money_are_those_of_quantlib(kind):
    discount, adjusted = KINDS[kind]
    levels, vols = np.array([0.45, 0.25, 0.1, 0.05]), np.array([0.03, 0.1, 0.35])
    cases = np.array([*itertools.product(levels, vols, [True, False]), (0.9, 0.35, True)])
    size, vol, call = cases[:, 0], cases[:, 1], cases[:, 2] > 0
    delta = np.where(call, size, -size)
    with jax.enable_x64(True):
        strikes, slopes = (
            np.asarray(x) for x in find(*(jnp.asarray(x) for x in (delta, FORWARD, vol, TAU, call, discount)), adjusted)
        )
        again, near = (
            np.asarray(fx.delta(FORWARD, strikes * h, vol, TAU, call, discount, adjusted)) for h in (1.0, 1 + 1e-7)
        )
        money = [np.asarray(fx.at_the_money(FORWARD, vols, TAU, adjusted, straddle)) for straddle in (True, False)]
    beyond = (delta > 0.6) & adjusted  # a premium-adjusted call of such a volatility has no such delta
    assert np.isnan(strikes[beyond]).all() and beyond.sum() == adjusted
    np.testing.assert_allclose(again[~beyond], delta[~beyond], atol=1e-12)
    np.testing.assert_allclose((slopes * (near - again) / strikes / 1e-7)[~beyond], 1.0, rtol=1e-4)
    for d, v, c, k, found in np.stack([delta, vol, call, strikes, again], 1)[~beyond]:
        option = ql.Option.Call if c else ql.Option.Put
        other = ql.BlackDeltaCalculator(option, kind, SPOT, HOME, ABROAD, float(v * np.sqrt(TAU)))
        np.testing.assert_allclose(found, other.deltaFromStrike(float(k)), atol=1e-10)
        np.testing.assert_allclose(k, other.strikeFromDelta(float(d)), atol=1e-8)
    for v, straddle, forward in zip(vols, *money, strict=True):
        other = ql.BlackDeltaCalculator(ql.Option.Call, kind, SPOT, HOME, ABROAD, float(v * np.sqrt(TAU)))
        np.testing.assert_allclose(straddle, other.atmStrike(ql.DeltaVolQuote.AtmDeltaNeutral), atol=1e-12)
        np.testing.assert_allclose(forward, other.atmStrike(ql.DeltaVolQuote.AtmFwd), atol=1e-12)


def test_vanna_volga_is_the_portfolio_that_has_vega_vanna_and_volga():
    pivots, vols, s = np.array([1.0, 1.1, 1.22]), np.array([0.12, 0.1, 0.105]), 0.1 * np.sqrt(TAU)

    def greeks(strike):
        d1 = np.log(FORWARD / strike) / s + 0.5 * s
        vega = FORWARD * norm.pdf(d1) * np.sqrt(TAU)
        return np.array([vega, -vega * (d1 - s) / (FORWARD * s), vega * d1 * (d1 - s) / 0.1])

    costs = [black(FORWARD, k, v, TAU) - black(FORWARD, k, 0.1, TAU) for k, v in zip(pivots, vols, strict=True)]
    for strike, call in ((0.95, False), (1.05, True), (1.17, True), (1.1, False)):
        x = np.linalg.solve(np.stack([greeks(k) for k in pivots], 1), greeks(strike))
        with jax.enable_x64(True):
            price = float(fx.vanna_volga(FORWARD, strike, TAU, jnp.asarray(pivots), jnp.asarray(vols), call))
        np.testing.assert_allclose(price, black(FORWARD, strike, 0.1, TAU, call) + x @ costs, atol=1e-13)
    with pytest.raises(ParameterError, match="three pivots"):
        fx.vanna_volga(FORWARD, 1.1, TAU, jnp.ones(2), jnp.ones(2))


ONE = dict(atm=0.09, reversal={0.25: -0.008}, butterfly={0.25: 0.0025})
TWO = dict(atm=0.09, reversal={0.25: -0.008, 0.1: -0.015}, butterfly={0.25: 0.0025, 0.1: 0.0085})


def check(smile: FxSmile, atm, reversal, butterfly, kind: int) -> None:
    """All quotes, in QuantLib's deltas and SciPy's prices."""
    vol = lambda k: float(smile.volatility(k))  # noqa: E731
    adjusted = kind in (ql.DeltaVolQuote.PaSpot, ql.DeltaVolQuote.PaFwd)
    at, deviation = dict(zip(smile.labels, smile.strikes, strict=True)), np.sqrt(smile.tau)
    sides = {"c": (ql.Option.Call, 1.0), "p": (ql.Option.Put, -1.0)}

    def desk(side: str, v: float):
        return ql.BlackDeltaCalculator(sides[side][0], kind, SPOT, HOME, ABROAD, float(v * deviation))

    np.testing.assert_allclose(vol(at["atm"]), atm, atol=1e-10)
    np.testing.assert_allclose(at["atm"], FORWARD * np.exp((-0.5 if adjusted else 0.5) * atm**2 * smile.tau))
    for level in reversal:
        low, high = at[f"{100 * level:g}p"], at[f"{100 * level:g}c"]
        np.testing.assert_allclose(vol(high) - vol(low), reversal[level], atol=1e-10)
        for side, k in (("p", low), ("c", high)):
            np.testing.assert_allclose(desk(side, vol(k)).deltaFromStrike(k), sides[side][1] * level, atol=1e-9)
        broker = atm + butterfly[level]
        k = {side: desk(side, broker).strikeFromDelta(sides[side][1] * level) for side in "pc"}
        paid = sum(black(FORWARD, k[side], broker, smile.tau, side == "c") for side in "pc")
        worth = sum(black(FORWARD, k[side], vol(k[side]), smile.tau, side == "c") for side in "pc")
        np.testing.assert_allclose(worth, paid, atol=1e-9)
    assert (np.diff(smile.strikes) > 0).all()
    np.testing.assert_allclose(smile.vols, smile.volatility(smile.strikes), atol=1e-14)


def test_a_smile_of_one_delta_meets_its_broker_strangle():
    check(fx_smile(FORWARD, TAU, **ONE, foreign_discount=ABROAD), **ONE, kind=ql.DeltaVolQuote.Spot)


def test_a_smile_of_two_premium_adjusted_deltas_meets_all_five_quotes():
    smile = fx_smile(FORWARD, TAU, **TWO, adjusted=True, shape="svi")
    check(smile, **TWO, kind=ql.DeltaVolQuote.PaFwd)
    assert smile.misfit < 1e-12 and smile.labels == ("10p", "25p", "atm", "25c", "10c")
    np.testing.assert_allclose(smile.quotes().vol, smile.vols)


def test_a_smile_strangle_is_half_the_sum_of_the_wings():
    smile = fx_smile(FORWARD, TAU, **ONE, market_strangle=False, straddle=False, shape="ssvi")
    np.testing.assert_allclose(smile.vols, [0.09 + 0.0025 + 0.004, 0.09, 0.09 + 0.0025 - 0.004], atol=1e-12)
    np.testing.assert_allclose(smile.strikes[1], FORWARD)


ARBITRAGE = dict(butterfly={0.25: 0.06}, reversal={0.25: 0.0})
DOUBLE = TWO | dict(adjusted=True, shape="svi", foreign_discount=1.0, butterfly={0.25: 0.0025, 0.1: 0.001})


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (dict(reversal={0.25: 0.2}), "reversal 0.25 admits arbitrage"),
        (dict(atm=-0.1), "atm must be positive"),
        (dict(butterfly={0.1: 0.01}), "reversal and butterfly must have the same deltas"),
        (dict(reversal={0.6: 0.0}, butterfly={0.6: 0.01}), "below half the foreign discount"),
        (dict(shape="svi"), "shape 'svi' has 5 numbers"),
        (dict(shape="cubic"), "shape 'cubic' is unknown"),
        (ARBITRAGE, "admit arbitrage"),
        (DOUBLE, "met by no svi smile"),
    ],
)
def test_quotes_that_no_smile_has_are_refused_in_one_sentence(change, words):
    with pytest.raises(ParameterError, match=words):
        fx_smile(FORWARD, TAU, **(ONE | dict(foreign_discount=ABROAD) | change))
