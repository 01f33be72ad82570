"""The appending side of the embedded log: one thread of one process.

After any failure the file that was written to is given up and another begins at the same position (see `log_file.py`), so that no reader
ever sees what the failed append may have left on the disk.  The given-up file stays open until its successor exists: as long as it is, nobody reads its
write-ahead log anew and finds the group there.  When the successor cannot be made either (the disk is full), every later append tries again.
"""

from __future__ import annotations

import contextlib
import fcntl
import sqlite3
import uuid
from pathlib import Path
from typing import IO

from footfall import clock
from footfall.errors import LogBusy, StorageFailed
from footfall.eventlog.checkpoints import WAL_BYTES, Checkpoints
from footfall.eventlog.contract import Counts, Group
from footfall.eventlog.failures import storage_failed, told_as
from footfall.eventlog.log_file import INSERT, PAGE_BYTES, FileName, LogFile, Tail, connect, create_file, file_names, remove_file, tail_of, with_ends
from footfall.eventlog.packing import Packer

MARKER = "next-file"  # its presence asks for a new file, so that the present one can be trimmed
FILE_US = 24 * 3_600_000_000  # nothing that was passed on stays much longer than a day
ROW_PAGES = 3  # pages that one row changes at most beside its own bytes


class Appender:
    """Appends groups to the newest file and begins the next one when it is full."""

    def __init__(self, folder: Path, *, file_bytes: int) -> None:
        self._folder = folder
        self._file_bytes = file_bytes
        self._packer = Packer()
        self._lock = _lock(folder)
        self._checkpoints = Checkpoints()
        self._given_up: list[tuple[Path, sqlite3.Connection]] = []
        self._connection: sqlite3.Connection | None = None
        try:
            self._open()
        except BaseException:
            self.close()
            raise

    def _open(self) -> None:
        with told_as("open", self._folder):
            _remove_strays(self._folder)
            names = file_names(self._folder)
            if not names:
                self.name, self.tail = uuid.uuid4().hex, Tail(-1, 0, Counts())
                self._begin()
                return
            self._path = self._folder / names[-1].text
            with contextlib.closing(LogFile(self._folder, names[-1])) as last:
                self.name = last.log_name()
            self._connection = connect(self._path, writing=True)
            self.tail = tail_of(self._connection, names[-1])
            self._bytes = self._connection.execute("PRAGMA page_count").fetchone()[0] * PAGE_BYTES
            self._base, self._began_us = names[-1].position, clock.now_us()
            self._wal_bytes = WAL_BYTES  # whatever is there is checkpointed with the first append
            self._checkpointing = False

    def append(self, group: Group) -> int:
        """Make a group durable; its first position.

        Raises:
            StorageFailed: it is not durable.
        """
        count = sum(frame.count for frame in group.frames)
        block = self._packer.pack(group.frames)
        if self._connection is None or self._bytes >= self._file_bytes or self.due():
            self._begin()
        assert self._connection is not None
        counts = self.tail.counts + group.counts
        sequence, position = self.tail.sequence + 1, self.tail.position
        totals = (counts.received, counts.accepted, counts.duplicate, counts.dead_lettered)
        try:
            self._connection.execute(INSERT, (sequence, position, count, group.received_us, *totals, group.ids, block))
        except (sqlite3.ProgrammingError, sqlite3.IntegrityError):
            raise
        except sqlite3.Error as problem:
            self._give_up()
            raise storage_failed("append to", self._path, problem) from problem
        self.tail = Tail(sequence, position + count, counts)
        self._count_bytes(len(block) + len(group.ids))
        return position

    def due(self) -> bool:
        """Whether the next append begins a file because somebody asked for it, or because the present one has grown old."""
        if (self._folder / MARKER).exists():
            return True
        return clock.now_us() - self._began_us > FILE_US and self.tail.position > self._base

    def _count_bytes(self, size: int) -> None:
        self._bytes += size
        self._wal_bytes += size + ROW_PAGES * PAGE_BYTES
        assert self._connection is not None
        if self._checkpointing:
            self._checkpointing = not self._checkpoints.finish(self._path, self._connection)
        elif self._wal_bytes >= WAL_BYTES:
            self._wal_bytes, self._checkpointing = 0, True
            self._checkpoints.begin(self._path)

    def _give_up(self) -> None:
        assert self._connection is not None
        self._given_up.append((self._path, self._connection))
        self._connection = None
        # Now rather than with the next append: until the next file exists a crash could bring the failed group back.
        with contextlib.suppress(StorageFailed):
            self._begin()

    def _begin(self) -> None:
        """Begin the next file at the present position.

        Raises:
            StorageFailed: the disk is full or refuses; the next append tries again.
        """
        name = FileName(self.tail.position, self.tail.sequence + 1)
        self.tail = self.tail._replace(sequence=name.sequence)  # used up even if this fails: no name is used twice
        path = self._folder / name.text
        with told_as("begin a file of", path):
            create_file(self._folder, name, log=self.name, counts=self.tail.counts)
            connection = connect(path, writing=True)
        if self._connection is not None:
            self._given_up.append((self._path, self._connection))
        self._path, self._connection = path, connection
        self._bytes, self._wal_bytes, self._checkpointing = 0, 0, False
        self._base, self._began_us = name.position, clock.now_us()
        with contextlib.suppress(OSError):
            (self._folder / MARKER).unlink(missing_ok=True)
        while self._given_up:
            self._checkpoints.retire(*self._given_up.pop())
        self._remove_empty()

    def _remove_empty(self) -> None:
        """Remove files that end where they begin: each failure may leave one."""
        for name, end in with_ends(file_names(self._folder)):
            if name.position == end:
                with contextlib.suppress(OSError):
                    remove_file(self._folder / name.text)

    def close(self) -> None:
        """Let go of the files; another process may append from then on."""
        while self._given_up:
            self._checkpoints.retire(*self._given_up.pop())
        self._checkpoints.close()
        if self._connection is not None:
            self._connection.close()
            self._connection = None
        self._lock.close()


def _lock(folder: Path) -> IO[bytes]:
    """The right to append, held until the file is closed or the process is gone.

    Raises:
        LogBusy: another process has it.
        StorageFailed: the folder cannot be written.
    """
    with told_as("open", folder):
        folder.mkdir(parents=True, exist_ok=True)
        held = (folder / "lock").open("ab")
        try:
            fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            held.close()
            raise LogBusy(
                f"another process appends to the event log {folder}",
                field="log.url",
                got=folder,
                hint="stop the other `footfall up` of this project, or give this one a log of its own",
            ) from None
    return held


def _remove_strays(folder: Path) -> None:
    """Remove what SQLite kept beside files that were removed while a reader had them open."""
    for path in [*folder.glob("*.db-wal"), *folder.glob("*.db-shm")]:
        if not path.with_name(path.name[:-4]).exists():
            path.unlink(missing_ok=True)
