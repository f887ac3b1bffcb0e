"""The schema of a study file: which tables it may have, and what stands in those that are not constructor calls."""

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Literal

from deephedge.config import build
from deephedge.core.errors import ConfigError, nearest, require
from deephedge.data.transforms import AbstractTransform
from deephedge.studies.chains import Books
from deephedge.studies.joins import AbstractJoin

STORED = "store:"
Years = tuple[str | date, str | date]
SECTIONS = (
    "title", "summary", "seed", "data", "market", "rivals", "problem", "objective", "policies", "baselines", "training",
    "test", "report", "walk", "groups", "off",
)  # fmt: skip
NEEDED = ("market", "problem", "objective", "policies", "training")


@dataclass(frozen=True)
class DataSettings:
    """Where history comes from, and which years do what; first and last day of each belong to it.

    ``train`` fits the market, ``link`` the tie between it and implied volatility where that begins only later,
    ``validation`` chooses the stopping point of training, ``test`` is looked at once. ``source`` and ``columns`` are
    those of ``data.load``, and ``name`` is what the price is called on paths.

    Or ``chain``, books of options that were really quoted (``chains.Books``): then every snapshot of the years sells
    some, and ``rebase`` is not asked.

    Or, for any set of series, ``files``: paths, or tables of a path, a ``layout`` and its settings; or
    ``source = "store:NAME@ID"``. Then ``quotes`` says what each is called on paths and in the files (all that there
    are, unless given), a day is a session of ``exchange``, and a value older than ``max_age`` (``"10d"``) is none.
    ``joins`` adds what is no price: news, macro figures, calendars (``joins.News`` and its siblings). ``transforms``
    makes more quotes of all of them, fitted on ``train``. In each window the quotes in ``rebase`` are divided
    by their value at its start, or by that of another (``rebase = { CL = "CL", "CL2" = "CL" }``); the first one is,
    unless said.
    """

    train: Years
    validation: Years | None = None
    test: Years | None = None
    link: Years | None = None
    source: str | dict[str, str] = "arch"
    columns: dict[str, str] | None = None
    name: str = "SPX"
    files: tuple[str | dict[str, Any], ...] = ()
    quotes: dict[str, str] = dataclasses.field(default_factory=dict)
    exchange: str = "XNYS"
    max_age: str | None = None
    joins: tuple[AbstractJoin, ...] = ()
    transforms: tuple[AbstractTransform, ...] = ()
    rebase: tuple[str, ...] | dict[str, str] | None = None
    chain: Books | None = None

    @property
    def joined(self) -> bool:
        """Whether the history is joined of records, of files or of the store, and not read by ``data.load``."""
        return bool(self.files) or (isinstance(self.source, str) and self.source.startswith(STORED))

    @property
    def spans(self) -> list[Years]:
        """The parts that are named, in order of their first days."""
        named = (self.train, self.link, self.validation, self.test)
        return sorted((span for span in named if span is not None), key=lambda span: str(span[0]))

    def __post_init__(self):
        spans = {name: getattr(self, name) for name in ("train", "link", "validation", "test")}
        for name, span in spans.items():
            ordered = span is None or str(span[0]) < str(span[1])
            require(ordered, f"{name} must run from an earlier to a later day, was {span}", ConfigError)
        for early, late in (("train", "validation"), ("train", "test"), ("link", "test"), ("validation", "test")):
            before, after = spans[early], spans[late]
            apart = before is None or after is None or str(before[1]) < str(after[0])
            told = f"{late} must begin after {early} ends, or nothing is out of sample: {_said(after)}, {_said(before)}"
            require(apart, told, ConfigError)


@dataclass(frozen=True)
class TrainingSettings:
    """Arguments of ``deephedge.fit``; ``validation`` is a number of simulated paths, or the validation years."""

    updates: int
    paths: int
    optimiser: Any
    method: Literal["sobol", "antithetic", "random"] = "sobol"
    validation: int | Literal["history"] = 8192
    validate_every: int = 25
    patience: int | None = None
    average: float = 0.98
    chunk: int | None = None

    def __post_init__(self):
        for name in ("updates", "paths", "validate_every"):
            value = getattr(self, name)
            require(value >= 1, f"{name} must be a whole number from 1, was {value}", ConfigError)


@dataclass(frozen=True)
class TestSettings:
    """How policies are judged: on ``paths`` fresh simulated paths, and on all windows of the test years.

    ``level`` of VaR and CVaR, ``confidence`` of intervals, ``resamples`` of the bootstrap, its ``block`` (windows; left
    out: twice their length), and the policy that the others are compared with, by ``metric`` (CVaR unless said).
    ``regime`` names a quote, such as a volatility, that is high in a crisis: results are then also told apart by it (by
    the implied volatility of the price, unless said, where there is one).
    """

    __test__ = False  # not a test case, whatever its name begins with

    paths: int = 20_000
    reference: str = "delta"
    level: float = 0.95
    confidence: float = 0.95
    resamples: int = 2000
    block: int | Literal["auto"] | None = None
    metric: Literal["mean", "std", "var", "cvar", "risk"] | None = None
    regime: str | None = None

    @property
    def judged(self) -> str:
        """The metric of the verdict."""
        return self.metric or "cvar"

    def __post_init__(self):
        require(self.paths >= 2, f"paths must be 2 or more, was {self.paths}", ConfigError)
        for name in ("level", "confidence"):
            value = getattr(self, name)
            require(0 < value < 1, f"{name} must lie between 0 and 1, such as 0.95, was {value}", ConfigError)


@dataclass(frozen=True)
class WalkSettings:
    """How a walk forward goes: tests of ``every`` days from ``first`` to ``last``, each trained on what lies before.

    ``validation`` days choose the stopping point; ``train`` days fit the market (all before, unless given). Days are
    days of the history.
    """

    first: str | date
    last: str | date | None = None
    every: int = 252
    validation: int = 252
    train: int | None = None

    def __post_init__(self):
        for name in ("every", "validation", "train"):
            value = getattr(self, name)
            require(value is None or value >= 2, f"walk.{name} must be 2 days or more, was {value}", ConfigError)


@dataclass(frozen=True)
class ReportSettings:
    """How cash reads: ``factor`` times the number, called ``unit``; and what each policy is called."""

    unit: str = "cash"
    factor: float = 1.0
    labels: dict[str, str] = dataclasses.field(default_factory=dict)


PLAIN = {
    "data": DataSettings,
    "walk": WalkSettings,
    "training": TrainingSettings,
    "test": TestSettings,
    "report": ReportSettings,
}


def settings(config: Mapping[str, Any], section: str, names: Mapping[str, Any]) -> Any:
    """The checked settings of a plain section, defaults filled in."""
    table = config.get(section, {})
    require("type" not in table and "call" not in table, f"[{section}] needs no type", ConfigError)
    return build({"type": section, **table}, namespace={**names, section: PLAIN[section]}, place=section)


def check_sections(config: Mapping[str, Any]) -> None:
    """Refuse unknown and missing tables, and policies and baselines of one name."""
    for key, value in config.items():
        require(key in SECTIONS, f"{key}: unknown key of a study, {nearest(key, SECTIONS)}", ConfigError)
        wanted = {"title": "text", "summary": "text", "off": "a list of features"}.get(key, "a table")
        fits = key == "seed" or isinstance(value, {"text": str, "a table": Mapping}.get(wanted, list))
        require(fits, f"{key}: expected {wanted}, was {value!r}", ConfigError)
    for key in NEEDED:
        require(key in config, f"the study has no [{key}]; it needs {', '.join(NEEDED)}", ConfigError)
    seed = config.get("seed", 0)
    whole = type(seed) is int and 0 <= seed < 2**32
    require(whole, f"seed must be a whole number from 0 to 2^32 - 1, was {seed!r}", ConfigError)
    require(len(config["policies"]) > 0, "the study trains nothing: [policies] is empty", ConfigError)
    twice = sorted(set(config["policies"]) & set(config.get("baselines", {})))
    require(not twice, f"{twice} are both policies and baselines; rename one of each", ConfigError)


def _said(years: Years | None) -> str:
    return f"{years[0]} to {years[1]}" if years else "none"


def plain(settings: Any) -> dict[str, Any]:
    """Settings as a TOML table: nothing that is None."""
    values = {field.name: getattr(settings, field.name) for field in dataclasses.fields(settings)}
    return {name: list(v) if isinstance(v, tuple) else v for name, v in values.items() if v is not None and v != {}}
