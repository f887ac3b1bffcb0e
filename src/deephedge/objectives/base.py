"""What an objective is: a convex risk measure of terminal wealth, in cash; smaller is better."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float


class AbstractObjective(eqx.Module):
    """Risk of a sample of terminal wealth. ``objective(wealth)`` is the exact risk of the empirical distribution."""

    @abstractmethod
    def __call__(self, wealth: Float[Array, " path"]) -> Float[Array, ""]:
        """Risk in cash: the amount that must be added to make the position acceptable."""


class AbstractPathwiseObjective(AbstractObjective):
    """A risk that is the least, over a threshold, of a mean over paths.

    Given the threshold, paths add up one by one, so training can go through them in chunks and add gradients exactly.
    """

    threshold: eqx.AbstractVar[Float[Array, "*quote"]]

    @abstractmethod
    def pathwise(self, wealth: Float[Array, "*path"]) -> Float[Array, "*path"]:
        """Terms whose mean is at least the risk, with equality at the best threshold."""

    @abstractmethod
    def fitted(self, wealth: Float[Array, " path"]) -> "AbstractPathwiseObjective":
        """The same objective with its threshold at the minimiser for this sample."""
