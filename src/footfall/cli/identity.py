"""The command identity: who is who, joined and taken apart."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from footfall.cli.session import Session, csv_option, json_option, pass_session, print_json, say, stdout
from footfall.errors import InvalidQuery

if TYPE_CHECKING:
    import pyarrow as pa

SHOWN = ("position", "time", "kind", "a", "b", "undoes", "outcome", "source")


@click.group()
def identity() -> None:
    """See which ids are one person; join them, or take a join back.

    The ledger only grows: what joins two ids is a line at a position, and a line can be taken back.
    """


@identity.command("list")
@click.option("--person", metavar="ID", help="Lines that name one of this person's ids.")
@click.option("--limit", type=click.IntRange(min=1), default=50, show_default=True, metavar="N", help="How many are shown, newest first.")
@json_option
@csv_option
@pass_session
def list_(session: Session, person: str | None, limit: int, *, as_json: bool, as_csv: bool) -> None:
    """Show the ledger's lines and what became of each."""
    import pyarrow as pa

    from footfall.app.front.identity import naming

    resolved = session.project.identity()
    lines = resolved.lines if person is None else naming(resolved.lines, resolved.cluster(person))
    shown = lines.take(pa.array(range(len(lines) - 1, max(-1, len(lines) - 1 - limit), -1), pa.int64()))
    if as_csv:
        from footfall.cli.table import write_csv

        write_csv(shown)
    elif as_json:
        print_json({"total": len(lines), "rows": shown.to_pylist()})
    elif len(shown):
        _print_lines(shown)
        say(f"{len(shown):,} of {len(lines):,} lines; {len(resolved):,} ids stand for somebody else")
    else:
        say("the identity ledger has no such line" if person else "the identity ledger is empty")


@identity.command()
@click.argument("person", metavar="ID")
@json_option
@pass_session
def show(session: Session, person: str, *, as_json: bool) -> None:
    """Show a person: every id, and the lines that name one."""
    import pyarrow as pa

    from footfall.app.front.identity import about

    found = about(session.project, person)
    if as_json:
        print_json(found)
        return
    click.echo(f"person: {found['person_id']}")
    click.echo(f"ids: {', '.join(found['ids'])}")
    if found["lines"]:
        _print_lines(pa.Table.from_pylist(found["lines"]))


@identity.command()
@click.argument("a", metavar="A")
@click.argument("b", metavar="B")
@json_option
@pass_session
def merge(session: Session, a: str, b: str, *, as_json: bool) -> None:
    """Make A the same person as B, who keeps the name."""
    from footfall.app.front.identity import merge as merged

    line = merged(session.project, a, b)
    if as_json:
        print_json(line)
    else:
        say(f"{a} is {b} from position {line['position']} on; footfall identity undo {line['position']} takes it back")


@identity.command()
@click.argument("position", type=int, metavar="POSITION")
@click.argument("pair", nargs=-1, metavar="[A B]")
@json_option
@pass_session
def undo(session: Session, position: int, pair: tuple[str, ...], *, as_json: bool) -> None:
    """Take back the line at POSITION.

    Where two lines share a position, A and B say which one.
    """
    from footfall.app.front.identity import undo as undone

    if len(pair) not in (0, 2):
        raise InvalidQuery("undo takes a position, or a position and two ids", field="pair", got=" ".join(pair), hint="see footfall identity list")
    line = undone(session.project, position, (pair[0], pair[1]) if pair else None)
    if as_json:
        print_json(line)
    else:
        say(f"the line at position {position} ({line['a']}, {line['b']}) counts no longer; footfall identity undo {line['position']} brings it back")


def _print_lines(lines: pa.Table) -> None:
    from footfall.cli.table import print_rows

    rows: list[dict[str, Any]] = [{name: row[name] for name in SHOWN} for row in lines.to_pylist()]
    print_rows(rows, stdout())
