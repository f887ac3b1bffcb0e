"""Mixtures against the members they are made of: path by path, and in moments and prices by theory."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import stats

import deephedge as dh
from deephedge.core.errors import ParameterError, UnknownQuote
from deephedge.markets import BlackScholes, CashDensity, Heston, Joint, Mixture, Tilted

GRID = dh.TimeGrid([0.0, 0.02, 0.1, 0.25])  # unequal on purpose
PATHS = 2**15
VOLS, SHARE, RATE, DIVIDEND = np.array([0.1, 0.2, 0.45]), np.array([0.5, 0.3, 0.2]), 0.04, 0.01
PLAIN = BlackScholes("SPX", 0.15, 100.0, rate=0.04)


class Averaged(dh.markets.AbstractMarket):
    """A market of other factors: its normals are sums of three, and two columns are left over."""

    market: BlackScholes

    def shocks(self, grid):
        return grid.steps, 5

    @property
    def martingale(self):
        return True

    def path(self, grid, shocks):
        return self.market.path(grid, shocks[:, :3].sum(1, keepdims=True) / 3**0.5)


OTHER = Averaged(eqx.tree_at(lambda market: market.spot, PLAIN, jnp.array([90.0])))


@eqx.filter_jit
def follow(market, shocks):
    return jax.vmap(lambda one: market.path(GRID, one))(shocks)


@lru_cache
def simulated() -> tuple[dh.MarketPath, np.ndarray]:
    """Three volatilities, and the log returns of the discounted spot with its dividend, step by step."""
    members = [BlackScholes("SPX", vol, 100.0, RATE, DIVIDEND) for vol in VOLS]
    batch = dh.sample(Mixture(members, SHARE), GRID, PATHS, key=jax.random.key(4), method="random")
    spot = np.asarray(batch.quotes["SPX"], float)
    return batch, np.diff(np.log(spot), axis=1) - (RATE - DIVIDEND) * np.asarray(GRID.dt, float)


def z_of(values: np.ndarray, expected: float) -> float:
    return (values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def test_each_path_is_that_of_the_market_its_normal_picks():
    market = Mixture((PLAIN, OTHER), (0.7, 0.3))
    assert market.shocks(GRID) == (3, 6)
    shocks = jax.random.normal(jax.random.key(1), (64, 3, 6))
    made, picked = follow(market, shocks), np.asarray(jax.vmap(market.member)(shocks))
    np.testing.assert_array_equal(picked, np.asarray(shocks[:, 0, 5]) > 0.5244005)  # the 70 % point of a normal
    for n, (member, columns) in enumerate(((PLAIN, 1), (OTHER, 5))):
        own = follow(member, shocks[:, :, :columns])
        for a, b in zip(jax.tree.leaves(made), jax.tree.leaves(own), strict=True):
            np.testing.assert_allclose(a[picked == n], b[picked == n], rtol=1e-6)


def test_members_come_with_their_shares_rare_and_impossible_ones_too():
    assert np.abs([z_of(simulated()[0].quotes["SPX.vol"][:, 0] == v, p) for v, p in zip(
        np.float32(VOLS), SHARE, strict=True)]).max() < 3.5  # fmt: skip
    market = Mixture([BlackScholes("SPX", v) for v in VOLS], (0.0, 1 - 1e-6, 1e-6))
    at = [int(market.member(jnp.array([[0.0, z]]))) for z in (-8.0, 4.7534 - 0.002, 4.7534 + 0.002, 8.0)]
    assert at == [1, 1, 2, 2]


def test_moments_of_a_mixture_of_normals_and_the_memory_in_its_squares():
    """Squares of different steps go together, by the variance of the variance; signs do not."""
    dt, (_, moves) = np.asarray(GRID.dt, float), simulated()
    drift, variance = -0.5 * VOLS**2, VOLS**2
    for n, h in enumerate(dt):
        second = SHARE @ ((drift * h) ** 2 + variance * h)
        fourth = SHARE @ ((drift * h) ** 4 + 6 * (drift * h) ** 2 * variance * h + 3 * (variance * h) ** 2)
        assert abs(z_of(moves[:, n] ** 2, second)) < 3.5 and abs(z_of(moves[:, n] ** 4, fourth)) < 3.5
    each = [(drift * h) ** 2 + variance * h for h in dt]
    assert abs(z_of(moves[:, 1] ** 2 * moves[:, 2] ** 2, SHARE @ (each[1] * each[2]))) < 3.5
    assert abs(z_of(moves[:, 1] * moves[:, 2], SHARE @ (drift**2 * dt[1] * dt[2]))) < 3.5


@pytest.mark.parametrize("strike", [85.0, 100.0, 120.0])
def test_a_call_costs_the_mean_of_its_prices(strike):
    forward, discount = 100.0 * np.exp((RATE - DIVIDEND) * 0.25), np.exp(-RATE * 0.25)
    upper = np.log(forward / strike) / (VOLS * 0.5) + 0.25 * VOLS
    price = forward * stats.norm.cdf(upper) - strike * stats.norm.cdf(upper - 0.5 * VOLS)  # Black's
    expected = SHARE @ price * discount
    batch = simulated()[0]
    spot = np.asarray(batch.quotes["SPX"][:, -1], float)
    payoff = np.maximum(spot - strike, 0.0) * discount
    hedge = spot * discount * np.exp(DIVIDEND * 0.25) - 100.0  # a control: its mean is 0
    payoff = payoff - np.cov(payoff, hedge)[0, 1] / hedge.var() * hedge
    assert abs(z_of(payoff, expected)) < 3.5


def test_weights_of_a_member_stay_on_its_paths():
    plain = BlackScholes("SPX", 0.2)
    tilted = Tilted(plain, CashDensity((-2.0, 1.0, 3.0), 0.1, ("SPX",)))
    market = Mixture((plain, tilted), (0.5, 0.5))
    shocks = jax.random.normal(jax.random.key(1), (32, 3, 2))
    made, own = follow(market, shocks), follow(tilted, shocks[:, :, :1])
    np.testing.assert_allclose(made.weight, np.where(shocks[:, 0, 1] > 0, own.weight, 1.0), rtol=1e-6)


def test_drivers_that_all_members_share_can_be_correlated():
    calm, wild = BlackScholes("SPX", 0.1), BlackScholes("SPX", 0.4)
    market = Mixture((calm, wild), (0.5, 0.5))
    assert {name: row.tolist() for name, row in market.drivers().items()} == {"SPX": [1.0, 0.0]}
    joint = Joint((market, BlackScholes("NDX", 0.3)), {("SPX", "NDX"): 0.8})
    moves = jax.eval_shape(joint.path, GRID, jnp.ones((3, 3))).quotes
    assert joint.shocks(GRID) == (3, 3) and {"SPX", "NDX"} <= set(moves)
    near, far = (Heston("SPX", 1.0, 0.04, 1.0, 0.04, 0.5, rho) for rho in (-0.3, -0.8))
    assert set(Mixture((near, far), (0.5, 0.5)).drivers()) == {"SPX.variance"}
    assert Mixture((PLAIN, OTHER), (0.5, 0.5)).drivers() == {}


def test_it_is_a_martingale_if_all_are():
    assert Mixture((PLAIN, OTHER), (0.5, 0.5)).martingale
    assert not Mixture((PLAIN, eqx.tree_at(lambda m: m.drift, PLAIN, 0.1, is_leaf=lambda x: x is None)), (0.5, 0.5)
                       ).martingale  # fmt: skip


def test_markets_that_do_not_fit_together_are_refused():
    with pytest.raises(UnknownQuote, match=r"number 1 \(from 0\) lacks \['rate'\]"):
        Mixture((BlackScholes("SPX", 0.2, rate=0.03), BlackScholes("SPX", 0.2)), (0.5, 0.5)).path(
            GRID, jnp.ones((3, 2))
        )
    with pytest.raises(UnknownQuote, match="lacks"):
        Mixture((BlackScholes("SPX", 0.2), BlackScholes("NDX", 0.2)), (0.5, 0.5)).path(GRID, jnp.ones((3, 2)))
    for share in ((0.5, 0.6), (-0.1, 1.1), (1.0,)):
        with pytest.raises(ParameterError, match="share"):
            Mixture((PLAIN, OTHER), share)
    with pytest.raises(ParameterError, match="markets"):
        Mixture((), ())
