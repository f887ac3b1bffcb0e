"""Macro figures as they were known: vintages, and the surprise of a release against its own trend."""

from dataclasses import dataclass

import numpy as np
from jaxtyping import Float

from deephedge.core.errors import DataError, require
from deephedge.data.records import Records
from deephedge.data.releases import RELEASE_LAGS

CHANGES = ("level", "difference", "growth")
DAY = np.timedelta64(1, "D")


@dataclass(frozen=True, eq=False)
class Vintages:
    """What was known of one figure after each publication; NaN is what was not known yet.

    ``known``: times of publications, increasing (datetime64[us], UTC). ``periods``: event times, increasing.
    ``values``: float64, a row for each publication and a column for each period.
    """

    known: np.ndarray
    periods: np.ndarray
    values: Float[np.ndarray, "known period"]

    def at(self, times: np.ndarray) -> Float[np.ndarray, "time period"]:
        """The row that was known at each of ``times``; NaN before the first publication."""
        rows = np.searchsorted(self.known, times.astype("datetime64[us]"), side="right")
        return np.vstack([np.full(len(self.periods), np.nan), self.values])[rows]


def vintages(records: Records, name: str) -> Vintages:
    """The vintages of the figure ``name`` among ``values`` records; raises ``DataError`` where there is none.

    Raises ``DataError`` too where a figure is stamped with the period it is about, as FRED's files are: nobody knew it
    then. `deephedge.data.releases.lagged` gives such a file its lag; ALFRED has the vintages.

    >>> rows = [
    ...     {"event_time": "2024-03-31", "known_time": "2024-04-25", "name": "us.gdp", "value": 1.6},
    ...     {"event_time": "2024-03-31", "known_time": "2024-05-30", "name": "us.gdp", "value": 1.3},
    ... ]
    >>> from deephedge.data import Origin
    >>> vintages(Records.of("values", rows, origin=Origin("by hand")), "us.gdp").values.tolist()
    [[1.6], [1.3]]
    """
    require(records.kind.name == "values", f"macro figures are values, were {records.kind.name}", DataError)
    frame = records.about(name=name).frame.drop_nulls("value")
    require(not frame.is_empty(), f"{records.origin.source} has no value called {name!r}", DataError)
    event, known = (
        frame[column].dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
        for column in ("event_time", "known_time")
    )
    _released(name, event, known)
    moments, row = np.unique(known, return_inverse=True)
    periods, column = np.unique(event, return_inverse=True)
    # the row in which each version stands is carried down to the next version of the same period
    source = np.full((len(moments), len(periods)), -1)
    source[row, column] = np.arange(len(frame))  # in order of known_time: the last of equals stays
    source = np.maximum.accumulate(source, axis=0)
    values = np.where(source < 0, np.nan, frame["value"].to_numpy()[source])
    return Vintages(moments, periods, values)


def _released(name: str, event: np.ndarray, known: np.ndarray) -> None:
    release = next((one for one in RELEASE_LAGS.values() if one.name == name), None)
    over = event + DAY if release is None else (release.ends(event) + DAY).astype("datetime64[us]")
    early = known < over
    shown = f" (the first: {known[early][0]} for {event[early][0]})" if early.any() else ""
    told = (
        f"{int(early.sum()):,} of {len(event):,} values of {name} are stamped before their period was over{shown}; "
        "give them the lag of their release (data.releases.lagged) or read vintages"
    )
    require(not bool(early.any()), told, DataError)


def surprises(
    records: Records, name: str, *, change: str = "growth", order: int = 1, window: int = 120, least: int = 24
) -> Records:
    r"""First releases against what their own past let one expect, in units of the surprises so far.

    At the publication that first tells period :math:`p`, :math:`z_p` is the change against the period before, both as
    told there (``growth``: of logarithms, ``difference``, or ``level``: the figure itself). The forecast
    :math:`\hat z_p = a + \sum_{k \le \text{order}} b_k z_{p-k}` is fitted by least squares on the last ``window``
    changes of the publication before. The value is

    .. math:: \frac{z_p - \hat z_p}{\sqrt{\frac1m\sum_{q<p} (z_q - \hat z_q)^2}},

    the spread being that of the :math:`m \ge` ``least`` earlier surprises. It is a surprise against a trend, not
    against a survey of forecasters. Of periods that appear together only the newest is a release; a first file that
    holds decades has one. Records are called ``"<name>.surprise"``, with the times of the release.

    Raises ``DataError`` for a figure that is not positive with ``growth``, and as `vintages` does.
    """
    require(change in CHANGES, f"change must be one of {', '.join(CHANGES)}, was {change!r}", DataError)
    told = f"a fit of order {order} needs at least {2 * order + 3} changes, `least` was {least} and `window` {window}"
    require(order >= 1 and min(least, window) >= 2 * order + 3, told, DataError)
    held = vintages(records, name)
    rows, columns, change_told, forecast = _forecasts(_changes(held.values, change, name), order, window, least)
    raw = change_told - forecast
    value = raw / _spread(raw, least)
    good = np.isfinite(value)
    import polars as pl

    times = {"event_time": held.periods[columns[good]], "known_time": held.known[rows[good]]}
    frame = {column: pl.Series(when).dt.replace_time_zone("UTC") for column, when in times.items()}
    count = int(good.sum())
    told = f"surprise of {name} against an autoregression of order {order} on {change}"
    more = {"name": [f"{name}.surprise"] * count, "value": value[good], "unit": ["spread"] * count}
    return Records.of("values", {**frame, **more}, origin=records.origin, repairs=(*records.repairs, told))


def _changes(values: Float[np.ndarray, "known period"], change: str, name: str) -> Float[np.ndarray, "known period"]:
    """Changes within each publication; the first period has none."""
    if change == "level":
        return values
    if change == "growth":
        told = f"growth needs positive figures, {name} has {np.nanmin(values)}; use change='difference'"
        require(bool(np.nanmin(values) > 0), told, DataError)
        values = np.log(values)
    return np.diff(values, axis=1, prepend=np.nan)


def _forecasts(changes: Float[np.ndarray, "known period"], order: int, window: int, least: int):
    """Of each release: its row, its period, its change, and the forecast of it by the row before."""
    told = np.isfinite(changes)
    newest = np.where(told.any(axis=1), changes.shape[1] - 1 - told[:, ::-1].argmax(axis=1), -1)
    before = np.concatenate([[-1], np.maximum.accumulate(newest)[:-1]])
    rows = np.flatnonzero((newest > before) & (before >= 0))
    columns = newest[rows]
    # the last changes of the publication before, oldest first; what is not there is NaN
    places = before[rows, None] + np.arange(1 - window - order, 1)
    past = np.where(places >= 0, changes[rows[:, None] - 1, np.maximum(places, 0)], np.nan)
    return rows, columns, changes[rows, columns], _next(past, order, least)


def _next(past: Float[np.ndarray, "release lag"], order: int, least: int) -> Float[np.ndarray, " release"]:
    """The forecast of what follows each row of ``past``, by an autoregression with intercept fitted to that row."""
    fits = np.lib.stride_tricks.sliding_window_view(past, order + 1, axis=1)
    usable = np.all(np.isfinite(fits), axis=2)
    count = usable.sum(axis=1)
    kept = np.where(usable[..., None], fits, 0.0)
    mean = kept.sum(axis=1) / np.maximum(count, 1)[:, None]
    centred = np.where(usable[..., None], kept - mean[:, None], 0.0)
    x, y = centred[..., :-1], centred[..., -1]
    inverse = np.linalg.pinv(np.einsum("rti,rtj->rij", x, x), hermitian=True)
    slopes = np.einsum("rij,rj->ri", inverse, np.einsum("rti,rt->ri", x, y))
    forecast = mean[:, -1] + (slopes * (past[:, -order:] - mean[:, :-1])).sum(axis=1)
    return np.where(count >= least, forecast, np.nan)


def _spread(raw: np.ndarray, least: int) -> np.ndarray:
    """Root mean square of the surprises before each; NaN for fewer than ``least``, or none that differs from 0."""
    good = np.isfinite(raw)
    running = np.cumsum([good, np.where(good, raw, 0.0) ** 2], axis=1)
    count, squares = np.concatenate([np.zeros((2, 1)), running], axis=1)[:, :-1]  # without its own
    return np.sqrt(np.where((count >= least) & (squares > 0), squares / np.maximum(count, 1), np.nan))
