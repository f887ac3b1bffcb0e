"""Random intensities: today's curve, joint moments, default given the path, options on bonds, convergence."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.special import ndtri
from scipy.stats import multivariate_normal

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import CirIntensity
from deephedge.pricing import cir, hazard

PATHS = 2**16
UNEVEN = dh.TimeGrid([0.0, 0.25, 0.5, 1.0, 1.5, 2.0])
TIMES = np.asarray(UNEVEN.times, float)
CURVE = np.array([[0.5, 2.0, 10.0], [0.06, 0.10, 0.09]])
CIR = dict(start=0.04, mean_reversion=0.5, level=0.07, vol=0.15)
follow = eqx.filter_jit(lambda market, shocks: jax.vmap(lambda one: market.path(UNEVEN, one))(shocks))
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


def square_root(**changes) -> CirIntensity:
    return CirIntensity("ACME", **({"hazards": CURVE, "rate": 0.03, "tenors": (3,)} | CIR | changes))


def normals(seed: int) -> jax.Array:
    return jax.random.normal(jax.random.key(seed), (PATHS, 5, 2))


@pytest.fixture(scope="module")
def walked() -> dict[str, np.ndarray]:
    batch = follow(square_root(), normals(1))
    return {key[5:]: np.asarray(x, float) for key, x in batch.quotes.items()} | {"n": np.asarray(batch.numeraire)}


def errors(values: np.ndarray, expected) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def test_the_curve_of_today_is_met(walked):
    odds = np.asarray(hazard.survival(*CURVE, TIMES))
    for n in range(1, 6):
        assert errors(walked["alive"][:, n], odds[n]) < 3.5
        assert errors(np.exp(-walked["compensator"][:, n]), odds[n]) < 3.5
    three = float(hazard.survival(*CURVE, 3.0))
    np.testing.assert_allclose(walked["survival.3y"][:, 0], three, rtol=1e-5)
    np.testing.assert_allclose(walked["spread.3y"][:, 0], -np.log(0.4 + 0.6 * three) / 3, rtol=1e-5)
    np.testing.assert_allclose(walked["intensity"][:, 0], CURVE[1, 0], rtol=1e-5)


def test_the_intensity_has_its_joint_moments(walked):
    x = walked["intensity"] - np.asarray(square_root().shift(TIMES))
    kappa, theta, sigma = CIR["mean_reversion"], CIR["level"], CIR["vol"]
    decay = np.exp(-kappa * TIMES)
    mean = theta + (CIR["start"] - theta) * decay
    spread = sigma**2 / kappa * (1 - decay) * (CIR["start"] * decay + 0.5 * theta * (1 - decay))
    for early, late in ((1, 1), (1, 3), (3, 5)):
        assert errors(x[:, late], mean[late]) < 3.5
        joint = (x[:, early] - mean[early]) * (x[:, late] - mean[late])
        assert errors(joint, spread[early] * decay[late] / decay[early]) < 4.0


def test_default_comes_at_the_rate_of_the_path_and_stays(walked):
    alive = walked["alive"]
    assert set(np.unique(alive)) == {0.0, 1.0} and (np.diff(alive, axis=1) <= 0).all()
    odds = np.exp(-np.diff(walked["compensator"], axis=1))
    for n in (0, 2, 4):
        surprise = alive[:, n + 1] - alive[:, n] * odds[:, n]
        for bet in (1.0, walked["intensity"][:, n + 1] > np.median(walked["intensity"][:, n + 1])):
            assert errors(surprise * bet, 0.0) < 3.5


def test_bonds_and_options_on_them_are_those_of_the_closed_form(walked):
    market = square_root()
    price = np.asarray(bond(market, walked["intensity"][:, 3], walked["alive"][:, 3], TIMES[3], 4.0), float)
    today = float(bond(market, CURVE[1, 0], 1.0, 0.0, 5.0))
    np.testing.assert_allclose(today, np.exp(-0.15) * (0.4 + 0.6 * hazard.survival(*CURVE, 5.0)), rtol=1e-5)
    assert errors(price / walked["n"][:, 3], today) < 3.0
    # A call on the part that default takes: of a square-root bond, whose strike and size carry the shift.
    taken = np.asarray(market.survival(walked["intensity"][:, 3], TIMES[3], 4.0), float)
    terms = (CIR["mean_reversion"], CIR["level"], CIR["vol"])
    shifted = [float(hazard.survival(*CURVE, t) / cir.discount(CIR["start"], t, *terms)) for t in (1.0, 5.0)]
    for strike in (0.66, 0.70):
        size = shifted[1] / shifted[0]
        option = shifted[0] * size * cir.bond_option(CIR["start"], strike / size, 1.0, 4.0, *terms)
        assert errors(walked["alive"][:, 3] * np.maximum(taken - strike, 0.0), float(option)) < 3.0


def test_without_volatility_default_is_that_of_the_curve():
    batch = follow(square_root(start=0.05, level=0.05, vol=1e-3), normals(2))
    rate = hazard.hazard(*CURVE, TIMES)
    np.testing.assert_allclose(batch.quotes["ACME.intensity"][:99], np.broadcast_to(rate, (99, 6)), atol=3e-3)
    came = 1.0 - np.asarray(batch.quotes["ACME.alive"], float)
    expected = -np.diff(np.asarray(hazard.survival(*CURVE, TIMES), float))
    for n in range(5):
        assert errors(came[:, n + 1] - came[:, n], expected[n]) < 3.5


def test_two_names_move_and_default_together_through_their_drivers():
    root = np.linalg.cholesky([[1.0, 0.7], [0.7, 1.0]])
    market, a, b = square_root(), normals(3), normals(4)
    rows = jnp.stack([market.drivers()["ACME"], market.drivers()["ACME.default"]])
    mixed = (root[1, 0] * a @ rows.T + root[1, 1] * b @ rows.T) @ rows
    one, other = (follow(market, z).quotes for z in (a, mixed))
    moves = [np.asarray(quotes["ACME.intensity"], float)[:, 1] for quotes in (one, other)]
    assert 0.65 < np.corrcoef(moves)[0, 1] < 0.71  # of nearly normal steps
    edge = ndtri(-np.expm1(np.asarray(hazard.log_survival(*CURVE, 0.25), float)))
    together = multivariate_normal([0.0, 0.0], [[1.0, 0.7], [0.7, 1.0]]).cdf([edge, edge])
    both = (one["ACME.alive"][:, 1] == 0) & (other["ACME.alive"][:, 1] == 0)
    assert errors(np.asarray(both, float), together) < 3.5


@pytest.mark.parametrize(
    ("wrong", "words"),
    [
        ({"start": -0.01}, "start"),
        ({"mean_reversion": 0.0}, "mean_reversion"),
        ({"vol": np.inf}, "vol"),
        ({"level": 0.3}, "shift .* negative: lower start or level"),
        ({"recovery": 1.0}, "recovery"),
        ({"tenors": (0,)}, "tenors"),
        ({"hazards": ((2, 1), (0.1, 0.1))}, "hazards"),
        ({"hazards": ((1, 2), (0.1, -0.1))}, "hazards"),
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong, words):
    with pytest.raises(ParameterError, match=words):
        square_root(**wrong)
