"""What all tests share: programs of tests run once or twice, so most of them are compiled with fewer passes."""

import os

import jax
import pytest

WITH_ALL_PASSES = ("test_readme.py", "test_bench.py", "test_cli.py", "studies/", "policies/test_network.py")


@pytest.fixture(autouse=True, scope="module")
def _compiled_briefly(request):
    """Half the time to compile for slower programs; modules that run theirs for long, or time them, keep all passes.

    Programs are dropped after their module: thousands of them fill the memory maps that a process may have, and then
    it dies. So does a folder of kept programs that a study asked for.
    """
    brief = not any(part in str(request.node.path).replace(os.sep, "/") for part in WITH_ALL_PASSES)
    jax.config.update("jax_disable_most_optimizations", brief)
    yield
    jax.config.update("jax_disable_most_optimizations", False)
    jax.config.update("jax_compilation_cache_dir", None)
    jax.clear_caches()
