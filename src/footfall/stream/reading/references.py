"""What users write for a column: `page`, `properties.plan`, `products.department`, and which of them there are.

A reference is a column of the stream, one of the columns that are derived from `event_time`, a member of the JSON column (`properties` of
events, `attributes` of log lines; dots go into nested objects), or a column of a dimension.  A column comes first where two could be meant.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

import pyarrow as pa

from footfall.errors import UnknownColumn, nearest
from footfall.event.schema import type_name

# Columns that events have beside those of their table, with their type names.
DERIVED = {"time_us": "int64", "local_us": "int64", "day": "int64"}
JSON_COLUMNS = ("properties", "attributes")
_INTERNAL = ("person_key", "position")


@dataclass(frozen=True, slots=True)
class DimensionColumns:
    """What a reference can see of a dimension: the reference whose values are its keys, and its columns with their type names."""

    column: str
    types: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Found:
    """A reference that exists: `name` is the column, the derived column, the JSON column or the dimension; `parts` is the rest."""

    kind: Literal["column", "derived", "member", "dimension"]
    type: str
    name: str
    parts: tuple[str, ...] = ()


class Known:
    """Every reference over one schema and its dimensions."""

    def __init__(self, schema: pa.Schema, dimensions: Mapping[str, DimensionColumns]) -> None:
        self.types = {field.name: type_name(field.type) for field in schema}
        self.derived = dict(DERIVED) if "event_time" in self.types else {}
        self.json = next((name for name in JSON_COLUMNS if name in self.types), None)
        self.dimensions = dimensions

    def find(self, reference: str) -> Found:
        """What a reference means.

        Raises:
            UnknownColumn: there is no such thing; the hint has the nearest.
        """
        if reference in self.types:
            return Found("column", self.types[reference], reference)
        if reference in self.derived:
            return Found("derived", self.derived[reference], reference)
        table, _, key = reference.partition(".")
        if table == self.json and key:
            return Found("member", "json", table, _parts(reference, key))
        if table in self.dimensions and key in self.dimensions[table].types:
            return Found("dimension", self.dimensions[table].types[key], table, (key,))
        raise self._unknown(reference)

    def key_of(self, dimension: str) -> Found:
        """What holds a dimension's keys: a column or a member.

        Raises:
            UnknownColumn: the stream has no such column.
        """
        column = self.dimensions[dimension].column
        inner = Known(pa.schema([]), {})
        inner.types, inner.derived, inner.json = self.types, self.derived, self.json
        try:
            return inner.find(column)
        except UnknownColumn as problem:
            raise UnknownColumn(
                f"the dimension {dimension!r} is joined by {column!r}, which these records do not have",
                field=f"dimensions.{dimension}.column",
                got=column,
                allowed=problem.allowed,
                hint=f'write column = "{self.json or JSON_COLUMNS[0]}.{column}" for a key of the {self.json or JSON_COLUMNS[0]}, or one of the columns',
            ) from None

    def _unknown(self, reference: str) -> UnknownColumn:
        known = [name for name in self.types | self.derived if name not in _INTERNAL]
        known += [f"{table}.{column}" for table, seen in self.dimensions.items() for column in seen.types]
        near = nearest(reference, known)
        hint = "did you mean " + " or ".join(repr(name) for name in near) + "?" if near else "columns: " + ", ".join(known)
        if self.json is not None:
            hint += f"  A key of the {self.json} is written {self.json}.{reference}"
        subject = "log lines" if self.json == "attributes" else "events"
        return UnknownColumn(f"{subject} have no column {reference!r}", field=reference, got=reference, allowed=known, hint=hint)


def _parts(reference: str, key: str) -> tuple[str, ...]:
    parts = tuple(key.split("."))
    for part in parts:
        if not part or part == "*" or '"' in part:
            raise UnknownColumn(
                f"{reference!r} names no single key", field=reference, got=reference, hint='write names between the dots, without " and other than *'
            )
    return parts
