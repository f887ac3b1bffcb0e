"""When macro figures come out: lags of publication, calendars of releases, and days until the next."""

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

import numpy as np

from deephedge.core.errors import DataError, nearest, require
from deephedge.data.records import Origin, Records

NEW_YORK = "America/New_York"
UNITS = {"day": "D", "week": "D", "month": "M", "quarter": "M"}


@dataclass(frozen=True)
class Release:
    """A figure that is published some days after the period it is about.

    ``name``: what records call it. ``every``: ``day``, ``week`` (a week is called by its last day), ``month`` or
    ``quarter``. ``lag_days``: after the last day of the period, the latest of the ordinary schedule, so that nothing is
    used too early; ``usual``: the ordinary rule. ``time`` in ``zone``: the hour of the release.
    """

    name: str
    every: str
    lag_days: int
    usual: str
    publisher: str
    time: str = "08:30"
    zone: str = NEW_YORK

    def __post_init__(self):
        require(self.every in UNITS, f"a figure comes every {', '.join(UNITS)}, was {self.every!r}", DataError)
        told = f"{self.name} must be released on the day after its period or later, was {self.lag_days} days after"
        require(self.lag_days >= 1, told, DataError)

    def ends(self, days: np.ndarray) -> np.ndarray:
        """The last day of the period of each of ``days``.

        >>> gdp = RELEASE_LAGS["GDPC1"]
        >>> gdp.ends(np.array(["2024-01-01", "2024-05-31"], "datetime64[D]")).tolist()
        [datetime.date(2024, 3, 31), datetime.date(2024, 6, 30)]
        """
        if UNITS[self.every] == "D":
            return days.astype("datetime64[D]")
        length = 3 if self.every == "quarter" else 1
        months = days.astype("datetime64[M]").astype(np.int64)
        return (months // length * length + length).astype("datetime64[M]").astype("datetime64[D]") - 1

    def known(self, days: np.ndarray) -> np.ndarray:
        """When the figure of each period could be known, datetime64[us], UTC."""
        import polars as pl

        from deephedge.data.layouts.times import at

        due = pl.Series(self.ends(days) + self.lag_days)
        return at(due, self.time, self.zone).dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")


def _table() -> Mapping[str, Release]:
    bls, bea, fed = "Bureau of Labor Statistics", "Bureau of Economic Analysis", "Federal Reserve"
    cpi = ("month", 24, "10 to 15 days after; until 2015 that of January up to 23", bls)
    pce = ("month", 35, "25 to 33 days after", bea)
    rows = {
        "CPIAUCSL": Release("us.cpi", *cpi),
        "CPILFESL": Release("us.core_cpi", *cpi),
        "UNRATE": Release("us.unemployment", "month", 10, "Friday, the third after the week of the 12th", bls),
        "PCEPI": Release("us.pce", *pce),
        "PCEPILFE": Release("us.core_pce", *pce),
        "GDPC1": Release("us.gdp", "quarter", 31, "advance estimate, 25 to 31 days after", bea),
        "ICSA": Release("us.claims", "week", 5, "Thursday after the week that ends on Saturday", "Department of Labor"),
        "PERMIT": Release("us.permits", "month", 21, "12th working day, 16 to 20 days after", "Census Bureau"),
        "FEDFUNDS": Release("us.fed_funds", "month", 5, "H.15, first working days after", fed, "16:15"),
        "M2SL": Release("us.m2", "month", 28, "H.6, fourth Tuesday after", fed, "16:30"),
        "WALCL": Release("us.fed_assets", "week", 2, "H.4.1, the Thursday after, Friday at holidays", fed, "16:30"),
        "RRPONTSYD": Release("us.reverse_repo", "day", 1, "the afternoon of the day itself", "New York Fed", "13:30"),
        "CP0000EZCCM086NEST": Release(
            "ez.hicp", "month", 26, "16 to 20 days after, January's up to 25", "Eurostat", "11:00", "Europe/Berlin"
        ),
        "USEPU": Release("us.epu", "month", 10, "first days after", "policyuncertainty.com", "17:00"),
    }  # fmt: skip
    return MappingProxyType(rows)


RELEASE_LAGS: Mapping[str, Release] = _table()


def release_of(series: str | Release) -> Release:
    """The release of a FRED series, or of a name such as ``"us.cpi"``; raises ``DataError`` with the nearest one.

    >>> release_of("CPIAUCSL") is release_of("us.cpi")
    True
    """
    if isinstance(series, Release):
        return series
    known = dict(RELEASE_LAGS) | {release.name: release for release in RELEASE_LAGS.values()}
    told = f"no release lag of {series!r} is known ({nearest(series, known)}); give a Release, or read vintages"
    require(series in known, told, DataError)
    return known[series]


def lagged(days: np.ndarray, values: np.ndarray, series: str | Release, *, origin: Origin) -> Records:
    """Figures that carry only the period they are about, known after the lag of their release.

    ``event_time`` is the last day of the period. The values are those of the file: where it holds revised ones, the lag
    does not take the revision back (`docs/theory/news-and-macro.md`); only vintages do. NaN is left out.

    >>> days = np.array(["2024-01-01"], "datetime64[D]")
    >>> str(lagged(days, np.array([308.4]), "CPIAUCSL", origin=Origin("by hand")).frame["known_time"][0])
    '2024-02-24 13:30:00+00:00'
    """
    release = release_of(series)
    told = f"each of {len(days)} periods of {release.name} needs a value, there are {len(values)}"
    require(len(days) == len(values), told, DataError)
    held = np.isfinite(values)
    days, values = days[held], values[held]
    told = f"{release.name} has two values for one {release.every}; give the vintages their own known_time"
    require(len(np.unique(release.ends(days))) == len(days), told, DataError)
    columns = {"event_time": _utc(release.ends(days)), "known_time": _utc(release.known(days))}
    return Records.of("values", {**columns, "name": [release.name] * len(days), "value": values}, origin=origin)


def release_calendar(series: str | Release, start: np.datetime64, end: np.datetime64) -> Records:
    """The dates on which figures are due, by their lag, for periods of ``start`` to ``end``, known a year ahead.

    Of a weekly figure ``start`` is the last day of its first week; a daily one has no calendar. The dates are the
    latest of the ordinary schedule (`Release`), not the publisher's own calendar: give that where you have it.
    """
    release = release_of(series)
    require(release.every != "day", f"{release.name} comes every day: it has no calendar", DataError)
    step = 7 if release.every == "week" else 1
    days = np.unique(release.ends(np.arange(start.astype("datetime64[D]"), end.astype("datetime64[D]") + 1, step)))
    due = release.known(days)
    columns = {"event_time": _utc(due), "known_time": _utc(due - np.timedelta64(366, "D"))}
    names = {"name": [release.name] * len(days), "note": ["due by rule"] * len(days)}
    return Records.of("events", {**columns, **names}, origin=Origin("release lags", release.publisher))


def fomc_calendar(days: np.ndarray, unscheduled: np.ndarray, *, origin: Origin) -> Records:
    """Meetings of the Federal Open Market Committee at 14:00 New York on their (last) day, as events ``"fomc"``.

    Scheduled ones are known from 1 October of the year before: the committee has announced its schedule of a year
    between May and September of the one before (releases of 16 May 2012, 28 June 2016, 4 June 2021, 9 August 2024).
    Unscheduled ones are known when they happen, so that no count of days ahead may see them.
    """
    import polars as pl

    from deephedge.data.layouts.times import at

    days = days.astype("datetime64[D]")
    held = at(pl.Series(days), "14:00", NEW_YORK).dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")
    october = days.astype("datetime64[Y]").astype("datetime64[M]") - 3
    known = np.where(unscheduled.astype(bool), held, october.astype("datetime64[us]"))
    note = np.where(unscheduled.astype(bool), "unscheduled", "scheduled").tolist()
    columns = {"event_time": _utc(held), "known_time": _utc(known), "name": ["fomc"] * len(days), "note": note}
    return Records.of("events", columns, origin=origin)


def days_to_next(events: Records, at: np.ndarray) -> np.ndarray:
    """Days from each time of ``at`` (datetime64, UTC) to the next event that was known of by then; NaN where none was.

    An event at the very time counts as 0. An event counts as soon as it is known and until it has happened; one that
    was known only as it happened is never ahead.

    >>> fomc = fomc_calendar(np.array(["2024-01-31"], "datetime64[D]"), np.array([0]), origin=Origin("by hand"))
    >>> days_to_next(fomc, np.array(["2024-01-30T19:00", "2024-02-01T19:00"], "datetime64[us]")).tolist()
    [1.0, nan]
    """
    require(events.kind.name == "events", f"days to the next event need events, were {events.kind.name}", DataError)
    times = at.astype("datetime64[us]")
    happened, known = (_naive(events.frame[name]) for name in ("event_time", "known_time"))
    ahead = np.flatnonzero(known < happened)
    happened, known = happened[ahead], known[ahead]
    if not len(happened):
        return np.full(len(times), np.nan)
    gaps = [_gaps(block, happened, known) for block in np.array_split(times, max(1, len(times) // 4096))]
    return np.concatenate(gaps)


def _gaps(times: np.ndarray, happened: np.ndarray, known: np.ndarray) -> np.ndarray:
    ahead = (known <= times[:, None]) & (happened >= times[:, None])
    gap = np.where(ahead, (happened - times[:, None]) / np.timedelta64(1, "D"), np.inf).min(axis=1)
    return np.where(np.isinf(gap), np.nan, gap)


def _naive(column) -> np.ndarray:
    return column.dt.replace_time_zone(None).to_numpy().astype("datetime64[us]")


def _utc(times: np.ndarray):
    import polars as pl

    return pl.Series(times.astype("datetime64[us]")).dt.replace_time_zone("UTC")
