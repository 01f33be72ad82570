"""The command sql: read-only SQL over the lake."""

from __future__ import annotations

import sys

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stdout


@click.command()
@click.argument("query", metavar="QUERY")
@json_option
@csv_option
@pass_session
def sql(session: Session, query: str, *, as_json: bool, as_csv: bool) -> None:
    """Run one reading query over the lake.

    QUERY is SQL in DuckDB's dialect over events, logs, identity, dead_letters, imports and the dimensions, or - to read it from stdin.  DESCRIBE events
    shows the columns.
    """
    result = session.project.sql(sys.stdin.read() if query == "-" else query)
    if as_json:
        print_json({"rows": result.to_pylist()})
        return
    if as_csv:
        from footfall.cli.table import write_csv

        write_csv(result)
        return
    from footfall.cli.table import ROWS_MAX, print_rows

    rows = result.slice(0, ROWS_MAX).to_pylist()
    for note in print_rows(rows, stdout(), total=len(result)) if rows else []:
        say(note)
    say(f"{len(result):,} {'row' if len(result) == 1 else 'rows'}")
