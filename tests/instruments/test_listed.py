"""Listed options against QuantLib, and the laws of a price list: parity, no static arbitrage, the payoff at the end."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

import deephedge as dh
from deephedge import instruments as i
from deephedge import markets as m
from deephedge.core.errors import ParameterError, UnknownQuote
from deephedge.pricing import black, ssvi

RATES = dict(rate=0.04, dividend=0.01)
TODAY = dict(tenors=(0.1, 0.5, 1.0), levels=(0.004, 0.021, 0.045), rho=-0.6, eta=1.0, gamma=0.4)
GRID = dh.TimeGrid([0.0, 0.05, 0.2, 0.5, 0.6, 1.0])
STRIKES, EXPIRIES = 100 * np.exp(np.linspace(-1.2, 1.0, 21)), np.array([0.55, 0.7, 1.0, 1.3, 2.5])


def market(scale: float = 1.0, vol: float = 0.2) -> m.MovingSurface:
    wild = m.SurfaceDynamics(2.0, np.array((3.0, 1.0, 3.0, 3.0)) * scale, (-0.7, 0.2, 0.0, 0.3))
    return m.MovingSurface(m.BlackScholes("A", vol=vol, spot=100.0, **RATES), "A", wild, **TODAY)


at_the_money = jax.jit(ssvi.at_the_money)
follow = eqx.filter_jit(lambda market, grid, shocks: jax.vmap(lambda z: market.path(grid, z))(shocks))
both = eqx.filter_jit(lambda option, path: jax.vmap(lambda p: (option.cashflows(p), option.price(p)))(path))


@eqx.filter_jit
def prices(path: dh.MarketPath, kind: str, strikes: jax.Array, expiries: jax.Array) -> jax.Array:
    """(path, point, expiry, strike)"""
    one = lambda path, t, k: i.ListedOption("A", k, t, kind).price(path)  # noqa: E731
    over_strikes = jax.vmap(one, (None, None, 0), 1)
    return jax.vmap(jax.vmap(over_strikes, (None, 0, None), 1), (0, None, None))(path, expiries, strikes)


@pytest.fixture(scope="module")
def listed() -> tuple[dh.MarketPath, np.ndarray, np.ndarray]:
    """Paths under normals of 2.5 deviations, in float64, and their calls and puts."""
    with jax.enable_x64(True):
        grid = dh.TimeGrid([0.0, 0.05, 0.2, 0.5, 0.6, 1.0])
        shocks = 2.5 * np.random.default_rng(3).standard_normal((600, *market().shocks(grid)))
        path = follow(market(), grid, jnp.asarray(shocks))
        lists = (np.asarray(prices(path, kind, jnp.asarray(STRIKES), jnp.asarray(EXPIRIES))) for kind in i.listed.KINDS)
        return jax.tree.map(np.asarray, path), *lists


def test_calls_and_puts_keep_parity_at_every_point_of_every_path(listed):
    path, call, put = listed
    left = EXPIRIES - path.times[0, :, None]
    ahead = path.quotes["A"][:, :, None] * np.exp(0.03 * left)
    parity = np.exp(-0.04 * left)[..., None] * (ahead[..., None] - STRIKES)
    alive = left > 0
    np.testing.assert_allclose((call - put)[:, alive], parity[:, alive], rtol=1e-9, atol=1e-9)
    assert (call[:, ~alive] == 0).all() and (put[:, ~alive] == 0).all()


def test_no_list_has_a_static_arbitrage_at_any_point_of_any_path(listed):
    """3000 lists of 21 strikes and five expiries; the strikes of each are fixed shares of its forwards."""
    path = listed[0]
    assert np.abs(path.quotes["A.ssvi.rho"]).max() > 0.99 and np.ptp(np.log(path.quotes["A.ssvi.theta.0.1"])) > 8
    zero = np.zeros_like(path.times)
    plain = path.quotes | {"A": zero + 1.0, "rate": zero, "A.dividend": zero}
    with jax.enable_x64(True):
        arrays = jax.tree.map(jnp.asarray, (zero, plain, zero + 1.0))
        path = dh.MarketPath(*arrays)
        calls = prices(path, "call", jnp.asarray(STRIKES / 100), jnp.asarray(EXPIRIES))
        found = jax.jit(ssvi.static_arbitrage)(calls, jnp.asarray(STRIKES / 100))
        found = {kind: float(size.max()) for kind, size in found.items()}
    assert calls.shape == (600, 6, 5, 21) and max(found.values()) < 1e-12


def test_absolute_strikes_have_no_butterfly_or_vertical_arbitrage_either(listed):
    path, call, _ = listed
    left = EXPIRIES - path.times[0, :, None]
    worth = (np.exp(-0.04 * left))[None, :, :, None]
    width = np.diff(STRIKES)
    slopes = np.diff(call / worth, axis=-1) / width
    alive = np.broadcast_to((left > 0)[None, :, :, None], slopes.shape)
    assert (slopes[alive] < 1e-9).all() and (slopes[alive] > -1 - 1e-9).all()
    assert np.diff(slopes, axis=-1)[alive[..., 1:]].min() > -1e-9


def test_prices_are_those_of_quantlib_on_the_svi_of_each_point(listed):
    path, call, put = listed
    for n, (row, t, k) in enumerate([(0, 1, 12), (7, 2, 8), (30, 2, 4), (99, 0, 10), (250, 1, 6)]):
        at = {name.removeprefix("A.ssvi."): float(q[row, t]) for name, q in path.quotes.items()}
        left, expiry = EXPIRIES[2] - path.times[0, t], 2
        tenors = np.asarray(TODAY["tenors"])
        theta = float(at_the_money(tenors, np.array([at[f"theta.{x:g}"] for x in tenors]), left))
        rho, eta, gamma = at["rho"], at["eta"], at["gamma"]
        phi = eta * theta**-gamma * (1 + theta) ** (gamma - 1)
        ahead = at["A"] * np.exp(0.03 * left)
        svi = [theta * (1 - rho**2) / 2, theta * phi / 2, np.sqrt(1 - rho**2) / phi, rho, -rho / phi]
        total = np.sqrt(ql.SviSmileSection(left, ahead, svi).variance(STRIKES[k]))
        for kind, ours in ((ql.Option.Call, call), (ql.Option.Put, put)):
            theirs = ql.blackFormula(kind, STRIKES[k], ahead, total, np.exp(-0.04 * left))
            np.testing.assert_allclose(ours[row, t, expiry, k], theirs, rtol=2e-4, atol=1e-5, err_msg=str(n))


def test_it_pays_at_its_expiry_and_is_over_then():
    path = follow(market(), GRID, jnp.ones((2**13, 5, 5)))
    spot = float(path.quotes["A"][0, 3])
    for strike, kind in ((105.0, "call"), (300.0, "put")):
        option = i.ListedOption("A", strike, 0.5, kind)
        cash, price = (np.asarray(x[0]) for x in both(option, path))
        np.testing.assert_allclose(cash, [0, 0, 0, abs(spot - strike), 0, 0], rtol=1e-5)
        assert (price[3:] == 0).all() and (price[:3] > 0).all()
    one = jax.tree.map(lambda x: x[0], path)
    assert option.tradable(one).tolist() == [True, True, True, False, False, False]
    assert not np.asarray(both(i.ListedOption("A", 105.0, 2.0), path)[0]).any()


def test_held_to_expiry_it_earns_what_the_spot_does_not_know():
    """A still surface at 0.205 over a spot that moves at 0.3: E payoff is Black's price at 0.3, the list says less."""
    shocks = np.random.default_rng(1).standard_normal((2**13, 5, 5), np.float32)
    path = follow(market(scale=0.0, vol=0.3), GRID, jnp.asarray(np.concatenate([shocks[::2], -shocks[::2]])))
    forward = 100.0 * np.exp(0.015)
    cash, price = (np.asarray(x, float) for x in both(i.ListedOption("A", forward, 0.5), path))
    payoff = cash[:, 3].reshape(2, -1).mean(axis=0)
    known = [float(black.price(forward, forward, vol, 0.5)) for vol in (0.3, np.sqrt(0.021 / 0.5))]
    assert abs(payoff.mean() - known[0]) < 3 * payoff.std() / 2**6
    np.testing.assert_allclose(price[:, 0], np.exp(-0.02) * known[1], rtol=1e-4)


def test_what_cannot_be_is_refused():
    with pytest.raises(ParameterError, match="kind"):
        i.ListedOption("A", 100.0, 1.0, "straddle")
    with pytest.raises(ParameterError, match="strike"):
        i.ListedOption("A", -1.0, 1.0)
    path = dh.MarketPath(jnp.array([0.0, 1.0]), {"A": jnp.ones(2)}, jnp.ones(2))
    with pytest.raises(UnknownQuote, match="MovingSurface"):
        i.ListedOption("A", 1.0, 1.0).price(path)
