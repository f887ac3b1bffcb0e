"""Benchmarks and long studies; the exact optima that they are judged by are those of the tests."""

import sys
from pathlib import Path

sys.path.append(str(Path(__file__).parents[1] / "tests"))
