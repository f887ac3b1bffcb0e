"""Where did the NaN come from? The feature, instrument or liability that was not finite, by name."""

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, PRNGKeyArray, PyTree

from deephedge.core.errors import TrainingError
from deephedge.hedging import rollout, snapshots
from deephedge.policies.base import AbstractPolicy
from deephedge.training.pathwise import Simulation

SHOWN_PATHS = 4096


def explain_not_finite(simulation: Simulation, policy: AbstractPolicy, key: PRNGKeyArray, update: int) -> TrainingError:
    """The error that names the first culprit in the order quotes, features, prices, liability, policy."""
    culprits = {
        name: np.asarray(bad) for name, bad in _flags(simulation, policy, key).items() if bool(np.any(np.asarray(bad)))
    }
    where = f"training stopped at update {update}, whose risk is not finite"
    for kind in ("quote", "feature", "instrument", "liability", "policy", "gain"):
        for name, bad in culprits.items():
            if name.startswith(kind):
                share = f"{bad.any(axis=tuple(range(1, bad.ndim))).sum()} of {bad.shape[0]} paths"
                return TrainingError(f"{where}: {name} is not finite on {share}; mend it, or leave it out")
    return TrainingError(f"{where}, though every input is; lower the learning rate, clip gradients or lower the risk "
                         "aversion")  # fmt: skip


@eqx.filter_jit
def _flags(simulation: Simulation, policy: AbstractPolicy, key: PRNGKeyArray) -> dict[str, Array]:
    problem, market, sampler = simulation.problem, simulation.market, simulation.sampler

    def one(n: Array) -> dict[str, Array]:
        path = market.path(problem.grid, sampler(key, n))
        seen, ledger = snapshots(problem, path), rollout(problem, policy, path)
        bad: dict[str, PyTree] = {f"quote {name!r}": quote for name, quote in path.quotes.items()}
        bad |= {f"feature {name!r}": value for name, value in seen.observation.items()}
        bad |= {f"instrument {n} ({type(x).__name__})": seen.price[:, n] for n, x in enumerate(problem.instruments)}
        bad |= {"liability": ledger.liability, "policy output": ledger.position, "gain": ledger.gain}
        return jax.tree.map(lambda x: ~jnp.isfinite(x), bad)

    return jax.vmap(one)(jnp.arange(min(simulation.paths, SHOWN_PATHS)))
