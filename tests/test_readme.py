"""The README's example runs as printed, and prints what the README says."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from deephedge import instruments
from deephedge.instruments import AbstractContract

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text()
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
# One of each kind is run by `make test`, these by `make proofs`: compiling is all the time they take.
LONG = (
    "american_put", "asian_option", "autocallable", "backtest_statistics", "barrier_option", "basket_option",
    "bermudan_swaption", "best_of", "bond_future", "bond_option", "book", "callable_bond", "capped_floater",
    "cds_hedge", "cds_index", "cliquet", "commodity_futures", "convertible", "corridor_swap", "credit", "digital",
    "dividend_call", "forward_start", "futures_strip", "fx_barrier", "fx_forwards", "fx_option", "joint_quanto",
    "limits", "lookback", "put_spread_with_position", "rolling_option_hedge", "several_seeds", "smile",
    "spread_options", "stress_and_tilt", "swap_hedge", "swing", "touch", "variance_swap",
)  # fmt: skip
# Contracts that no example holds: what wraps another or is made by `sold`, and what is quoted by a file of history.
ELSEWHERE = {"ClientFlow", "Defaulting", "Nothing", "Premium", "Settling", "Starting"} | {"Listed", "RolledFuture"}


def run(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_example_runs_as_printed_and_beats_delta():
    (code,) = re.findall(r"```python\n(.*?)```", README, re.DOTALL)
    result = ast.literal_eval(run(code).strip())
    promised = {name: float(value) for name, value in re.findall(r"'(\w+)': (0\.\d+)\.\.\.", README)}
    assert result.keys() == promised.keys()
    for name, value in promised.items():
        assert 0 <= result[name] - value < 1.5e-4 * 2, (name, result[name], value)
    assert result["band"] < result["delta"]


def test_the_readme_is_one_screen_and_its_links_exist():
    assert len(README.splitlines()) <= 60
    for link in re.findall(r"\]\((?!http)([^)#]+)", README):
        assert (ROOT / link).exists(), link


def test_every_contract_is_in_an_example():
    public = {name: getattr(instruments, name) for name in instruments.__all__ if not name.startswith("Abstract")}
    contracts = {name for name, kind in public.items() if isinstance(kind, type) and issubclass(kind, AbstractContract)}
    nodes = [node for file in EXAMPLES for node in ast.walk(ast.parse(file.read_text()))]
    shown = {node.attr for node in nodes if isinstance(node, ast.Attribute) and ast.unparse(node.value) == "i"}
    assert contracts - shown == ELSEWHERE


@pytest.mark.parametrize(
    "file",
    [pytest.param(file, marks=pytest.mark.slow) if file.stem in LONG else file for file in EXAMPLES],
    ids=[file.stem for file in EXAMPLES],
)
def test_examples_run(file, capsys):
    """In this process, which has imported what they import; three updates, and compiling is all the time it takes."""
    quick = file.read_text().replace("UPDATES = 400", "UPDATES = 3").replace("PATHS = 2048", "PATHS = 64")
    exec(compile(quick, str(file), "exec"), {"__name__": "__main__"})
    assert capsys.readouterr().out
