import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError
from deephedge.pricing import variance

# The first and the third date lie between two points.
TIMES = np.array([0.0, 0.125, 0.25, 0.375, 0.5, 0.75, 1.0, 1.25])
SPOT = np.array([1.0, 1.25, 1.5, 1.125, 1.25, 1.375, 1.0, 2.0])
DATES, EXPIRY, FIXED_AT = (0.1, 0.25, 0.4), 1.0, (1, 2, 4, 6)
RATE, YIELD, VOL, YEARS = 0.04, 0.01, 0.3, 0.9
SQUARES = np.diff(np.log(SPOT[list(FIXED_AT)])) ** 2
MODEL = i.HestonMark(mean_reversion=1.5, long_variance=0.06, vol_of_vol=0.5, correlation=-0.7)


def make(**more):
    flat = {"A.vol": VOL, "rate": RATE, "A.dividend": YIELD, "A.variance": 0.09} | more
    quotes = {"A": jnp.asarray(SPOT)} | {name: jnp.full(8, value) for name, value in flat.items()}
    return MarketPath(jnp.asarray(TIMES), quotes, jnp.ones(8))


SWAPS = {
    "variance": (lambda: i.DatedVarianceSwap("A", DATES, EXPIRY, 0.09, 2.0), lambda x: x.sum() / YEARS - 0.09),
    "volatility": (lambda: i.VolatilitySwap("A", DATES, EXPIRY, 0.3, 2.0), lambda x: np.sqrt(x.sum() / YEARS) - 0.3),
    "corridor": (
        lambda: i.CorridorVarianceSwap("A", DATES, EXPIRY, 0.05, low=1.25, high=1.4, notional=2.0),
        lambda x: (x[0] + x[2]) / YEARS - 0.05,
    ),
}


@pytest.mark.parametrize("name", SWAPS)
def test_payoffs_and_what_is_remembered(name):
    build, payoff = SWAPS[name]
    with jax.enable_x64(True):
        swap, path = build(), make()
        cash, state = swap.cashflows(path), swap.state(path)["realised"]
    np.testing.assert_allclose(cash, [0] * 6 + [2.0 * payoff(SQUARES), 0], atol=1e-14)
    first, later, last = SQUARES / YEARS * ((1, 0, 1) if name == "corridor" else 1)
    np.testing.assert_allclose(state, np.cumsum([0, 0, first, 0, later, 0, last, 0]), atol=1e-14)


def test_flat_prices_are_moments_of_normal_returns():
    """At 0 all is to come; at 0.375 one period is over, one has begun, one is to come."""
    grow = RATE - YIELD - VOL**2 / 2
    lefts = {0: np.array([0.15, 0.15, 0.6]), 3: np.array([0.0, 0.025, 0.6])}
    so_far = {0: np.zeros(3), 3: np.log([1.5 / 1.25, 1.125 / 1.5, 1.0])}
    with jax.enable_x64(True):
        prices = {name: np.asarray(eqx.filter_jit(build().price)(make())) for name, (build, _) in SWAPS.items()}
        for k in (0, 3):
            means, spreads = so_far[k] + grow * lefts[k], VOL**2 * lefts[k]
            second, now = means**2 + spreads, 2.0 * np.exp(-RATE * (EXPIRY - TIMES[k]))
            np.testing.assert_allclose(prices["variance"][k], now * (second.sum() / YEARS - 0.09), rtol=1e-12)
            root = float(variance.normal_root(means, spreads))
            np.testing.assert_allclose(prices["volatility"][k], now * (root / np.sqrt(YEARS) - 0.3), rtol=1e-10)
            starts = {0: np.array(DATES), 3: np.array([0.0, 0.0, 0.025])}[k]
            with np.errstate(divide="ignore"):
                edges = (np.log(np.array([[1.25], [1.4]]) / SPOT[k]) - grow * starts) / (VOL * np.sqrt(starts))
            chance = np.diff(norm.cdf(edges), axis=0)[0]
            chance = np.where([False, False, False] if k == 0 else [True, True, False], [1.0, 0.0, 0.0], chance)
            corridor = now * ((chance * second).sum() / YEARS - 0.05)
            np.testing.assert_allclose(prices["corridor"][k], corridor, rtol=1e-10)
    assert all(not price[6:].any() for price in prices.values())


def test_hestons_prices_are_flat_ones_where_variance_stays_still():
    still = i.HestonMark(mean_reversion=1.0, long_variance=VOL**2, vol_of_vol=1e-3, correlation=0.0)
    with jax.enable_x64(True):
        for build in (SWAPS["variance"][0], SWAPS["volatility"][0]):
            flat = build()
            marked = eqx.tree_at(lambda s: s.model, flat, still, is_leaf=lambda x: x is None)
            found, exact = (np.asarray(eqx.filter_jit(x.price)(make())) for x in (marked, flat))
            # The volatility swap's noise of sampling is of first order in one over three periods.
            within = 1e-6 if isinstance(flat, i.DatedVarianceSwap) else 0.02
            np.testing.assert_allclose(found, exact, atol=within)


@pytest.mark.parametrize("name", [*SWAPS, "heston"])
def test_prices_have_finite_derivatives_also_where_nothing_has_moved(name):
    swap = i.VolatilitySwap("A", DATES, EXPIRY, 0.3, model=MODEL) if name == "heston" else SWAPS[name][0]()

    def total(spot):
        path = make().with_quotes({"A": spot})
        return swap.price(path).sum() + swap.cashflows(path).sum()

    slope = jax.jit(jax.grad(total))
    assert np.isfinite(slope(jnp.asarray(SPOT))).all() and np.isfinite(slope(jnp.ones(8))).all()


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.DatedVarianceSwap("A", (0.0, 1.0), 1.0, 0.04), "dates must rise"),
        (lambda: i.VolatilitySwap("A", (0.0,), 1.0, np.nan), "strike must be a finite number"),
        (lambda: i.CorridorVarianceSwap("A", (0.0,), 1.0, 0.04, low=1.0, high=0.9), "low and high must be positive"),
        (lambda: i.HestonMark(1.0, 0.04, 0.0, 0.0), "vol_of_vol must be positive"),
        (lambda: i.HestonMark(1.0, 0.04, 0.5, -2.0), "correlation must lie between"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
