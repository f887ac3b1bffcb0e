"""Train what a study wants learnt, one policy after the other, each from its checkpoint where there is one."""

import dataclasses
import time
import warnings
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import jax
import numpy as np

from deephedge.core.errors import ArtefactError, DeephedgeError, require
from deephedge.core.paths import MarketPath
from deephedge.objectives import AbstractObjective
from deephedge.policies import AbstractPolicy
from deephedge.policies.base import Scaler, is_scaler
from deephedge.studies.progress import Screen
from deephedge.studies.rundir import RunFolder
from deephedge.studies.study import VALIDATION, Study
from deephedge.training import Fit, fit
from deephedge.training.checkpoint import load_arrays, save_arrays
from deephedge.training.checks import Check, LeakWarning, leak_checks


@dataclass(frozen=True)
class Trained:
    """A learnt policy, its objective with the trained threshold, and what its training looked like."""

    policy: AbstractPolicy
    objective: AbstractObjective
    curve: Mapping[str, Any]

    @property
    def best_risk(self) -> float:
        """The risk on the validation bank of the weights that were kept."""
        known = [risk for risk in self.curve["risk"] if risk is not None]
        return min(known) if known else float("inf")


def train(study: Study, run: RunFolder, *, screen: Screen | None = None, resume: bool = False) -> dict[str, Trained]:
    """Train every policy into ``run``; what is finished there is loaded, what is begun goes on with ``resume``."""
    screen = screen or Screen.silent()
    _same(study, run)
    bank = _bank(study)
    trained = {}
    for name, policy in study.policies.items():
        if not run.has(weights(name)):
            _train_one(study, run, name, policy, bank, screen, resume)
        trained[name] = load_trained(study, run, name)
    return trained


def load_trained(study: Study, run: RunFolder, name: str) -> Trained:
    """A policy that was trained to the end in ``run``; raises ``ArtefactError`` for none, or a damaged one."""
    _same(study, run)
    run.checked(weights(name))
    like = {"policy": study.policies[name], "objective": study.objective}
    found, _ = load_arrays(run.path / weights(name), like, _print(study, name))
    return Trained(_measured(found["policy"]), found["objective"], run.read_json(curve(name)))


def load_all(study: Study, run: RunFolder) -> dict[str, Trained]:
    """All learnt policies of the study."""
    return {name: load_trained(study, run, name) for name in study.policies}


def by_validation(trained: Mapping[str, Trained]) -> list[str]:
    """Names of the learnt policies, the one with the least validation risk first: the choice made before any test."""
    return sorted(trained, key=lambda name: trained[name].best_risk)


def weights(name: str) -> str:
    """The file of a learnt policy."""
    return f"weights/{name}.safetensors"


def curve(name: str) -> str:
    """The file of what its training looked like."""
    return f"weights/{name}.json"


def _train_one(study: Study, run: RunFolder, name: str, policy: AbstractPolicy, bank, screen: Screen, resume: bool):
    settings, checkpoint = study.training, run.path / "checkpoints" / f"{name}.safetensors"
    clock = time.perf_counter()
    with (
        screen.training(name, _risk_name(study), settings.updates) as progress,
        warnings.catch_warnings(record=True) as caught,
    ):
        warnings.simplefilter("always", LeakWarning)
        done = _named(name, lambda: fit(
            study.problem, study.market, policy, study.objective, settings.optimiser, updates=settings.updates,
            paths=settings.paths, key=study.key_for(f"train.{name}"), method=settings.method, chunk=settings.chunk,
            average=settings.average, validation=bank, validate_every=settings.validate_every,
            patience=settings.patience, progress=progress, checkpoint=checkpoint, resume=resume,
        ))  # fmt: skip
    for warning in caught:
        if not issubclass(warning.category, LeakWarning):
            warnings.warn_explicit(warning.message, warning.category, warning.filename, warning.lineno)
    again = _asked_again(study, name, done, screen)
    _keep(study, run, name, done, again)
    run.note_seconds(f"train {name}", time.perf_counter() - clock)
    checkpoint.unlink(missing_ok=True)
    screen.write(f"{name} kept update {done.best_update}, {'; '.join(map(str, done.checks))}")


def _asked_again(study: Study, name: str, done: Fit, screen: Screen) -> tuple[Check, ...]:
    """An alarm at three standard errors rings once in 370 trainings by chance: fresh paths tell whether it did."""
    if all(check.passed for check in done.checks):
        return ()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", LeakWarning)
        again = leak_checks(study.problem, study.market, done.policy, key=study.key_for(f"checks.{name}"))
    for first, second in zip(done.checks, again, strict=True):
        if not first.passed and not second.passed:
            screen.warn(f"{name}: leak alarm, twice: {second}; do not trust this policy before it is explained")
        elif not first.passed:
            screen.say(f"{name}: {first}; on fresh paths it {second}: taken as chance", "dim")
    return again


def _keep(study: Study, run: RunFolder, name: str, done: Fit, again: tuple[Check, ...]) -> None:
    facts = {
        "loss": np.asarray(done.loss).tolist(),
        "risk": np.asarray(done.risk).tolist(),
        "validate_every": done.validate_every,
        "best_update": done.best_update,
        "checks": [dataclasses.asdict(check) for check in (*done.checks, *again)],
    }
    run.write_json(curve(name), facts)
    tree = {"policy": done.policy, "objective": done.objective}
    save_arrays(run.path / weights(name), tree, {"fingerprint": _print(study, name)})
    run.note_file(weights(name))


def _bank(study: Study) -> MarketPath | int:
    """The validation windows, or how many paths to simulate instead."""
    choice = study.training.validation
    return study.windows(VALIDATION)[0] if choice == "history" else int(choice)


def _same(study: Study, run: RunFolder) -> None:
    told = (
        f"{run.path} belongs to another configuration ({run.digest[:8]}, this study is {study.digest[:8]}); "
        "use the study and settings that made it, or a fresh folder"
    )
    require(run.digest == study.digest, told, ArtefactError)


def _print(study: Study, name: str) -> str:
    return f"{study.digest}:{name}"


def _risk_name(study: Study) -> str:
    return type(study.objective).__name__


def _measured(policy: AbstractPolicy) -> AbstractPolicy:
    """Loaded units are measured units."""
    return jax.tree.map(lambda node: _known(node) if is_scaler(node) else node, policy, is_leaf=is_scaler)


def _known(scaler: Scaler) -> Scaler:
    return Scaler(scaler.mean, scaler.scale, scaler.unit, scaler.offset, True, scaler.groups)


def _named(name: str, work: Any) -> Any:
    """Say which policy an error belongs to."""
    try:
        return work()
    except DeephedgeError as error:
        raise type(error)(f"{name}: {error}") from error
