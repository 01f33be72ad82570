"""SMS: alerts for telephones, through a spool that an SMS server empties, or straight to an HTTP gateway.

The spool is a SQLite file with one row a message and recipient: `id`, `recipient`, `text`, `time`, and `sent_us`, which the SMS server sets when it has sent
the row.  A gateway is any address that takes `POST {"to": …, "text": …, "id": …}` and answers 2xx when it has it.

Delivery: into the spool exactly once, because the id is its key.  To a gateway at least once, with the same id and text in every try, so a
gateway that remembers ids sends each once.  The id is the alert's id and the recipient.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import msgspec

from footfall.connectors.actions.contract import Message, iso, plain
from footfall.connectors.actions.wire import Address, must_be_fine
from footfall.errors import DeliveryFailed

BUSY_S = 10.0
_SCHEMA = """
CREATE TABLE IF NOT EXISTS sms (
    number INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, recipient TEXT NOT NULL, text TEXT NOT NULL, time TEXT NOT NULL, sent_us INTEGER
)"""


class Sms(NamedTuple):
    """One message for one telephone."""

    id: str
    to: str
    text: str


def sms_of(message: Message, to: Sequence[str], characters_max: int) -> list[Sms]:
    """An alert as messages, one for each recipient."""
    text = plain(message.text, characters_max)
    return [Sms(f"{message.id}:{recipient}", recipient, text) for recipient in to]


class Spool:
    """The spool.  The action puts rows in; an SMS server takes the waiting ones and says which it has sent."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def put(self, rows: Sequence[tuple[Sms, int]]) -> None:
        """Add messages with the times of their alerts; those that are there already stay as they are."""
        with self._opened() as spool:
            spool.execute(_SCHEMA)
            for sms, time_us in rows:
                spool.execute("INSERT OR IGNORE INTO sms (id, recipient, text, time) VALUES (?, ?, ?, ?)", (*sms, iso(time_us)))

    def waiting(self, limit: int = 100) -> list[Sms]:
        """Messages that were not sent yet, oldest first."""
        with self._opened() as spool:
            spool.execute(_SCHEMA)
            return [Sms(*row) for row in spool.execute("SELECT id, recipient, text FROM sms WHERE sent_us IS NULL ORDER BY number LIMIT ?", (limit,))]

    def sent(self, name: str, time_us: int) -> None:
        """Note that a message was sent."""
        with self._opened() as spool:
            spool.execute("UPDATE sms SET sent_us = ? WHERE id = ?", (time_us, name))

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        self.path.parent.mkdir(parents=True, exist_ok=True)
        spool = sqlite3.connect(self.path, timeout=BUSY_S, isolation_level=None)
        try:
            spool.execute("PRAGMA journal_mode = WAL")
            spool.execute("PRAGMA synchronous = FULL")
            spool.execute("BEGIN IMMEDIATE")
            yield spool
            spool.execute("COMMIT")
        finally:
            spool.close()


class SpoolAction:
    """Puts alerts into the spool."""

    batch = 100

    def __init__(self, spool: Spool, *, to: Sequence[str], characters_max: int) -> None:
        self._spool = spool
        self._to = tuple(to)
        self._characters_max = characters_max

    def deliver(self, messages: Sequence[Message]) -> None:
        """All of them in one transaction.

        Raises:
            DeliveryFailed: the spool cannot be written; nothing of them is in it.
        """
        rows = [(sms, message.alert.time_us) for message in messages for sms in sms_of(message, self._to, self._characters_max)]
        try:
            self._spool.put(rows)
        except (sqlite3.Error, OSError) as problem:
            raise DeliveryFailed(
                f"the spool {self._spool.path} cannot be written: {problem}", hint="check the folder and the free space"
            ) from problem

    def close(self) -> None:
        """The spool is only open while it is written."""


class GatewayAction:
    """Posts alerts to a gateway, one request for each recipient."""

    batch = 1

    def __init__(self, url: str, *, to: Sequence[str], characters_max: int, token: str | None = None, timeout_s: float = 10.0) -> None:
        self._address = Address(url, timeout_s=timeout_s)
        self._to = tuple(to)
        self._characters_max = characters_max
        self._headers = {"Content-Type": "application/json"} | ({} if token is None else {"Authorization": f"Bearer {token}"})

    def deliver(self, messages: Sequence[Message]) -> None:
        """Every recipient is tried while the gateway answers, whatever it says of the others; it knows repeats by their id.

        Raises:
            DeliveryFailed: no answer, or one that is not 2xx, for a recipient or more.
        """
        for message in messages:
            failures = []
            for sms in sms_of(message, self._to, self._characters_max):
                answer = self._address.post(msgspec.json.encode(sms._asdict()), self._headers)
                try:
                    must_be_fine(self._address.host, answer)
                except DeliveryFailed as problem:
                    failures.append(problem)
            if failures:
                raise next((problem for problem in failures if problem.retryable), failures[0])

    def close(self) -> None:
        """Let go of the connection."""
        self._address.close()
