"""A study: everything a TOML file says, checked at once and made when first asked for."""

from collections.abc import Iterable, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import deephedge as dh
from deephedge import config as toml
from deephedge.core.errors import ConfigError, MissingFeature, nearest, require
from deephedge.core.paths import MarketPath
from deephedge.core.random import named_key
from deephedge.data import Chains, History, text, transforms, windows
from deephedge.hedging import HedgingProblem, rollout
from deephedge.markets import AbstractMarket
from deephedge.objectives import AbstractObjective
from deephedge.policies import AbstractPolicy
from deephedge.studies import chains, joins
from deephedge.studies.fitted import Fitted
from deephedge.studies.history import history_of
from deephedge.studies.library import find_data, find_study
from deephedge.studies.off import without
from deephedge.studies.rundir import CONFIG, RunFolder
from deephedge.studies.settings import (
    DataSettings,
    ReportSettings,
    TestSettings,
    TrainingSettings,
    WalkSettings,
    check_sections,
    plain,
    settings,
)

TRAIN, VALIDATION, TEST = "train", "validation", "test"
JOINS = ("News", "Surprise", "DaysToMeeting")
HEAD = ("title", "summary", "seed")


class Study:
    """``Study.load("studies/spx_call.toml", ["training.updates=50"])``; everything else hangs on it.

    The file is checked whole before anything is computed. ``config`` is what it says with the defaults of its plain
    sections filled in, and ``digest`` its hash: the identity of a run.
    """

    def __init__(self, name: str, config: Mapping[str, Any], near: Iterable[Path] = ()):
        check_sections(config)
        self.name, self.near, self.given = name, tuple(near), dict(config)
        self.names = self._namespace()
        given = _with_decay(config)
        self.data: DataSettings | None = settings(given, "data", self.names) if "data" in given else None
        self.training: TrainingSettings = settings(given, "training", self.names)
        self.test: TestSettings = settings(given, "test", self.names)
        self.report: ReportSettings = settings(given, "report", self.names)
        self.config = self._resolved(given)
        self.digest = toml.digest(self.config)
        self._check()

    @classmethod
    def load(cls, file: str | Path, overrides: Iterable[str] = (), data: str | None = None) -> "Study":
        """The study in a TOML file, or one that comes along by name; ``data`` takes the place of ``data.source``."""
        path = find_study(file)
        config, near = toml.override(toml.load(path), overrides), (path.resolve().parent, Path.cwd())
        if data is not None:
            require("data" in config, f"{path.name} has no [data], so --data has no place in it", ConfigError)
            config["data"]["source"] = data if data.startswith("store:") else find_data(data, near, exact=True)
        return cls(path.stem, config, near)

    @classmethod
    def of_run(cls, run: RunFolder) -> "Study":
        """The study that a run folder was made by."""
        run.checked(CONFIG)
        near = run.manifest.get("data", {}).get("near", ())
        return cls(run.manifest["study"], toml.load(run.path / CONFIG), map(Path, near))

    @property
    def title(self) -> str:
        return self.config.get("title", self.name)

    @property
    def seed(self) -> int:
        return self.config.get("seed", 0)

    @cached_property
    def key(self) -> jax.Array:
        return jax.random.key(self.seed)

    @property
    def groups(self) -> dict[str, list[str]]:
        """Features that belong together, by the name of the group."""
        return dict(self.config.get("groups", {}))

    @property
    def off(self) -> list[str]:
        """Features and groups that no policy is shown."""
        return list(self.config.get("off", []))

    @cached_property
    def walk(self) -> WalkSettings:
        """How to walk forward; raises ``ConfigError`` for a study that does not say."""
        told = f'{self.name} has no [walk]: say from when with walk.first="2005-01-03"'
        require("walk" in self.config and self.data is not None, told, ConfigError)
        return settings(self.config, "walk", self.names)

    @property
    def underlier(self) -> str:
        """What the price is called: the first that is rebased, or the first quote of files or of the store."""
        if self.data is None:
            return "SPX"
        if self.data.chain is not None:
            return self.data.chain.called
        if self.data.rebase:
            return next(iter(self.data.rebase))
        return self.history.names[0] if self.data.joined else self.data.name

    @cached_property
    def history(self) -> History:
        """All quotes of the source; raises ``ConfigError`` for a study without ``[data]``."""
        require(self.data is not None, f"{self.name} has no [data]: there is no history in it", ConfigError)
        chain = self.data.chain  # pyright: ignore
        return history_of(self.data, self.near) if chain is None else chain.history(*self.chains)  # pyright: ignore

    @cached_property
    def chains(self) -> tuple[Chains, str]:
        """The option chains of ``data.chain``, and the name of their file."""
        chain = None if self.data is None else self.data.chain
        require(chain is not None, f"{self.name} has no data.chain", ConfigError)
        return chain.read(self.near)  # pyright: ignore

    @property
    def overlap(self) -> int:
        """How many test windows behind a window share days with it: those begun during its steps."""
        chain = None if self.data is None else self.data.chain
        return self.problem.grid.steps * (1 if chain is None else chain.books)

    def has_years(self, part: str) -> bool:
        return self.data is not None and getattr(self.data, part) is not None

    def years(self, part: str) -> History:
        """The training, link, validation or test years."""
        require(self.has_years(part), f"{self.name} names no {part} years in [data]", ConfigError)
        first, last = getattr(self.data, part)
        return self.history.between(str(first), str(last))

    def windows(self, part: str) -> tuple[MarketPath, np.ndarray]:
        """All windows of these years as long as the grid, one started on every trading day, and their first days."""
        grid = self.problem.grid
        if self.data is not None and self.data.chain is not None:
            first, last = (str(day) for day in getattr(self.data, part))
            return self.data.chain.windows(self.chains[0], first, last, np.asarray(grid.times))
        rebase = True if self.data is None or self.data.rebase is None else self.data.rebase
        return windows(self.years(part), grid.steps, step_years=float(grid.times[-1]) / grid.steps, rebase=rebase)

    @cached_property
    def problem(self) -> HedgingProblem:
        return self._made("problem", HedgingProblem)

    @cached_property
    def market(self) -> AbstractMarket:
        return self._made("market", AbstractMarket)

    @cached_property
    def rivals(self) -> dict[str, AbstractMarket]:
        """Other markets, for the table of agreement with history."""
        return {name: self._made(f"rivals.{name}", AbstractMarket) for name in self.config.get("rivals", {})}

    @cached_property
    def objective(self) -> AbstractObjective:
        return self._made("objective", AbstractObjective)

    @cached_property
    def policies(self) -> dict[str, AbstractPolicy]:
        """Policies to be learnt, as they are before training."""
        return {name: self._made(f"policies.{name}", AbstractPolicy) for name in self.config["policies"]}

    @cached_property
    def baselines(self) -> dict[str, AbstractPolicy]:
        return {name: self._made(f"baselines.{name}", AbstractPolicy) for name in self.config.get("baselines", {})}

    def key_for(self, name: str) -> jax.Array:
        """The key that belongs to one step of the study."""
        return named_key(self.key, name)

    def check_features(self) -> None:
        """Raise ``MissingFeature`` for a policy that reads what the problem does not offer; fits nothing."""
        offered = self.problem.feature_names
        for name, policy in {**self.policies, **self._plain_baselines()}.items():
            for feature in getattr(policy, "features", ()):
                hint = nearest(feature, offered)
                told = f"{name} needs the feature {feature!r}, which [problem] does not offer: {hint}"
                require(feature in offered, told, MissingFeature)

    def check_shapes(self) -> None:
        """Follow every policy along the shape of a path, which finds missing quotes and inputs that do not fit."""
        grid, policies = self.problem.grid, {**self.policies, **self._plain_baselines()}

        def hedged(path: MarketPath) -> list[Any]:
            return [rollout(self.problem, policy, path) for policy in policies.values()]

        shape = self.market.shocks(grid)
        paths = [jax.eval_shape(lambda: self.market.path(grid, jnp.zeros(shape)))]
        for part in filter(self.has_years, (VALIDATION, TEST)):
            paths.append(jax.eval_shape(lambda each: jax.tree.map(lambda x: x[0], each), self.windows(part)[0]))
        for n, path in enumerate(paths):
            if path not in paths[:n]:
                jax.eval_shape(hedged, path)

    def _plain_baselines(self) -> dict[str, AbstractPolicy]:
        tables = self.config["baselines"]
        plain = [name for name, table in tables.items() if not str(table.get("type")).startswith("fitted.")]
        return {name: self._made(f"baselines.{name}", AbstractPolicy) for name in plain}

    def _namespace(self) -> dict[str, Any]:
        modules: dict[str, Any] = {
            "transforms": transforms,
            "joins": (joins, JOINS),
            "chains": (chains, ("Books",)),
            "text": text,
            "": (dh, ("TimeGrid", "HedgingProblem", "Schedule")),
            "optax": (optax, toml.OPTAX),
        }
        for family in ("markets", "instruments", "features", "frictions", "objectives", "policies"):
            modules[family] = getattr(dh, family)
        return {**toml.namespace(modules), **Fitted(self).names()}

    def _resolved(self, given: Mapping[str, Any]) -> dict[str, Any]:
        kept = {"title": self.name, "summary": "", "seed": 0} | {k: given[k] for k in HEAD if k in given}
        if self.data is not None:
            made = {key: given["data"][key] for key in ("joins", "transforms", "chain") if key in given["data"]}
            kept["data"] = plain(self.data) | made
        more = ("market", "rivals", "problem", "objective", "walk", "groups", "off")
        kept |= {key: given[key] for key in more if key in given}
        kept |= {"policies": given["policies"], "baselines": given.get("baselines", {})}
        training = plain(self.training) | {"optimiser": given["training"]["optimiser"]}
        return kept | {"training": training, "test": plain(self.test), "report": plain(self.report)}

    def _tables(self) -> Iterable[tuple[str, Mapping[str, Any], Any]]:
        yield "problem", {"type": "HedgingProblem", **self.config["problem"]}, HedgingProblem
        yield "market", self.config["market"], AbstractMarket
        yield "objective", self.config["objective"], AbstractObjective
        families = (("rivals", AbstractMarket), ("policies", AbstractPolicy), ("baselines", AbstractPolicy))
        shown = without(self.config)
        for section, kind in families:
            for name, table in shown.get(section, {}).items():
                yield f"{section}.{name}", table, kind

    def _check(self) -> None:
        for place, table, kind in self._tables():
            toml.check(table, namespace=self.names, place=place, expected=kind)
        known = [*self.config["policies"], *self.config["baselines"]]
        reference = self.test.reference
        hint = nearest(reference, known)
        told = f"test.reference: no policy or baseline is called {reference!r}, {hint}"
        require(reference in known, told, ConfigError)
        historical = self.training.validation == "history"
        told = 'training.validation is "history", but [data] names no validation years'
        require(not historical or self.has_years(VALIDATION), told, ConfigError)

    def _made(self, place: str, kind: type) -> Any:
        table = next(table for at, table, _ in self._tables() if at == place)
        return toml.build(table, namespace=self.names, place=place, key=self.key, expected=kind)


def _with_decay(config: Mapping[str, Any]) -> dict[str, Any]:
    """A schedule that does not say how long it decays does so over all updates."""
    training = config["training"]
    updates = training.get("updates")

    def filled(node: Any) -> Any:
        if isinstance(node, Mapping):
            node = {key: filled(value) for key, value in node.items()}
            missing = node.get("type") == "optax.cosine_decay_schedule" and "decay_steps" not in node
            return {**node, "decay_steps": updates} if missing and updates is not None else node
        return [filled(item) for item in node] if isinstance(node, list) else node

    return {**config, "training": {key: filled(value) for key, value in training.items()}}
