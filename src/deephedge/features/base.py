"""What a feature is: one named, adapted column of what the desk sees."""

from abc import abstractmethod

import equinox as eqx
from jaxtyping import Array, Float

from deephedge.core.paths import MarketPath


class AbstractFeature(eqx.Module):
    """A named function of the path whose value at a point depends on nothing after that point.

    A feature may be a number at each point or a vector (a window); time is the leading axis.
    """

    name: eqx.AbstractVar[str]

    @abstractmethod
    def __call__(self, path: MarketPath) -> Float[Array, "points *feature"]:
        """The feature at every point of one path."""
