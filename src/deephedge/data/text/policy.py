"""Economic policy uncertainty, counted in the news."""

from typing import TYPE_CHECKING

import numpy as np

from deephedge.data.text.base import Texts, plain

if TYPE_CHECKING:
    import polars as pl

ECONOMY = r"\beconom(?:y|ic|ics|ies)\b"
POLICY = (
    r"\b(?:congress|white house|legislation|regulations?|regulatory|federal reserve|the fed|deficits?|"
    r"central banks?|tariffs?|tax(?:es)?|budgets?|parliament|government)\b"
)
UNCERTAIN = r"\buncertain(?:ty|ties)?\b"


def policy_uncertainty(texts: Texts) -> np.ndarray:
    """1.0 for a text with a word of the economy, one of policy and one of uncertainty, 0.0 for others.

    The rule of Baker, Bloom and Davis ("Measuring economic policy uncertainty", QJE 131, 2016, section II), which was
    made for whole articles; the policy words here are ours, not theirs only. Its share among the articles of a month
    is the index; a headline alone seldom has all three, so give articles.

    >>> policy_uncertainty(["Economic uncertainty as Congress fights over the budget", "Oil rises"]).tolist()
    [1.0, 0.0]
    """
    told = plain(texts).str.to_lowercase()
    found: pl.Series = told.str.contains(ECONOMY) & told.str.contains(POLICY) & told.str.contains(UNCERTAIN)
    return found.to_numpy().astype(np.float64)
