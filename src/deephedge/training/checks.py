"""What must hold after every training: the leak alarms."""

import warnings

import equinox as eqx
import jax.numpy as jnp
import numpy as np
from jaxtyping import PRNGKeyArray

from deephedge.core.paths import MarketPath
from deephedge.hedging import HedgingProblem, Ledger, evaluate
from deephedge.markets.base import AbstractMarket, sample
from deephedge.policies.base import AbstractPolicy

CHECK_PATHS = 16_384
TAIL = 0.05


class LeakWarning(UserWarning):
    """A trained policy earns what it should not be able to earn."""


class Check(eqx.Module):
    """One statement that must hold: ``value`` within three of its standard errors, or of the right sign."""

    name: str = eqx.field(static=True)
    value: float = eqx.field(static=True)
    standard_error: float = eqx.field(static=True)
    passed: bool = eqx.field(static=True)

    def __str__(self) -> str:
        verdict = "holds" if self.passed else "FAILS"
        return f"{verdict}: {self.name} (off by {self.value:.3g}, standard error {self.standard_error:.2g})"


def leak_checks(
    problem: HedgingProblem, market: AbstractMarket, policy: AbstractPolicy, *, key: PRNGKeyArray
) -> tuple[Check, ...]:
    """Run the alarms on fresh random paths, and warn loudly about each that fails.

    Where discounted tradables are martingales, trading earns nothing on average, so mean wealth is the mean liability
    minus the mean cost; a policy that does better has seen the future. And the mean of the worst outcomes is never
    better than the mean.
    """
    paths = sample(market, problem.grid, CHECK_PATHS, key=key, method="random")
    return run_checks(problem, policy, paths, martingale=market.martingale)


def run_checks(
    problem: HedgingProblem, policy: AbstractPolicy, paths: MarketPath, *, martingale: bool
) -> tuple[Check, ...]:
    """The alarms on given paths; the first needs them to come from a martingale market."""
    ledger = evaluate(problem, {"policy": policy}, paths)["policy"]
    checks = [_tail(ledger)] + ([_earns_nothing(ledger)] if martingale else [])
    for check in checks:
        if not check.passed:
            warnings.warn(f"leak alarm, {check}; do not trust this policy before it is explained", LeakWarning, 2)
    return tuple(checks)


def _earns_nothing(ledger: Ledger) -> Check:
    earned = np.asarray(jnp.sum(ledger.gain, axis=-1), float)
    error = float(earned.std(ddof=1) / np.sqrt(earned.size))
    mean = float(earned.mean())
    return Check("trading earns nothing on average in a martingale market", mean, error, abs(mean) <= 3 * error)


def _tail(ledger: Ledger) -> Check:
    losses = np.sort(-np.asarray(ledger.wealth, float))[::-1]
    gap = losses[: max(1, int(TAIL * losses.size))].mean() - losses.mean()
    return Check(
        "the worst outcomes are worse than the mean", float(gap), 0.0, bool(gap >= -1e-6 * (1 + abs(losses[0])))
    )
