"""The lake as Delta tables in a local folder: `events`, `dead_letters`, `imports`, `logs`, `identity`, each readable by any Delta reader.

footfall writes the Parquet files itself and commits them through `deltalake`, so that their order, encodings and statistics
are its own.  Three traps of the format are handled here: an application transaction that is repeated is *not* refused by
itself, so a commit first reads the stream's version through the same handle; two rewrites of one file are *not* refused
either, so every rewrite carries the transaction `maintenance`, which a stale handle loses; a table with deletion vectors or
column mapping would be read wrongly from its file list, so it is refused by name.
"""

from __future__ import annotations

import fcntl
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
from deltalake import CommitProperties, DeltaTable, Field, Schema, Transaction
from deltalake.exceptions import CommitFailedError, TableNotFoundError
from deltalake.transaction import AddAction, RemoveAction

from footfall import clock
from footfall.errors import InvalidConfig, LakeBusy, LakeConflict, StorageFailed, UnreadableLake
from footfall.event.schema import TIME
from footfall.lake import ledger, streams
from footfall.lake.compaction import compact
from footfall.lake.contract import CommitId, CompactReport, EraseReport, ImportRecord, Part, Snapshot
from footfall.lake.erasure import erase, expire
from footfall.lake.lookup import known_event_ids
from footfall.lake.parquet import clean_storage_errors, describe, sync, write_part

_REFUSED = {"deletionVectors": "deletion vectors", "columnMapping": "column mapping"}
CHECKPOINT_EVERY = 50
_NO_COUNTERS: Mapping[str, int] = {}


class DeltaLake:
    """The Lake contract on a folder.  `schema` is the schema of a new table; an existing table keeps its own and grows."""

    def __init__(self, root: str | Path, schema: pa.Schema) -> None:
        self.root = Path(root).absolute()
        self.events = self.root / "events"
        self._schema = schema

    # --- writing ---------------------------------------------------------------------------------------------------------

    def stage(self, table: pa.Table, *, name: str | None = None) -> Part:
        """Write one part in arrival order; nobody sees it before `commit`."""
        return write_part(self.events / f"landed-{name or uuid.uuid4().hex}.parquet", table)

    def drop_staged(self, parts: Sequence[Part]) -> None:
        """Remove staged parts that will not be committed."""
        for part in parts:
            Path(part.path).unlink(missing_ok=True)

    def commit(self, parts: Sequence[Part], commit_id: CommitId, schema: pa.Schema, *, counters: Mapping[str, int] = _NO_COUNTERS) -> bool:
        """Make the parts visible at once; False when the stream already has this version or a newer one.

        `counters` count up in the same commit, as versions of application transactions, so a count cannot part from its rows.
        """
        with clean_storage_errors(self.events):
            for part in parts:
                sync(Path(part.path))
            table = self._open_or_create()
            known = table.transaction_version(commit_id.stream)
            if known is not None and known >= commit_id.version:
                return False
            table = self._grow(table, schema)
            transactions = [Transaction(commit_id.stream, commit_id.version)]
            transactions += [Transaction(name, (table.transaction_version(name) or 0) + more) for name, more in counters.items() if more]
            self._write(table, add=parts, transactions=transactions)
        return True

    def committed(self, stream: str) -> int | None:
        """The last version of a stream; None when there is none."""
        table = self._open()
        return None if table is None else table.transaction_version(stream)

    def counted(self, name: str) -> int:
        """How far a counter of `commit` has come."""
        return self.committed(name) or 0

    def removed(self) -> int:
        """How many events were ever erased or expired."""
        return self.committed("removed") or 0

    def replace(self, old: Sequence[Part], new: Sequence[Part], *, base: int, changes_data: bool) -> None:
        """Swap files in one commit; LakeConflict when another rewrite came first since version `base`.

        The commit itself counts the rows that go, as the version of the application transaction `removed`, so the count cannot part from
        the rows.
        """
        table = self._open()
        assert table is not None, "a table without a version cannot be rewritten"
        known = table.transaction_version("maintenance") or 0
        gone = {part.path for part in old} - {part.path for part in self.snapshot().parts}
        if gone:
            raise LakeConflict("another process rewrote the same files first", got=len(gone), hint="run the same command again")
        assert table.version() >= base, "the table went back in time"
        transactions = [Transaction("maintenance", known + 1)]
        removed = sum(part.rows for part in old) - sum(part.rows for part in new)
        if removed:
            transactions.append(Transaction("removed", (table.transaction_version("removed") or 0) + removed))
        self._write(table, add=new, remove=old, transactions=transactions, changes_data=changes_data)

    def _write(
        self,
        table: DeltaTable,
        *,
        add: Sequence[Part],
        remove: Sequence[Part] = (),
        transactions: list[Transaction],
        changes_data: bool = True,
    ) -> None:
        now_ms = clock.now_us() // 1_000
        actions: list[AddAction | RemoveAction] = [
            AddAction(self._relative(part), part.size_bytes, {}, now_ms, changes_data, part.stats) for part in add if part.rows
        ]
        actions += [RemoveAction(self._relative(part), changes_data, now_ms, part.size_bytes, {}) for part in remove]
        try:
            table.create_write_transaction(
                actions,
                mode="append",
                schema=table.schema(),
                commit_properties=CommitProperties(app_transactions=transactions),
            )
        except CommitFailedError as problem:
            raise LakeConflict("another process committed the same change first", got=str(problem), hint="run the same command again") from problem
        except OSError as problem:
            raise StorageFailed(f"{self.events} cannot be written: {problem}", got=self.events, hint="check its disk and permissions") from problem

    def _grow(self, table: DeltaTable, wanted: pa.Schema) -> DeltaTable:
        have = _arrow_schema(table)
        for name in wanted.names:
            if name in have.names and have.field(name).type != wanted.field(name).type:
                raise InvalidConfig(
                    f"the lake keeps {name!r} as {have.field(name).type}, and the project now declares {wanted.field(name).type}",
                    field=f"events.columns.{name}",
                    got=str(wanted.field(name).type),
                    allowed=(str(have.field(name).type),),
                    hint="declare the old type, or promote the property under another name",
                )
        new = [field for field in wanted if field.name not in have.names]
        if not new:
            return table
        grown = Schema.from_arrow(pa.schema([field.with_nullable(True) for field in new]))
        table.alter.add_columns([Field(field.name, field.type, nullable=True) for field in grown.fields])
        return DeltaTable(str(self.events))

    def _open_or_create(self) -> DeltaTable:
        table = self._open()
        if table is None:
            table = DeltaTable.create(
                str(self.events),
                schema=self._schema,
                mode="ignore",
                configuration={"delta.checkpointInterval": str(CHECKPOINT_EVERY), "delta.dataSkippingNumIndexedCols": "3"},
            )
        return table

    @contextmanager
    def exclusive(self) -> Iterator[None]:
        """This process alone imports, compacts, erases or expires; the lock goes with the process, however it ends."""
        with clean_storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / "writer.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise LakeBusy(
                "another process is importing into this lake", got=self.root, hint="wait for it to end, then run the same command again"
            ) from None
        try:
            yield
        finally:
            os.close(handle)

    @contextmanager
    def landing(self) -> Iterator[None]:
        """While rows of the event log are written: whoever deletes files that no version uses waits for the end, and the other way round.

        Landing goes on during an import or a compaction, so it cannot take their lock.
        """
        with clean_storage_errors(self.root):
            self.root.mkdir(parents=True, exist_ok=True)
            handle = os.open(self.root / "landing.lock", os.O_RDWR | os.O_CREAT, 0o644)
        try:
            fcntl.flock(handle, fcntl.LOCK_EX)
            yield
        finally:
            os.close(handle)

    # --- reading ---------------------------------------------------------------------------------------------------------

    def snapshot(self, version: int | None = None) -> Snapshot:
        """The newest version, or a given one; an empty lake has version -1."""
        table = self._open(version)
        if table is None:
            return Snapshot(-1, self._schema, ())
        schema = _arrow_schema(table)
        grown = [field for field in self._schema if field.name not in schema.names]
        parts = sorted((self._part(action) for action in _actions(table)), key=lambda part: part.path)
        return Snapshot(table.version(), pa.schema([*schema, *grown]), tuple(parts))

    def next_position(self) -> int:
        """The first position that no event has."""
        return max((part.position_max + 1 for part in self.snapshot().parts), default=0)

    def known_event_ids(self, ids: pa.Array, since_us: int, until_us: int) -> np.ndarray[Any, np.dtype[np.bool_]]:
        """Which of these event ids the lake already has among events of [since_us, until_us]; exact."""
        return known_event_ids(self.snapshot(), ids, since_us, until_us)

    def _part(self, action: dict[str, Any]) -> Part:
        path = self.events / action["path"]
        bucket = _bucket_of(path)
        if action.get("num_records") is None or action.get("min.person_key") is None:
            return describe(path, bucket)
        return Part(
            path=str(path),
            rows=action["num_records"],
            size_bytes=action["size_bytes"],
            bucket=bucket,
            person_key_min=action["min.person_key"],
            person_key_max=action["max.person_key"],
            time_us_min=action["min.event_time"],
            time_us_max=action["max.event_time"],
            position_max=action["max.position"],
        )

    def _open(self, version: int | None = None) -> DeltaTable | None:
        try:
            table = DeltaTable(str(self.events), version=version)
        except TableNotFoundError:
            return None
        features = set(table.protocol().reader_features or ()) | set(table.protocol().writer_features or ())
        for feature, words in _REFUSED.items():
            if feature in features:
                raise UnreadableLake(
                    f"the table {self.events} uses {words}, which its file list does not show",
                    got=feature,
                    hint=f"switch {feature} off and rewrite the table with the tool that switched it on",
                )
        return table

    def _relative(self, part: Part) -> str:
        return Path(part.path).relative_to(self.events).as_posix()

    # --- dead letters, ledger, upkeep ------------------------------------------------------------------------------------

    def add_dead_letters(self, letters: pa.Table, commit_id: CommitId) -> bool:
        """Keep dead letters, once per commit id."""
        with clean_storage_errors(self.root):
            return ledger.append_once(self.root / "dead_letters", letters, commit_id)

    def dead_letters(self) -> pa.Table:
        """Every dead letter."""
        return ledger.dead_letters(self.root / "dead_letters")

    def add_logs(self, rows: pa.Table, commit_id: CommitId) -> bool:
        """Keep lines of application logs (LOG_SCHEMA), once per commit id."""
        with clean_storage_errors(self.root):
            return streams.add_logs(self.root, rows, commit_id)

    def logs(self) -> pa.Table:
        """Every line of an application log."""
        return streams.logs(self.root)

    def log_files(self) -> list[str]:
        """The Parquet files of the newest version of `logs`."""
        return streams.log_files(self.root)

    def add_edges(self, rows: pa.Table, commit_id: CommitId) -> bool:
        """Append lines of the identity ledger (IDENTITY_SCHEMA), once per commit id."""
        with clean_storage_errors(self.root):
            return streams.add_edges(self.root, rows, commit_id)

    def edges(self) -> pa.Table:
        """The identity ledger, by position."""
        return streams.edges(self.root)

    def edges_version(self) -> int:
        """A number that changes with the identity ledger; -1 while there is none."""
        return streams.version(self.root / streams.IDENTITY)

    def stream_committed(self, table: str, stream: str) -> int | None:
        """The last version of a stream in `logs`, `identity` or `dead_letters`; None when there is none."""
        return streams.committed(self.root / table, stream)

    def merge_streams(self) -> int:
        """Merge the small files of the tables beside the events; how many files went."""
        with self.exclusive(), clean_storage_errors(self.root):
            return streams.merge_small_files(self.root)

    def add_import(self, record: ImportRecord) -> None:
        """Write one line of the import ledger, once per digest."""
        with clean_storage_errors(self.root):
            ledger.add_import(self.root / "imports", record)

    def imports(self) -> Iterator[ImportRecord]:
        """The import ledger, oldest first."""
        return ledger.imports(self.root / "imports")

    def compact(self, *, force: bool = False, progress: Callable[[int, int], None] | None = None) -> CompactReport:
        """Merge arrival-order parts into (period, person bucket) files; with `force` every file is rewritten."""
        with self.exclusive(), clean_storage_errors(self.events):
            return compact(self, force=force, progress=progress)

    def erase(self, person_id: str) -> EraseReport:
        """Remove a person's events, log lines, joins and dead letters for good, and scan what is left for them."""
        with self.exclusive(), clean_storage_errors(self.events):
            return erase(self, person_id)

    def expire(self, before: datetime) -> int:
        """Remove events older than a moment; the number of rows removed."""
        with self.exclusive(), clean_storage_errors(self.events):
            return expire(self, before)

    def purge(self) -> int:
        """Delete every Parquet file that the newest version does not use; needs `exclusive`."""
        with self.landing():
            live = {part.path for part in self.snapshot().parts}
            dead = [path for path in self.events.glob("*.parquet") if str(path) not in live]
            dead += list(self.events.glob("*.partial"))
            for path in dead:
                path.unlink(missing_ok=True)
            return len(dead)

    def place(self, new: Sequence[Part]) -> list[Part]:
        """Parts with the bucket that their file name says."""
        return [replace(part, bucket=_bucket_of(Path(part.path))) for part in new]


def _bucket_of(path: Path) -> int | None:
    """The bucket in a clustered file's name (`sorted-…-b07-….parquet`); None for every other file."""
    if not path.name.startswith("sorted-"):
        return None
    return int(path.name.split("-")[2][1:])


def _actions(table: DeltaTable) -> list[dict[str, Any]]:
    """The live files with their statistics, times as microseconds.

    pa.table(…) and zoned times as Python objects would load pandas where that is installed, which takes longer than most questions.
    """
    listed = pa.RecordBatchReader.from_stream(table.get_add_actions(flatten=True)).read_all()
    plain = [column.cast(TIME).cast(pa.int64()) if pa.types.is_timestamp(column.type) else column for column in listed.columns]
    rows: list[dict[str, Any]] = pa.table(dict(zip(listed.column_names, plain, strict=True))).to_pylist()
    return rows


def _arrow_schema(table: DeltaTable) -> pa.Schema:
    """The table's schema in plain Arrow types."""
    return pa.schema(pa.schema(table.schema().to_arrow()))
