r"""Greeks of a hedged price: how the risk of simulated wealth moves with the parameters of the market."""

import equinox as eqx
import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, PRNGKeyArray, PyTree

from deephedge.core.errors import ProblemError, nearest, require
from deephedge.core.parallel import gathered, over_paths
from deephedge.hedging import HedgingProblem, rollout
from deephedge.markets.base import AbstractMarket
from deephedge.markets.sampler import Sampler
from deephedge.objectives.base import AbstractObjective
from deephedge.policies.base import AbstractPolicy

UNWEIGHTED = "sensitivities need a market whose paths all count the same: a weight moves with the parameters too"
BATCHES = 32  # the standard error is the spread over this many groups of paths


class Greeks(eqx.Module):
    """The risk of a hedged position, its derivative in each named parameter, and the standard errors of those."""

    price: Float[Array, ""]
    value: dict[str, Float[Array, "..."]]
    standard_error: dict[str, Float[Array, "..."]]


def price_greeks(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    objective: AbstractObjective,
    *,
    paths: int,
    key: PRNGKeyArray,
    wrt: tuple[str, ...] = ("spot",),
) -> Greeks:
    r"""Derivative of :math:`\rho(X^\theta)` in market parameters :math:`\theta`, the policy held fixed, by autodiff.

    ``wrt`` names numeric fields of ``market``: ``("spot", "vol", "rate")`` of a ``BlackScholes`` gives delta, vega and
    rho, each in units of the numeraire per unit of its parameter and in its shape. For a liability sold and a
    cash-invariant objective, ``price`` is the least amount to ask and these are its Greeks. Where the policy is
    optimal, holding it fixed changes nothing to first order (the envelope theorem); where it is not, these are the
    Greeks of running this policy.

    Strikes and dates stay what they are: spot moves, the contract does not. The derivative passes through each path
    (common random numbers) and misses jumps of the payoff: digitals and barriers need a smoothed one. Standard errors
    are the spread of 32 groups of paths. Raises ``ProblemError`` for a name the market lacks, or for under 64 paths.
    Source: Broadie and Glasserman (1996) for the pathwise method; Milgrom and Segal (2002) for the envelope theorem.

    >>> import deephedge as dh, jax
    >>> from deephedge import features as f, instruments as i
    >>> problem = dh.HedgingProblem(dh.TimeGrid.uniform(maturity=0.1, steps=1),
    ...     i.short(i.EuropeanCall("SPX", strike=0.5, expiry=0.1)), (i.Spot("SPX"),), (f.TimeLeft(0.1),))
    >>> market, risk = dh.markets.BlackScholes("SPX", vol=0.2), dh.objectives.Expectation()
    >>> greeks = price_greeks(problem, market, dh.policies.NoHedge(), risk, paths=4096, key=jax.random.key(0))
    >>> round(float(greeks.value["spot"][0]), 1)
    1.0
    """
    require(paths >= 2 * BATCHES, f"price_greeks needs {2 * BATCHES} paths or more, was {paths}", ProblemError)
    _require_fields(market, wrt)
    sampler = Sampler.of(market.shocks(problem.grid), problem.grid, paths, "random")
    wealth, moves = gathered(_wealth_and_moves(problem, market, policy, sampler, key, paths, tuple(wrt)))
    return _greeks(objective, wealth, moves)


def _require_fields(market: AbstractMarket, wrt: tuple[str, ...]) -> None:
    known = sorted(name for name, field in vars(market).items() if eqx.is_inexact_array(field))
    for name in wrt:
        hint = nearest(name, known)
        require(
            name in known,
            f"{type(market).__name__} has no number {name!r} set to differentiate in: {hint}",
            ProblemError,
        )


@eqx.filter_jit
def _wealth_and_moves(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    sampler: Sampler,
    key: PRNGKeyArray,
    paths: int,
    wrt: tuple[str, ...],
) -> tuple[Float[Array, " path"], dict[str, Float[Array, "path ..."]]]:
    """Terminal wealth of every path, and its derivative in each parameter."""
    arrays, rest = eqx.partition((problem, market, policy, sampler, key), eqx.is_array)

    def work(arrays: PyTree, index: Array, weight: Array) -> tuple[tuple, tuple[Array, dict[str, Array]]]:
        problem, market, policy, sampler, key = eqx.combine(arrays, rest)

        def wealth(values: dict[str, Array], n: Array) -> Array:
            moved = eqx.tree_at(lambda m: [getattr(m, name) for name in wrt], market, [values[name] for name in wrt])
            ledger = rollout(problem, policy, moved.path(problem.grid, sampler(key, n)))
            require(ledger.weight is None, UNWEIGHTED, ProblemError)
            return ledger.wealth

        values = {name: getattr(market, name) for name in wrt}
        return (), jax.vmap(jax.value_and_grad(wealth), (None, 0))(values, index)

    return over_paths(work, arrays, paths)[1]


@eqx.filter_jit
def _greeks(objective: AbstractObjective, wealth: Float[Array, " path"], moves: dict[str, Array]) -> Greeks:
    def chain(wealth: Array, moves: dict[str, Array]) -> tuple[Array, dict[str, Array]]:
        risk, slope = jax.value_and_grad(lambda w: objective(w))(wealth)
        return risk, jax.tree.map(lambda move: jnp.tensordot(slope, move, 1), moves)

    size = wealth.shape[0] // BATCHES
    groups = jax.tree.map(lambda x: x[: size * BATCHES].reshape(BATCHES, size, *x.shape[1:]), (wealth, moves))
    spread = jax.tree.map(lambda x: jnp.std(x, axis=0, ddof=1) / BATCHES**0.5, jax.vmap(chain)(*groups)[1])
    return Greeks(*chain(wealth, moves), spread)
