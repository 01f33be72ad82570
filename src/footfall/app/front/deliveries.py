"""What became of alerts on their way out: how far each action came, which alerts wait for another try, which were set aside.

One SQLite file (`.footfall/deliveries.db`, WAL, synced with every commit).  The outbox stays as the live path wrote it; an alert that did not get through is copied here
whole, so the outbox can be pruned up to what was passed.  The ids of the last deliveries are kept as well: when the live state is made anew and its
numbers begin again, what was delivered is not sent twice.  One process delivers, held to it by a lock; others read, and ask for
replays.  May be called from any thread.
"""

from __future__ import annotations

import fcntl
import os
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec

from footfall.errors import StorageFailed
from footfall.stream.contract import Alert

FILE_NAME = "deliveries.db"
BUSY_S = 30.0
SENT_NUMBERS = 20_000  # ids are kept of so many numbers behind the newest
_SCHEMA = """
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS action (
    name TEXT PRIMARY KEY, passed INTEGER NOT NULL DEFAULT 0, passed_id TEXT NOT NULL DEFAULT '', delivered INTEGER NOT NULL DEFAULT 0,
    retried INTEGER NOT NULL DEFAULT 0, delivered_us INTEGER, error TEXT, error_us INTEGER
) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS letter (
    action TEXT, id TEXT, number INTEGER NOT NULL, alert BLOB NOT NULL, tries INTEGER NOT NULL, first_us INTEGER NOT NULL, failed_us INTEGER NOT NULL,
    next_us INTEGER, reason TEXT NOT NULL, PRIMARY KEY (action, id)
) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS letter_number ON letter (action, number);
CREATE TABLE IF NOT EXISTS sent (action TEXT, id TEXT, number INTEGER NOT NULL, PRIMARY KEY (action, id)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS sent_number ON sent (action, number);
COMMIT;
"""
_UPDATE = (
    "UPDATE letter SET number = ?3, alert = ?4, tries = ?5, first_us = ?6, failed_us = ?7, next_us = ?8, reason = ?9 WHERE action = ?1 AND id = ?2"
)
_LETTER = "action, number, alert, tries, first_us, failed_us, next_us, reason"


class Letter(msgspec.Struct, frozen=True):
    """An alert that did not get through: tried again at `next_us`, or set aside where that is None."""

    action: str
    number: int
    alert: Alert
    tries: int
    first_us: int
    failed_us: int
    next_us: int | None
    reason: str

    @property
    def dead(self) -> bool:
        """Whether nobody tries it any more."""
        return self.next_us is None


class Totals(msgspec.Struct, frozen=True):
    """Where an action stands.  `waiting` are alerts of the outbox that were not tried yet, `parked` those that are tried again, `dead` those set aside."""

    action: str
    delivered: int = 0
    retried: int = 0
    waiting: int = 0
    parked: int = 0
    dead: int = 0
    passed: int = 0
    delivered_us: int | None = None
    error: str | None = None
    error_us: int | None = None


@dataclass(slots=True)
class Noted:
    """What one attempt changed: how far the outbox was passed, what was delivered (number, id), what was not."""

    action: str
    at_us: int
    passed: tuple[int, str] | None = None
    delivered: list[tuple[int, str]] = field(default_factory=list)
    letters: list[Letter] = field(default_factory=list)
    retried: int = 0


class Deliveries:
    """The file.  With `read_only` it may not be there yet, and then nothing was delivered."""

    def __init__(self, path: Path, *, read_only: bool = False) -> None:
        self.path = path
        self._read_only = read_only
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None
        self._claim: int | None = None

    def claim(self) -> bool:
        """Whether this process is the one that delivers; it stays so until it ends or closes."""
        with self._lock:
            if self._claim is not None:
                return True
            with self._told("opened"):
                self.path.parent.mkdir(parents=True, exist_ok=True)
                handle = os.open(self.path.with_suffix(".lock"), os.O_RDWR | os.O_CREAT, 0o600)
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(handle)
                return False
            self._claim = handle
            return True

    def close(self) -> None:
        """Let go of the file and of the right to deliver."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None
            if self._claim is not None:
                os.close(self._claim)
                self._claim = None

    # --- what the deliverer does -----------------------------------------------------------------------------------------

    def passed(self, action: str) -> tuple[int, str]:
        """Up to which number an action's outbox was passed, and that alert's id."""
        with self._reading() as connection:
            row = None if connection is None else connection.execute("SELECT passed, passed_id FROM action WHERE name = ?", (action,)).fetchone()
        return (0, "") if row is None else row

    def rewind(self, action: str) -> None:
        """Begin the outbox again: it is another one."""
        with self._writing() as connection:
            connection.execute("UPDATE action SET passed = 0, passed_id = '' WHERE name = ?", (action,))

    def known(self, action: str, ids: Sequence[str]) -> set[str]:
        """Which of these alerts the action delivered lately, or keeps as letters."""
        marks = ", ".join("?" * len(ids))
        tables = [f"SELECT id FROM {table} WHERE action = ? AND id IN ({marks})" for table in ("sent", "letter")]
        with self._reading() as connection:
            found = [] if connection is None else connection.execute(" UNION ".join(tables), (action, *ids, action, *ids)).fetchall()
        return {name for (name,) in found}

    def note(self, noted: Noted) -> None:
        """Everything of an attempt at once, on disk when this returns.

        Raises:
            StorageFailed: nothing of it is noted, and the same may be noted again.
        """
        action, problem = noted.action, noted.letters[-1].reason if noted.letters else None
        with self._writing() as connection:
            connection.execute("INSERT OR IGNORE INTO action (name) VALUES (?)", (action,))
            if noted.passed is not None:
                connection.execute("UPDATE action SET passed = ?, passed_id = ? WHERE name = ?", (*noted.passed, action))
                connection.execute("DELETE FROM sent WHERE action = ? AND number <= ?", (action, noted.passed[0] - SENT_NUMBERS))
            for number, name in noted.delivered:
                connection.execute("DELETE FROM letter WHERE action = ? AND id = ?", (action, name))
                connection.execute("INSERT OR REPLACE INTO sent VALUES (?, ?, ?)", (action, name, number))
            for letter in noted.letters:
                # A parked alert that was erased meanwhile does not come back.
                connection.execute(_UPDATE if noted.retried else "INSERT OR REPLACE INTO letter VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", _row(letter))
            delivered = len(noted.delivered)
            sql = "UPDATE action SET delivered = delivered + ?, retried = retried + ?, delivered_us = coalesce(?, delivered_us) WHERE name = ?"
            connection.execute(sql, (delivered, noted.retried, noted.at_us if delivered else None, action))
            if problem is not None:
                connection.execute("UPDATE action SET error = ?, error_us = ? WHERE name = ?", (problem, noted.at_us, action))

    def due(self, action: str, now_us: int) -> Letter | None:
        """The oldest letter whose time for another try has come; one that failed in the future is due, because the clock was set back."""
        sql = f"SELECT {_LETTER} FROM letter WHERE action = ? AND next_us IS NOT NULL AND (next_us <= ? OR failed_us > ?) ORDER BY number LIMIT 1"
        with self._reading() as connection:
            row = None if connection is None else connection.execute(sql, (action, now_us, now_us)).fetchone()
        return None if row is None else _letter(row)

    def first(self, action: str) -> Letter | None:
        """The oldest letter that is tried again, due or not."""
        return next(iter(self.letters(action, dead=False, limit=1)), None)

    def next_us(self, action: str) -> int | None:
        """When the next letter is due."""
        with self._reading() as connection:
            row = None if connection is None else connection.execute("SELECT min(next_us) FROM letter WHERE action = ?", (action,)).fetchone()
        return None if row is None else row[0]

    def hasten(self, action: str, since_us: int, now_us: int) -> None:
        """Letters that failed for the first time since a moment are due now: what was in their way is gone."""
        with self._writing() as connection:
            sql = "UPDATE letter SET next_us = ? WHERE action = ? AND next_us > ? AND first_us >= ?"
            connection.execute(sql, (now_us, action, now_us, since_us))

    # --- what others ask -------------------------------------------------------------------------------------------------

    def letters(self, action: str | None = None, *, dead: bool = True, limit: int = 1_000) -> list[Letter]:
        """Alerts that were set aside, or with `dead=False` those that are tried again, oldest first."""
        which = "" if action is None else " AND action = ?"
        sql = f"SELECT {_LETTER} FROM letter WHERE next_us IS {'NULL' if dead else 'NOT NULL'}{which} ORDER BY action, number LIMIT ?"
        with self._reading() as connection:
            values = (limit,) if action is None else (action, limit)
            return [] if connection is None else [_letter(row) for row in connection.execute(sql, values)]

    def replay(self, action: str, number: int | None, now_us: int) -> int:
        """Have an alert that was set aside tried again from now on, with all of its patience; all of an action's with None.  How many."""
        which, values = ("", ()) if number is None else (" AND number = ?", (number,))
        sql = f"UPDATE letter SET tries = 0, first_us = ?, next_us = ? WHERE action = ? AND next_us IS NULL{which}"
        with self._writing() as connection:
            return connection.execute(sql, (now_us, now_us, action, *values)).rowcount

    def totals(self) -> dict[str, Totals]:
        """Every action that ever had something to deliver, by name; `waiting` is not known here."""
        sql = """SELECT name, delivered, retried, passed, delivered_us, error, error_us,
                     (SELECT count(*) FROM letter WHERE action = name AND next_us IS NOT NULL),
                     (SELECT count(*) FROM letter WHERE action = name AND next_us IS NULL)
                 FROM action ORDER BY name"""
        with self._reading() as connection:
            rows = [] if connection is None else connection.execute(sql).fetchall()
        return {
            name: Totals(name, delivered, retried, 0, parked, dead, passed, delivered_us, error, error_us)
            for name, delivered, retried, passed, delivered_us, error, error_us, parked, dead in rows
        }

    def erase(self, ids: Sequence[str]) -> int:
        """Remove letters that are about one of these persons; how many.  What was delivered is known by the alert's hash only."""
        wanted = set(ids)
        with self._writing() as connection:
            connection.execute("PRAGMA secure_delete = ON")
            rows = connection.execute("SELECT action, id, alert FROM letter").fetchall()
            found = [(action, name) for action, name, alert in rows if wanted & set(msgspec.msgpack.decode(alert, type=Alert).key.values())]
            connection.executemany("DELETE FROM letter WHERE action = ? AND id = ?", found)
        with self._lock, self._told("written"):
            self._opened().execute("PRAGMA wal_checkpoint(TRUNCATE)")  # type: ignore[union-attr] # it was just written
        return len(found)

    # --- the file --------------------------------------------------------------------------------------------------------

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        with self._lock, self._told("read"):
            yield self._opened()

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        assert not self._read_only, "it was opened for reading"
        with self._lock, self._told("written"):
            connection = self._opened()
            assert connection is not None, "what may be written is made"
            connection.execute("BEGIN IMMEDIATE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def _opened(self) -> sqlite3.Connection | None:
        if self._connection is None:
            if self._read_only and not self.path.exists():
                return None
            self.path.parent.mkdir(parents=True, exist_ok=True)
            where = f"{self.path.absolute().as_uri()}?mode={'ro' if self._read_only else 'rwc'}"
            connection = sqlite3.connect(where, uri=True, timeout=BUSY_S, isolation_level=None, check_same_thread=False)
            try:
                if not self._read_only:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = FULL")
                    connection.executescript(_SCHEMA)
                elif connection.execute("SELECT count(*) FROM sqlite_master").fetchone() == (0,):
                    connection.close()  # somebody is about to make it
                    return None
            except BaseException:
                connection.close()
                raise
            self._connection = connection
        return self._connection

    @contextmanager
    def _told(self, doing: str) -> Iterator[None]:
        try:
            yield
        except (sqlite3.OperationalError, sqlite3.DatabaseError, OSError) as problem:
            if isinstance(problem, sqlite3.ProgrammingError | sqlite3.IntegrityError):
                raise
            raise StorageFailed(
                f"{self.path} cannot be {doing}: {problem}", got=str(self.path), hint="check the folder, its permissions and the free space"
            ) from problem


def _row(letter: Letter) -> tuple[object, ...]:
    alert = msgspec.msgpack.encode(letter.alert)
    times = letter.first_us, letter.failed_us, letter.next_us
    return letter.action, letter.alert.id, letter.number, alert, letter.tries, *times, letter.reason


def _letter(row: tuple[Any, ...]) -> Letter:
    action, number, alert, *rest = row
    return Letter(action, number, msgspec.msgpack.decode(alert, type=Alert), *rest)
