"""The machine a run was made on, and the compiled programs kept for the next one."""

import importlib.metadata
import os
import platform
from pathlib import Path
from typing import Any

import jax

import deephedge

PACKAGES = ("jax", "jaxlib", "equinox", "optax", "numpy", "scipy", "polars", "pyarrow", "arch", "safetensors")
HITS, MISSES = "/jax/compilation_cache/cache_hits", "/jax/compilation_cache/cache_misses"
_counted: dict[str, int] = {}


def versions() -> dict[str, str]:
    """Installed versions of all that can change a number; ``"missing"`` for what is not there."""
    found = {"python": platform.python_version(), "deephedge": deephedge.__version__}
    for name in PACKAGES:
        try:
            found[name] = importlib.metadata.version(name)
        except importlib.metadata.PackageNotFoundError:
            found[name] = "missing"
    return found


def machine() -> dict[str, Any]:
    """What a run's bits depend on beside its config: platform, devices, threads, number type."""
    return {
        "system": f"{platform.system()} {platform.machine()}",
        "backend": jax.default_backend(),
        "device": jax.devices()[0].device_kind,
        "devices": jax.local_device_count(),
        "threads": len(os.sched_getaffinity(0)),
        "float": "float64" if jax.config.jax_enable_x64 else "float32",  # pyright: ignore
    }


def cache_folder() -> Path:
    """Where compiled programs are kept: ``$DEEPHEDGE_CACHE``, or ``deephedge/jax`` in the user's cache folder."""
    own = os.environ.get("DEEPHEDGE_CACHE")
    if own:
        return Path(own)
    home = os.environ.get("XDG_CACHE_HOME")
    return (Path(home) if home else Path.home() / ".cache") / "deephedge" / "jax"


def keep_compiled_programs() -> Path:
    """Let JAX reuse what an earlier process compiled; a folder that someone chose for JAX already is left alone."""
    chosen = jax.config.jax_compilation_cache_dir  # pyright: ignore
    if chosen:
        return Path(chosen)
    folder = cache_folder()
    jax.config.update("jax_compilation_cache_dir", str(folder))
    jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
    jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
    if not _counted:
        _counted.update({HITS: 0, MISSES: 0})
        jax.monitoring.register_event_listener(_count)
    return folder


def compiled() -> tuple[int, int]:
    """(programs reused from the cache, programs compiled afresh) since ``keep_compiled_programs``."""
    return _counted.get(HITS, 0), _counted.get(MISSES, 0)


def _count(event: str, **_: Any) -> None:
    if event in _counted:
        _counted[event] += 1
