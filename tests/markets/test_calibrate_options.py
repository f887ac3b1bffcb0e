"""Jumps, regimes, GARCH and the lifted Heston model calibrated to options: own prices give the parameters back."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import markets
from deephedge.markets import calibration as c
from deephedge.pricing import heston_nandi, jumps, lifted, regimes

DAYS = np.repeat([5, 21, 63], 9)
EXPIRY, FORWARD = DAYS / 252, np.full(27, 100.0)
STRIKE = FORWARD * np.exp(np.tile(np.linspace(-2.5, 1.5, 9), 3) * 0.2 * np.sqrt(EXPIRY))
CALL = STRIKE >= FORWARD
SIZES = dict(vol=0.15, intensity=0.8, jump_mean=-0.1, jump_vol=0.12)
SIDES = dict(vol=0.16, intensity=1.0, probability_up=0.35, up_mean=0.06, down_mean=0.15)
GARCH = dict(variance=1.6e-4, omega=5e-6, alpha=1e-6, beta=0.6, gamma=400.0)
ROUGH = dict(variance=0.02, mean_reversion=1.0, long_variance=0.06, vol_of_vol=0.3, correlation=-0.7, hurst=0.1)
CHAIN = {"vol.calm": 0.12, "vol.wild": 0.35, "rate.up": 2.0, "rate.down": 9.0}


def quotes(formula, *law) -> c.OptionQuotes:
    """Prices in float64 by the formula for one option at a time."""
    with jax.enable_x64(True):
        rows = (jnp.asarray(x) for x in (FORWARD, STRIKE, EXPIRY))
        return c.OptionQuotes(STRIKE, EXPIRY, FORWARD, price=np.asarray(jax.jit(formula)(*rows, *law)))


def check(fit: c.Calibration, kind: type, true: dict[str, float]) -> None:
    np.testing.assert_allclose([fit.parameters[name] for name in true], list(true.values()), rtol=1e-6)
    assert isinstance(fit.market, kind) and fit.rmse < 1e-5 and not fit.warnings
    np.testing.assert_allclose(float(fit.market.spot), 100.0, rtol=1e-5)


def test_merton_and_kou_give_their_parameters_back():
    law = (0.15, jnp.asarray(EXPIRY), 0.8, -0.1, 0.12)
    own = quotes(lambda f, k, t: jumps.merton_price(f, k, law[0], t, *law[2:], call=k >= f))
    check(c.calibrate_merton(own, starts=2), markets.Merton, SIZES)
    check(
        c.calibrate_kou(quotes(lambda f, k, t: jumps.kou_price(f, k, 0.16, t, 1.0, 0.35, 0.06, 0.15, call=k >= f))),
        markets.Kou,
        SIDES,
    )
    flat = c.OptionQuotes(STRIKE, EXPIRY, FORWARD, vol=0.2)
    for calibrate in (c.calibrate_merton, c.calibrate_kou):
        with pytest.warns(UserWarning, match="identified|bound"):  # a flat smile has no jumps
            assert calibrate(flat, starts=1).largest < 0.1


def test_standard_errors_are_those_of_noisy_quotes():
    clean = quotes(lambda f, k, t: jumps.merton_price(f, k, 0.15, t, 0.8, -0.1, 0.12, call=k >= f))
    rng, scores = np.random.default_rng(7), []
    for _ in range(40):
        vol = clean.vol + 1e-4 * rng.standard_normal(len(clean))
        fit = c.calibrate_merton(c.OptionQuotes(STRIKE, EXPIRY, FORWARD, vol=vol, spread=1.0), starts=1)
        scores.append([(fit.parameters[name] - true) / fit.errors[name] for name, true in SIZES.items()])
    assert (np.abs(np.sqrt(np.mean(np.square(scores), axis=0)) - 1.0) < 4 / np.sqrt(80)).all()


@pytest.mark.parametrize("regime", [0, 1])
def test_two_regimes_give_their_parameters_back(regime):
    with jax.enable_x64(True):
        law = [jnp.array([0.12, 0.35]), jnp.array([[-2.0, 2.0], [9.0, -9.0]])]
    own = quotes(lambda f, k, t, *law: regimes.price(f, k, t, *law, regime, call=k >= f), *law)
    fit = c.calibrate_regimes(own, regime, starts=2)
    check(fit, markets.RegimeSwitching, CHAIN)
    assert int(fit.market.regime) == regime


def test_heston_nandi_gives_its_parameters_back():
    with jax.enable_x64(True):
        rows = [
            jax.jit(heston_nandi.price, static_argnums=3)(
                100.0, jnp.asarray(STRIKE[DAYS == n]), 1.6e-4, int(n), 5e-6, 1e-6, 0.6, 400.0, call=CALL[DAYS == n]
            )
            for n in np.unique(DAYS)
        ]
    own = c.OptionQuotes(STRIKE, EXPIRY, FORWARD, price=np.concatenate(rows))
    check(c.calibrate_heston_nandi(own, starts=1), markets.HestonNandi, GARCH)


def test_the_lifted_model_gives_its_parameters_back():
    law = (0.02, 1.0, 0.06, 0.3, -0.7)

    def formula(f, k, t):
        kernel = lifted.kernel(jnp.asarray(0.1))
        return lifted.price(f, k, law[0], t, *law[1:], *kernel, call=k >= f, nodes=128, steps=80)

    fit = c.calibrate_lifted_rough_heston(quotes(formula), resolution=1e-5)
    check(fit, markets.LiftedRoughHeston, ROUGH)
