"""deephedge data: add, list, show, check, query."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from deephedge.cli.state import screen
from deephedge.core.errors import ConfigError, require

if TYPE_CHECKING:
    from deephedge.data.store import Store

app = typer.Typer(no_args_is_help=True, help="Data sets: add records, look at them, check them, query them.")

Name = Annotated[str, typer.Argument(metavar="NAME", help="A data set; an older snapshot of it is NAME@ID.")]
Where = Annotated[
    Path | None, typer.Option("--store", metavar="DIR", envvar="DEEPHEDGE_STORE", help="The store (default: ./store).")
]
Given = Annotated[
    list[str], typer.Argument(metavar="SOURCE... [KEY=VALUE]...", help="Files, folders, or a source such as Fred.")
]


@app.command()
def add(
    name: Name, given: Given, store: Where = None,
    layout: Annotated[str | None, typer.Option(help="How the files are laid out, if that is not recognised.")] = None,
    mapping: Annotated[Path | None, typer.Option(metavar="FILE", help="A TOML file that maps their columns.")] = None,
    since: Annotated[str | None, typer.Option(metavar="TIME", help="The first moment wanted, UTC.")] = None,
    until: Annotated[str | None, typer.Option(metavar="TIME", help="The first moment no longer wanted, UTC.")] = None,
    publisher: Annotated[str | None, typer.Option(help="Who published it.")] = None,
    licence: Annotated[str | None, typer.Option(help="Under which terms.")] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Leave out what the data set held before.")] = False,
) -> None:  # fmt: skip
    """Add records from files or from a source; what was there stays as an older snapshot."""
    from deephedge.studies import datasets

    shown, place = screen(), _store(store)
    snapshot = datasets.add(
        place, name, given, layout=layout, mapping=mapping, since=since, until=until, publisher=publisher,
        licence=licence, fresh=fresh, screen=shown,
    )  # fmt: skip
    shown.show(f"{datasets.named(snapshot)}: {snapshot.rows:,} rows from {snapshot.first[:10]} to {snapshot.last[:10]}")


@app.command("list")
def listing(store: Where = None) -> None:
    """The data sets there are."""
    from deephedge.studies import datasets

    screen().show(datasets.listing(_store(store)))


@app.command()
def show(name: Name, store: Where = None) -> None:
    """Where a data set came from, what was done to it, and its first and last rows."""
    from deephedge.studies import datasets

    screen().show(*datasets.shown(_store(store), name))


@app.command()
def check(
    name: Name, store: Where = None,
    page: Annotated[Path | None, typer.Option(metavar="FILE", help="Where the page goes (default: the store).")] = None,
    share: Annotated[float | None, typer.Option(min=0, max=1, help="Rows that may have errors (0.01).")] = None,
    repair: Annotated[
        str | None, typer.Option(metavar="errors|all", help="Do what these findings propose: a new snapshot.")
    ] = None,
) -> None:  # fmt: skip
    """What is wrong with a data set: on the screen and as a page; refused beyond the tolerance."""
    from rich.text import Text

    from deephedge.data.quality import require_accepted, text
    from deephedge.studies import datasets

    known = repair in (None, "errors", "all")
    require(known, f"--repair takes errors, or all (warnings too), was {repair!r}", ConfigError)
    shown = screen()
    report, written, better = datasets.check(_store(store), name, page=page, share=share, repair=repair, screen=shown)
    shown.show(Text(text(report)))
    shown.show(f"page: {written}")
    if better is not None:
        shown.show(
            f"repaired: {datasets.named(better)}, {better.rows:,} rows; what it was stays as {name}@{better.parent}"
        )
    require_accepted(report)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(metavar="SQL", help="One SELECT; data sets are tables.")], store: Where = None
) -> None:
    """Ask the store in SQL."""
    from deephedge.studies import datasets

    screen().show(datasets.asked(_store(store), sql))


def _store(place: Path | None) -> "Store":
    from deephedge.data.store import Store

    return Store(place) if place is not None else Store.home()
