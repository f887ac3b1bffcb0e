"""Options on every market of rates, credit and commodities and on two joint ones, and what they cost by other means."""

from collections.abc import Callable, Sequence

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import QuantLib as ql
from scipy.linalg import expm

from bench.price_case import Case, pay
from deephedge import markets as m
from deephedge.pricing import bachelier, black, black_karasinski, cir, curve, g2, hazard, hullwhite, schwartz

CURVE = ((0.5, 1, 2, 5, 10), (0.05, 0.046, 0.041, 0.038, 0.042))
LENGTHS = np.arange(1.0, 4.0)  # of the swap that a swaption is on
bond = eqx.filter_jit(lambda market, *state: market.bond(*state))


def at(x) -> np.ndarray:
    return np.asarray(x, float)


def bond_calls(market: m.AbstractMarket, bonds: Sequence, price: Callable, steps: int, source: str) -> Case:
    """Calls of two years on a bond of three more, from today's bonds to 2 and 5 years; ``price`` of a strike."""
    strikes = bonds[1] / bonds[0] * np.array([0.97, 1.0, 1.03])

    def pays(q: dict[str, np.ndarray]) -> np.ndarray:
        return pay(q, at(bond(market, q["USD.short"][:, -1], 2.0, 3.0))[:, None] - strikes)

    return Case(market, 2.0, steps, pays, np.array([float(price(float(k))) for k in strikes]), source)


def short_rate(model: ql.ShortRateModel, market: m.AbstractMarket, steps: int) -> Case:
    """QuantLib's model of the same short rate, which starts at 3 %."""
    bonds, option = [model.discountBond(0.0, t, 0.03) for t in (2.0, 5.0)], model.discountBondOption
    return bond_calls(market, bonds, lambda k: option(ql.Option.Call, k, 2.0, 5.0), steps, "QuantLib")


def hull_white() -> Case:
    market, bonds = m.HullWhite(CURVE, 0.1, 0.012, tenors=()), (np.exp(-2 * 0.041), np.exp(-5 * 0.038))
    return bond_calls(market, bonds, lambda k: hullwhite.bond_option(*bonds, k, 2.0, 3.0, 0.1, 0.012), 4, "Jamshidian")


def payers(market: m.AbstractMarket, state: Callable, swaptions: Callable, steps: int, source: str) -> Case:
    """Payer swaptions of one year on a swap of three; ``swaptions`` of (bonds to 1 ... 4 years, rates)."""
    today = np.exp(at(curve.log_discount(*map(at, CURVE), np.arange(1.0, 5.0))))
    rates = (today[0] - today[-1]) / today[1:].sum() + np.array([-0.01, 0.0, 0.01])

    def pays(q: dict[str, np.ndarray]) -> np.ndarray:
        later = at(bond(market, state(q), 1.0, LENGTHS))
        return pay(q, 1 - later[:, -1:] - rates * later.sum(1, keepdims=True))

    return Case(market, 1.0, steps, pays, at(swaptions(today, rates)), source)


def two_factors() -> Case:
    law = (0.7, 0.08, 0.015, 0.011, -0.75)
    market = m.HullWhiteTwoFactor(CURVE, law[:2], law[2:4], law[4], tenors=())

    def prices(today: np.ndarray, rates: np.ndarray) -> np.ndarray:
        with jax.enable_x64(True):
            return at(jax.jit(g2.swaption)(today[0], today[1:], np.ones(3), rates, 1.0, LENGTHS, *law))

    def state(q: dict[str, np.ndarray]) -> jax.Array:
        return jnp.stack([q["USD.x"][:, -1:], q["USD.y"][:, -1:]], -1)

    return payers(market, state, prices, 4, "Brigo and Mercurio")


def lognormal_rate() -> Case:
    market = m.BlackKarasinski(CURVE, 0.15, 0.3, 1.0, tenors=(3,), cells=24)

    def prices(_: np.ndarray, rates: np.ndarray) -> np.ndarray:
        cash = [np.array([r, r, 1 + r]) for r in rates]
        option = black_karasinski.coupon_bond_option
        return np.array([float(option(market.lattice, 24, (24, 48, 72), flow, 1.0, False)) for flow in cash])

    return payers(market, lambda q: q["USD.short"][:, -1:], prices, 24, "lattice")


def swap_rate() -> Case:
    strikes, annuity = np.array([0.02, 0.03, 0.04]), 4.2
    market = m.SwapRate("S", 0.03, vol=0.009, annuity=annuity)
    costs = annuity * at(bachelier.price(0.03, strikes, 0.009, 1.0))
    return Case(market, 1.0, 12, lambda q: annuity * np.maximum(q["S"][:, -1:] - strikes, 0), costs, "Bachelier")


def square_root_intensity() -> Case:
    """Calls of a year on the part of a five-year bond that default takes, for a square-root intensity on a curve."""
    hazards, law = ((1, 3, 5), (0.02, 0.024, 0.03)), (0.5, 0.02, 0.08)
    market, strikes = m.CirIntensity("ACME", hazards, 0.01, *law, tenors=()), np.array([0.86, 0.88, 0.9])
    shifted = [hazard.survival(*map(at, hazards), t) / cir.discount(0.01, t, *law) for t in (1.0, 5.0)]
    size = shifted[1] / shifted[0]
    costs = shifted[0] * size * cir.bond_option(0.01, strikes / size, 1.0, 4.0, *law)

    def pays(q: dict[str, np.ndarray]) -> np.ndarray:
        taken = at(market.survival(q["ACME.intensity"][:, -1], 1.0, 4.0))
        return q["ACME.alive"][:, -1:] * np.maximum(taken[:, None] - strikes, 0)

    return Case(market, 1.0, 16, pays, at(costs), "shifted square root")


def ratings() -> Case:
    """One unit at three years, if a bond of each rating still stands."""
    generator = np.array([[-0.5, 0.4, 0.1], [0.3, -0.8, 0.5], [0, 0, 0]])
    market = m.RatingMigration(("A", "B"), generator, (0, 1), correlation=0.4)
    costs = 1 - expm(3.0 * generator)[:2, 2]
    return Case(
        market, 3.0, 6, lambda q: np.stack([q[f"{x}.rating"][:, -1] < 2 for x in "AB"], 1), costs, "matrix exponential"
    )


def futures_calls(market: m.AbstractMarket, forward: float, costs: Callable, steps: int, source: str) -> Case:
    """Calls of half a year on a future of nine months, at three strikes; no rate."""
    strikes = forward * np.array([0.8, 1.0, 1.2])
    paid = lambda q: pay(q, q["CL.future.0.75"][:, -1:] - strikes)  # noqa: E731
    return Case(market, 0.5, steps, paid, at(costs(forward, strikes)), source)


def one_factor() -> Case:
    forward = float(schwartz.future(60.0, 0.75, 1.5, 50.0, 0.4))
    market = m.Schwartz("CL", 60.0, 1.5, 50.0, 0.4, expiries=(0.75,))
    return futures_calls(market, forward, lambda f, k: schwartz.option(f, k, 0.5, 0.25, 1.5, 0.4), 4, "Black")


def short_and_long() -> Case:
    law = dict(long_sigma=0.15, rho=0.3)
    forward = float(schwartz.future(60.0, 0.75, 1.5, 60.0, 0.3, **law, growth=0.02))
    market = m.SchwartzSmith("CL", 60.0, 1.5, 0.3, 0.15, 0.3, growth=0.02, expiries=(0.75,))
    return futures_calls(market, forward, lambda f, k: schwartz.option(f, k, 0.5, 0.25, 1.5, 0.3, **law), 4, "Black")


def below_zero() -> Case:
    strikes = np.array([-20.0, 0.0, 20.0])
    market = m.Bachelier("CL", 2.0, 30.0, rate=0.02)
    costs = np.exp(-0.02) * at(bachelier.price(2.0, strikes, 30.0, 1.0))
    return Case(market, 1.0, 12, lambda q: pay(q, q["CL"][:, -1:] - strikes), costs, "Bachelier")


def normal_reversion() -> Case:
    """The spot of a year: normal, with the mean and variance of Ornstein and Uhlenbeck."""
    mean, deviation = 30 - 35 * np.exp(-4.0), 60 * np.sqrt(-np.expm1(-8.0) / 8)
    strikes = mean + deviation * np.array([-1.0, 0.0, 1.0])
    market = m.NormalOrnsteinUhlenbeck("CL", -5.0, 4.0, 30.0, 60.0)
    costs = at(bachelier.price(mean, strikes, deviation, 1.0))
    return Case(market, 1.0, 4, lambda q: pay(q, q["CL"][:, -1:] - strikes), costs, "Bachelier")


def spikes() -> Case:
    """The spot of half a year by Lewis's integral of its characteristic function, jumps summed over their age."""
    kappa, vol, intensity, decay, years, size, spread = 5.0, 0.8, 8.0, 40.0, 0.5, 0.4, 0.2
    age = (np.arange(20_000) + 0.5) / 20_000 * years
    kept = np.exp(-decay * age)

    def law(z: complex) -> complex:
        jump = np.exp(z * size * kept + 0.5 * (z * spread * kept) ** 2) - 1
        diffusion = 0.5 * z**2 * vol**2 * -np.expm1(-2 * kappa * years) / (2 * kappa)
        return np.exp(z * np.log(60.0) + diffusion + intensity * years * jump.mean())

    forward, u = law(1.0).real, np.linspace(-60.0, 60.0, 1201)
    strikes = forward * np.array([0.8, 1.0, 1.5])
    each = np.array([law(1j * x + 0.5) for x in u])
    turn = np.exp(-1j * np.outer(np.log(strikes), u)) * each / (u**2 + 0.25)
    costs = forward - np.sqrt(strikes) / np.pi / 2 * np.trapezoid(turn.real, u)
    market = m.MeanRevertingJumps("POWER", m.NormalJumps(size, spread), 60.0, kappa, 60.0, vol, intensity, decay)
    return Case(market, years, 32, lambda q: pay(q, q["POWER"][:, -1:] - strikes), costs, "transform")


def stochastic_rates() -> Case:
    """A stock beside a curve that moves: Black on the forward, whose variance holds the bond's and what they share."""
    a, vol, bond_vol, rho, years = 0.1, 0.2, 0.03, -0.6, 2.0
    rates = m.HullWhite(CURVE, a, bond_vol, tenors=())
    market = m.Joint([m.BlackScholes("SPX", vol, 100.0, dividend=0.01), rates], {("SPX", "USD"): rho})
    t = np.linspace(0.0, years, 20_001)
    of_bond = bond_vol * (1 - np.exp(-a * (years - t))) / a
    total = np.sqrt(np.trapezoid(vol**2 + 2 * rho * vol * of_bond + of_bond**2, t))
    discount, strikes = np.exp(-years * 0.041), np.array([85.0, 105.0, 130.0])
    costs = discount * at(black.price(100 * np.exp(-0.01 * years) / discount, strikes, total))
    return Case(market, years, 8, lambda q: pay(q, q["SPX"][:, -1:] - strikes), costs, "Merton")


def quanto() -> Case:
    """Calls on a yen index, paid one dollar for a yen."""
    stock = m.BlackScholes("NKY", 0.25, 100.0, rate=0.01, dividend=0.02)
    pair = m.GarmanKohlhagen("JPYUSD", 0.12, 0.009, 0.05, 0.01)
    market = m.Joint([stock, pair], [("NKY", "JPYUSD", -0.5)], currency={"NKY": "JPYUSD"})
    strikes, forward = np.array([90.0, 100.0, 110.0]), 100 * np.exp(0.01 - 0.02 + 0.5 * 0.25 * 0.12)
    costs = np.exp(-0.05) * at(black.price(forward, strikes, 0.25))
    return Case(market, 1.0, 4, lambda q: pay(q, q["NKY"][:, -1:] - strikes), costs, "Black with quanto drift")


CASES: dict[str, Callable[[], Case]] = {
    "Vasicek": lambda: short_rate(
        ql.Vasicek(0.03, 0.3, 0.05, 0.015, 0.0), m.Vasicek(0.03, 0.3, 0.05, 0.015, tenors=()), 4
    ),
    "HullWhite": hull_white,
    "HullWhiteTwoFactor": two_factors,
    "CoxIngersollRoss": lambda: short_rate(
        ql.CoxIngersollRoss(0.03, 0.04, 0.5, 0.1), m.CoxIngersollRoss(0.03, 0.5, 0.04, 0.1, tenors=()), 24
    ),
    "BlackKarasinski": lognormal_rate,
    "SwapRate": swap_rate,
    "CirIntensity": square_root_intensity,
    "RatingMigration": ratings,
    "Schwartz": one_factor,
    "SchwartzSmith": short_and_long,
    "Bachelier": below_zero,
    "NormalOrnsteinUhlenbeck": normal_reversion,
    "MeanRevertingJumps": spikes,
    "Joint, stock and curve": stochastic_rates,
    "Joint, quanto": quanto,
}
