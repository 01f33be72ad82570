"""One file of the embedded log: its name, its two tables, its rows.

A file is an SQLite database named `POSITION-SEQUENCE.db`.  Every appended group is one row whose key is its sequence, a number that only
grows; the file itself takes a sequence too, so that no name is used twice.  What a file holds ends where the next file begins: rows at or
behind the next file's position are not part of the log.  That is how a group whose append failed stays invisible, whatever the disk kept
of it.

Each row carries the counts of the whole log up to and with itself, and each file those before it.  Totals are one look at the last file and
never count a row that is not part of the log.
"""

from __future__ import annotations

import os
import re
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from footfall.eventlog.contract import Counts

PAGE_BYTES = 16_384
ENDLESS = (1 << 63) - 1  # where the last file ends
IDS_ROWS = 1_000
BUSY_SECONDS = 10.0
NAME = re.compile(r"(\d{20})-(\d{20})\.db")
SCHEMA = """
CREATE TABLE log (name TEXT NOT NULL, received INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicate INTEGER NOT NULL,
    dead_lettered INTEGER NOT NULL) STRICT;
CREATE TABLE groups (sequence INTEGER PRIMARY KEY, position INTEGER NOT NULL, count INTEGER NOT NULL, received_us INTEGER NOT NULL,
    received INTEGER NOT NULL, accepted INTEGER NOT NULL, duplicate INTEGER NOT NULL, dead_lettered INTEGER NOT NULL,
    ids BLOB NOT NULL, block BLOB NOT NULL) STRICT;
"""
INSERT = "INSERT INTO groups VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)"
LAST = "SELECT sequence, position + count, received, accepted, duplicate, dead_lettered FROM groups ORDER BY sequence DESC LIMIT 1"


class FileName(NamedTuple):
    """Where a file begins: its first position and its own sequence."""

    position: int
    sequence: int

    @property
    def text(self) -> str:
        """The name in the folder."""
        return f"{self.position:020d}-{self.sequence:020d}.db"


class Tail(NamedTuple):
    """The end of a file: the last sequence in use, the position behind its last record, the counts of the log up to there."""

    sequence: int
    position: int
    counts: Counts


class Row(NamedTuple):
    """One group as it is stored."""

    sequence: int
    position: int
    records: int
    received_us: int
    block: bytes


def file_names(folder: Path) -> list[FileName]:
    """The log's files in order."""
    found = [match for name in os.listdir(folder) if (match := NAME.fullmatch(name))]  # noqa: PTH208 -- half the time of iterdir, and readers poll
    return sorted(FileName(int(match[1]), int(match[2])) for match in found)


def with_ends(names: list[FileName]) -> list[tuple[FileName, int]]:
    """Each file with the position before which its rows are part of the log."""
    return list(zip(names, [*(name.position for name in names[1:]), ENDLESS], strict=True))


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable."""
    handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)


def remove_file(path: Path) -> int:
    """Remove a log file with what SQLite keeps beside it; the bytes that were freed."""
    freed = 0
    for part in (path, path.with_name(path.name + "-wal"), path.with_name(path.name + "-shm")):
        try:
            freed += part.stat().st_size
            part.unlink()
        except FileNotFoundError:
            continue
    return freed


def create_file(folder: Path, name: FileName, *, log: str, counts: Counts) -> None:
    """Make an empty file, whole or not at all, durable when this returns.

    Raises:
        OSError, sqlite3.Error: it could not be made.
    """
    unfinished = folder / "next.tmp"
    remove_file(unfinished)
    connection = sqlite3.connect(unfinished, isolation_level=None)
    try:
        connection.execute(f"PRAGMA page_size = {PAGE_BYTES}")
        connection.execute("PRAGMA synchronous = OFF")  # synced as a whole, below
        connection.executescript(SCHEMA)
        connection.execute("INSERT INTO log VALUES (?, ?, ?, ?, ?)", (log, counts.received, counts.accepted, counts.duplicate, counts.dead_lettered))
        connection.execute("PRAGMA journal_mode = WAL")
    finally:
        connection.close()
    handle = os.open(unfinished, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
    unfinished.rename(folder / name.text)
    sync_folder(folder)


def connect(path: Path, *, writing: bool) -> sqlite3.Connection:
    """A connection to a file that exists."""
    mode = "rw" if writing else "ro"
    connection = sqlite3.connect(f"{path.as_uri()}?mode={mode}", uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
    if writing:
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA wal_autocheckpoint = 0")
    return connection


def tail_of(connection: sqlite3.Connection, name: FileName) -> Tail:
    """The end of a file that no other follows."""
    row = connection.execute(LAST).fetchone()
    if row is not None:
        return Tail(row[0], row[1], Counts(*row[2:]))
    counts = connection.execute("SELECT received, accepted, duplicate, dead_lettered FROM log").fetchone()
    return Tail(name.sequence, name.position, Counts(*counts))


class LogFile:
    """The reading side of one file.  Not for two threads at once.

    No method leaves a cursor open: a reader that pauses would keep SQLite from using the space of the write-ahead log again.
    """

    def __init__(self, folder: Path, name: FileName) -> None:
        self.name = name
        self.path = folder / name.text
        self._connection = connect(self.path, writing=False)
        self._behind = (-1, 0)  # position and sequence behind the last row that was read: where a reader that follows goes on

    def log_name(self) -> str:
        """The name of the log that the file belongs to."""
        return str(self._connection.execute("SELECT name FROM log").fetchone()[0])

    def tail(self) -> Tail:
        """The end of the file, if no other follows."""
        return tail_of(self._connection, self.name)

    def sequence_of(self, position: int) -> int:
        """The sequence of the group that holds `position`, else of the first one behind it.

        Sequences in a file have no gaps and positions never fall, so this halves the range instead of keeping an index, which would cost
        every append one more page.
        """
        if position == self._behind[0]:
            return self._behind[1]
        tail = self.tail()
        if position >= tail.position:
            return tail.sequence + 1
        low, high = self.name.sequence + 1, tail.sequence + 1
        while low < high:
            middle = (low + high) // 2
            row = self._connection.execute("SELECT position + count FROM groups WHERE sequence = ?", (middle,)).fetchone()
            if row[0] <= position:
                low = middle + 1
            else:
                high = middle
        return low

    def rows(self, first: int, end: int, bytes_max: int) -> list[Row]:
        """Groups with records from the sequence `first` on and before the position `end`, up to about `bytes_max` packed bytes."""
        rows, size = [], 0
        cursor = self._connection.execute(
            "SELECT sequence, position, count, received_us, block FROM groups WHERE sequence >= ? AND count > 0 ORDER BY sequence", (first,)
        )
        try:
            for row in map(Row._make, cursor):
                if row.position >= end:
                    break
                rows.append(row)
                size += len(row.block)
                if size >= bytes_max:
                    break
        finally:
            cursor.close()
        if rows:
            self._behind = (rows[-1].position + rows[-1].records, rows[-1].sequence + 1)
        return rows

    def ids(self, since_us: int, end: int) -> Iterator[tuple[int, bytes]]:
        """(time of receipt, hashes) of the groups received since then, before the position `end`, that have any."""
        first = self.name.sequence
        while rows := self._connection.execute(
            "SELECT sequence, received_us, CASE WHEN received_us >= ? AND position < ? THEN ids END FROM groups WHERE sequence > ?"
            " ORDER BY sequence LIMIT ?",
            (since_us, end, first, IDS_ROWS),
        ).fetchall():
            first = rows[-1][0]
            yield from ((received_us, ids) for _, received_us, ids in rows if ids)

    def close(self) -> None:
        """Let go of the file."""
        self._connection.close()
