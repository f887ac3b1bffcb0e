import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge import MarketPath
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ProblemError, UnknownQuote

TIMES = np.array([0.0, 0.1, 0.3, 0.6, 1.0])
SPOT, VOL = np.array([1.0, 1.1, 0.85, 0.97, 1.2]), np.array([0.2, 0.3, 0.15, 0.4, 0.25])
RATE, DIVIDEND = 0.04, 0.015
GREEKS = {"delta": f.Delta, "gamma": f.Gamma, "vega": f.Vega}


def make(**changes):
    quotes = {"A": SPOT, "A.vol": VOL, "rate": np.full(5, RATE), "A.dividend": np.full(5, DIVIDEND)} | changes
    quotes = {name: jnp.asarray(value, jnp.result_type(float)) for name, value in quotes.items()}
    return MarketPath(jnp.asarray(TIMES, jnp.result_type(float)), quotes, jnp.ones(5))


def quantlib(name, payoff, spot, vol, left):
    growth, discount = np.exp(-DIVIDEND * left), np.exp(-RATE * left)
    black = ql.BlackCalculator(payoff, spot * growth / discount, vol * np.sqrt(left), discount)
    return {"delta": black.delta, "gamma": black.gamma}[name](spot) if name != "vega" else black.vega(left)


@pytest.mark.parametrize("name", GREEKS)
@pytest.mark.parametrize("side", ["call", "put"])
def test_greeks_of_options_are_those_of_quantlib(name, side):
    cls, kind = (i.EuropeanCall, ql.Option.Call) if side == "call" else (i.EuropeanPut, ql.Option.Put)
    with jax.enable_x64(True):
        ours = np.asarray(eqx.filter_jit(GREEKS[name](cls("A", 1.05, 1.0)))(make()))
    payoff = ql.PlainVanillaPayoff(kind, 1.05)
    theirs = [quantlib(name, payoff, s, v, 1.0 - t) for s, v, t in zip(SPOT[:4], VOL[:4], TIMES[:4], strict=True)]
    np.testing.assert_allclose(ours[:4], theirs, rtol=1e-9, atol=1e-11)
    assert ours[4] == 0.0


def test_a_book_needs_the_quote_and_adds_up():
    book = i.Book((i.EuropeanCall("A", 1.0, 1.0), i.EuropeanPut("A", 1.1, 0.6)), (-1.0, 2.0))
    with pytest.raises(ProblemError, match="say which quote"):
        f.Delta(book)
    assert book.pointwise
    parts = (f.Delta(i.EuropeanCall("A", 1.0, 1.0)), f.Delta(i.EuropeanPut("A", 1.1, 0.6)), f.Delta(book, quote="A"))
    call, put, whole = eqx.filter_jit(lambda features, path: [feature(path) for feature in features])(parts, make())
    np.testing.assert_allclose(whole, -call + 2 * put, atol=1e-6)


@pytest.mark.parametrize("name", GREEKS)
def test_what_remembers_is_differentiated_at_the_same_point_only(name):
    swap = i.QuotedVarianceSwap("A", 1.0)
    assert not swap.pointwise and not i.Book((swap,), (1.0,)).pointwise
    with jax.enable_x64(True):
        ours = np.asarray(eqx.filter_jit(GREEKS[name](swap))(make()))
    discount, left = np.exp(-RATE * (1 - TIMES)), 1 - TIMES
    last = np.concatenate([[0.0], np.diff(np.log(SPOT))])
    expected = {
        "delta": discount * 2 * last / SPOT,  # of the square of the last return
        "gamma": discount * 2 * (1 - last) / SPOT**2 * (TIMES > 0),
        "vega": discount * 2 * VOL * left,
    }[name]
    np.testing.assert_allclose(ours[:4], expected[:4], atol=1e-12)
    assert ours[4] == 0.0


def test_a_heston_contract_moves_with_its_variance():
    swap = i.VarianceSwap("A", 1.0, mean_reversion=2.0, long_variance=0.04)
    path = make(**{"A.variance": VOL**2, "A.realised_variance": np.zeros(5)})
    expected = np.exp(-RATE * (1 - TIMES)) * (1 - np.exp(-2.0 * (1 - TIMES))) / 2.0
    np.testing.assert_allclose(f.Vega(swap, quote="A.variance")(path)[:4], expected[:4], rtol=1e-5)
    assert not f.Delta(swap)(path).any()


def test_quotes_are_found_or_named():
    option = i.EuropeanCall("A", 1.0, 1.0, vol="implied")
    path = make(implied=np.full(5, 0.3))
    own, other = eqx.filter_jit(lambda path: (f.Vega(option)(path), f.Vega(option, quote="A.vol")(path)))(path)
    assert (own[:4] > 0).all() and not other.any()
    with pytest.raises(UnknownQuote, match=r"no quote 'A\.vl': did you mean 'A\.vol'"):
        f.Vega(option, quote="A.vl")(path)
    assert [f.Delta(option).name, f.Gamma(option, "g").name, f.Vega(option).name] == ["delta", "g", "vega"]


@pytest.mark.parametrize("name", GREEKS)
def test_values_and_gradients_are_finite_at_the_corners(name):
    feature = GREEKS[name](i.EuropeanCall("A", 1.0, 1.0))

    def value(quotes):
        return feature(MarketPath(jnp.asarray(TIMES, jnp.float32), quotes, jnp.ones(5)))

    corners = [make(A=np.full(5, s), **{"A.vol": np.full(5, v)}).quotes for s in (0.01, 1.0, 9.0) for v in (1e-6, 5.0)]
    corners = jax.tree.map(lambda *x: jnp.stack(x), *corners)
    values, rows = jax.jit(jax.vmap(lambda q: (value(q), jax.jacfwd(value)(q))))(corners)
    assert jnp.isfinite(values).all()
    assert all(jnp.isfinite(row).all() for row in rows.values())
