"""The tables beside the events that the live path fills: lines of application logs, and the ledger of identities.

They are Delta tables of their own, appended under commit ids like the others.  Small appends are merged now and then; the files that
a merge replaces stay for an hour, for readers that are in the middle of them.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow as pa
from deltalake import DeltaTable
from deltalake.exceptions import TableNotFoundError

from footfall.event.schema import IDENTITY_SCHEMA, LOG_SCHEMA
from footfall.lake.ledger import append_once, rows_of

if TYPE_CHECKING:
    from footfall.lake.contract import CommitId

LOGS, IDENTITY, DEAD_LETTERS = "logs", "identity", "dead_letters"
MERGE_FILES = 50
GRACE_HOURS = 1


def committed(path: Path, stream: str) -> int | None:
    """The last version of a stream in one of the small tables; None when there is none."""
    table = opened(path)
    return None if table is None else table.transaction_version(stream)


def version(path: Path) -> int:
    """The table's version; -1 while it does not exist."""
    table = opened(path)
    return -1 if table is None else int(table.version())


def add_logs(root: Path, rows: pa.Table, commit_id: CommitId) -> bool:
    """Append log lines once."""
    return append_once(root / LOGS, rows.cast(LOG_SCHEMA), commit_id)


def logs(root: Path) -> pa.Table:
    """Every log line."""
    return rows_of(root / LOGS, LOG_SCHEMA)


def log_files(root: Path) -> list[str]:
    """The Parquet files that hold the log lines, for an engine that reads them itself."""
    table = opened(root / LOGS)
    if table is None:
        return []
    return sorted(str(root / LOGS / path) for path in pa.table(table.get_add_actions()).column("path").to_pylist())


def add_edges(root: Path, rows: pa.Table, commit_id: CommitId) -> bool:
    """Append lines of the identity ledger once."""
    return append_once(root / IDENTITY, rows.cast(IDENTITY_SCHEMA), commit_id)


def edges(root: Path) -> pa.Table:
    """The identity ledger, by position."""
    return rows_of(root / IDENTITY, IDENTITY_SCHEMA).sort_by("position")


def merge_small_files(root: Path) -> int:
    """Merge the files of each small table that has many; how many files went."""
    merged = 0
    for name in (LOGS, IDENTITY, DEAD_LETTERS):
        table = opened(root / name)
        if table is not None and len(table.file_uris()) >= MERGE_FILES:
            merged += int(table.optimize.compact()["numFilesRemoved"])
            table.vacuum(retention_hours=GRACE_HOURS, dry_run=False, enforce_retention_duration=False)
    return merged


def erase_rows(path: Path, columns: tuple[str, ...], person_id: str) -> int:
    """Delete the rows that hold a person's id in one of the columns, files included; how many went."""
    table = opened(path)
    if table is None:
        return 0
    quoted = person_id.replace("'", "''")
    gone = int(table.delete(" OR ".join(f"{column} = '{quoted}'" for column in columns))["num_deleted_rows"])
    if gone:
        opened_again = DeltaTable(str(path))
        opened_again.vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    return gone


def expire_rows(path: Path, column: str, before: datetime) -> int:
    """Delete the rows of a small table whose time is before a moment, files included; how many went."""
    table = opened(path)
    if table is None:
        return 0
    moment = before.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    gone = int(table.delete(f"{column} < arrow_cast('{moment}', 'Timestamp(Microsecond, Some(\"UTC\"))')")["num_deleted_rows"])
    if gone:
        DeltaTable(str(path)).vacuum(retention_hours=0, dry_run=False, enforce_retention_duration=False)
    return gone


def opened(path: Path) -> DeltaTable | None:
    """A small table; None while it does not exist."""
    try:
        return DeltaTable(str(path))
    except TableNotFoundError:
        return None
