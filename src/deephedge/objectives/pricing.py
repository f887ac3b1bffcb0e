r"""Prices from risks: the cash that makes a desk indifferent between a deal and none, and how sure the number is."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float

from deephedge.core.errors import ProblemError, require
from deephedge.objectives.base import AbstractObjective, AbstractPathwiseObjective, counting
from deephedge.objectives.threshold import Weight

BATCHES = 32  # for a risk that is no mean over paths


def indifference_price(
    objective: AbstractObjective,
    wealth_with: Float[Array, " path"],
    wealth_without: Float[Array, " _"] | None = None,
    *,
    side: str = "ask",
    weight: Weight = None,
) -> Float[Array, ""]:
    r"""Price at which the desk is indifferent: :math:`\pm[\rho(X_{with})-\rho(X_{without})]`, in the numeraire.

    ``wealth_with`` is terminal wealth when the deal is made and hedged as well as one can, ``wealth_without`` that of
    the best hedge of what is held anyway (a starting position, other contracts); left out, the desk holds nothing and
    its risk is 0. ``side="ask"``: the deal is a sale, and the price the least amount to ask; ``side="bid"``: the deal
    is a purchase, and the price the most to bid. Needs a cash-invariant objective, else raises ``ProblemError``.
    Source: Hodges and Neuberger (1989); Buehler, Gonon, Teichmann, Wood (2019), section 3.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> sold = jnp.array([0.0, -1.0, -2.0, 0.0])
    >>> float(dh.objectives.indifference_price(dh.objectives.CVaR(level=0.5), sold))
    1.5
    >>> float(dh.objectives.indifference_price(dh.objectives.CVaR(level=0.5), -sold, side="bid"))
    0.0
    """
    require(side in ("ask", "bid"), f"side must be 'ask' or 'bid', was {side!r}", ProblemError)
    require(
        objective.cash_invariant,
        f"{type(objective).__name__} is not in cash, so its differences are no prices; use Entropic, CVaR or the like",
        ProblemError,
    )
    without = 0.0 if wealth_without is None else objective(*counting(wealth_without, weight))
    risk = objective(*counting(wealth_with, weight)) - without
    return risk if side == "ask" else -risk


def standard_error(
    objective: AbstractObjective,
    wealth: Float[Array, " path"],
    wealth_without: Float[Array, " _"] | None = None,
    weight: Weight = None,
) -> Float[Array, ""]:
    r"""Standard error of the risk of a sample of independent paths, or of the difference of two on the same paths.

    The delta method: :math:`\sigma/\sqrt n` of the pathwise terms at their best threshold, which are the influence of
    each path on the risk. A risk that is no mean over paths is measured in 32 batches instead. Quasi-random and
    antithetic paths are not independent: there the figure is as a rule too large. With a ``weight``
    (see ``AbstractObjective``) it is the error of a ratio of means. Raises ``ProblemError`` for under two paths.

    >>> import deephedge as dh, jax.numpy as jnp
    >>> round(float(dh.objectives.standard_error(dh.objectives.Expectation(), jnp.array([1.0, -1.0, 1.0, -1.0]))), 4)
    0.5774
    """
    terms = _terms(objective, wealth, weight)
    if wealth_without is not None:
        require(wealth_without.shape == wealth.shape, "both samples must run over the same paths", ProblemError)
        terms = terms - _terms(objective, wealth_without, weight)
    if weight is None or terms.shape != weight.shape:
        return jnp.std(terms, ddof=1) / terms.shape[0] ** 0.5
    share = weight / jnp.sum(weight)
    return jnp.sqrt(jnp.sum((share * (terms - jnp.sum(share * terms))) ** 2))


def _terms(objective: AbstractObjective, wealth: Float[Array, " path"], weight: Weight) -> Float[Array, " _"]:
    pathwise = isinstance(objective, AbstractPathwiseObjective)
    least, paths = (2 if pathwise else BATCHES), wealth.shape[0]
    require(
        paths >= least, f"a standard error of this objective needs {least} paths or more, was {paths}", ProblemError
    )
    if isinstance(objective, AbstractPathwiseObjective):
        return objective.fitted(*counting(wealth, weight)).pathwise(wealth)
    size = paths // BATCHES
    batches = [x[: size * BATCHES].reshape(BATCHES, size) for x in counting(wealth, weight)]
    return jax.vmap(objective)(*batches)
