"""What a surface says in a few numbers: volatilities by delta, level, skew and term, and daily quotes of them."""

from collections.abc import Mapping, Sequence
from types import MappingProxyType

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.history import History
from deephedge.data.surfaces.smile import variance
from deephedge.data.surfaces.surface import Surface

TENORS: Mapping[str, float] = MappingProxyType({"1m": 30 / 365, "3m": 91 / 365, "1y": 1.0})
DELTAS = (0.10, 0.25, 0.50, 0.75, 0.90)
WIDE, HALVINGS = 12.0, 60  # standard deviations from the money between which a strike is looked for


def delta_vols(
    surface: Surface, tenors: Sequence[float] | np.ndarray, deltas: Sequence[float] | np.ndarray = DELTAS
) -> np.ndarray:
    r"""Volatilities at which a call has the forward delta :math:`N(d_1)`: a row for each of ``tenors`` (years), a
    column for each of ``deltas`` in (0, 1). A put of delta -0.25 is the call of 0.75. NaN beyond the last expiry.

    Found by halving: without butterfly arbitrage :math:`d_1` falls with the strike.
    Source: Fukasawa (2012), for the last.

    >>> flat = Surface.of("X", "2024-01-01", ["2024-12-31"], 100.0, theta=[0.04])
    >>> delta_vols(flat, [0.5], [0.25, 0.75]).round(4).tolist()
    [[0.2, 0.2]]
    """
    from scipy.special import ndtri

    deltas, tenors = np.asarray(deltas, float), np.asarray(tenors, float)
    require(bool(np.all((deltas > 0) & (deltas < 1))), f"deltas lie between 0 and 1, were {deltas.tolist()}", DataError)
    known = (tenors > 0) & (tenors <= surface.tau[-1])
    nodes = [np.asarray(row)[:, None] for row in surface.nodes(np.where(known, tenors, np.nan))]
    low = -WIDE * np.sqrt(nodes[0]) + np.zeros_like(deltas)
    high, wanted = -low, ndtri(deltas)
    for _ in range(HALVINGS):
        k = 0.5 * (low + high)
        w = variance(k, *nodes)
        above = -k / np.sqrt(w) + 0.5 * np.sqrt(w) > wanted
        low, high = np.where(above, k, low), np.where(above, high, k)
    return np.sqrt(variance(low, *nodes) / tenors[:, None])


def factors(surface: Surface, tenors: Mapping[str, float] = TENORS) -> dict[str, float]:
    r"""``"level.1m"``: volatility at the forward; ``"skew.1m"``: that of the put of delta -0.25 less that of the call
    of 0.25; ``"term.3m"``: the level less that of the first tenor. Per root year; NaN beyond the last expiry.

    >>> flat = Surface.of("X", "2024-01-01", ["2024-12-31"], 100.0, theta=[0.04])
    >>> {name: round(value, 3) for name, value in factors(flat, {"1m": 30 / 365, "3m": 91 / 365}).items()}
    {'level.1m': 0.2, 'skew.1m': 0.0, 'level.3m': 0.2, 'skew.3m': 0.0, 'term.3m': 0.0}
    """
    years = np.array(list(tenors.values()))
    known = np.where(years <= surface.tau[-1], years, np.nan)
    level = np.sqrt(surface.nodes(known)[0] / years)
    wings = delta_vols(surface, years, (0.75, 0.25))
    found: dict[str, float] = {}
    for i, name in enumerate(tenors):
        found |= {f"level.{name}": float(level[i]), f"skew.{name}": float(wings[i, 0] - wings[i, 1])}
        found |= {f"term.{name}": float(level[i] - level[0])} if i else {}
    return found


def daily(surfaces: Sequence[Surface], tenors: Mapping[str, float] = TENORS) -> History:
    """A `History` of the last surface of each day (UTC): ``SPX`` the spot, ``SPX.vol`` the level of the first tenor
    (a month), ``SPX.skew`` its skew, ``SPX.term`` the level of the last tenor less it, and the other `factors` by their
    names after ``SPX.``.

    ``dates`` are the days of the snapshots, so a quote is known at its snapshot's ``known_time`` of that day and not
    before. Raises ``DataError`` for surfaces of several underliers or fewer than two days.
    """
    names = sorted({surface.underlier for surface in surfaces})
    require(len(names) == 1, f"a history is of one underlier, was given {', '.join(names) or 'none'}", DataError)
    last = {s.event_time.date(): s for s in sorted(surfaces, key=lambda s: s.event_time)}
    rows = [factors(surface, tenors) for surface in last.values()]
    near, far = next(iter(tenors)), list(tenors)[-1]
    own = names[0]
    quotes = {own: [surface.spot for surface in last.values()]}
    short = {"vol": f"level.{near}", "skew": f"skew.{near}"} | ({"term": f"term.{far}"} if far != near else {})
    quotes |= {f"{own}.{name}": [row[of] for row in rows] for name, of in short.items()}
    others = [name for name in rows[0] if name not in short.values()]
    quotes |= {f"{own}.{name}": [row[name] for row in rows] for name in others}
    return History.of(list(last), quotes, source=f"surfaces of {own}")
