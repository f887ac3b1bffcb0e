"""What a layout is: how the columns of one publisher's files become records."""

from abc import ABC, abstractmethod
from typing import TYPE_CHECKING, ClassVar

from deephedge.core.errors import DataError, require

if TYPE_CHECKING:
    import polars as pl


class AbstractLayout(ABC):
    """A frozen dataclass; the fields are what a file does not say itself (a time zone, a lag).

    ``name``: what a user calls it. ``kind``: of the records it makes. ``needs``: columns by which its files are known
    (in any case); of several layouts that fit, the one that needs most is taken. ``asked``: it is taken only when it is
    asked for by name. ``left_out``: which rows it skips, in words; how many they were is told with the records.
    """

    name: str
    kind: str
    needs: tuple[str, ...]
    asked: ClassVar[bool] = False
    left_out: ClassVar[str] = ""

    def fits(self, columns: list[str], file: str) -> bool:
        """Whether a file with these columns and this name is laid out so."""
        have = {plain(column) for column in columns}
        return all(column in have for column in self.needs)

    @abstractmethod
    def rows(self, frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
        """The rows of a file, as its kind wants them; text columns are as they stand in the file."""


def plain(column: str) -> str:
    """A column's name in small letters, without spaces and brackets around it.

    >>> plain(" [C_BID]")
    'c_bid'
    """
    return column.strip(" []\t\r\ufeff").lower()


def lowered(frame: "pl.DataFrame", file: str) -> "pl.DataFrame":
    """The same table with its columns called by their `plain` names; raises ``DataError`` where two are the same."""
    names = [plain(column) for column in frame.columns]
    twice = sorted({name for name in names if names.count(name) > 1})
    require(not twice, f"{file} has more than one column {', '.join(map(repr, twice))}; keep the right one", DataError)
    return frame.rename(dict(zip(frame.columns, names, strict=True)))


def either(frame: "pl.DataFrame", file: str, *names: str) -> "pl.Series":
    """The first of these columns that is there; raises ``DataError`` where none is."""
    found = next((name for name in names if name in frame.columns), None)
    told = f"{file} has no column {' or '.join(names)}; it has {', '.join(frame.columns)}"
    require(found is not None, told, DataError)
    return frame[str(found)]
