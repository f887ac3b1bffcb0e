"""How files of many publishers are laid out; each becomes records of one kind."""

from deephedge.data.layouts.base import AbstractLayout
from deephedge.data.layouts.cboe import Cboe
from deephedge.data.layouts.recognise import LAYOUTS, recognised
from deephedge.data.layouts.series import Series

__all__ = ["LAYOUTS", "AbstractLayout", "Cboe", "Series", "recognised"]
