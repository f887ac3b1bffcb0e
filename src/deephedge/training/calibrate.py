"""Units of a network, measured once on a pilot batch of simulated paths before training starts."""

from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.errors import ConfigError, require
from deephedge.core.parallel import RUN_ONCE
from deephedge.core.types import as_float
from deephedge.hedging import HedgingProblem, rollout, snapshots
from deephedge.markets.base import AbstractMarket
from deephedge.markets.sampler import Sampler
from deephedge.policies.base import AbstractPolicy, Scaler, gather, is_scaler
from deephedge.policies.baseline import NoHedge
from deephedge.policies.running import WithWealth

PILOT = 2048


def measure_units(
    policy: AbstractPolicy,
    problem: HedgingProblem,
    market: AbstractMarket,
    key: PRNGKeyArray,
    size: float | None = None,
) -> AbstractPolicy:
    """``policy`` with every scaler that was not measured yet set from a pilot batch; others are left alone.

    Inputs get mean 0 and deviation 1 over points and paths. The unit of instrument *i* is the deviation of the
    liability over that of the instrument's gain when one unit is held throughout: the size a hedge must have. The
    offset is the best static hedge of what the policy's centre or baseline leaves: a put whose band is centred on a
    call's delta starts one unit lower, where it would otherwise spend its training on the way. ``size`` (cash) is the
    deviation to reach where there is no liability to take it from.

    Errors: ``ConfigError`` where a scaler belongs to no policy that names its ``features``.
    """
    if all(scaler.measured for scaler in _scalers(policy)):
        return policy
    wealth = policy if isinstance(policy, WithWealth) else None
    learns = _learner(policy if wealth is None else wealth.policy)
    names = learns.features
    sampler = Sampler.of(market.shocks(problem.grid), problem.grid, PILOT)
    base = getattr(learns, "centre", None) or getattr(learns, "baseline", None)
    rows, held, liability, left, weight, limits = _pilot(
        problem, market, base or NoHedge(), wealth, sampler, key, names
    )
    unit = (liability.std() if size is None else size) / held.std(0)
    offset = as_float(static_hedge(*(None if x is None else np.asarray(x) for x in (held, left, weight))))
    if base is None:  # what the network adds to a base has no limits of its own
        today = problem.constraint.at(jax.tree.map(lambda x: x[0], limits))
        offset = today(offset, jnp.broadcast_to(problem.initial, offset.shape))
    return jax.tree.map(
        lambda node: node.measure(rows, unit, offset) if is_scaler(node) and not node.measured else node,
        policy,
        is_leaf=is_scaler,
    )


def static_hedge(held: np.ndarray, left: np.ndarray, weight: np.ndarray | None = None) -> np.ndarray:
    """The constant position that leaves the least variance of ``left``; instruments that look alike share it.

    A ridge of a thousandth of each variance keeps it finite, and an instrument that does not move is left out.
    """
    share = np.full(len(left), 1.0 / len(left)) if weight is None else weight / weight.sum()
    away = held - share @ held
    deviation = np.sqrt(share @ away**2)
    moves = deviation > 1e-9 * max(float(deviation.max()), 1e-30)
    scaled = away / np.where(moves, deviation, 1.0) * moves
    against = scaled.T @ (share * (share @ left - left))
    ridge = 1e-3 * np.eye(held.shape[1])
    return np.linalg.solve(scaled.T @ (share[:, None] * scaled) + ridge, against) / np.where(moves, deviation, 1.0)


def _scalers(policy: PyTree) -> list[Scaler]:
    return [node for node in jax.tree.leaves(policy, is_leaf=is_scaler) if is_scaler(node)]


def _learner(policy: AbstractPolicy) -> Any:
    """The first policy inside, itself included, that scales the features it names."""

    def learns(node: Any) -> bool:
        return isinstance(node, AbstractPolicy) and bool(getattr(node, "features", ())) and bool(_scalers(node))

    found = [node for node in jax.tree.leaves(policy, is_leaf=learns) if learns(node)]
    wanted = "holds a Scaler but no policy in it names its `features`, so there is nothing to measure: add that field"
    require(bool(found), f"{type(policy).__name__} {wanted}", ConfigError)
    return found[0]


@eqx.filter_jit(compiler_options=RUN_ONCE)
def _pilot(
    problem: HedgingProblem,
    market: AbstractMarket,
    base: AbstractPolicy,
    wealth: WithWealth | None,
    sampler: Sampler,
    key: PRNGKeyArray,
    names: tuple[str, ...],
) -> tuple[Float[Array, "row feature"], Float[Array, "path instrument"], Float[Array, " path"], Float[Array, " path"],
           Float[Array, " path"] | None, PyTree]:  # fmt: skip
    def one(n: Array) -> tuple[Array, Array, Array, Array, Array | None, PyTree]:
        path = market.path(problem.grid, sampler(key, n))
        seen = snapshots(problem, path)
        ledger = rollout(problem, base, path)
        observation = jax.tree.map(lambda x: x[:-1], seen.observation)
        if wealth is not None:  # as the base makes it
            observation = wealth.seen(observation, ledger.position, problem.initial)
        rows = jax.vmap(lambda observation: gather(observation, names))(observation)
        cash = jnp.stack([instrument.cashflows(path) for instrument in problem.instruments], axis=-1)
        unit = path.numeraire[:, None]
        held = jnp.sum(jnp.diff(seen.price / unit, axis=0) + (cash / unit)[1:], axis=0)
        today = jax.tree.map(lambda x: x[0], seen.limits)
        return rows, held, ledger.liability, ledger.liability + jnp.sum(ledger.gain), path.weight, today

    rows, held, liability, left, weight, limits = jax.vmap(one)(jnp.arange(PILOT))
    return rows.reshape(-1, rows.shape[-1]), held, liability, left, weight, limits
