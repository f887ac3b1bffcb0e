"""History as paths: every window of it, each a path of its own."""

from collections.abc import Mapping, Sequence

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.core.paths import MarketPath, bases
from deephedge.core.types import as_float
from deephedge.data.clean import listed
from deephedge.data.history import History

TRADING_DAY = 1 / 252  # years


def windows(
    history: History,
    steps: int,
    *,
    step_years: float = TRADING_DAY,
    rebase: bool | Sequence[str] | Mapping[str, str] = True,
) -> tuple[MarketPath, np.ndarray]:
    r"""All windows of ``steps`` trading days, one started on every day, as a batch of paths and their start dates.

    From :math:`n` days come :math:`n-\text{steps}` overlapping paths of ``steps + 1`` points; they share days, so
    intervals for their statistics need a block bootstrap. Times are ``0, step_years, ...`` in years and the numeraire
    is 1. The quotes in ``rebase`` (the first, if it is true) are divided by their value at each window's start, so that
    they are in units of it; a mapping says by whose value, such as ``{"CL": "CL", "CL2": "CL"}``.
    Raises ``DataError`` where a quote is missing (a volatility that begins later than the price).

    >>> from deephedge import data
    >>> paths, starts = windows(data.load("arch").between("2016-01-01", "2018-12-31"), steps=21)
    >>> paths.quotes["SPX"].shape, str(starts[0]), float(paths.quotes["SPX"][0, 0])
    ((733, 22), '2016-01-04', 1.0)
    """
    _check(history, steps, step_years)
    cut = {name: np.lib.stride_tricks.sliding_window_view(history.quotes[name], steps + 1) for name in history.names}
    named = (history.names[:1] if rebase else ()) if isinstance(rebase, bool) else rebase
    starts = {}
    for base in bases(named).values():
        above = bool((history.quote(base) > 0).all())
        require(above, f"{base} is 0 or less on some days, so windows cannot be in units of their start", DataError)
        starts[base] = cut[base][:, :1]
    cut |= {name: np.lib.stride_tricks.sliding_window_view(history.quote(name), steps + 1) / starts[base]
            for name, base in bases(named).items()}  # fmt: skip
    count = len(history) - steps
    times = np.broadcast_to(np.arange(steps + 1) * step_years, (count, steps + 1))
    quotes = {name: as_float(values) for name, values in cut.items()}
    return MarketPath(as_float(times), quotes, as_float(np.ones_like(times))), history.dates[:count]


def _check(history: History, steps: int, step_years: float) -> None:
    require(steps >= 1, f"a window needs 1 step or more, was given {steps}", DataError)
    require(
        np.isfinite(step_years) and step_years > 0, f"step_years must be years above 0, was {step_years}", DataError
    )
    have = f"{len(history):,} days from {history.dates[0]} to {history.dates[-1]}"
    require(
        len(history) > steps, f"a window of {steps} steps needs {steps + 1} days, the history has {have}", DataError
    )
    for name in history.names:
        known = np.isfinite(history.quotes[name])
        have = f"{history.dates[known][0]} to {history.dates[known][-1]}" if known.any() else "no day at all"
        missing, hint = (
            history.dates[~known],
            f"it is known on {have}: take those days with history.between(first, last)",
        )
        require(missing.size == 0, f"{name} is missing on {missing.size:,} days ({listed(missing)}); {hint}", DataError)
