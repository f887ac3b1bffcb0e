"""Bonds that may default and the swaps on them: cash by hand, prices by quadrature in NumPy and by drawn defaults."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import pytest

from deephedge import MarketPath
from deephedge import instruments as i
from deephedge.core.errors import ParameterError, UnknownQuote

TIMES = np.array([0.0, 0.1, 0.25, 0.5, 0.75, 1.0, 1.2])
DATES, ACCRUALS, START = np.array([0.05, 0.25, 0.6, 0.75, 1.0]), np.array([0.1, 0.21, 0.36, 0.16, 0.25]), -0.05
HAZARD, RATE, RECOVERY, SPREAD, COUPON = 0.3, 0.05, 0.3, 0.04, 0.06
PERIODS = i.Periods(DATES, ACCRUALS, START)
CDS = i.Cds("A", SPREAD, PERIODS, RECOVERY)
BOND = i.RiskyBond("A", COUPON, PERIODS, RECOVERY)


def path(alive, hazard=HAZARD):
    flat = {"A.alive": jnp.asarray(alive, float), "A.intensity": jnp.full(7, hazard), "rate": jnp.full(7, RATE)}
    return MarketPath(jnp.asarray(TIMES), flat, jnp.ones(7))


def told(contract, path):
    par = {"par": contract.par_spread(path)} if isinstance(contract, i.Cds) else {}
    said = {"cash": contract.cashflows(path), "price": contract.price(path), "cs01": contract.cs01(path)}
    return said | par | {"tradable": contract.tradable(path), **contract.state(path)}


@pytest.fixture(scope="module")
def seen():
    """All that both contracts say: row n of a path on which the name defaults in step n (7: it lives; 0: before)."""
    alive = np.array([[k < n for k in range(7)] for n in range(8)])
    both = eqx.filter_jit(jax.vmap(lambda alive: [told(CDS, path(alive)), told(BOND, path(alive))]))
    return jax.tree.map(lambda x: np.asarray(x, float), both(jnp.asarray(alive, float)))


def by_hand(default, kind):
    """Cash (time, amount) of a name that defaults at that time, None where it does not."""
    starts, cash = np.append(START, DATES[:-1]), []
    for start, date, accrual in zip(starts, DATES, ACCRUALS, strict=True):
        if default is None or default >= date:
            cash.append((date, -SPREAD * accrual if kind == "cds" else COUPON * accrual))
        elif default > start and kind == "cds":
            cash.append((default, -SPREAD * accrual * (default - start) / (date - start)))
    over = default is None or default >= DATES[-1]
    if kind == "bond":
        cash.append((DATES[-1], 1.0) if over else (default, RECOVERY))
    elif not over:
        cash.append((default, 1.0 - RECOVERY))
    return cash


@pytest.mark.parametrize("kind", ["cds", "bond"])
def test_cash_is_what_the_terms_say(seen, kind):
    said = seen[kind == "bond"]
    for n in range(1, 8):
        expected = np.zeros(7)
        default = None if n == 7 else 0.5 * (TIMES[n - 1] + TIMES[n])
        for when, amount in by_hand(default, kind):
            point = np.searchsorted(TIMES, when - 1e-9)
            expected[point] += amount
        np.testing.assert_allclose(said["cash"][n], expected, atol=3e-7, err_msg=str(n))
        for what in ("price", "tradable", "cs01"):
            assert not said[what][n][max(n, 0) :].any() and not said[what][n][5:].any()
        np.testing.assert_array_equal(said["defaulted"][n], np.arange(7) >= n)
    assert not said["cash"][0].any()  # it defaulted before the path begins


def quadrature(hazard, now):
    """Loss, premium and coupons of what is left at ``now``, by Gauss-Legendre between dates; today's cash."""
    x, w = np.polynomial.legendre.leggauss(20)
    starts, loss, owed, due = np.append(START, DATES[:-1]), 0.0, 0.0, 0.0
    worth = lambda t: np.exp(-(hazard + RATE) * (t - now))  # noqa: E731
    for start, date, accrual in zip(starts, DATES, ACCRUALS, strict=True):
        if date > now + 1e-9:
            low = max(start, now)
            t, weight = 0.5 * (date + low) + 0.5 * (date - low) * x, 0.5 * (date - low) * w
            loss += np.sum(weight * hazard * worth(t))
            owed += accrual * np.sum(weight * hazard * worth(t) * (t - start) / (date - start))
            due += accrual * worth(date)
    return loss, owed, due, worth(DATES[-1])


def valued(hazard, now):
    loss, owed, due, last = quadrature(hazard, now)
    return (1 - RECOVERY) * loss - SPREAD * (owed + due), COUPON * due + last + RECOVERY * loss


def test_prices_are_integrals_over_the_time_of_default(seen):
    for k, now in enumerate(TIMES[:5]):
        loss, owed, due, _ = quadrature(HAZARD, now)
        accrued = seen[0]["accrued"][7, k] / SPREAD
        np.testing.assert_allclose(accrued, [0.05, 0.0525, 0, 0.36 * 25 / 35, 0][k], atol=1e-6)
        np.testing.assert_allclose(seen[0]["par"][7, k], (1 - RECOVERY) * loss / (owed + due - accrued), rtol=1e-5)
        bump = 1e-4 / (1 - RECOVERY)
        around = valued(HAZARD + bump, now), valued(HAZARD - bump, now)
        slopes = [(up - down) / 2e-4 for up, down in zip(*around, strict=True)]
        for said, price, slope in zip(seen, valued(HAZARD, now), slopes, strict=True):
            np.testing.assert_allclose(said["price"][7, k], price, atol=3e-7)
            np.testing.assert_allclose(said["cs01"][7, k], slope, rtol=2e-5)


def test_prices_are_means_over_drawn_defaults(seen):
    drawn = np.random.default_rng(3).exponential(1 / HAZARD, 2000)
    for kind, said in zip(("cds", "bond"), seen, strict=True):
        today = [sum(x * np.exp(-RATE * t) for t, x in by_hand(d, kind)) for d in drawn]
        assert abs(np.mean(today) - said["price"][7, 0]) < 3 * np.std(today) / np.sqrt(len(today))


def test_a_quoted_curve_is_met_and_hazards_are_flat_between_its_tenors():
    quotes = {"A.survival.1y": jnp.full(7, np.exp(-HAZARD)), "A.survival.0.5y": jnp.full(7, np.exp(-HAZARD / 2))}
    price = eqx.filter_jit(CDS.price)(path(np.ones(7), hazard=9.0).with_quotes(quotes))
    np.testing.assert_allclose(price[0], valued(HAZARD, 0.0)[0], atol=1e-6)


def test_periods_and_terms():
    late = i.Periods.regular(1.0, 2, start=0.5)
    np.testing.assert_allclose(late.starts, [0.5])
    cut = PERIODS.cut(jnp.asarray(0.5))
    np.testing.assert_allclose(cut.accruals, [0, 0, 0.36 * 10 / 35, 0.16, 0.25], atol=1e-7)
    np.testing.assert_allclose(i.Cds("A", 0.01, 0.5).periods.dates, [0.25, 0.5])
    np.testing.assert_allclose(i.RiskyBond("A", 0.01, 1.0).expiry, 1.0)
    # A default before a swap begins ends it for nothing.
    alive = np.array([1.0, 1, 1, 0, 0, 0, 0])
    assert not np.asarray(eqx.filter_jit(i.Cds("A", 0.01, late).cashflows)(path(alive))).any()


@pytest.mark.parametrize(
    "build, says",
    [
        (lambda: i.Periods((0.5, 0.5)), "dates must be years that increase"),
        (lambda: i.Periods((0.5, 1.0), (0.5,)), "accruals must be years, one for each"),
        (lambda: i.Periods((-1.0, -0.5), start=-2.0), "the last of dates must be above 0"),
        (lambda: i.Cds("A", np.nan, 1.0), "spread must be a number per year"),
        (lambda: i.RiskyBond("A", 0.05, 1.0, recovery=1.0), "recovery must lie from 0 to below 1"),
    ],
)
def test_bad_terms_are_refused(build, says):
    with pytest.raises(ParameterError, match=says):
        build()


def test_a_path_without_the_name_is_refused():
    with pytest.raises(UnknownQuote, match=r"B\.alive"):
        i.Cds("B", 0.01, 1.0).cashflows(path(np.ones(7)))
