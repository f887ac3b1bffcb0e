r"""Finding the change of measure under which nobody earns without a liability: by convex weights, or by learning.

A policy trained on a market with a drift bets on it, and its hedge is then part speculation. The measure
:math:`dQ/dP\propto e^{-\lambda G}`, with :math:`G` the gains (after costs) of the trader who maximises exponential
utility and owes nothing, is the one of least relative entropy under which no trading pays (within its costs).
Source: Frittelli (2000); Buehler, Murray, Pakkanen, Wood (2021).
"""

from collections.abc import Callable

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
import optax
from jaxtyping import Array, Float, PRNGKeyArray
from scipy.optimize import minimize

from deephedge.core.errors import ParameterError, TrainingError, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.core.random import named_key
from deephedge.core.types import number
from deephedge.hedging import HedgingProblem, rollout
from deephedge.instruments import Nothing
from deephedge.markets import (
    AbstractDensity,
    AbstractMarket,
    CashDensity,
    GainsDensity,
    Tilted,
    discounted_returns,
    sample,
)
from deephedge.objectives import Entropic
from deephedge.policies.base import AbstractPolicy
from deephedge.training.calibrate import measure_units
from deephedge.training.fit import fit
from deephedge.training.pathwise import simulate_weighted

CONSTANT_PATHS = 65_536  # to find the constant that makes weights average to 1
STEEP = 30.0  # of a log weight: a path that counts e^30 times another is a tilt that failed, not a number to overflow


class GainDensity(AbstractDensity):
    r"""The density :math:`\ell = -\lambda\,G - c` of a policy's gains without a liability, after its costs.

    ``problem`` has no liability, ``risk_aversion`` :math:`\lambda` is per unit of cash, ``constant`` :math:`c` the log
    of the mean exponential. ``learn_tilt`` makes it.
    """

    problem: HedgingProblem
    policy: AbstractPolicy
    risk_aversion: Float[Array, ""] = number()
    constant: Float[Array, ""] = number(default=0.0)

    def __call__(self, path: MarketPath) -> Float[Array, ""]:
        gain = rollout(self.problem, self.policy, path).wealth
        return jnp.clip(-self.risk_aversion * gain - self.constant, -STEEP, STEEP)


class Tilt(eqx.Module):
    """A change of measure and what it found.

    ``market`` is the tilted one. ``earned`` is the certainty equivalent (cash) that exponential utility gave to whoever
    traded on the drift, ``effective`` the share of paths that the weights leave: 1 where there was no drift.
    """

    market: Tilted
    earned: float
    effective: float
    policy: AbstractPolicy | None = None


def minimal_entropy_tilt(
    market: AbstractMarket,
    grid: TimeGrid,
    names: tuple[str, ...] | str | Callable[[MarketPath], Array],
    *,
    key: PRNGKeyArray,
    paths: int = 65_536,
) -> Tilt:
    r"""The measure of least entropy under which each step's discounted return of each quote is 0 on average.

    The dual is smooth and convex, :math:`\min_\theta \log E\,e^{\theta\cdot R}`, and solved by Newton's method in
    float64 on ``paths`` simulated paths. It takes the unconditional drift out, step by step: enough where the drift
    does not depend on what was seen before; where it does, ``learn_tilt`` finds more.

    In place of ``names`` may stand a function of a path that gives any gains (cash), each to be 0 on average: of
    positions held throughout, or of options hedged by their delta, which have no return once they are worth nothing.

    Raises ``TrainingError`` where no such measure exists on the paths drawn (a return of one sign), with the step, and
    where a return is no number.

    >>> import deephedge as dh, jax
    >>> from deephedge.training import minimal_entropy_tilt
    >>> market, grid = dh.markets.BlackScholes("SPX", 0.2, drift=0.1), dh.TimeGrid.uniform(maturity=1.0, steps=4)
    >>> tilt = minimal_entropy_tilt(market, grid, "SPX", key=jax.random.key(0), paths=4096)
    >>> 0.7 < tilt.effective < 0.9  # exp(-(0.1 / 0.2)^2) is 0.78
    True
    """
    quotes = () if callable(names) else (names,) if isinstance(names, str) else tuple(names)
    gains = names if callable(names) else lambda path: discounted_returns(path, quotes)
    drawn = sample(market, grid, paths, key=named_key(key, "tilt"), method="sobol")
    returns = np.asarray(jax.vmap(gains)(drawn), float)
    rows = returns.reshape(paths, -1)

    def called(n: int) -> str:
        step, name = divmod(n, max(1, len(quotes)))
        return f"the return of {quotes[name]!r} over step {step}" if quotes else f"gain {n}"

    for n in np.flatnonzero(~np.isfinite(rows).all(0)):
        bad = int(np.sum(~np.isfinite(rows[:, n])))
        raise TrainingError(
            f"{called(int(n))} is no number on {bad} of {paths} paths (a price of 0?); give gains in cash"
        )
    for n in np.flatnonzero((rows.min(0) >= 0) | (rows.max(0) <= 0)):
        raise TrainingError(
            f"no measure takes the drift out: {called(int(n))} has one sign on all {paths} paths; draw more paths, or "
            "look at the market"
        )
    share = np.full(paths, 1.0 / paths) if drawn.weight is None else np.asarray(drawn.weight, float)
    theta, log_mean = _least_entropy(rows, share / share.sum())
    if callable(names):
        density = GainsDensity(names, theta, log_mean)
    else:
        density = CashDensity(theta.reshape(returns.shape[1:]), log_mean, quotes)
    weight = np.exp(rows @ theta - log_mean)
    return Tilt(Tilted(market, density), -log_mean, float(weight.mean() ** 2 / np.mean(weight**2)))


def _least_entropy(rows: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, float]:
    """The minimiser of log E exp(theta . R) and its value; returns are brought to deviation 1 before."""
    unit = rows.std(0)
    scaled = rows / unit

    def tilted(theta: np.ndarray) -> tuple[float, np.ndarray]:
        power = scaled @ theta
        top = power.max()
        weight = share * np.exp(power - top)
        return top + float(np.log(weight.sum())), weight / weight.sum()

    def slope(theta: np.ndarray) -> np.ndarray:
        return tilted(theta)[1] @ scaled

    def curve(theta: np.ndarray) -> np.ndarray:
        weight = tilted(theta)[1]
        mean = weight @ scaled
        return scaled.T @ (weight[:, None] * scaled) - np.outer(mean, mean)

    found = minimize(lambda x: tilted(x)[0], np.zeros(rows.shape[1]), jac=slope, hess=curve, method="trust-exact",
                     options={"gtol": 1e-9})  # fmt: skip
    require(
        float(np.abs(found.jac).max()) < 1e-6,
        f"the weights that take the drift out were not found ({found.message}); draw more paths",
        TrainingError,
    )
    return found.x / unit, float(found.fun)


def learn_tilt(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    optimiser: optax.GradientTransformation,
    *,
    risk_aversion: float,
    updates: int,
    paths: int,
    key: PRNGKeyArray,
    **settings,
) -> Tilt:
    r"""Train ``policy`` to trade with no liability, and weight paths by :math:`e^{-\lambda G}` of what it gained.

    The instruments, features, costs and limits are those of ``problem``; its liability is dropped. With costs the
    result is a near-martingale measure: no trading earns more than it costs. ``risk_aversion`` is per unit of cash;
    without costs and limits the measure does not depend on it, since gains scale with its inverse. A policy whose
    units were not measured yet gets positions that gain about one over it. ``settings`` go to ``fit``.

    Raises ``TrainingError`` where the weights leave under a hundredth of the paths: the market all but holds an
    arbitrage for this policy, or the training diverged.
    """
    require(risk_aversion > 0, f"risk_aversion must be above 0 per unit of cash, was {risk_aversion}", ParameterError)
    free = eqx.tree_at(lambda p: p.liability, problem, Nothing(), is_leaf=lambda x: x is problem.liability)
    policy = measure_units(policy, free, market, named_key(key, "pilot"), size=1.0 / risk_aversion)
    found = fit(free, market, policy, Entropic(risk_aversion), optimiser, updates=updates, paths=paths,
                key=named_key(key, "fit"), **settings)  # fmt: skip
    gain, before = simulate_weighted(free, market, found.policy, paths=CONSTANT_PATHS, key=named_key(key, "constant"))
    power, share = -risk_aversion * np.asarray(gain, float), np.asarray(before, float) / float(before.sum())
    constant = float(np.log(share @ np.exp(power - power.max())) + power.max())
    weight = share * np.exp(power - constant)
    effective = float(1.0 / (CONSTANT_PATHS * (weight @ weight)))
    require(
        effective > 0.01,
        f"the weights of this tilt leave {effective:.2%} of the paths: the market pays too well for trading, or the "
        "training diverged; look at the drift, or add costs and limits",
        TrainingError,
    )
    density = GainDensity(free, found.policy, risk_aversion, constant)
    return Tilt(Tilted(market, density), -constant / risk_aversion, effective, found.policy)
