"""Units of a network, measured once on a pilot batch of simulated paths before training starts."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.parallel import RUN_ONCE
from deephedge.hedging import HedgingProblem, snapshots
from deephedge.markets.base import AbstractMarket
from deephedge.markets.sampler import Sampler
from deephedge.policies.base import AbstractPolicy, Scaler, gather, is_scaler

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
    names = tuple(getattr(policy, "features", ()))
    sampler = Sampler.of(market.shocks(problem.grid), problem.grid, PILOT)
    rows, unit = _pilot(problem, market, sampler, key, names)
    return jax.tree.map(
        lambda node: node.measure(rows, unit) if is_scaler(node) and not node.measured else node,
        policy,
        is_leaf=is_scaler,
    )


def _scalers(policy: PyTree) -> list[Scaler]:
    return [node for node in jax.tree.leaves(policy, is_leaf=is_scaler) if is_scaler(node)]


@eqx.filter_jit(compiler_options=RUN_ONCE)
def _pilot(
    problem: HedgingProblem, market: AbstractMarket, sampler: Sampler, key: PRNGKeyArray, names: tuple[str, ...]
) -> tuple[Float[Array, "row feature"], Float[Array, " instrument"]]:
    def one(n: Array) -> tuple[Array, Array, Array]:
        path = market.path(problem.grid, sampler(key, n))
        seen = snapshots(problem, path)
        rows = jax.vmap(lambda observation: gather(observation, names))(seen.observation)[:-1]
        cash = jnp.stack([instrument.cashflows(path) for instrument in problem.instruments], axis=-1)
        unit = path.numeraire[:, None]
        held = jnp.sum(jnp.diff(seen.price / unit, axis=0) + (cash / unit)[1:], axis=0)
        return rows, held, jnp.sum(problem.liability.cashflows(path) / path.numeraire)

    rows, held, liability = jax.vmap(one)(jnp.arange(PILOT))
    return rows.reshape(-1, rows.shape[-1]), liability.std() / held.std(0)
