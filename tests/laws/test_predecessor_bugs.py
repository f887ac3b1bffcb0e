"""Bugs that packages of this kind have shipped: one test for each, which fails where the bug comes back."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from scipy import stats

import deephedge as dh
from deephedge import features as f
from deephedge import instruments as i
from deephedge.core.errors import ProblemError
from deephedge.studies import comparison

# where ceil(T / dt + 1) is a step too many, dt being 1/365 or 1/252, and where it happens to be right
GRIDS = [(29 / 365, 29), (58 / 365, 58), (65 / 252, 65), (6 * (1 / 365), 6), (30 / 365, 30)]
YEAR = dh.TimeGrid.uniform(maturity=1.0, steps=8)
DAY = 1 / 365
problem = dh.HedgingProblem(
    grid=dh.TimeGrid.uniform(maturity=5 * DAY, steps=5),
    liability=i.short(i.EuropeanCall("SPX", 1.0, 5 * DAY)),
    instruments=(i.Spot("SPX"),),
    features=(f.LogMoneyness("SPX", 1.0), f.TimeLeft(5 * DAY), f.Quote("SPX.vol", "vol")),
)
market = dh.markets.BlackScholes("SPX", vol=0.2)
priced = eqx.filter_jit(lambda option, path: option.price(path))
follow = eqx.filter_jit(lambda market, grid, shocks: jax.vmap(lambda z: market.path(grid, z).quotes)(shocks))


def test_sobol_points_are_not_cut_into_steps_so_the_end_has_its_whole_variance():
    """One point of a sequence in 1 dimension for each step made W(T) vary an eighth as much as it should."""
    spot = dh.sample(market, YEAR, 2**12, key=jax.random.key(0), method="sobol").quotes["SPX"]
    brownian = (np.log(np.asarray(spot, float)) + 0.5 * 0.2**2 * np.asarray(YEAR.times)) / 0.2
    for t, now in enumerate(np.asarray(YEAR.times, float)):
        assert brownian[:, t].var() == pytest.approx(now, rel=0.03)
        assert np.mean(brownian[:, t] * brownian[:, -1]) == pytest.approx(now, abs=0.03)


def test_rough_bergomi_gives_each_path_its_own_memory():
    """The second half of all paths has the same normals; what came before is all that tells their variances apart."""
    z = np.random.default_rng(0).standard_normal((6, 8, 3)).astype(np.float32)
    z[:, 4:] = z[:1, 4:]
    rough = dh.markets.RoughBergomi("SPX", 1.0, 0.1, 1.5, -0.7, 0.04)
    variance = np.log(np.asarray(follow(rough, YEAR, z)["SPX.variance"], float))[:, -1]
    assert np.unique(variance.round(4)).size == 6
    alone = follow(rough, YEAR, z[[3] * 6])["SPX.variance"]
    assert np.log(alone[0, -1]) == pytest.approx(variance[3], abs=1e-5)


@pytest.mark.parametrize("left", [0.25, 1.0, 2.0])
def test_a_listed_option_is_priced_for_its_own_maturity_and_on_its_own_volatility(left):
    """Not for the liability's, not for the end of the path, and not on another option's volatility."""
    quotes = {"SPX": jnp.full(2, 100.0), "SPX.vol": jnp.full(2, 0.2), "listed.vol": jnp.full(2, 0.3)}
    levels = {0.25: 0.012, 1.0: 0.05, 2.0: 0.12}  # total variances at the money
    surface = {f"theta.{tenor}": level for tenor, level in levels.items()} | {"rho": -0.4, "eta": 0.8, "gamma": 0.4}
    quotes |= {f"SPX.ssvi.{name}": jnp.full(2, value) for name, value in surface.items()}
    path = dh.MarketPath(jnp.array([0.0, 0.1]), quotes, jnp.ones(2))

    def black(total: float) -> float:
        upper = np.log(100 / 105) / total + total / 2
        return 100 * stats.norm.cdf(upper) - 105 * stats.norm.cdf(upper - total)

    for vol, expected in ((None, 0.2), ("listed.vol", 0.3)):
        now = priced(i.EuropeanCall("SPX", 105.0, left, vol=vol), path)
        later = priced(i.EuropeanCall("SPX", 105.0, left + 0.1, vol=vol), path)
        assert [float(now[0]), float(later[1])] == pytest.approx([black(expected * np.sqrt(left))] * 2, rel=1e-5)
    k, theta = np.log(1.05), levels[left]
    phi = 0.8 / (theta**0.4 * (1 + theta) ** 0.6)
    total = np.sqrt(theta / 2 * (1 - 0.4 * phi * k + np.sqrt((phi * k - 0.4) ** 2 + 1 - 0.4**2)))
    assert float(priced(i.ListedOption("SPX", 105.0, left), path)[0]) == pytest.approx(black(total), rel=1e-4)


@pytest.mark.parametrize(("maturity", "steps"), GRIDS)
def test_a_grid_has_the_steps_that_were_asked_for(maturity, steps):
    """T / dt is a whole number and a rounding error, so that its ceiling may be one step more."""
    grid = dh.TimeGrid.uniform(maturity=maturity, steps=steps)
    assert grid.steps == steps and grid.points == steps + 1
    assert float(grid.times[-1]) == np.float32(maturity)


def test_the_threshold_of_an_objective_is_trained():
    """It ends at the value at risk of the losses, far from the 0 where it starts."""
    fit = dh.fit(problem, market, dh.policies.Static((0.5,)), dh.objectives.CVaR(0.9), optax.adam(1e-2), updates=60,
                 paths=1024, key=jax.random.key(1), validation=256, checks=False)  # fmt: skip
    held = float(fit.policy.positions[0])
    spot = np.exp(0.2 * np.sqrt(5 * DAY) * np.random.default_rng(2).standard_normal(200_000) - 0.02 * 5 * DAY)
    losses = np.maximum(spot - 1, 0) - held * (spot - 1)
    assert float(fit.objective.threshold) == pytest.approx(np.quantile(losses, 0.9), rel=0.05)
    assert float(fit.objective.threshold) > 0.01


def test_whalley_and_wilmott_are_finite_at_expiry_in_float32():
    band = dh.policies.WhalleyWilmott(1e-3, 1.0)
    moneyness, left = np.meshgrid([-0.1, 0.0, 1e-7, 0.1], [0.0, 1e-12, 1e-7, DAY])
    seen = {"log_moneyness": moneyness.ravel(), "time_left": left.ravel(), "vol": np.full(16, 0.2)}
    edges = jax.jit(jax.vmap(band.encode))({name: jnp.asarray(x, jnp.float32) for name, x in seen.items()})
    assert all(edge.dtype == jnp.float32 and bool(jnp.isfinite(edge).all()) for edge in edges)
    path = dh.sample(market, problem.grid, 16, key=jax.random.key(0))
    assert bool(jnp.isfinite(dh.evaluate(problem, {"band": band}, path)["band"].wealth).all())


MODELS = {
    "heston": dh.markets.Heston("SPX", 1.0, 0.04, 1.0, 0.04, vol_of_vol=1.0, correlation=-0.7),
    "merton": dh.markets.Merton("SPX", 1.0, 0.15, intensity=2.0, jump_mean=-0.1, jump_vol=0.1),
}


@pytest.mark.parametrize("name", MODELS)
def test_drift_is_taken_out_of_each_step_and_not_out_of_the_sample(name):
    """A path is the same whoever is beside it; the mean of a sample is not 1 but errs as it should, from each past."""
    model = MODELS[name]
    shocks = jax.random.normal(jax.random.key(5), (2**14, *model.shocks(YEAR)))
    batch = np.asarray(follow(model, YEAR, shocks)["SPX"], float)
    beside = np.asarray(follow(model, YEAR, shocks.at[3:].multiply(0.5))["SPX"], float)
    np.testing.assert_allclose(beside[:3], batch[:3], rtol=1e-6)
    assert abs(batch[:, -1].mean() - 1.0) > 1e-5
    gain = np.diff(batch, axis=1)
    for t in range(1, 8):
        for past in (np.ones(len(gain)), batch[:, t] < 0.95, batch[:, t - 1] > batch[:, t]):
            bet = gain[:, t] * past
            assert abs(bet.mean() / (bet.std() / np.sqrt(len(bet)))) < 4.0


def test_cvar_is_right_on_an_atom():
    """A call's payoff is 0 half of the time: the tail takes a part of the atom, not all of it and not none."""
    losses = np.concatenate([np.zeros(60), np.linspace(0.01, 0.4, 40)])
    for level in (0.0, 0.3, 0.599, 0.6, 0.61, 0.95):
        worst = (1 - level) * 100
        weights = np.clip(worst - np.arange(100), 0, 1)  # of the sorted losses, the worst first
        expected = weights @ losses[::-1] / worst
        objective = dh.objectives.CVaR(level)
        assert float(objective(-jnp.asarray(losses, jnp.float32))) == pytest.approx(expected, rel=1e-5)
        assert float(objective.fitted(-jnp.asarray(losses, jnp.float32)).threshold) == pytest.approx(
            np.quantile(losses, level, method="inverted_cdf")
        )


def test_policies_are_compared_on_one_payoff_and_prices_are_in_cash():
    """Utility of different payoffs is no ranking: a problem has one liability, and runs of several are not paired."""
    path = dh.sample(market, problem.grid, 64, key=jax.random.key(0))
    policies = {"delta": dh.policies.BlackScholesDelta(), "none": dh.policies.NoHedge()}
    ledgers = dh.evaluate(problem, policies, path)
    np.testing.assert_array_equal(ledgers["delta"].liability, ledgers["none"].liability)
    with pytest.raises(ProblemError, match="is not in cash, so its differences are no prices"):
        dh.objectives.indifference_price(dh.objectives.QuadraticError(), ledgers["none"].wealth)

    assert comparison.one_liability([*ledgers.values()])
    other = eqx.tree_at(lambda ledger: ledger.liability, ledgers["none"], ledgers["none"].liability * 2)
    assert not comparison.one_liability([*ledgers.values(), other])
