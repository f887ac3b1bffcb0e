"""The command line: help at once, one sentence for a mistake, nothing lost when it is stopped."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from safetensors import safe_open

import deephedge
from deephedge.cli import INTERRUPTED, app, status

HERE = Path(__file__).parent
VERBS = (
    "run", "demo", "simulate", "train", "walkforward", "ablate", "evaluate", "price", "backtest", "report", "compare",
    "explain", "tries", "doctor",
)  # fmt: skip
WORLD = (HERE / "studies" / "tiny.toml").read_text()


@pytest.fixture
def study(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DEEPHEDGE_CACHE", str(tmp_path / "cache"))
    (tmp_path / "tiny.toml").write_text(WORLD)
    return tmp_path / "tiny.toml"


def _process(*arguments: str) -> subprocess.Popen:
    code = "from deephedge.cli import main; main()"
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    home = {**os.environ, "PYTHONPATH": str(Path(deephedge.__file__).parents[1])}
    return subprocess.Popen([sys.executable, "-c", code, *arguments], env=home, **pipes)


def test_help_names_every_verb_and_comes_at_once():
    clock = time.perf_counter()
    process = _process("--help")
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0
    assert all(re.search(rf"\b{verb}\b", out) for verb in VERBS)
    assert time.perf_counter() - clock < 5  # half a second on an idle machine; tests share theirs
    names = {command.name or command.callback.__name__ for command in app.registered_commands}
    assert names == set(VERBS)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["run", "absent.toml"], "there is no study file absent.toml"),
        (["run", "broken.toml"], "broken.toml line 1"),
        (["run", "tiny.toml", "training.updats=3"], "training.updats: unknown key, did you mean 'updates'?"),
        (["run", "tiny.toml", "training.updates"], "an override is written key=value"),
        (["run", "tiny.toml", "problem.liability.contract.strike=-1"], "strike"),
        (["run", "tiny.toml", 'problem.grid={type="TimeGrid",times=[0,0.1,0.1]}'], "strictly increasing"),
        (["run", "tiny.toml", "problem.features.2.quote=SPX.vl"], "no quote 'SPX.vl': did you mean 'SPX.vol'?"),
        (["run", "tiny.toml", 'policies.mlp.features=["volume"]'], "needs the feature 'volume'"),
        (["run", "tiny.toml", "--data", "nowhere"], "has no [data]"),
        (["run", "tiny.toml", "--out", "tiny.toml/runs"], "cannot make the folder tiny.toml/runs"),
        (["run", "spx_call_long", "--data", "nowhere"], "no data at nowhere; name a folder"),
        (["evaluate", "nowhere"], "there is no run folder nowhere"),
        (["backtest", "."], "has no manifest.json, so it is not a run folder"),
        (["compare", "nowhere"], "compare needs two run folders"),
        (["rum"], "No such command 'rum'"),
        (["run", "tiny.toml", "--bogus"], "No such option: --bogus"),
        (["run"], "Missing"),
        (["simulate", "tiny.toml", "--paths", "none"], "--paths"),
    ],
)
def test_a_mistake_is_one_sentence_and_status_2(study, capsys, arguments, message):
    (study.parent / "broken.toml").write_text("seed = = 1\n")
    before = sorted(study.parent.iterdir())
    assert status(arguments) == 2
    last = capsys.readouterr().err.strip().splitlines()[-1]
    assert last.startswith("error: ") and message in last
    kept = [file for file in sorted(study.parent.iterdir()) if file.name != "cache"]
    assert kept == before  # nothing left behind, nothing lost


def test_debug_shows_where_an_error_comes_from(study):
    from deephedge.core.errors import ConfigError

    with pytest.raises(ConfigError):
        status(["--debug", "run", "absent.toml"])


def test_what_nobody_foresaw_keeps_its_traceback(study, monkeypatch):
    import deephedge.studies

    monkeypatch.setattr(deephedge.studies, "doctor", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        status(["doctor"])


def test_the_verbs_one_by_one(study, capsys):
    """train, evaluate, price, report, simulate on a folder of one's own; a backtest has nothing to look at."""
    assert status(["--quiet", "train", "tiny.toml", "--folder", "mine"]) == 0
    assert status(["--quiet", "evaluate", "mine"]) == 0
    assert status(["--quiet", "price", "mine", "--no-bid"]) == 0
    assert status(["--quiet", "report", "mine"]) == 0
    assert status(["--quiet", "simulate", "tiny.toml", "--paths", "8", "--to", "paths.parquet"]) == 0
    said = capsys.readouterr()
    assert "CVaR at 95 %" in said.out and "ask" in said.out and "report: mine/report.html" in said.out
    assert said.err == ""
    assert (study.parent / "mine" / "report.html").is_file()
    import polars as pl

    assert pl.read_parquet("paths.parquet").height == 8 * 6
    assert status(["backtest", "mine"]) == 2
    assert status(["train", "tiny.toml", "--folder", "mine"]) == 2
    assert "is there already; say --resume" in capsys.readouterr().err
    assert status(["train", "tiny.toml", "seed=9", "--folder", "mine", "--resume"]) == 2
    assert "belongs to another configuration" in capsys.readouterr().err


def test_doctor_finds_the_embedded_data(study, capsys):
    assert status(["doctor"]) == 0
    said = capsys.readouterr().out
    assert "S&P 500 and VIX" in said and "healthy" in said and "spx_call" in said


def _weights(folder: Path) -> dict[str, np.ndarray]:
    with safe_open(folder / "weights" / "mlp.safetensors", framework="numpy") as opened:
        return {name: opened.get_tensor(name) for name in opened.keys()}


@pytest.mark.slow
def test_killed_and_resumed_is_as_if_nothing_had_happened(study):
    """kill -9 in the middle of training, Ctrl-C in the next, then to the end: the weights of a run never stopped."""
    much = ["training.updates=400", "training.validate_every=20", "training.paths=2048"]
    whole = _process("train", "tiny.toml", *much, "--folder", "whole")
    _, said = whole.communicate(timeout=300)
    assert whole.returncode == 0, said
    for n, (how, rc) in enumerate(((signal.SIGKILL, -9), (signal.SIGINT, INTERRUPTED))):
        process = _process("train", "tiny.toml", *much, "--folder", "cut", *(["--resume"] if n else []))
        _wait_for(study.parent / "cut" / "checkpoints" / "mlp.safetensors", process)
        process.send_signal(how)
        _, said = process.communicate(timeout=120)
        assert process.returncode == rc, said
        assert not (study.parent / "cut" / "weights").exists()
    assert "go on with: deephedge train tiny.toml" in said and "--resume" in said
    assert status(["--quiet", "train", "tiny.toml", *much, "--folder", "cut", "--resume"]) == 0
    ours, theirs = _weights(study.parent / "cut"), _weights(study.parent / "whole")
    assert all(np.array_equal(ours[name], theirs[name]) for name in theirs) and set(ours) == set(theirs)


def _wait_for(file: Path, process: subprocess.Popen) -> None:
    """Until the process has written ``file`` anew."""
    before = file.stat().st_mtime_ns if file.exists() else None
    for _ in range(3000):
        assert process.poll() is None, process.communicate()
        if file.exists() and file.stat().st_mtime_ns != before:
            return
        time.sleep(0.02)
    os.kill(process.pid, signal.SIGKILL)
    pytest.fail("no checkpoint in a minute")


def test_the_command_can_be_a_module(monkeypatch, capsys):
    import runpy

    monkeypatch.setattr("sys.argv", ["deephedge", "--version"])
    with pytest.raises(SystemExit, match="0"):
        runpy.run_module("deephedge.cli", run_name="__main__")
    assert capsys.readouterr().out.startswith("deephedge ")
