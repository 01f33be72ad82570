"""The events relation in DuckDB: what a column reference, a property or a dimension column is in SQL, over one pinned snapshot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pyarrow as pa

from footfall.errors import UnknownColumn, nearest
from footfall.event.filters import quoted

if TYPE_CHECKING:
    from footfall.lake.contract import Snapshot

# Columns that the relation adds to the lake's own, with their type names.
DERIVED = {"time_us": "int64", "local_us": "int64", "day": "int64"}
_INTERNAL = ("person_key", "position")


@dataclass(frozen=True, slots=True)
class Dimension:
    """A table joined by key: `path` of a CSV or Parquet file, `key` its column, `column` the column of the events (default: key)."""

    path: str
    key: str
    column: str | None = None


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


def type_name(kind: pa.DataType) -> str:
    """The project's word for an Arrow type."""
    if pa.types.is_timestamp(kind):
        return "timestamp"
    if pa.types.is_floating(kind):
        return "float64"
    if pa.types.is_boolean(kind):
        return "bool"
    if pa.types.is_date(kind):
        return "date"
    if pa.types.is_integer(kind):
        return "int64"
    return "string"


_SQL_TYPES = {"string": "VARCHAR", "int64": "BIGINT", "float64": "DOUBLE", "bool": "BOOLEAN", "timestamp": "TIMESTAMPTZ", "date": "DATE"}


def empty_table_sql(name: str, schema: pa.Schema) -> str:
    """The statement that makes an empty table of a schema; registering an Arrow table would load pandas where that is installed."""
    columns = ", ".join(f"{identifier(field.name)} {_SQL_TYPES[type_name(field.type)]}" for field in schema)
    return f"CREATE TABLE IF NOT EXISTS {identifier(name)} ({columns})"


def derived_sql(time_zone: str) -> str:
    """The three columns that the relation adds, from `event_time`: the two entries of this engine's table of time functions."""
    local = "epoch_us(event_time)" if time_zone in ("UTC", "Etc/UTC") else f"epoch_us(timezone({quoted(time_zone)}, event_time))"
    return f"epoch_us(event_time) AS time_us, {local} AS local_us, CAST({local} // 86400000000 AS BIGINT) AS day"


def relation_sql(snapshot: Snapshot, time_zone: str) -> str:
    """A SELECT of every column of the snapshot; columns that no file has yet are null."""
    return files_sql(snapshot.schema, [part.path for part in snapshot.parts], "footfall_empty", f", {derived_sql(time_zone)}")


def files_sql(schema: pa.Schema, paths: Sequence[str], empty: str, more: str = "") -> str:
    """A SELECT of the columns of a schema from Parquet files that may lack some; `empty` is an empty table of the schema."""
    columns = ", ".join(identifier(name) for name in schema.names)
    source = f"FROM {identifier(empty)}"
    if paths:
        listed = ", ".join(quoted(path) for path in paths)
        source = f"FROM ({source} UNION ALL BY NAME FROM read_parquet([{listed}], union_by_name = true))"
    return f"SELECT {columns}{more} {source}"


class References:
    """Resolves what users write (`price`, `properties.plan`, `products.department`) to SQL and to a type name."""

    def __init__(self, schema: pa.Schema, dimensions: Mapping[str, tuple[Dimension, Mapping[str, str]]]) -> None:
        self.types = {field.name: type_name(field.type) for field in schema} | DERIVED
        self._dimensions = dimensions

    def sql(self, reference: str) -> str:
        """The SQL expression of a reference."""
        if reference in self.types:
            return identifier(reference)
        table, _, key = reference.partition(".")
        if table == "properties" and key:
            return f"json_extract_string({identifier('properties')}, {quoted(_json_path(key))})"
        if table in self._dimensions and key in self._dimensions[table][1]:
            dimension = self._dimensions[table][0]
            # Qualified: the dimension may have a column of the same name, and the inner one would win.
            outer = f"events.{identifier(dimension.column or dimension.key)}"
            return f"(SELECT any_value(d.{identifier(key)}) FROM {identifier(dimension_table(table))} AS d WHERE d.footfall_key = CAST({outer} AS VARCHAR))"
        raise self._unknown(reference)

    def type(self, reference: str) -> str:
        """The type name of a reference; `json` for a property."""
        if reference in self.types:
            return self.types[reference]
        table, _, key = reference.partition(".")
        if table == "properties" and key:
            return "json"
        if table in self._dimensions and key in self._dimensions[table][1]:
            return self._dimensions[table][1][key]
        raise self._unknown(reference)

    def inputs(self, reference: str) -> tuple[str, ...]:
        """The lake columns that a reference reads."""
        if reference in DERIVED:
            return ("event_time",)
        if reference in self.types:
            return (reference,)
        table = reference.partition(".")[0]
        if table == "properties":
            return ("properties",)
        dimension = self._dimensions[table][0]
        return (dimension.column or dimension.key,)

    def _unknown(self, reference: str) -> UnknownColumn:
        known = [name for name in self.types if name not in _INTERNAL]
        known += [f"{table}.{column}" for table, (_, columns) in self._dimensions.items() for column in columns]
        near = nearest(reference, known)
        hint = "did you mean " + " or ".join(repr(name) for name in near) + "?" if near else "columns: " + ", ".join(known)
        return UnknownColumn(
            f"events have no column {reference!r}",
            field=reference,
            got=reference,
            allowed=known,
            hint=f"{hint}  A key of the properties is written properties.{reference}",
        )


def dimension_table(name: str) -> str:
    """The table that holds a dimension with its key as text."""
    return f"footfall_dimension_{name}"


def _json_path(key: str) -> str:
    """A dotted key as a JSON path; `a.b` looks inside a nested object."""
    return "$" + "".join(f".{part}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) else f'."{part}"' for part in key.split("."))
