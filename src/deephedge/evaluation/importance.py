"""Where the worst paths of a policy come from, and a market that is drawn from there more often."""

import equinox as eqx
import jax
import numpy as np
from jaxtyping import Array, Float, PRNGKeyArray

from deephedge.core.errors import ParameterError, require
from deephedge.core.parallel import gathered, over_paths
from deephedge.hedging import HedgingProblem, rollout
from deephedge.markets import AbstractMarket, ImportanceSampled
from deephedge.markets.sampler import Sampler
from deephedge.policies.base import AbstractPolicy

MODES = 4  # smooth shapes of a shift over time: few numbers are found well from few tail paths
DEFENSIVE = 0.2  # share of paths drawn from the market's own law: no weight is above one over it
LEAST = 50  # paths in the tail, fewer say nothing about where it is


def tail_sampling(
    problem: HedgingProblem,
    market: AbstractMarket,
    policy: AbstractPolicy,
    *,
    key: PRNGKeyArray,
    level: float = 0.99,
    paths: int = 32_768,
) -> ImportanceSampled:
    r"""``market`` with more of the paths on which ``policy`` loses most, each weighted back to its own law.

    A pilot of ``paths`` plain paths finds the worst share :math:`1-\alpha`. Its shocks are split in two along the line
    on which they differ most (a hedger of a call loses up and down), and each half gives a component by cross-entropy:
    the mean of its shocks, on four smooth shapes in time, and their deviation factor by factor. A fifth of the paths
    stays with the law of the market. Estimates with the weights are right for any policy, and precise for the tail of
    this one. Source: Rubinstein and Kroese (2004) for cross-entropy.

    Raises ``ParameterError`` where fewer than 50 pilot paths are in the tail.

    >>> import deephedge as dh, jax
    >>> from deephedge import instruments as i
    >>> from deephedge.evaluation import tail_sampling
    >>> problem = dh.HedgingProblem(dh.TimeGrid.uniform(maturity=0.1, steps=5),
    ...     i.short(i.EuropeanCall("SPX", strike=1.0, expiry=0.1)), (i.Spot("SPX"),), ())
    >>> market = dh.markets.BlackScholes("SPX", vol=0.2)
    >>> tail = tail_sampling(problem, market, dh.policies.NoHedge(), key=jax.random.key(0))
    >>> bool((tail.shift[:2].sum((1, 2)) > 2).all())  # the writer of a bare call loses where the stock has risen
    True
    """
    require(0 <= level < 1, f"level must be from 0 to below 1, such as 0.99, was {level}", ParameterError)
    count = round((1 - level) * paths)
    require(
        count >= LEAST,
        f"a pilot of {paths} paths has {count} beyond the level {level}, {LEAST} are needed; draw more paths",
        ParameterError,
    )
    sampler = Sampler.of(market.shocks(problem.grid), problem.grid, paths, "random")
    wealth, shocks = gathered(_pilot(problem, market, policy, sampler, key, paths))
    tail = np.asarray(shocks, float)[np.argsort(np.asarray(wealth), kind="stable")[:count]]
    basis = smooth_shapes(tail.shape[1], MODES)
    waves = np.einsum("ms,psf->pmf", basis, tail)
    flat = (waves - waves.mean(0)).reshape(count, -1)
    axis = np.linalg.svd(flat, full_matrices=False)[2][0]
    side = flat @ axis > 0
    parts = [half for half in (side, ~side) if half.sum() >= LEAST // 2] or [np.ones(count, bool)]
    shift = [np.einsum("ms,mf->sf", basis, waves[part].mean(0)) for part in parts]
    scale = [np.sqrt(np.mean((tail[part] - move) ** 2, axis=(0, 1))) for part, move in zip(parts, shift, strict=True)]
    own = np.array([part.mean() for part in parts]) * (1 - DEFENSIVE)
    return ImportanceSampled(
        market, np.stack([*shift, np.zeros_like(shift[0])]), np.stack([*scale, np.ones_like(scale[0])]),
        np.append(own, DEFENSIVE),
    )  # fmt: skip


def smooth_shapes(steps: int, count: int) -> np.ndarray:
    """The ``count`` smoothest cosines over ``steps``, as orthonormal rows (DCT-II).

    >>> shapes = smooth_shapes(5, 3)
    >>> bool(np.allclose(shapes @ shapes.T, np.eye(3)))
    True
    """
    waves = np.cos(np.pi * np.outer(np.arange(min(count, steps)), np.arange(steps) + 0.5) / steps)
    return waves / np.linalg.norm(waves, axis=1, keepdims=True)


@eqx.filter_jit
def _pilot(
    problem: HedgingProblem, market: AbstractMarket, policy: AbstractPolicy, sampler: Sampler, key: PRNGKeyArray,
    paths: int,
) -> tuple[Float[Array, " path"], Float[Array, "path step factor"]]:  # fmt: skip
    arrays, rest = eqx.partition((problem, market, policy, sampler, key), eqx.is_array)

    def work(arrays, index: Array, inside: Array) -> tuple[tuple, tuple[Array, Array]]:
        problem, market, policy, sampler, key = eqx.combine(arrays, rest)

        def one(n: Array) -> tuple[Array, Array]:
            shocks = sampler(key, n)
            return rollout(problem, policy, market.path(problem.grid, shocks)).wealth, shocks

        return (), jax.vmap(one)(index)

    return over_paths(work, arrays, paths)[1]
