"""Checkpoints beside the appends: a thread that copies SQLite's write-ahead log into its file.

On the path of an append a checkpoint would be tens of milliseconds that every waiting request pays.  The thread takes the bulk of it; what
arrived meanwhile is so little that the appending thread finishes it itself, and SQLite then fills the write-ahead log from its beginning
again instead of growing it.  A checkpoint that fails loses nothing: the write-ahead log keeps its rows and the next one tries again.
"""

from __future__ import annotations

import contextlib
import sqlite3
import threading
from pathlib import Path
from queue import SimpleQueue

from footfall.eventlog.log_file import connect

WAL_BYTES = 64 << 20


class Checkpoints:
    """The thread and its list of things to do."""

    def __init__(self) -> None:
        self._jobs: SimpleQueue[Path | tuple[Path, sqlite3.Connection] | None] = SimpleQueue()
        self._caught_up: Path | None = None
        self._thread = threading.Thread(target=self._run, name="footfall-log-checkpoints", daemon=True)
        self._thread.start()

    def begin(self, path: Path) -> None:
        """Start a checkpoint of the file that is being appended to."""
        self._caught_up = None
        self._jobs.put(path)

    def finish(self, path: Path, connection: sqlite3.Connection) -> bool:
        """Do the rest of a checkpoint once the thread is through with the bulk; whether it was."""
        if self._caught_up != path:
            return False
        self._caught_up = None
        with contextlib.suppress(sqlite3.Error):
            connection.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
        return True

    def retire(self, path: Path, connection: sqlite3.Connection) -> None:
        """Checkpoint and close the connection of a file that is not appended to any more."""
        self._jobs.put((path, connection))

    def close(self) -> None:
        """Come to an end with what has been asked for."""
        self._jobs.put(None)
        self._thread.join()

    def _run(self) -> None:
        while (job := self._jobs.get()) is not None:
            if isinstance(job, Path):
                with contextlib.suppress(sqlite3.Error), contextlib.closing(connect(job, writing=True)) as own:
                    own.execute("PRAGMA wal_checkpoint(PASSIVE)").fetchone()
                self._caught_up = job
            else:
                _, connection = job
                # Closing the last connection checkpoints too, but a reader's may be open.
                with contextlib.suppress(sqlite3.Error):
                    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
                connection.close()
