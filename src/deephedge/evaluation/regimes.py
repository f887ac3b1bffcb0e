"""The same policies in calm and in crisis: metrics and paired differences of each regime, with intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import jax.numpy as jnp
import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.core.paths import MarketPath
from deephedge.evaluation.compare import Comparison, compare
from deephedge.hedging import Ledger

CALM, CRISIS = "calm", "crisis"
Period = tuple[Any, Any]


def by_volatility(paths: MarketPath, quote: str, threshold: float) -> np.ndarray:
    """``"crisis"`` for each path whose ``quote`` at its first point is above ``threshold``, else ``"calm"``.

    The first point is all that is known when the window starts. Take the threshold from the training years: a quantile
    of the windows judged would know how bad they were.

    >>> import jax.numpy as jnp
    >>> vol = jnp.array([[0.1, 0.5], [0.3, 0.1]])
    >>> by_volatility(MarketPath(jnp.ones((2, 2)), {"SPX.vol": vol}, jnp.ones((2, 2))), "SPX.vol", 0.2).tolist()
    ['calm', 'crisis']
    """
    known = np.asarray(paths.quote(quote), float)
    require(known.ndim == 2, "by_volatility needs a batch of paths, the path axis leading", DataError)
    missing = int(np.sum(~np.isfinite(known[:, 0])))
    require(missing == 0, f"{quote!r} is not known at the start of {missing} paths: no regime for them", DataError)
    return np.where(known[:, 0] > threshold, CRISIS, CALM)


def by_dates(starts: np.ndarray, periods: Mapping[str, Period | Sequence[Period]], otherwise: str = CALM) -> np.ndarray:
    """The name of the period that each of ``starts`` lies in; ``periods`` are pairs of first and last day, or several.

    Names given afterwards know what happened: they describe, and no policy could have chosen by them. Raises
    ``DataError`` where two names claim a day.

    >>> days = np.array(["2008-10-01", "2012-03-01", "2020-03-16"], "datetime64[D]")
    >>> crises = [("2008-09-01", "2009-03-31"), ("2020-02-20", "2020-04-30")]
    >>> by_dates(days, {"crisis": crises}).tolist()
    ['crisis', 'calm', 'crisis']
    """
    starts = np.asarray(starts, "datetime64[D]")
    label = np.full(starts.shape, otherwise, dtype=object)
    for name, given in periods.items():
        spans = [given] if isinstance(given[0], str) or np.ndim(given[0]) == 0 else given
        for first, last in np.asarray(spans, "datetime64[D]"):
            inside = (starts >= first) & (starts <= last)
            twice = inside & (label != otherwise) & (label != name)
            require(not bool(twice.any()), f"{name!r} and another regime both claim {starts[twice][:3]}", DataError)
            label[inside] = name
    return label.astype(str)


def by_regime(
    ledgers: Mapping[str, Ledger], labels: np.ndarray, reference: str = "delta", least: int = 10, **settings: Any
) -> dict[str, Comparison]:
    """`compare` within each regime: ``labels`` names that of every path, ``settings`` go to `compare`.

    Paths of other regimes count nothing, but the whole series is resampled: a regime is met as often, and in such
    spells, as history would repeat it, and its intervals know how few spells there were. A resample without a path of
    it says nothing and is left out. Raises ``DataError`` for regimes of fewer than ``least`` paths.

    >>> import jax, jax.numpy as jnp, deephedge as dh
    >>> labels, nothing = np.repeat(["calm", "crisis"], 50), jnp.zeros((100, 1))
    >>> wealth = jax.random.normal(jax.random.key(0), (100,)) - 3.0 * (labels == "crisis")
    >>> ledger = dh.Ledger(nothing[..., None], nothing[..., None], nothing, nothing, wealth, wealth)
    >>> found = by_regime({"delta": ledger}, labels, resamples=100)
    >>> {name: round(one.estimates["delta"]["mean"].value) for name, one in found.items()}
    {'calm': 0, 'crisis': -3}
    """
    names, counts = np.unique(labels, return_counts=True)
    few = {str(name): int(count) for name, count in zip(names, counts, strict=True) if count < least}
    require(not few, f"regimes of fewer than {least} paths say nothing: {few}; join them with others", DataError)
    found = {}
    for name in names:
        inside = {policy: _only(ledger, labels == name) for policy, ledger in ledgers.items()}
        found[str(name)] = compare(inside, reference, **settings)
    return found


def _only(ledger: Ledger, inside: np.ndarray) -> Ledger:
    """The ledger with no weight on the paths outside."""
    shape = np.shape(ledger.wealth)
    require(inside.shape == shape, f"one label a path is expected: {inside.shape} labels, {shape} paths", DataError)
    weight = np.where(inside, 1.0 if ledger.weight is None else np.asarray(ledger.weight, float), 0.0)
    return replace(ledger, weight=jnp.asarray(weight))
