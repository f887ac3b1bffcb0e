"""What a study says while it works: bars on a terminal, plain lines elsewhere, the same facts in its log."""

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.progress import BarColumn, Progress, SpinnerColumn, TaskID, TextColumn, TimeElapsedColumn

if TYPE_CHECKING:
    from deephedge.training import Progress as Standing

PLAIN_SECONDS = 5.0  # between two plain lines of one training
WIDE = 160  # characters, where there is no terminal to say
SLOW = 2.0  # seconds, above which a stage tells how long it took


class Screen:
    """Results go to ``out``, progress to ``err``; both fall silent with ``None``. Every line also goes to ``log``.

    >>> Screen.silent().say("nobody hears this")
    """

    def __init__(self, out: Console | None = None, err: Console | None = None):
        self.out, self.err, self.log, self.folder = out, err, None, None

    out: Console | None
    err: Console | None
    log: Path | None
    folder: Path | None  # of the run under way, for whoever has to say how to go on with it

    @classmethod
    def silent(cls) -> "Screen":
        return cls()

    @classmethod
    def standard(cls) -> "Screen":
        """Standard output and standard error. Where they are no terminal, tables are as wide as they need."""
        out, err = Console(highlight=False), Console(stderr=True, highlight=False)
        for console in (out, err):
            if not console.is_terminal:
                console.width = max(console.width, WIDE)
        return cls(out, err)

    @property
    def width(self) -> int:
        """Characters in a line of results."""
        return self.out.width if self.out is not None else WIDE

    def show(self, *renderables: Any) -> None:
        """Print results."""
        if self.out is not None:
            for renderable in renderables:
                self.out.print(renderable)

    def say(self, text: str, style: str = "") -> None:
        """One line about what is happening."""
        self.write(text)
        if self.err is not None:
            self.err.print(text, style=style, markup=False)

    def warn(self, text: str) -> None:
        """One line that should not be overlooked."""
        self.say(f"warning: {text}", "yellow")

    def write(self, text: str) -> None:
        """One line into the log alone; a log that cannot be written stops nothing."""
        if self.log is not None:
            with suppress(OSError), open(self.log, "a", encoding="utf-8") as out:
                out.write(f"{datetime.now(UTC):%Y-%m-%dT%H:%M:%SZ} {text}\n")

    @contextmanager
    def stage(self, title: str) -> Iterator[None]:
        """Something that takes a while and cannot say how long: a spinner, or a line before and after."""
        started = time.perf_counter()
        self.write(title)
        if self.err is not None and self.err.is_terminal:
            columns = SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn()
            with Progress(*columns, console=self.err, transient=True) as bar:
                bar.add_task(title, total=None)
                yield
        else:
            if self.err is not None:
                self.err.print(f"{title} ...", markup=False)
            yield
        seconds = time.perf_counter() - started
        if seconds > SLOW:
            self.say(f"{title}: {seconds:.1f} s", "dim")

    @contextmanager
    def training(self, title: str, risk: str, updates: int) -> Iterator[Callable[["Standing"], None]]:
        """A bar for one training; yields what ``fit`` calls with its progress. ``risk`` names the validation risk."""
        if self.err is not None and self.err.is_terminal:
            with _bars(self.err) as bar:
                task, left = bar.add_task(title, total=updates, figures="compiling"), TimeLeft()
                yield lambda now: self._advance(bar, task, now, title, risk, left(now))
        else:
            plain = _Plain(self, title, risk)
            plain.start()
            yield plain

    def _advance(self, bar: Progress, task: TaskID, now: "Standing", title: str, risk: str, left: float | None) -> None:
        self.write(f"{title} {standing(now, risk, left)}")
        bar.update(task, total=now.updates, completed=now.update, figures=figures(now, risk, left))


class _Plain:
    """Lines in place of a bar: one when training starts, one every few seconds, one at the end."""

    def __init__(self, screen: Screen, title: str, risk: str):
        self.screen, self.title, self.risk, self.last = screen, title, risk, time.perf_counter()
        self.left = TimeLeft()

    def start(self) -> None:
        if self.screen.err is not None:
            self.screen.err.print(f"{self.title} compiling ...", markup=False)

    def __call__(self, now: "Standing") -> None:
        line = f"{self.title} {standing(now, self.risk, self.left(now))}"
        clock = time.perf_counter()
        if now.update < now.updates and clock - self.last < PLAIN_SECONDS:
            self.screen.write(line)
        else:
            self.last = clock
            self.screen.say(line)


class TimeLeft:
    """Seconds left at the best speed so far: a block that also compiled says nothing about the next."""

    def __init__(self):
        self.best = 0.0

    def __call__(self, now: "Standing") -> float | None:
        """``None`` at the end, and after the first update, which was spent on compiling."""
        self.best = max(self.best, now.paths_per_second)
        return None if now.update in (1, now.updates) else now.seconds_left * now.paths_per_second / self.best


def standing(now: "Standing", risk: str, left: float | None) -> str:
    """Where a training stands, in one line."""
    return f"{now.update}/{now.updates}  {figures(now, risk, left)}"


def figures(now: "Standing", risk: str, left: float | None) -> str:
    """Loss on the batch, risk on the bank, speed and time left."""
    parts = [f"loss {now.loss:.5f}"]
    parts += [f"{risk} {now.risk:.5f}"] if now.risk == now.risk else []
    parts += [f"{thousands(now.paths_per_second)} paths/s"]
    parts += [f"{clock(left)} left"] if left else []
    return "  ".join(parts)


def thousands(number: float) -> str:
    """A count in three figures or so.

    >>> thousands(41_234.0), thousands(1_234_567.0), thousands(12.0)
    ('41k', '1.2M', '12')
    """
    if number >= 1e6:
        return f"{number / 1e6:.1f}M"
    return f"{number / 1e3:.0f}k" if number >= 1e4 else f"{number:.0f}"


def clock(seconds: float) -> str:
    """Seconds as minutes and seconds.

    >>> clock(75.2)
    '1:15'
    """
    whole = max(0, round(seconds))
    return f"{whole // 60}:{whole % 60:02d}"


def _bars(console: Console) -> Progress:
    return Progress(
        TextColumn("{task.description:<8}"),
        BarColumn(bar_width=24),
        TextColumn("{task.completed}/{task.total}"),
        TextColumn("{task.fields[figures]}", style="dim"),
        console=console,
    )
