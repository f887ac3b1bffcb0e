"""Markets without a formula, or with a default, calibrated: own quotes give the parameters back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge.core.errors import DataError
from deephedge.markets import BlackKarasinski, JumpToDefault, LognormalHazard, Vasicek
from deephedge.markets import calibration as c
from deephedge.markets.calibration import black_karasinski as by_lattice
from deephedge.pricing import black_karasinski, curve, jumps

CURVE = ((1, 2, 5, 10), (0.03, 0.032, 0.035, 0.036))
EXPIRY, TENOR = np.array([0.5, 1.0, 2.0, 1.0, 2.0]), np.array([0.5, 0.5, 0.5, 2.0, 1.5])


def swaption_prices(cells: int, nodes: int, strike: np.ndarray) -> list[float]:
    """One by one, by the scalar function of the lattice."""
    with jax.enable_x64(True):
        years, yields = (jnp.asarray(row, float) for row in CURVE)
        count = int(3.5 * cells)
        discounts = jnp.exp(curve.log_discount(years, yields, jnp.arange(count + 1) / cells))
        lattice = jax.jit(black_karasinski.fit, static_argnums=4)(discounts, 1 / cells, 0.1, 0.25, nodes)
        prices = []
        for expiry, tenor, k in zip(EXPIRY, TENOR, strike, strict=True):
            many = round(2 * tenor)
            lengths = tuple(int(cells * (n + 1) / 2) for n in range(many))
            cash = jnp.asarray([0.5 * k + (n == many - 1) for n in range(many)])
            prices.append(float(black_karasinski.coupon_bond_option(
                lattice, int(expiry * cells), lengths, cash, 1.0, call=False)))  # fmt: skip
        return prices


def test_black_karasinski_gives_its_parameters_back():
    strike = c.RateOptions(CURVE, EXPIRY, TENOR, period=0.5, vol=0.006).strike
    rows = (CURVE, EXPIRY, TENOR, strike, 0.5)

    def of(price):
        return c.RateOptions(*rows, price=price, payer=True)

    own = of(swaption_prices(12, by_lattice.states(42), strike))
    fit = c.calibrate_black_karasinski(own, name="EUR")
    np.testing.assert_allclose(list(fit.parameters.values()), [0.1, 0.25], rtol=1e-6)
    assert isinstance(fit.market, BlackKarasinski) and fit.market.name == "EUR" and fit.largest < 1e-4
    finer = c.calibrate_black_karasinski(of(swaption_prices(48, 401, strike)))
    np.testing.assert_allclose(list(finer.parameters.values()), [0.1, 0.25], rtol=0.02)
    assert finer.largest < 0.1
    held = c.calibrate_black_karasinski(own, mean_reversion=0.1)
    np.testing.assert_allclose(held.parameters["vol"], 0.25, rtol=1e-6)
    with pytest.raises(DataError, match="dates must fall on the ends of the 12 cells"):
        c.calibrate_black_karasinski(c.RateOptions(CURVE, 0.3, 0.5, vol=0.006))


def test_a_lognormal_hazard_gives_its_parameters_back():
    true = dict(intensity=0.02, mean_reversion=0.4, level=0.035, vol=0.7)
    years, tenors = np.array([1.0, 2, 3, 5, 7]), np.array([1.0, 3, 5])
    with jax.enable_x64(True):
        market = LognormalHazard("A", **true, tenors=(7.0,))
        living = jax.jit(lambda log, left: market.survival(jnp.exp(log), 0.0, left))
        log = jnp.log(jnp.asarray(0.02))
        debt = -np.log(np.asarray(living(log, jnp.asarray(years))))
        spreads = [np.log(-np.log(0.4 + 0.6 * np.asarray(living(log + e, jnp.asarray(tenors))))) for e in (-1e-4, 1e-4)]
    hazards = (years, np.diff(debt, prepend=0.0) / np.diff(years, prepend=0.0))
    fit = c.calibrate_lognormal_hazard("ACME", hazards, (tenors, 0.7 * (spreads[1] - spreads[0]) / 2e-4))
    np.testing.assert_allclose(list(fit.parameters.values()), list(true.values()), rtol=1e-6)
    assert isinstance(fit.market, LognormalHazard) and fit.market.tenors == (1.0, 3.0, 5.0) and not fit.warnings
    with pytest.warns(UserWarning, match="vol.* not separately identified"):
        c.calibrate_lognormal_hazard("ACME", hazards, resolution=0.01)


def test_a_jump_to_default_gives_its_parameters_back():
    strike, expiry = np.tile([50.0, 80, 100, 120], 2), np.repeat([0.5, 2.0], 4)
    with jax.enable_x64(True):
        rows = (jnp.asarray(x) for x in (strike, expiry))
        price = jax.jit(lambda k, t: jumps.default_price(100.0, k, 0.3, t, 0.04, 0.1, call=k >= 100.0))(*rows)
    quotes = c.OptionQuotes(strike, expiry, forward=100.0, price=np.asarray(price))
    fit = c.calibrate_jump_to_default(quotes, "ACME", recovery=0.1)
    np.testing.assert_allclose(list(fit.parameters.values()), [0.3, 0.04], rtol=1e-6)
    assert isinstance(fit.market, JumpToDefault) and fit.market.name == "ACME" and fit.largest < 1e-6
    held = c.calibrate_jump_to_default(quotes, intensity=0.04, recovery=0.1)
    np.testing.assert_allclose([held.parameters["vol"], held.market.intensity], [0.3, 0.04], rtol=1e-6)
    with pytest.warns(UserWarning, match="intensity"):  # calls of high strikes say nothing of default
        c.calibrate_jump_to_default(quotes[strike > 100], recovery=0.1, resolution=0.01)


def test_vasicek_meets_its_own_curve_and_a_flat_one_leaves_the_speed_open():
    years, (short, speed, level, vol) = np.array([0.5, 1.0, 2.0, 5.0, 10.0, 20.0]), (0.01, 0.3, 0.045, 0.015)
    load = -np.expm1(-speed * years) / speed
    far = level - vol**2 / (2 * speed**2)  # Vasicek's formula (1977)
    yields = far + (short - far) * load / years + vol**2 * load**2 / (4 * speed * years)
    fit = c.calibrate_vasicek((years, yields), vol)
    np.testing.assert_allclose(
        [fit.parameters[k] for k in ("short", "level", "mean_reversion")], [short, level, speed], rtol=1e-6
    )
    assert isinstance(fit.market, Vasicek) and fit.largest < 1e-4
    held = c.calibrate_vasicek((years, yields), vol, mean_reversion=speed)
    np.testing.assert_allclose(held.parameters["level"], level, rtol=1e-6)
    with pytest.warns(UserWarning, match="mean_reversion .*identified"):
        c.calibrate_vasicek((years, np.full(6, 0.03)), 0.0, starts=1)
    with pytest.raises(DataError, match="curve must be a pair"):
        c.calibrate_vasicek((years, yields[:3]), vol)
