"""What is said while work goes on."""

import io
from types import SimpleNamespace

import pytest
from rich.console import Console

from deephedge.studies.progress import PLAIN_SECONDS, Screen, TimeLeft


def standing(update, updates=100, risk=0.0123, speed=41_234.0, seconds=75.0):
    return SimpleNamespace(
        update=update, updates=updates, loss=0.0456, risk=risk, paths_per_second=speed, seconds_left=seconds
    )


@pytest.fixture
def heard(tmp_path):
    text = io.StringIO()
    screen = Screen(None, Console(file=text, width=160, highlight=False))
    screen.log = tmp_path / "run.log"
    return screen, text


def test_plain_lines_where_there_is_no_terminal(heard, monkeypatch):
    screen, text = heard
    seconds = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: seconds[0])
    with screen.training("band", "CVaR", 100) as tell:
        for update in (1, 2, 3):
            tell(standing(update))
        seconds[0] += PLAIN_SECONDS
        tell(standing(50))
        tell(standing(100))
    lines = text.getvalue().splitlines()
    assert lines[0] == "band compiling ..."
    assert lines[1] == "band 50/100  loss 0.04560  CVaR 0.01230  41k paths/s  1:15 left"
    assert lines[2] == "band 100/100  loss 0.04560  CVaR 0.01230  41k paths/s"
    assert len(lines) == 3
    assert len(screen.log.read_text().splitlines()) == 5  # the log has them all


def test_time_left_forgets_the_blocks_that_compiled():
    left = TimeLeft()
    assert left(standing(1, speed=500.0, seconds=8000.0)) is None
    assert left(standing(50, speed=40_000.0, seconds=5.0)) == pytest.approx(5.0)
    assert left(standing(60, speed=1000.0, seconds=160.0)) == pytest.approx(4.0)  # validation compiled in this block
    assert left(standing(100, speed=40_000.0, seconds=0.0)) is None


def test_a_risk_that_is_not_known_yet_is_left_out(heard):
    screen, text = heard
    with screen.training("mlp", "CVaR", 100) as tell:
        tell(standing(100, risk=float("nan")))
    assert "CVaR" not in text.getvalue() and "nan" not in text.getvalue()


def test_bars_on_a_terminal():
    text = io.StringIO()
    screen = Screen(None, Console(file=text, width=120, force_terminal=True))
    with screen.training("band", "CVaR", 100) as tell:
        tell(standing(50))
    assert "50/100" in text.getvalue() and "1:15 left" in text.getvalue() and "━" in text.getvalue()


def test_a_slow_stage_tells_how_long_it_took(heard, monkeypatch):
    screen, text = heard
    seconds = [0.0]
    monkeypatch.setattr("time.perf_counter", lambda: seconds[0])
    with screen.stage("thinking"):
        seconds[0] += 3.0
    with screen.stage("blinking"):
        seconds[0] += 0.1
    assert text.getvalue().splitlines() == ["thinking ...", "thinking: 3.0 s", "blinking ..."]


def test_a_silent_screen_still_keeps_its_log(tmp_path):
    screen = Screen.silent()
    screen.log = tmp_path / "run.log"
    screen.say("something")
    screen.show("a result")
    assert screen.log.read_text().endswith("Z something\n")
    screen.log = tmp_path / "nowhere" / "run.log"
    screen.say("a log that cannot be written stops nothing")
