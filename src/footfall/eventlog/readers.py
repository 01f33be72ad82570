"""How far every reader has come, in a small database that any process may write to."""

from __future__ import annotations

import contextlib
import sqlite3
from pathlib import Path
from threading import Lock

from footfall.eventlog.failures import told_as
from footfall.eventlog.log_file import BUSY_SECONDS

SCHEMA = "CREATE TABLE IF NOT EXISTS readers (log TEXT NOT NULL, reader TEXT NOT NULL, position INTEGER NOT NULL, PRIMARY KEY (log, reader)) STRICT"


class Readers:
    """The positions of the readers of the log with a name.

    They are kept with the log's name: who removes the log's files and leaves this one starts a new log that nobody has read.
    """

    def __init__(self, folder: Path, log: str) -> None:
        self._path = folder / "positions.db"
        self._log = log
        self._lock = Lock()
        with told_as("open the positions of", self._path):
            self._connection = sqlite3.connect(self._path, isolation_level=None, check_same_thread=False, timeout=BUSY_SECONDS)
            self._connection.execute("PRAGMA synchronous = FULL")
            # Readers then do not wait for one another.  Another process that opens it at this very moment may stand in the way; the next opener succeeds.
            with contextlib.suppress(sqlite3.OperationalError):
                self._connection.execute("PRAGMA journal_mode = WAL")
            self._connection.execute(SCHEMA)

    def positions(self) -> dict[str, int]:
        """Every reader's name and position."""
        with self._lock, told_as("read the positions of", self._path):
            return dict(self._connection.execute("SELECT reader, position FROM readers WHERE log = ? ORDER BY reader", (self._log,)))

    def move(self, reader: str, position: int) -> None:
        """Note a reader's position."""
        with self._lock, told_as("note a position of", self._path):
            self._connection.execute("INSERT OR REPLACE INTO readers VALUES (?, ?, ?)", (self._log, reader, position))

    def forget(self, reader: str) -> None:
        """Let a reader go."""
        with self._lock, told_as("note a position of", self._path):
            self._connection.execute("DELETE FROM readers WHERE log = ? AND reader = ?", (self._log, reader))

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            self._connection.close()
