"""Clocks that are an hour off, and times that no clock shows."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from deephedge.data.quality.base import SERIES, AbstractCheck, Finding, series, things
from deephedge.data.records import Records

if TYPE_CHECKING:
    import polars as pl

ZONES = ("UTC", "America/New_York", "America/Chicago", "Europe/London", "Europe/Berlin", "Asia/Kolkata", "Asia/Tokyo")
HOUR, NEAR = 60, 2  # minutes


@dataclass(frozen=True)
class Clock(AbstractCheck):
    """Days whose first row is just an hour from the usual, on the clock of ``zone``, and not on a day by itself.

    Daylight saving that was left out, or applied twice, shows as hours shifted for weeks. Without a zone the one of
    ``ZONES`` is taken by which most days begin alike: a set that is consistently in the wrong one is not seen. Series
    whose days do not begin alike by any clock are not judged.
    """

    name: ClassVar[str] = "clock"
    kinds: ClassVar[tuple[str, ...]] = SERIES
    zone: str | None = None
    alike: float = 0.4

    def findings(self, records: Records) -> list[Finding]:
        return [one for about, part in things(series(records)) for one in self._of(about, part)]

    def _of(self, about: str, part: "pl.DataFrame") -> list[Finding]:
        import polars as pl

        zones = (self.zone,) if self.zone else ZONES
        starts = {zone: _starts(part, zone) for zone in zones}
        usual = {zone: int(days["minute"].mode().sort()[0]) for zone, days in starts.items()}
        share = {zone: _share(days, usual[zone]) for zone, days in starts.items()}
        zone = max(zones, key=lambda one: share[one])
        days, minute = starts[zone], pl.col("minute")
        if share[zone] < self.alike or days.height < 5:
            return []
        # modulo a day, so that a midnight start moved back an hour is seen at 23:00
        off = ((minute - usual[zone] + 720) % 1440 - 720).abs()
        wrong = days.filter((off - HOUR).abs() <= NEAR)
        clock = f"{usual[zone] // 60:02d}:{usual[zone] % 60:02d}"
        said = (
            f"{wrong.height:,} of {days.height:,} days begin an hour from the usual {clock} of {zone}: daylight saving "
            "was left out or applied twice, or the zone changed"
        )
        return self.found("error" if wrong.height > 1 else "warning", about, said, wrong, days.height)


def raw_times(times: np.ndarray, file: str, zone: str | None = None) -> list[str]:
    """What the times of a file say as they stand in it, in sentences: newest first, not sorted, times that no clock
    shows (an hour is skipped when daylight saving begins), in local time of ``zone``.

    Records are always sorted, so this is for whoever reads the file, who tells it in ``Records.repairs``.

    >>> raw_times(np.array(["2024-01-03", "2024-01-02"], dtype="datetime64[D]"), "rates.csv")
    ['rates.csv: rows came newest first and were turned round']
    """
    import polars as pl

    times = np.asarray(times).astype("datetime64[us]")
    times = times[~np.isnat(times)]
    steps = np.diff(times).astype(np.int64)
    back = int((steps < 0).sum())
    found = []
    if back and not (steps > 0).any():
        found.append(f"{file}: rows came newest first and were turned round")
    elif back:
        at = int(np.argmax(steps < 0)) + 1
        found.append(
            f"{file}: rows were not in order of time ({back:,} steps back, the first at row {at + 1:,}) and were sorted"
        )
    if zone is not None:
        local = pl.Series(times).dt.replace_time_zone(zone, ambiguous="earliest", non_existent="null")
        if missing := local.null_count():
            first = times[int(local.is_null().arg_max() or 0)].astype("datetime64[s]")
            told = f"{missing:,} times do not exist on the clocks of {zone} (the first: {first}); is it another zone?"
            found.append(f"{file}: {told}")
    return found


def _starts(part: "pl.DataFrame", zone: str) -> "pl.DataFrame":
    import polars as pl

    local = pl.col("event_time").dt.convert_time_zone(zone)
    first = part.with_columns(day=local.dt.date(), minute=local.dt.hour().cast(pl.Int64) * 60 + local.dt.minute())
    return first.group_by("day", maintain_order=True).first()


def _share(days: "pl.DataFrame", usual: int) -> float:
    return float((days["minute"] == usual).to_numpy().mean())
