import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.pricing import american, american_formulas, black

# Longstaff and Schwartz (2001), table 1: by finite differences with 50 dates a year.
TABLE = {(36, 0.2, 1): 4.478, (36, 0.2, 2): 4.840, (40, 0.2, 1): 2.314, (44, 0.4, 2): 5.647, (40, 0.4, 1): 5.312}
STILL = ((0.9, 0.02, 0.06), (1.0, 0.05, 0.02), (0.5, 0.03, 0.3))  # spot, rate, dividend; ten years without randomness
EDGES = (
    (1e-6, 0.9, 1.0, 50.0),
    (0.0, 1e-3, 0.2, 3.0),
    (0.0, 1e-6, 1.0, 30.0),
    (-0.02, 0.0, 0.05),
    (0.0, 0.1),
    (0.0, 1.0),
)


@pytest.fixture(scope="module")
def found():
    """In float32: spot, vol, tau, rate, yield, side; then price, its derivative in all of them, and two formulas."""
    corners = np.stack([x.ravel() for x in np.meshgrid(*EDGES, indexing="ij")])
    table = np.array([(s / 40, v, t, 0.06, 0.0, 0.0) for s, v, t in TABLE]).T
    still = np.array([(s, 0.0, 10.0, r, q, 0.0) for s, r, q in STILL]).T
    terms = jnp.asarray(np.concatenate([corners, table, still], axis=1), jnp.float32)

    def all_of(*row):
        call = terms[5] > 0
        exact = jax.jvp(lambda s, *x: american.price(s, 1.0, *x, call), row, tuple(jnp.ones_like(x) for x in row))
        formulas = (american_formulas.barone_adesi_whaley, american_formulas.bjerksund_stensland)
        return *exact, *(formula(row[0], 1.0, *row[1:], call) for formula in formulas)

    return np.asarray(terms, float), [np.asarray(x, float) for x in jax.jit(all_of)(*terms[:5])]


def test_values_and_derivatives_are_finite_everywhere(found):
    assert all(np.isfinite(x).all() for x in found[1])


def test_an_american_option_is_worth_the_european_one_and_its_payoff_at_least(found):
    spot, vol, tau, rate, dividend, call = found[0]
    plain = black.price(spot * np.exp((rate - dividend) * tau), 1.0, vol, tau, call > 0) * np.exp(-rate * tau)
    floor = np.maximum(plain, np.maximum(np.where(call > 0, spot - 1.0, 1.0 - spot), 0.0))
    exact, _, *formulas = found[1]
    for value in (exact, *formulas):
        assert (value >= floor - 1e-5 * np.maximum(spot, 1.0)).all()
    waits = np.where(call > 0, (dividend <= 0) & (rate >= 0), (rate == 0) & (dividend >= 0)) & (vol > 0)
    np.testing.assert_allclose(exact[waits], floor[waits], atol=2e-5)
    # The trigger that does not move is one way of using the right: a lower bound.
    assert (formulas[1] <= exact + 1e-4 * np.maximum(spot, 1.0)).all()


def test_without_randomness_it_is_used_when_that_is_best(found):
    times = np.linspace(0.0, 10.0, 200_001)
    best = [np.max(np.exp(-r * times) - s * np.exp(-q * times)) for s, r, q in STILL]
    np.testing.assert_allclose(found[1][0][-len(STILL) :], np.maximum(best, 0.0), rtol=1e-5, atol=1e-6)


def test_the_published_prices(found):
    """Used at any time the right is worth a little more than at 50 dates a year."""
    ours = 40.0 * found[1][0][-len(STILL) - len(TABLE) : -len(STILL)]
    printed = np.array(list(TABLE.values()))
    assert (ours > printed - 1e-3).all() and (ours < printed * 1.005).all()
