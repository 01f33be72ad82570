"""Reading the embedded store from any process: how far the live path came, rows of views, alerts, the outbox."""

from __future__ import annotations

import sqlite3
from array import array
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path
from threading import Lock
from typing import Any

import msgspec
import zstandard

from footfall.errors import InvalidQuery, StorageFailed, nearest
from footfall.stream.alert_block import AlertBlock
from footfall.stream.contract import Alert, ViewColumn, ViewSchema
from footfall.stream.store.contract import Moment, Posted, RowsWanted
from footfall.stream.store.layout import END, ID, START, quoted, table_of

BUSY_S = 30.0
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_NEVER_US = -(1 << 63)


class SqliteReader:
    """What is in a state file now.  Every call sees one micro-batch's end; a file that is not there yet has nothing in it."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._lock = Lock()
        self._connection: sqlite3.Connection | None = None

    def _connect(self) -> sqlite3.Connection:
        uri = f"file:{self._path}?mode=ro"
        return sqlite3.connect(uri, uri=True, isolation_level=None, check_same_thread=False, timeout=BUSY_S)

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection | None]:
        """A connection inside one reading transaction; None while there is no state."""
        with self._lock:
            try:
                connection = self._begun()
            except sqlite3.Error as problem:
                raise self._failed(problem) from problem
            if connection is None:
                yield None
                return
            try:
                yield connection
            except sqlite3.DatabaseError as problem:
                raise self._failed(problem) from problem
            finally:
                connection.execute("COMMIT")

    def _begun(self) -> sqlite3.Connection | None:
        """The connection with a transaction begun; None while the file or its tables are not there yet."""
        if self._connection is None:
            if not self._path.exists():
                return None
            try:
                self._connection = self._connect()
            except sqlite3.OperationalError:
                return None  # it went between the two looks
        self._connection.execute("BEGIN")
        if self._connection.execute("SELECT count(*) FROM sqlite_master WHERE name IN ('moment', 'counts')").fetchone()[0] == 2:
            return self._connection
        self._connection.execute("COMMIT")
        return None

    def _failed(self, problem: sqlite3.Error) -> StorageFailed:
        return StorageFailed(f"the live state {self._path} cannot be read: {problem}", got=str(self._path), hint="check the disk and the file")

    def moment(self) -> Moment:
        """How far the live path came."""
        with self._reading() as connection:
            row = None if connection is None else connection.execute("SELECT value FROM moment WHERE name = 'moment'").fetchone()
        return Moment() if row is None else msgspec.msgpack.decode(row[0], type=Moment)

    def views(self) -> dict[str, ViewSchema]:
        """Every view there is."""
        with self._reading() as connection:
            return {} if connection is None else _views(connection)

    def rows(self, view: str, question: RowsWanted) -> list[dict[str, Any]]:
        """Rows of a view, newest window first, then by the order asked for; where every key has windows of its own, by that order first.

        Raises:
            InvalidQuery: there is no such view, key or measure.
        """
        with self._reading() as connection:
            schemas = {} if connection is None else _views(connection)
            if view not in schemas or connection is None:
                raise _unknown("view", view, schemas)
            sql, values = _select(schemas[view], question)
            clock = _moment(connection).clock_us.get(schemas[view].stream)
            found = connection.execute(sql, values).fetchall()
            texts = _texts(connection, schemas[view], found)
        return _rows(schemas[view], found, clock, texts)

    def alerts(self, *, after: int = 0, rule: str | None = None, limit: int = 100, newest: bool = True) -> list[tuple[int, Alert]]:
        """Alerts with their numbers, in the order they were raised or the newest first."""
        condition, values = ("", ()) if rule is None else (" AND rule = ?", (rule,))
        sql = f"SELECT number, last, block FROM alerts WHERE last > ?{condition} ORDER BY number {'DESC' if newest else 'ASC'}"
        with self._reading() as connection:
            blocks = iter(()) if connection is None else connection.execute(sql, (after, *values))
            return _alerts(blocks, after, limit, newest=newest)

    def posted(self, action: str, *, after: int, limit: int) -> list[Posted]:
        """What an action has to deliver, in order."""
        sql = (
            "SELECT a.number, a.last, a.block FROM outbox o JOIN alerts a ON a.number = o.number WHERE o.action = ? AND o.last > ? ORDER BY o.number"
        )
        with self._reading() as connection:
            blocks = iter(()) if connection is None else connection.execute(sql, (action, after))
            return [Posted(number, action, alert) for number, alert in _alerts(blocks, after, limit, newest=False)]

    def counters(self) -> dict[tuple[str, str], int]:
        """Counts by operator and name since the state began."""
        with self._reading() as connection:
            found = [] if connection is None else connection.execute("SELECT operator, name, value FROM counts").fetchall()
        return {(operator, name): value for operator, name, value in found}

    def gauges(self) -> dict[str, Any]:
        """What the writer last said of itself, such as the size of its state."""
        with self._reading() as connection:
            row = None if connection is None else connection.execute("SELECT value FROM moment WHERE name = 'gauges'").fetchone()
        return {} if row is None else msgspec.msgpack.decode(row[0])

    def texts(self, hashes: Sequence[int]) -> dict[int, str]:
        """The texts behind hashes."""
        with self._reading() as connection:
            return {} if connection is None else _texts_of(connection, hashes)

    def ticks(self, operator: str) -> list[tuple[int, int]]:
        """(position, clock) at which the idle clock made an operator's timers do something, in order."""
        sql = "SELECT position, clock_us FROM ticks WHERE operator = ? ORDER BY rowid"
        with self._reading() as connection:
            return [] if connection is None else connection.execute(sql, (operator,)).fetchall()

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._connection is not None:
                self._connection.close()
                self._connection = None


def _alerts(blocks: Iterator[tuple[int, int, bytes]], after: int, limit: int, *, newest: bool) -> list[tuple[int, Alert]]:
    """Alerts of blocks (first number, last number, block), those behind `after`, until there are enough."""
    found: list[tuple[int, Alert]] = []
    for number, last, packed in blocks:
        if len(found) >= limit:
            break
        places = list(range(max(0, after + 1 - number), last - number + 1))
        if newest:
            places.reverse()
        places = places[: limit - len(found)]
        alerts = block_of(packed).some(places)
        found += [(number + place, alert) for place, alert in zip(places, alerts, strict=True) if alert is not None]
    return found


def block_of(packed: bytes) -> AlertBlock:
    """A block of alerts as it was stored."""
    return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(packed), type=AlertBlock)


def hashes_of(path: bytes) -> list[int]:
    """The hashes of a path column."""
    return array("q", path).tolist()


@lru_cache(4_096)
def iso(us: int) -> str:
    """Microseconds as ISO 8601 in UTC."""
    moment = _EPOCH + timedelta(microseconds=us)
    return moment.isoformat(timespec="microseconds" if us % 1_000_000 else "seconds").replace("+00:00", "Z")


def _moment(connection: sqlite3.Connection) -> Moment:
    row = connection.execute("SELECT value FROM moment WHERE name = 'moment'").fetchone()
    return Moment() if row is None else msgspec.msgpack.decode(row[0], type=Moment)


def _views(connection: sqlite3.Connection) -> dict[str, ViewSchema]:
    found = connection.execute("SELECT name, schema FROM views ORDER BY name")
    return {name: msgspec.msgpack.decode(schema, type=ViewSchema) for name, schema in found}


def _unknown(what: str, name: str, known: Mapping[str, object]) -> InvalidQuery:
    near = nearest(name, known, limit=1)
    hint = f"did you mean {near[0]!r}?" if near else "known: " + (", ".join(known) or "none yet; start the project with footfall up")
    return InvalidQuery(f"there is no {what} {name!r}", field=what, got=name, allowed=tuple(known), hint=hint)


def _select(view: ViewSchema, question: RowsWanted) -> tuple[str, list[Any]]:
    columns = {column.name: column for column in view.columns}
    conditions, values = [], []
    for name, wanted in question.where.items():
        if name not in columns:
            raise _unknown("column", name, columns)
        conditions.append(f"{quoted(name)} IS NULL" if wanted == "" else f"CAST({quoted(name)} AS TEXT) = ?")
        values += [wanted] if wanted else []
    bounds = (("since_us", f"{END} > ?"), ("until_us", f"{START} < ?"))
    for name, condition in bounds:
        if getattr(question, name) is not None:
            conditions.append(condition)
            values.append(getattr(question, name))
    if question.latest:
        conditions.append(f"{START} = (SELECT max({START}) FROM {table_of(view.name)})")
    if question.order is not None and question.order.lstrip("-") not in columns:
        raise _unknown("column", question.order.lstrip("-"), columns)
    newest = f"{START} DESC" if view.window != "none" else f"{END} DESC"
    order = [newest]
    if question.order is not None:
        order.append(f"{quoted(question.order.lstrip('-'))} {'ASC' if question.order.startswith('-') else 'DESC'}")
        if not view.window.startswith(("tumbling", "sliding")):
            order.reverse()  # no two rows share a window, so the measure alone orders them
    where = " AND ".join(conditions) or "TRUE"
    listed = ", ".join((START, END, ID, *(quoted(name) for name in columns)))
    return f"SELECT {listed} FROM {table_of(view.name)} WHERE {where} ORDER BY {', '.join(order)}, {ID} LIMIT ?", [*values, max(0, question.limit)]


def _texts(connection: sqlite3.Connection, view: ViewSchema, found: list[tuple[Any, ...]]) -> dict[int, str]:
    """The texts behind the hashes of path columns."""
    places = [index for index, column in enumerate(view.columns, 3) if column.kind == "json"]
    wanted: set[int] = set()
    for row in found:
        for place in places:
            wanted.update(hashes_of(row[place]))
    return _texts_of(connection, list(wanted))


def _texts_of(connection: sqlite3.Connection, hashes: Sequence[int]) -> dict[int, str]:
    known: dict[int, str] = {}
    for first in range(0, len(hashes), 500):
        some = hashes[first : first + 500]
        known.update(connection.execute(f"SELECT hash, text FROM texts WHERE hash IN ({', '.join('?' * len(some))})", some))
    return known


def _value(column: ViewColumn, value: Any, texts: Mapping[int, str]) -> Any:
    if column.kind == "boolean":
        return bool(value)
    return [texts.get(one, "?") for one in hashes_of(value)] if column.kind == "json" else value


def _rows(view: ViewSchema, found: list[tuple[Any, ...]], clock_us: int | None, texts: Mapping[int, str]) -> list[dict[str, Any]]:
    """Rows as dictionaries; most views have thousands, so what is the same for all of them is found out once."""
    names = [column.name for column in view.columns]
    unlike = [(place, column) for place, column in enumerate(view.columns) if column.kind in ("boolean", "json")]
    final_us = _NEVER_US if clock_us is None else clock_us - view.lateness_us
    shown: list[dict[str, Any]] = []
    for start, end, _, *values in found:
        for place, column in unlike:
            values[place] = _value(column, values[place], texts)
        if view.window == "none":
            shown.append({"updated": iso(end), **dict(zip(names, values, strict=True))})
        else:
            row = {"window_start": iso(start), "window_end": iso(end), **dict(zip(names, values, strict=True))}
            row["final"] = end <= final_us
            shown.append(row)
    return shown
