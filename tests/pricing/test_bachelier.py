import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge.pricing import bachelier, black
from deephedge.pricing.greeks import sensitivity

PRICE = jax.jit(bachelier.price)
GRID = tuple(a.ravel() for a in np.meshgrid([-2.0, -0.5, 0.0, 0.01, 0.7, 3.0], [0.05, 0.3, 1.0, 20.0]))


@pytest.mark.parametrize("call", [True, False])
def test_prices_are_those_of_quantlib(call):
    forward, deviation = GRID
    kind = ql.Option.Call if call else ql.Option.Put
    theirs = [ql.bachelierBlackFormula(kind, 0.5, f, s) for f, s in zip(forward, deviation, strict=True)]
    with jax.enable_x64(True):
        ours = PRICE(forward, 0.5, deviation / 0.5, 0.25, call)
        np.testing.assert_allclose(ours, theirs, rtol=1e-10, atol=1e-12)


def test_derivatives_of_the_price_are_the_closed_forms():
    @jax.jit
    def pairs(*a):
        price = bachelier.price
        return [
            (sensitivity(price, 0)(*a), bachelier.delta(*a)),
            (sensitivity(price, 2)(*a), bachelier.vega(*a[:4])),
            (sensitivity(price, 0, 0)(*a), bachelier.gamma(*a[:4])),
        ]

    forward, deviation = GRID
    with jax.enable_x64(True):
        for call in (True, False):
            for found, formula in pairs(forward, 0.5, deviation / 0.5, 0.25, call):
                np.testing.assert_allclose(found, formula, rtol=1e-9, atol=1e-12)


def test_it_is_black_where_the_volatility_is_small():
    with jax.enable_x64(True):
        strike = jnp.linspace(99.9, 100.1, 5)
        lognormal = jax.jit(black.price)(100.0, strike, 1e-3)
        np.testing.assert_allclose(PRICE(100.0, strike, 0.1), lognormal, rtol=2e-3)


@jax.jit
def at_expiry(*a):
    closed = bachelier.gamma(*a[:4]), bachelier.vega(*a[:4])
    return bachelier.price(*a), bachelier.delta(*a), jax.grad(bachelier.price)(*a), *closed


@pytest.mark.parametrize(("forward", "call", "price", "delta"), [
    (0.6, True, 0.1, 1.0), (0.6, False, 0.0, 0.0), (0.5, True, 0.0, 0.5), (0.5, False, 0.0, -0.5),
    (-0.5, True, 0.0, 0.0), (-0.5, False, 1.0, -1.0),
])  # fmt: skip
@pytest.mark.parametrize(("vol", "tau"), [(0.2, 0.0), (0.2, -0.1), (0.0, 1.0)])
def test_at_expiry_it_is_the_payoff(forward, call, price, delta, vol, tau):
    found = at_expiry(forward, 0.5, vol, tau, call)
    np.testing.assert_allclose(found[0], price, atol=1e-7)
    assert [float(x) for x in found[1:]] == [delta, delta, 0.0, 0.0]


FUNCTIONS = [bachelier.price, bachelier.delta, bachelier.gamma, bachelier.vega]


@pytest.mark.parametrize("function", FUNCTIONS, ids=lambda f: f.__name__)
def test_values_and_two_derivatives_are_finite_everywhere(function):
    corners = itertools.product(
        [-100.0, 0.0, 1e-6, 0.5, 100.0], [0.0, 0.5], [0.0, 1e-6, 0.2, 5.0, 1e3], [-1.0, 0.0, 1e-6, 1 / 365, 10.0]
    )
    corners = [jnp.asarray(c, jnp.float32) for c in zip(*corners, strict=True)]
    wanted = ((), (0,), (1,), (2,), (3,), (0, 0), (0, 2))

    @jax.jit
    def everything(*a):
        reverse = jax.grad(lambda *b: jnp.sum(function(*b)), argnums=(0, 1, 2, 3))(*a)
        return [sensitivity(function, *w)(*a) for w in wanted], reverse

    forward, reverse = everything(*corners)
    for which, values in zip((*wanted, *"0123"), (*forward, *reverse), strict=True):
        assert bool(jnp.all(jnp.isfinite(values))), which


def test_never_below_the_intrinsic_value_in_float32():
    forward = jnp.linspace(-20.0, 20.0, 4001)
    for call in (True, False):
        price = PRICE(forward, 0.5, 1.0, 1.0, call)
        assert bool(jnp.all(price >= jnp.maximum((1 if call else -1) * (forward - 0.5), 0.0)))
