"""Dimensions in DuckDB: files read with the types that DuckDB finds in them, and tables that the events are joined to.

The live path joins the same rows in memory (`stream/dimensions.py`), so a file is read into Arrow here, once, for whoever needs it.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from footfall.engines.relation import dimension_table, identifier
from footfall.errors import InvalidConfig, StorageFailed
from footfall.event.filters import quoted
from footfall.event.schema import type_name
from footfall.stream.reading.cell_text import plain, sql_text
from footfall.stream.reading.references import DimensionColumns


@dataclass(frozen=True, slots=True)
class Dimension:
    """A table joined by key: `path` of a CSV or Parquet file, `key` its column, `column` the reference of the events that holds the key.

    The default of `column` is the column called like the key.  `rows` are given where they were read before, or come from elsewhere.
    """

    path: str
    key: str
    column: str | None = None
    rows: pa.Table | None = None


def read_dimension(path: Path, key: str) -> pa.Table:
    """The rows of a CSV or Parquet file in its order; the key of a CSV file is text, whatever it looks like.

    Raises:
        StorageFailed: it cannot be read, or has no such key.
    """
    # One id written 1e+05 would turn the others into 25671.0.
    reader = f"read_csv({quoted(str(path))}, types = {{{quoted(key)}: 'VARCHAR'}})"
    reader = f"read_parquet({quoted(str(path))})" if path.suffix == ".parquet" else reader
    connection = duckdb.connect()
    try:
        connection.execute("SET TimeZone = 'UTC'")
        table: pa.Table = connection.sql(f"SELECT * FROM {reader}").to_arrow_table()
    except duckdb.Error as problem:
        raise StorageFailed(
            f"{path} cannot be read as a dimension: {str(problem).splitlines()[0]}",
            got=str(path),
            hint="it must be a CSV or Parquet file, and its key one of that file's columns",
        ) from problem
    finally:
        connection.close()
    if key not in table.column_names:
        raise StorageFailed(f"{path} has no column {key!r}", got=key, hint="its columns: " + ", ".join(table.column_names))
    return table


def load_dimension(connection: Any, name: str, dimension: Dimension) -> DimensionColumns:
    """Make the table that references read (a row that repeats a key has none there), and the view that users' SQL sees.

    Raises:
        InvalidConfig: its file cannot be read.
    """
    try:
        rows = read_dimension(Path(dimension.path), dimension.key) if dimension.rows is None else dimension.rows
    except StorageFailed as problem:
        raise InvalidConfig(
            f"dimension {name!r} cannot be read: {problem.sentence}", field=f"dimensions.{name}", got=dimension.path, hint=problem.hint
        ) from problem
    rows = pa.table({label: plain(rows.column(label)) for label in rows.column_names})
    cursor = connection.cursor()
    cursor.register("footfall_shown", rows.append_column("footfall_key", _first_keys(rows.column(dimension.key))))
    table = identifier(dimension_table(name))
    cursor.execute(f"CREATE TABLE {table} AS FROM footfall_shown")
    cursor.execute(f"CREATE VIEW {identifier(name)} AS SELECT * EXCLUDE (footfall_key) FROM {table}")
    return DimensionColumns(dimension.column or dimension.key, {field.name: type_name(field.type) for field in rows.schema})


def _first_keys(keys: pa.ChunkedArray) -> pa.Array:
    """The keys as text, null where a row before has the same."""
    text = sql_text(plain(keys))
    coded = text.dictionary_encode().indices.fill_null(-1).to_numpy()
    later = np.ones(len(text), np.bool_)
    later[np.unique(coded, return_index=True)[1]] = False
    return pa.array(np.where(later, None, text.to_numpy(zero_copy_only=False)), pa.string())
