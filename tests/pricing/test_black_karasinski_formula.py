"""Black and Karasinski's lattice: today's curve, QuantLib's tree, order in the cell, and Gaussian limits."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import QuantLib as ql

from deephedge.pricing import black_karasinski as bk

RATE, A, SIGMA = 0.03, 0.1, 0.2
FIT = jax.jit(bk.fit, static_argnums=4)


@pytest.fixture(scope="module", autouse=True)
def double():
    with jax.enable_x64(True):
        yield


def lattice(cells: int, rates=lambda t: RATE + 0.0 * t) -> bk.Lattice:
    t = np.arange(6 * cells + 1) / cells
    return FIT(jnp.exp(-rates(t) * t), 1.0 / cells, A, SIGMA, 161)


def swaption(fitted: bk.Lattice, cells: int, rate: float) -> float:
    return float(
        bk.coupon_bond_option(
            fitted, 2 * cells, (cells, 2 * cells, 3 * cells), np.array([rate, rate, 1 + rate]), 1.0, False
        )
    )


def test_the_curve_is_paid_exactly_and_state_prices_agree_with_bonds():
    rates = lambda t: 0.02 + 0.004 * t - 0.0003 * t * t  # noqa: E731
    fitted, t = lattice(6, rates), np.arange(37) / 6
    np.testing.assert_allclose(fitted.log_bonds[0, :, 80], -rates(t) * t, atol=1e-13)
    np.testing.assert_allclose(fitted.states.sum(1), np.exp(-rates(t) * t), rtol=1e-13)
    # a bond of 5 years is worth, at any cell before, what state prices say
    for n in (1, 7, 18):
        worth = bk.european(fitted, n, jnp.exp(fitted.log_bonds[n, 30 - n]))
        np.testing.assert_allclose(worth, np.exp(-rates(5.0) * 5.0), rtol=1e-12)


def test_swaptions_are_those_of_quantlibs_tree_and_the_cell_has_order_two():
    today, days = ql.Date(2, 1, 2024), ql.SimpleDayCounter()
    ql.Settings.instance().evaluationDate = today
    handle = ql.YieldTermStructureHandle(ql.FlatForward(today, RATE, days))
    index = ql.IborIndex("x", ql.Period(1, ql.Years), 0, ql.USDCurrency(), ql.NullCalendar(), ql.Unadjusted, False,
                         days, handle)  # fmt: skip
    schedule = ql.Schedule(ql.Date(2, 1, 2026), ql.Date(2, 1, 2029), ql.Period(1, ql.Years), ql.NullCalendar(),
                           ql.Unadjusted, ql.Unadjusted, ql.DateGeneration.Forward, False)  # fmt: skip
    fitted = {cells: lattice(cells) for cells in (3, 6, 12)}
    for rate in (0.025, 0.0305, 0.04):
        swap = ql.VanillaSwap(ql.VanillaSwap.Payer, 1.0, schedule, rate, days, schedule, index, 0.0, days)
        option = ql.Swaption(swap, ql.EuropeanExercise(ql.Date(2, 1, 2026)))
        option.setPricingEngine(ql.TreeSwaptionEngine(ql.BlackKarasinski(handle, A, SIGMA), 480))
        ours = {cells: swaption(one, cells, rate) for cells, one in fitted.items()}
        assert abs(ours[12] - option.NPV()) < 2e-5  # the tree's own noise at 480 steps
        assert abs(ours[12] - ours[6]) < 2e-7
        assert 3.0 < (ours[6] - ours[3]) / (ours[12] - ours[6]) < 5.0


def test_moments_of_the_lattice_are_those_of_the_factor():
    fitted = lattice(12)
    # discounting hardly tilts x over the first cell, and not at all in the half moves: their mean and variance
    move = bk._kernel(fitted.x, jnp.asarray(1 / 24), A, SIGMA)
    decay, variance = np.exp(-A / 24), SIGMA**2 * (1 - np.exp(-A / 12)) / (2 * A)
    inner = np.abs(np.asarray(fitted.x)) < 0.7 * float(fitted.x[-1])
    np.testing.assert_allclose((move @ fitted.x)[inner], (decay * fitted.x)[inner], atol=1e-8)
    spread = move @ fitted.x**2 - (move @ fitted.x) ** 2
    np.testing.assert_allclose(spread[inner], variance, rtol=1e-5)
