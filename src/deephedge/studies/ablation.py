"""Did a group of features help? A policy learnt with and without it, for several seeds, paired on the same windows."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from rich.table import Table
from rich.text import Text
from scipy.stats import t as student

from deephedge import config as toml
from deephedge.core.errors import ConfigError, nearest, require
from deephedge.evaluation import Estimate
from deephedge.evaluation.bootstrap import Resampling
from deephedge.evaluation.metrics import risk
from deephedge.evaluation.verdict import Unit, bracket, number
from deephedge.studies.job import open_run
from deephedge.studies.ledgers import hedged
from deephedge.studies.progress import Screen
from deephedge.studies.rundir import to_json
from deephedge.studies.study import VALIDATION, Study
from deephedge.studies.tables import plain
from deephedge.studies.training import train
from deephedge.training.checkpoint import replace_file

FULL, RESULT = "full", "ablation.json"
RESAMPLES = 500


@dataclass(frozen=True)
class Contribution:
    """What leaving out a group of features did to the risk: positive where the group had helped.

    ``value`` is the mean over seeds of risk without less risk with, in cash; ``low`` and ``high`` bound it at
    ``confidence``; ``seeds`` holds the difference of each seed.
    """

    group: str
    features: tuple[str, ...]
    value: float
    low: float
    high: float
    seeds: tuple[float, ...]

    @property
    def says(self) -> str:
        """``helped``, ``hurt``, or that the interval holds 0."""
        if self.low > 0:
            return "helped"
        return "hurt" if self.high < 0 else "no evidence that it helped"


@dataclass(frozen=True)
class Ablation:
    """The risk with everything (one number a seed), and what each group contributed."""

    policy: str
    part: str
    windows: int
    confidence: float
    full: tuple[float, ...]
    rows: tuple[Contribution, ...]


def ablate(
    study: Study, groups: Sequence[str] = (), *, seeds: int = 5, policy: str | None = None,
    part: Literal["validation", "test"] = VALIDATION, out: Path = Path("runs"), screen: Screen | None = None,
) -> Ablation:  # fmt: skip
    """Train ``policy`` (the study's first) with all features and without each of ``groups`` (all that the study names).

    Every training is a run folder of its own below ``out``, so an interrupted ablation goes on where it was. The
    windows of ``part`` are the same for all, and so is the seed of each pair. The error of a mean difference has two
    parts, added in squares: windows (circular block bootstrap, blocks of twice a window) and seeds (their spread over
    the root of their number); the interval is Student's with one degree of freedom less than there are seeds.
    """
    screen = screen or Screen.silent()
    chosen = {name: study.groups[name] for name in _checked(study, groups)}
    name = policy or next(iter(study.config["policies"]))
    hint = nearest(name, study.config["policies"])
    require(name in study.config["policies"], f"{study.name} trains no policy {name!r}: {hint}", ConfigError)
    require(seeds >= 2, f"an interval over seeds needs 2 or more, was {seeds}", ConfigError)
    require(study.has_years(part), f"{study.name} names no {part} years in [data]", ConfigError)
    root = out / f"{study.name}-ablation"
    wealth = {
        variant: np.stack([_wealth(study, name, off, seed, part, root, screen) for seed in range(seeds)])
        for variant, off in {FULL: (), **{group: (group,) for group in chosen}}.items()
    }
    found = _judged(study, name, part, wealth, chosen)
    replace_file(root / RESULT, to_json(asdict(found)).encode())
    return found


def table(found: Ablation, unit: Unit) -> Table:
    """One row a group of features: what leaving it out did to the risk."""
    rows = plain(f"Risk of {found.policy} on the {found.part} windows ({unit.name})", "left out", "features")
    for column in (f"difference [{100 * found.confidence:g} % interval]", "each seed"):
        rows.add_column(column, justify="right")
    rows.add_column("the group")
    for row in found.rows:
        gap = Estimate(row.value, row.low, row.high, np.nan)
        each = " ".join(number(one * unit.factor) for one in row.seeds)
        cells = (row.group, ", ".join(row.features), bracket(gap, unit.factor), each)
        rows.add_row(*map(Text, (*cells, row.says)))
    mean = number(float(np.mean(found.full)) * unit.factor)
    rows.caption = f"With everything {mean}, the mean of {len(found.full)} seeds, on {found.windows:,} windows."
    rows.caption_justify = "left"
    return rows


def _checked(study: Study, groups: Sequence[str]) -> Sequence[str]:
    known = study.groups
    hint = 'name them in the study, as in groups = { news = ["tone"] }'
    require(bool(known), f"{study.name} has no groups of features; {hint}", ConfigError)
    for group in groups:
        require(group in known, f"{study.name} has no group {group!r}: {nearest(group, known)}", ConfigError)
    return groups or tuple(known)


def _wealth(
    study: Study, name: str, off: tuple[str, ...], seed: int, part: str, root: Path, screen: Screen
) -> np.ndarray:
    """What one training earns on each window; trained afresh, or found in its folder."""
    table = toml.override(study.given, [])
    table |= {"seed": study.seed + seed, "off": [*study.off, *off], "policies": {name: table["policies"][name]}}
    one = Study(f"{off[0] if off else FULL}-{seed}", table, study.near)
    place = open_run(one, out=root, resume=True, screen=screen)
    learnt = train(one, place, screen=screen, resume=True)[name].policy
    ledger = hedged(one.problem, {name: learnt}, one.windows(part)[0])[name]
    return np.asarray(ledger.wealth, float)


def _judged(
    study: Study, name: str, part: str, wealth: Mapping[str, np.ndarray], chosen: Mapping[str, Sequence[str]]
) -> Ablation:
    full = wealth[FULL]
    seeds, windows = full.shape
    base = np.array([risk(study.objective, row) for row in full])
    block = min(2 * study.problem.grid.steps, max(1, windows // 4))
    index = _resampled(Resampling(block, RESAMPLES, study.seed), windows)
    drawn, rows = _risks(study.objective, full, index), []
    reach = float(student.ppf((1 + study.test.confidence) / 2, seeds - 1))
    for group, features in chosen.items():
        gaps = np.array([risk(study.objective, row) for row in wealth[group]]) - base
        across = (_risks(study.objective, wealth[group], index) - drawn).mean(axis=0).std(ddof=1)
        error = math.hypot(across, gaps.std(ddof=1) / math.sqrt(seeds))
        value = float(gaps.mean())
        ends = value - reach * error, value + reach * error
        rows.append(Contribution(group, tuple(features), value, *map(float, ends), tuple(gaps.tolist())))
    return Ablation(name, part, windows, study.test.confidence, tuple(base.tolist()), tuple(rows))


def _resampled(how: Resampling, windows: int) -> np.ndarray:
    """Numbers of windows, one row a resample; the same for every variant and seed."""
    counts = np.concatenate(list(how.counts(windows))).astype(int)
    return np.repeat(np.tile(np.arange(windows), len(counts)), counts.ravel()).reshape(counts.shape)


def _risks(objective: Any, wealth: np.ndarray, index: np.ndarray) -> np.ndarray:
    """(seed, resample)."""
    each = jax.jit(jax.vmap(objective))
    return np.stack([np.asarray(each(jnp.asarray(row[index]))) for row in wealth])
