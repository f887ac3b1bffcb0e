import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.pricing import bachelier, black
from deephedge.pricing.implied import implied_normal_volatility, implied_volatility

PRICE = jax.jit(black.price)
IMPLIED = jax.jit(implied_volatility)
TOTALS = np.geomspace(1e-3, 8.0, 25)[:, None]
STRIKES = 100.0 * np.exp(np.linspace(-3.0, 3.0, 31))


def recovered(dtype, margin):
    """Total volatilities out of prices of options out of the money, where the price says anything about them."""
    strike, total = jnp.asarray(STRIKES, dtype), jnp.asarray(TOTALS, dtype)
    call = strike >= 100.0
    price = PRICE(dtype(100.0), strike, total, dtype(1.0), call)
    telling = (price > 1e-30) & (price < jnp.minimum(100.0, strike) * (1.0 - margin))
    implied = IMPLIED(price, dtype(100.0), strike, dtype(1.0), call)
    return np.asarray(implied / total)[np.asarray(telling)]


def test_inverts_black_in_both_precisions():
    ratio = recovered(jnp.float32, 1e-4)
    assert ratio.size > 300
    np.testing.assert_allclose(ratio, 1.0, atol=1e-4)
    with jax.enable_x64(True):
        np.testing.assert_allclose(recovered(jnp.float64, 1e-8), 1.0, atol=1e-9)


def test_in_the_money_what_the_price_still_knows():
    with jax.enable_x64(True):
        price = PRICE(100.0, 80.0, 0.3, 0.5, True)
        np.testing.assert_allclose(IMPLIED(price, 100.0, 80.0, 0.5, True), 0.3, rtol=1e-12)
        put = PRICE(100.0, 120.0, 0.3, 0.5, False)
        np.testing.assert_allclose(IMPLIED(put, 100.0, 120.0, 0.5, False), 0.3, rtol=1e-12)


def test_inverts_bachelier():
    strike, deviation = np.linspace(-60.0, 60.0, 41), np.geomspace(1e-2, 1e3, 25)[:, None]
    with jax.enable_x64(True):
        price = jax.jit(bachelier.price)(0.0, strike, deviation, 1.0, strike >= 0)
        implied = jax.jit(implied_normal_volatility)(price, 0.0, strike, 1.0, strike >= 0)
        telling = np.asarray(price) > 1e-30
        assert telling.sum() > 500
        np.testing.assert_allclose(np.asarray(implied / deviation)[telling], 1.0, rtol=1e-11)


@pytest.mark.parametrize(("price", "strike"), [(100.0, 100.0), (150.0, 100.0), (-1.0, 100.0), (9.0, 90.0)])
def test_no_volatility_gives_such_a_price(price, strike):
    assert np.isnan(float(IMPLIED(price, 100.0, strike, 1.0)))


@pytest.mark.parametrize("implied", [implied_volatility, implied_normal_volatility])
def test_intrinsic_value_and_no_time_left_give_zero(implied):
    implied = jax.jit(implied)
    assert float(implied(10.0, 100.0, 90.0, 1.0)) == 0.0
    assert float(implied(0.0, 100.0, 110.0, 1.0)) == 0.0
    assert float(implied(5.0, 100.0, 100.0, 0.0)) == 0.0


def test_derivatives_come_from_the_equation_solved():
    arguments = (3.0, 100.0, 105.0, 0.5)
    with jax.enable_x64(True):
        vol = IMPLIED(*arguments)
        vega, delta = black.vega(100.0, 105.0, vol, 0.5), black.delta(100.0, 105.0, vol, 0.5)
        by_price, by_forward = jax.grad(IMPLIED, argnums=(0, 1))(*arguments)
        np.testing.assert_allclose(by_price, 1.0 / vega, rtol=1e-12)
        np.testing.assert_allclose(by_forward, -delta / vega, rtol=1e-12)
        # d2(vol)/d(price)2 = -volga / vega^3, with volga = vega d1 d2 / vol
        total = vol * np.sqrt(0.5)
        d1 = np.log(100.0 / 105.0) / total + 0.5 * total
        second = jax.grad(jax.grad(IMPLIED))(*arguments)
        np.testing.assert_allclose(second, -d1 * (d1 - total) / vol / vega**2, rtol=1e-10)


@pytest.mark.parametrize("implied", [implied_volatility, implied_normal_volatility])
def test_gradients_are_finite_at_the_edges(implied):
    prices = jnp.array([0.0, 1e-30, 10.0, 10.0 + 1e-5, 99.0])
    strikes = jnp.array([110.0, 110.0, 90.0, 90.0, 100.0])
    gradient = jax.jit(jax.grad(lambda p, f, k, t: jnp.sum(implied(p, f, k, t)), argnums=(0, 1, 2, 3)))
    for tau in (0.0, 1e-6, 1.0):
        parts = gradient(prices, jnp.full(5, 100.0), strikes, jnp.asarray(tau))
        assert all(bool(jnp.all(jnp.isfinite(part))) for part in parts), tau


def deep_grid():
    """Forward 100, strikes to exp(6) of it both ways, total volatilities from 1e-4 to 8: prices by SciPy, out of the
    money, by the scaled complementary error function (Jaeckel 2015, equation 4.1), where they exceed 1e-290."""
    from scipy.special import erfcx

    away = np.concatenate([[0.0], np.geomspace(1e-6, 6.0, 30)])
    x, total = (axis.ravel() for axis in np.meshgrid(away, np.geomspace(1e-4, 8.0, 60)))
    h, t = -x / total, 0.5 * total
    with np.errstate(over="ignore", invalid="ignore"):
        value = erfcx(-(h + t) / np.sqrt(2.0)) - erfcx(-(h - t) / np.sqrt(2.0))
        value = np.where(h + t > 5.0, np.nan, 50.0 * np.exp(0.5 * x - 0.5 * (h * h + t * t)) * value)
    strike = np.where(np.arange(x.size) % 2 == 0, 100.0 * np.exp(x), 100.0 * np.exp(-x))
    price = value * np.where(strike >= 100.0, 1.0, np.exp(-x))
    telling = (price > 1e-290) & (price < np.minimum(100.0, strike) * (1 - 1e-6))
    return price[telling], strike[telling], total[telling]


def test_a_grid_to_the_deepest_wings():
    """The volatilities that made the prices come back, to 1e-10."""
    price, strike, total = deep_grid()
    with jax.enable_x64(True):
        found = np.asarray(IMPLIED(price, 100.0, strike, 1.0, strike >= 100.0))
    assert total.size > 1000 and price.min() < 1e-200
    np.testing.assert_allclose(found, total, atol=1e-10, rtol=1e-10)


def test_lets_be_rational_says_the_same():
    price, strike, _ = deep_grid()
    with jax.enable_x64(True):
        found = np.asarray(IMPLIED(price, 100.0, strike, 1.0, strike >= 100.0))
    rational = pytest.importorskip("py_lets_be_rational")
    invert = rational.implied_volatility_from_a_transformed_rational_guess
    rows = zip(price.tolist(), strike.tolist(), strict=True)
    theirs = [invert(p, 100.0, k, 1.0, 1.0 if k >= 100.0 else -1.0) for p, k in rows]
    np.testing.assert_allclose(found, theirs, atol=1e-10)


def test_quantlib_says_the_same_where_it_converges():
    """Its safe Newton method, within three standard deviations of the money."""
    import QuantLib as ql

    strike = 100.0 * np.exp(np.linspace(-1.0, 1.0, 21))
    total = np.geomspace(0.05, 1.5, 12)[:, None]
    with jax.enable_x64(True):
        price = np.asarray(PRICE(100.0, strike, total, 1.0, strike >= 100.0))
        found = np.asarray(IMPLIED(price, 100.0, strike, 1.0, strike >= 100.0))
    near = np.abs(np.log(strike / 100.0)) < 3.0 * total
    assert near.sum() > 100
    rows = (row[near].tolist() for row in (price, strike + 0.0 * total, found))
    for p, k, own in zip(*rows, strict=True):
        right = ql.Option.Call if k >= 100.0 else ql.Option.Put
        theirs = ql.blackFormulaImpliedStdDev(right, k, 100.0, p, 1.0, 0.0, ql.nullDouble(), 1e-13, 1000)
        assert theirs == pytest.approx(own, abs=1e-10)
