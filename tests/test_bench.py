"""The long studies and benchmarks run for a few steps, so that none rots."""

import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def _from_the_root(monkeypatch):
    monkeypatch.syspath_prepend(str(ROOT))
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == "bench"]:
        del sys.modules[name]


@pytest.mark.parametrize("bar", ["1", "others", "2", "5", "notebook", "seeds"])
def test_each_bar_runs(bar):
    from bench import bars

    rows = bars.main(["--quick", "--only", bar])[bar]
    assert all({"passed", "seconds"} <= row.keys() for row in rows)
    if bar == "5":
        assert [row["trades"] for row in rows] == [28, 30]


def test_the_benchmark_of_growth_runs(tmp_path):
    from bench.growth import SWEEPS, growth

    found = growth(tmp_path, quick=True)
    assert (
        found.keys() <= SWEEPS.keys() and found and all(seconds > 0 for rows in found.values() for _, seconds in rows)
    )


def test_our_side_of_the_benchmark_answers():
    from bench import ours

    assert all(seconds > 0 for seconds in ours.speed("band", 64, 8)["seconds"])
