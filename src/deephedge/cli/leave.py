"""How a command leaves: one sentence for a mistake, the way to go on after Ctrl-C."""

import shlex
import sys

import typer

from deephedge.cli.state import state

BAD_INPUT, INTERRUPTED = 2, 130


def version_of(asked: bool) -> bool:
    """Print the version and leave, before a command is missed."""
    if asked:
        from deephedge import __version__

        typer.echo(f"deephedge {__version__}")
        raise typer.Exit()
    return asked


def refuse(error: Exception, message: str) -> int:
    """Print the mistake, and return the status of one; with ``--debug`` raise it."""
    if state["debug"]:
        raise error
    print(f"error: {' '.join(message.split())}", file=sys.stderr)
    return BAD_INPUT


def interrupted() -> int:
    """Say how to go on, and return the status of an interruption."""
    screen = state["screen"]
    place = getattr(screen, "folder", None)
    again = shlex.join(["deephedge", *sys.argv[1:]])
    again += "" if "--resume" in sys.argv else " --resume"
    told = f"interrupted; {place} holds all that is done, go on with: {again}" if place else "interrupted"
    print(f"\n{told}", file=sys.stderr)
    return INTERRUPTED
