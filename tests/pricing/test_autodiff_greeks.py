import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.pricing import black, greeks


def cubic(spot, strike, vol):
    return spot**3 * vol**2 - strike * spot


def test_derivatives_of_a_polynomial_are_exact_and_broadcast():
    spot, vol = jnp.array([[1.0], [2.0]]), jnp.array([0.5, 1.0, 3.0])
    np.testing.assert_allclose(greeks.delta(cubic)(spot, 2.0, vol), 3 * spot**2 * vol**2 - 2.0)
    np.testing.assert_allclose(greeks.gamma(cubic)(spot, 2.0, vol), 6 * spot * vol**2)
    np.testing.assert_allclose(greeks.vega(cubic)(spot, 2.0, vol), 2 * spot**3 * vol)
    np.testing.assert_allclose(greeks.sensitivity(cubic, 0, 2)(spot, 2.0, vol), 6 * spot**2 * vol)
    assert greeks.delta(cubic, argument=1)(spot, 2.0, vol).shape == (2, 3)


def test_whole_numbers_are_numbers():
    assert float(greeks.delta(cubic)(2, 1, 1)) == 11.0


def test_options_by_name_reach_the_pricing_function():
    np.testing.assert_allclose(
        greeks.delta(black.price)(100.0, 110.0, 0.2, 1.0, call=False), black.delta(100.0, 110.0, 0.2, 1.0, call=False)
    )


@pytest.mark.parametrize("order", [0, 1, 2, 3])
def test_any_order(order):
    expected = [cubic(2.0, 1.0, 1.0), 11.0, 12.0, 6.0][order]
    assert float(greeks.sensitivity(cubic, *[0] * order)(2.0, 1.0, 1.0)) == expected
