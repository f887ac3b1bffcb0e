"""Tone and topic without training: how near a text is to sentences whose meaning is known."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from types import MappingProxyType

import numpy as np
from jaxtyping import Float

from deephedge.core.errors import DataError, require
from deephedge.data.text.base import AbstractTone, Texts, plain
from deephedge.data.text.vectors import SentenceVectors

GOOD = (
    "Shares rally to a record high as profits beat expectations",
    "Company raises its outlook after strong growth in sales",
    "Stocks soar on optimism and upbeat economic data",
    "Credit rating upgraded, dividend increased",
    "Unemployment falls and the economy recovers",
)
BAD = (
    "Shares crash after a profit warning",
    "Company cuts its outlook after a steep fall in sales",
    "Stocks plunge on fear of recession",
    "Credit rating downgraded, bankruptcy feared",
    "Unemployment rises and the economy shrinks",
)
TOPICS: Mapping[str, tuple[str, ...]] = MappingProxyType(
    {
        "rates": ("The Federal Reserve raises interest rates", "Central bank policy, inflation and bond yields"),
        "oil": ("Oil prices and OPEC output of crude", "Brent and natural gas supply"),
        "earnings": ("Quarterly earnings, revenue and profit forecast of a company", "Profit warning, results"),
        "credit": ("Corporate bonds, debt default and credit ratings", "Bankruptcy and restructuring of loans"),
        "geopolitics": ("War, sanctions and military conflict", "Trade war and tariffs between countries", "Brexit"),
        "deals": ("Merger, acquisition and takeover bid", "Initial public offering, shares listed"),
        "jobs": ("Unemployment, payrolls and wages", "Company cuts thousands of jobs"),
        "technology": ("Technology companies, chips, software and smartphones", "Data privacy of social media"),
    }
)


@dataclass(frozen=True, eq=False)
class AnchorTone(AbstractTone):
    r"""The place of a text's vector :math:`v` on the line from bad anchors (mean :math:`b`) to good ones (:math:`g`).

    .. math:: \text{tone} = \frac{2\,(v - \tfrac{g+b}{2})\cdot(g-b)}{|g-b|^2} \quad\text{cut to } [-1, 1]

    so that the mean good anchor is 1 and the mean bad one -1. Nothing is fitted. It tells good from bad where the
    lexicon has no word, and takes irony, negation and "less bad than feared" at their words.
    """

    vectors: SentenceVectors
    good: tuple[str, ...] = GOOD
    bad: tuple[str, ...] = BAD

    def tone(self, texts: Texts) -> np.ndarray:
        """Twice the distance along the line, from its middle."""
        return np.where(_empty(texts), 0.0, self.of(self.vectors(texts)))

    def of(self, vectors: Float[np.ndarray, "text width"]) -> np.ndarray:
        """The same of vectors that are there already."""
        good, bad = self._ends
        line = good - bad
        return np.clip(2 * (vectors - (good + bad) / 2) @ line / (line @ line), -1.0, 1.0)

    @cached_property
    def _ends(self):
        require(bool(self.good) and bool(self.bad), "anchors need a good and a bad sentence, one has none", DataError)
        return tuple(self.vectors(list(ends)).astype(np.float64).mean(axis=0) for ends in (self.good, self.bad))


@dataclass(frozen=True, eq=False)
class Topics:
    """The topic of a text: that of the anchors whose mean direction is nearest, ``other`` below ``least``.

    ``least`` is the cosine below which a text is about none of them.
    """

    vectors: SentenceVectors
    anchors: Mapping[str, tuple[str, ...]] = field(default_factory=lambda: TOPICS)
    least: float = 0.2

    def __call__(self, texts: Texts) -> np.ndarray:
        """A topic for each text."""
        return np.where(_empty(texts), "other", self.of(self.vectors(texts)))

    def of(self, vectors: Float[np.ndarray, "text width"]) -> np.ndarray:
        """The same of vectors that are there already."""
        cosines = vectors @ self._directions.T
        names = np.array([*self.anchors, "other"])
        return names[np.where(cosines.max(axis=1) < self.least, len(names) - 1, cosines.argmax(axis=1))]

    @cached_property
    def _directions(self):
        require(all(self.anchors.values()), "every topic needs a sentence, and there must be a topic", DataError)
        means = np.stack([self.vectors(list(told)).mean(axis=0) for told in self.anchors.values()])
        return means / np.linalg.norm(means, axis=1, keepdims=True)


def _empty(texts: Texts) -> np.ndarray:
    return (plain(texts) == "").to_numpy()
