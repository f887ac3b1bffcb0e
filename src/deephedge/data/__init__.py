"""Data in: daily histories, cleaned and with their provenance, and paths made of them."""

from deephedge.data import transforms
from deephedge.data.history import History, Provenance
from deephedge.data.sources import load
from deephedge.data.to_paths import windows

__all__ = ["History", "Provenance", "load", "transforms", "windows"]
