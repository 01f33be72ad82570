"""Which column of a file is what: the mapping from a source's columns to an event's fields.

As a user types it: `user_id=COLUMN` takes a column, `name==purchase` a constant, `event_time=day+offset:ms` a column plus another
one that counts milliseconds (s, ms or us).
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from footfall.errors import InvalidQuery, UnknownColumn, nearest
from footfall.event.plan import TrackingPlan
from footfall.event.schema import EVENT_SCHEMA, MAPPABLE

DELAY_UNITS = {"s": 1_000_000, "ms": 1_000, "us": 1}


class EventMapping(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Target field -> column, target field -> constant, the column added to event_time, and the texts that mean null per column.

    `nulls` holds literals for user_id and anonymous_id under "", and for one column under its name; `empties` says what an empty cell of a
    column stands for.
    """

    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    delay: tuple[str, str] | None = None
    nulls: dict[str, tuple[str, ...]] = {}
    empties: dict[str, str] = {}

    def flags(self) -> tuple[str, ...]:
        """The mapping as the command line takes it."""
        flags = []
        for target, column in self.columns.items():
            delay = f"+{self.delay[0]}:{self.delay[1]}" if target == "event_time" and self.delay else ""
            flags.append(f"--map {_quoted(f'{target}={column}{delay}')}")
        flags += [f"--map {_quoted(f'{target}=={value}')}" for target, value in self.constants.items()]
        flags += [
            f"--null {_quoted(f'{column}:{literal}' if column else literal)}" for column, literals in self.nulls.items() for literal in literals
        ]
        flags += [f"--empty {_quoted(f'{column}:{text}')}" for column, text in self.empties.items()]
        return tuple(flags)

    def text(self) -> str:
        """The mapping as stable JSON text: equal mappings give equal text."""
        return json.dumps(msgspec.to_builtins(self), sort_keys=True, ensure_ascii=False)

    def sources(self) -> frozenset[str]:
        """Every column that the mapping reads."""
        return frozenset(self.columns.values()) | ({self.delay[0]} if self.delay else frozenset())


def _quoted(text: str) -> str:
    plain = all(letter.isalnum() or letter in "_-.=+/:@" for letter in text)
    return text if plain else "'" + text.replace("'", "'\\''") + "'"


def parse_mapping(wanted: Mapping[str, str], plan: TrackingPlan, *, nulls: Iterable[str] = (), empties: Iterable[str] = ()) -> EventMapping:
    """What a user typed, checked against the fields an event has; columns are checked when a file is open."""
    targets = (*MAPPABLE, *plan.columns)
    columns: dict[str, str] = {}
    constants: dict[str, str] = {}
    delay = None
    for target, source in wanted.items():
        if target not in targets:
            near = nearest(target, targets)
            own = target in EVENT_SCHEMA.names
            raise UnknownColumn(
                f"{target!r} is footfall's own field and takes no column" if own else f"events have no field {target!r} to map a column to",
                field="map",
                got=target,
                allowed=targets,
                hint=(f"did you mean {', '.join(near)}? " if near else "")
                + "a property becomes a column of its own when [events.columns] in footfall.toml declares it; otherwise it stays in properties unmapped",
            )
        if source.startswith("="):
            constants[target] = source[1:]
        elif not source:
            raise InvalidQuery(f"the mapping of {target!r} names no column", field="map", got=f"{target}=", hint=f"write --map {target}=COLUMN")
        else:
            columns[target] = source
    if "+" in columns.get("event_time", "") and columns["event_time"].rpartition(":")[2] in DELAY_UNITS:
        base, _, rest = columns["event_time"].partition("+")
        added, _, unit = rest.rpartition(":")
        columns["event_time"], delay = base, (added, unit)
    by_column: dict[str, tuple[str, ...]] = {}
    for literal in nulls:
        column, colon, value = literal.rpartition(":")
        key, text = (column, value) if colon and column else ("", literal)
        by_column[key] = (*by_column.get(key, ()), text)
    return EventMapping(columns, constants, delay, by_column, dict(_empty(text) for text in empties))


def _empty(text: str) -> tuple[str, str]:
    column, colon, value = text.rpartition(":")
    if not (column and colon and value):
        raise InvalidQuery(
            f"{text!r} does not say what an empty cell stands for", field="empty", got=text, hint="write --empty COLUMN:TEXT, e.g. --empty case_id:NA"
        )
    return column, value


def check_columns(mapping: EventMapping, columns: Sequence[str], file: str) -> None:
    """UnknownColumn when the mapping names a column that the file lacks."""
    for target, column in [*mapping.columns.items(), *((["event_time", mapping.delay[0]],) if mapping.delay else ())]:
        if column not in columns:
            raise unknown_column(column, columns, file, target)
    for column in (*mapping.nulls, *mapping.empties):
        if column and column not in columns:
            raise unknown_column(column, columns, file, None)


def unknown_column(column: str, columns: Sequence[str], file: str, target: str | None) -> UnknownColumn:
    """The error for a column that a file does not have."""
    near = nearest(column, columns)
    seen = ", ".join(columns[:30]) + (" …" if len(columns) > 30 else "")
    return UnknownColumn(
        f"{file} has no column {column!r}",
        field="map" if target else "null",
        got=column,
        allowed=tuple(columns),
        hint=(f"did you mean {', '.join(near)}? " if near else "") + f"its columns: {seen}",
    )


def describe(mapping: EventMapping) -> dict[str, Any]:
    """The mapping for people and JSON: target -> column, or =constant."""
    shown = dict(mapping.columns)
    if mapping.delay:
        shown["event_time"] = f"{shown['event_time']}+{mapping.delay[0]}:{mapping.delay[1]}"
    shown.update({target: f"={value}" for target, value in mapping.constants.items()})
    return shown
