import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql
from scipy.special import erfcx

from deephedge.pricing import black
from deephedge.pricing.greeks import sensitivity

PRICE = jax.jit(black.price)
FORWARDS = np.array([60.0, 90.0, 99.9, 100.0, 100.1, 115.0, 160.0])
TOTALS = np.array([1e-3, 0.02, 0.06, 0.2, 0.7, 1.1, 2.5, 5.0])
GRID = tuple(a.ravel() for a in np.meshgrid(FORWARDS, TOTALS, indexing="ij"))


def time_value(forward, strike, total):
    """The option out of the money, by scaled complementary error functions: no cancellation, in float64."""
    h, t = -np.abs(np.log1p((forward - strike) / strike)) / total, 0.5 * total
    scaled = erfcx(-(h + t) / np.sqrt(2)) - erfcx(-(h - t) / np.sqrt(2))
    return 0.5 * np.sqrt(forward * strike) * np.exp(-0.5 * (h * h + t * t)) * scaled


@pytest.mark.parametrize("call", [True, False])
def test_prices_are_those_of_quantlib(call):
    kind = ql.Option.Call if call else ql.Option.Put
    forward, total = GRID
    theirs = [ql.blackFormula(kind, 100.0, f, s) for f, s in zip(forward, total, strict=True)]
    with jax.enable_x64(True):
        np.testing.assert_allclose(PRICE(forward, 100.0, total, 1.0, call), theirs, rtol=1e-10, atol=1e-11)
        np.testing.assert_allclose(PRICE(forward, 100.0, total / 0.5, 0.25, call), theirs, rtol=1e-10, atol=1e-11)


@pytest.mark.parametrize("call", [True, False])
def test_sensitivities_are_those_of_quantlib(call):
    tau, vol, rate, dividend = 0.5, 0.3, 0.05, 0.02
    for spot in (70.0, 100.0, 104.0, 150.0):
        forward, discount = spot * np.exp((rate - dividend) * tau), np.exp(-rate * tau)
        payoff = ql.PlainVanillaPayoff(ql.Option.Call if call else ql.Option.Put, 100.0)
        their = ql.BlackCalculator(payoff, forward, vol * np.sqrt(tau), discount)
        with jax.enable_x64(True):
            arguments = (forward, 100.0, vol, tau)
            ours = black.spot_delta(spot, *arguments, call, discount)
            np.testing.assert_allclose(ours, their.delta(spot), rtol=1e-12)
            np.testing.assert_allclose(discount * black.delta(*arguments, call), their.deltaForward(), rtol=1e-12)
            np.testing.assert_allclose(discount * black.gamma(*arguments), their.gammaForward(), rtol=1e-12)
            np.testing.assert_allclose(discount * black.vega(*arguments), their.vega(tau), rtol=1e-12)
            cash = ql.CashOrNothingPayoff(payoff.optionType(), 100.0, 1.0)
            digital = ql.BlackCalculator(cash, forward, vol * np.sqrt(tau), discount).value()
            np.testing.assert_allclose(discount * black.digital(*arguments, call), digital, rtol=1e-12)


@pytest.mark.parametrize("total", [5e-8, 1e-6, 1e-4, 0.01, 0.06, 0.3, 0.99, 1.01, 3.0])
def test_float32_keeps_the_time_value(total):
    distance = np.array([-3.0, -1.0, -0.2, 0.0, 0.2, 1.0, 3.0])
    strike = (100.0 * np.exp(distance * total)).astype(np.float32)
    ours = PRICE(np.float32(100.0), strike, np.float32(total), np.float32(1.0), strike >= 100.0)
    theirs = time_value(100.0, strike.astype(float), float(np.float32(total)))
    assert ours.dtype == jnp.float32
    np.testing.assert_allclose(ours[2:5], theirs[2:5], rtol=5e-7)
    np.testing.assert_allclose(ours, theirs, rtol=4e-5)


def test_derivatives_of_the_price_are_the_closed_forms():
    @jax.jit
    def pairs(*a):
        price, sign = black.price, jnp.where(a[4], 1.0, -1.0)
        return [
            (sensitivity(price, 0)(*a), black.delta(*a)),
            (sensitivity(price, 1)(*a), -sign * black.digital(*a)),
            (sensitivity(price, 2)(*a), black.vega(*a[:4])),
            (sensitivity(price, 0, 0)(*a), black.gamma(*a[:4])),
        ]

    forward, total = GRID
    with jax.enable_x64(True):
        for call in (True, False):
            for found, formula in pairs(forward, 100.0, total / 0.5, 0.25, call):
                np.testing.assert_allclose(found, formula, rtol=1e-12, atol=1e-14)


def test_gamma_is_the_slope_of_delta_on_the_strike_itself():
    slope = jax.jit(sensitivity(black.price, 0, 0))(100.0, 100.0, 0.2, 30 / 365)
    np.testing.assert_allclose(slope, black.gamma(100.0, 100.0, 0.2, 30 / 365), rtol=1e-6)


@jax.jit
def at_expiry(*a):
    closed = black.gamma(*a[:4]), black.vega(*a[:4])
    return black.price(*a), black.delta(*a), jax.grad(black.price)(*a), black.digital(*a), *closed


@pytest.mark.parametrize(("forward", "call", "price", "delta"), [
    (110.0, True, 10.0, 1.0), (110.0, False, 0.0, 0.0), (100.0, True, 0.0, 0.5), (100.0, False, 0.0, -0.5),
    (90.0, True, 0.0, 0.0), (90.0, False, 10.0, -1.0),
])  # fmt: skip
@pytest.mark.parametrize(("vol", "tau"), [(0.2, 0.0), (0.2, -0.1), (0.0, 1.0), (0.0, 0.0)])
def test_at_expiry_it_is_the_payoff(forward, call, price, delta, vol, tau):
    assert [float(x) for x in at_expiry(forward, 100.0, vol, tau, call)] == [price, delta, delta, abs(delta), 0.0, 0.0]


FUNCTIONS = [black.price, black.delta, black.gamma, black.vega, black.digital]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_and_two_derivatives_are_finite_everywhere(function):
    corners = itertools.product(
        [0.0, 1e-3, 50.0, 100.0, np.nextafter(np.float32(100.0), 200, dtype=np.float32), 1e5],
        [0.0, 100.0], [0.0, 1e-6, 0.2, 5.0], [-1.0, 0.0, 1e-9, 1 / 365, 10.0],
    )  # fmt: skip
    corners = [jnp.asarray(c, jnp.float32) for c in zip(*corners, strict=True)]
    wanted = ((), (0,), (1,), (2,), (3,), (0, 0), (0, 2), (2, 2))

    @jax.jit
    def everything(*a):
        reverse = jax.grad(lambda *b: jnp.sum(function(*b)), argnums=(0, 1, 2, 3))(*a)
        return [sensitivity(function, *w)(*a) for w in wanted], reverse

    forward, reverse = everything(*corners)
    for which, values in zip((*wanted, *"0123"), (*forward, *reverse), strict=True):
        assert bool(jnp.all(jnp.isfinite(values))), which


def test_a_strike_of_nothing_and_a_forward_of_nothing():
    assert float(PRICE(100.0, 0.0, 0.2, 1.0, True)) == 100.0
    assert float(PRICE(0.0, 100.0, 0.2, 1.0, True)) == 0.0
    assert float(PRICE(0.0, 100.0, 0.2, 1.0, False)) == 100.0


def test_put_call_parity_and_monotone_in_volatility():
    forward, total = GRID
    with jax.enable_x64(True):
        call, put = (PRICE(forward, 100.0, total, 1.0, kind) for kind in (True, False))
        np.testing.assert_allclose(call - put, forward - 100.0, atol=1e-12)
        assert bool(jnp.all(jnp.diff(call.reshape(7, 8), axis=1) >= 0))


def test_arguments_broadcast_and_flags_may_be_arrays():
    price = PRICE(jnp.full((3, 1), 100.0), jnp.array([90.0, 110.0]), 0.2, 1.0, jnp.array([True, False]))
    assert price.shape == (3, 2)
    np.testing.assert_allclose(price[0, 0], PRICE(100.0, 90.0, 0.2, 1.0, True), rtol=1e-6)
    np.testing.assert_allclose(price[0, 1], PRICE(100.0, 110.0, 0.2, 1.0, False), rtol=1e-6)


def test_numbers_of_python_do_not_decide_the_precision():
    with jax.enable_x64(True):
        assert jax.eval_shape(black.price, jnp.float32(100.0), 100.0, 0.2, 1.0).dtype == jnp.float32
        assert jax.eval_shape(black.delta, jnp.float64(100.0), 100, 0.2, 1).dtype == jnp.float64
