"""Short-rate models: the joint law of rate and integral, today's curve, and options, each against a closed form."""

from functools import lru_cache

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

import deephedge as dh
from deephedge.core.errors import ParameterError
from deephedge.markets import HullWhite, Vasicek
from deephedge.pricing import curve, hullwhite

follow = eqx.filter_jit(lambda market, grid, shocks: market.path(grid, shocks))
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))
log_discount, forward_rate, bond_option = map(jax.jit, (curve.log_discount, curve.forward, hullwhite.bond_option))
PATHS = 2**16
YEARS, YIELDS = (0.5, 1, 2, 5, 10), (0.05, 0.046, 0.041, 0.038, 0.042)
UNEVEN = dh.TimeGrid([0.0, 0.1, 1.0, 1.25, 4.0, 10.0])
ONE = dh.TimeGrid([0.0, 10.0])
VASICEK = dict(short=0.03, mean_reversion=0.3, level=0.05, vol=0.015)
HULL_WHITE = dict(curve=(YEARS, YIELDS), mean_reversion=0.1, vol=0.012)
MARKETS = {"vasicek": lambda: Vasicek(**VASICEK), "hull_white": lambda: HullWhite(**HULL_WHITE)}


@lru_cache
def simulated(name: str, grid: str = "uneven") -> dict[str, np.ndarray]:
    times = {"uneven": UNEVEN, "one": ONE}[grid]
    batch = dh.sample(MARKETS[name](), times, PATHS, key=jax.random.key(7), method="random")
    return {key: np.asarray(x, float) for key, x in (batch.quotes | {"numeraire": batch.numeraire}).items()}


def errors(values: np.ndarray, expected: float) -> float:
    """Distance to theory in standard errors."""
    return abs(values.mean() - expected) / (values.std() / np.sqrt(len(values)))


def law(name: str, n: int):
    """a, sigma, and means of short rate and integral, by quadrature of the textbook drift."""
    t = np.linspace(0.0, float(UNEVEN.times[n]), 4001)
    if name == "vasicek":
        a, sigma = 0.3, 0.015
        mean = 0.05 - 0.02 * np.exp(-a * t)
    else:
        a, sigma = 0.1, 0.012
        forward = np.asarray(forward_rate(np.array(YEARS), np.array(YIELDS), t), float)
        mean = forward + 0.5 * (sigma * (1 - np.exp(-a * t)) / a) ** 2
    return a, sigma, mean[-1], np.trapezoid(mean, t)


@pytest.mark.parametrize("name", MARKETS)
def test_rate_and_integral_have_their_joint_law(name):
    path = simulated(name)
    short, area, times = path["USD.short"], np.log(path["numeraire"]), np.asarray(UNEVEN.times, float)
    for early, late in ((1, 1), (2, 4), (3, 5), (5, 5)):
        s, t = times[early], times[late]
        a, sigma, r_s, _ = law(name, early)
        _, _, r_t, y_t = law(name, late)
        variance = sigma**2 * (1 - np.exp(-2 * a * s)) / (2 * a)
        # Cov(r_s, int_0^t r) = int_0^t Cov(r_s, r_u) du, and Var int = 2 int_0^t Cov(r_u, int_0^u r) du
        below = sigma**2 / (2 * a**2) * (1 - np.exp(-a * s)) ** 2
        above = variance * (1 - np.exp(-a * (t - s))) / a
        whole = sigma**2 / a**2 * (t - 2 * (1 - np.exp(-a * t)) / a + (1 - np.exp(-2 * a * t)) / (2 * a))
        x, z, y = short[:, early] - r_s, short[:, late] - r_t, area[:, late] - y_t
        assert errors(short[:, early], r_s) < 3.5 and errors(area[:, late], y_t) < 3.5
        assert errors(x * z, variance * np.exp(-a * (t - s))) < 3.5
        assert errors(x * y, below + above) < 3.5
        assert errors(y * y, whole) < 3.5


@pytest.mark.parametrize("grid", ["uneven", "one"])
@pytest.mark.parametrize("name", MARKETS)
def test_the_expected_discount_is_todays_curve(name, grid):
    discount = 1.0 / simulated(name, grid)["numeraire"][:, 1:]
    times = np.asarray((UNEVEN if grid == "uneven" else ONE).times, float)[1:]
    for n, t in enumerate(times):
        if name == "vasicek":
            expected = ql.Vasicek(0.03, 0.3, 0.05, 0.015, 0.0).discountBond(0.0, t, 0.03)
        else:
            expected = np.exp(-t * YIELDS[YEARS.index(t)]) if t in YEARS else np.exp(
                float(log_discount(np.array(YEARS), np.array(YIELDS), t)))  # fmt: skip
        assert errors(discount[:, n], expected) < 3.0


@pytest.mark.parametrize("name", MARKETS)
def test_one_long_step_and_many_short_ones_have_one_law(name):
    one, many = (np.log(simulated(name, grid)["numeraire"][:, -1]) for grid in ("one", "uneven"))
    for power in (1, 2):
        gap = (one**power).mean() - (many**power).mean()
        assert abs(gap) < 3.5 * (one**power).std() * np.sqrt(2 / PATHS)


@pytest.mark.parametrize("name", MARKETS)
def test_bond_options_cost_what_jamshidian_says(name):
    path, market, n = simulated(name), MARKETS[name](), 3
    expiry, end = float(UNEVEN.times[n]), 6.0
    nearer, farther = (float(bond(market, path["USD.short"][0, 0], 0.0, t)) for t in (expiry, end))
    bonds = np.asarray(bond(market, path["USD.short"][:, n], expiry, end - expiry), float)
    a, sigma, *_ = law(name, n)
    assert errors(bonds / path["numeraire"][:, n], farther) < 3.0
    for strike in (0.98 * farther / nearer, farther / nearer, 1.02 * farther / nearer):
        payoff = np.maximum(bonds - strike, 0.0) / path["numeraire"][:, n]
        assert errors(payoff, float(bond_option(nearer, farther, strike, expiry, end - expiry, a, sigma))) < 3.0


def test_quoted_yields_are_those_of_the_curve_today_and_of_bonds_later():
    path, market = simulated("hull_white"), MARKETS["hull_white"]()
    today = [path[f"USD.zero.{tenor}y"][0, 0] for tenor in (1, 2, 5, 10)]
    np.testing.assert_allclose(today, YIELDS[1:], atol=2e-7)
    later = np.asarray(bond(market, path["USD.short"][:, 3], 1.25, 5.0), float)
    np.testing.assert_allclose(path["USD.zero.5y"][:, 3], -np.log(later) / 5.0, atol=1e-6)


def test_hull_white_on_vasiceks_own_curve_is_vasicek():
    with jax.enable_x64(True):
        years = np.arange(1, 481) / 24
        bonds = hullwhite.vasicek_discount(0.03, years, 0.3, 0.05, 0.015)
        fitted = HullWhite((years, -jnp.log(bonds) / years), 0.3, 0.015)
        shocks = jax.random.normal(jax.random.key(1), (5, 2))
        ours, theirs = (follow(m, dh.TimeGrid(UNEVEN.times), shocks) for m in (fitted, Vasicek(**VASICEK)))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, atol=2e-6), ours, theirs)


def test_no_volatility_is_the_forward_curve_and_no_reversion_is_finite():
    shocks = jnp.full((5, 2), 8.0)
    still = follow(HullWhite((YEARS, YIELDS), 0.1, 0.0), UNEVEN, shocks)
    expected = log_discount(jnp.array(YEARS), jnp.array(YIELDS), UNEVEN.times)
    np.testing.assert_allclose(jnp.log(still.numeraire), -expected, rtol=1e-5, atol=1e-7)

    def end(parameters):
        path = HullWhite((YEARS, YIELDS), *parameters, tenors=(10,)).path(UNEVEN, shocks)
        return jnp.stack([path.numeraire[-1], path.quotes["USD.zero.10y"][-1]])

    both = jax.jit(jax.vmap(lambda p: (end(p), jax.jacfwd(end)(p))))
    parameters = jnp.array([[a, vol] for a in (0.0, 1e-8, 0.1, 30.0) for vol in (0.0, 0.01, 0.05)])
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(both(parameters)))


@pytest.mark.parametrize(
    "wrong", [{"short": np.nan}, {"mean_reversion": -0.1}, {"vol": -0.01}, {"tenors": (1, 0)}, {"level": np.inf}]
)
def test_vasicek_parameters_outside_their_domain_are_refused(wrong):
    with pytest.raises(ParameterError, match=next(iter(wrong))):
        Vasicek(**{**VASICEK, **wrong})


@pytest.mark.parametrize(
    "bad", [((1, 2), (0.03,)), ((2, 1), (0.03, 0.04)), ((0, 1), (0.03, 0.04)), ((1, 2), (0.03, np.nan))]
)
def test_curves_that_are_none_are_refused(bad):
    with pytest.raises(ParameterError, match="curve"):
        HullWhite(bad, 0.1, 0.01)
