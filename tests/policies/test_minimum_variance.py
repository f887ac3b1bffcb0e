"""The minimum-variance delta against SciPy, and its fit against worlds whose coefficients are known."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge import policies as p
from deephedge.core.errors import DataError, ParameterError

TRUE = (-0.25, 0.4, -0.5)


def black_scholes(x, left, vol, dividend=0.0, carry=0.0, kind="call"):
    """(price, delta, vega / (S sqrt tau)) over the strike, in SciPy."""
    total = vol * np.sqrt(left)
    d1 = (x + carry * left) / total + total / 2
    side = 1 if kind == "call" else -1
    forward, discount = np.exp(x + carry * left), np.exp(-(carry + dividend) * left)
    price = discount * side * (forward * norm.cdf(side * d1) - norm.cdf(side * (d1 - total)))
    yielded = np.exp(-dividend * left)
    return price, yielded * (norm.cdf(d1) - (side < 0)), yielded * norm.pdf(d1)


@pytest.mark.parametrize("kind", ["call", "put"])
def test_delta(kind):
    x, left, vol, carry, dividend = 0.03, 0.4, 0.25, 0.03, 0.02
    policy = p.MinimumVarianceDelta(TRUE, kind=kind, units=2.0, carry=carry, dividend=dividend)
    encoded = policy.encode({"log_moneyness": jnp.array(x), "time_left": jnp.array(left), "vol": jnp.array(vol)})
    _, delta, vega = black_scholes(x, left, vol, dividend, carry, kind)
    expected = 2 * (delta + vega * np.polyval(TRUE[::-1], delta))
    np.testing.assert_allclose(policy(encoded, jnp.zeros(2), None)[0], [expected, 0.0], rtol=1e-5)


def world(coefficients, noise=0.0, paths=400, steps=20, left=0.1, fraction=1e-3):
    """Paths on which volatility answers the spot as Hull and White say: dvol sqrt(tau) = (a + b d + c d^2) dS / S."""
    rng = np.random.default_rng(0)
    x, vol = np.empty((2, paths, steps + 1))
    x[:, 0], vol[:, 0] = rng.uniform(-0.15, 0.15, paths), rng.uniform(0.15, 0.3, paths)
    years = np.broadcast_to(np.linspace(left, left * (1 - fraction), steps + 1), x.shape)
    dt = fraction * left / steps
    for k in range(steps):
        move = vol[:, k] * np.sqrt(dt) * rng.standard_normal(paths)
        _, delta, _ = black_scholes(x[:, k], years[:, k], vol[:, k])
        answer = np.polyval(coefficients[::-1], delta) * np.expm1(move) / np.sqrt(years[:, k])
        x[:, k + 1] = x[:, k] + move
        vol[:, k + 1] = vol[:, k] + answer + noise * rng.standard_normal(paths)
    return {"log_moneyness": x, "time_left": years.copy(), "vol": vol}


def test_fit_finds_the_answer_of_volatility_to_spot():
    with jax.enable_x64(True):
        fitted = p.MinimumVarianceDelta().fitted(world(TRUE))
        np.testing.assert_allclose(fitted.coefficients, TRUE, atol=0.02)


def test_fit_finds_nothing_where_volatility_stands_still():
    fitted = p.MinimumVarianceDelta().fitted(world((0.0, 0.0, 0.0), fraction=0.2))
    seen = {"log_moneyness": jnp.array(0.0), "time_left": jnp.array(0.1), "vol": jnp.array(0.2)}
    np.testing.assert_allclose(fitted.encode(seen), p.BlackScholesDelta().encode(seen), atol=0.02)


def test_fit_is_least_squares_in_numpy():
    """The regression of Hull and White (2017) written out, where noise keeps it from being exact."""
    seen = world(TRUE, noise=0.01, fraction=0.5)
    price, delta, vega = black_scholes(*seen.values())
    move = np.diff(np.exp(seen["log_moneyness"]))
    missed = np.diff(price) - delta[:, :-1] * move
    columns = np.stack([(vega * delta**k)[:, :-1] * move for k in range(3)], -1)
    expected = np.linalg.lstsq(columns.reshape(-1, 3), missed.ravel(), rcond=None)[0]
    with jax.enable_x64(True):
        fitted = p.MinimumVarianceDelta().fitted(seen)
        np.testing.assert_allclose(fitted.coefficients, expected, rtol=1e-6)
    single = p.MinimumVarianceDelta().fitted({name: jnp.asarray(x, "f") for name, x in seen.items()})
    np.testing.assert_allclose(single.coefficients, expected, atol=1e-3)


def test_fitted_delta_leaves_less_variance():
    """Where volatility falls as the spot rises, on paths that it was not fitted to."""
    training, test = (world(TRUE, noise=0.002, fraction=0.5, left=left) for left in (0.1, 0.12))
    with jax.enable_x64(True):
        policies = {"plain": p.BlackScholesDelta(), "fitted": p.MinimumVarianceDelta().fitted(training)}
        price, _, _ = black_scholes(*test.values())
        spread = {}
        for name, policy in policies.items():
            delta = jax.vmap(jax.vmap(policy.encode))({key: jnp.asarray(x) for key, x in test.items()})
            spread[name] = np.std(np.diff(price) - np.asarray(delta)[:, :-1] * np.diff(np.exp(test["log_moneyness"])))
    assert spread["fitted"] < 0.8 * spread["plain"]


def test_what_it_refuses():
    with pytest.raises(ParameterError, match=r"three numbers \(a, b, c\)"):
        p.MinimumVarianceDelta((1.0, 2.0))
    seen = {name: jnp.asarray(x, "f") for name, x in world(TRUE, paths=4).items()}
    with pytest.raises(DataError, match=r"'vol' must have the axes \(path, points\), had shape \(4,\)"):
        p.MinimumVarianceDelta().fitted(seen | {"vol": jnp.ones(4)})
    with pytest.raises(DataError, match="finite"):
        p.MinimumVarianceDelta().fitted(seen | {"vol": seen["vol"].at[0, 0].set(jnp.nan)})
    with pytest.raises(DataError, match="move too little"):
        p.MinimumVarianceDelta().fitted(seen | {"log_moneyness": jnp.zeros((4, 21))})
