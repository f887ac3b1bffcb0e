"""Data in: records with the time they could be known, daily histories with their provenance, and paths made of them."""

from deephedge.data.chain_marks import Settlement
from deephedge.data.chain_paths import Chains
from deephedge.data.daily import load
from deephedge.data.history import History, Provenance
from deephedge.data.kinds import KINDS, Kind
from deephedge.data.records import Origin, Records
from deephedge.data.to_paths import windows

__all__ = [
    "KINDS",
    "Chains",
    "History",
    "Kind",
    "Origin",
    "Provenance",
    "Records",
    "Settlement",
    "load",
    "windows",
]
