"""Units of a network, measured once on a pilot batch of simulated paths before training starts."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.hedging import HedgingProblem, rollout, snapshots
from deephedge.markets.base import AbstractMarket, sample
from deephedge.policies.base import AbstractPolicy, Scaler, gather, is_scaler
from deephedge.policies.baseline import NoHedge

PILOT = 2048


def measure_units(
    policy: AbstractPolicy, problem: HedgingProblem, market: AbstractMarket, key: PRNGKeyArray
) -> AbstractPolicy:
    """``policy`` with every scaler that was not measured yet set from a pilot batch; others are left alone.

    Inputs get mean 0 and deviation 1 over points and paths. The unit of instrument *i* is the deviation of the
    liability over that of the instrument's gain when one unit is held throughout: the size a hedge must have.
    """
    if all(scaler.measured for scaler in _scalers(policy)):
        return policy
    paths = sample(market, problem.grid, PILOT, key=key)
    names = getattr(policy, "features", ())
    rows, unit = _pilot(problem, paths, tuple(names))
    unit = jnp.asarray(np.where(np.isfinite(unit) & (np.asarray(unit) > 0), unit, 1.0), rows.dtype)
    return jax.tree.map(
        lambda node: node.measure(rows, unit) if is_scaler(node) and not node.measured else node,
        policy,
        is_leaf=is_scaler,
    )


def _scalers(policy: PyTree) -> list[Scaler]:
    return [node for node in jax.tree.leaves(policy, is_leaf=is_scaler) if is_scaler(node)]


@eqx.filter_jit
def _pilot(
    problem: HedgingProblem, paths: PyTree, names: tuple[str, ...]
) -> tuple[Float[Array, "row feature"], Float[Array, " instrument"]]:
    def one(path: PyTree) -> tuple[Array, Array, Array]:
        seen = snapshots(problem, path)
        rows = jax.vmap(lambda observation: gather(observation, names))(seen.observation)[:-1]
        cash = jnp.stack([instrument.cashflows(path) for instrument in problem.instruments], axis=-1)
        unit = path.numeraire[:, None]
        held = jnp.sum(jnp.diff(seen.price / unit, axis=0) + (cash / unit)[1:], axis=0)
        return rows, held, rollout(problem, NoHedge(), path).liability

    rows, held, liability = jax.vmap(one)(paths)
    return rows.reshape(-1, rows.shape[-1]), liability.std() / held.std(0)
