"""What an objective is: a convex risk measure of terminal wealth, in cash; smaller is better."""

from abc import abstractmethod
from typing import ClassVar

import equinox as eqx
from jax import lax
from jaxtyping import Array, Float

from deephedge.objectives.threshold import Weight, average


class AbstractObjective(eqx.Module):
    r"""Risk of a sample of terminal wealth. ``objective(wealth)`` is the exact risk of the empirical distribution.

    ``cash_invariant`` says that :math:`\rho(X+c)=\rho(X)-c`, so that risk is an amount of cash and differences of it
    are prices; ``monotone`` that more wealth on every path is never more risk. ``weight``, where given, says how much
    each path counts (0 or more, only their ratios matter): likelihoods under a changed measure, or copies of a path.
    """

    cash_invariant: ClassVar[bool] = True
    monotone: ClassVar[bool] = True

    @abstractmethod
    def __call__(self, wealth: Float[Array, " path"], weight: Weight = None) -> Float[Array, ""]:
        """Risk in cash: the amount that must be added to make the position acceptable."""


class AbstractPathwiseObjective(AbstractObjective):
    """A risk that is the least, over a threshold, of a mean over paths.

    Given the threshold, paths add up one by one, so training can go through them in chunks and add gradients exactly.
    An empty threshold says that the risk is such a mean already and there is nothing to fit.
    """

    threshold: eqx.AbstractVar[Float[Array, "..."]]

    @abstractmethod
    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        """Terms whose mean is at least the risk, with equality at the best threshold."""

    @abstractmethod
    def fitted(self, wealth: Float[Array, " path"], weight: Weight = None) -> "AbstractPathwiseObjective":
        """The same objective with its threshold at the minimiser for this sample."""


def counting(wealth: Float[Array, "path ..."], weight: Weight) -> tuple[Float[Array, "path ..."], ...]:
    """What to give an objective: wealth, and the weights only where there are some, so that one without them works.

    >>> import jax.numpy as jnp
    >>> wealth = jnp.array([1.0])
    >>> len(counting(wealth, None)), len(counting(wealth, wealth))
    (1, 2)
    """
    return (wealth,) if weight is None else (wealth, weight)


def at_best_threshold(
    objective: AbstractPathwiseObjective, wealth: Float[Array, " path"], weight: Weight = None
) -> Float[Array, ""]:
    """Mean of the pathwise terms at the threshold that this sample wants: the risk itself.

    The threshold is a minimiser, so holding it still leaves every first derivative right (the envelope theorem).
    """
    best = lax.stop_gradient(objective).fitted(*counting(lax.stop_gradient(wealth), weight)).threshold
    return average(eqx.tree_at(lambda o: o.threshold, objective, best).pathwise(wealth), weight)
