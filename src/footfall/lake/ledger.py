"""The lake's small tables: how they are appended once and read whole; dead letters and the ledger of imports."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Schema, Transaction, write_deltalake
from deltalake.exceptions import TableNotFoundError

from footfall.lake.contract import CommitId, ImportRecord

_TIME = pa.timestamp("us", tz="UTC")
IMPORT_SCHEMA = pa.schema(
    [
        pa.field("imported_time", _TIME),
        pa.field("file", pa.string()),
        pa.field("digest", pa.string()),
        pa.field("content_digest", pa.string()),
        pa.field("size_bytes", pa.int64()),
        pa.field("read", pa.int64()),
        pa.field("stored", pa.int64()),
        pa.field("duplicate", pa.int64()),
        pa.field("dead_lettered", pa.int64()),
        pa.field("mapping", pa.string()),
        pa.field("reasons", pa.string()),
    ]
)


def _open(path: Path) -> DeltaTable | None:
    try:
        return DeltaTable(str(path))
    except TableNotFoundError:
        return None


def append_once(path: Path, rows: pa.Table, commit_id: CommitId) -> bool:
    """Append rows under a commit id; False when the stream already has this version."""
    table = _open(path) or DeltaTable.create(str(path), schema=rows.schema, mode="ignore")
    known = table.transaction_version(commit_id.stream)
    if known is not None and known >= commit_id.version:
        return False
    table = _grown(table, rows.schema)
    properties = CommitProperties(app_transactions=[Transaction(commit_id.stream, commit_id.version)])
    write_deltalake(table, rows, mode="append", commit_properties=properties)
    return True


def _grown(table: DeltaTable, wanted: pa.Schema) -> DeltaTable:
    """The table with the columns that a later version of footfall added."""
    have = {field.name for field in table.schema().fields}
    new = [field.with_nullable(True) for field in wanted if field.name not in have]
    if not new:
        return table
    table.alter.add_columns(list(Schema.from_arrow(pa.schema(new)).fields))
    return DeltaTable(table.table_uri)


def rows_of(path: Path, schema: pa.Schema) -> pa.Table:
    """A small table whole, in the given schema; empty when it does not exist."""
    table = _open(path)
    if table is None:
        return schema.empty_table()
    found = pa.table(table.to_pyarrow_table())
    columns = [found.column(field.name) if field.name in found.column_names else pa.nulls(len(found), field.type) for field in schema]
    return pa.table(columns, names=schema.names).cast(schema)


def dead_letters(path: Path) -> pa.Table:
    """Every dead letter."""
    from footfall.event.dead_letter import DEAD_LETTER_SCHEMA

    return rows_of(path, DEAD_LETTER_SCHEMA)


def add_import(path: Path, record: ImportRecord) -> None:
    """One line of the ledger, once per digest."""
    row = {
        "imported_time": record.imported_time,
        "file": record.file,
        "digest": record.digest,
        "content_digest": record.content_digest,
        "size_bytes": record.size_bytes,
        "read": record.read,
        "stored": record.stored,
        "duplicate": record.duplicate,
        "dead_lettered": record.dead_lettered,
        "mapping": record.mapping,
        "reasons": json.dumps(dict(record.reasons)),
    }
    append_once(path, pa.Table.from_pylist([row], IMPORT_SCHEMA), CommitId(f"import:{record.digest}", 1))


def imports(path: Path) -> Iterator[ImportRecord]:
    """The ledger, oldest first."""
    for row in rows_of(path, IMPORT_SCHEMA).sort_by([("imported_time", "ascending"), ("file", "ascending")]).to_pylist():
        row["reasons"] = json.loads(row["reasons"])
        yield ImportRecord(**row)
