"""Options at their quotes: price, cash and halts as quoted, sensitivities against the textbook's formulas in SciPy."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import features as f
from deephedge import frictions as c
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, ProblemError, UnknownQuote

TIMES = np.array([0.0, 0.1, 0.3, 0.5, 0.6])
SPOT, AHEAD = np.array([100.0, 95.0, 103.0, 108.0, 90.0]), np.array([101.0, 95.7, 103.2, 108.0, 90.0])
MARK, VOL, RATE = np.array([6.5, 3.1, 4.9, 8.2, 0.0]), np.array([0.2, 0.25, 0.18, 0.3, 0.3]), 0.03


def path(**more):
    quotes = {"A": SPOT, "c": MARK, "c.vol": VOL, "c.forward": AHEAD, "rate": np.full(5, RATE), **more}
    return dh.MarketPath(
        jnp.asarray(TIMES), {k: jnp.asarray(v, jnp.result_type(float)) for k, v in quotes.items()}, jnp.ones(5)
    )


@pytest.mark.parametrize("kind", ["call", "put"])
def test_the_price_is_the_quote_to_the_last_bit_and_the_payoff_that_of_the_underlier(kind):
    option, sign = i.Listed("c", "A", 100.0, 0.5, kind), 1 if kind == "call" else -1
    price = np.asarray(option.price(path()))
    np.testing.assert_array_equal(price, np.where(TIMES < 0.5, MARK, 0).astype(price.dtype))
    paid = np.where(TIMES == 0.5, np.maximum(sign * (SPOT - 100.0), 0), 0)
    np.testing.assert_allclose(option.cashflows(path()), paid, atol=1e-5)
    assert option.tradable(path()).tolist() == [True, True, True, False, False]
    halted = path(**{"c.halted": np.array([0, 1.0, 0, 0, 0]), "A.halted": np.array([1.0, 0, 0, 0, 0])})
    assert option.tradable(halted).tolist() == [False, False, True, False, False]


@pytest.mark.parametrize("kind", ["call", "put"])
def test_sensitivities_are_those_of_black_on_the_quoted_forward(kind):
    with jax.enable_x64(True):
        option, seen = i.Listed("c", "A", 100.0, 0.5, kind), path()
        live = TIMES < 0.5
        left, s, ahead, vol = 0.5 - TIMES[live], SPOT[live], AHEAD[live], VOL[live]
        d1, off = np.log(ahead / 100.0) / (vol * np.sqrt(left)) + 0.5 * vol * np.sqrt(left), np.exp(-RATE * left)
        delta = off * ahead / s * (norm.cdf(d1) - (kind == "put"))
        gamma = off * (ahead / s) ** 2 * norm.pdf(d1) / (ahead * vol * np.sqrt(left))
        vega = off * ahead * norm.pdf(d1) * np.sqrt(left)
        asked = f.Delta(option), f.Gamma(option), f.Vega(option)
        answers = jax.jit(lambda seen: [feature(seen) for feature in asked])(seen)
        for found, expected in zip(map(np.asarray, answers), (delta, gamma, vega), strict=True):
            np.testing.assert_allclose(found[live], expected, rtol=1e-10)
            assert not found[~live].any()


def test_without_a_volatility_there_are_no_sensitivities_and_without_a_forward_carry_gives_it():
    option, seen = i.Listed("c", "A", 100.0, 0.5), path()
    bare = dh.MarketPath(seen.times, {name: seen.quotes[name] for name in ("A", "c")}, seen.numeraire)
    assert not f.Delta(option)(bare).any() and np.isfinite(option.price(bare)).all()
    own = dh.MarketPath(seen.times, {k: v for k, v in seen.quotes.items() if k != "c.forward"}, seen.numeraire)
    model = f.Delta(i.EuropeanCall("A", 100.0, 0.5, vol="c.vol"))(own)
    np.testing.assert_allclose(f.Delta(option)(own), model, rtol=1e-6)


def test_what_is_sold_at_the_bid_is_paid_at_the_end():
    obligation = i.sold_at_bid(i.Listed("c", "A", 100.0, 0.5), 3.0)
    np.testing.assert_allclose(obligation.cashflows(path(**{"c.bid": MARK - 0.5})), [18.0, 0, 0, -24.0, 0], rtol=1e-6)


def test_terms_that_are_none_are_refused():
    with pytest.raises(ParameterError, match=r"kind must be one of .* was 'Call'"):
        i.Listed("c", "A", 100.0, 0.5, "Call")
    with pytest.raises(ParameterError, match="expiry must be years above 0"):
        i.Listed("c", "A", 100.0, 0.0)
    with pytest.raises(UnknownQuote, match=r"no quote 'd'"):
        i.Listed("d", "A", 100.0, 0.5).price(path())


def test_a_position_that_ends_is_closed_at_its_price():
    month = i.Ending(i.Listed("c", "A", 100.0, 0.5), 0.2)
    np.testing.assert_allclose(month.price(path()), [6.5, 3.1, 0, 0, 0], rtol=1e-6)
    np.testing.assert_allclose(month.cashflows(path()), [0, 0, 4.9, 0, 0], rtol=1e-6)
    assert month.tradable(path()).tolist() == [True, True, False, False, False]
    whole = i.Ending(i.Listed("c", "A", 100.0, 0.5), 0.5)
    np.testing.assert_allclose(whole.cashflows(path()), [0, 0, 0, 8.0, 0], rtol=1e-6)  # settled, and worth nothing more
    grid = dh.TimeGrid([0.0, 0.1, 0.2])
    dh.HedgingProblem(grid, i.short(month), (i.Spot("A"),), ())  # its option may end after the grid does


def test_a_quoted_spread_is_half_of_it_and_the_default_elsewhere():
    cost = c.QuotedSpread((None, "c", "d"), default=(0.001, 9.0, 9.0))
    seen = {
        name: jnp.asarray(value) for name, value in {"c.bid": 4.0, "c.ask": 4.5, "d.bid": 3.0, "d.ask": 2.0}.items()
    }
    paid = cost(jnp.array([-2.0, 3.0, 5.0]), jnp.array([100.0, 4.25, 2.5]), seen)
    assert float(paid) == pytest.approx(0.2 + 0.75)  # crossed quotes cost nothing, and give nothing
    with pytest.raises(UnknownQuote, match=r"needs the quote 'd\.ask'"):
        cost(jnp.ones(3), jnp.ones(3), {"c.bid": jnp.asarray(4.0), "c.ask": jnp.asarray(4.5)})
    with pytest.raises(ProblemError, match="for each of 2 instruments, has 3"):
        cost(jnp.ones(2), jnp.ones(2), seen)
    with pytest.raises(ParameterError, match="default must be 0 or more"):
        c.QuotedSpread(("c",), default=-0.1)
