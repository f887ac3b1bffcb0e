"""Is this machine ready? Versions, devices, threads, cache, data, and a small problem solved."""

import os
import time
from dataclasses import dataclass
from pathlib import Path

import jax
import numpy as np

from deephedge.core.errors import DeephedgeError
from deephedge.data import load
from deephedge.studies.library import DEMO, find_data, find_study, known_studies
from deephedge.studies.machine import cache_folder, machine, versions

LONG_DATA = "../shared/data/A_equity"


@dataclass(frozen=True)
class Finding:
    """One line: what was looked at, what was found, and whether a study can run with that."""

    name: str
    found: str
    healthy: bool = True


def doctor() -> list[Finding]:
    """Look at everything a study needs; whatever is not ``healthy`` says what to do."""
    installed, here = versions(), machine()
    missing = [name for name, version in installed.items() if version == "missing"]
    findings = [Finding(name, version, name not in missing) for name, version in installed.items()]
    devices = f"{here['devices']} x {here['device']} ({here['backend']})"
    threads = f"{here['threads']} of {os.cpu_count()} cores may be used, numbers are {here['float']}"
    every_core = here["backend"] != "cpu" or here["devices"] == here["threads"]
    findings += [Finding("devices", devices, every_core), Finding("threads", threads), _cache(), _studies()]
    return [*findings, _embedded(), _folder(), _computes()]


def _cache() -> Finding:
    folder = cache_folder()
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept = [file for file in folder.iterdir() if file.is_file()]
        size = sum(file.stat().st_size for file in kept) / 1e6
        can = os.access(folder, os.W_OK)
    except OSError as problem:
        return Finding("compiled programs", f"{folder} cannot be used ({problem.strerror}); set DEEPHEDGE_CACHE", False)
    told = f"{folder}, {len(kept)} files, {size:.0f} MB"
    return Finding("compiled programs", told if can else f"{folder} cannot be written; set DEEPHEDGE_CACHE", can)


def _studies() -> Finding:
    try:
        return Finding("studies", f"{', '.join(known_studies())} in {find_study(DEMO).parent}")
    except DeephedgeError as problem:
        return Finding("studies", str(problem), False)


def _embedded() -> Finding:
    try:
        history = load("arch")
        return Finding("embedded data", f"{history.provenance.source}: {history}")
    except DeephedgeError as problem:
        return Finding("embedded data", str(problem), False)


def _folder() -> Finding:
    """Data of one's own may be absent: only the long study asks for it."""
    try:
        place = find_data(LONG_DATA, (find_study(DEMO).parent,))
        return Finding("own data", f"{load(place)} in {Path(place).resolve()}")
    except DeephedgeError:
        return Finding("own data", "none found (set DEEPHEDGE_DATA to a folder with an S&P 500 and a VIX file)")


def _computes() -> Finding:
    clock = time.perf_counter()
    found = np.asarray(jax.jit(lambda x: x @ x)(np.eye(3)))
    told = f"compiled and ran a program in {time.perf_counter() - clock:.2f} s"
    return Finding("JAX", told, bool(np.array_equal(found, np.eye(3))))
