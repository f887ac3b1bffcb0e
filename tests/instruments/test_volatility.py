import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.integrate import solve_ivp

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, UnknownQuote

TIMES = np.array([0.0, 0.1, 0.3, 0.6, 1.0, 1.2])


def make(variance, realised, rate=0.0, spot=1.0, vol=0.2):
    quotes = {"A": spot, "A.vol": vol, "A.variance": variance, "A.realised_variance": realised, "rate": rate}
    quotes = {name: jnp.asarray(np.ones(6) * value, jnp.result_type(float)) for name, value in quotes.items()}
    return MarketPath(jnp.asarray(TIMES, jnp.result_type(float)), quotes, jnp.ones(6))


@pytest.mark.parametrize("alpha, b", [(1.0, 0.04), (1e-9, 0.04), (0.0, 0.04), (30.0, 0.09)])
def test_the_idealised_swap_is_the_integral_of_expected_variance(alpha, b):
    variance, realised = np.array([0.04, 0.09, 0.0, 1.0, 0.02, 0.5]), np.linspace(0.0, 0.06, 6)
    with jax.enable_x64(True):
        swap = i.VarianceSwap("A", expiry=1.0, mean_reversion=alpha, long_variance=b, notional=100.0)
        path = make(variance, realised, 0.05)
        price, cash = np.asarray(swap.price(path)), np.asarray(swap.cashflows(path))
    for k in range(4):
        ode = solve_ivp(
            lambda t, y: [alpha * (b - y[0]), y[0]], (TIMES[k], 1.0), [variance[k], 0.0], rtol=1e-11, atol=1e-13
        )
        expected = 100.0 * np.exp(-0.05 * (1.0 - TIMES[k])) * (realised[k] + ode.y[1, -1])
        assert abs(price[k] - expected) < 1e-8
    assert price[4:].tolist() == [0.0, 0.0]
    np.testing.assert_allclose(cash, [0, 0, 0, 0, 100 * realised[4], 0], atol=1e-12)


def test_the_quoted_swap_accrues_squared_returns_and_marks_the_rest():
    spot, vol = np.array([1.0, 1.1, 0.9, 0.95, 1.2, 1.0]), np.array([0.2, 0.3, 0.4, 0.5, 0.6, 0.7])
    with jax.enable_x64(True):
        path = make(0.0, 0.0, 0.03, spot, vol)
        swap = i.QuotedVarianceSwap("A", expiry=1.0, notional=10.0)
        price, cash = np.asarray(swap.price(path)), np.asarray(swap.cashflows(path))
    for k in range(4):
        accrued = sum(np.log(spot[j] / spot[j - 1]) ** 2 for j in range(1, k + 1))
        expected = 10.0 * np.exp(-0.03 * (1 - TIMES[k])) * (accrued + vol[k] ** 2 * (1 - TIMES[k]))
        assert abs(price[k] - expected) < 1e-12
    assert abs(cash[4] - 10 * sum(np.log(spot[j] / spot[j - 1]) ** 2 for j in range(1, 5))) < 1e-12
    assert np.flatnonzero(cash).tolist() == [4] and not price[4:].any()


def test_swaps_are_tradable_until_they_expire():
    path = make(0.04, 0.0)
    for swap in (i.VarianceSwap("A", 1.0, 1.0, 0.04), i.QuotedVarianceSwap("A", 1.0)):
        assert swap.tradable(path).tolist() == [True, True, True, True, False, False]


def test_parameters_and_quotes_are_checked():
    for make_one, says in (
        (lambda: i.VarianceSwap("A", 0.0, 1.0, 0.04), "expiry"),
        (lambda: i.VarianceSwap("A", 1.0, -1.0, 0.04), "mean_reversion"),
        (lambda: i.VarianceSwap("A", 1.0, 1.0, -0.04), "long_variance"),
        (lambda: i.QuotedVarianceSwap("A", -1.0), "expiry"),
    ):
        with pytest.raises(ParameterError, match=says):
            make_one()
    with pytest.raises(UnknownQuote, match=r"B\.variance"):
        i.VarianceSwap("B", 1.0, 1.0, 0.04).price(make(0.04, 0.0))
