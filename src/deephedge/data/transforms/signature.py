"""Signatures of the recent path: its moves, and the order in which they came."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.transforms.base import AbstractFormula, Days, whole, windows


@dataclass(frozen=True)
class PathSignature(AbstractFormula):
    r"""Iterated integrals, up to ``level`` 2 or 3, of the path (time, log price, volatility) over ``window`` steps.

    .. math:: S^{i_1\dots i_k}=\int_{0<t_1<\dots<t_k<1}dX^{i_1}_{t_1}\cdots dX^{i_k}_{t_k},

    of the straight lines between the closes; time runs from 0 to 1 over the window, in equal steps. Outputs are
    ``"<underlier>.sig.<word>"``, a word of channels 0 (time), 1 (log price) and, with the quote ``vol``, 2; words of
    time alone are constants and left out. All days at once: with the moves :math:`x_j` and :math:`S^1_j,S^2_j` what was
    before them, in the tensor algebra

    .. math:: S^2=\sum_j S^1_jx_j+\tfrac12x_j^2,\qquad S^3=\sum_jS^2_jx_j+\tfrac12S^1_jx_j^2+\tfrac16x_j^3.

    Source: Chen (1957); Lyons (1998); Gyurko, Lyons, Kontkowski and Field (2014).

    >>> prices = Days(("SPX",), np.arange(3), np.exp([[0.0, 2.0, 2.0]]))  # up, then flat: time after price
    >>> {word: x.round(6).tolist() for word, x in PathSignature("SPX", window=2).apply(prices, {}).items()}
    {'SPX.sig.1': [2.0], 'SPX.sig.01': [0.5], 'SPX.sig.10': [1.5], 'SPX.sig.11': [2.0]}
    """

    underlier: str
    vol: str | None = None
    window: int = 21
    level: int = 2
    name: str | None = None

    def __post_init__(self):
        whole(self.window, 1, "window")
        require(self.level in (2, 3), f"level must be 2 or 3, was {self.level}", DataError)

    @property
    def inputs(self) -> tuple[str, ...]:
        """The price, and the volatility if there is one."""
        return (self.underlier,) if self.vol is None else (self.underlier, self.vol)

    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """One quote for each word."""
        price = Days(days.names[:1], days.dates, days.values[:1]).positive().values[0]
        moves = windows(np.diff(np.stack([np.log(price), *days.values[1:]]), axis=1), self.window)
        moves = np.concatenate([np.full((1, *moves.shape[1:]), 1 / self.window), moves])
        channels, name = range(len(moves)), self.name or f"{self.underlier}.sig"
        numbers = _levels(moves, self.level)
        words = (word for k in range(1, self.level + 1) for word in itertools.product(channels, repeat=k))
        return {
            f"{name}.{''.join(map(str, word))}": number
            for word, number in zip(words, numbers, strict=True)
            if any(word)
        }


def _levels(moves: np.ndarray, level: int) -> np.ndarray:
    """(word, day) from moves (channel, day, place)."""
    first = np.cumsum(moves, axis=-1)
    before = first - moves
    steps = np.einsum("adp,bdp->abdp", before + moves / 2, moves)
    result = [first[..., -1], steps.sum(axis=-1)]
    if level == 3:
        earlier = np.cumsum(steps, axis=-1) - steps
        bent = earlier + np.einsum("adp,bdp->abdp", before / 2 + moves / 6, moves)
        result.append(np.einsum("abdp,cdp->abcd", bent, moves))
    channels, days, _ = moves.shape
    return np.concatenate([part.reshape(channels**k, days) for k, part in enumerate(result, 1)])
