"""Implied volatility surfaces of option chains: one a moment, free of static arbitrage, and marks through time."""

from deephedge.data.surfaces.build import fitted, surfaces
from deephedge.data.surfaces.chain import Chain, chains
from deephedge.data.surfaces.factors import daily, delta_vols, factors
from deephedge.data.surfaces.marks import Listed, marks
from deephedge.data.surfaces.parity import Forwards, forwards
from deephedge.data.surfaces.surface import Surface

__all__ = [
    "Chain", "Forwards", "Listed", "Surface", "chains", "daily", "delta_vols", "factors", "fitted", "forwards", "marks",
    "surfaces",
]  # fmt: skip
