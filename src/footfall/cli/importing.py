"""The command import: files in, a progress bar while they come, a summary that reconciles."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any

import click

from footfall.cli.session import Session, json_option, pass_session, print_json, say, stderr, stdout
from footfall.errors import InvalidQuery

if TYPE_CHECKING:
    from footfall.app.import_summary import Explanation, FileExplanation, ImportSummary


@click.command("import")
@click.argument("files", nargs=-1, required=True, metavar="FILE...")
@click.option(
    "--map", "maps", multiple=True, metavar="TARGET=COLUMN", help="Fill user_id, name, event_time, … from a column; TARGET==TEXT is a constant."
)
@click.option("--format", metavar="FORMAT", help="csv, ndjson, json, parquet, log or records.  [default: seen from the file]")
@click.option("--delimiter", metavar="CHARACTER", help="What separates the fields of a line.  [default: seen from the file]")
@click.option("--encoding", metavar="NAME", help="The encoding of text, such as utf-8 or latin-1.  [default: seen from the file]")
@click.option("--header/--no-header", default=None, help="Whether the first line names the columns.  [default: seen from the file]")
@click.option(
    "--null", "nulls", multiple=True, metavar="TEXT", help="A text that means nothing in user_id and anonymous_id; COLUMN:TEXT for one column."
)
@click.option("--empty", "empties", multiple=True, metavar="COLUMN:TEXT", help="What an empty cell of a column stands for, e.g. case_id:NA.")
@click.option("--time-zone", metavar="ZONE", help="The zone of times without an offset.  [default: the project's]")
@click.option("--time-format", metavar="FORMAT", help="A strptime pattern, an epoch unit (s, ms, us, ns) or an order of dates (ymd, dmy, mdy).")
@click.option("--records", multiple=True, metavar="RULE", help="A rule of files whose lines carry state, such as C:user_id=2 and V:name=1.")
@click.option("--explain", is_flag=True, help="Show format, mapping and a preview, and write nothing.")
@click.option("--no-compact", is_flag=True, help="Leave the sorting of the lake's files for later.")
@json_option
@pass_session
def import_command(
    session: Session, /, files: tuple[str, ...], maps: tuple[str, ...], *, explain: bool, no_compact: bool, as_json: bool, **options: Any
) -> None:
    """Import events from files, folders and globs.

    CSV, TSV, NDJSON, one JSON array, Parquet and web server logs, plain or compressed.  The same file twice changes no answer; an import that
    breaks off leaves the lake as it was.  Rows that cannot be used become dead letters, and read = stored + duplicate + dead-lettered.
    """
    project = session.project
    paths = [session.path(file) for file in files]
    mapping = mapping_of(maps)
    given = {name: value for name, value in options.items() if value not in (None, ())}
    if explain:
        explanation = project.explain_files(*paths, mapping=mapping, **given)
        if as_json:
            print_json(explanation.to_dict())
        else:
            _show_explanation(explanation)
        return
    if not mapping and not as_json:
        for one in project.explain_files(*paths, **given).files:
            say(f"{one.file}: {one.format}, read as {' '.join(one.flags)}")
    with _progress(shown=not as_json) as tell:
        summary = project.import_files(*paths, mapping=mapping, compact=not no_compact, progress=tell, **given)
    if as_json:
        print_json(summary.to_dict())
    else:
        _show_summary(summary)


def mapping_of(maps: tuple[str, ...]) -> dict[str, str]:
    """TARGET=COLUMN as typed -> target -> column."""
    mapping: dict[str, str] = {}
    for text in maps:
        target, equals, column = text.partition("=")
        if not equals or not target:
            raise InvalidQuery(f"--map {text} names no column", field="map", got=text, hint="write --map user_id=COLUMN")
        if target in mapping:
            raise InvalidQuery(f"--map fills {target} twice", field="map", got=text, hint="keep one of them")
        mapping[target.strip()] = column
    return mapping


@contextmanager
def _progress(*, shown: bool) -> Iterator[Callable[[int, int, int], None] | None]:
    """A bar on stderr when a person looks at it: bytes, rows, rows a second, the time that is left."""
    if not shown or not sys.stderr.isatty():
        yield None
        return
    from rich import progress as bar

    columns = (
        bar.BarColumn(),
        bar.DownloadColumn(),
        bar.TextColumn("{task.fields[rows]:,} rows, {task.fields[speed]:,.0f}/s"),
        bar.TimeRemainingColumn(),
    )
    with bar.Progress(bar.TextColumn("import"), *columns, console=stderr(), transient=True) as display:
        task = display.add_task("import", total=None, rows=0, speed=0.0)

        def tell(done: int, total: int, rows: int) -> None:
            elapsed_s = display.tasks[0].elapsed or 0.0
            display.update(task, completed=done, total=total, rows=rows, speed=rows / elapsed_s if elapsed_s else 0.0)

        yield tell


def _show_summary(summary: ImportSummary) -> None:
    from footfall.cli.table import print_rows

    names = ("file", "read", "stored", "duplicate", "dead_lettered", "seconds", "rows_per_s")
    rows = [{name: getattr(file, name) for name in names} for file in summary.files]
    if len(rows) > 1:
        rows.append({"file": "total", **{name: getattr(summary, name) for name in names[1:]}})
    if rows:
        print_rows(rows, stdout())
    for file in summary.files:
        if file.note:
            say(f"{file.file}: {file.note}")
        for reason, refusal in file.reasons.items():
            lines = ", ".join(str(line) for line in refusal.lines)
            say(f"{file.file}: {refusal.count:,} dead letters of {reason}, first on lines {lines}: {refusal.example}")
    for name, reason in summary.unread.items():
        say(f"not read: {name}: {reason}")
    for warning in summary.warnings:
        say(f"note: {warning}")
    say(f"read {summary.read:,} = stored {summary.stored:,} + duplicate {summary.duplicate:,} + dead-lettered {summary.dead_lettered:,}")
    if summary.dead_lettered:
        say("footfall deadletters shows the rows that could not be stored")


def _show_explanation(explanation: Explanation) -> None:
    for file in explanation.files:
        _show_file(file)
    for name, reason in explanation.unread.items():
        say(f"not read: {name}: {reason}")
    say("Nothing was written.")


def _show_file(file: FileExplanation) -> None:
    from footfall.cli.table import print_rows

    say(f"{file.file}: {file.format}, {file.encoding}, times without an offset in {file.time_zone}")
    print_rows([{"target": target, "from": source, "why": file.reasons.get(target, "")} for target, source in file.mapping.items()], stdout())
    say(f"the same in words: {' '.join(file.flags)}")
    if file.promoted:
        say(f"columns of their own: {', '.join(file.promoted)}")
    if file.properties:
        say(f"kept in properties: {', '.join(file.properties)}")
    if file.preview:
        hidden = ("person_key", "position", "received_time", "event_id")
        rows = [{name: value for name, value in row.items() if name not in hidden} for row in file.preview]
        for note in print_rows(rows, stdout()):
            say(note)
    for letter in file.letters:
        say(f"line {letter.line}: {letter.reason}: {letter.detail}")
    for note in file.notes:
        say(f"note: {note}")
