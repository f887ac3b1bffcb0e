"""Nelson and Siegel without arbitrage: the bond's recursion, the law of the factors, and options on coupon bonds."""

from functools import lru_cache, partial

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import GridError, ParameterError
from deephedge.markets import NelsonSiegel
from deephedge.pricing import g2, hullwhite
from deephedge.pricing import nelson_siegel as formulas

PATHS, MONTHS = 2**15, 60
START, LEVEL, DECAY, VOL = (-0.0312, 0.0384, 0.0688), (0.0, 0.0633, 0.0766), 0.0233, (0.0027, 0.0045, 0.0070)
CORRELATION = np.array([[1, -0.6303, -0.4097], [-0.6303, 1, 0.2993], [-0.4097, 0.2993, 1]])
REAL = np.array([[0.0075, 0, 0], [0, 0.0288, -0.0233], [0, 0, 0.0354]]), np.array([0, 0.0301, 0.0505])
GRID = dh.TimeGrid.uniform(maturity=5.0, steps=MONTHS)
PULL = DECAY * np.array([[0, 0, 0], [0, 1, -1], [0, 0, 1.0]])
NOISE = CORRELATION * np.outer(VOL, VOL)
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


def market(*real: np.ndarray) -> NelsonSiegel:
    return NelsonSiegel(START, DECAY, LEVEL, VOL, CORRELATION, *real, tenors=(1, 10))


@lru_cache
def simulated(real: bool) -> tuple[np.ndarray, np.ndarray]:
    """Factors and money account of many paths."""
    path = dh.sample(market(*REAL) if real else market(), GRID, PATHS, key=jax.random.key(3), method="random")
    state = np.stack([path.quotes[f"USD.{name}"] for name in ("level", "slope", "curvature")], -1)
    return np.asarray(state, float), np.asarray(path.numeraire, float)


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def log_bond(steps: int, state: np.ndarray) -> float:
    """From the law of the sum of short rates: minus its mean plus half its variance; no recursion of bonds."""
    keep, mean, total, response, variance = np.eye(3) - PULL, np.array(state), 0.0, np.zeros(3), 0.0
    rate = np.array([1.0, 1.0, 0.0])
    for _ in range(steps):
        total += rate @ mean
        mean = mean + PULL @ (LEVEL - mean)
    for _ in range(steps - 1):  # a shock's effect on all the rates that come after it
        response = rate + keep.T @ response
        variance += response @ NOISE @ response
    return -total / 12 + 0.5 * variance / 144


def test_bonds_are_those_of_the_sum_of_short_rates():
    with jax.enable_x64(True):
        ours = bond(market(), jnp.asarray(START), 0.0, np.array([1, 2, 60, 180, 360]) / 12)
    np.testing.assert_allclose(np.log(ours), [log_bond(n, START) for n in (1, 2, 60, 180, 360)], rtol=1e-10)
    single = np.log(np.asarray(bond(market(), jnp.asarray(START), 0.0, np.array([5.0, 30.0]))))
    np.testing.assert_allclose(single, [log_bond(n, START) for n in (60, 360)], atol=3e-6)


def test_many_paths_at_once_have_the_bonds_of_each():
    states = np.asarray(START) + 0.01 * np.random.default_rng(0).standard_normal((64, MONTHS + 1, 3))
    left = 5.0 + np.arange(121) / 12 - np.asarray(GRID.times, float)[:, None]
    logs = jax.jit(jax.vmap(lambda state: market().log_bond(state[:, None], 0.0, left)))(states.astype(np.float32))
    steps = np.round(12 * left).astype(int)
    constant = np.array([log_bond(n, np.zeros(3)) for n in range(181)])
    load = constant[:, None] - np.array([[log_bond(n, row) for row in np.eye(3)] for n in range(181)])
    expected = constant[steps] - np.einsum("pnk,bpk->bpn", load[steps], states)
    np.testing.assert_allclose(logs, expected, atol=1e-5)


def test_between_two_steps_the_forward_is_that_of_the_step():
    left = np.array([2.0, 2 + 1 / 24, 2 + 1 / 12, 31.0])
    now, half, then, never = np.log(np.asarray(bond(market(), jnp.asarray(START), 0.0, left), float))
    np.testing.assert_allclose(half, 0.5 * (now + then), atol=1e-6)
    assert np.isnan(never)


def test_discounted_bonds_are_martingales_when_priced():
    state, account = simulated(False)
    assert errors(1 / account[:, -1], np.exp(log_bond(60, START))) < 3.0
    for years, at in ((10.0, 24), (2.0, 60)):
        later = np.asarray(bond(market(), jnp.asarray(state[:, at], jnp.float32), 0.0, years), float)
        expected = np.exp(log_bond(at + round(12 * years), START))
        assert errors(later / account[:, at], expected) < 3.0


@pytest.mark.parametrize("real", [False, True])
def test_factors_have_their_autocovariance(real):
    state, _ = simulated(real)
    pull, level = REAL if real else (PULL, np.array(LEVEL))
    keep, mean, spread = np.eye(3) - pull, np.array(START), np.zeros((3, 3))
    moments = {}
    for n in range(1, MONTHS + 1):
        mean, spread = mean + pull @ (level - mean), keep @ spread @ keep.T + NOISE
        moments[n] = mean, spread
    for early, late in ((1, 1), (12, 36), (60, 60)):
        expected = moments[early][1] @ np.linalg.matrix_power(keep, late - early).T
        first, second = state[:, early] - moments[early][0], state[:, late] - moments[late][0]
        assert max(errors(first[:, i], 0.0) for i in range(3)) < 3.5
        pairs = [errors(first[:, i] * second[:, j], expected[i, j]) for i in range(3) for j in range(3)]
        assert max(pairs) < 4.0


def test_a_real_world_like_the_priced_one_has_its_paths():
    shocks = jax.random.normal(jax.random.key(1), (MONTHS, 3))
    follow = eqx.filter_jit(lambda market: market.path(GRID, shocks))
    jax.tree.map(partial(np.testing.assert_allclose, atol=1e-6), follow(market(PULL, LEVEL)), follow(market()))


def test_swaptions_cost_what_paths_pay():
    state, account = simulated(False)
    ends, size = np.arange(1, 121), np.exp([log_bond(60, START), *(log_bond(60 + n, START) for n in range(1, 121))])
    rate = (size[0] - size[-1]) * 12 / size[1:].sum()
    bonds = np.asarray(bond(market(), jnp.asarray(state[:, -1, None], jnp.float32), 0.0, ends / 12), float)
    for shift in (-0.01, 0.0, 0.01):
        cash = np.full(120, (rate + shift) / 12)
        cash[-1] += 1
        payoff = np.maximum(1 - bonds @ cash, 0.0) / account[:, -1]
        still, exact, finer = (float(swaption(size, cash, nodes)) for nodes in (1, 5, 9))
        assert errors(payoff, exact) < 3.0
        assert abs(finer - exact) < 1e-9 and -1e-10 < exact - still < 2e-5  # a plane is optimal to the second order


def swaption(size: np.ndarray, cash: np.ndarray, nodes: int) -> jax.Array:
    with jax.enable_x64(True):
        decay = jnp.asarray(DECAY)
        spread = formulas.spreads(MONTHS, decay, jnp.asarray(NOISE))[-1]
        loads = formulas.loadings(np.arange(1, 121), decay, 1 / 12)
        return option(jnp.asarray(size[0]), jnp.asarray(size[1:]), jnp.asarray(cash), loads, spread, nodes)


option = jax.jit(formulas.coupon_option, static_argnums=5)


def test_one_and_two_factors_are_those_of_hull_and_white():
    a, b, sigma, eta, rho, expiry, years = 0.6, 0.05, 0.012, 0.01, -0.7, 2.0, np.arange(1.0, 6.0)
    bonds, cash = np.exp(-0.03 * (expiry + years)), np.array([0.03] * 4 + [1.03])
    with jax.enable_x64(True):
        near, law = jnp.exp(-0.03 * expiry), (expiry, years)
        loads = jnp.stack([hullwhite.loading(years, jnp.asarray(k)) for k in (a, b)], -1)

        def shared(p: float, q: float) -> float:
            return (1 - np.exp(-(p + q) * expiry)) / (p + q)

        spread = np.array([[sigma**2 * shared(a, a), rho * sigma * eta * shared(a, b)], [0, eta**2 * shared(b, b)]])
        spread[1, 0] = spread[0, 1]
        two = option(near, jnp.asarray(bonds), jnp.asarray(cash), loads, jnp.asarray(spread), 9)
        theirs = jax.jit(g2.swaption)(near, bonds, np.ones(5), 0.03, *law, a, b, sigma, eta, rho)
        np.testing.assert_allclose(two, theirs, rtol=1e-8)
        one = option(near, jnp.asarray(bonds), jnp.asarray(cash), loads[:, 1:], jnp.asarray(spread[1:, 1:]), 1)
        np.testing.assert_allclose(
            one, jax.jit(hullwhite.swaption)(near, bonds, np.ones(5), 0.03, *law, b, eta), rtol=1e-9
        )


def test_option_deltas_are_those_of_differences_and_finite_at_the_end():
    today = jnp.exp(-0.03 * jnp.arange(5.0, 16.0, 1.0))
    cash, decay = jnp.full(10, 0.03).at[-1].add(1.0), jnp.float32(0.2)
    loads = formulas.loadings(12 * np.arange(1, 11), decay, 1 / 12)

    def price(x, spread):
        moved = jnp.exp(-loads @ x)
        return formulas.coupon_option(today[0], today[1:] * moved, cash, loads, spread, 3)

    spread, step = jnp.asarray(NOISE, jnp.float32), 1e-3
    slope = jax.jit(jax.grad(price))
    ahead = [price(step * e, spread) - price(-step * e, spread) for e in jnp.eye(3)]
    np.testing.assert_allclose(slope(jnp.zeros(3), spread), np.array(ahead) / (2 * step), rtol=5e-3, atol=1e-3)
    assert bool(jnp.isfinite(slope(jnp.zeros(3), 0.0 * spread)).all())


@pytest.mark.parametrize(
    "wrong",
    [
        {"start": (0.1, 0.2)},
        {"decay": 0.0},
        {"vol": (0.1, np.nan, 0.1)},
        {"vol": (0.1, -0.1, 0.1)},
        {"correlation": np.ones((3, 3))},
        {"real_level": (0, 0, 0)},
        {"tenors": (31,)},
        {"step": 0},
    ],
)
def test_parameters_outside_their_domain_are_refused(wrong):
    given = dict(start=START, decay=DECAY, level=LEVEL, vol=VOL, correlation=CORRELATION)
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        NelsonSiegel(**{**given, **wrong})


def test_a_grid_of_other_steps_is_refused():
    with pytest.raises(GridError, match=r"0\.0833"):
        market().shocks(dh.TimeGrid.uniform(maturity=1.0, steps=4))
