import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge.pricing import autocallable, black

VOL, RATE, YIELD = 0.25, 0.03, 0.01
TAUS = np.array([0.0, 0.25, 0.4, 0.75, 1.0])  # one date is over
LEVELS = {"call_level": 1.0, "coupon_level": 0.8, "barrier": 0.7, "strike": 1.05, "coupon": 0.02}
priced = jax.jit(autocallable.legs, static_argnames=("memory", "watched", "nodes"))


def simulated(spot, memory, watched, paths=400_000):
    """Present value of principal and coupons, and of the loss, path by path; dates one after the other."""
    z = np.random.default_rng(7).standard_normal((len(TAUS), paths))
    x, alive, touched = np.full(paths, np.log(spot)), np.ones(paths, bool), np.zeros(paths, bool)
    owed, gained, lost, before = np.zeros(paths), np.zeros(paths), np.zeros(paths), 0.0
    for tau, normals in zip(TAUS[1:], z[1:], strict=True):
        step, last, now = tau - before, tau == TAUS[-1], np.exp(-RATE * tau)
        x, before = x + (RATE - YIELD - VOL**2 / 2) * step + VOL * np.sqrt(step) * normals, tau
        price = np.exp(x)
        good, called = price >= LEVELS["coupon_level"], price >= LEVELS["call_level"]
        touched |= (price < LEVELS["barrier"]) & (watched or last)
        gained += now * alive * (good * LEVELS["coupon"] * (1 + memory * owed) + (called | last))
        owed = np.where(good, 0, owed + 1)
        if last:
            lost += now * alive * ~called * touched * np.minimum(price / LEVELS["strike"] - 1, 0)
        alive &= ~called
    return gained, lost


@pytest.mark.parametrize("spot, memory, watched", [(0.95, True, True), (0.95, False, False), (0.7, True, False)])
def test_a_note_is_a_simulation(spot, memory, watched):
    found = priced(spot, TAUS, VOL, RATE, YIELD, **LEVELS, memory=memory, watched=watched)
    for leg, parts in ((found.plain, 0), (found.fresh, 1)):
        cash = simulated(spot, memory, watched)[parts]
        assert abs(leg - cash.mean()) < 3 * cash.std() / np.sqrt(len(cash)) + 1e-6


def test_a_note_that_is_never_called_is_a_bond_coupons_and_a_short_put():
    spots, free = np.array([0.6, 0.9, 1.3]), LEVELS | {"call_level": 50.0, "coupon_level": 1e-3}
    with jax.enable_x64(True):
        found = priced(spots, TAUS, VOL, RATE, YIELD, **free, watched=True, nodes=40)
        ahead = spots * np.exp((RATE - YIELD) * TAUS[-1])
        put = np.asarray(jax.jit(black.price)(ahead, 1.05, VOL, 1.0, False)) / 1.05
    bonds = np.exp(-RATE * TAUS)
    np.testing.assert_allclose(found.plain, bonds[-1] + 0.02 * bonds[1:].sum(), rtol=1e-9)
    np.testing.assert_allclose(found.missed, bonds[1], rtol=1e-9)
    np.testing.assert_allclose(found.touched, -bonds[-1] * put, rtol=1e-8)


def test_the_last_period_is_a_closed_form_and_a_level_on_the_spot_is_no_trouble():
    with jax.enable_x64(True):
        found = priced(0.9, np.array([0.0, 0.5]), VOL, RATE, YIELD, **LEVELS)
    spread, ahead = VOL * np.sqrt(0.5), 0.9 * np.exp((RATE - YIELD) * 0.5)
    d2 = {k: (np.log(ahead / k) - spread**2 / 2) / spread for k in (0.7, 0.8, 1.0)}
    lost = {k: ahead / 1.05 * norm.cdf(-d2[k] - spread) - norm.cdf(-d2[k]) for k in (0.7, 1.0)}
    exact = np.exp(-RATE * 0.5) * np.array([1 + 0.02 * norm.cdf(d2[0.8]), norm.cdf(d2[0.8]), lost[1.0], lost[0.7]])
    np.testing.assert_allclose(np.array(found), exact, rtol=1e-12)


def test_derivatives_are_finite_and_right_on_a_level():
    def total(spot, vol):
        return sum(autocallable.legs(spot, TAUS, vol, RATE, YIELD, **LEVELS, watched=True))

    with jax.enable_x64(True):
        spot, vol = jnp.array(0.8), jnp.array(VOL)  # on the coupon level
        slopes = jax.jit(jax.grad(total, argnums=(0, 1)))(spot, vol)
        h = 1e-5
        bumped = jax.jit(jax.vmap(total))(spot + h * jnp.array([1, -1, 0, 0]), vol + h * jnp.array([0, 0, 1, -1]))
        exact = [(bumped[0] - bumped[1]) / (2 * h), (bumped[2] - bumped[3]) / (2 * h)]
        np.testing.assert_allclose(np.array(slopes), np.array(exact), rtol=1e-6)
