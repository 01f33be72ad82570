"""One command for each analysis, made from its spec: the fields are the options, the docstring is the help."""

from __future__ import annotations

import inspect
import types
import typing
from typing import TYPE_CHECKING, Annotated, Any, Literal

import click
import msgspec

from footfall.cli.session import Session, say

if TYPE_CHECKING:
    from footfall.analyses.spec.answer import Answer
    from footfall.analyses.spec.contract import Analysis

_OUTPUT = ("as_json", "as_csv", "chart_file")


def command_of(kind: type[Analysis]) -> click.Command:
    """The command of an analysis."""
    parameters = [_parameter(kind, field) for field in msgspec.structs.fields(kind)]
    parameters.sort(key=lambda parameter: not isinstance(parameter, click.Argument))
    parameters += [
        click.Option(["--json", "as_json"], is_flag=True, help="Print one JSON object: definition, parameters, engine, as_of, rows."),
        click.Option(["--csv", "as_csv"], is_flag=True, help="Print the rows as CSV."),
        click.Option(["--chart", "chart_file"], metavar="FILE.html", help="Also draw the answer into one self-contained HTML file."),
    ]

    @click.pass_context
    def run(context: click.Context, /, **values: Any) -> None:
        ask(context.find_object(Session) or context.fail("no session"), kind, values)

    return click.Command(kind.name, params=parameters, callback=run, help=inspect.cleandoc(kind.__doc__ or kind.summary), short_help=kind.summary)


def ask(session: Session, kind: type[Analysis], values: dict[str, Any]) -> None:
    """Build the spec, ask the project, print the answer in the form that was wanted."""
    from footfall import clock
    from footfall.analyses.spec.build import build

    given = {name: value for name, value in values.items() if name not in _OUTPUT and value not in (None, ())}
    spec = build(kind, given)
    project = session.project
    started_s = clock.monotonic_s()
    answer = project.answer(spec)
    took_s = clock.monotonic_s() - started_s
    if values["as_json"]:
        click.echo(answer.to_json())
    elif values["as_csv"]:
        from footfall.cli.table import write_csv

        write_csv(answer.to_arrow())
    else:
        show(answer, took_s=took_s, events=project.engine().snapshot.rows)
    if values["chart_file"]:
        _write_chart(answer, values["chart_file"])


def show(answer: Answer, *, took_s: float, events: int) -> None:
    """The answer as a table on stdout; what it means on stderr."""
    from footfall.cli import table
    from footfall.cli.session import stdout

    say(answer.definition.split("\n\n")[0].partition("\n")[0])
    notes = list(answer.notes)
    if answer.rows:
        notes += table.print_rows(answer.rows, stdout(), chart=answer.analysis.chart)
    else:
        say(
            "There is nothing to count: no event meets these conditions." if events else "The lake is empty: import a file with footfall import FILE."
        )
    for note in notes:
        say(note)
    as_of = f"as of {table.cell('as_of', answer.as_of)}, " if answer.as_of else ""
    say(f"{as_of}{events:,} events in the lake, {table.duration(took_s)}")


def _write_chart(answer: Answer, file: str) -> None:
    from footfall.errors import StorageFailed

    try:
        answer.plot().write_html(file, include_plotlyjs=True)
    except OSError as problem:
        raise StorageFailed(
            f"the chart cannot be written to {file}: {problem.strerror}", got=file, hint="choose a file in a folder that you may write"
        ) from problem
    say(f"chart: {file}")


def _parameter(kind: type[Analysis], field: msgspec.structs.FieldInfo) -> click.Parameter:
    """A field as an argument (the positional one) or an option."""
    plain, description = _unwrap(field.type)
    several = typing.get_origin(plain) is tuple
    if field.name == kind.positional:
        metavar = field.name.rstrip("s").upper()
        return click.Argument([field.name], nargs=-1 if several else 1, required=field.required, metavar=f"[{metavar}]..." if several else metavar)
    options: dict[str, Any] = {"help": _sentence(description), "multiple": several}
    inner, _ = _unwrap(typing.get_args(plain)[0]) if several else (plain, "")
    flag = "--" + field.name.replace("_", "-")
    if inner is bool:
        return click.Option([f"{flag}/--no-{flag[2:]}", field.name], default=None, help=_with_default(options["help"], field))
    if typing.get_origin(inner) is Literal:
        options["type"] = click.Choice([str(choice) for choice in typing.get_args(inner)])
    else:
        options["metavar"] = _metavar(inner)
    options["help"] = _with_default(options["help"], field)
    return click.Option([flag, field.name], required=field.required, **options)


def _unwrap(kind: Any) -> tuple[Any, str]:
    """A type without its description and without `| None`."""
    description = ""
    if typing.get_origin(kind) is Annotated:
        kind, *metas = typing.get_args(kind)
        description = next((meta.description or "" for meta in metas if isinstance(meta, msgspec.Meta)), "")
    if typing.get_origin(kind) in (typing.Union, types.UnionType):
        inner = [member for member in typing.get_args(kind) if member is not type(None)]
        kind, more = _unwrap(inner[0])
        description = description or more
    return kind, description


def _metavar(kind: Any) -> str:
    names = {"Filter": "CONDITION", "Moment": "DATE", "int": "N", "float": "NUMBER", "str": "TEXT"}
    return names.get(kind.__name__, str(kind.__name__).upper())


def _sentence(text: str) -> str:
    return text[:1].upper() + text[1:]


def _with_default(text: str, field: msgspec.structs.FieldInfo) -> str:
    default = field.default
    if default in (msgspec.NODEFAULT, None, (), ""):
        return text
    shown = {True: "yes", False: "no"}.get(default, default) if isinstance(default, bool) else default
    return f"{text}  [default: {shown}]"
