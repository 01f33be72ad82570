"""The command import: files in, one line of progress, a summary that reconciles."""

from __future__ import annotations

import click

from footfall.cli.session import Session, json_option, pass_session


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--map", "mapping", multiple=True, metavar="TARGET=COLUMN", help="Fill TARGET (user_id, name, event_time, ...) from a column of the file."
)
@json_option
@pass_session
def import_command(session: Session, files: tuple[str, ...], mapping: tuple[str, ...], *, as_json: bool) -> None:
    """Import events from files, folders and globs."""
    session.project.import_files(*[session.path(file) for file in files], mapping=mapping)
