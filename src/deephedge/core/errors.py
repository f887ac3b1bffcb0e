"""The error tree. Every message says what was expected, what it was, and what to do.

::

    DeephedgeError (ValueError)
    |-- ConfigError          a study file or a setting
    |-- ProblemError         a hedging problem that does not fit together
    |   |-- GridError        times that are not a grid
    |   |-- ParameterError   a parameter outside its domain
    |   |-- UnknownQuote     a quote that the path does not carry
    |   `-- MissingFeature   a feature that the policy needs and the problem lacks
    |-- DataError            gaps, NaN or wrong columns in data
    |-- TrainingError        training produced a number that is not finite
    |-- ArtefactError        a checkpoint or run folder that is not what it claims
    `-- OutputError          a place that cannot be written
"""

import difflib
from collections.abc import Iterable


class DeephedgeError(ValueError):
    """Root of all errors that a caller can mend; the command line prints it in one line and exits with 2."""


class ConfigError(DeephedgeError):
    """A study file or a setting is wrong."""


class ProblemError(DeephedgeError):
    """The parts of a hedging problem do not fit together."""


class GridError(ProblemError):
    """Times that are not an increasing grid."""


class ParameterError(ProblemError):
    """A parameter is outside its domain."""


class UnknownQuote(ProblemError):
    """A quote was asked for that the path does not carry."""


class MissingFeature(ProblemError):
    """A policy needs a feature that the problem does not offer."""


class DataError(DeephedgeError):
    """Data with gaps, NaN, or columns that are not there."""


class TrainingError(DeephedgeError):
    """Training met a number that is not finite."""


class ArtefactError(DeephedgeError):
    """A checkpoint or run folder that is not what it claims to be."""


class OutputError(DeephedgeError):
    """A place that cannot be written."""


def nearest(name: str, known: Iterable[str]) -> str:
    """A hint for a message: the nearest known name, or all of them.

    >>> nearest("SPX.vl", ["SPX", "SPX.vol"])
    "did you mean 'SPX.vol'?"
    """
    known = sorted(known)
    close = difflib.get_close_matches(name, known, n=1)
    return f"did you mean {close[0]!r}?" if close else f"known: {', '.join(known) or 'none'}"


def require(condition: bool, message: str, error: type[DeephedgeError] = ParameterError) -> None:
    """Raise ``error(message)`` unless ``condition`` holds."""
    if not condition:
        raise error(message)
