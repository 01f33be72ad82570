"""Commands about what the lake holds: compact, erase, expire, imports."""

from __future__ import annotations

import sys
from dataclasses import asdict

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stdout


@click.command()
@click.option("--force", is_flag=True, help="Rewrite every file, sorted ones too.")
@json_option
@pass_session
def compact(session: Session, *, force: bool, as_json: bool) -> None:
    """Merge small files into sorted ones."""
    report = session.project.compact(force=force)
    if as_json:
        print_json(asdict(report))
        return
    say(
        f"{report.files_before:,} files of {report.bytes_before:,} bytes became {report.files_after:,} of {report.bytes_after:,}, {report.rows:,} events"
    )


@click.command()
@click.argument("person", metavar="PERSON")
@click.option("--yes", is_flag=True, help="Do not ask.")
@json_option
@pass_session
def erase(session: Session, person: str, *, yes: bool, as_json: bool) -> None:
    """Remove a person for good, under every id, from lake, log, views and alerts.

    Events, dead letters and log lines go, also those of ids that were joined to the given one.

    PERSON is a user_id, or the anonymous_id of somebody without one.  Afterwards every remaining file is read, and the number of rows
    of that person that are still there is printed: 0.
    """
    from footfall.errors import InvalidQuery

    project = session.project
    if not yes:
        if not sys.stdin.isatty():
            raise InvalidQuery("erasing cannot be undone, and nobody is here to be asked", field="yes", hint=f"run footfall erase {person} --yes")
        click.confirm(f"Remove every event of {person!r} for good?", abort=True, err=True)
    report = project.erase(person)
    if as_json:
        print_json(asdict(report))
        return
    say(f"removed {report.events:,} events and {report.dead_letters:,} dead letters of {person!r}, {report.files_rewritten:,} files rewritten")
    if report.view_rows:
        say(f"removed {report.view_rows:,} rows of views and alerts")
    if report.log_emptied is False:
        say("the event log still holds what was accepted last: run the same command again once it has landed (footfall doctor)")
    click.echo(f"found in the remaining files: {report.found_after:,}")


@click.command()
@click.option("--before", required=True, metavar="DATE", help="Remove events older than this date or time.")
@json_option
@pass_session
def expire(session: Session, before: str, *, as_json: bool) -> None:
    """Remove events and log lines older than a date or time."""
    removed = session.project.expire(before)
    if as_json:
        print_json({"before": before, "removed": removed})
    else:
        say(f"removed {removed:,} events older than {before}")


@click.command()
@json_option
@csv_option
@pass_session
def imports(session: Session, *, as_json: bool, as_csv: bool) -> None:
    """Show every imported file with its counts."""
    records = session.project.imports()
    if as_json:
        print_json({"rows": [asdict(record) | {"reasons": dict(record.reasons)} for record in records]})
    elif as_csv:
        from footfall.cli.table import write_csv

        write_csv(session.project.sql("SELECT * FROM imports"))
    elif records:
        from footfall.cli.table import print_rows

        names = ("imported_time", "file", "size_bytes", "read", "stored", "duplicate", "dead_lettered")
        print_rows([{name: getattr(record, name) for name in names} for record in records], stdout())
    else:
        say("nothing was imported yet")
