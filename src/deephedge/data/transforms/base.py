"""A transform makes new quotes of old ones: it learns on training days, and says nothing at a day from after it."""

import json
from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from deephedge.core.errors import DataError, require
from deephedge.data.clean import listed
from deephedge.data.history import History

FEWEST = 20  # training days, below which a mean or a spread is noise
FLAT = 1e-12  # a spread this small beside the values is rounding
TRADING_YEAR = 252  # days


class Days(NamedTuple):
    """The days on which all inputs of a transform are known, so that no member ever meets a NaN.

    ``values``: (quote, day), one row for each of ``names``.
    """

    names: tuple[str, ...]
    dates: np.ndarray
    values: np.ndarray

    def on(self, kept: np.ndarray, said: str = "") -> "Days":
        """Some of the days; ``said`` is put behind the names, for messages."""
        return Days(tuple(name + said for name in self.names), self.dates[kept], self.values[:, kept])

    def enough(self, fewest: int = FEWEST) -> "Days":
        """Itself; raises ``DataError`` where there are fewer days to fit on."""
        said = f"{', '.join(self.names)}: fitting needs {fewest} training days or more with a value, there are"
        require(len(self.dates) >= fewest, f"{said} {len(self.dates)}; widen the training window", DataError)
        return self

    def positive(self) -> "Days":
        """Itself; raises ``DataError`` with the days on which a value is not above 0."""
        wrong = ~(self.values > 0).all(axis=0)
        said = f"{', '.join(self.names)}: values above 0 are needed, were not on {listed(self.dates[wrong])}"
        require(not wrong.any(), f"{said}; take differences or rates instead of logs and ratios", DataError)
        return self

    def varied(self) -> "Days":
        """Itself; raises ``DataError`` where a quote stands still, so that nothing can be measured on it."""
        flat = np.ptp(self.values, axis=1) <= FLAT * np.abs(self.values).max(axis=1)
        names = ", ".join(name for name, still in zip(self.names, flat, strict=True) if still)
        require(not names, f"{names} stands still on the training days; leave it out or widen the window", DataError)
        return self


class AbstractTransform(ABC):
    """New quotes from the quotes called ``inputs``. The constructor is the configuration.

    A day on which an input is missing does not count: the result is NaN there, and windows, lags and recursions run
    over the days that are known.
    """

    @property
    @abstractmethod
    def inputs(self) -> tuple[str, ...]:
        """Names of the quotes that it reads."""

    @abstractmethod
    def learn(self, days: Days) -> dict[str, Any]:
        """Constants, plain values for JSON, from the training days alone."""

    @abstractmethod
    def apply(self, days: Days, constants: Mapping[str, Any]) -> dict[str, np.ndarray]:
        """New quotes by name; one with fewer values than days is for the last of them."""

    def fit(self, train: History) -> "Fitted":
        """Learns on the days of ``train``; raises ``DataError`` where they are too few or have no such quote."""
        return Fitted(self, self.learn(_known(train, self.inputs)[1]))


class AbstractFormula(AbstractTransform):
    """A transform that has nothing to learn."""

    def learn(self, days: Days) -> dict[str, Any]:
        """Nothing."""
        return {}


@dataclass(frozen=True)
class Fitted:
    """A transform with its constants, which are plain JSON values: ``Fitted(transform, json.loads(text))`` is the same.

    >>> from deephedge.data import History, transforms as t
    >>> days = np.busday_offset("2024-01-01", np.arange(40))
    >>> history = History.of(days, {"SPX.vol": np.arange(40.0)}, source="forty days")
    >>> fitted = t.ZScore("SPX.vol").fit(history.between(None, "2024-01-31"))
    >>> fitted.constants["mean"], list(fitted(history))
    (11.0, ['SPX.vol.z'])
    """

    transform: AbstractTransform
    constants: Mapping[str, Any]

    def __post_init__(self):
        # Through text once: what is kept is what a file would give back, and NaN is refused here.
        object.__setattr__(self, "constants", json.loads(json.dumps(dict(self.constants), allow_nan=False)))

    def __call__(self, history: History) -> dict[str, np.ndarray]:
        """The new quotes, float64, one value for each day of ``history``, NaN where not yet known."""
        kept, days = _known(history, self.transform.inputs)
        return {name: _spread(value, kept) for name, value in self.transform.apply(days, self.constants).items()}


def transformed(history: History, transforms: Sequence[AbstractTransform], train: tuple[str, str]) -> History:
    """``history`` with the quotes of ``transforms`` beside its own, fitted on the days of ``train`` (first, last).

    They are applied in order and each sees the quotes of those before; provenance says each. Raises ``DataError`` where
    a new quote has the name of another.

    >>> from deephedge.data import load, transforms as t
    >>> last = load("arch").between("2014-01-03", "2018-12-31")
    >>> made = transformed(last, [t.CloseVol("SPX", 21), t.ZScore("SPX.close_vol21")], ("2014-01-03", "2016-12-31"))
    >>> made.names
    ('SPX', 'SPX.vol', 'SPX.close_vol21', 'SPX.close_vol21.z')
    """
    for transform in transforms:
        fitted = transform.fit(history.between(*train))
        new = fitted(history)
        taken = ", ".join(sorted(set(new) & set(history.names)))
        require(not taken, f"{taken}: there is a quote of this name already; give the transform another", DataError)
        told = history.provenance
        when = f", fitted on {train[0]} to {train[1]}" if fitted.constants else ""
        of = f" of {', '.join(transform.inputs)}" if transform.inputs else ""
        history = History.of(
            history.dates, {**history.quotes, **new}, source=told.source, publisher=told.publisher,
            licence=told.licence, repairs=(*told.repairs, f"{', '.join(new)}: {type(transform).__name__}{of}{when}"),
        )  # fmt: skip
    return history


def windows(values: np.ndarray, length: int) -> np.ndarray:
    """The last ``length`` values at each day that has as many, oldest first: (..., day, place).

    >>> windows(np.array([1.0, 2.0, 4.0]), 2).tolist()
    [[1.0, 2.0], [2.0, 4.0]]
    """
    if values.shape[-1] < length:
        return np.empty((*values.shape[:-1], 0, length))
    return np.lib.stride_tricks.sliding_window_view(values, length, axis=-1)


def whole(number: int, least: int, what: str) -> None:
    """Raises ``DataError`` unless ``number`` is a whole number from ``least``."""
    require(int(number) == number and number >= least, f"{what} must be whole, from {least}, was {number}", DataError)


def _known(history: History, inputs: tuple[str, ...]) -> tuple[np.ndarray, Days]:
    values = np.array([history.quote(name) for name in inputs], float).reshape(len(inputs), len(history))
    kept = np.atleast_1d(np.isfinite(values).all(axis=0))
    return kept, Days(inputs, history.dates[kept], values[:, kept])


def _spread(values: np.ndarray, kept: np.ndarray) -> np.ndarray:
    """Values of the last of the ``kept`` days in their places among all days."""
    places = np.flatnonzero(kept)
    result = np.full(kept.size, np.nan)
    result[places[places.size - len(values) :]] = values
    return result
