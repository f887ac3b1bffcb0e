"""Quotes that a study joins to its history beside prices: news, macro figures, calendars; each by what was known."""

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from deephedge.core.errors import ConfigError, require
from deephedge.data import Latest, Records, aligned, lagged, news_columns, surprises
from deephedge.data.releases import days_to_next, fomc_calendar, release_of
from deephedge.data.sources import File
from deephedge.data.text import AbstractTone, Lexicon

Find = Callable[[str], str]


class AbstractJoin(ABC):
    """A frozen dataclass that gives named quotes at the decision times of a history."""

    @abstractmethod
    def quotes(self, times: np.ndarray, find: Find) -> tuple[dict[str, np.ndarray], str]:
        """A value for each of ``times`` (datetime64[us], UTC) from what was known by it, and a sentence on its origin.

        ``find`` gives the place of a file that the study names.
        """


@dataclass(frozen=True)
class News(AbstractJoin):
    """Tone, dispersion and volume of headlines, the old fading with ``half_life`` days; see `data.news_columns`.

    An item without a headline counts by its text.
    ``tone`` is any of ``text``; the lists of Loughran and McDonald unless given. Quotes are ``"<name>.tone"``,
    ``"<name>.tone_dispersion"`` and ``"<name>.volume"``.
    """

    path: str
    half_life: float = 3.0
    name: str = "news"
    tone: AbstractTone | None = None

    def quotes(self, times: np.ndarray, find: Find) -> tuple[dict[str, np.ndarray], str]:
        news = records_of(self.path, find)
        tone = self.tone if self.tone is not None else Lexicon.loughran_mcdonald()
        texts = [headline or text for headline, text in news.frame.select("headline", "text").rows()]
        scores = {"tone": tone.tone(texts)}
        frame = news_columns(news, scores, times, half_life=self.half_life, prefix=self.name)
        values = {column: frame[column].to_numpy().astype(np.float64) for column in frame.columns if column != "time"}
        how = f"{type(tone).__name__}, half-life {self.half_life:g} days"
        return values, f"{', '.join(values)}: {len(news):,} items of {Path(self.path).name}, {how}"


@dataclass(frozen=True)
class Surprise(AbstractJoin):
    """The last surprise of a macro figure against its own trend, in units of the surprises before; 0 before the first.

    ``series``: a FRED name or one such as ``"us.cpi"``, whose release lag is known; see `data.surprises`.
    """

    path: str
    series: str
    change: str = "growth"
    name: str | None = None

    def quotes(self, times: np.ndarray, find: Find) -> tuple[dict[str, np.ndarray], str]:
        raw, release = records_of(self.path, find), release_of(self.series)
        days = raw.frame["event_time"].dt.date().to_numpy().astype("datetime64[D]")
        figures = lagged(days, raw.frame["value"].to_numpy(), self.series, origin=raw.origin)
        found = surprises(figures, release.name, change=self.change)
        called = self.name or f"{release.name}.surprise"
        column = {called: Latest("values", {"name": f"{release.name}.surprise"})}
        values = np.nan_to_num(aligned([found], times, column).column(called))
        lag = f"{release.lag_days} days after the period"
        return {called: values}, f"{called}: {Path(self.path).name}, revised values, each known {lag}"


@dataclass(frozen=True)
class DaysToMeeting(AbstractJoin):
    """Days to the next scheduled meeting of the Federal Open Market Committee, at most ``most``.

    The file has a column of dates and one that marks unscheduled meetings, which nobody saw coming.
    """

    path: str
    name: str = "fomc.days"
    most: float = 60.0

    def quotes(self, times: np.ndarray, find: Find) -> tuple[dict[str, np.ndarray], str]:
        raw = records_of(self.path, find)
        days = raw.frame["event_time"].dt.date().to_numpy().astype("datetime64[D]")
        unscheduled = (raw.frame["note"] == "unscheduled").fill_null(False).to_numpy()
        calendar = fomc_calendar(days, unscheduled, origin=raw.origin)
        values = np.minimum(np.nan_to_num(days_to_next(calendar, times), nan=self.most), self.most)
        return {self.name: values}, f"{self.name}: {len(calendar):,} meetings of {Path(self.path).name}"


def records_of(path: str, find: Find) -> Records:
    """All records of a file that a study names."""
    place = Path(find(path))
    pieces = File(place).read()
    require(bool(pieces), f"{place.name} has no records", ConfigError)
    return pieces[0].joined(*pieces[1:])
