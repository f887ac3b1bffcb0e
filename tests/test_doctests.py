"""Every example in a docstring runs and prints what it says."""

import doctest
import importlib
import pkgutil

import pytest

import deephedge

MODULES = sorted(found.name for found in pkgutil.walk_packages(deephedge.__path__, "deephedge."))


# Formulas, markets and some contracts compile for long: left to `make proofs`.
LONG = tuple(
    f"deephedge.{layer}."
    for layer in ("evaluation", "features", "frictions", "instruments", "markets", "pricing", "training")
)


@pytest.mark.parametrize(
    "name", [pytest.param(name, marks=pytest.mark.slow) if name.startswith(LONG) else name for name in MODULES]
)
def test_examples_in(name):
    module = importlib.import_module(name)
    result = doctest.testmod(module, optionflags=doctest.NORMALIZE_WHITESPACE)
    assert result.failed == 0
