import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, UnknownQuote

STRIKE, EXPIRY, CASH = 1.05, 0.75, 3.0
TIMES = np.array([0.0, 0.2, 0.4, 0.75, 1.0])

OPTIONS = {
    "call": lambda **k: i.EuropeanCall("A", STRIKE, EXPIRY, **k),
    "put": lambda **k: i.EuropeanPut("A", STRIKE, EXPIRY, **k),
    "digital call": lambda **k: i.Digital("A", STRIKE, EXPIRY, call=True, cash=CASH, **k),
    "digital put": lambda **k: i.Digital("A", STRIKE, EXPIRY, call=False, cash=CASH, **k),
}
EUROPEAN = OPTIONS | {"forward": lambda: i.Forward("A", STRIKE, EXPIRY)}


def make(spot, vol=0.2, rate=None, dividend=None, times=TIMES):
    flat = np.ones(len(times))
    quotes = {"A": flat * spot, "A.vol": flat * vol}
    quotes |= {} if rate is None else {"rate": flat * rate}
    quotes |= {} if dividend is None else {"A.dividend": flat * dividend}
    quotes = {name: jnp.asarray(value, jnp.result_type(float)) for name, value in quotes.items()}
    return MarketPath(jnp.asarray(times, jnp.result_type(float)), quotes, jnp.ones(len(times)))


def quantlib(kind, spot, vol, rate, dividend, left):
    growth, discount = np.exp(-dividend * left), np.exp(-rate * left)
    if kind == "forward":
        return spot * growth - STRIKE * discount
    side = ql.Option.Call if "call" in kind else ql.Option.Put
    payoff = ql.CashOrNothingPayoff(side, STRIKE, CASH) if "digital" in kind else ql.PlainVanillaPayoff(side, STRIKE)
    return ql.BlackCalculator(payoff, spot * growth / discount, vol * np.sqrt(left), discount).value()


@pytest.mark.parametrize("kind", EUROPEAN)
def test_prices_are_those_of_quantlib(kind):
    rng = np.random.default_rng(1)
    with jax.enable_x64(True):
        contract = EUROPEAN[kind]()
        ours = eqx.filter_jit(contract.price)
        for _ in range(20):
            spot, vol = rng.uniform(0.5, 1.8, 5), rng.uniform(0.05, 1.0, 5)
            rate, dividend = rng.uniform(-0.02, 0.1, 5), rng.uniform(0.0, 0.08, 5)
            price = np.asarray(ours(make(spot, vol, rate, dividend)))
            theirs = [quantlib(kind, *row) for row in zip(spot, vol, rate, dividend, EXPIRY - TIMES[:3], strict=False)]
            np.testing.assert_allclose(price[:3], theirs, atol=1e-12 if kind == "forward" else 1e-10)
            np.testing.assert_array_equal(price[3:], 0.0)


@pytest.mark.parametrize("kind", EUROPEAN)
def test_float32_prices_are_the_same_to_its_rounding(kind):
    spot, vol = np.array([0.5, 0.9, 1.0, 1.1, 1.8]), np.array([0.01, 0.1, 0.2, 0.5, 1.5])
    price = eqx.filter_jit(EUROPEAN[kind]().price)(make(spot, vol, 0.03, 0.01))
    theirs = [quantlib(kind, *row, 0.03, 0.01, left) for *row, left in zip(spot, vol, EXPIRY - TIMES[:3], strict=False)]
    np.testing.assert_allclose(price[:3], theirs, atol=2e-6)


@pytest.mark.parametrize(
    "kind, payoff",
    [
        ("call", lambda s: max(s - STRIKE, 0.0)),
        ("put", lambda s: max(STRIKE - s, 0.0)),
        ("digital call", lambda s: CASH * (s >= STRIKE)),
        ("digital put", lambda s: CASH * (s < STRIKE)),
        ("forward", lambda s: s - STRIKE),
    ],
)
@pytest.mark.parametrize("spot", [0.4, 1.05, 1.3])
def test_the_payoff_is_paid_once_at_expiry(kind, payoff, spot):
    final = np.float32([1.0, 1.2, 0.8, spot, 0.1])
    expected = [0.0, 0.0, 0.0, payoff(np.float32(spot)) if spot != STRIKE else payoff(STRIKE), 0.0]
    np.testing.assert_allclose(EUROPEAN[kind]().cashflows(make(final)), expected, atol=2e-7)


def test_parities_hold_at_every_point():
    path = make([0.9, 1.0, 1.1, 1.2, 1.0], 0.3, 0.05, 0.02)
    call, put, forward = (EUROPEAN[k]() for k in ("call", "put", "forward"))
    np.testing.assert_allclose(call.price(path) - put.price(path), forward.price(path), atol=2e-7)
    both = OPTIONS["digital call"]().price(path) + OPTIONS["digital put"]().price(path)
    discounted = CASH * np.exp(-0.05 * (EXPIRY - TIMES))
    np.testing.assert_allclose(both, np.where(TIMES < EXPIRY, discounted, 0.0), rtol=1e-6)
    paid = OPTIONS["digital call"]().cashflows(path) + OPTIONS["digital put"]().cashflows(path)
    assert paid.tolist() == [0, 0, 0, CASH, 0]


@pytest.mark.parametrize("kind", EUROPEAN)
@pytest.mark.parametrize(
    "times, pays_at",
    [
        ([0.0, 0.25, 0.5], None),  # the path ends before
        ([0.0, 0.5, 0.7, 0.8], 3),  # between two points: at the one after
        ([0.5, 0.75, 1.0], 1),
        ([0.75, 1.0], 0),  # a path that begins on the day
        ([0.9, 1.0, 1.1], None),  # and one that begins after it: the cash was paid then
        (np.arange(31) * (0.75 / 30), 30),  # the same date, computed in another way
    ],
)
def test_a_contract_pays_on_its_own_date_or_not_at_all(kind, times, pays_at):
    path, contract = make(0.01 if "put" in kind else 3.0, times=np.array(times)), EUROPEAN[kind]()
    cash, price, tradable = jax.jit(lambda p: (contract.cashflows(p), contract.price(p), contract.tradable(p)))(path)
    assert np.flatnonzero(cash).tolist() == ([] if pays_at is None else [pays_at])
    over = np.array(times) >= 0.75 - 1e-6
    assert (np.asarray(price)[over] == 0).all() and (np.asarray(price)[~over] != 0).all()
    np.testing.assert_array_equal(tradable, ~over)


def test_a_listed_option_outlives_the_path_at_its_own_maturity():
    option = i.EuropeanCall("A", 1.0, expiry=2.0, vol="A.vol.long")
    path = make([1.0, 1.1, 0.9, 1.0, 1.2])
    path = MarketPath(path.times, path.quotes | {"A.vol.long": jnp.full(5, 0.35)}, path.numeraire)
    theirs = ql.blackFormula(ql.Option.Call, 1.0, 1.2, 0.35 * np.sqrt(2.0 - 1.0))
    assert abs(float(option.price(path)[-1]) - theirs) < 1e-6
    assert not option.cashflows(path).any() and option.tradable(path).all()


def test_an_intraday_option_expires_on_its_minute():
    minute = 1 / (365 * 24 * 60)
    option = i.EuropeanCall("A", 1.0, expiry=60 * minute)
    path = make(1.5, times=np.arange(61) * minute)
    assert np.flatnonzero(option.cashflows(path)).tolist() == [60]
    assert (eqx.filter_jit(option.price)(path)[:60] > 0.49).all()


def test_spot_pays_its_dividend_in_cash():
    path = make([1.0, 1.1, 0.9, 1.2, 1.3], dividend=np.array([0.02, 0.03, 0.0, 0.05, 0.9]))
    expected = [0.0, *(path.quote("A")[1:] * np.expm1(np.array([0.02, 0.03, 0.0, 0.05]) * np.diff(TIMES)))]
    np.testing.assert_allclose(i.Spot("A").cashflows(path), expected, rtol=1e-5)
    assert not i.Spot("A").cashflows(make([1.0, 1.1, 0.9, 1.2, 1.3])).any()
    assert i.Spot("A").tradable(path).all()


@pytest.mark.parametrize("kind", OPTIONS)
def test_the_named_volatility_is_the_one_that_is_read(kind):
    path = make([0.9, 1.0, 1.1, 1.2, 1.0], 0.2)
    path = MarketPath(path.times, path.quotes | {"implied": jnp.full(5, 0.5)}, path.numeraire)
    np.testing.assert_array_equal(
        OPTIONS[kind](vol="implied").price(path), OPTIONS[kind]().price(make([0.9, 1.0, 1.1, 1.2, 1.0], 0.5))
    )
    with pytest.raises(UnknownQuote, match="did you mean 'implied'"):
        OPTIONS[kind](vol="implid").price(path)


@pytest.mark.parametrize("strike, expiry", [(-1.0, 1.0), (float("nan"), 1.0), (float("inf"), 1.0)])
def test_a_strike_below_zero_is_refused(strike, expiry):
    for cls in (i.EuropeanCall, i.EuropeanPut, i.Digital, i.Forward):
        with pytest.raises(ParameterError, match="strike must be 0 or more"):
            cls("A", strike, expiry)


@pytest.mark.parametrize("expiry", [0.0, -1.0, float("nan"), float("inf")])
def test_an_expiry_in_the_past_is_refused(expiry):
    for cls in (i.EuropeanCall, i.EuropeanPut, i.Digital, i.Forward):
        with pytest.raises(ParameterError, match="expiry must be years above 0"):
            cls("A", 1.0, expiry)


@pytest.mark.parametrize("kind", EUROPEAN)
def test_values_and_gradients_are_finite_everywhere(kind):
    contract = EUROPEAN[kind]()

    def value(quotes):
        path = MarketPath(jnp.asarray(TIMES, jnp.float32), quotes, jnp.ones(5))
        return contract.price(path) + contract.cashflows(path)

    corners = [make(spot, vol, 0.05, 0.01).quotes for spot in (1e-6, STRIKE, 50.0) for vol in (1e-6, 0.2, 5.0)]
    corners = jax.tree.map(lambda *x: jnp.stack(x), *corners)
    values, rows = jax.jit(jax.vmap(lambda q: (value(q), jax.jacfwd(value)(q))))(corners)
    assert jnp.isfinite(values).all()
    assert all(jnp.isfinite(row).all() for row in rows.values())


@pytest.mark.parametrize("kind", [i.EuropeanCall, i.EuropeanPut, i.Digital])
def test_an_option_settled_in_the_morning_pays_on_the_opening(kind):
    quotes = {"A": jnp.array([100.0, 104.0, 90.0]), "A.open": jnp.array([99.0, 101.0, 107.0])}
    path = MarketPath(jnp.array([0.0, 0.5, 1.0]), quotes | {"A.vol": jnp.full(3, 0.2)}, jnp.ones(3))
    morning, evening = kind("A", strike=100.0, expiry=1.0, fixing="A.open"), kind("A", strike=100.0, expiry=1.0)
    paid = {i.EuropeanCall: (7.0, 0.0), i.EuropeanPut: (0.0, 10.0), i.Digital: (1.0, 0.0)}[kind]
    assert (float(morning.cashflows(path)[-1]), float(evening.cashflows(path)[-1])) == paid
    assert morning.price(path).tolist() == evening.price(path).tolist()
    with pytest.raises(UnknownQuote, match=r"A\.opn"):
        kind("A", strike=100.0, expiry=1.0, fixing="A.opn").cashflows(path)
