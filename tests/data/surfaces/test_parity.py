"""Forwards and discounts by parity, and the worth of early exercise."""

from dataclasses import replace
from datetime import timedelta

import numpy as np
import polars as pl
import pytest
import QuantLib as ql

from deephedge.data.surfaces import chains, forwards
from deephedge.data.surfaces.early import european_forwards, premiums
from deephedge.data.surfaces.parity import _rate, _weighted_median
from oracles.chains import DAYS, NOW, RATE, SPOT, YIELD, black, records, rows, years

TAUS = np.array([years((NOW + timedelta(days=d)).date()) for d in DAYS])


def test_exact_quotes_give_exact_forwards_and_discounts():
    (chain,) = chains(records(rows(spread=1e-4)))
    at = forwards(chain)
    assert at.own.all() and (at.pairs == 41).all()
    np.testing.assert_allclose(at.forward, SPOT * np.exp((RATE - YIELD) * TAUS), rtol=1e-10)
    np.testing.assert_allclose(at.discount, np.exp(-RATE * TAUS), rtol=1e-8)


def test_outliers_move_little_and_short_expiries_share_the_rate():
    frame = rows(spread=0.04)
    rng = np.random.default_rng(5)
    wild = rng.random(len(frame)) < 0.08
    noise = rng.uniform(-0.02, 0.02, len(frame)) + np.where(wild, 3.0, 0.0)
    frame = frame.with_columns(bid=pl.col("bid") + noise, ask=pl.col("ask") + noise)
    (chain,) = chains(records(frame))
    at = forwards(chain)
    assert not at.own[0] and at.own[-1]
    np.testing.assert_allclose(at.forward, SPOT * np.exp((RATE - YIELD) * TAUS), atol=0.02)
    np.testing.assert_allclose(-np.log(at.discount) / TAUS, RATE, atol=0.006)
    given = forwards(chain, rate=0.03)
    np.testing.assert_allclose(given.discount, np.exp(-0.03 * TAUS), rtol=1e-14)
    assert not given.own.any()


def test_the_loss_is_hubers():
    """Against reweighted least squares, written out."""
    rng = np.random.default_rng(1)
    strike = np.linspace(80.0, 120.0, 60)
    gap, error = 0.97 * (101.0 - strike) + 0.05 * rng.standard_t(2, 60), rng.uniform(0.02, 0.08, 60)
    rows, target, weight = np.stack([np.ones(60), -strike], axis=1) / error[:, None], gap / error, np.ones(60)
    for _ in range(500):
        root = np.sqrt(weight)
        line = np.linalg.lstsq(rows * root[:, None], target * root, rcond=None)[0]
        weight = 1.0 / np.maximum(np.abs(rows @ line - target), 1.0)
    rate, error_of = _rate(strike, gap, error, 0.5)
    assert rate == pytest.approx(-np.log(line[1]) / 0.5, abs=1e-6) and 0 < error_of < 0.02


def test_weighted_median():
    assert _weighted_median(np.array([3.0, 1.0, 2.0]), np.ones(3)) == 2.0
    assert _weighted_median(np.array([4.0, 1.0]), np.ones(2)) == 2.5
    assert _weighted_median(np.array([4.0, 1.0, 9.0]), np.array([1.0, 1.0, 5.0])) == 9.0


@pytest.mark.parametrize("published", [60_000.0, 58_800.0])
def test_parity_in_coin_by_a_published_forward_or_index(published):
    """Inverse options: the payoff over the spot at expiry, in a coin without interest."""
    tau = years((NOW + timedelta(days=91)).date()) - 12 / 24 / 365
    forward, strike = 60_000.0, np.linspace(50_000, 70_000, 21)
    parts = []
    for right in ("put", "call"):
        mid = black(forward, strike, 0.6 * np.sqrt(tau), right == "call") / forward
        parts.append(pl.DataFrame({"strike": strike, "bid": mid - 5e-4, "ask": mid + 5e-4, "right": [right] * 21}))
    same = {"event_time": NOW, "known_time": NOW, "underlier": "BTC", "unit": "coin"}
    same |= {"expiry": (NOW + timedelta(days=91)).date(), "underlier_price": published}
    (chain,) = chains(records(pl.concat(parts).with_columns(pl.lit(v).alias(n) for n, v in same.items())))
    at = forwards(chain)
    np.testing.assert_allclose(at.forward, forward, rtol=1e-12)
    np.testing.assert_allclose(at.discount, published / forward, rtol=1e-12)


def american(day, strike: float, vol: float, right: str) -> float:
    """By QuantLib's engine of Andersen, Lake and Offengenden."""
    option = ql.VanillaOption(
        ql.PlainVanillaPayoff(ql.Option.Call if right == "call" else ql.Option.Put, strike),
        ql.AmericanExercise(TODAY, TODAY + day),
    )
    option.setPricingEngine(ql.QdFpAmericanEngine(PROCESS[vol], ql.QdFpAmericanEngine.accurateScheme()))
    return option.NPV()


TODAY = ql.Date(1, 3, 2024)
PROCESS = {
    0.3: ql.BlackScholesMertonProcess(
        ql.QuoteHandle(ql.SimpleQuote(SPOT)),
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, YIELD, ql.Actual365Fixed())),
        ql.YieldTermStructureHandle(ql.FlatForward(TODAY, RATE, ql.Actual365Fixed())),
        ql.BlackVolTermStructureHandle(ql.BlackConstantVol(TODAY, ql.NullCalendar(), 0.3, ql.Actual365Fixed())),
    )
}


@pytest.fixture(scope="module")
def american_chain():
    ql.Settings.instance().evaluationDate = TODAY
    now = NOW.replace(hour=20)  # 16:00 in New York after 10 March: whole days are left
    parts, strike = [], np.linspace(80.0, 120.0, 21)
    for days in (91, 182):
        for right in ("put", "call"):
            mid = np.array([american(days, float(x), 0.3, right) for x in strike])
            parts.append(
                pl.DataFrame({"strike": strike, "bid": mid - 0.01, "ask": mid + 0.01}).with_columns(
                    pl.lit(right).alias("right"), pl.lit((now + timedelta(days=days)).date()).alias("expiry")
                )
            )
    same = {"event_time": now, "known_time": now, "underlier": "X", "unit": "USD", "style": "american"}
    same |= {"underlier_price": SPOT, "settlement": "pm"}
    (chain,) = chains(records(pl.concat(parts).with_columns(pl.lit(v).alias(n) for n, v in same.items())))
    return chain


@pytest.mark.slow
def test_early_exercise_is_worth_what_quantlib_says(american_chain):
    """At the true forwards: American less European price, at every strike that is asked for."""
    chain = american_chain
    at = forwards(chain, RATE)
    true = np.exp((RATE - YIELD) * at.tau)
    found = premiums(chain, replace(at, forward=SPOT * true))
    n = np.searchsorted(at.settles, chain.settles)
    total = 0.3 * np.sqrt(chain.tau)
    european = at.discount[n] * black(SPOT * true[n], chain.strike, total, chain.call)
    inward = np.log(chain.strike / (SPOT * true[n])) * np.where(chain.call, -1.0, 1.0)
    asked = (inward < 0.1) & (np.abs(inward) < 4 * total)
    np.testing.assert_allclose(found[asked], (chain.mid - european)[asked], atol=2e-4)
    assert found[asked].max() > 0.15 and (found[inward > 0.1] == 0.0).all()


@pytest.mark.slow
def test_taking_it_out_mends_the_forwards(american_chain):
    raw, (mended, _) = forwards(american_chain, RATE), european_forwards(american_chain, RATE)
    true = SPOT * np.exp((RATE - YIELD) * mended.tau)
    assert np.abs(raw.forward - true).max() > 0.05
    np.testing.assert_allclose(mended.forward, true, atol=0.01)
    free, (guessed, _) = forwards(american_chain), european_forwards(american_chain)
    rate = [-np.log(at.discount[-1]) / at.tau[-1] for at in (free, guessed)]
    assert rate[0] < rate[1] < RATE + 0.005 and abs(rate[1] - RATE) < abs(rate[0] - RATE)
