"""The embedded store: one SQLite file in WAL mode, written by one process and read by any number.

A commit that carries alerts for actions is synced to the disk before it returns, because what left the outbox must not be forgotten; others
are synced with the write-ahead log, and after a power failure the live path goes on from the last one that survived, which is as good.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import zstandard

from footfall.errors import LogBusy, StorageFailed
from footfall.stream.alert_block import AlertBlock
from footfall.stream.contract import ViewRows, ViewSchema
from footfall.stream.store.contract import Change, Keep, Moment
from footfall.stream.store.layout import END, SCHEMA, START, VERSION, create_sql, delete_sql, table_of, upsert_sql
from footfall.stream.store.reading import BUSY_S, SqliteReader

PAGE_BYTES = 8 << 10
CHECKPOINT_PAGES = 4_000
CACHE_KIB = 48 << 10  # rows of views that change are all over their tables: reading their pages again costs more than all else
PRUNE_ROWS = 20_000
PARTS = 64  # of a table of state
PACKED_LEVEL = 1


class SqliteViews(SqliteReader):
    """The writing side.  Raises LogBusy when another process writes."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self._views: dict[str, ViewSchema] = {}
        self._packer = zstandard.ZstdCompressor(level=PACKED_LEVEL)
        self._writes = Lock()  # micro-batches are committed by a thread of their own
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._handle = os.open(path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(self._handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                os.close(self._handle)
                raise LogBusy(f"another process writes the live state {path}", got=str(path), hint="let one footfall up run") from None
            self._writer = sqlite3.connect(path, isolation_level=None, check_same_thread=False, timeout=BUSY_S)
            self._prepare()
        except (OSError, sqlite3.Error) as problem:
            raise StorageFailed(
                f"the live state {path} cannot be opened: {problem}", got=str(path), hint="check the folder and the disk"
            ) from problem
        self._number = self._writer.execute("SELECT coalesce(max(value), 0) FROM moment WHERE name = 'number'").fetchone()[0]

    def _prepare(self) -> None:
        self._writer.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        self._writer.execute("PRAGMA journal_mode = WAL")
        self._writer.execute(f"PRAGMA cache_size = -{CACHE_KIB}")
        self._writer.execute(f"PRAGMA wal_autocheckpoint = {CHECKPOINT_PAGES}")
        version = self._writer.execute("PRAGMA user_version").fetchone()[0]
        if version not in (0, VERSION):
            raise StorageFailed(f"the live state {self._path} is of version {version}, not {VERSION}", got=version, hint="remove it: it is made anew")
        self._writer.executescript(SCHEMA)
        self._writer.execute(f"PRAGMA user_version = {VERSION}")

    @contextmanager
    def _writing(self, *, synced: bool = False) -> Iterator[sqlite3.Connection]:
        with self._writes:
            yield from self._transaction(synced=synced)

    def _transaction(self, *, synced: bool) -> Iterator[sqlite3.Connection]:
        try:
            self._writer.execute(f"PRAGMA synchronous = {'FULL' if synced else 'NORMAL'}")
            self._writer.execute("BEGIN IMMEDIATE")
            try:
                yield self._writer
                self._writer.execute("COMMIT")
            except BaseException:
                if self._writer.in_transaction:
                    self._writer.execute("ROLLBACK")
                raise
        except sqlite3.Error as problem:
            if isinstance(problem, sqlite3.ProgrammingError):
                raise
            raise StorageFailed(f"the live state {self._path} cannot be written: {problem}", got=str(self._path), hint="free some space") from problem

    def declare(self, views: Sequence[ViewSchema]) -> None:
        """Make room for these views; rows of views that are declared no longer, or otherwise than before, go."""
        known = self.views()
        wanted = {view.name: view for view in views}
        with self._writing(synced=True) as connection:
            for name, view in known.items():
                if wanted.get(name) != view:
                    connection.execute(f"DROP TABLE IF EXISTS {table_of(name)}")
                    connection.execute("DELETE FROM views WHERE name = ?", (name,))
            for name, view in wanted.items():
                if known.get(name) != view:
                    connection.execute(create_sql(view))
                    connection.execute("INSERT INTO views VALUES (?, ?)", (name, msgspec.msgpack.encode(view)))
        self._views = wanted

    def commit(self, change: Change) -> None:
        """Everything of one micro-batch, at once.

        Raises:
            StorageFailed: nothing of it is visible, and the same change may be tried again.
        """
        sequence = change.moment.sequence
        number = self._number
        with self._writing(synced=any(actions for _, actions in (*change.alerts, *change.blocks))) as connection:
            connection.execute("INSERT OR REPLACE INTO moment VALUES ('moment', ?)", (msgspec.msgpack.encode(change.moment),))
            deltas = [(table, sequence, self._packer.compress(rows)) for table, rows in change.deltas.items() if rows]
            connection.executemany("INSERT OR REPLACE INTO deltas VALUES (?, ?, ?)", deltas)
            parts = [(table, part, sequence, self._packer.compress(rows)) for table, part, rows in change.parts]
            connection.executemany("INSERT OR REPLACE INTO parts VALUES (?, ?, ?, ?)", parts)
            for rows in change.rows:
                self._put_rows(connection, rows)
            if change.texts:
                used_us = max(change.moment.clock_us.values(), default=0)
                texts = [(hashed, text, used_us) for hashed, text in change.texts.items()]
                connection.executemany("INSERT INTO texts VALUES (?, ?, ?) ON CONFLICT (hash) DO UPDATE SET used_us = excluded.used_us", texts)
            if change.alerts or change.blocks:
                number = self._put_alerts(connection, change, number)
            connection.executemany("INSERT INTO ticks VALUES (?, ?, ?)", change.ticks)
            counts = [(operator, name, value) for (operator, name), value in change.counts.items()]
            connection.executemany(
                "INSERT INTO counts VALUES (?, ?, ?) ON CONFLICT (operator, name) DO UPDATE SET value = value + excluded.value", counts
            )
        self._number = number

    def _put_rows(self, connection: sqlite3.Connection, rows: ViewRows) -> None:
        view = self._views[rows.view]
        if rows.gone:
            connection.executemany(delete_sql(view), rows.gone)
        connection.executemany(upsert_sql(view), zip(rows.start_us, rows.ids, rows.end_us, *rows.columns, strict=True))

    def _put_alerts(self, connection: sqlite3.Connection, change: Change, number: int) -> int:
        blocks = [*change.blocks, *((AlertBlock(alert.rule, alerts=[alert]), actions) for alert, actions in change.alerts)]
        alerts, posted = [], []
        for block, actions in blocks:
            first, number = number + 1, number + len(block)
            alerts.append((first, number, block.rule, block.raised(), self._packer.compress(msgspec.msgpack.encode(block))))
            posted += [(action, first, number) for action in actions]
        connection.executemany("INSERT INTO alerts VALUES (?, ?, ?, ?, ?)", alerts)
        connection.executemany("INSERT INTO outbox VALUES (?, ?, ?)", posted)
        connection.execute("INSERT OR REPLACE INTO moment VALUES ('number', ?)", (number,))
        return number

    def note_gauges(self, gauges: Mapping[str, Any], *, synced: bool = False) -> None:
        """What readers shall know of the writer.  With `synced` everything committed before is on the disk too when this returns."""
        with self._writing(synced=synced) as connection:
            connection.execute("INSERT OR REPLACE INTO moment VALUES ('gauges', ?)", (msgspec.msgpack.encode(dict(gauges)),))

    def restart(self, moment: Moment, tables: Sequence[str]) -> None:
        """Go on from another place with the given tables empty: their state is of a log, or of a declaration, that is no more."""
        with self._writing(synced=True) as connection:
            connection.execute("INSERT OR REPLACE INTO moment VALUES ('moment', ?)", (msgspec.msgpack.encode(moment),))
            for table in tables:
                connection.execute("DELETE FROM deltas WHERE of = ?", (table,))
                connection.execute("DELETE FROM parts WHERE of = ?", (table,))

    # --- state -----------------------------------------------------------------------------------------------------------

    def tables(self) -> list[str]:
        """The tables of state that are kept."""
        return [name for (name,) in self._writer.execute("SELECT of FROM deltas UNION SELECT of FROM parts")]

    def parts(self, table: str) -> Iterator[tuple[int, int, bytes]]:
        """(part, sequence, bytes) of a table of state, as they were last written whole."""
        unpack = zstandard.ZstdDecompressor().decompress
        for part, sequence, rows in self._writer.execute("SELECT part, sequence, rows FROM parts WHERE of = ? ORDER BY part", (table,)):
            yield part, sequence, unpack(rows)

    def deltas(self, table: str) -> Iterator[tuple[int, bytes]]:
        """(sequence, bytes) of the changes of a table since its oldest whole part, in order."""
        unpack = zstandard.ZstdDecompressor().decompress
        for sequence, rows in self._writer.execute("SELECT sequence, rows FROM deltas WHERE of = ? ORDER BY sequence", (table,)):
            yield sequence, unpack(rows)

    def forget(self, tables: Sequence[str]) -> None:
        """Let go of state of tables that nobody has any more."""
        with self._writing() as connection:
            for table in tables:
                connection.execute("DELETE FROM deltas WHERE of = ?", (table,))
                connection.execute("DELETE FROM parts WHERE of = ?", (table,))

    def prune(self, clock_us: Mapping[str, int], delivered: Mapping[str, int], keep: Keep = Keep()) -> None:  # noqa: B008 - frozen
        """Remove rows behind what views keep, changes that whole parts cover, and alerts that are old and delivered everywhere.

        A text goes when nothing has used it for as long as the longest view keeps its rows, and for `keep.texts_us`.
        """
        with self._writing() as connection:
            for view in self._views.values():
                if view.stream in clock_us and (keep.whole or view.window != "none"):
                    before = clock_us[view.stream] - view.keep_us
                    connection.execute(f"DELETE FROM {table_of(view.name)} WHERE {START} < ? AND {END} < ?", (before, before))
            longest_us = max(keep.texts_us, *(view.keep_us for view in self._views.values()), 0)
            connection.execute("DELETE FROM texts WHERE used_us < ?", (min(clock_us.values(), default=0) - longest_us,))
            covered = connection.execute("SELECT of, min(sequence) FROM parts GROUP BY of HAVING count(*) = ?", (PARTS,)).fetchall()
            connection.executemany("DELETE FROM deltas WHERE of = ? AND sequence <= ?", covered)
            connection.executemany("DELETE FROM outbox WHERE action = ? AND last <= ?", delivered.items())
            if keep.actions is not None:
                marks = ", ".join("?" * len(keep.actions))
                connection.execute(f"DELETE FROM outbox WHERE action NOT IN ({marks})", tuple(keep.actions))
            sql = """DELETE FROM alerts WHERE number IN (SELECT number FROM alerts WHERE raised_us < ? AND number < (SELECT coalesce(min(number), 1 << 62)
                     FROM outbox) ORDER BY number LIMIT ?)"""
            connection.execute(sql, (keep.alerts_since_us, PRUNE_ROWS))

    def close(self) -> None:
        """Let go of the file."""
        super().close()
        self._writer.close()
        os.close(self._handle)
