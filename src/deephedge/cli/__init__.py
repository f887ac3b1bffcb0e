"""The command line: thin. Nothing heavy is imported before a command needs it."""

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deephedge.cli.data import app as data_app
from deephedge.cli.leave import BAD_INPUT, INTERRUPTED, interrupted, refuse, version_of
from deephedge.cli.state import screen as new_screen
from deephedge.cli.state import state
from deephedge.core.errors import DeephedgeError

if TYPE_CHECKING:
    from deephedge.studies import RunFolder, Screen, Study

DEMO = "studies/spx_call.toml"
STUDIES = "Studies: a TOML file, from data to report"
MACHINE = "This machine"
DATA = "Data: what there is to learn from"
RUNS = "Runs: a folder that a study has made"

app = typer.Typer(
    name="deephedge", add_completion=False, no_args_is_help=True, pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)  # fmt: skip

app.add_typer(data_app, name="data", rich_help_panel=DATA)

StudyFile = Annotated[str, typer.Argument(metavar="STUDY", help="A TOML file, or the name of one that comes along.")]
Folder = Annotated[Path, typer.Argument(metavar="RUN", help="The folder of a run.")]
Overrides = Annotated[
    list[str] | None, typer.Argument(metavar="[KEY=VALUE]...", help="Settings to change, such as training.updates=50.")
]
Data = Annotated[str | None, typer.Option(metavar="PATH", help="Use this file or folder in place of data.source.")]
Out = Annotated[Path, typer.Option(metavar="DIR", help="Where run folders go.")]
Into = Annotated[
    Path | None, typer.Option("--folder", metavar="DIR", help="The run folder itself, not a name made up.")
]
Resume = Annotated[bool, typer.Option("--resume", help="Go on where an interrupted run of the same settings was.")]


@app.callback()
def options(
    version: Annotated[
        bool, typer.Option("--version", help="Print the version and leave.", callback=version_of, is_eager=True)
    ] = False,
    debug: Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="Results only, no progress.")] = False,
) -> None:
    """Deep hedging: learn which hedge to hold, under costs and limits, and test it on history that it never saw."""
    state.update(debug=debug, quiet=quiet)


@app.command(rich_help_panel=STUDIES)
def run(
    study: StudyFile, overrides: Overrides = None, data: Data = None, out: Out = Path("runs"), folder: Into = None,
    resume: Resume = False,
) -> None:  # fmt: skip
    """The whole job: simulate, train, evaluate, backtest, report."""
    from deephedge import studies

    studies.run(_study(study, overrides, data), out=out, folder=folder, resume=resume, screen=new_screen())


@app.command(rich_help_panel=STUDIES)
def demo(
    overrides: Overrides = None, data: Data = None, out: Out = Path("runs"), folder: Into = None, resume: Resume = False
) -> None:
    """Run the main study: a network learns to hedge an S&P 500 call, and meets history that it never saw."""
    run(DEMO, overrides, data, out, folder, resume)


@app.command(rich_help_panel=STUDIES)
def simulate(
    study: StudyFile, overrides: Overrides = None, data: Data = None,
    paths: Annotated[int, typer.Option(min=1, help="How many years, or paths, to simulate.")] = 2000,
    to: Annotated[Path | None, typer.Option(metavar="FILE", help="Write paths on the study's grid to Parquet.")] = None,
) -> None:  # fmt: skip
    """Fit the market, compare it with history, and write paths."""
    from deephedge.studies import draw, score, simulate
    from deephedge.studies.job import agreement_table, keep_compiled_programs

    found, screen = _study(study, overrides, data), new_screen()
    keep_compiled_programs()
    if found.data is not None:
        screen.show(agreement_table(found, simulate(found, paths=paths, screen=screen)))
        card = score(found, paths=paths)
        screen.show("" if card is None else f"On the validation years, which no market was fitted to:\n{card}")
    if to is not None or found.data is None:
        batch = draw(found, paths, to)
        screen.show(f"{batch.times.shape[0]:,} paths of {', '.join(batch.quotes)}" + (f" in {to}" if to else ""))


@app.command(rich_help_panel=STUDIES)
def train(
    study: StudyFile, overrides: Overrides = None, data: Data = None, out: Out = Path("runs"), folder: Into = None,
    resume: Resume = False,
) -> None:  # fmt: skip
    """Train the policies of a study, and nothing else."""
    from deephedge.studies import open_run, train

    found, screen = _study(study, overrides, data), new_screen()
    place = open_run(found, out=out, folder=folder, resume=resume, screen=screen)
    train(found, place, screen=screen, resume=resume)
    screen.show(f"trained: {place.path}")


@app.command(rich_help_panel=STUDIES)
def walkforward(study: StudyFile, overrides: Overrides = None, data: Data = None, out: Out = Path("runs")) -> None:
    """Refit on the past, test on the next stretch, and again: see [walk] in the study."""
    from deephedge.studies import tables, walk, walkforward
    from deephedge.studies.evaluation import unit

    found, screen = _study(study, overrides, data), new_screen()
    walked = walk(found, out=out, screen=screen)
    screen.show(walkforward.table(walked, unit(found), found.report.labels, found.test.judged))
    title = f"All {len(walked.stretches)} stretches together"
    learnt = list(found.config["policies"])
    called, judged = found.report.labels, found.test.judged
    screen.show(tables.results(walked.whole, title, unit(found), called, learnt, screen.width, judged))


@app.command(rich_help_panel=STUDIES)
def ablate(
    study: StudyFile, overrides: Overrides = None, data: Data = None, out: Out = Path("runs"),
    group: Annotated[list[str] | None, typer.Option(help="A group of features (all that the study names).")] = None,
    policy: Annotated[str | None, typer.Option(help="The policy to learn (the first of the study).")] = None,
    seeds: Annotated[int, typer.Option(min=2, help="How many trainings of each.")] = 5,
    on: Annotated[str, typer.Option(help="The years that judge: validation, or test.")] = "validation",
) -> None:  # fmt: skip
    """Did a group of features help? Learn with and without it, and say with intervals."""
    from deephedge.core.errors import ConfigError, require
    from deephedge.studies import ablate as run_ablation
    from deephedge.studies import ablation
    from deephedge.studies.evaluation import unit

    require(on in ("validation", "test"), f"--on is validation or test, was {on!r}", ConfigError)
    found, screen = _study(study, overrides, data), new_screen()
    result = run_ablation(found, group or (), seeds=seeds, policy=policy, part=on, out=out, screen=screen)
    screen.show(ablation.table(result, unit(found)))


@app.command(rich_help_panel=RUNS)
def evaluate(folder: Folder) -> None:
    """Judge a run's policies on fresh simulated paths."""
    from deephedge.studies import evaluate
    from deephedge.studies.job import result_table

    study, place, screen = _run(folder)
    found = evaluate(study, place, screen=screen)
    screen.show(result_table(study, place, found, "On simulated paths", screen.width))


@app.command(rich_help_panel=RUNS)
def backtest(folder: Folder) -> None:
    """Judge a run's policies on the test years. Do it once."""
    from deephedge.studies import backtest
    from deephedge.studies.evaluation import words
    from deephedge.studies.job import result_table

    study, place, screen = _run(folder)
    found = backtest(study, place, screen=screen)
    screen.show(result_table(study, place, found, "On history never seen", screen.width))
    screen.show(words(study, place))


@app.command(rich_help_panel=RUNS)
def price(
    folder: Folder, bid: Annotated[bool, typer.Option(help="Also train the opposite hedge, for the bid.")] = True
) -> None:
    """What the liability is worth to a desk that hedges as the run has learnt."""
    from deephedge.studies import price, tables
    from deephedge.studies.evaluation import unit
    from deephedge.studies.pricing import average_premium

    study, place, screen = _run(folder)
    quotes = price(study, place, screen=screen, bid=bid)
    screen.show(tables.quotes(quotes, unit(study), study.report.labels, average_premium(study)))


@app.command(rich_help_panel=RUNS)
def report(folder: Folder) -> None:
    """Write a run's report again."""
    from deephedge.studies import report

    study, place, screen = _run(folder)
    screen.show(f"report: {report(study, place, screen=screen)}")


@app.command(rich_help_panel=RUNS)
def compare(folders: Annotated[list[Path], typer.Argument(metavar="RUN RUN...")]) -> None:
    """Runs beside each other, paired where they hold the same test windows."""
    from deephedge.studies import Study, compare, tables
    from deephedge.studies.evaluation import unit
    from deephedge.studies.rundir import RunFolder

    screen = new_screen()
    with screen.stage("reading the runs"):
        found, rows = compare(folders)
    screen.show(tables.side_by_side(rows))
    if found is not None:
        screen.show(tables.across(found, unit(Study.of_run(RunFolder.open(folders[0])))))
    else:
        screen.show("The runs do not hold the same test windows, so no differences are paired.")


@app.command(rich_help_panel=RUNS)
def explain(folder: Folder) -> None:
    """Where the wealth of each policy came from: delta, gamma, vega, theta, carry, costs, and the rest."""
    from deephedge.studies import explained
    from deephedge.studies.evaluation import unit

    study, place, screen = _run(folder)
    with screen.stage("explaining every step of the test windows"):
        found = explained.explain(study, place)
    screen.show(explained.table(found, unit(study), study.report.labels))
    screen.show(f"each step of each window: {place.path / explained.STEPS}")


@app.command(rich_help_panel=RUNS)
def tries(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="The folder that holds the runs.")] = Path("runs"),
    benchmark: Annotated[str | None, typer.Option(help="A policy that every run has (the reference).")] = None,
) -> None:
    """All that was tried on the same test years, tested together."""
    from deephedge.studies import tries as record

    screen = new_screen()
    with screen.stage("testing all tries together"):
        found = record.tested(folder, benchmark)
    looks = record.tries(folder)
    screen.show(f"{len(looks)} looks at test years by {len({one.digest for one in looks})} configurations")
    for years, one in found.items():
        screen.show(record.table(years, one, record.unit(folder, years)))
    if not found:
        screen.show("Nothing to test: no test years have more than one policy on record.")


@app.command(rich_help_panel=MACHINE)
def doctor() -> None:
    """Is this machine ready? Versions, devices, threads, cache, data."""
    from deephedge.studies import doctor, tables

    found, screen = doctor(), new_screen()
    screen.show(tables.findings(found))
    if not all(one.healthy for one in found):
        screen.show("Not healthy: see the lines marked mend.")
        raise typer.Exit(BAD_INPUT)
    screen.show("healthy")


def main() -> None:
    """Entry point: one sentence for a mistake, a way to go on after Ctrl-C, a traceback for what nobody foresaw."""
    sys.exit(status(sys.argv[1:]))


def status(arguments: list[str]) -> int:
    """Run a command line and return its exit status."""
    state.update(debug="--debug" in arguments, quiet=False, screen=None)
    try:
        left_with = int(app(arguments, standalone_mode=False) or 0)
        return interrupted() if left_with == INTERRUPTED else left_with  # typer turns Ctrl-C into this number
    except DeephedgeError as error:
        return refuse(error, str(error))
    except (KeyboardInterrupt, typer.Abort):
        return interrupted()
    except typer.Exit as leaving:
        return leaving.exit_code
    except Exception as error:
        if not hasattr(error, "format_message"):  # of a usage error; everything else was not foreseen
            raise
        return refuse(error, f"{error.format_message()} (see deephedge --help)")  # pyright: ignore


def _study(file: str, overrides: list[str] | None, data: str | None) -> "Study":
    from deephedge.studies import Study

    return Study.load(file, overrides or (), data)


def _run(folder: Path) -> tuple["Study", "RunFolder", "Screen"]:
    from deephedge.studies import RunFolder, Study
    from deephedge.studies.job import check_data, keep_compiled_programs

    keep_compiled_programs()
    place, screen = RunFolder.open(folder), new_screen()
    study = Study.of_run(place)
    check_data(study, place)
    screen.log = place.path / "run.log"
    return study, place, screen
