"""The lognormal short rate: its law, today's curve, options against the lattice, convergence in the step."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge.core.errors import GridError, ParameterError
from deephedge.markets import BlackKarasinski
from deephedge.pricing import black_karasinski as bk

PATHS = 2**15
YEARS, YIELDS = (0.5, 1, 2, 5, 10), (0.05, 0.046, 0.041, 0.038, 0.042)
PARAMETERS = dict(curve=(YEARS, YIELDS), mean_reversion=0.15, vol=0.3, horizon=2.0)
UNEVEN = dh.TimeGrid([0.0, 0.1, 0.5, 1.0, 1.5, 2.0])
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


@lru_cache
def market() -> BlackKarasinski:
    return BlackKarasinski(**PARAMETERS, tenors=(1, 5))


@lru_cache
def simulated(times: tuple[float, ...] = (0.0, 0.1, 0.5, 1.0, 1.5, 2.0)) -> dict[str, np.ndarray]:
    batch = dh.sample(market(), dh.TimeGrid(times), PATHS, key=jax.random.key(7))
    return {key: np.asarray(x, float) for key, x in (batch.quotes | {"numeraire": batch.numeraire}).items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors (of independent paths; Sobol points are nearer)."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def test_log_rates_have_their_joint_law_and_rates_are_positive():
    path, times = simulated(), np.asarray(UNEVEN.times, float)
    assert (path["USD.short"] > 0).all()
    away = np.log(path["USD.short"]) - np.asarray(market().level(UNEVEN.times), float)
    for s, t in ((1, 1), (1, 3), (3, 5), (5, 5)):
        variance = 0.3**2 * (1 - np.exp(-0.3 * times[s])) / 0.3
        assert errors(away[:, s], 0.0) < 3.0
        assert errors(away[:, s] * away[:, t], variance * np.exp(-0.15 * (times[t] - times[s]))) < 3.5


def test_todays_curve_is_met_and_quotes_are_those_of_bonds():
    path, times = simulated(), np.asarray(UNEVEN.times, float)
    np.testing.assert_allclose([path["USD.zero.1y"][0, 0], path["USD.zero.5y"][0, 0]], [0.046, 0.038], atol=2e-6)
    for n, t in enumerate(times):
        if t in YEARS:
            assert errors(1.0 / path["numeraire"][:, n], np.exp(-t * YIELDS[YEARS.index(t)])) < 3.0
            far = np.asarray(bond(market(), path["USD.short"][:, n], t, 5.0 - t), float) / path["numeraire"][:, n]
            assert errors(far, np.exp(-5 * 0.038)) < 3.0
            np.testing.assert_allclose(far.mean(), np.exp(-5 * 0.038), rtol=2e-5)  # Sobol: far below one error


def test_the_bond_that_ends_with_the_step_is_a_martingale_given_the_past():
    path, times = simulated(), np.asarray(UNEVEN.times, float)
    for n in (1, 4):
        growth = path["numeraire"][:, n] / path["numeraire"][:, n + 1]
        price = np.asarray(bond(market(), path["USD.short"][:, n], times[n], times[n + 1] - times[n]), float)
        for bet in (1.0, path["USD.short"][:, n] > 0.045):
            assert errors((growth - price) * bet, 0.0) < 3.0


def test_swaptions_by_simulation_cost_what_the_lattice_says():
    path, rates = simulated(), np.array([0.03, 0.037, 0.045])
    later = np.stack([np.asarray(bond(market(), path["USD.short"][:, 3], 1.0, t), float) for t in (1.0, 2.0, 3.0)], 1)
    for rate in rates:
        worth = np.maximum(1 - later[:, 2] - rate * later.sum(1), 0.0) / path["numeraire"][:, 3]
        price = bk.coupon_bond_option(market().lattice, 12, (12, 24, 36), np.array([rate, rate, 1 + rate]), 1.0, False)
        assert errors(worth, float(price)) < 3.0


def test_what_one_step_loses_on_longer_bonds_falls_with_its_third_power():
    nodes, weights = np.polynomial.hermite_e.hermegauss(30)

    @eqx.filter_jit
    def worth(market, step):  # of a bond of 4 years, by quadrature over the one normal of a step
        path = jax.vmap(lambda z: market.path(dh.TimeGrid(jnp.stack([0.0, step])), z[None, None]))(nodes)
        short, step = path.quotes["USD.short"], jnp.asarray(step)
        today = market.bond(short[0, 0], jnp.zeros(()), jnp.asarray(4.0))
        return weights @ (market.bond(short[:, 1], step, 4.0 - step) / path.numeraire[:, 1]) / weights.sum() / today - 1

    with jax.enable_x64(True):
        double = BlackKarasinski(((1, 10), (0.04, 0.04)), 0.15, vol=0.5, horizon=2.0, tenors=(2,))
        gaps = [abs(float(worth(double, jnp.asarray(step)))) for step in (1.0, 0.5, 0.25)]
    assert gaps[0] < 2e-5
    assert 6.0 < gaps[0] / gaps[1] < 9.0 and 6.0 < gaps[1] / gaps[2] < 9.0


@pytest.mark.parametrize(
    "wrong",
    [{"vol": 0.0}, {"mean_reversion": -0.1}, {"horizon": 0}, {"nodes": 160}, {"nodes": 51}, {"cells": 0},
     {"curve": ((1, 2), (0.04, -0.01))}, {"tenors": (0,)}],
)  # fmt: skip
def test_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        BlackKarasinski(**{**PARAMETERS, **wrong})


def test_a_grid_beyond_the_horizon_is_refused():
    with pytest.raises(GridError, match="horizon"):
        dh.sample(market(), dh.TimeGrid([0.0, 3.0]), 4, key=jax.random.key(0))
    assert float(market().drivers()["USD"] @ jnp.ones(1)) == 1.0
