"""Tone learnt on a training window: a ridge regression of labels on sentence vectors."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from deephedge.core.errors import DataError, require
from deephedge.data.text.base import AbstractTone, Texts, plain
from deephedge.data.text.vectors import SentenceVectors

LEAST = 30  # labels


@dataclass(frozen=True, eq=False)
class RidgeTone(AbstractTone):
    r"""A linear head on sentence vectors: :math:`\text{tone} = \tanh((w \cdot v - c)/s)`.

    ``weights`` :math:`w`; ``centre`` :math:`c` and ``spread`` :math:`s`, mean and standard deviation of
    :math:`w \cdot v` over the training texts: the average text of the window is neutral. Made by `fit`.
    """

    vectors: SentenceVectors
    weights: Float[np.ndarray, " width"]
    centre: float
    spread: float

    @classmethod
    def fit(
        cls,
        vectors: SentenceVectors,
        texts: Texts,
        labels: np.ndarray,
        *,
        label_known: np.ndarray,
        until: np.datetime64,
        penalty: float = 1.0,
    ) -> "RidgeTone":
        r"""Fitted on the labels that were known by ``until``, the end of the training window, and on no other.

        Minimises :math:`\frac1n\sum_i (y_i - a - w\cdot v_i)^2 + \text{penalty}\,\bar\sigma^2|w|^2` (Hoerl and Kennard,
        1970), :math:`\bar\sigma^2` the mean variance of the numbers of the vectors, so that the penalty has no unit.
        ``labels``: next-day returns, which are known a day after the text (``label_known`` says when, datetime64), or
        tones of a lexicon, known with it. A label that is NaN is left out. Raises ``DataError`` for fewer than 30
        labels, or labels that are all the same.
        """
        told = f"each of {len(texts)} texts needs a label and its time, were {len(labels)} and {len(label_known)}"
        require(len(labels) == len(label_known) == len(texts), told, DataError)
        require(penalty > 0, f"the penalty must be positive, was {penalty}", DataError)
        rows = np.flatnonzero((label_known <= until) & np.isfinite(labels))
        told = f"a fit needs {LEAST} labels known by {until}, there are {len(rows)}; give more, or a later `until`"
        require(len(rows) >= LEAST, told, DataError)
        seen = vectors([texts[row] for row in rows]).astype(np.float64)
        weights = ridge(seen, labels[rows], penalty)
        fitted = seen @ weights
        spread = float(fitted.std())
        require(spread > 1e-12, f"the labels known by {until} do not vary: nothing can be learnt from them", DataError)
        return cls(vectors, weights, float(fitted.mean()), spread)

    def tone(self, texts: Texts) -> np.ndarray:
        """The fitted label in units of its spread, bent to [-1, 1]."""
        return np.where((plain(texts) == "").to_numpy(), 0.0, self.of(self.vectors(texts)))

    def of(self, vectors: Float[np.ndarray, "text width"]) -> np.ndarray:
        """The same of vectors that are there already."""
        return np.tanh((vectors @ self.weights - self.centre) / self.spread)


def ridge(x: Float[np.ndarray, "text width"], y: np.ndarray, penalty: float) -> Float[np.ndarray, " width"]:
    """Weights of a ridge regression with an intercept, which is not penalised; the penalty as in `RidgeTone.fit`.

    >>> ridge(np.array([[0.0], [1.0], [2.0]]), np.array([1.0, 3.0, 5.0]), 1e-12).round(6).tolist()
    [2.0]
    """
    from scipy.linalg import solve

    centred = x - x.mean(axis=0)
    spread = centred.T @ centred / len(x)
    gram = spread + penalty * np.trace(spread) / len(spread) * np.eye(len(spread))
    return solve(gram, centred.T @ (y - y.mean()) / len(x), assume_a="pos")
