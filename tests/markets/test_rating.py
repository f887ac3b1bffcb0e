"""Ratings: transitions against a matrix exponential, joint moves against the bivariate normal, bonds, premia."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.linalg import expm
from scipy.special import ndtri
from scipy.stats import multivariate_normal

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import RatingMigration
from deephedge.pricing import migration

PATHS = 2**15
UNEVEN = dh.TimeGrid([0.0, 0.5, 0.75, 2.0])
TIMES = np.asarray(UNEVEN.times, float)
MADE_UP = np.array([[-0.2, 0.17, 0.02, 0.01], [0.1, -0.4, 0.22, 0.08], [0.03, 0.3, -0.73, 0.4], [0, 0, 0, 0]])
PREMIUM = np.array([2.0, 1.5, 1.2])
PRICED = MADE_UP * np.append(PREMIUM, 1.0)[:, None]
SHAPE = dict(rating=(0, 2), correlation=0.4, premium=PREMIUM, rate=0.03, tenors=(3,))
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


def pair(**changes) -> RatingMigration:
    return RatingMigration(("A", "B"), **({"generator": MADE_UP} | SHAPE | changes))


@pytest.fixture(scope="module")
def walked() -> dict[str, np.ndarray]:
    batch = dh.sample(pair(), UNEVEN, PATHS, key=jax.random.key(2), method="random")
    return {key: np.asarray(x, float) for key, x in batch.quotes.items()} | {"n": np.asarray(batch.numeraire, float)}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / max(values.std() / np.sqrt(len(values)), 1e-12)


def test_transition_probabilities_are_the_matrix_exponential():
    odds = jax.jit(migration.transition)(MADE_UP, np.array([0.0, 1 / 252, 1.0, 20.0]))
    for ours, tau in zip(odds, (0.0, 1 / 252, 1.0, 20.0), strict=True):
        np.testing.assert_allclose(ours, expm(MADE_UP * tau), rtol=2e-6, atol=1e-9)


def test_a_generator_of_a_matrix_keeps_what_it_should():
    yearly = expm(MADE_UP)
    found = migration.generator_of(yearly)
    np.testing.assert_allclose(found.sum(axis=1), 0.0, atol=1e-12)
    np.testing.assert_allclose(np.diagonal(found), np.log(np.diagonal(yearly)), rtol=1e-12)
    np.testing.assert_allclose(migration.generator_of(np.eye(2)), 0.0, atol=0.0)


def test_every_transition_of_a_name_has_its_probability(walked):
    for name, first in (("A", 0), ("B", 2)):
        place = walked[f"{name}.rating"]
        for n in (1, 3):
            law = expm(PRICED * TIMES[n])[first]
            for rating in range(4):
                assert errors(place[:, n] == rating, law[rating]) < 3.5
        law = expm(PRICED * (TIMES[3] - TIMES[1]))
        for before in range(3):
            for after in range(4):
                both = (place[:, 1] == before) * 1.0 * ((place[:, 3] == after) - law[before, after])
                assert errors(both, 0.0) < 4.0
        assert (place[place[:, 1] == 3, 3] == 3).all()
        np.testing.assert_array_equal(walked[f"{name}.alive"], place < 3)


def test_two_names_move_together_as_the_copula_says(walked):
    step = expm(PRICED * TIMES[1])
    joint = multivariate_normal([0.0, 0.0], [[1.0, 0.4], [0.4, 1.0]])
    for ours, theirs in ((1, 3), (3, 3)):
        edges = [ndtri(step[0, ours:].sum()), ndtri(step[2, theirs:].sum())]
        both = (walked["A.rating"][:, 1] >= ours) & (walked["B.rating"][:, 1] >= theirs)
        assert errors(both, joint.cdf(edges)) < 3.5
    rows = np.stack(list(pair().drivers().values()))
    np.testing.assert_allclose(rows @ rows.T, [[1.0, 0.4], [0.4, 1.0]], rtol=1e-6)


def test_bonds_are_martingales_and_spreads_those_of_the_rating(walked):
    market = pair()
    for name, first in (("A", 0), ("B", 2)):
        today = np.exp(-0.09) * (0.4 + 0.6 * (1.0 - expm(PRICED * 3.0)[first, 3]))
        for n in (0, 2, 3):
            price = np.asarray(bond(market, walked[f"{name}.rating"][:, n], 3.0 - TIMES[n]), float)
            assert errors(price / walked["n"][:, n] - today, 0.0) < 3.5 or (n == 0 and abs(price[0] - today) < 1e-6)
    spreads = -np.log(0.4 + 0.6 * (1.0 - expm(PRICED * 3.0)[:, 3])) / 3.0
    expected = spreads[walked["A.rating"].astype(int)]
    np.testing.assert_allclose(walked["A.spread.3y"], expected, rtol=2e-5)


def test_protection_on_a_rated_name_is_a_martingale():
    """A swap reads the survival of the rating that a name has; flat hazards between quoted tenors cost little."""
    market = pair(tenors=(0.25, 0.5, 0.75, 1.0, 1.5, 2.0), rate=0.03)
    grid, swap = dh.TimeGrid.uniform(maturity=2.0, steps=16), dh.instruments.Cds("B", 0.05, 2.0)
    paths = dh.sample(market, grid, 2**15, key=jax.random.key(4), method="random")
    price, cash = (np.asarray(x, float) for x in (jax.vmap(swap.price)(paths), jax.vmap(swap.cashflows)(paths)))
    assert np.isfinite(price).all() and (np.asarray(paths.quotes["B.alive"])[:, -1] == 0).any()
    value = price / np.asarray(paths.numeraire) + np.cumsum(cash / np.asarray(paths.numeraire), 1)
    for point in (4, 8, 16):
        moved = value[:, point] - value[:, 0]
        assert abs(moved.mean()) < 3.5 * moved.std() / 2**7.5 + 2e-4, point
    # On the real world's odds protection would look cheap or dear: the law can fail.
    other = dh.sample(
        pair(tenors=market.tenors, rate=0.03, real_world=True), grid, 2**15, key=jax.random.key(4), method="random"
    )
    earned = np.asarray(jnp.sum(jax.vmap(swap.cashflows)(other) / other.numeraire, 1), float) - price[0, 0]
    assert abs(earned.mean()) > 6 * earned.std() / 2**7.5


def test_the_real_world_moves_without_premia():
    market = pair(real_world=True)
    assert not market.martingale and pair().martingale
    batch = dh.sample(market, UNEVEN, PATHS, key=jax.random.key(3), method="random")
    place = np.asarray(batch.quotes["B.rating"], float)[:, -1]
    assert errors(place == 3, expm(MADE_UP * 2.0)[2, 3]) < 3.5
    assert errors(place == 3, expm(PRICED * 2.0)[2, 3]) > 5.0  # and the test can tell


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"generator": -MADE_UP}, "generator must be 0 or more"),
        ({"generator": MADE_UP + np.eye(4)}, "rows that sum to 0"),
        ({"generator": MADE_UP[::-1, ::-1]}, "last row"),
        ({"correlation": -0.1}, "correlation"),
        ({"premium": (1.0, 2.0)}, "premium needs"),
        ({"premium": 0.0}, "premium must be positive"),
        ({"rating": (0,)}, "rating needs one"),
        ({"rating": (0, 4)}, "rating must lie"),
        ({"recovery": 0.0}, "recovery"),
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        pair(**wrong)
