"""Arrays on disk: safetensors with a fingerprint and a checksum, replaced in one step, never pickle."""

import hashlib
import json
import os
from pathlib import Path
from typing import Any

import equinox as eqx
import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import PyTree
from safetensors import SafetensorError, safe_open
from safetensors.numpy import save

from deephedge.core.errors import ArtefactError, OutputError


def fingerprint(*trees: Any) -> str:
    """sha256 over structure, shapes, types and values: equal only for equal configurations."""
    digest = hashlib.sha256()
    for tree in trees:
        arrays, rest = eqx.partition(tree, eqx.is_array)
        digest.update(str(jax.tree.structure(rest)).encode())
        digest.update(repr([leaf for leaf in jax.tree.leaves(rest) if isinstance(leaf, str | int | float)]).encode())
        for leaf in jax.tree.leaves(arrays):
            value = _plain(leaf)
            digest.update(f"{value.dtype}{value.shape}".encode() + value.tobytes())
    return digest.hexdigest()


def save_arrays(file: Path, tree: PyTree, about: dict[str, str]) -> None:
    """Write the arrays of ``tree`` so that ``file`` is always either the old version or the new one, whole."""
    tensors = {name: np.array(_plain(leaf), order="C") for name, leaf in _named(tree).items()}
    content = save(tensors, metadata=about | {"sha256": _checksum(tensors, about)})
    replace_file(file, content)


def load_arrays(file: Path, like: PyTree, expected: str | None = None) -> tuple[PyTree, dict[str, str]]:
    """The arrays of ``file`` in the structure of ``like``; refuses other configurations and damaged files."""
    tensors, about = _read(file)
    if expected is not None and about.get("fingerprint") != expected:
        raise ArtefactError(
            f"{file} belongs to another configuration (fingerprint {str(about.get('fingerprint'))[:12]}, expected "
            f"{expected[:12]}); use a fresh folder, or the study that wrote it"
        )
    names = _named(like)
    if set(names) != set(tensors):
        odd = sorted(set(names) ^ set(tensors))[:3]
        raise ArtefactError(f"{file} does not hold the arrays of this policy (differs in {odd}); use its own study")
    for name, leaf in names.items():
        if tensors[name].shape != _plain(leaf).shape:
            raise ArtefactError(f"{file}: {name} has shape {tensors[name].shape}, expected {_plain(leaf).shape}")
    arrays, rest = eqx.partition(like, eqx.is_array)
    leaves = [_typed(tensors[name], leaf) for name, leaf in names.items()]
    return eqx.combine(jax.tree.unflatten(jax.tree.structure(arrays), leaves), rest), about


def replace_file(file: Path, content: bytes) -> None:
    """Write to a neighbour, flush it to disk, and move it into place."""
    draft = file.with_name(f".{file.name}.{os.getpid()}.draft")
    try:
        file.parent.mkdir(parents=True, exist_ok=True)
        with open(draft, "wb") as out:
            out.write(content)
            out.flush()
            os.fsync(out.fileno())
        os.replace(draft, file)
    except OSError as problem:
        raise OutputError(f"cannot write {file}: {problem.strerror}; choose a folder that can be written") from problem
    finally:
        draft.unlink(missing_ok=True)


def _read(file: Path) -> tuple[dict[str, np.ndarray], dict[str, str]]:
    try:
        with safe_open(file, framework="numpy") as opened:
            about = dict(opened.metadata() or {})
            tensors = {name: opened.get_tensor(name) for name in opened.keys()}
    except FileNotFoundError as problem:
        raise ArtefactError(f"{file} does not exist; train first, or name the right folder") from problem
    except (SafetensorError, OSError, ValueError) as problem:
        raise ArtefactError(f"{file} cannot be read ({problem}); it is truncated or not ours") from problem
    stored = about.pop("sha256", "none")
    actual = _checksum(tensors, about)
    if stored != actual:
        raise ArtefactError(
            f"{file} was changed: checksum {actual[:12]}, expected {stored[:12]}; restore or retrain it"
        )
    return tensors, about


def _checksum(tensors: dict[str, np.ndarray], about: dict[str, str]) -> str:
    digest = hashlib.sha256(json.dumps(about, sort_keys=True).encode())
    for name in sorted(tensors):
        value = tensors[name]
        digest.update(f"{name}{value.dtype}{value.shape}".encode() + value.tobytes())
    return digest.hexdigest()


def _named(tree: PyTree) -> dict[str, Any]:
    leaves = jax.tree_util.tree_leaves_with_path(eqx.filter(tree, eqx.is_array))
    return {jax.tree_util.keystr(path): leaf for path, leaf in leaves}


def _plain(leaf: Any) -> np.ndarray:
    is_key = isinstance(leaf, jax.Array) and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)
    return np.asarray(jax.random.key_data(leaf) if is_key else leaf)


def _typed(value: np.ndarray, like: Any) -> Any:
    is_key = isinstance(like, jax.Array) and jnp.issubdtype(like.dtype, jax.dtypes.prng_key)
    return jax.random.wrap_key_data(jnp.asarray(value)) if is_key else jnp.asarray(value, dtype=like.dtype)
