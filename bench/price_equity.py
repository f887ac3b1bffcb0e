"""Calls on every equity and FX market at five strikes, and what they cost by QuantLib, a transform or a closed form."""

from collections.abc import Callable
from functools import partial

import jax
import numpy as np
import QuantLib as ql
from scipy.linalg import expm

import deephedge as dh
from bench.price_case import Case, pay
from deephedge import markets as m
from deephedge.pricing import black, heston, heston_nandi, jumps, lifted, ssvi

RATE, YIELD, STRIKES = 0.03, 0.01, np.array([80.0, 90.0, 100.0, 110.0, 120.0])
CARRY, SPOT = {"rate": RATE, "dividend": YIELD}, ("SPX", 100.0)
LAW = (1.5, 0.05, 0.6, -0.7)  # mean reversion, long variance, vol of vol, correlation
ROUGH = dict(variance=0.02, mean_reversion=0.3, long_variance=0.02, vol_of_vol=0.3, correlation=-0.7)
SMILE = dict(expiries=(0.1, 0.5, 1.0), levels=(0.0045, 0.022, 0.05), rho=-0.7, eta=1.0, gamma=0.35)
SWITCH, VOLS = np.array([[-2.0, 2.0], [6.0, -6.0]]), np.array([0.1, 0.35])


def spots(market: m.AbstractMarket, steps: int, costs, source: str, years: float = 1.0) -> Case:
    return Case(market, years, steps, lambda q: pay(q, q["SPX"][:, -1:] - STRIKES), np.asarray(costs, float), source)


def calls(market: m.AbstractMarket, steps: int, price: Callable, source: str, years: float = 1.0) -> Case:
    """``price`` of forward and strikes, undiscounted."""
    undiscounted = jax.jit(price)(100.0 * np.exp((RATE - YIELD) * years), STRIKES)
    return spots(market, steps, np.exp(-RATE * years) * np.asarray(undiscounted, float), source, years)


def quantlib(jump: tuple[float, ...] = ()) -> np.ndarray:
    """Calls of one year under Heston, or Bates with ``jump`` = (intensity, mean, deviation)."""
    today = ql.Settings.instance().evaluationDate = ql.Date(2, 1, 2025)
    flat = [ql.YieldTermStructureHandle(ql.FlatForward(today, r, ql.Actual365Fixed())) for r in (RATE, YIELD)]
    arguments = (*flat, ql.QuoteHandle(ql.SimpleQuote(100.0)), 0.04, *LAW)
    if jump:
        engine = ql.BatesEngine(ql.BatesModel(ql.BatesProcess(*arguments, *jump)), 1e-10, 100_000)
    else:
        engine = ql.AnalyticHestonEngine(ql.HestonModel(ql.HestonProcess(*arguments)), 1e-10, 100_000)
    prices = []
    for strike in STRIKES:
        payoff = ql.PlainVanillaPayoff(ql.Option.Call, float(strike))
        option = ql.VanillaOption(payoff, ql.EuropeanExercise(today + 365))
        option.setPricingEngine(engine)
        prices.append(option.NPV())
    return np.array(prices)


def surface(leveraged: bool) -> Case:
    """Dupire's market, or Heston under the leverage that makes it pay the same."""
    local = m.LocalVolatility(*SPOT, **SMILE, substeps=4)
    terms = (local.expiries, local.levels, local.rho, local.shape)
    costs = jax.jit(lambda: ssvi.price(100.0, STRIKES, 1.0, *terms))()
    market, steps = local, 64
    if leveraged:
        steps = 256
        grid, key = dh.TimeGrid.uniform(maturity=1.0, steps=steps), jax.random.key(0)
        market = m.calibrate_leverage(m.Heston(*SPOT, 0.04, *LAW), local, grid, key=key, particles=2**18, nodes=161)
    return spots(market, steps, costs, "SSVI surface")


def regimes() -> Case:
    """By Lewis's integral of the matrix exponential of generator and variances."""
    forward, u = 100.0 * np.exp(RATE - YIELD), np.linspace(-80.0, 80.0, 1601)
    each = [expm(SWITCH - 0.5 * np.diag(VOLS**2) * (x * x + 0.25))[0].sum() for x in u]
    turn = np.exp(1j * np.outer(np.log(forward / STRIKES), u)) * each / (u**2 + 0.25)
    costs = np.exp(-RATE) * (forward - np.sqrt(forward * STRIKES) / np.pi / 2 * np.trapezoid(turn.real, u))
    return spots(m.RegimeSwitching("SPX", VOLS, SWITCH, 0, spot=100.0, **CARRY), 100, costs, "matrix exponential")


def dividends() -> Case:
    market = m.BlackScholes("SPX", vol=0.2, spot=100.0, rate=RATE)
    paid = m.Dividends(market, "SPX", proportional=((0.25, 0.01), (0.75, 0.02)))
    costs = np.exp(-RATE) * black.price(100.0 * np.exp(RATE) * 0.99 * 0.98, STRIKES, 0.2)
    return spots(paid, 12, costs, "Black")


def lifted_rough() -> Case:
    market = m.LiftedRoughHeston(*SPOT, **ROUGH, hurst=0.1, **CARRY)
    kernel = lifted.kernel(market.hurst, market.factors, market.ratio)
    law = (0.02, 1.0, 0.3, 0.02, 0.3, -0.7)
    return calls(market, 200, lambda f, k: lifted.price(f, k, *law, *kernel), "transform")


def cross() -> Case:
    """Calls on a cross, in its own second currency: Black at the volatility of a ratio."""
    market = m.GarmanKohlhagen(
        ("EURUSD", "GBPUSD"), (0.08, 0.1), (1.1, 1.25), 0.05, (0.03, 0.045), [[1, 0.6], [0.6, 1]], "EURGBP"
    )
    vol, strikes = np.sqrt(0.08**2 + 0.1**2 - 2 * 0.6 * 0.08 * 0.1), 0.88 * np.array([0.95, 1.0, 1.05])
    costs = 1.25 * np.exp(-0.045) * black.price(0.88 * np.exp(0.045 - 0.03), strikes, vol)

    def pays(q: dict[str, np.ndarray]) -> np.ndarray:
        return pay(q, q["EURGBP"][:, -1:] - strikes) * q["GBPUSD"][:, -1:]

    return Case(market, 1.0, 12, pays, np.asarray(costs, float), "Black, in pounds")


def heston_pair() -> Case:
    market = m.HestonFx(
        ("EURUSD", "GBPUSD"), (1.1, 1.25), (0.0064, 0.01), 2.0, (0.0064, 0.01), 0.2, (-0.2, -0.4), 0.05, (0.03, 0.045)
    )
    strikes = 1.25 * np.array([0.9, 1.0, 1.1])
    law = jax.jit(partial(heston.price, variance=0.01, tau=1.0, kappa=2.0, theta=0.01, sigma=0.2, rho=-0.4))
    costs = np.exp(-0.05) * np.asarray(law(1.25 * np.exp(0.005), strikes), float)
    return Case(market, 1.0, 100, lambda q: pay(q, q["GBPUSD"][:, -1:] - strikes), costs, "transform")


CASES: dict[str, Callable[[], Case]] = {
    "BlackScholes": lambda: calls(
        m.BlackScholes("SPX", vol=0.2, spot=100.0, **CARRY), 12, lambda f, k: black.price(f, k, 0.2), "Black"
    ),
    "Dividends": dividends,
    "Merton": lambda: calls(
        m.Merton(*SPOT, 0.15, 1.0, -0.1, 0.1, **CARRY), 4,
        lambda f, k: jumps.merton_price(f, k, 0.15, 1.0, 1.0, -0.1, 0.1), "Merton's series",
    ),
    "Kou": lambda: calls(
        m.Kou(*SPOT, 0.15, 3.0, 0.4, 0.03, 0.06, **CARRY), 4,
        lambda f, k: jumps.kou_price(f, k, 0.15, 1.0, 3.0, 0.4, 0.03, 0.06), "transform",
    ),
    "Heston": lambda: spots(m.Heston(*SPOT, 0.04, *LAW, **CARRY), 100, quantlib(), "QuantLib"),
    "Bates": lambda: spots(
        m.Bates(*SPOT, 0.04, *LAW, 1.0, -0.1, 0.05, **CARRY), 100, quantlib((1.0, -0.1, 0.05)), "QuantLib"
    ),
    "LiftedRoughHeston": lifted_rough,
    "LocalVolatility": lambda: surface(leveraged=False),
    "StochasticLocalVolatility": lambda: surface(leveraged=True),
    "RegimeSwitching": regimes,
    "HestonNandi": lambda: calls(
        m.HestonNandi(*SPOT, 2.5e-4, 5e-6, 1e-6, 0.6, 500.0, **CARRY), 60,
        lambda f, k: heston_nandi.price(f, k, 2.5e-4, 60, 5e-6, 1e-6, 0.6, 500.0), "Heston and Nandi", 60 / 252,
    ),
    "JumpToDefault": lambda: calls(
        m.JumpToDefault(*SPOT, 0.25, 0.1, recovery=1e-4, **CARRY), 12,
        lambda f, k: jumps.default_price(f, k, 0.25, 1.0, 0.1, 1e-4), "Black with default",
    ),
    "GarmanKohlhagen": cross,
    "HestonFx": heston_pair,
}  # fmt: skip
