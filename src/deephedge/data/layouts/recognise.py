"""Which layout a file has, by its columns."""

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.cboe import Cboe
from deephedge.data.layouts.series import Series

LAYOUTS: dict[str, type[AbstractLayout]] = {layout.name: layout for layout in (Cboe, Series)}


def recognised(columns: list[str], file: str, name: str | None = None) -> AbstractLayout:
    """The layout called ``name``, or of those that fit the one that needs most columns.

    Raises ``DataError`` with the columns where none fits, and where ``name`` is unknown or does not fit.
    """
    if name is not None:
        require(name in LAYOUTS, f"unknown layout {name!r}: {nearest(name, LAYOUTS)}", DataError)
        return LAYOUTS[name]()
    fitting = [layout() for layout in LAYOUTS.values() if layout().fits(columns, file)]
    have = ", ".join(columns[:20]) + (", ..." if len(columns) > 20 else "")
    hint = f"known layouts are {', '.join(LAYOUTS)}; map the columns in a TOML file (--mapping)"
    require(bool(fitting), f"{file}: columns not recognised ({have}); {hint}", DataError)
    return max(fitting, key=lambda layout: len(layout.needs))
