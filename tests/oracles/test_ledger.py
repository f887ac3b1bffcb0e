import numpy as np
import pytest

from oracles.ledger import terminal_wealth


def test_two_steps_by_hand():
    wealth = terminal_wealth(
        prices=np.array([[100.0], [110.0], [105.0]]),
        positions=np.array([[2.0], [-1.0]]),
        cashflows=np.array([[0.0], [1.0], [3.0]]),
        numeraire=np.array([1.0, 1.1, 1.21]),
        liability=np.array([0.0, 0.0, -20.0]),
        cost=lambda trade, price: 0.01 * float(np.abs(trade) @ price),
        initial=1.0,
        close_out=True,
    )
    # one unit owned and owed: -100; buy one at 100, cost 1; a year of 10 %; two dividends of 1; sell three at 110,
    # cost 3.3; a year of 10 %; the short pays its dividend of 3; deliver 20; buy back at 105, cost 1.05
    cash = -100.0 - 100.0 - 1.0
    cash = cash * 1.1 + 2.0 + 330.0 - 3.3
    cash = cash * 1.1 - 3.0 - 20.0 - 105.0 - 1.05
    np.testing.assert_allclose(wealth, cash / 1.21, rtol=1e-13)


def test_a_desk_that_does_nothing_keeps_nothing():
    flat = {"prices": np.full((4, 2), 7.0), "positions": np.tile([3.0, -2.0], (3, 1)), "initial": np.array([3.0, -2.0])}
    assert terminal_wealth(**flat) == pytest.approx(0.0)
    assert terminal_wealth(**flat, close_out=True, cost=np.array([0.0, 0.0, 0.0, 0.5])) == pytest.approx(-0.5)
    assert terminal_wealth(**flat, close_out=False, cost=np.array([0.0, 0.0, 0.0, 0.5])) == pytest.approx(0.0)


@pytest.mark.parametrize("close_out", [False, True])
def test_it_is_liability_and_gains_less_costs_on_any_path(close_out):
    rng = np.random.default_rng(1)
    prices, flows = rng.uniform(50, 150, (6, 3)), rng.normal(size=(6, 3))
    unit, owed = np.cumprod(rng.uniform(1.0, 1.1, 6)), rng.normal(size=6)
    positions, initial = rng.normal(size=(5, 3)), rng.normal(size=3)
    closing = np.zeros(3) if close_out else positions[-1]
    trades = np.diff(np.vstack([initial, positions, closing]), axis=0)
    costs = 0.02 * np.abs(trades) * prices + 0.1 * (trades != 0)
    gains = positions * (np.diff(prices / unit[:, None], axis=0) + (flows / unit[:, None])[1:])
    expected = (owed / unit).sum() + gains.sum() - (costs / unit[:, None]).sum()
    for cost in (costs.sum(axis=1), lambda t, p: (0.02 * np.abs(t) * p + 0.1 * (t != 0)).sum()):
        wealth = terminal_wealth(
            prices=prices, positions=positions, cashflows=flows, numeraire=unit, liability=owed, cost=cost,
            initial=initial, close_out=close_out,
        )  # fmt: skip
        np.testing.assert_allclose(wealth, expected, rtol=1e-12)
