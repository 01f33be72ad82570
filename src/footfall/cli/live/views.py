"""The command views: what is counted as it arrives, and its rows."""

from __future__ import annotations

from typing import Any

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stdout
from footfall.errors import InvalidQuery

LIST_COLUMNS = ("name", "title", "stream", "window", "keys", "measures")


@click.command()
@click.argument("view", required=False, metavar="[VIEW]")
@click.option("--since", metavar="TIME", help="Windows that end after a date, a time, or a span back from now such as 10m.")
@click.option("--until", metavar="TIME", help="Windows that begin before it.")
@click.option("--latest", is_flag=True, help="The newest window only.")
@click.option("--order", metavar="COLUMN", help="Largest of this column first within a window; -COLUMN: smallest first.")
@click.option("--limit", type=click.IntRange(min=1), metavar="N", help="How many rows at most.  [default: 1000]")
@click.option("--where", "conditions", multiple=True, metavar="COLUMN=VALUE", help="Rows with this value; several hold together, no value is null.")
@json_option
@csv_option
@pass_session
def views(session: Session, /, *, view: str | None, conditions: tuple[str, ...], as_json: bool, as_csv: bool, **options: Any) -> None:
    """Show what is counted as events arrive.

    Without VIEW every view is listed; with it its rows are shown, the newest window first.  A row says whether it is final: until the event clock has
    passed its window and the lateness, it may still change.

    footfall views pages --latest --order events --limit 10 shows the pages of the window that has just begun, the most visited first.
    """
    live = session.project.live
    given = {name: value for name, value in options.items() if value not in (None, False)}
    if view is None:
        if given or conditions:
            name = next(iter(given), "where")
            raise InvalidQuery(f"--{name} asks for rows, but of which view?", field="view", hint=f"write footfall views VIEW --{name} …")
        _list(live.views(), as_json=as_json, as_csv=as_csv)
        return
    from footfall.app.api.live_reading import columns_of, csv_of
    from footfall.app.api.questions import ViewAsked, asked_of, conditions_of

    schema = live.schema(view)
    document = live.view(view, asked_of(ViewAsked, given | {"where": conditions_of(conditions)}))
    if as_json:
        print_json(document)
    elif as_csv:
        click.echo(csv_of(document["rows"], columns_of(schema)), nl=False)
    else:
        _show(document)


def _list(known: list[dict[str, Any]], *, as_json: bool, as_csv: bool) -> None:
    if as_json:
        print_json({"views": known})
        return
    rows = [
        {
            **{name: one[name] for name in LIST_COLUMNS[:4]},
            "keys": _named(one, "key"),
            "measures": _named(one, "measure"),
        }
        for one in known
    ]
    if as_csv:
        from footfall.app.api.live_reading import csv_of

        click.echo(csv_of(rows, LIST_COLUMNS), nl=False)
    elif rows:
        from footfall.cli.table import print_rows

        for note in print_rows(rows, stdout()):
            say(note)
    else:
        say("no view has counted anything yet: start the project with footfall up and send it events")


def _named(view: dict[str, Any], role: str) -> str:
    return ", ".join(column["name"] for column in view["columns"] if column["role"] == role)


def _show(document: dict[str, Any]) -> None:
    from footfall.cli.table import ROWS_MAX, print_rows

    rows = [{name: _cell(value) for name, value in row.items()} for row in document["rows"]]
    for note in print_rows(rows[:ROWS_MAX], stdout(), total=len(rows)) if rows else []:
        say(note)
    clock = document["event_clock"] or "not set yet"
    say(f"{len(rows):,} {'row' if len(rows) == 1 else 'rows'} of {document['title']}, as of position {document['position']:,}, event clock {clock}")


def _cell(value: Any) -> Any:
    return " → ".join(map(str, value)) if isinstance(value, list) else value
