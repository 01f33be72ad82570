"""The events relation in DuckDB: what a column reference, a property or a dimension column is in SQL, over one pinned snapshot."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import pyarrow as pa

from footfall.event.filters import quoted
from footfall.event.schema import type_name
from footfall.stream.reading.references import DimensionColumns, Found, Known

if TYPE_CHECKING:
    from footfall.lake.contract import Snapshot


def identifier(name: str) -> str:
    """A name as a quoted SQL identifier."""
    return '"' + name.replace('"', '""') + '"'


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

    def __init__(self, schema: pa.Schema, dimensions: Mapping[str, DimensionColumns]) -> None:
        self._known = Known(schema, dimensions)
        self.types = self._known.types | self._known.derived

    def sql(self, reference: str) -> str:
        """The SQL expression of a reference."""
        found = self._known.find(reference)
        if found.kind != "dimension":
            return _own_sql(found, "")
        # Qualified: the dimension may have a column of the same name, and the inner one would win.
        outer = _own_sql(self._known.key_of(found.name), "events.")
        table, column = identifier(dimension_table(found.name)), identifier(found.parts[0])
        return f"(SELECT any_value(d.{column}) FROM {table} AS d WHERE d.footfall_key = CAST({outer} AS VARCHAR))"

    def type(self, reference: str) -> str:
        """The type name of a reference; `json` for a property."""
        return self._known.find(reference).type

    def inputs(self, reference: str) -> tuple[str, ...]:
        """The lake columns that a reference reads."""
        found = self._known.find(reference)
        if found.kind == "dimension":
            found = self._known.key_of(found.name)
        return ("event_time",) if found.kind == "derived" else (found.name,)


def _own_sql(found: Found, table: str) -> str:
    """The expression of a column or a property of the events."""
    column = table + identifier(found.name)
    return f"json_extract_string({column}, {quoted(_json_path(found.parts))})" if found.kind == "member" else column


def dimension_table(name: str) -> str:
    """The table that holds a dimension with its key as text."""
    return f"footfall_dimension_{name}"


def _json_path(parts: Sequence[str]) -> str:
    """Names as a JSON path; each looks inside the object before it."""
    return "$" + "".join(f".{part}" if re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]*", part) else f'."{part}"' for part in parts)
