"""What all commands share: the options given before them, and the screen of the one that runs."""

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from deephedge.studies import Screen

state: dict[str, Any] = {"debug": False, "quiet": False, "screen": None}


def screen() -> "Screen":
    """A screen for the command that runs now."""
    from deephedge.studies import Screen

    found = Screen.standard()
    if state["quiet"]:
        found.err = None
    state["screen"] = found
    return found
