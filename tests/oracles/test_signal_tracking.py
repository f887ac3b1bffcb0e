import numpy as np
import pytest
from scipy.optimize import minimize

from oracles import signal_tracking


def test_liquidation_is_that_of_almgren_and_chriss():
    # Trades at both ends: N holdings are N + 1 trades, x_k = X sinh(kappa (T - t_k)) / sinh(kappa T), T = (N + 1) tau
    position, vol, aversion, impact, tau, steps = 1000.0, 0.95, 2e-4, 2.5e-3, 0.2, 10
    found = signal_tracking.solve(
        steps=steps, cost=impact / tau, risk=aversion * vol**2 * tau, start=position, closes=True
    )
    kappa = np.arccosh(0.5 * tau**2 * aversion * vol**2 / impact + 1.0) / tau
    length = (steps + 1) * tau
    held = position * np.sinh(kappa * (length - tau * np.arange(steps + 2))) / np.sinh(kappa * length)
    np.testing.assert_allclose(found.positions(np.zeros((steps, 1)), position)[:, 0], held[1:-1], rtol=1e-10)
    # their expected cost and variance of an optimal trajectory, equations (20)
    rest = np.sinh(kappa * length) ** 2
    two = np.sinh(2 * kappa * length) * tau
    expected = impact * position**2 * np.tanh(0.5 * kappa * tau) * (two + 2 * length * np.sinh(kappa * tau))
    expected /= 2 * tau**2 * rest
    variance = 0.5 * vol**2 * position**2
    variance *= tau * np.sinh(kappa * length) * np.cosh(kappa * (length - tau)) - length * np.sinh(kappa * tau)
    variance /= rest * np.sinh(kappa * tau)
    np.testing.assert_allclose(found.value, expected + aversion * variance, rtol=1e-9)


def test_with_many_steps_to_go_it_trades_at_the_rate_of_garleanu_and_pedersen():
    # half of gamma sigma^2 of risk and half of lambda sigma^2 of costs; gains and risk come one discounted step later
    rho, gamma, cost, variance, reversion, gain = 0.02, 0.7, 1.3, 0.04, 0.1, 1.0
    found = signal_tracking.solve(
        steps=3000, cost=0.5 * cost * variance, risk=0.5 * (1 - rho) * gamma * variance, gain=(1 - rho) * gain,
        decay=1 - reversion, noise=0.1, discount=1 - rho, signal=1.0,
    )  # fmt: skip
    middle = gamma * (1 - rho) + cost * rho
    a = (-middle + np.sqrt(middle**2 + 4 * gamma * cost * (1 - rho) ** 2)) / (2 * (1 - rho))
    np.testing.assert_allclose(1.0 - found.keep[0], a / cost, rtol=1e-9)
    aim = gain / (gamma * variance) / (1 + reversion * a / gamma)
    np.testing.assert_allclose(found.slope[0], a / cost * aim, rtol=1e-9)


def test_no_other_linear_rule_does_better_and_it_is_worth_what_it_says():
    terms = {"steps": 4, "cost": 0.8, "risk": 0.3, "gain": 1.0, "decay": 0.7, "discount": 0.9, "closes": True}
    found = signal_tracking.solve(**terms, noise=0.25, start=2.0, signal=1.5)

    def criterion(rule):
        """Moments of (x, f), step by step."""
        keep, slope = np.split(rule, 2)
        moments, total = np.outer([2.0, 1.5], [2.0, 1.5]), 0.0
        for k in range(4):
            move = np.array([[keep[k], slope[k]], [0.0, 1.0]])
            traded = move[0] - [1.0, 0.0]
            total += 0.9**k * 0.8 * traded @ moments @ traded
            moments = move @ moments @ move.T
            total += 0.9**k * (0.3 * moments[0, 0] - moments[0, 1])
            moments = np.diag([1.0, 0.7]) @ moments @ np.diag([1.0, 0.7]) + np.diag([0.0, 0.25])
        return total + 0.9**4 * 0.8 * moments[0, 0]

    best = np.concatenate([found.keep, found.slope])
    np.testing.assert_allclose(criterion(best), found.value, rtol=1e-12)
    assert minimize(criterion, best).fun >= found.value - 1e-9


@pytest.mark.parametrize("closes", [True, False])
def test_nothing_to_do_costs_nothing(closes):
    found = signal_tracking.solve(steps=5, cost=1.0, risk=1.0, closes=closes)
    assert found.value == 0.0 and not found.positions(np.zeros((5, 2)), 0.0).any()
