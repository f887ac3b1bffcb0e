"""A daily history: dates, named quotes, and where they came from."""

import hashlib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import date
from types import MappingProxyType
from typing import Any

import numpy as np

from deephedge.core.errors import DataError, nearest, require

Day = str | date | np.datetime64


@dataclass(frozen=True)
class Provenance:
    """Where a history came from, in words that belong under every result made of it.

    ``sha256`` is that of the cleaned content (names, dates, values), so the same quotes read from another kind of file
    have the same one. ``repairs`` says in sentences what was changed on the way in, and what is missing.
    """

    source: str
    publisher: str
    licence: str
    rows: int
    first: str
    last: str
    sha256: str
    repairs: tuple[str, ...] = ()

    def as_dict(self) -> dict[str, Any]:
        """Plain values, for JSON."""
        return asdict(self)


@dataclass(frozen=True, eq=False, repr=False)
class History:
    """Daily quotes in date order; nothing in it can be changed.

    ``dates``: days, strictly increasing. ``quotes``: float64 arrays, one value a day, in the units of their names
    (``"SPX"`` in index points, ``"SPX.vol"`` per square root of a year; NaN where a volatility is not known).

    >>> import numpy as np
    >>> days = np.array(["2024-01-02", "2024-01-03", "2024-01-04"], dtype="datetime64[D]")
    >>> history = History.of(days, {"SPX": [100.0, 101.0, 99.0]}, source="three days")
    >>> history.between("2024-01-03", "2024-01-31").quote("SPX").tolist()
    [101.0, 99.0]
    """

    dates: np.ndarray
    quotes: Mapping[str, np.ndarray]
    provenance: Provenance

    @classmethod
    def of(
        cls,
        dates: Any,
        quotes: Mapping[str, Any],
        *,
        source: str,
        publisher: str = "not stated",
        licence: str = "not stated",
        repairs: tuple[str, ...] = (),
    ) -> "History":
        """A history of clean arrays; raises ``DataError`` where they do not fit together."""
        days = _frozen(dates, "datetime64[D]")
        values = {name: _frozen(quotes[name], np.float64) for name in quotes}
        require(
            days.ndim == 1 and days.size >= 2, f"a history needs at least two days, {source} has {days.size}", DataError
        )
        require(bool(np.all(np.diff(days) > np.timedelta64(0))), f"the days of {source} must increase", DataError)
        for name, value in values.items():
            require(value.shape == days.shape, f"{name} has {value.size} values for {days.size} days", DataError)
        facts = (len(days), str(days[0]), str(days[-1]), _sha256(days, values))
        return cls(days, MappingProxyType(values), Provenance(source, publisher, licence, *facts, repairs))

    @property
    def names(self) -> tuple[str, ...]:
        """Names of the quotes, the price first."""
        return tuple(self.quotes)

    def quote(self, name: str) -> np.ndarray:
        """The values called ``name``; raises ``DataError`` with the nearest known name."""
        if name not in self.quotes:
            raise DataError(f"{self.provenance.source} has no quote {name!r}: {nearest(name, self.quotes)}")
        return self.quotes[name]

    def between(self, first: Day | None = None, last: Day | None = None) -> "History":
        """The days from ``first`` to ``last``, both included; dates, or text such as ``"2013-12-31"``."""
        low = self.dates[0] if first is None else _day(first)
        high = self.dates[-1] if last is None else _day(last)
        kept = (self.dates >= low) & (self.dates <= high)
        have = f"{self.provenance.source} runs from {self.dates[0]} to {self.dates[-1]}"
        require(bool(np.count_nonzero(kept) >= 2), f"fewer than two days between {low} and {high}: {have}", DataError)
        quotes = {name: value[kept] for name, value in self.quotes.items()}
        part = History.of(self.dates[kept], quotes, source=self.provenance.source)
        told = {name: getattr(self.provenance, name) for name in ("publisher", "licence", "repairs")}
        return replace(part, provenance=replace(part.provenance, **told))

    def log_returns(self, name: str | None = None) -> np.ndarray:
        r"""Daily :math:`\log(S_{t+1}/S_t)` of the quote ``name`` (the price unless named), one fewer than the days."""
        return np.diff(np.log(self.quote(name or self.names[0])))

    def __len__(self) -> int:
        return len(self.dates)

    def __repr__(self) -> str:
        return f"History({', '.join(self.names)}: {len(self):,} days from {self.dates[0]} to {self.dates[-1]})"


def _frozen(values: Any, dtype: Any) -> np.ndarray:
    array = np.array(values, dtype=dtype)
    array.setflags(write=False)
    return array


def _day(value: Day) -> np.datetime64:
    text = str(value)[:10] if isinstance(value, date | np.datetime64) else value
    try:
        require(len(text) == 10, "", DataError)
        return np.datetime64(text, "D")
    except ValueError:
        raise DataError(f"a day must be written like 2013-12-31, was {value!r}") from None


def _sha256(dates: np.ndarray, quotes: Mapping[str, np.ndarray]) -> str:
    digest = hashlib.sha256(dates.astype("<i8").tobytes())
    for name in sorted(quotes):
        digest.update(name.encode() + b"\0" + quotes[name].astype("<f8").tobytes())
    return digest.hexdigest()
