"""A user's SQL on the DuckDB engine: guarded, run over one snapshot, its errors told as the user's."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import duckdb

from footfall.engines.sql_guard import guard
from footfall.errors import InvalidQuery

if TYPE_CHECKING:
    import pyarrow as pa

    from footfall.engines.duckdb import DuckDBEngine

_CANDIDATES = re.compile(r'(?:Candidate bindings|Candidate Entries|Did you mean)[^"]*"([^"]+)"')


@dataclass(frozen=True, slots=True)
class FileTable:
    """A table that stays in its Parquet files, because it may be larger than memory."""

    schema: pa.Schema
    paths: list[str]


Tables = Mapping[str, Callable[[], "pa.Table | FileTable"]]


def user_query(engine: DuckDBEngine, sql: str, *, dimensions: tuple[str, ...], small_tables: Tables) -> pa.Table:
    """The result of one reading query over events, the dimensions and the small tables (loaded only when the query reads them).

    Raises:
        InvalidQuery: the guard or the engine refuses the query.
        StorageFailed: a file of the lake vanished or memory ran out.
    """
    guarded = guard(sql, ("events", *dimensions, *small_tables))
    for name, load in small_tables.items():
        if name in guarded.tables:
            table = load()
            if isinstance(table, FileTable):
                engine.show_files(name, table.schema, table.paths)
            else:
                engine.register(name, table)
    try:
        return _with_own_names(_with_plain_integers(engine.query(guarded.sql, anything=True)))
    except duckdb.Error as problem:
        candidate = _CANDIDATES.search(str(problem))
        described = "events" if "events" in guarded.tables else min(guarded.tables, default="events")
        raise InvalidQuery(
            _first_line(problem),
            field="query",
            got=sql,
            hint=f"did you mean {candidate[1]}?" if candidate else f"see the columns with DESCRIBE {described}",
        ) from None


def _with_plain_integers(table: pa.Table) -> pa.Table:
    """DuckDB sums integers into 38 digits; a column whose values fit is int64, as everybody expects."""
    import pyarrow as pa

    for index, field in enumerate(table.schema):
        if pa.types.is_decimal(field.type) and field.type.scale == 0:
            try:
                table = table.set_column(index, field.name, table.column(index).cast(pa.int64()))
            except pa.ArrowInvalid:
                continue
    return table


def _with_own_names(table: pa.Table) -> pa.Table:
    """A name that comes twice gets a number, since rows as objects would keep one of the two: name, name_2."""
    names: list[str] = []
    for name in table.column_names:
        number, unique = 1, name
        while unique in names:
            number += 1
            unique = f"{name}_{number}"
        names.append(unique)
    return table.rename_columns(names)


def _first_line(problem: duckdb.Error) -> str:
    line = " ".join(str(problem).split("\n")[0].split())
    return line.partition("Error: ")[2] or line
