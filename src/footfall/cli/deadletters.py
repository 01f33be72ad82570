"""The command deadletters: what could not be stored, looked at, mended and sent again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, TypeVar

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stdout
from footfall.errors import InvalidQuery

if TYPE_CHECKING:
    from footfall.app.front.letters import Letter, LetterFilter
    from footfall.app.front.repairing import Repaired

Command = TypeVar("Command", bound=Callable[..., Any])
SHOWN = 3
CELL_MAX = 200


class _WithList(click.Group):
    """Without a subcommand the letters are listed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        if not args or (args[0] not in self.commands and args[0] not in ("-h", "--help")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def _filters(command: Command) -> Command:
    """The options that choose letters."""
    for option in reversed(
        (
            click.option("--reason", metavar="REASON", help="Letters with this reason, such as missing_person."),
            click.option("--source", metavar="NAME", help="Letters of this application."),
            click.option("--protocol", metavar="NAME", help="Letters that came by this protocol."),
            click.option("--since", metavar="TIME", help="Letters since a date or time, or within a span such as 24h."),
            click.option("--contains", metavar="TEXT", help="Letters with this text in the row, the detail or the file."),
            click.option("--id", "ids", multiple=True, metavar="ID", help="This letter; may be given several times."),
            click.option("--all", "replayed", is_flag=True, help="Also letters that were replayed."),
        )
    ):
        command = option(command)
    return command


@click.group(cls=_WithList)
def deadletters() -> None:
    """Look at what could not be stored, mend it, send it again.

    A dead letter keeps the row, where it came from, and what was wrong.  Without a subcommand the letters are listed.
    """


@deadletters.command("list")
@_filters
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many are shown, newest first.")
@json_option
@csv_option
@pass_session
def list_letters(session: Session, /, *, limit: int, as_json: bool, as_csv: bool, **filters: Any) -> None:
    """Show the rows that could not be stored, and why."""
    from footfall.app.front.letters import letter_table, letters_of, summary

    found = letters_of(session.project, _filter(filters))
    shown = found[:limit]
    if as_csv:
        from footfall.cli.table import write_csv

        write_csv(letter_table(shown))
    elif as_json:
        print_json({"total": len(found), "reasons": summary(found), "rows": shown})
    elif found:
        from footfall.cli.table import print_rows

        names = ("letter_id", "reason", "detail", "row", "file", "line", "protocol", "source", "received_time", "state")
        for note in print_rows([{name: _cut(letter[name]) for name in names} for letter in shown], stdout()):
            say(note)
        say(", ".join(f"{count:,} {reason}" for reason, count in summary(found).items()))
        say(f"{len(shown):,} of {len(found):,} dead letters")
    else:
        say("there are no dead letters")


@deadletters.command()
@click.argument("letter_id", metavar="ID")
@json_option
@pass_session
def show(session: Session, letter_id: str, *, as_json: bool) -> None:
    """Show one letter whole, with what its reason means."""
    from footfall.app.front.letters import letter_of
    from footfall.cli.table import cell
    from footfall.event.drop import MEANING, DropReason

    letter = letter_of(session.project, letter_id)
    meaning = MEANING[DropReason(letter["reason"])] if letter["reason"] in set(DropReason) else ""
    if as_json:
        print_json(letter | {"meaning": meaning})
        return
    for name, value in letter.items():
        if value is not None and name != "row":
            click.echo(f"{name:>14}  {cell(name, value)}" + (f"  ({meaning})" if name == "reason" and meaning else ""))
    click.echo(f"{'row':>14}  {cell('row', letter['row'])}")


def _expressions(command: Command) -> Command:
    for option in reversed(
        (
            click.option("--sql", metavar="QUERY", help="SELECT letter_id, … FROM letters: one row a letter, its columns the members of the event."),
            click.option("--python", metavar="EXPRESSION", help="One object of an event's members, made of row (JSON), text, source and so on."),
        )
    ):
        command = option(command)
    return command


@deadletters.command()
@_filters
@_expressions
@click.option("--dry-run", is_flag=True, help="Only show; repair never sends anything, so this is what it does anyway.")
@json_option
@pass_session
def repair(session: Session, /, *, sql: str | None, python: str | None, dry_run: bool, as_json: bool, **filters: Any) -> None:
    """Try an expression on letters: what becomes of the first ones, and how many would be taken.

    Nothing is sent or changed; footfall deadletters replay with the same options does that.
    """
    del dry_run
    if sql is None and python is None:
        raise InvalidQuery("repair needs an expression", field="python", hint="give --sql or --python; see docs/dead-letters.md")
    made = _made(session, filters, sql, python)
    good = [one for one in made if one.problem is None]
    if as_json:
        rows = [{"letter_id": one.letter["letter_id"], "before": one.letter["row"], "after": one.item, "problem": one.problem} for one in made]
        print_json({"letters": len(made), "repaired": len(good), "rows": rows})
        return
    for one in [*good[:SHOWN], *[one for one in made if one.problem is not None][:SHOWN]]:
        _show_repaired(one)
    say(f"{len(good):,} of {len(made):,} letters would be taken; footfall deadletters replay sends them")


@deadletters.command()
@_filters
@_expressions
@click.option("--to", metavar="URL", help="The collector.  [default: the project's own, started for the moment if need be]")
@click.option("--key", metavar="KEY", help="A write key of the collector.")
@click.option("--dry-run", is_flag=True, help="Show what would be sent, and send nothing.")
@json_option
@pass_session
def replay(
    session: Session, /, *, sql: str | None, python: str | None, to: str | None, key: str | None, dry_run: bool, as_json: bool, **filters: Any
) -> None:
    """Send letters again, mended by an expression or as they are.

    Each is stored once however often this runs: an event keeps its id, or gets one made of the letter's.  Letters that were taken are
    marked and shown no more; the others stay.
    """
    from footfall.app.front.repairing import replay as send

    made = _made(session, filters, sql, python)
    if dry_run:
        for one in made[:SHOWN]:
            _show_repaired(one)
        say(f"{sum(one.problem is None for one in made):,} of {len(made):,} letters would be sent; nothing was")
        return
    counts = send(session.project, made, to=to, key=key, say=say)
    if as_json:
        print_json(asdict(counts))
        return
    for problem, count in counts.problems.items():
        say(f"{count:,} left: {problem}")
    say(f"{counts.letters:,} letters = {counts.stored:,} stored + {counts.duplicate:,} that were stored before + {counts.left:,} left")


def _filter(filters: dict[str, Any]) -> LetterFilter:
    from footfall.app.front.letters import LetterFilter

    return LetterFilter(**filters)


def _made(session: Session, filters: dict[str, Any], sql: str | None, python: str | None) -> list[Repaired]:
    from footfall.app.front.letters import letters_of
    from footfall.app.front.repairing import repair as mend

    letters: list[Letter] = letters_of(session.project, _filter(filters))
    return mend(session.project, letters, sql=sql, python=python)


def _show_repaired(one: Repaired) -> None:
    import msgspec

    from footfall.cli.table import cell

    after = f"problem: {one.problem}" if one.problem is not None else msgspec.json.encode(one.item).decode()
    click.echo(f"{one.letter['letter_id']}\n  before  {cell('row', one.letter['row'])}\n  after   {cell('row', after)}")


def _cut(value: Any) -> Any:
    return value[:CELL_MAX] if isinstance(value, str) else value
