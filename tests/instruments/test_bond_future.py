"""Bond futures: forwards by hand, which bond is cheapest, margins, and conversion factors beside QuantLib's."""

import equinox as eqx
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

import deephedge as dh
from deephedge import instruments as i
from deephedge.core.errors import GridError, ParameterError

RATES, TIMES = np.array([0.02, 0.035, 0.09, 0.1, 0.1]), np.array([0.0, 0.25, 0.5, 0.75, 1.0])
NUMERAIRE = np.exp(np.cumsum([0.0, 0.02, 0.01, 0.03, 0.02]))
# Half-yearly coupons of 6 % at a notional yield of 6 %: factors of 1. One pays before delivery, one accrues then.
BONDS = tuple(
    i.FixedBond(dh.Schedule.uniform(start, end, 2 * int(end - start)), coupon, i.FlatCurve(), 100.0)
    for start, end, coupon in ((0.1, 3.1, 0.06), (-0.4, 9.6, 0.06))
)
FUTURE = i.BondFuture(BONDS, (1.0, 1.0), 0.75, 1000.0)


def path():
    times, rates, unit = (jnp.asarray(x, jnp.result_type(float)) for x in (TIMES, RATES, NUMERAIRE))
    return dh.MarketPath(times, {"rate": rates}, unit)


@eqx.filter_jit
def said(future, path):
    price, cash = future.price(path), future.cashflows(path)
    gain = jnp.diff(price / path.numeraire) + (cash / path.numeraire)[1:]
    return price, gain, future.state(path)["cheapest"]


def by_hand(start, end, rate, time):
    """Clean forward per unit for delivery at 0.75: payments after it, carried to it, less the accrued interest."""
    ends = start + 0.5 * np.arange(1, 2 * round(end - start) + 1)
    held = ends[ends > 0.75]
    value = np.sum(0.03 * np.exp(-rate * (held - 0.75))) + np.exp(-rate * (end - 0.75))
    return value - 0.06 * (0.75 - ends[ends <= 0.75][-1])


def test_the_mark_is_the_cheapest_forward_and_every_gain_a_margin():
    forwards = np.array(
        [[by_hand(0.1, 3.1, r, t), by_hand(-0.4, 9.6, r, t)] for r, t in zip(RATES, TIMES, strict=True)]
    )
    mark = 1000 * forwards.min(axis=1)
    price, gain, cheapest = said(FUTURE, path())
    np.testing.assert_allclose(price, np.where(TIMES < 0.75, mark, 0.0), rtol=2e-6)
    np.testing.assert_allclose(
        gain, np.where(TIMES < 0.75, np.roll(mark, -1) - mark, 0.0)[:-1] / NUMERAIRE[1:], atol=2e-3
    )
    assert cheapest.tolist() == [0, 0, 1, 1, -1]  # the long one once rates are above the notional yield


@pytest.mark.parametrize("coupon, months, step", [(0.045, 123, 3), (0.0175, 366, 3), (0.07, 90, 3), (0.03, 56, 1)])
def test_conversion_factors_are_clean_prices_at_the_notional_yield(coupon, months, step):
    first, calendar = ql.Date(1, 3, 2025), ql.NullCalendar()
    end = calendar.advance(first, months, ql.Months)
    dates = ql.Schedule(first - ql.Period(1, ql.Years), end, ql.Period(6, ql.Months), calendar, ql.Unadjusted,
                        ql.Unadjusted, ql.DateGeneration.Backward, False)  # fmt: skip
    thirty = ql.Thirty360(ql.Thirty360.BondBasis)
    ql.Settings.instance().evaluationDate = first
    bond = ql.FixedRateBond(0, 100.0, dates, [coupon], thirty)
    theirs = ql.BondFunctions.cleanPrice(bond, 0.06, thirty, ql.Compounded, ql.Semiannual, first) / 100
    later = f"{end.year()}-{end.month():02d}-20"  # days of the month do not count
    assert i.conversion_factor(coupon, "2025-03-11", later, months=step) == pytest.approx(theirs, abs=5.1e-5)


def test_time_to_maturity_is_rounded_down():
    factors = [i.conversion_factor(0.03, "2025-03-01", f"2030-{month:02d}-15") for month in (3, 5, 6)]
    assert factors[0] == factors[1] != factors[2]


@pytest.mark.parametrize(
    "build, error, says",
    [
        (lambda: i.BondFuture(BONDS, (1.0,), 0.75), ParameterError, "one for each of 2 bonds"),
        (lambda: i.BondFuture((), (), 0.75), ParameterError, "one for each of 0 bonds"),
        (lambda: i.BondFuture(BONDS, (1.0, 1.0), 3.1), ParameterError, "must end after it can be delivered"),
        (lambda: i.BondFuture(BONDS, (1.0, 1.0), 0.75, -1.0), ParameterError, "multiplier"),
        (lambda: i.conversion_factor(0.05, "2025-03-01", "2025-05-15"), GridError, "3 months or more"),
    ],
)
def test_bad_terms_are_refused(build, error, says):
    with pytest.raises(error, match=says):
        build()
