import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, ProblemError, UnknownQuote
from deephedge.pricing import basket

TIMES = np.array([0.0, 0.25, 0.5, 1.0])
RNG = np.random.default_rng(5)
PRICES = {name: np.exp(RNG.normal(0, 0.2, 4)) for name in "ABC"}
W = {"A": 0.5, "B": 1.5, "C": 1.0}


def make(**more):
    flat = {f"{name}.vol": np.full(4, vol) for name, vol in zip("ABC", (0.2, 0.3, 0.4), strict=True)}
    quotes = {name: jnp.asarray(x, jnp.result_type(float)) for name, x in (PRICES | flat | more).items()}
    return MarketPath(jnp.asarray(TIMES, jnp.result_type(float)), quotes, jnp.ones(4))


CONTRACTS = {
    "exchange": (i.Exchange("A", "B", 0.5), lambda a, b, c: max(a - b, 0)),
    "spread": (i.SpreadOption("A", "B", 0.1, 0.5), lambda a, b, c: max(a - b - 0.1, 0)),
    "spread put": (i.SpreadOption("A", "B", 0.1, 0.5, call=False), lambda a, b, c: max(b + 0.1 - a, 0)),
    "best": (i.BestOf(("A", "B", "C"), 0.9, 0.5), lambda a, b, c: max(max(a, b, c) - 0.9, 0)),
    "best put": (i.BestOf(("A", "B"), 1.5, 0.5, False, (0.5, 1.5)), lambda a, b, c: max(1.5 - max(a / 2, 1.5 * b), 0)),
    "worst": (i.WorstOf(("A", "B"), 0.5, 0.5), lambda a, b, c: max(min(a, b) - 0.5, 0)),
    "worst put": (i.WorstOf(("A", "C"), 1.0, 0.5, call=False), lambda a, b, c: max(1 - min(a, c), 0)),
    "basket": (i.Basket(("A", "B", "C"), (0.5, 1.5, 1.0), 2.5, 0.5), lambda a, b, c: max(a / 2 + 1.5 * b + c - 2.5, 0)),
}


@pytest.mark.parametrize("name", CONTRACTS)
def test_payoffs(name):
    contract, payoff = CONTRACTS[name]
    expected = [0.0, 0.0, payoff(*(PRICES[each][2] for each in "ABC")), 0.0]
    np.testing.assert_allclose(contract.cashflows(make()), expected, atol=3e-7)


def test_a_quoted_correlation_comes_first_and_none_at_all_is_refused():
    spread = i.SpreadOption("A", "B", 0.1, 0.5, correlation=0.9)
    own, quoted = (eqx.filter_jit(spread.price)(make(**more)) for more in ({}, {"B.A.correlation": np.full(4, 0.2)}))
    ahead = jnp.asarray(PRICES["A"]), jnp.asarray(PRICES["B"]), 0.1, 0.2, 0.3
    for found, like in ((own, 0.9), (quoted, 0.2)):
        np.testing.assert_allclose(found[:2], basket.spread(*ahead, like, 0.5 - TIMES)[:2], rtol=1e-5)
        assert (found[2:] == 0).all()
    with pytest.raises(UnknownQuote, match=r"A\.B\.correlation"):
        CONTRACTS["exchange"][0].price(make())


def test_a_basket_takes_a_matrix_and_three_have_no_stulz():
    like = np.array([[1, 0.2, 0.3], [0.2, 1, 0.4], [0.3, 0.4, 1]])
    contract = i.Basket(("A", "B", "C"), (0.5, 1.5, 1.0), 2.5, 0.5, correlation=like, vols=["A.vol", "C.vol", "B.vol"])
    ahead = jnp.stack([W[name] * jnp.asarray(PRICES[name]) for name in "ABC"], -1)
    expected = jax.jit(basket.basket)(ahead, 2.5, jnp.array([0.2, 0.4, 0.3]), like, 0.5 - TIMES)
    np.testing.assert_allclose(eqx.filter_jit(contract.price)(make())[:2], expected[:2], rtol=1e-5)
    with pytest.raises(ProblemError, match="BestOf has a price for two underliers, not for 3"):
        CONTRACTS["best"][0].price(make())


def test_contracts_of_one_kind_are_priced_together():
    terms = [(0.1, 0.5, 0.3), (0.2, 0.4, -0.3)]
    book = i.Book([i.SpreadOption("A", "B", k, t, correlation=c) for k, t, c in terms], (1.0, 2.0))
    assert len(book.kinds) == 1
    apart = [i.SpreadOption("A", "B", k, t, correlation=c).price(make()) for k, t, c in terms]
    np.testing.assert_allclose(eqx.filter_jit(book.price)(make()), apart[0] + 2 * apart[1], atol=1e-6)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Exchange("A", "A", 1.0), "underliers must be two or more different names"),
        (lambda: i.Exchange("A", "B", 0.0), "expiry must be years above 0"),
        (lambda: i.SpreadOption("A", "B", -1.0, 1.0), "strike must be 0 or more"),
        (lambda: i.SpreadOption("A", "B", 1.0, 1.0, correlation=1.5), "correlation must be between -1 and 1"),
        (lambda: i.WorstOf(("A", "B"), 1.0, 1.0, weights=(1.0,)), "weights must be one positive number"),
        (lambda: i.WorstOf(("A", "B"), 1.0, 1.0, vols=("A.vol",)), "vols must name one quote for each"),
        (lambda: i.Basket(("A", "B"), (1.0, -1.0), 1.0, 1.0), "weights must be one positive number"),
        (lambda: i.Basket(("A", "B"), (1.0, 1.0), 1.0, 1.0, correlation=np.eye(3)), "one number or 2 x 2"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
