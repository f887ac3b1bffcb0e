"""Generators side by side: whose paths are nearest to history that none of them saw."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from jaxtyping import PRNGKeyArray

from deephedge.core.errors import DataError, nearest, require
from deephedge.core.grid import TimeGrid
from deephedge.core.paths import MarketPath
from deephedge.markets.base import AbstractMarket
from deephedge.markets.history import Numbers
from deephedge.markets.scorecard import CAP, Scorecard, over_groups, plain_table
from deephedge.markets.scoring import Measured

History = MarketPath | Mapping[str, Numbers]
REFERENCE = "FilteredHistorical"


@dataclass(frozen=True)
class Standing:
    """One market's place: share of facts inside, mean abs(z), and that less the reference's with a 95 % interval."""

    market: str
    share: float
    distance: float
    difference: float
    low: float
    high: float

    @property
    def verdict(self) -> str:
        """``"beats"``, ``"loses to"`` or ``"ties with"`` the reference."""
        return "beats" if self.high < 0 else "loses to" if self.low > 0 else "ties with"


@dataclass(frozen=True)
class Ranking:
    """Markets from best to worst; ``cards`` has the scored table of each."""

    standings: tuple[Standing, ...]
    reference: str
    facts: int
    cards: dict[str, Scorecard]

    @property
    def winners(self) -> tuple[str, ...]:
        """Who beats the reference."""
        return tuple(row.market for row in self.standings if row.verdict == "beats")

    def to_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        rows = [asdict(row) | {"verdict": row.verdict} for row in self.standings]
        cards = {name: card.to_dict() for name, card in self.cards.items()}
        return {"reference": self.reference, "facts": self.facts, "standings": rows, "cards": cards}

    def __str__(self) -> str:
        lines = [("market", "inside", "mean |z|", f"less {self.reference}", "95 % interval", "")]
        for row in self.standings:
            own = row.market == self.reference
            between = "" if own else f"{row.low:+.2f} to {row.high:+.2f}"
            verdict = "" if own else row.verdict
            numbers = (f"{100 * row.share:.0f} %", f"{row.distance:.2f}", "" if own else f"{row.difference:+.2f}")
            lines.append((row.market, *numbers, between, verdict))
        who = ", ".join(self.winners) or "none"
        return f"{plain_table(lines)}\n{self.facts} facts; better than {self.reference}: {who}"


def compare_markets(
    markets: Mapping[str, AbstractMarket | Callable[[History], AbstractMarket]],
    train: History,
    test: History,
    window: TimeGrid | int = 252,
    *,
    paths: int = 1000,
    key: PRNGKeyArray,
    reference: str = REFERENCE,
    names: Sequence[str] | None = None,
    burn: int | None = None,
    stride: int | None = None,
) -> Ranking:
    r"""Rank ``markets`` by `validate` on the ``test`` history; whatever is a function is fitted, to ``train`` alone.

    The loss is the mean of :math:`|z|` (5 at most, groups alike) over the facts that all of them have. Its difference
    to that of the ``reference`` is paired: history is resampled once for all markets, so what is odd about
    these years cancels, and every market's paths are resampled as well.

    Raises ``DataError`` where the reference is not among the markets, and whatever `validate` raises.

    >>> import deephedge as dh, jax, numpy as np
    >>> past = {"SPX": np.exp(np.cumsum(0.01 * np.random.default_rng(0).standard_normal(4000)))}
    >>> train, test = {"SPX": past["SPX"][:2000]}, {"SPX": past["SPX"][2000:]}
    >>> def flat(history):
    ...     return dh.markets.BlackScholes("SPX", vol=np.diff(np.log(history["SPX"])).std() * 252**0.5)
    >>> rivals = {"flat": flat, "wild": dh.markets.BlackScholes("SPX", vol=0.4)}
    >>> key = jax.random.key(0)
    >>> dh.markets.compare_markets(rivals, train, test, 126, paths=100, key=key, reference="wild").winners
    ('flat',)
    """
    require(reference in markets, f"no market is called {reference!r}: {nearest(reference, markets)}", DataError)
    past, cards = Measured.of(test, window, stride, names), {}
    for name, market in markets.items():
        law = market if isinstance(market, AbstractMarket) else market(train)
        cards[name] = past.score(name, past.simulated(law, paths, burn, key))
    shared = set.intersection(*({(row.series, row.fact) for row in card.rows} for card in cards.values()))
    losses = {name: _losses(card, shared) for name, card in cards.items()}
    base = losses[reference]
    standings = []
    for name, card in cards.items():
        inside = [row.inside for row in card.rows if (row.series, row.fact) in shared]
        gap = losses[name] - base
        low, high = np.quantile(gap[1:], [0.025, 0.975])
        share = float(over_groups(_groups(card, shared), np.array(inside, float)))
        standings.append(Standing(name, share, float(losses[name][0]), float(gap[0]), float(low), float(high)))
    ranked = tuple(sorted(standings, key=lambda row: row.distance))
    return Ranking(ranked, reference, len(shared), cards)


def _groups(card: Scorecard, shared: set) -> list[str]:
    return [row.group for row in card.rows if (row.series, row.fact) in shared]


def _losses(card: Scorecard, shared: set) -> np.ndarray:
    """The loss on history as it was, then on each resample."""
    kept = [n for n, row in enumerate(card.rows) if (row.series, row.fact) in shared]
    own = np.array([abs(row.z) for row in card.rows])[kept, None]
    sizes = np.minimum(np.concatenate([own, np.abs(card.resampled[kept])], axis=1), CAP)
    return over_groups(_groups(card, shared), sizes)
