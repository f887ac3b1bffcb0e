"""The public names, and that they cost nothing before they are used."""

import os
import subprocess
import sys

import pytest

import deephedge


def _in_a_fresh_process(code: str, **environment: str) -> str:
    keep = {key: value for key, value in os.environ.items() if key not in ("JAX_NUM_CPU_DEVICES", "DEEPHEDGE_DEVICES")}
    done = subprocess.run(
        [sys.executable, "-c", code], env=keep | environment, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_the_public_names_are_a_sorted_flat_list():
    assert sorted(set(deephedge.__all__)) == deephedge.__all__
    for name in deephedge.__all__:
        assert getattr(deephedge, name) is not None
    assert set(deephedge.__all__) <= set(dir(deephedge))


def test_an_unknown_name_is_an_attribute_error():
    with pytest.raises(AttributeError, match="no attribute 'hegde'"):
        _ = deephedge.hegde


def test_importing_the_package_imports_nothing_heavy():
    heavy = "('jax', 'numpy', 'polars', 'equinox')"
    code = f"import sys, deephedge, deephedge.cli; print([name for name in {heavy} if name in sys.modules])"
    assert _in_a_fresh_process(code) == "[]"


def test_every_core_is_a_device_however_the_package_is_entered():
    cores = str(len(os.sched_getaffinity(0)))
    count = "print(jax.local_device_count())"
    assert _in_a_fresh_process(f"from deephedge.pricing import black; import jax; {count}") == cores
    assert _in_a_fresh_process(f"import jax, deephedge; {count}") == cores
    assert _in_a_fresh_process(f"import deephedge, jax; {count}", DEEPHEDGE_DEVICES="1") == "1"
