"""Laws of the markets: every member passes all of them. To add one, add a line to MEMBERS."""

from collections.abc import Callable
from functools import lru_cache, partial
from typing import NamedTuple

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import deephedge as dh
from deephedge import markets as m
from deephedge.markets.sampler import METHODS, Sampler

STEPS, PATHS, CUT = 6, 2**14, 3
GRID = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)


def _paths():
    """As long as any grid here."""
    grid = dh.TimeGrid.uniform(maturity=310 / 252, steps=310)
    return dh.sample(m.BlackScholes("SPX", 0.2), grid, 8, key=jax.random.key(2))


def _history() -> dict[str, np.ndarray]:
    rng = np.random.default_rng(1)
    z = rng.standard_t(5, (400, 2))
    spot, vol = np.cumsum(3e-4 + 0.01 * z[:, 0]), np.cumsum(-0.02 * z[:, 0] + 0.02 * z[:, 1])
    return {"SPX": 100 * np.exp(spot), "SPX.vol": 0.2 * np.exp(vol)}


def _filtered(**more) -> m.FilteredHistorical:
    z = np.random.default_rng(2).standard_t(5, (400, 2)) * [0.8, 0.03]
    states = [[6e-5, -1.9, -1.8], [1e-4, -1.7, -1.7], [4e-4, -1.2, -1.5]]
    return m.FilteredHistorical(
        "SPX", m.Gjr(2e-6, 0.01, 0.12, 0.91), m.VolLink(-0.06, 0.88, 0.05, 0.03, -0.05), z, states, **more
    )


def _panel() -> m.FilteredHistoricalPanel:
    z = np.random.default_rng(2).standard_t(5, (400, 4)) * [0.8, 0.8, 5e-4, 0.05]
    z[:, 3] -= 0.05 * z[:, 0]
    laws = m.Gjr(2e-6, 0.01, 0.12, 0.91), m.Gjr(5e-6, 0.05, 0.02, 0.9)
    names, kinds = ("SPX", "OIL", "US10Y", "VIX"), ("price", "price", "level", "log")
    states = [[1e-4, 4e-4, 0.04, -1.9], [1.5e-4, 2e-4, -0.002, -1.2]]
    more = dict(spot=(1.0, 60.0), rate=0.03, dividend=(0.01, 0.0))
    return m.FilteredHistoricalPanel(names, kinds, laws, (0.03, -1.6), (0.99, 0.9), z, states, **more)


class Member(NamedTuple):
    make: Callable[[], m.AbstractMarket]
    spots: tuple[str, ...] = ("SPX",)
    signed: bool = False  # spots may be 0 or negative
    prefix: bool = True  # a shorter grid gives the first part of the same path
    tradables: Callable[[m.AbstractMarket, dh.MarketPath], dict[str, jax.Array]] = lambda market, path: {}


def _bonds(market, path: dh.MarketPath) -> dict[str, jax.Array]:
    """Prices of zero bonds of fixed maturity, for a market without a spot."""
    now, short = path.times, path.quotes["USD.short"]
    return {f"{end} years": market.bond(short, now, end - now) for end in (STEPS / 252, 1.0, 7.0)}


def _under_one_account() -> m.Joint:
    """An equity, a currency, an equity in it, a rate and a commodity."""
    members = (
        m.Heston("SPX", 100.0, 0.04, correlation=-0.7, **HESTON),
        m.GarmanKohlhagen("EURUSD", 0.1, 1.1, rate=0.02, foreign=0.03),
        m.BlackScholes("DAX", 0.2, spot=50.0, rate=0.01),
        m.HullWhite(((1, 10), (0.045, 0.04)), 0.1, 0.01, tenors=(5,)),
        m.Schwartz("CL", 60.0, **CRUDE, expiries=(0.02,)),
    )
    asked = {("SPX", "USD"): -0.3, ("SPX.variance", "EURUSD"): -0.2, ("SPX", "DAX"): 0.8, ("EURUSD", "DAX"): -0.4}
    return m.Joint(members, asked | {("CL", "EURUSD"): 0.3, ("CL", "SPX"): 0.3}, "USD", {"DAX": "EURUSD"})


def _worth_at_home(market, path: dh.MarketPath) -> dict[str, jax.Array]:
    """An asset in foreign cash, and a future with what it accrues to its holder."""
    steps = np.cumsum(path.quotes["CL.future.0.02.dividend"][:, :-1] * np.diff(path.times), axis=1)
    future = path.quotes["CL.future.0.02"] * np.pad(np.exp(steps), ((0, 0), (1, 0)), constant_values=1)
    return {"future": future, "DAX at home": path.quotes["DAX"] * path.quotes["EURUSD"]}


def _promises(market, path: dh.MarketPath, ends: tuple = (STEPS / 252, 1.0, 5.0)) -> dict[str, jax.Array]:
    """Prices of zero bonds that can default."""
    now, rate, alive = path.times, path.quotes["ACME.intensity"], path.quotes["ACME.alive"]
    return {f"{end} years": market.bond(rate, alive, now, end - now) for end in ends}


def _rated(market, path: dh.MarketPath) -> dict[str, jax.Array]:
    left = {end: end - path.times[0] for end in (STEPS / 252, 0.3)}
    return {f"{name} {end}": market.bond(path.quotes[f"{name}.rating"], left[end]) for end in left for name in "AB"}


def _factor_bonds(market, path: dh.MarketPath, factors: tuple[str, ...] = ("x", "y")) -> dict[str, jax.Array]:
    state = jnp.stack([path.quotes[f"USD.{factor}"] for factor in factors], -1)
    return {f"{end} years": _bond(market, state, path.times, end - path.times) for end in (STEPS / 252, 1.0, 7.0)}


def _lattice_bonds(market, path: dh.MarketPath) -> dict[str, jax.Array]:
    now = path.times[0]
    return {f"{end} years": _bond(market, path.quotes["USD.short"], now, end - now) for end in (STEPS / 252, 1.0, 7.0)}


_bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


def _reinvested(market, path: dh.MarketPath) -> dict[str, jax.Array]:
    """A share that buys more of itself with all that it pays, dividends on dates too."""
    spot = path.quotes["SPX"]
    paid = jax.vmap(dh.instruments.Spot("SPX").cashflows)(path)
    return {"share": jnp.cumprod(1.0 + paid / spot, axis=1) * spot}


HESTON = dict(mean_reversion=2.0, long_variance=0.05, vol_of_vol=0.5, rate=0.03, dividend=0.01)
BUEHLER = dict(mean_reversion=1.0, long_variance=0.04, vol_of_vol=2.0, correlation=-0.7)
CRUDE = dict(mean_reversion=1.5, level=50.0, vol=0.4)
MERTON = dict(vol=0.15, intensity=25.0, jump_mean=-0.03, jump_vol=0.04)
KOU = dict(vol=0.16, intensity=25.0, probability_up=0.4, up_mean=0.02, down_mean=0.04)
MEMBERS = {
    "black_scholes": Member(lambda: m.BlackScholes("SPX", vol=0.2)),
    "black_scholes_two": Member(
        lambda: m.BlackScholes(
            ("A", "B"), (0.2, 0.4), spot=(1.0, 50.0), rate=0.03, dividend=(0.0, 0.02), correlation=[[1, 0.6], [0.6, 1]]
        ),
        ("A", "B"),
    ),
    "black_scholes_drift": Member(lambda: m.BlackScholes("SPX", vol=0.2, drift=0.5)),
    "heston": Member(lambda: m.Heston("SPX", 1.0, 0.03, correlation=-0.6, **HESTON)),
    "heston_positive": Member(lambda: m.Heston("SPX", 1.0, 0.03, correlation=0.6, **HESTON)),
    "heston_buehler": Member(lambda: m.Heston("SPX", 100.0, 0.04, **BUEHLER)),
    "heston_drift": Member(lambda: m.Heston("SPX", 100.0, 0.04, **BUEHLER, drift=0.5)),
    "heston_euler": Member(lambda: m.Heston("SPX", 100.0, 0.04, **BUEHLER, scheme="euler")),
    "garman_kohlhagen": Member(
        lambda: m.GarmanKohlhagen(
            ("EURUSD", "GBPUSD"), (0.08, 0.1), (1.1, 1.25), 0.05, (0.03, 0.045), [[1, 0.6], [0.6, 1]], "EURGBP"
        ),
        ("EURUSD", "GBPUSD"),
    ),
    "heston_fx_carry": Member(  # a joint market of Heston's, both of which pass the laws that compile again
        lambda: m.HestonFx(
            *(("EURUSD", "GBPUSD"), (1.1, 1.25), 0.02, 1.5, 0.03, 0.4, (-0.4, 0.3), 0.05, (0.03, 0.045)),
            correlation=[[1, 0.6], [0.6, 1]],
            crosses="EURGBP",
        ),
        ("EURUSD", "GBPUSD"),
    ),
    "schwartz": Member(
        lambda: m.Schwartz("CL", 60.0, **CRUDE, expiries=(0.02, 0.5), tenors=(0.25,)),
        ("CL.future.0.02", "CL.future.0.5"),
    ),
    "schwartz_carry": Member(
        lambda: m.Schwartz("CL", 60.0, **CRUDE, rate=0.05, expiries=(0.02, 0.5)), ("CL.future.0.02", "CL.future.0.5")
    ),
    "schwartz_drift": Member(
        lambda: m.Schwartz("CL", 60.0, **CRUDE, real_level=120.0, expiries=(0.5,)), ("CL.future.0.5",)
    ),
    "schwartz_smith": Member(
        lambda: m.SchwartzSmith(
            "CL",
            60.0,
            1.5,
            short_vol=0.3,
            long_vol=0.15,
            correlation=0.3,
            short=0.1,
            growth=0.02,
            premium=0.1,
            expiries=(0.02, 0.5),
            tenors=(1.0,),
            seasonality=m.Seasonality((0.1,), (0.05,)),
            curve=((0.25, 58.0), (1.0, 55.0)),
        ),
        ("CL.future.0.02", "CL.future.0.5"),
    ),
    "power_carry": Member(
        lambda: m.MeanRevertingJumps(
            *("POWER", m.NormalJumps(0.15, 0.15), 60.0, 5.0, 50.0, 0.8, 12.0, 80.0, 0.1, 0.05),
            expiries=(0.02, 0.5),
            slots=2,
        ),
        ("POWER.future.0.02", "POWER.future.0.5"),
    ),
    "bachelier": Member(lambda: m.Bachelier("CL", -0.5, 3.0, rate=0.05), ("CL",), signed=True),
    "normal_reverting": Member(
        lambda: m.NormalOrnsteinUhlenbeck("CL", -0.5, 4.0, 2.0, 3.0, 0.05, (0.02, 0.5), (0.1,)),
        ("CL.future.0.02", "CL.future.0.5"),
        signed=True,
    ),
    "stressed": Member(
        lambda: m.Stressed(
            m.BlackScholes("SPX", vol=0.2),
            (m.Shock("SPX", 0.015, -0.2), m.Shock("SPX.vol", 0.015, 0.2, "absolute", decay=0.1)),
        )
    ),
    "merton": Member(lambda: m.Merton("SPX", 100.0, **MERTON, rate=0.03, dividend=0.01)),
    "merton_drift": Member(lambda: m.Merton("SPX", 1.0, **MERTON, drift=1.5)),
    "kou": Member(lambda: m.Kou("SPX", 1.0, **KOU)),
    "kou_carry": Member(lambda: m.Kou("SPX", 100.0, **KOU, rate=0.03, dividend=0.01)),
    "bates": Member(lambda: m.Bates("SPX", 100.0, 0.04, **BUEHLER, intensity=25.0, jump_mean=-0.03, jump_vol=0.04)),
    "bates_drift": Member(
        lambda: m.Bates(
            "SPX", 1.0, 0.03, correlation=-0.6, **HESTON, intensity=9.0, jump_mean=0.02, jump_vol=0.04, drift=1.5
        )
    ),
    "filtered_historical": Member(_filtered),
    "filtered_historical_carry": Member(lambda: _filtered(rate=0.05, dividend=0.02, spot=7.0)),
    "filtered_historical_drift": Member(lambda: _filtered(drift=0.3)),
    "filtered_historical_panel": Member(_panel, ("SPX", "OIL")),
    "panel_of_copula_carry": Member(
        lambda: m.FilteredHistoricalPanel(
            ("SPX", "US10Y"),
            ("price", "level"),
            (m.Gjr(2e-6, 0.01, 0.12, 0.86),),
            (0.03,),
            (0.99,),
            m.CopulaResiduals(np.sinh(np.linspace(-2, 2, 321))[:, None] * (1.5, 1e-3), [[1, -0.4], [-0.4, 1]], 6.0),
            [[1e-4, 0.04]],
            rate=0.03,
        )
    ),
    "dcc": Member(
        lambda: m.Dcc(
            ("SPX", "DAX"), (m.Gjr(2e-6, 0.02, 0.1, 0.9),) * 2, 0.05, 0.9, [[1, 0.6], [0.6, 1]], (1e-4, 3e-4), rate=0.03
        ),
        ("SPX", "DAX"),
    ),
    "bootstrap_days": Member(lambda: m.BlockBootstrap(_history(), block=1, centre=("SPX",), start={"SPX": 1.0})),
    "bootstrap_blocks": Member(lambda: m.BlockBootstrap(_history(), block=5)),
    "regime_bootstrap": Member(
        lambda: m.RegimeBootstrap(
            _history(),
            m.label_by_quantile(_history()["SPX.vol"]),
            [[0.9, 0.1, 0], [0.1, 0.8, 0.1], [0, 0.2, 0.8]],
            block=1,
            centre=("SPX",),
        )
    ),
    "rough_bergomi": Member(lambda: m.RoughBergomi("SPX", 100.0, 0.07, 1.9, -0.7, 0.055)),
    "rough_bergomi_carry": Member(lambda: m.RoughBergomi("SPX", 1.0, 0.3, 1.0, 0.5, 0.04, rate=0.03, dividend=0.01)),
    "rough_bergomi_drift": Member(lambda: m.RoughBergomi("SPX", 1.0, 0.1, 1.5, -0.7, 0.04, drift=0.5)),
    "lifted": Member(lambda: m.LiftedRoughHeston("SPX", 100.0, 0.03, 0.3, 0.02, 0.3, -0.7, 0.1)),
    "regime_switching": Member(
        lambda: m.RegimeSwitching("SPX", (0.1, 0.4), [[-9, 9], [30, -30]], rate=0.03, dividend=0.01)
    ),
    "heston_nandi": Member(lambda: m.HestonNandi("SPX", 100.0, 2.5e-4, 5e-6, 1e-6, 0.6, 500.0, rate=0.03)),
    "gjr_garch": Member(lambda: m.GjrGarch("SPX", m.Gjr(2e-6, 0.02, 0.1, 0.9), variance=2e-4)),
    "dividends": Member(
        lambda: m.Dividends(
            m.BlackScholes("SPX", vol=0.2, spot=100.0, rate=0.03, dividend=0.01),
            "SPX",
            cash=[(0.006, 9.0), (2 / 252, 5.0), (0.05, 20.0)],
            proportional=[(4 / 252, 0.1)],
            borrow=0.2,
            expiries=(0.5,),
        ),
        ("SPX.forward.0.5",),
        tradables=_reinvested,
    ),
    "vasicek": Member(lambda: m.Vasicek(0.03, 0.2, 0.04, 0.012), (), tradables=_bonds),
    "hull_white": Member(
        lambda: m.HullWhite(((1, 2, 5, 10), (0.045, 0.04, 0.037, 0.04)), 0.1, 0.01), (), tradables=_bonds
    ),
    "black_karasinski": Member(
        lambda: m.BlackKarasinski(((1, 2, 5, 10), (0.045, 0.04, 0.037, 0.04)), 0.1, 0.25, 300 / 252, tenors=(1, 7)),
        (),
        tradables=_lattice_bonds,
    ),
    "swap_rate": Member(lambda: m.SwapRate("S", 0.03, vol=0.009), ("S",)),
    "swap_rate_shifted": Member(
        lambda: m.SwapRate(
            "S", 0.02, dynamics="sabr", alpha=0.04, vol_of_vol=0.5, correlation=-0.3, beta=0.5, shift=0.03
        ),
        ("S",),
    ),
    "hull_white_two_factor": Member(
        lambda: m.HullWhiteTwoFactor(
            ((1, 2, 5, 10), (0.045, 0.04, 0.037, 0.04)), (0.5, 0.05), (0.012, 0.01), -0.7, tenors=(2, 10)
        ),
        (),
        tradables=_factor_bonds,
    ),
    "nelson_siegel": Member(
        lambda: m.NelsonSiegel(
            *((0.03, -0.01, 0.02), 0.004, (0.0, 0.01, 0.02), (8e-4, 1e-3, 2e-3)),
            [[1, -0.5, -0.4], [-0.5, 1, 0.3], [-0.4, 0.3, 1]],
            step=1 / 252,
            tenors=(0.25, 5),
        ),
        (),
        tradables=partial(_factor_bonds, factors=("level", "slope", "curvature")),
    ),
    "nelson_siegel_drift": Member(
        lambda: m.NelsonSiegel(
            *((0.03, -0.01, 0.02), 0.004, (0.0, 0.01, 0.02), (8e-4, 1e-3, 2e-3), np.eye(3), 0.01 * np.eye(3)),
            real_level=(0.01, 0.01, 0.0),
            step=1 / 252,
        ),
        (),
    ),
    "sabr": Member(lambda: m.Sabr("SPX", 100.0, 0.2, 0.8, -0.6)),
    "sabr_carry": Member(lambda: m.Sabr("SPX", 1.0, 0.2, 0.5, 0.5, rate=0.03, dividend=0.01)),
    "sabr_drift": Member(lambda: m.Sabr("SPX", 1.0, 0.2, 0.5, -0.5, drift=0.5)),
    "sabr_absorbed": Member(lambda: m.Sabr("SPX", 0.03, 0.05, 0.6, -0.3, beta=0.5)),
    "sabr_absorbed_carry": Member(lambda: m.Sabr("SPX", 100.0, 2.0, 0.8, -0.6, beta=0.5, rate=0.03, dividend=0.01)),
    "cox_ingersoll_ross": Member(lambda: m.CoxIngersollRoss(0.03, 0.5, 0.04, 0.1), (), tradables=_bonds),
    "local_volatility": Member(
        lambda: m.LocalVolatility("SPX", 100.0, (0.02, 0.1), (0.001, 0.006), -0.7, 1.0, 0.4, 0.03, 0.01, substeps=2)
    ),
    "moving_surface": Member(
        lambda: m.MovingSurface(
            m.BlackScholes("SPX", vol=0.2, rate=0.03),
            "SPX",
            m.SurfaceDynamics(4.0, (1.5, 0.3, 0.5, 0.5), (-0.7, 0.2, 0.0, 0.3)),
            (0.1, 0.5),
            (0.004, 0.02),
            -0.7,
            1.0,
        )
    ),
    "stochastic_local_volatility": Member(
        lambda: m.StochasticLocalVolatility(
            m.Heston("SPX", 1.0, 0.03, correlation=-0.6, **HESTON),
            (0.005, 0.02),
            (0.02, 0.03),
            [[1.5, 1.0, 0.7], [1.3, 1.0, 0.8]],
        )
    ),
    "business_days": Member(
        lambda: m.BusinessTime(
            m.BlackScholes("SPX", 0.2, rate=0.03, dividend=0.01), [[0, CUT / 252, 1], [0, 0.5 * CUT / 252, 1]]
        )
    ),
    "joint_three_classes": Member(_under_one_account, ("SPX", "EURUSD"), tradables=_worth_at_home),
    "curve_factors": Member(
        lambda: m.CurveFactors(
            (1, 5, 10),
            (0.03, 0.035, 0.04),
            [[0.6, 0.6, 0.5], [-0.7, 0.1, 0.7]],
            vol=(0.015, 0.008),
            arbitrage_free=True,
            maturities=(STEPS / 252, 1, 7),
        ),
        ("USD.bond.1y", "USD.bond.7y", f"USD.bond.{STEPS / 252:g}y"),
    ),
    "cir_intensity": Member(
        lambda: m.CirIntensity("ACME", ((0.01, 1, 5), (0.9, 1.2, 1.0)), 0.7, 0.8, 0.6, 0.7, rate=0.03),
        (),
        tradables=_promises,
    ),
    "lognormal_hazard": Member(
        lambda: m.LognormalHazard("ACME", 0.9, 0.8, 1.1, 0.8, rate=0.03, tenors=(1,)),
        (),
        tradables=lambda market, path: _promises(market, path, (STEPS / 252, 0.9)),
    ),
    "jump_to_default": Member(
        lambda: m.JumpToDefault("SPX", 100.0, 0.3, 1.5, 2.0, recovery=0.01, rate=0.03, dividend=0.01)
    ),
    "rating_migration": Member(
        lambda: m.RatingMigration(
            ("A", "B"), [[-3, 2, 1], [2, -6, 4], [0, 0, 0]], (0, 1), correlation=0.4, premium=(1.5, 1.2), rate=0.03
        ),
        (),
        tradables=_rated,
    ),
    "mixture": Member(
        lambda: m.Mixture(
            [m.BlackScholes("SPX", vol, rate=0.03, dividend=q) for vol, q in ((0.15, 0.0), (0.3, 0.01))], (0.6, 0.4)
        )
    ),
    "uncertain": Member(
        lambda: m.UncertainParameters(
            m.BlackScholes("SPX", 0.2, rate=0.03, dividend=0.01),
            {"vol": m.LogNormal(0.2, 0.3), "dividend": m.Normal(0.01, 0.005)},
            {("vol", "dividend"): -0.5},
            believed=("SPX.vol",),
        )
    ),
    "neural_sde": Member(lambda: m.NeuralSde("SPX", 0.2, key=jax.random.key(1), width=4, rate=0.03, dividend=0.01)),
    "window_generator": Member(lambda: m.WindowGenerator("SPX", 0.2, key=jax.random.key(1), hidden=4, width=4)),
    "replay": Member(lambda: m.Replay(_history()), prefix=False),
    "drawn": Member(lambda: m.Drawn(_paths()), prefix=False),
    "tilted_drift": Member(
        lambda: m.Tilted(m.BlackScholes("SPX", vol=0.2, drift=0.9), m.CashDensity((-22.0,) * STEPS, 0.0, ("SPX",)))
    ),
    "importance_drift": Member(
        lambda: m.ImportanceSampled(
            m.BlackScholes("SPX", vol=0.2),
            np.stack([np.full((STEPS, 1), 0.4), np.zeros((STEPS, 1))]),
            np.ones((2, 1)),
            (0.7, 0.3),
        ),
        prefix=False,
    ),
}
every_member = pytest.mark.parametrize("name", MEMBERS)
SPARE = (
    "black_scholes",
    "heston",
    "drift",
    "carry",
    "positive",
    "days",
    "classes",
)  # variants of a member that compile again
QUICK = (
    "black_scholes_two",
    "heston_buehler",
    "heston_euler",
    "schwartz",
    "normal_reverting",
    "merton",
    "replay",
    "rough_bergomi",
    "gjr_garch",
    "vasicek",
    "sabr",
    "rating_migration",
)  # stand for the others where a law compiles again; `make proofs` asks all
every_kind = pytest.mark.parametrize(
    "name",
    [
        name if name in QUICK else pytest.param(name, marks=pytest.mark.slow)
        for name in MEMBERS
        if not name.endswith(SPARE)
    ],
)


@eqx.filter_jit
def _draw(sampler: Sampler, key: jax.Array) -> jax.Array:
    return jax.vmap(lambda n: sampler(key, n))(jnp.arange(PATHS))


@lru_cache
def draws(shape: tuple[int, int], method: str = "random") -> jax.Array:
    return _draw(Sampler.of(shape, GRID, PATHS, method), jax.random.key(3))


@eqx.filter_jit
def follow(market: m.AbstractMarket, grid: dh.TimeGrid, shocks: jax.Array) -> dh.MarketPath:
    return jax.vmap(lambda one: market.path(grid, one))(shocks)


@lru_cache
def market_of(name: str) -> m.AbstractMarket:
    return MEMBERS[name].make()


def shape_of(name: str) -> tuple[int, int]:
    return market_of(name).shocks(GRID)


@lru_cache
def paths(name: str, method: str = "random") -> dh.MarketPath:
    return follow(market_of(name), GRID, draws(shape_of(name), method))


def quotes(path: dh.MarketPath) -> dict[str, np.ndarray]:
    return {name: np.asarray(quote, float) for name, quote in path.quotes.items()}


@every_member
def test_every_quote_has_a_value_at_every_point(name):
    path = paths(name)
    assert set(MEMBERS[name].spots) <= set(path.quotes)
    for value in (*path.quotes.values(), path.numeraire):
        assert value.shape == (PATHS, GRID.points) and value.dtype == jnp.float32
        assert bool(jnp.isfinite(value).all())
    for spot in MEMBERS[name].spots:
        assert MEMBERS[name].signed or bool((path.quotes[spot] > 0).all())
    np.testing.assert_array_equal(path.times, np.broadcast_to(GRID.times, path.times.shape))
    np.testing.assert_array_equal(path.numeraire[:, 0], 1.0)


@every_member
def test_the_same_normals_make_the_same_path(name):
    again = follow(MEMBERS[name].make(), GRID, draws(shape_of(name)))
    jax.tree.map(np.testing.assert_array_equal, again, paths(name))


@every_member
def test_what_comes_later_changes_nothing_before(name):
    known = min(CUT, shape_of(name)[0])
    shocks = draws(shape_of(name))
    other = follow(market_of(name), GRID, shocks.at[:, known:].set(jnp.flip(shocks[:, known:], axis=0)))
    jax.tree.map(np.testing.assert_array_equal, other.until(known), paths(name).until(known))


@every_kind
def test_a_shorter_grid_gives_the_first_part_of_the_path_and_one_wild_step_stays_finite(name):
    first, shape = dh.TimeGrid(GRID.times[:2]), (64, 1, shape_of(name)[1])
    wild = follow(market_of(name), first, 2.5 * jax.random.normal(jax.random.key(5), shape))
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(wild))
    if MEMBERS[name].prefix:  # otherwise a shorter window may start on more days
        short = follow(market_of(name), first, draws(shape_of(name))[:64, :1])
        whole = jax.tree.map(lambda x: x[:64], paths(name).until(1))
        jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-6, atol=1e-9), short, whole)


@every_member
def test_discounted_tradables_are_martingales_given_the_past(name):
    market, path = market_of(name), paths(name)
    prices = {spot: path.quotes[spot] for spot in MEMBERS[name].spots} | MEMBERS[name].tradables(market, path)
    assert prices or not market.martingale
    for tradable, price in prices.items():
        dividend = np.asarray(path.quotes.get(f"{tradable}.dividend", jnp.zeros_like(path.times)), float)
        reinvested = np.exp(dividend * np.asarray(path.times, float))
        value = np.asarray(price, float) * reinvested / np.asarray(path.numeraire, float)
        gain = np.diff(value, axis=1) / value[:, :1]
        past = [np.ones(PATHS), value[:, CUT] > value[:, 0], paths(name).quotes[sorted(path.quotes)[-1]][:, CUT]]
        bets = [gain[:, :CUT].sum(1)] + [gain[:, CUT:].sum(1) * np.asarray(bet, float) for bet in past]
        z = [bet.mean() / (bet.std() / np.sqrt(PATHS)) for bet in bets]
        if market.martingale:
            assert np.abs(z).max() < 4.0
        elif "drift" in name:
            assert np.abs(z).max() > 4.0  # the law can fail


# jumps, states and defaults move the quote too; a lifted step bends its normal into an inverse Gaussian
BENT = (
    m.Merton | m.Kou | m.Bates | m.MeanRevertingJumps | m.JumpToDefault | m.RegimeSwitching | m.RatingMigration
    | m.LiftedRoughHeston
)  # fmt: skip


@every_kind
def test_a_driver_is_a_unit_row_that_moves_what_it_names(name):
    """The first step is a diffusion's: the quote follows its driver, but for jumps and for what the scheme bends."""
    market, path, normals = market_of(name), quotes(paths(name)), np.asarray(draws(shape_of(name))[:, 0], float)
    bent = isinstance(market, BENT)
    for driver, row in market.drivers().items():
        assert row.shape == shape_of(name)[1:]
        np.testing.assert_allclose(np.linalg.norm(row), 1.0, atol=1e-6)
        level = driver.replace(".variance", ".alpha")
        moved = [q for q in (level, driver, f"{driver}.short", f"{driver}.intensity", f"{driver}.rating") if q in path]
        moved = [quote for quote in moved if path[quote][:, 1].std() > 0][:1]
        assert moved or "." in driver
        for quote in moved:
            better = -1.0 if quote.endswith(".rating") else 1.0  # the best rating is number 0
            moves = better * (path[quote][:, 1] - path[quote][:, 0])
            likeness = np.corrcoef(normals @ np.asarray(row, float), moves)[0, 1]
            assert likeness > (0.2 if bent or driver.endswith(".variance") else 0.9)


@every_member
@pytest.mark.parametrize("method", [method for method in METHODS if method != "random"])
def test_all_ways_of_sampling_agree_on_the_joint_law(name, method):
    random, other = quotes(paths(name)), quotes(paths(name, method))
    for quote, value in random.items():
        for statistic in (lambda x: x[:, -1], lambda x: x[:, -1] ** 2, lambda x: x[:, CUT] * x[:, -1]):
            a, b = statistic(value), statistic(other[quote])
            error = a.std() * np.sqrt(2.0 / PATHS)
            assert abs(a.mean() - b.mean()) <= 4.5 * error + 1e-6 * abs(a.mean()), quote


@every_kind
def test_float64_makes_the_same_paths_to_float32_rounding(name):
    shocks = np.asarray(draws(shape_of(name))[:64])
    single = jax.tree.map(lambda x: np.asarray(x[:64]), paths(name))
    with jax.enable_x64(True):
        grid = dh.TimeGrid.uniform(maturity=STEPS / 252, steps=STEPS)
        double = follow(MEMBERS[name].make(), grid, jnp.asarray(shocks, jnp.float64))
        assert all(leaf.dtype == jnp.float64 for leaf in jax.tree.leaves(double))
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=2e-4, atol=2e-6), single, double)


@pytest.mark.parametrize("name", ["heston_buehler", "replay"])
def test_sample_makes_the_paths_of_its_sampler(name):
    batch = dh.sample(market_of(name), GRID, PATHS, key=jax.random.key(3), method="random")
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-7), batch, paths(name))


@every_kind
def test_many_steps_of_wild_normals_stay_finite(name):
    grid = dh.TimeGrid.uniform(maturity=300 / 252, steps=300)
    shocks = 2.5 * jax.random.normal(jax.random.key(5), (8, *market_of(name).shocks(grid)))
    batch = follow(market_of(name), grid, shocks)
    assert all(bool(jnp.isfinite(leaf).all()) for leaf in jax.tree.leaves(batch))
