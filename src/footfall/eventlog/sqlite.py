"""The embedded event log: a folder of SQLite files, for one machine.

Durable means synced: WAL with `synchronous=FULL`, one row a group.  One process appends, held to it by a lock; any number read, each through
connections of its own, while files come and go.  Why SQLite: docs/adr/0020.

Threads: one thread appends; everything else may be called from any thread.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from threading import RLock
from typing import TypeVar

from footfall import clock
from footfall.errors import StorageFailed
from footfall.eventlog.appender import MARKER, Appender
from footfall.eventlog.contract import Block, Counts, Group
from footfall.eventlog.failures import storage_failed, told_as
from footfall.eventlog.log_file import FileName, LogFile, Row, Tail, file_names, remove_file, with_ends
from footfall.eventlog.packing import DamagedBlock, Unpacker
from footfall.eventlog.past_ids import drop_past_ids, past_ids, read_ids, write_ids
from footfall.eventlog.readers import Readers

DAY_US = 86_400_000_000
OPEN_FILES_MAX = 8
TRIES = 100

Answer = TypeVar("Answer")


class SqliteLog:
    """An EventLog in a folder.  With `read_only` it cannot append; its readers' positions can move all the same."""

    def __init__(self, folder: Path, *, file_bytes: int = 256 << 20, window_days: int = 7, read_only: bool = False) -> None:
        self._folder = Path(folder).absolute()
        self._window_us = (window_days + 1) * DAY_US  # the window of duplicates counts whole days
        self._lock = RLock()  # the reading side: open files and where the last read ended
        self._open_files: dict[FileName, LogFile] = {}
        self._appender = None if read_only else Appender(self._folder, file_bytes=file_bytes)
        try:
            self.name = self._log_name() if self._appender is None else self._appender.name
            self._readers = Readers(self._folder, self.name)
        except BaseException:
            if self._appender is not None:
                self._appender.close()
            raise

    def _log_name(self) -> str:
        with self._lock:
            return self._with_files(lambda names: self._file(names[-1]).log_name())

    def append(self, group: Group) -> int:
        """Make a group durable and return its first position.

        Raises:
            StorageFailed: it is not durable, no reader will ever see it, and the log can be used on.
        """
        assert self._appender is not None, "this log was opened for reading"
        return self._appender.append(group)

    def start(self) -> int:
        """The first position that is still there."""
        return self._with_files(lambda names: names[0].position)

    def end(self) -> int:
        """The position that the next record gets."""
        return self._tail().position

    def totals(self) -> Counts:
        """The counts of everything ever appended."""
        return self._tail().counts

    def _tail(self) -> Tail:
        if self._appender is not None:
            return self._appender.tail
        return self._with_files(lambda names: self._file(names[-1]).tail())

    def read(self, position: int, *, bytes_max: int = 16 << 20) -> Iterator[Block]:
        """Blocks from the one that holds `position` on, up to about `bytes_max` of packed bytes, at least one if there is one.

        Before the start of the log it begins at the start; behind its end there is nothing.

        Raises:
            StorageFailed: a file cannot be read, or a block is not as it was written.
        """
        assert position >= 0
        rows = self._with_files(lambda names: self._rows(names, position, bytes_max))
        unpacker = Unpacker() if rows else None
        expected = None
        for path, row in rows:
            assert unpacker is not None
            try:
                frames = unpacker.unpack(row.block)
                _check(row, [frame.count for frame in frames], expected)
            except DamagedBlock as problem:
                raise StorageFailed(
                    f"the event log {path} is damaged at position {row.position}: {problem}",
                    field="log.url",
                    got=path,
                    hint=f"check the disk and restore the file from a copy; the next block begins at position {row.position + row.records}",
                ) from problem
            expected = row.position + row.records
            yield Block(row.position, row.records, row.received_us, frames)

    def _rows(self, names: list[FileName], position: int, bytes_max: int) -> list[tuple[Path, Row]]:
        found: list[tuple[Path, Row]] = []
        size = 0
        for name, end in with_ends(names):
            if end <= position or name.position == end:
                continue
            file = self._file(name)
            for row in file.rows(file.sequence_of(position), end, bytes_max - size):
                found.append((file.path, row))
                size += len(row.block)
            if size >= bytes_max:
                break
        return found

    def ids(self, since_us: int) -> Iterator[tuple[int, bytes]]:
        """(time of receipt, hashes) of every group received since then, trimmed ones included as long as the window lasts, in order."""
        with told_as("read", self._folder):
            here = self._with_files(with_ends)
            past = past_ids(self._folder)
        there = {name for name, _ in here}
        for kept in past:
            if kept.file not in there:
                yield from read_ids(self._folder, kept, since_us)
        for name, end in here:
            yield from self._ids_of(name, end, since_us)

    def _ids_of(self, name: FileName, end: int, since_us: int) -> Iterator[tuple[int, bytes]]:
        path = self._folder / name.text
        try:
            with told_as("read", path):
                file = LogFile(self._folder, name)
        except StorageFailed:
            if path.exists():
                raise
            # Trimmed since the files were listed: its ids are in a file of their own now, or out of the window.
            for kept in past_ids(self._folder):
                if kept.file == name:
                    yield from read_ids(self._folder, kept, since_us)
            return
        try:
            with told_as("read", path):
                yield from file.ids(since_us, end)
        finally:
            file.close()

    def positions(self) -> Mapping[str, int]:
        """Every reader's name and the position it has passed."""
        return self._readers.positions()

    def move(self, reader: str, position: int) -> None:
        """Note that a reader has passed everything before `position`; it may go back, too."""
        assert position >= 0
        self._readers.move(reader, position)

    def forget(self, reader: str) -> None:
        """Let a reader's name go, so that it no longer holds back trimming."""
        self._readers.forget(reader)

    def trim(self) -> int:
        """Remove whole files that every reader has passed; the bytes that were freed.

        The newest file stays, and without readers every file does.  Ids within the window of duplicates are kept in files of their own
        until it is over.  Any process may trim; when another one does, nothing is done.
        """
        with told_as("trim", self._folder):
            handle = os.open(self._folder / "trim-lock", os.O_RDWR | os.O_CREAT, 0o644)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                return self._trim()
            except BlockingIOError:
                return 0
            finally:
                os.close(handle)

    def _trim(self) -> int:
        oldest_us = clock.now_us() - self._window_us
        drop_past_ids(self._folder, oldest_us)
        passed = min(self.positions().values(), default=0)
        freed = 0
        for name, end in with_ends(file_names(self._folder))[:-1]:
            if end > passed:
                break
            with_ids = LogFile(self._folder, name)
            try:
                write_ids(self._folder, name, with_ids.ids(oldest_us, end))
            finally:
                with_ids.close()
            freed += remove_file(self._folder / name.text)
        return freed

    def due(self) -> bool:
        """Whether the appending process should begin a file even if nothing arrives: a group without frames does it."""
        return self._appender is not None and self._appender.due()

    def ask_for_file(self) -> None:
        """Ask whoever appends to begin a file soon, so that what is there now can be trimmed once it was read."""
        with told_as("write", self._folder):
            (self._folder / MARKER).touch()

    def close(self) -> None:
        """Let go of the files."""
        if self._appender is not None:
            self._appender.close()
        self._readers.close()
        with self._lock:
            while self._open_files:
                self._open_files.popitem()[1].close()

    def _with_files(self, ask: Callable[[list[FileName]], Answer]) -> Answer:
        """Ask something of the present files; again when one of them was trimmed meanwhile.

        Raises:
            StorageFailed: there is no log here, or a file cannot be read.
        """
        with self._lock:
            for _ in range(TRIES):
                names = self._list()
                try:
                    return ask(names)
                except sqlite3.Error as problem:
                    if isinstance(problem, sqlite3.ProgrammingError):
                        raise
                    gone = [name for name in names if not (self._folder / name.text).exists()]
                    if not gone:
                        raise storage_failed("read", self._folder, problem) from problem
            raise StorageFailed(f"the files of the event log {self._folder} vanish faster than they can be read", got=self._folder)

    def _list(self) -> list[FileName]:
        with told_as("read", self._folder):
            try:
                names = file_names(self._folder)
            except FileNotFoundError:
                names = []
        if not names:
            raise StorageFailed(f"there is no event log in {self._folder}", field="log.url", got=self._folder, hint="start it with `footfall up`")
        if len(self._open_files) > 1:
            for name in set(self._open_files) - set(names):
                self._open_files.pop(name).close()
        return names

    def _file(self, name: FileName) -> LogFile:
        """A file of the log, kept open: a reader that waits for the next event looks at it a thousand times a second."""
        file = self._open_files.get(name)
        if file is None:
            while len(self._open_files) >= OPEN_FILES_MAX:
                self._open_files.pop(next(iter(self._open_files))).close()
            file = self._open_files[name] = LogFile(self._folder, name)
        return file


def _check(row: Row, counts: list[int], expected: int | None) -> None:
    if sum(counts) != row.records:
        raise DamagedBlock(f"{row.records} records were written and {sum(counts)} are there")
    if expected is not None and row.position != expected:
        raise DamagedBlock(f"the block before it ends at position {expected}")
