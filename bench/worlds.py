"""One market of each kind, by asset class: what the pictures of the theory pages show and the path benchmark times."""

from collections.abc import Callable

import jax
import numpy as np

import deephedge as dh
from deephedge import markets as m

CURVE = ((1, 2, 5, 10), (0.045, 0.04, 0.037, 0.04))
HESTON = ("SPX", 100.0, 0.04, 1.5, 0.04, 0.6, -0.7)


def local() -> m.LocalVolatility:
    return m.LocalVolatility("SPX", 100.0, (0.25, 0.5, 1.0, 2.0), (0.01, 0.02, 0.04, 0.08), -0.7, 1.0, 0.4)


def slv() -> m.AbstractMarket:
    grid = dh.TimeGrid.uniform(maturity=1.0, steps=32)
    return m.calibrate_leverage(m.Heston(*HESTON), local(), grid, key=jax.random.key(0), particles=8192)


def moving() -> m.MovingSurface:
    dynamics = m.SurfaceDynamics(4.0, (1.5, 0.3, 0.5, 0.5), (-0.7, 0.2, 0.0, 0.3))
    return m.MovingSurface(m.Heston(*HESTON), "SPX", dynamics, (0.1, 0.5), (0.004, 0.02), -0.7, 1.0)


def filtered() -> m.FilteredHistorical:
    """Residuals made up: fat-tailed days, each with its surprise in implied volatility."""
    days = np.random.default_rng(2).standard_t(5, (2000, 2)) * [0.77, 0.03]
    garch, link = m.Gjr(2e-6, 0.01, 0.12, 0.91), m.VolLink(-0.06, 0.88, 0.05, 0.03, -0.05)
    return m.FilteredHistorical("SPX", garch, link, days, [[1e-4, -1.8, -1.8]])


def joint() -> m.Joint:
    return m.Joint(
        (m.Heston(*HESTON), m.HullWhite(CURVE, 0.1, 0.01), m.Schwartz("CL", 60.0, 1.5, 50.0, 0.4)),
        {("SPX", "USD"): 0.3, ("SPX", "CL"): 0.4, ("SPX.variance", "CL"): -0.3},
    )


def stressed(scenario: str, **quotes: str) -> m.Stressed:
    """Heston with the moves of a scenario in the middle of the year."""
    return m.Stressed(m.Heston(*HESTON), m.historical(scenario, 0.5, **quotes))


World = tuple[Callable[[], m.AbstractMarket], str, str]  # how it is made, the quote to draw, its name on the axis
FAMILIES: dict[str, dict[str, World]] = {
    "equity": {
        "Black-Scholes": (lambda: m.BlackScholes("SPX", vol=0.2, spot=100.0), "SPX", "spot"),
        "Heston": (lambda: m.Heston(*HESTON), "SPX.vol", "volatility"),
        "Bates": (lambda: m.Bates(*HESTON, intensity=1.0, jump_mean=-0.1, jump_vol=0.05), "SPX", "spot"),
        "Merton": (lambda: m.Merton("SPX", 100.0, 0.15, 1.0, -0.1, 0.1), "SPX", "spot"),
        "Kou": (lambda: m.Kou("SPX", 100.0, 0.15, 3.0, 0.4, 0.03, 0.06), "SPX", "spot"),
        "SABR": (lambda: m.Sabr("SPX", 100.0, 0.2, 0.8, -0.6), "SPX.vol", "volatility"),
        "rough Bergomi": (lambda: m.RoughBergomi("SPX", 100.0, 0.07, 1.9, -0.7, 0.04), "SPX.vol", "volatility"),
        "lifted rough Heston": (
            lambda: m.LiftedRoughHeston("SPX", 100.0, 0.02, 0.3, 0.02, 0.3, -0.7, 0.1), "SPX.vol", "volatility",
        ),
        "regimes": (
            lambda: m.RegimeSwitching("SPX", (0.1, 0.35), [[-2, 2], [6, -6]], spot=100.0), "SPX", "spot",
        ),
        "GJR-GARCH": (
            lambda: m.GjrGarch("SPX", m.Gjr(2e-6, 0.02, 0.1, 0.9), variance=1e-4), "SPX.vol", "volatility",
        ),
        "Heston-Nandi": (
            lambda: m.HestonNandi("SPX", 100.0, 5e-5, 5e-6, 1e-6, 0.6, 500.0), "SPX.vol", "volatility",
        ),
    },
    "surfaces": {
        "local volatility": (local, "SPX.vol", "volatility"),
        "stochastic local volatility": (slv, "SPX.vol", "volatility"),
        "moving surface": (moving, "SPX.ssvi.theta.0.5", "at-the-money variance, half a year"),
    },
    "fx": {
        "Garman-Kohlhagen": (
            lambda: m.GarmanKohlhagen(
                ("EURUSD", "GBPUSD"), (0.08, 0.1), (1.1, 1.25), 0.05, (0.03, 0.045), [[1, 0.6], [0.6, 1]], "EURGBP"
            ), "EURGBP", "pounds for a euro",
        ),
        "Heston pairs": (
            lambda: m.HestonFx(
                ("EURUSD", "GBPUSD"), (1.1, 1.25), (0.0064, 0.01), 2.0, (0.0064, 0.01), 0.2, (-0.2, -0.4), 0.05,
                (0.03, 0.045),
            ), "EURUSD.vol", "volatility of EURUSD",
        ),
    },
    "commodity": {
        "Schwartz": (lambda: m.Schwartz("CL", 60.0, 1.5, 50.0, 0.4), "CL", "spot"),
        "Schwartz-Smith": (
            lambda: m.SchwartzSmith(
                "NG", 60.0, 1.5, short_vol=0.3, long_vol=0.15, correlation=0.3, growth=0.02,
                seasonality=m.Seasonality((0.2,), (0.1,)),
            ), "NG", "spot, with seasons",
        ),
        "spikes": (
            lambda: m.MeanRevertingJumps("POWER", m.NormalJumps(0.4, 0.2), 60.0, 10.0, 60.0, 0.8, 8.0, 60.0), "POWER",
            "power",
        ),
        "Bachelier": (lambda: m.Bachelier("CL", 10.0, 15.0), "CL", "oil, dollars"),
    },
    "rates": {
        "Vasicek": (lambda: m.Vasicek(0.03, 0.2, 0.04, 0.012), "USD.short", "short rate"),
        "Hull-White": (lambda: m.HullWhite(CURVE, 0.1, 0.01), "USD.short", "short rate"),
        "two factors": (
            lambda: m.HullWhiteTwoFactor(CURVE, (0.5, 0.05), (0.012, 0.01), -0.7, tenors=(10,)), "USD.short",
            "short rate",
        ),
        "Cox-Ingersoll-Ross": (lambda: m.CoxIngersollRoss(0.03, 0.5, 0.04, 0.1), "USD.short", "short rate"),
        "Black-Karasinski": (
            lambda: m.BlackKarasinski(CURVE, 0.1, 0.25, 1.0, tenors=(1,)), "USD.short", "short rate",
        ),
        "swap rate": (lambda: m.SwapRate("S", 0.03, vol=0.009), "S", "swap rate"),
    },
    "credit": {
        "square-root intensity": (
            lambda: m.CirIntensity("ACME", ((1, 3, 5), (0.02, 0.024, 0.03)), 0.01, 0.5, 0.02, 0.08), "ACME.intensity",
            "intensity",
        ),
        "lognormal intensity": (
            lambda: m.LognormalHazard("ACME", 0.02, 0.5, 0.02, 0.6, tenors=(1,)), "ACME.intensity", "intensity",
        ),
        "jump to default": (lambda: m.JumpToDefault("ACME", 100.0, 0.3, 0.15, 1.0, recovery=0.05), "ACME", "stock"),
        "ratings": (
            lambda: m.RatingMigration(
                ("A", "B"), [[-0.5, 0.4, 0.1], [0.3, -0.8, 0.5], [0, 0, 0]], (0, 1), correlation=0.4
            ), "A.spread.5y", "five-year spread",
        ),
    },
    "history": {
        "filtered historical": (filtered, "SPX", "spot"),
        "its implied volatility": (filtered, "SPX.vol", "implied volatility"),
        "DCC": (
            lambda: m.Dcc(
                ("SPX", "DAX"), (m.Gjr(2e-6, 0.02, 0.1, 0.9),) * 2, 0.05, 0.9, [[1, 0.6], [0.6, 1]], (1e-4, 1e-4)
            ), "DAX", "second of two prices",
        ),
    },
    "stress": {
        "October 1987": (lambda: stressed("1987-10 crash", equity="SPX"), "SPX", "spot"),
        "the month after Lehman": (
            lambda: stressed("2008-10 lehman", equity="SPX", vol="SPX.vol"), "SPX.vol", "volatility",
        ),
        "April 2020": (
            lambda: m.Stressed(m.Bachelier("CL", 30.0, 15.0), m.historical("2020-04 oil", 0.5, oil="CL")), "CL",
            "oil, dollars",
        ),
    },
    "joint": {"Heston, Hull-White, Schwartz": (joint, "SPX", "spot")},
}  # fmt: skip
