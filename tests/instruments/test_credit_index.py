"""An index is its names; an option on it is Black's on the spread adjusted for losses, written out in NumPy."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
from scipy.stats import norm

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError

TIMES = np.array([0.0, 0.2, 0.5, 0.75])
HAZARDS, RECOVERIES, WEIGHTS, RATE = np.array([0.05, 0.2]), np.array([0.4, 0.1]), np.array([0.7, 0.3]), 0.03
EXPIRY, VOL, STRIKE = 0.5, 0.6, 0.1
PERIODS = i.Periods.regular(1.25, 4, -0.25)


class Flat:
    """A survival law of one's own."""

    def survival(self, intensity, now, left):
        return jnp.exp(-intensity * left)


INDEX = i.CdsIndex(("A", "B"), STRIKE, PERIODS, WEIGHTS, RECOVERIES, (Flat(), Flat()))
SINGLES = [i.Cds(name, STRIKE, PERIODS, recovery) for name, recovery in zip("AB", RECOVERIES, strict=True)]
OPTIONS = [i.CdsIndexOption(INDEX, EXPIRY, VOL, payer) for payer in (True, False)]


@pytest.fixture(scope="module")
def seen():
    """What contracts say where B defaults between 0.2 and 0.5, and where both have by then."""
    alive = {"A": np.array([[1, 1, 1, 1], [1, 1, 0, 0]]), "B": np.array([[1, 1, 0, 0], [1, 0, 0, 0]])}

    def told(alive):
        quotes = {f"{name}.alive": alive[name] for name in "AB"} | {"rate": jnp.full(4, RATE)}
        quotes |= {f"{name}.intensity": jnp.full(4, h) for name, h in zip("AB", HAZARDS, strict=True)}
        path = MarketPath(jnp.asarray(TIMES), quotes, jnp.ones(4))
        said = [{"cash": c.cashflows(path), "price": c.price(path)} for c in (INDEX, *SINGLES, *OPTIONS)]
        said[0] |= {"par": INDEX.par_spread(path), "cs01": INDEX.cs01(path), **INDEX.state(path)}
        return said, [swap.cs01(path) for swap in SINGLES], OPTIONS[0].tradable(path)

    alive = {name: jnp.asarray(x, float) for name, x in alive.items()}
    return eqx.filter_jit(eqx.filter_vmap(told))(alive)


def test_an_index_is_its_names(seen):
    (index, *singles), slopes, _ = seen[0][:3], seen[1], seen[2]
    for kind in ("cash", "price"):
        total = sum(w * np.asarray(single[kind]) for w, single in zip(WEIGHTS, singles, strict=True))
        np.testing.assert_allclose(index[kind], total, atol=2e-7)
    np.testing.assert_allclose(index["cs01"], WEIGHTS[0] * slopes[0] + WEIGHTS[1] * slopes[1], atol=1e-6)
    np.testing.assert_allclose(index["defaulted"], [[0, 0, 0.3, 0.3], [0, 0.3, 1, 1]], atol=1e-7)
    np.testing.assert_allclose(index["accrued"][0], STRIKE * np.array([0, 0.2, 0, 0]), atol=1e-7)
    # At par what is left costs the accrued 0.2 of premium alone: that is paid in 0.05 years, or at default before.
    loss, annuity = forward(0.2, 0.2, np.ones(2))
    k = HAZARDS + RATE
    annuity += 0.2 * WEIGHTS @ (np.exp(-0.05 * k) - HAZARDS / k * np.expm1(-0.05 * k))
    np.testing.assert_allclose(index["par"][0, 1], loss / (annuity - 0.2), rtol=1e-5)
    np.testing.assert_allclose(index["price"][0, 1], loss - STRIKE * annuity, atol=3e-7)


def forward(now, begin, alive):
    """Values at ``now`` of the losses of the index until its end, and of premiums of one a year from ``begin`` on.

    In closed form for flat hazards; ``alive`` are the names that live.
    """
    owed, premium = 0.0, 0.0
    for h, severity, weight, lives in zip(HAZARDS, WEIGHTS * (1 - RECOVERIES), WEIGHTS, alive, strict=True):
        k = h + RATE
        front = severity * np.exp(-RATE * (begin - now)) * (1 - lives * np.exp(-h * (begin - now)))
        owed += front + lives * severity * h / k * (np.exp(-k * (begin - now)) - np.exp(-k * (1.25 - now)))
        for end in (0.25, 0.5, 0.75, 1.0, 1.25):
            w = end - max(end - 0.25, begin)
            if w > 1e-9:
                start = np.exp(-k * (end - w - now))
                ramp = (1 - np.exp(-k * w) * (1 + k * w)) / k**2
                premium += lives * weight * (w * np.exp(-k * (end - now)) + start * h * ramp)
    return owed, premium


def test_options_are_blacks_on_the_adjusted_spread(seen):
    payer, receiver = seen[0][3:]
    for path, point, alive in ((0, 0, (1, 1)), (0, 1, (1, 1)), (1, 1, (1, 0))):
        owed, annuity = forward(TIMES[point], EXPIRY, alive)
        spread, total = owed / annuity, VOL * np.sqrt(EXPIRY - TIMES[point])
        d = np.log(spread / STRIKE) / total + 0.5 * total
        value = annuity * (spread * norm.cdf(d) - STRIKE * norm.cdf(d - total))
        np.testing.assert_allclose(payer["price"][path, point], value, rtol=2e-5)
        np.testing.assert_allclose(receiver["price"][path, point], value - owed + STRIKE * annuity, atol=2e-6)


def test_options_pay_what_the_names_have_lost_and_still_may(seen):
    payer, receiver = seen[0][3:]
    for path, alive in enumerate(((1, 0), (0, 0))):
        owed, annuity = forward(EXPIRY, EXPIRY, alive)
        gain = owed - STRIKE * annuity
        np.testing.assert_allclose(payer["cash"][path], [0, 0, max(gain, 0), 0], atol=3e-7)
        np.testing.assert_allclose(receiver["cash"][path], [0, 0, max(-gain, 0), 0], atol=3e-7)
        assert not np.asarray(payer["price"])[path, 2:].any()
    np.testing.assert_array_equal(seen[2], [[True, True, False, False]] * 2)


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.CdsIndex(("A", "A"), 0.01, 1.0), "underliers must be different names"),
        (lambda: i.CdsIndex(("A", "B"), 0.01, 1.0, (1.0, 0.0)), "weights must be one positive share"),
        (lambda: i.CdsIndex(("A", "B"), 0.01, 1.0, recovery=(0.1, 0.2, 0.3)), "recovery must be one number or one"),
        (lambda: i.CdsIndex(("A", "B"), 0.01, 1.0, laws=(Flat(),)), "laws must be one for each"),
        (lambda: i.CdsIndexOption(INDEX, 1.25, 0.5), "expiry must come before the index ends"),
        (lambda: i.CdsIndexOption(INDEX, 0.5, -0.5), "vol must be 0 or more"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()
