"""Write the generated parts of docs/: what lies between `<!-- generated: NAME -->` and `<!-- /generated -->`.

With --check nothing is written; the exit status is 1 when a page is stale.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import msgspec

from footfall import errors
from footfall.analyses.spec.contract import Analysis
from footfall.analyses.spec.menu import analyses
from footfall.app.config import LISTS, PREFIX, Config, describe
from footfall.cli.ask import command_of
from footfall.collect.routing import every_protocol
from footfall.collect.steps import PIPELINE
from footfall.event.drop import MEANING
from footfall.event.schema import EVENT_FIELDS, LOG_SCHEMA

DOCS = Path(__file__).resolve().parents[1] / "docs"
BLOCK = re.compile(r"(<!-- generated: (?P<name>\w+) -->\n).*?(<!-- /generated -->)", re.DOTALL)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]]) -> str:
    """A table in Markdown."""
    lines = [head, ("---",) * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "\\|") for cell in line) + " |" for line in lines) + "\n"


def settings() -> str:
    """Every key of footfall.toml."""
    rows = []
    for key, default, description in keys(Config, ""):
        variable = PREFIX + key.replace(".", "__").upper()
        rows.append((f"`{key}`", f"`{variable}`", default, description))
    lists = [field for field in msgspec.structs.fields(Config) if field.name in LISTS]
    return (
        table(("key", "environment", "default", "meaning"), rows)
        + "\n"
        + table(("tables, any number of each", "what they declare"), [(f"`[[{field.name}]]`", linked(describe(field.type))) for field in lists])
    )


def default_of(field: msgspec.structs.FieldInfo) -> str:
    """The default of a field as people write it; nothing where leaving it out means none."""
    default = field.default
    if field.required or default is msgspec.NODEFAULT or default in (None, "", ()):
        return ""
    return f"`{', '.join(map(str, default)) if isinstance(default, tuple) else default}`"


def fields_of(kind: type[msgspec.Struct], without: Sequence[str] = ()) -> str:
    """The keys of a table of footfall.toml."""
    rows = [
        (f"`{field.name}`", "required" if field.required else default_of(field), describe(field.type))
        for field in msgspec.structs.fields(kind)
        if field.name not in without
    ]
    return table(("key", "default", "meaning"), rows)


def linked(text: str) -> str:
    """The names of pages as links."""
    return re.sub(r"docs/([a-z-]+)\.md", r"[\1](\1.md)", text)


def prose(module: str) -> str:
    """What a module says of itself, without its name in front; tables and JSON in it as blocks."""
    paragraphs = inspect.cleandoc(sys.modules[module].__doc__ or "").split("\n\n")
    paragraphs[0] = re.sub(r"^\w+: (\w)", lambda match: match[1].upper(), paragraphs[0])
    for place, paragraph in enumerate(paragraphs):
        language = "toml" if paragraph.startswith("[[") else "json" if paragraph.startswith("{") else ""
        paragraphs[place] = f"```{language}\n{paragraph}\n```" if language else linked(paragraph.replace(".  ", ". "))
    return "\n\n".join(paragraphs) + "\n"


def keys(kind: type[msgspec.Struct], path: str) -> Iterator[tuple[str, str, str]]:
    """The leaves of the configuration: key, default, description."""
    from footfall.app.config import Dimension

    for field in msgspec.structs.fields(kind):
        key = f"{path}{field.name}"
        default = default_of(field)
        if field.name == "dimensions":
            yield from keys(Dimension, "dimensions.NAME.")
        elif field.name in LISTS:
            continue
        elif inspect.isclass(field.type) and issubclass(field.type, msgspec.Struct):
            yield from keys(field.type, f"{key}.")
        else:
            is_dictionary = "dict" in str(field.type)
            yield (f"{key}.NAME" if is_dictionary else key), ("" if is_dictionary else default), describe(field.type)


def error_codes() -> str:
    """Every leaf of the tree of errors."""
    rows = []
    for kind in vars(errors).values():
        if inspect.isclass(kind) and issubclass(kind, errors.FootfallError) and not kind.__subclasses__():
            summary = inspect.cleandoc(kind.__doc__ or "").split("\n")[0]
            rows.append((f"`{kind.code}`", str(kind.exit_status), summary))
    return table(("code", "exit status", "meaning"), rows)


def drops() -> str:
    """Every drop reason."""
    return table(("reason", "meaning"), [(f"`{reason.value}`", meaning) for reason, meaning in MEANING.items()])


def protocols() -> str:
    """Who may send, and where to."""
    rows = []
    for protocol in every_protocol():
        paths = dict.fromkeys(route.path for route in protocol.routes if route.reply is None)
        rows.append((protocol.title, ", ".join(f"`{path}`" for path in paths)))
    return table(("SDKs of", "paths"), rows)


def steps() -> str:
    """What happens to a request, in order."""
    return table(("step", "what it does"), [(f"`{step.__name__}`", inspect.cleandoc(step.__doc__ or "").split("\n")[0]) for step in PIPELINE])


def columns() -> str:
    """The columns of an event."""
    own = [(f"`{field.name}`", str(field.type)) for field in EVENT_FIELDS]
    own += [("`time_us`", "int64: `event_time` in microseconds since 1970"), ("`local_us`", "int64: the same on the clock of the project's zone")]
    own += [("`day`", "int64: days since 1970-01-01 on that clock"), ("promoted columns", "as `[events.columns]` declares them")]
    return table(("column", "type"), own)


def log_columns() -> str:
    """The columns of a line of an application log."""
    return table(("column", "type"), [(f"`{field.name}`", str(field.type)) for field in LOG_SCHEMA])


def questions() -> str:
    """Every analysis: its definition and parameters."""
    return "\n".join(question(kind) for kind in analyses().values())


def question(kind: type[Analysis]) -> str:
    """One analysis as a section."""
    options = []
    for parameter in command_of(kind).params:
        text = getattr(parameter, "help", None) or next(
            describe(field.type) for field in msgspec.structs.fields(kind) if field.name == parameter.name
        )
        name = (
            " / ".join(sorted(parameter.opts + parameter.secondary_opts, key=len))
            if parameter.param_type_name == "option"
            else parameter.human_readable_name
        )
        if parameter.name not in ("as_json", "as_csv", "chart_file"):
            options.append((f"`{name}`", text))
    definition = inspect.cleandoc(kind.__doc__ or "")
    return f"## {kind.name}\n\n{definition}\n\n{table(('parameter', 'meaning'), options)}"


def actions() -> str:
    """Every kind of action: its summary and keys."""
    from footfall.connectors.actions.settings import KINDS, Notification

    shared = [field.name for field in msgspec.structs.fields(Notification)]
    parts = [f"### all kinds\n\n{inspect.cleandoc(Notification.__doc__ or '')}\n\n{fields_of(Notification)}"]
    parts += [f"### `{kind}`\n\n{inspect.cleandoc(struct.__doc__ or '')}\n\n{fields_of(struct, shared)}" for kind, struct in KINDS.items()]
    return "\n".join(parts)


def built_in_views() -> str:
    """The views that every project has."""
    from footfall.app.live.built_in import VIEWS
    from footfall.stream.active import SPAN_US, ActiveNow
    from footfall.stream.window import window

    (active,) = ActiveNow(lateness_us=0).views
    now = f"none: the last {SPAN_US // 60_000_000} minutes"
    rows = [("active", active.title, active.stream, [one.name for one in active.keys], now, "`people`: different people")]
    for view in VIEWS.values():
        measured = view.measures.items() if isinstance(view.measures, dict) else ((one, one) for one in view.measures)
        measures = ", ".join(f"`{name}`: {text}" for name, text in measured)
        rows.append((view.name, view.title, view.stream, list(view.keys), str(window(view.window, field="window")), measures))
    head = ("view", "what it shows", "stream", "keys", "window", "measures")
    return table(head, [(f"`{name}`", title, stream, ", ".join(f"`{key}`" for key in keyed), *rest) for name, title, stream, keyed, *rest in rows])


def view_keys() -> str:
    """The keys of a [[view]]."""
    from footfall.stream.view import View

    return fields_of(View)


def rules() -> str:
    """What every rule has, and every kind: its definition and keys."""
    from footfall.rules.contract import Rule
    from footfall.rules.menu import every_rule

    shared = [field.name for field in msgspec.structs.fields(Rule)]
    parts = [f"### all kinds\n\nWhat every rule has, beside its `kind`.\n\n{fields_of(Rule)}"]
    parts += [f"### `{name}`\n\n{prose(kind.__module__)}\n{fields_of(kind, shared)}" for name, kind in every_rule().items()]
    return "\n".join(parts)


def linear_model() -> str:
    """The format of saved models."""
    import footfall.rules.linear

    return prose(footfall.rules.linear.__name__)


PARTS: dict[str, Callable[[], str]] = {
    "actions": actions,
    "built_in_views": built_in_views,
    "view_keys": view_keys,
    "rules": rules,
    "linear_model": linear_model,
    "settings": settings,
    "errors": error_codes,
    "drops": drops,
    "columns": columns,
    "log_columns": log_columns,
    "protocols": protocols,
    "steps": steps,
    "analyses": questions,
}


def written(text: str) -> str:
    """A page with its generated parts as they should be."""
    return BLOCK.sub(lambda match: f"{match[1]}\n{PARTS[match['name']]()}\n{match[3]}", text)


def main(arguments: list[str]) -> int:
    """Write, or check, every page; the exit status."""
    stale = []
    for page in sorted(DOCS.rglob("*.md")):
        text = page.read_text(encoding="utf-8")
        if written(text) != text:
            stale.append(page.name)
            if "--check" not in arguments:
                page.write_text(written(text), encoding="utf-8")
    if stale:
        print(("stale: " if "--check" in arguments else "written: ") + ", ".join(stale))
    return 1 if stale and "--check" in arguments else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
