"""What all tests share: how their programs are compiled, and which files are long proofs."""

import os
from pathlib import Path

# The compiler's older emitters, and one part a program, need a third less time; before the first program is compiled.
QUICKER = "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
os.environ["XLA_FLAGS"] = f"{os.environ.get('XLA_FLAGS', '')} {QUICKER}".strip()
# Programs are kept, small ones too: workers and modules share them, and a second run needs half the time.
os.environ.setdefault("JAX_COMPILATION_CACHE_DIR", str(Path(__file__).parents[1] / ".cache" / "tests"))
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS", "0")
os.environ.setdefault("JAX_PERSISTENT_CACHE_MIN_ENTRY_SIZE_BYTES", "-1")

import jax  # noqa: E402
import pytest  # noqa: E402

WITH_ALL_PASSES = (
    "test_cli.py", "studies/", "policies/test_network.py", "markets/test_calibrate_options.py",
    "data/text/test_vectors.py",
)  # fmt: skip
# Proofs of single members (formulas, markets, contracts, objectives) and long fits: marked slow, run by `make proofs`
# and left out of `make test`, which holds the laws that every member passes, the studies and the command line.
FOLDERS = ("tests/instruments/", "tests/markets/", "tests/objectives/", "tests/pricing/")
PROOFS = (
    "data/surfaces/test_fits.py", "data/surfaces/test_real_chains.py", "evaluation/test_attribution.py",
    "evaluation/test_importance.py", "evaluation/test_sensitivities.py", "features/test_feature_greeks.py",
    "frictions/test_limits.py", "laws/test_relations.py", "oracles/test_hodges_neuberger.py",
    "oracles/test_minimum_variance.py", "studies/test_behind.py", "training/test_generator.py", "training/test_tilt.py",
)  # fmt: skip


def _place(node) -> str:
    return str(node.path).replace(os.sep, "/")


def pytest_collection_modifyitems(items):
    for item in items:
        place = _place(item)
        if place.endswith(PROOFS) or any(folder in place for folder in FOLDERS):
            item.add_marker(pytest.mark.slow)


@pytest.fixture(autouse=True, scope="module")
def _compiled_briefly(request):
    """Half the time to compile for slower programs; modules that run theirs for long, or time them, keep all passes.

    Programs are dropped after their module: thousands of them fill the memory maps that a process may have, and then
    it dies. A folder of kept programs that a study asked for is forgotten too.
    """
    brief = not any(part in _place(request.node) for part in WITH_ALL_PASSES)
    folder = jax.config.jax_compilation_cache_dir
    jax.config.update("jax_disable_most_optimizations", brief)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.config.update("jax_compilation_cache_dir", folder)
    jax.clear_caches()
