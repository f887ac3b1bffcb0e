"""Several markets in one path: their correlations, one money account, foreign assets; all against closed forms."""

from functools import lru_cache
from itertools import pairwise

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import markets as m
from deephedge.core.errors import ParameterError, UnknownQuote
from deephedge.pricing import black

PATHS, YEARS = 2**15, 2.0
GRID = dh.TimeGrid([0.0, 0.1, 0.5, 1.0, 1.5, YEARS])
CURVE = ((1, 2, 5), (0.045, 0.04, 0.037))
SIGMA, RATE_VOL, REVERSION, RHO = 0.2, 0.03, 0.1, -0.6
QUANTO = dict(vol=0.25, fx=0.12, rho=-0.5, home=0.05, foreign=0.01, dividend=0.02)


def stochastic_rates() -> m.Joint:
    rates = m.HullWhite(CURVE, REVERSION, RATE_VOL, tenors=())
    return m.Joint([m.BlackScholes("SPX", SIGMA, 100.0, dividend=0.01), rates], {("SPX", "USD"): RHO})


def quanto() -> m.Joint:
    q = QUANTO
    stock = m.BlackScholes("NKY", q["vol"], 100.0, rate=q["foreign"], dividend=q["dividend"])
    pair = m.GarmanKohlhagen("JPYUSD", q["fx"], 0.009, q["home"], q["foreign"])
    return m.Joint([stock, pair], [("NKY", "JPYUSD", q["rho"])], currency={"NKY": "JPYUSD"})


def two_hestons() -> m.Joint:
    stock = m.Heston("NKY", 100.0, 0.05, 2.0, 0.05, 0.6, -0.7, rate=0.01)
    pair = m.Heston("JPYUSD", 0.009, 0.02, 3.0, 0.02, 0.4, 0.3, rate=0.05, dividend=0.01)
    asked = {("NKY", "JPYUSD"): -0.6, ("NKY.variance", "JPYUSD.variance"): 0.5}
    return m.Joint([stock, pair], asked, currency={"NKY": "JPYUSD"})


YEN = m.Vasicek(0.01, 0.3, 0.02, 0.015, "JPY", tenors=())


def two_rates() -> m.Joint:
    home, abroad = m.HullWhite(CURVE, 0.1, 0.01, tenors=()), YEN
    asked = {("JPY", "JPYUSD"): 0.6, ("USD", "JPY"): 0.4, ("USD", "JPYUSD"): -0.3}
    pair = m.GarmanKohlhagen("JPYUSD", 0.15, 0.009, 0.03, 0.07)
    return m.Joint([home, pair, abroad], asked, currency={"JPY": "JPYUSD"})


MAKE = {make.__name__: make for make in (stochastic_rates, quanto, two_hestons, two_rates)}
FINE = dh.TimeGrid.uniform(maturity=1.0, steps=26)


@eqx.filter_jit
def follow(market: m.AbstractMarket, grid: dh.TimeGrid, shocks: jax.Array) -> dh.MarketPath:
    return jax.vmap(lambda one: market.path(grid, one))(shocks)


@eqx.filter_jit
def alike(markets, grid: dh.TimeGrid, shocks) -> list[dh.MarketPath]:
    return [market.path(grid, z) for market, z in zip(markets, shocks, strict=True)]


@lru_cache
def simulated(name: str) -> dict[str, np.ndarray]:
    grid = FINE if name == "two_hestons" else GRID
    shape = (PATHS // 2, *MAKE[name]().shocks(grid))
    half = np.random.default_rng(7).standard_normal(shape, np.float32)
    batch = follow(MAKE[name](), grid, jnp.asarray(np.concatenate([half, -half])))
    return {key: np.asarray(x, float) for key, x in (batch.quotes | {"numeraire": batch.numeraire}).items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors of pairs of mirrored paths."""
    pairs = values.reshape(2, -1).mean(0)
    return abs(values.mean() - expected) / (pairs.std() / np.sqrt(len(pairs)))


@pytest.mark.parametrize("name", MAKE)
def test_each_market_gets_independent_normals_and_the_asked_correlations_hold(name):
    market = MAKE[name]()
    correlations = np.asarray(market.factor, float) @ np.asarray(market.factor, float).T
    ends = np.cumsum([0, *market.factors])
    for a, b in pairwise(ends):
        np.testing.assert_allclose(correlations[a:b, a:b], np.eye(b - a), atol=2e-6)
    rows = {driver: np.asarray(row, float) for driver, row in market.drivers().items()}
    asked = {
        "stochastic_rates": {("SPX", "USD"): RHO},
        "quanto": {("NKY", "JPYUSD"): -0.5},
        "two_hestons": {("NKY", "JPYUSD"): -0.6, ("NKY.variance", "JPYUSD.variance"): 0.5,
                        ("NKY", "NKY.variance"): -0.7, ("JPYUSD", "JPYUSD.variance"): 0.3},
        "two_rates": {("JPY", "JPYUSD"): 0.6, ("USD", "JPY"): 0.4, ("USD", "JPYUSD"): -0.3},
    }[name]  # fmt: skip
    for (one, other), value in asked.items():
        assert float(rows[one] @ rows[other]) == pytest.approx(value, abs=2e-6)
    assert float(market.change) < 2e-6


def test_log_returns_have_the_correlations_of_theory():
    path = simulated("quanto")
    stock, pair = (np.diff(np.log(path[name]), axis=1) for name in ("NKY", "JPYUSD"))
    products = (stock - stock.mean(0)) * (pair - pair.mean(0))
    expected = QUANTO["rho"] * QUANTO["vol"] * QUANTO["fx"] * np.diff(np.asarray(GRID.times, float))
    for step in range(GRID.steps):
        assert errors(products[:, step], expected[step]) < 4.0
    assert errors(products[:, 0], 0.0) > 20.0
    path = simulated("two_hestons")
    moves = {name: np.diff(np.log(path[name]), axis=1)[:, 0] for name in ("NKY", "JPYUSD")}
    moves |= {f"{name}.variance": np.diff(path[f"{name}.variance"], axis=1)[:, 0] for name in ("NKY", "JPYUSD")}
    for one, other, value in (("NKY", "JPYUSD", -0.6), ("NKY.variance", "JPYUSD.variance", 0.5),
                              ("NKY", "NKY.variance", -0.7), ("JPYUSD", "JPYUSD.variance", 0.3)):  # fmt: skip
        assert np.corrcoef(moves[one], moves[other])[0, 1] == pytest.approx(value, abs=0.02)


def test_a_call_under_stochastic_rates_costs_its_closed_form():
    """Brigo and Mercurio (2006), appendix B: Black with the variance of the forward on the bond."""
    path, a, s = simulated("stochastic_rates"), REVERSION, RATE_VOL
    discount = np.exp(-0.04 * YEARS)
    load = -np.expm1(-a * YEARS) / a
    bond = s**2 / a**2 * (YEARS - 2 * load - np.expm1(-2 * a * YEARS) / (2 * a))
    total = np.sqrt(SIGMA**2 * YEARS + bond + 2 * RHO * SIGMA * s / a * (YEARS - load))
    forward = 100 * np.exp(-0.01 * YEARS) / discount
    end, numeraire = path["SPX"][:, -1], path["numeraire"][:, -1]
    assert errors(end / numeraire, 100 * np.exp(-0.01 * YEARS)) < 3.0
    for strike in (85.0, 105.0, 130.0):
        price = discount * float(black.price(forward, strike, total))
        assert errors(np.maximum(end - strike, 0) / numeraire, price) < 3.0
    deterministic = discount * float(black.price(forward, 105.0, SIGMA * np.sqrt(YEARS)))
    assert errors(np.maximum(end - 105, 0) / numeraire, deterministic) > 5.0  # it is the rates that are seen
    np.testing.assert_array_equal(path["rate"], path["USD.short"])


def test_quanto_forward_and_option_cost_their_closed_form():
    path, q = simulated("quanto"), QUANTO
    for point in (2, GRID.steps):
        years = float(GRID.times[point])
        growth = q["foreign"] - q["dividend"] - q["rho"] * q["vol"] * q["fx"]
        forward, end = 100 * np.exp(growth * years), path["NKY"][:, point]
        assert errors(end, forward) < 3.0
        for strike in (90.0, 110.0):
            price = np.exp(-q["home"] * years) * float(black.price(forward, strike, q["vol"] * np.sqrt(years)))
            assert errors(np.maximum(end - strike, 0) / path["numeraire"][:, point], price) < 3.0
        worth = end * path["JPYUSD"][:, point] / path["numeraire"][:, point]
        assert errors(worth, 0.9 * np.exp(-q["dividend"] * years)) < 3.0


def test_foreign_heston_times_a_heston_pair_is_a_martingale_given_the_past():
    path = simulated("two_hestons")
    value = path["NKY"] * path["JPYUSD"] / path["numeraire"]
    assert errors(value[:, -1], 0.9) < 3.5
    for bet in (value[:, 13] > 0.9, path["JPYUSD.vol"][:, 13]):
        assert errors((value[:, -1] - value[:, 13]) * bet, 0.0) < 3.5
    unshifted = value[:, -1] * np.exp(-0.6 * np.sqrt(0.05 * 0.02))
    assert errors(unshifted, 0.9) > 5.0


def test_foreign_bonds_are_worth_their_price_in_home_cash():
    path = simulated("two_rates")
    np.testing.assert_array_equal(path["JPYUSD.dividend"], path["JPY.short"])
    bonds = np.asarray(YEN.bond(path["JPY.short"][:, -1], YEARS, 3.0), float)
    worth = bonds * path["JPYUSD"][:, -1] / path["numeraire"][:, -1]
    today = 0.009 * float(YEN.bond(0.01, 0.0, YEARS + 3.0))
    assert worth.mean() == pytest.approx(today, rel=1e-3)  # the account accrues at the rate of each step's start
    assert errors(1 / path["numeraire"][:, -1], np.exp(-0.04 * YEARS)) < 3.0
    kept = np.exp(np.sum(path["JPYUSD.dividend"][:, :-1] * np.diff(np.asarray(GRID.times)), axis=1))
    assert errors(path["JPYUSD"][:, -1] * kept / path["numeraire"][:, -1], 0.009) < 3.0


def test_the_first_market_is_itself_bit_for_bit_and_others_are_of_their_law():
    stock, crude = m.BlackScholes("SPX", 0.2, rate=0.03), m.Schwartz("CL", 60.0, 1.5, 50.0, 0.4, 0.03, (1.0,))
    market = m.Joint([stock, crude], {("SPX", "CL"): 0.5})
    shocks = 2.0 * jax.random.normal(jax.random.key(0), market.shocks(GRID))
    poor = m.Joint([m.BlackScholes("SPX", 0.2), crude], numeraire="SPX")
    mixed = (0.5 * shocks[:, 0] + np.sqrt(0.75) * shocks[:, 1])[:, None]
    path, alone, other = alike((market, stock, crude), GRID, (shocks, shocks[:, :1], mixed))
    np.testing.assert_array_equal(path.quotes["SPX"], alone.quotes["SPX"])
    np.testing.assert_array_equal(path.numeraire, alone.numeraire)
    assert set(path.quotes) == set(alone.quotes) | set(other.quotes)
    for name, quote in other.quotes.items():
        np.testing.assert_allclose(path.quotes[name], quote, rtol=3e-6, err_msg=name)
    poor = jax.eval_shape(poor.path, GRID, shocks)
    assert not {"rate", "CL.future.1.dividend"} & set(poor.quotes)


def test_markets_without_drivers_come_along_and_joints_nest():
    rows = {"DAX": np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal(50)))}
    inner = m.Joint([m.BlackScholes("A", 0.2), m.BlackScholes("B", 0.2)], {("A", "B"): 0.5})
    outer = m.Joint([inner, m.BlackScholes("C", 0.2)], {("B", "C"): 0.4})
    rows_of = {name: np.asarray(row) for name, row in outer.drivers().items()}
    assert float(rows_of["A"] @ rows_of["B"]) == pytest.approx(0.5, abs=1e-6)
    assert float(rows_of["B"] @ rows_of["C"]) == pytest.approx(0.4, abs=1e-6)
    days = dh.TimeGrid.uniform(maturity=3 / 252, steps=3)
    history = m.Replay(rows, rebase=())
    market = m.Joint([m.BlackScholes("A", 0.2), history, m.BlackScholes("B", 0.3)], {("A", "B"): 0.5})
    shocks = jax.random.normal(jax.random.key(1), market.shocks(days))
    assert shocks.shape == (3, 3)
    both, alone = alike((market, history), days, (shocks, shocks[:1, 1:2]))
    np.testing.assert_array_equal(both.quotes["DAX"], alone.quotes["DAX"])
    assert market.drivers() == {}


def test_correlations_that_do_not_exist_are_repaired_to_the_nearest():
    """By symmetry the nearest to 1 and +-0.9 is 1 and +-0.5, whose least eigenvalue is 0."""
    three = [m.BlackScholes(name, 0.2) for name in "ABC"]
    asked = {("A", "B"): 0.9, ("A", "C"): 0.9, ("B", "C"): -0.9}
    with pytest.warns(m.RepairWarning, match=r"by up to 0\.4"):
        market = m.Joint(three, asked)
    assert float(market.change) == pytest.approx(0.4, abs=1e-4)
    assert bool(jnp.isfinite(market.factor).all())
    with pytest.raises(ParameterError, match="repair"):
        m.Joint(three, asked, repair=False)
    hestons = [m.Heston(name, 1.0, 0.04, 1.0, 0.04, 0.5, -0.7) for name in "AB"]
    m.Joint(hestons, {("A", "B"): 0.9, ("A.variance", "B.variance"): 0.9}, repair=False)  # 0.9 times the identity does


def test_what_does_not_fit_together_is_refused():
    one, other, rates = m.BlackScholes("A", 0.2), m.BlackScholes("B", 0.2), m.Vasicek(0.03, 0.2, 0.04, 0.01)
    heston = m.Heston("A", 1.0, 0.04, 1.0, 0.04, 0.5, -0.7)
    pair = m.GarmanKohlhagen("JPYUSD", 0.1, 0.009, 0.05, 0.01)
    for make, says in (
        (lambda: m.Joint([]), "markets"),
        (lambda: m.Joint([one, heston]), "share the drivers"),
        (lambda: m.Joint([one, other], {("A", "C"): 0.5}), "driver 'C'"),
        (lambda: m.Joint([one, other], {("A", "B"): 1.5}), "between -1 and 1"),
        (lambda: m.Joint([heston], {("A", "A.variance"): 0.5}), "their own market"),
        (lambda: m.Joint([one, other], numeraire="USD"), "numeraire"),
        (lambda: m.Joint([one, pair], numeraire="A", currency={"A": "JPYUSD"}), "home currency"),
        (lambda: m.Joint([one, pair], currency={"A": "EURUSD"}), "currency"),
        (lambda: m.Joint([one, pair], currency={"JPYUSD": "JPYUSD"}), "quoted at home"),
    ):
        with pytest.raises(ParameterError, match=says):
            make()
    zeros = lambda market: jax.eval_shape(market.path, GRID, jnp.zeros(market.shocks(GRID)))  # noqa: E731
    second = m.Vasicek(0.03, 0.2, 0.04, 0.01, name="EUR")
    with pytest.raises(ParameterError, match="short rates of one currency"):
        zeros(m.Joint([rates, second]))
    with pytest.raises(UnknownQuote, match=r"USD\.vol"):
        zeros(m.Joint([rates, one], currency={"A": "USD"}))
    history = m.Replay({"A.vol": [0.2] * 9}, rebase=(), step=0.5)
    with pytest.raises(ParameterError, match=r"share the quotes \['A.vol'\]"):
        jax.eval_shape(m.Joint([one, history]).path, dh.TimeGrid.uniform(1.0, 2), jnp.zeros((2, 2)))
