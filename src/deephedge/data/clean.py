"""Repairs that are safe, each told in a sentence, and refusals of all others, each with the dates."""

from dataclasses import dataclass, replace

import numpy as np

from deephedge.core.errors import DataError, require

MAX_GAP = 7  # calendar days from one row to the next; the S&P 500 went from 2001-09-10 straight to 2001-09-17
MAX_CARRIED = 2  # trading days in a row for which yesterday's volatility stands in
POINTS = 2.0  # a median volatility above this is in points: nothing moves by 200 % a year on half of its days
VOL_RANGE = (0.005, 5.0)
SHOWN = 5


@dataclass(frozen=True)
class Series:
    """Dated values of one column on their way in; ``repairs`` tells what was done to them."""

    label: str
    dates: np.ndarray
    values: np.ndarray
    repairs: tuple[str, ...] = ()

    def taking(self, rows: np.ndarray) -> "Series":
        return replace(self, dates=self.dates[rows], values=self.values[rows])

    def told(self, sentence: str) -> "Series":
        return replace(self, repairs=(*self.repairs, f"{self.label}: {sentence}"))


def listed(dates: np.ndarray) -> str:
    """The first few dates, each once, and how many more there are.

    >>> listed(np.array(["2024-01-02", "2024-01-03"], dtype="datetime64[D]"))
    '2024-01-02, 2024-01-03'
    """
    dates = np.unique(dates)
    more = f" and {len(dates) - SHOWN:,} more" if len(dates) > SHOWN else ""
    return ", ".join(str(day) for day in dates[:SHOWN]) + more


def prices(series: Series) -> Series:
    """Sorted, one a day, all positive, no gap; raises ``DataError`` with the dates."""
    series = one_a_day(in_order(series))
    missing = np.isnan(series.values)
    _refuse(series, missing, "no price on", "fill them from the publisher or drop those rows")
    _refuse(series, ~(series.values > 0) | np.isinf(series.values), "a price that is not above 0 on", "correct them")
    gaps = np.diff(series.dates) > np.timedelta64(MAX_GAP, "D")
    spans = [f"{a} to {b}" for a, b in zip(series.dates[:-1][gaps], series.dates[1:][gaps], strict=True)]
    more = f" and {len(spans) - SHOWN:,} more" if len(spans) > SHOWN else ""
    hint = f"daily rows are expected, at most {MAX_GAP} calendar days apart; fill the gap or start after it"
    require(not spans, f"{series.label}: a gap from {', '.join(spans[:SHOWN])}{more}; {hint}", DataError)
    return series


def vols(series: Series) -> Series:
    """Sorted, one a day, as fractions per root year; blank values stay NaN until ``aligned`` judges them."""
    series = one_a_day(in_order(series))
    known = series.values[~np.isnan(series.values)]
    require(known.size > 0, f"{series.label}: no volatility in the column; name another one", DataError)
    if np.median(known) > POINTS:
        said = f"volatility points divided by 100 (the median was {np.median(known):.4g})"
        series = replace(series, values=series.values / 100).told(said)
    low, high = VOL_RANGE
    odd = ~np.isnan(series.values) & ~((series.values >= low) & (series.values <= high))
    wanted = f"from {low} to {high} per root year"
    _refuse(series, odd, f"no volatility {wanted} on", "are points and fractions mixed, or is this another column?")
    return series


def in_order(series: Series) -> Series:
    """Sorted by date."""
    if np.all(np.diff(series.dates) >= np.timedelta64(0)):
        return series
    newest_first = bool(np.all(np.diff(series.dates) <= np.timedelta64(0)))
    said = (
        "rows came newest first and were turned round"
        if newest_first
        else "rows were not in date order and were sorted"
    )
    return series.taking(np.argsort(series.dates, kind="stable")).told(said)


def one_a_day(series: Series) -> Series:
    """Repeated days dropped where their values agree, refused where they do not."""
    again = np.concatenate([[False], series.dates[1:] == series.dates[:-1]])
    before = np.concatenate([series.values[:1], series.values[:-1]])
    same = (series.values == before) | (np.isnan(series.values) & np.isnan(before))
    hint = "one row a day and one underlier a file are expected; keep the right ones"
    _refuse(series, again & ~same, "two different values on", hint)
    if not again.any():
        return series
    return series.taking(~again).told(
        f"{again.sum():,} repeated rows with equal values dropped ({listed(series.dates[again])})"
    )


def aligned(spot: Series, vol: Series) -> Series:
    """``vol`` on the days of ``spot``.

    Before the first and after the last volatility the result is NaN. In between, a day that ``vol`` does not have takes
    the value of the day before, at most ``MAX_CARRIED`` in a row; a row that is there but blank is refused.
    """
    known = vol.taking(~np.isnan(vol.values))
    inside = (spot.dates >= known.dates[0]) & (spot.dates <= known.dates[-1])
    ranges = f"{spot.dates[0]} to {spot.dates[-1]} and {known.dates[0]} to {known.dates[-1]}"
    require(bool(inside.any()), f"{spot.label} and {vol.label} have no day in common: {ranges}", DataError)
    blank = inside & np.isin(spot.dates, vol.dates[np.isnan(vol.values)])
    _refuse(replace(vol, dates=spot.dates), blank, "no volatility on", "fill them from the publisher")
    last = np.maximum(np.searchsorted(known.dates, spot.dates, side="right") - 1, 0)
    carried = inside & (known.dates[last] != spot.dates)
    _refuse(
        replace(vol, dates=spot.dates),
        _long_runs(carried, MAX_CARRIED),
        "no volatility on",
        "fill them from the publisher",
    )
    result = Series(vol.label, spot.dates, np.where(inside, known.values[last], np.nan), vol.repairs)
    if carried.any():
        result = result.told(f"the volatility of the day before stands in on {listed(spot.dates[carried])}")
    return _tell_ends(result, known, inside)


def _tell_ends(result: Series, known: Series, inside: np.ndarray) -> Series:
    unused = ~np.isin(known.dates, result.dates)
    if unused.any():
        result = result.told(f"{unused.sum():,} days without a price left out ({listed(known.dates[unused])})")
    for side, outside in (("before", result.dates < known.dates[0]), ("after", result.dates > known.dates[-1])):
        if outside.any():
            edge = result.dates[inside][0 if side == "before" else -1]
            result = result.told(f"no volatility {side} {edge} ({outside.sum():,} days)")
    return result


def _long_runs(flags: np.ndarray, longest: int) -> np.ndarray:
    """The members of runs of more than ``longest`` flags in a row."""
    edges = np.flatnonzero(np.diff(np.concatenate([[0], flags.astype(int), [0]])))
    result = np.zeros_like(flags)
    for start, stop in edges.reshape(-1, 2):
        result[start:stop] = stop - start > longest
    return result


def _refuse(series: Series, wrong: np.ndarray, what: str, hint: str) -> None:
    require(not wrong.any(), f"{series.label}: {what} {listed(series.dates[wrong])}; {hint}", DataError)
