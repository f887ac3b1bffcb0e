import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

import deephedge as dh
from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, UnknownQuote

TIMES = np.array([0.0, 0.25, 0.5, 1.0])
HOME, EUR, GBP = 0.05, 0.02, 0.04
SPOT = {"EURUSD": np.array([1.1, 1.15, 1.05, 1.2]), "GBPUSD": np.array([1.25, 1.3, 1.2, 1.22])}


def make(**more):
    flat = {"rate": HOME, "EURUSD.dividend": EUR, "GBPUSD.dividend": GBP, "EURUSD.vol": 0.1, "EURGBP.vol": 0.07}
    quotes = SPOT | {"EURGBP": SPOT["EURUSD"] / SPOT["GBPUSD"]} | {name: np.full(4, x) for name, x in flat.items()}
    quotes = {name: jnp.asarray(x, jnp.result_type(float)) for name, x in (quotes | more).items()}
    return MarketPath(jnp.asarray(TIMES, jnp.result_type(float)), quotes, jnp.exp(HOME * TIMES))


@eqx.filter_jit
def said(contract, path):
    return contract.cashflows(path), contract.price(path)


def unit(code, left):
    rate, spot = {"USD": (HOME, np.ones(4)), "EUR": (EUR, SPOT["EURUSD"]), "GBP": (GBP, SPOT["GBPUSD"])}[code]
    return spot * np.exp(-rate * left)


def at(time, cash):
    return np.where(time == TIMES, cash, 0.0)


@pytest.mark.parametrize("first, second, home", [("EUR", "USD", None), ("EUR", "GBP", "USD"), ("USD", "EUR", "USD")])
def test_a_forward_and_a_swap_are_two_zero_bonds_a_leg(first, second, home):
    got, given = (lambda left, code=code: unit(code, left) for code in (first, second))
    cash, price = said(i.FxForward(first + second, 0.9, 0.5, home), make())
    np.testing.assert_allclose(cash, at(0.5, got(0) - 0.9 * given(0)), atol=3e-7)
    left = np.maximum(0.5 - TIMES, 0)
    np.testing.assert_allclose(price, (left > 0) * (got(left) - 0.9 * given(left)), atol=3e-7)
    cash, both = said(i.FxSwap(first + second, 0.9, 0.93, 0.5, 1.0, home), make())
    expected = at(0.5, got(0) - 0.9 * given(0)) - at(1.0, got(0) - 0.93 * given(0))
    np.testing.assert_allclose(cash, expected, atol=3e-7)
    left = 1.0 - TIMES
    np.testing.assert_allclose(both, price - (left > 0) * (got(left) - 0.93 * given(left)), atol=5e-7)


def test_a_non_deliverable_forward_keeps_the_rate_that_was_fixed():
    contract = i.NonDeliverableForward("EURGBP", 0.9, 0.25, 1.0, "USD")
    cash, price = said(contract, make())
    fixed = SPOT["EURUSD"][1] / SPOT["GBPUSD"][1]
    ahead = unit("EUR", 0.25)[0] / unit("GBP", 0.25)[0]
    lent = unit("GBP", 1.0 - TIMES)
    expected = lent * (np.array([ahead, fixed, fixed, fixed]) - 0.9)
    np.testing.assert_allclose(price, [*expected[:3], 0], atol=3e-7)
    np.testing.assert_allclose(cash, [0, 0, 0, expected[3]], atol=3e-7)
    np.testing.assert_allclose(contract.state(make())["fixed"], [0, fixed, fixed, fixed], rtol=1e-6)
    slope = jax.grad(lambda spot: said(contract, make(EURUSD=spot))[0][3])(jnp.asarray(SPOT["EURUSD"], jnp.float32))
    np.testing.assert_allclose(slope, [0, SPOT["GBPUSD"][3] / SPOT["GBPUSD"][1], 0, 0], rtol=1e-5)


def test_on_a_path_that_begins_after_the_fixing_the_rate_is_given_or_unknown():
    late = jax.tree.map(lambda x: x[2:], make())
    given = i.NonDeliverableForward("EURUSD", 1.0, 0.25, 1.0, fixed=1.15)
    np.testing.assert_allclose(given.price(late), [0.15 * np.exp(-HOME * 0.5), 0.0], rtol=1e-5)
    assert np.isnan(i.NonDeliverableForward("EURUSD", 1.0, 0.25, 1.0).price(late)[0])


def kohlhagen(spot, strike, vol, left, home, abroad, sign):
    ahead, total = spot * np.exp((home - abroad) * left), vol * np.sqrt(left)
    d1 = np.log(ahead / strike) / total + total / 2
    return sign * np.exp(-home * left) * (ahead * norm.cdf(sign * d1) - strike * norm.cdf(sign * (d1 - total)))


def test_options_in_home_cash_and_on_a_cross():
    left = np.array([1.0, 0.75, 0.5])
    cash, price = said(i.FxOption("EURUSD", 1.12, 1.0, call=False), make())
    np.testing.assert_allclose(price[:3], kohlhagen(SPOT["EURUSD"][:3], 1.12, 0.1, left, HOME, EUR, -1), rtol=3e-5)
    assert price[3] == 0 and not cash.any()
    cash, price = said(i.FxOption("EURGBP", 0.9, 1.0, home="USD"), make())
    cross = (SPOT["EURUSD"] / SPOT["GBPUSD"])[:3]
    in_pounds = kohlhagen(cross, 0.9, 0.07, left, GBP, EUR, 1)
    np.testing.assert_allclose(price[:3], SPOT["GBPUSD"][:3] * in_pounds, rtol=3e-5)
    np.testing.assert_allclose(cash[3], SPOT["EURUSD"][3] - 0.9 * SPOT["GBPUSD"][3], rtol=1e-5)


def test_a_smile_prices_its_own_three_options_and_a_flat_one_is_black():
    names, ahead, abroad = ("atm", "rr", "bf"), 1.1 * np.exp(HOME - EUR), np.exp(-EUR)

    @eqx.filter_jit
    def priced(option, spot, smile):
        path = make(EURUSD=spot, **dict(zip(names, (jnp.full(4, x) for x in smile), strict=True)))
        return jax.value_and_grad(
            lambda spot: jnp.sum(option.price(path.with_quotes({"EURUSD": spot}))[jnp.array([0, 3])])
        )(spot)

    spot = jnp.asarray(SPOT["EURUSD"], jnp.result_type(float))
    for strike, vol in ((wing(0.25, ahead, 0.099, abroad), 0.099), (wing(0.75, ahead, 0.109, abroad), 0.109)):
        value, slope = priced(i.FxOption("EURUSD", strike, 1.0, smile=names), spot, jnp.array([0.1, -0.01, 0.004]))
        np.testing.assert_allclose(value, kohlhagen(1.1, strike, vol, 1, HOME, EUR, 1), rtol=1e-4)
        assert np.isfinite(slope).all() and slope[3] == 0
    value, _ = priced(i.FxOption("EURUSD", 1.2, 1.0, smile=names), spot, jnp.array([0.1, 0.0, 0.0]))
    np.testing.assert_allclose(value, kohlhagen(1.1, 1.2, 0.1, 1, HOME, EUR, 1), rtol=1e-4)


def wing(delta, ahead, vol, abroad):
    """The strike of a call of this spot delta; a put's delta is lower by the foreign bond."""
    share = delta / abroad if delta < 0.5 else 1 - (1 - delta) / abroad
    return ahead * np.exp(vol**2 / 2 - vol * norm.ppf(share))


def test_a_delta_knows_its_pair_and_asks_for_one_on_a_cross():
    delta = dh.features.Delta(i.FxForward("EURUSD", 1.0, 1.0))(make())
    np.testing.assert_allclose(delta[:3], np.exp(-EUR * (1 - TIMES[:3])), rtol=1e-6)
    cross = i.FxForward("EURGBP", 0.9, 1.0, "USD")
    with pytest.raises(dh.core.errors.ProblemError, match="has no one underlier"):
        dh.features.Delta(cross)
    short = dh.features.Delta(cross, quote="GBPUSD")(make())
    np.testing.assert_allclose(short[:3], -0.9 * np.exp(-GBP * (1 - TIMES[:3])), rtol=1e-6)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.FxForward("EUR", 1.0, 1.0), "two codes of three letters"),
        (lambda: i.FxForward("EURUSD", -1.0, 1.0), "strike must be 0 or more"),
        (lambda: i.FxForward("EURUSD", 1.0, 1.0, home="DOLLAR"), "home must be a currency"),
        (lambda: i.FxSwap("EURUSD", 1.0, 1.0, 1.0, 0.5), "near must be years from 0 to before"),
        (lambda: i.FxSwap("EURUSD", -1.0, 1.0, 0.2, 0.5), "near_strike must be"),
        (lambda: i.NonDeliverableForward("EURUSD", 1.0, 1.0, 0.5), "fixing must not come after"),
        (lambda: i.FxOption("EURUSD", 1.0, 1.0, smile=("a", "b")), "smile must name"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()


def test_a_currency_without_a_quote_is_refused():
    with pytest.raises(UnknownQuote, match="JPYUSD"):
        i.FxForward("EURJPY", 1.0, 1.0, "USD").price(make())
