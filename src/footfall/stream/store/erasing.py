"""Removing a person from the live state: rows of views and alerts that are about one of their ids, whoever writes meanwhile."""

from __future__ import annotations

import sqlite3
from collections.abc import Sequence
from pathlib import Path

import msgspec
import zstandard

from footfall.errors import StorageFailed
from footfall.stream.alert_block import AlertBlock
from footfall.stream.contract import ViewSchema
from footfall.stream.store.layout import quoted, table_of
from footfall.stream.store.reading import BUSY_S, block_of


def erase_ids(path: Path, ids: Sequence[str]) -> int:
    """Remove what is about these ids from a state file; how many rows and alerts went.  What operators remember has hashes of ids only.

    Raises:
        StorageFailed: the file cannot be written; nothing of it is changed.
    """
    if not path.exists():
        return 0
    try:
        connection = sqlite3.connect(path, isolation_level=None, timeout=BUSY_S)
        try:
            connection.execute("PRAGMA secure_delete = ON")
            connection.execute("BEGIN IMMEDIATE")
            gone = _erased(connection, ids)
            connection.execute("COMMIT")
            connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        finally:
            connection.close()
    except sqlite3.Error as problem:
        raise StorageFailed(
            f"the live state {path} cannot be written: {problem}", got=str(path), hint="free some space, and erase again"
        ) from problem
    return gone


def _erased(connection: sqlite3.Connection, ids: Sequence[str]) -> int:
    marks = ", ".join("?" * len(ids))
    gone = 0
    views = [msgspec.msgpack.decode(schema, type=ViewSchema) for (schema,) in connection.execute("SELECT schema FROM views")]
    for view in views:
        for column in view.keys:
            gone += connection.execute(f"DELETE FROM {table_of(view.name)} WHERE {quoted(column.name)} IN ({marks})", ids).rowcount
    wanted = set(ids)
    packer = zstandard.ZstdCompressor(level=1)
    for number, packed in connection.execute("SELECT number, block FROM alerts").fetchall():
        block = block_of(packed)
        alerts = block.every()
        kept = [None if alert is None or wanted & set(alert.key.values()) else alert for alert in alerts]
        if lost := sum(alert is not None for alert in alerts) - sum(alert is not None for alert in kept):
            gone += lost
            written = packer.compress(msgspec.msgpack.encode(AlertBlock(block.rule, alerts=kept)))
            connection.execute("UPDATE alerts SET block = ? WHERE number = ?", (written, number))
    texts = [(hashed,) for hashed, text in connection.execute("SELECT hash, text FROM texts") if text in wanted or wanted & _words(text)]
    connection.executemany("DELETE FROM texts WHERE hash = ?", texts)
    return gone


def _words(text: str) -> set[str]:
    """The values of a key that is kept as JSON."""
    if not text.startswith("["):
        return set()
    try:
        return {value for value in msgspec.json.decode(text) if isinstance(value, str)}
    except msgspec.MsgspecError:
        return set()
