"""Principal components of a curve or a surface."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import FLAT, AbstractTransform, Days, whole


@dataclass(frozen=True)
class Components(AbstractTransform):
    r"""Scores :math:`(x_t-m)\cdot v_k` of the first ``count`` principal components of ``quotes``, in their unit.

    Means :math:`m` and loadings :math:`v_k` (unit vectors, the largest entry positive) are those of the training days;
    score :math:`k` is ``"<name>.pc<k>"``. Raises ``DataError`` where the quotes move in fewer directions.

    Source: Litterman and Scheinkman (1991).

    >>> both = np.arange(20.0)
    >>> curve = Components(("us.2y", "us.10y"), "us", count=1)
    >>> constants = curve.learn(Days(curve.quotes, np.arange(20), np.stack([both, both])))
    >>> [round(x, 4) for x in constants["loadings"][0]], [round(x, 4) for x in constants["shares"]]
    ([0.7071, 0.7071], [1.0])
    """

    quotes: tuple[str, ...]
    name: str
    count: int = 3

    def __post_init__(self):
        whole(self.count, 1, "count")
        few = f"{self.count} components need as many quotes or more, had {len(self.quotes)}"
        require(len(self.quotes) >= self.count and len(set(self.quotes)) == len(self.quotes), few, DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The curve's quotes."""
        return self.quotes

    def learn(self, days: Days) -> dict[str, Any]:
        """``means``; ``loadings``, a row for each component; ``shares`` of the variance that each explains."""
        values = days.enough(max(20, len(self.quotes) + 1)).varied().values
        means = values.mean(axis=1)
        _, sizes, rows = np.linalg.svd((values - means[:, None]).T, full_matrices=False)
        directions = int(np.sum(sizes > np.sqrt(FLAT) * sizes[0]))
        said = f"{self.name}: the quotes move in {directions} directions on the training days"
        require(directions >= self.count, f"{said}, fewer than {self.count} components", DataError)
        rows = rows[: self.count]
        largest = np.take_along_axis(rows, np.argmax(np.abs(rows), axis=1)[:, None], axis=1)
        shares = sizes[: self.count] ** 2 / np.sum(sizes**2)
        return {"means": means.tolist(), "loadings": (rows * np.sign(largest)).tolist(), "shares": shares.tolist()}

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """The scores."""
        moved = days.values - np.array(constants["means"])[:, None]
        scores = np.einsum("kq,qd->kd", np.array(constants["loadings"]), moved)  # no BLAS: a day's bits are its own
        return {f"{self.name}.pc{k}": score for k, score in enumerate(scores, 1)}
