"""The command tail: lines of application logs, sent to the collector as they are written."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, say


@click.command()
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--format",
    "form",
    default="auto",
    show_default=True,
    metavar="FORMAT",
    help="common, combined, json, error, performance, or the server's own log_format.",
)
@click.option("--to", metavar="URL", help="The collector.  [default: the project's own]")
@click.option("--key", metavar="KEY", help="A write key of the collector.")
@click.option("--from", "begin", type=click.Choice(["start", "end"]), default="start", show_default=True, help="Where a file begins that is new.")
@click.option("--time-zone", metavar="ZONE", help="The zone of times without an offset.  [default: the project's, else UTC]")
@click.option("--once", is_flag=True, help="Read to the end of every file and stop.")
@json_option
@pass_session
def tail(
    session: Session,
    files: tuple[str, ...],
    *,
    form: str,
    to: str | None,
    key: str | None,
    begin: str,
    time_zone: str | None,
    once: bool,
    as_json: bool,
) -> None:
    """Send lines of application logs to the collector as they are written.

    Requests, errors and timings become rows of the table logs.  Files are followed through rotation, truncation and restarts, and each line
    is stored once; FILE may be a pattern in quotes, and a file that is not there yet.  A line that cannot be read becomes a dead letter.
    """
    from footfall.app.config import ProjectSection
    from footfall.app.front.stopping import noted_signals
    from footfall.app.front.tailing import Tail, TailOptions
    from footfall.errors import NotAProject

    zone, destination = "UTC", to
    try:
        project = session.project
    except NotAProject:
        if to is None:
            raise
    else:
        from footfall.app.front.running import collector_url

        zone, to, destination = project.config.project.time_zone, to or collector_url(project), to or "the project's own"
    if time_zone is not None:
        zone = ProjectSection(time_zone=time_zone).time_zone
    assert to is not None, "without a project it is asked for"
    options = TailOptions(form, zone, key, at_end=begin == "end", once=once, destination=destination)
    with noted_signals() as stopped:
        counts = Tail([session.path(file) for file in files], to, session.folder / ".footfall", options, say=_talk, stopped=stopped).run()
    if as_json:
        print_json(asdict(counts))
    else:
        say(f"sent {counts.sent:,} records in {counts.requests:,} requests, {counts.unreadable:,} of them lines that could not be read")


def _talk(sentence: str) -> None:
    say(sentence)
    sys.stderr.flush()
