"""What a report says, as plain arrays and words: nothing here is alive, so a run folder can bring it back."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from deephedge.core.errors import ProblemError, nearest, require
from deephedge.evaluation.compare import Comparison
from deephedge.evaluation.verdict import Unit, scale

ALWAYS = (
    "The intervals come from resampling the test itself. A kind of market that the test period does not contain, such "
    "as a crash without warning, is in none of them.",
    "Trades are assumed to be done at the price at which they were decided, in any size, at the stated cost. Nobody "
    "reacts to them.",
    "Nothing here says how the policies would fare on another liability, at other costs or in another market.",
)


@dataclass(frozen=True)
class Surface:
    """The position that policies want over spot and time: ``positions[name]`` is (time, spot), in units.

    ``spot`` in percent of the strike, ``time_left`` in days; ``held`` says what was held fixed, in words.
    """

    spot: np.ndarray
    time_left: np.ndarray
    positions: Mapping[str, np.ndarray]
    held: str = ""


@dataclass(frozen=True)
class Story:
    """One path: ``spot`` at each of ``points`` times, the ``positions`` of policies over the steps between them.

    ``times`` are dates or days; ``strike`` is drawn where there is one; ``caption`` says which path it is, ``quote``
    what the spot is called. Positions are (step) or, where several ``instruments`` are named, (step, instrument).
    """

    times: np.ndarray
    spot: np.ndarray
    positions: Mapping[str, np.ndarray]
    strike: float | None = None
    caption: str = ""
    quote: str = "Spot"
    instruments: tuple[str, ...] = ()


@dataclass(frozen=True)
class Training:
    """How training went: validation ``risk`` in cash at each of ``updates``; ``kept`` is the update used in the end."""

    updates: np.ndarray
    risk: np.ndarray
    kept: int | None = None


@dataclass(frozen=True)
class Agreement:
    """A statistic of real paths beside simulated ones: their mean, and the range of the middle 90 % of samples."""

    statistic: str
    real: float
    simulated: float
    low: float
    high: float


@dataclass(frozen=True)
class Forecast:
    """VaR and expected shortfall as forecast for every window (cash), and how many of ``windows`` lost more.

    ``expected`` is how many should have; p-values of Kupiec (``frequency``), Christoffersen (``clusters``: frequency
    and independence) and Acerbi and Szekely's second test (``size``: frequency and size); NaN where nothing could be
    tested.
    """

    var: float
    shortfall: float
    windows: int
    exceeded: int
    expected: float
    frequency: float
    clusters: float
    size: float


@dataclass(frozen=True)
class ReportContents:
    """Everything a report shows. All but ``title`` may be left out; a section without contents does not appear.

    ``learned`` names the learned policies, first the one that was chosen before the test; ``wealth`` is terminal wealth
    a path with the premium, in the order of ``dates`` (the start of each window) where there are any, and ``weight``
    what each path counts, where they do not all count the same. ``labels`` are names for readers, ``glance`` the study
    in a few words, ``objective`` its criterion, ``metric`` what the verdict is about; ``simulated`` the same comparison
    on simulated paths, ``yardsticks`` the validation risk of policies that were not trained. ``explained`` is mean
    wealth by term, and its spread, of each policy; ``regimes`` a comparison each, told apart as ``split`` says;
    ``forecasts`` how forecasts of risk did.
    """

    title: str
    subtitle: str = ""
    verdict: str = ""
    unit: Unit = Unit()
    objective: str = ""
    metric: str = "cvar"
    glance: Mapping[str, str] = field(default_factory=dict)
    learned: tuple[str, ...] = ()
    labels: Mapping[str, str] = field(default_factory=dict)
    comparison: Comparison | None = None
    simulated: Comparison | None = None
    wealth: Mapping[str, np.ndarray] = field(default_factory=dict)
    weight: np.ndarray | None = None
    dates: np.ndarray | None = None
    surface: Surface | None = None
    story: Story | None = None
    training: Mapping[str, Training] = field(default_factory=dict)
    yardsticks: Mapping[str, float] = field(default_factory=dict)
    explained: Mapping[str, Mapping[str, float]] = field(default_factory=dict)
    regimes: Mapping[str, Comparison] = field(default_factory=dict)
    split: str = ""
    forecasts: Mapping[str, Forecast] = field(default_factory=dict)
    agreement: tuple[Agreement, ...] = ()
    settings: Mapping[str, Any] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
    versions: Mapping[str, Any] = field(default_factory=dict)
    limits: tuple[str, ...] = ALWAYS

    def __post_init__(self):
        lengths = {name: len(values) for name, values in self.wealth.items()}
        if self.dates is not None and lengths:
            same = set(lengths.values()) == {len(self.dates)}
            require(same, f"wealth needs one number for each of {len(self.dates)} dates, found {lengths}", ProblemError)
        if self.weight is not None and lengths:
            same = set(lengths.values()) == {len(self.weight)}
            require(
                same, f"wealth needs one number for each of {len(self.weight)} weights, found {lengths}", ProblemError
            )
        if self.comparison is not None:
            unknown = [name for name in (*self.learned, *self.wealth) if name not in self.comparison.estimates]
            hint = nearest(unknown[0], self.comparison.estimates) if unknown else ""
            require(not unknown, f"the comparison does not hold {unknown}: {hint}", ProblemError)

    def label(self, name: str) -> str:
        return self.labels.get(name, name)

    @property
    def chosen(self) -> str | None:
        """The learned policy that was chosen before the test."""
        return self.learned[0] if self.learned else None

    @property
    def reference(self) -> str | None:
        found = self.comparison or self.simulated
        return found.reference if found else None

    @property
    def risk_scale(self) -> tuple[float, str]:
        """What to multiply the objective with for a reader, and the unit it is in then."""
        found = self.comparison or self.simulated
        return scale(found, "risk", self.unit) if found else (self.unit.factor, self.unit.name)

    def percent(self, paths: int) -> np.ndarray:
        """What each of ``paths`` paths counts, in per cent of them all."""
        weight = np.ones(paths) if self.weight is None else np.asarray(self.weight, float)
        return 100 * weight / weight.sum()

    @property
    def pair(self) -> list[str]:
        """The chosen policy and the reference, as far as there are any."""
        return [name for name in (self.chosen, self.reference) if name is not None]

    @property
    def policies(self) -> list[str]:
        """All policies: learned, reference, others; in this order they get their colours."""
        found = self.comparison or self.simulated
        rest = found.policies if found else [*self.wealth, *self.training]
        return list(dict.fromkeys([*self.learned, *([self.reference] if self.reference else []), *rest]))
