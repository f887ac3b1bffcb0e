"""One row of the price table: what a market pays on a million paths, and what that costs by other means."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from deephedge import markets as m


@dataclass
class Case:
    """A market, its steps, what each path (quotes and numeraire) pays in today's cash, and what that should cost."""

    market: m.AbstractMarket
    years: float
    steps: int
    pays: Callable[[dict[str, np.ndarray]], np.ndarray]
    costs: np.ndarray
    source: str


def pay(quotes: dict[str, np.ndarray], gain: np.ndarray) -> np.ndarray:
    """The positive part of what is gained at the end, in today's cash."""
    return np.maximum(gain, 0.0) / quotes["numeraire"][:, -1:]
