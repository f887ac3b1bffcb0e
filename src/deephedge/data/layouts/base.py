"""What a layout is: how the columns of one publisher's files become records."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING

from deephedge.core.errors import DataError, require
from deephedge.data.kinds import kind_of

if TYPE_CHECKING:
    import polars as pl


class AbstractLayout(ABC):
    """A frozen dataclass; the fields are what a file does not say itself (a time zone, a lag).

    ``name``: what a user calls it. ``kind``: of the records it makes. ``needs``: columns by which its files are known
    (in any case); of several layouts that fit, the one that needs most is taken.
    """

    name: str
    kind: str
    needs: tuple[str, ...]

    def fits(self, columns: list[str], file: str) -> bool:
        """Whether a file with these columns and this name is laid out so."""
        have = {column.strip().lower() for column in columns}
        return all(column.lower() in have for column in self.needs)

    @abstractmethod
    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """The rows of a file, as its kind wants them; text columns are as they stand in the file."""


def column(frame: "pl.DataFrame", name: str, file: str) -> str:
    """How ``frame`` spells ``name``; raises ``DataError`` where it has no such column."""
    found = next((one for one in frame.columns if one.strip().lower() == name.lower()), None)
    require(found is not None, f"{file} has no column {name!r}; it has {', '.join(frame.columns)}", DataError)
    return str(found)


def check(layout: AbstractLayout) -> None:
    """Raise ``DataError`` for a layout of an unknown kind."""
    kind_of(layout.kind)
