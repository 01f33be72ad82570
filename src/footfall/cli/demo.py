"""The command demo: a shop's history, or the user's own file, from nothing to answers and a report."""

from __future__ import annotations

from pathlib import Path

import click

from footfall.cli.session import Session, pass_session, stdout


@click.command()
@click.argument("system", type=click.Choice(["shop"]), default="shop", metavar="[shop]")
@click.option("--file", metavar="FILE", help="Answer questions about this file instead.")
@click.option("--map", "maps", multiple=True, metavar="TARGET=COLUMN", help="What a column of the file is, as in footfall import.")
@click.option("--events", type=click.IntRange(min=1_000), metavar="N", help="How many events the simulated history has.  [default: 1200000]")
@pass_session
def demo(session: Session, system: str, file: str | None, maps: tuple[str, ...], events: int | None) -> None:
    """See footfall at work: events, import, answers, a report.

    The project is made in the folder demo, or in the folder of -C, and begins afresh each time; a folder with anything else in it is left
    alone.
    """
    from footfall.app.demo import EVENTS, run_demo
    from footfall.cli.importing import mapping_of
    from footfall.cli.table import print_rows

    assert system == "shop", "the only system of the choice"
    folder = Path("demo") if session.folder == Path() else session.folder
    own = None if file is None else session.path(file)
    run_demo(folder, file=own, mapping=mapping_of(maps), events=events or EVENTS, console=stdout(), print_rows=print_rows)
